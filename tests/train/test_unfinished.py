"""A run is never lost: exceptions carry its state, Ctrl-C finds it whole, data that run out end it in good order."""

import dataclasses
import os
import signal
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
Y = X[:, :1] * 2
FIT = {"batch_size": 8, "epochs": 5, "verbose": 0}


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    """Takes no attribute and no note."""

    code: int = 1


class Hook(fk.callbacks.Callback):
    """Does something at the moment of a hook, once, after so many steps."""

    def __init__(self, name, step, act):
        def hook(event):
            if int(event.state.step) >= step and self.waits:
                self.waits = False
                act()

        self.waits = True
        setattr(self, name, hook)


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse")


def batches(count=1000, at=None, act=lambda: None):
    for i in range(count):
        if i == at:
            act()
        yield X[:8] + i, Y[:8]


def throw(error):
    def act():
        raise error

    return act


def check_usable(trainer, state, step):
    """A whole state of that step, which the next step takes."""
    assert int(state.step) == step
    after, _ = trainer.train_step(state, (X[:8], Y[:8]))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.params))


# ------------------------------------------------------------------ exceptions
CAUGHT = {
    "a callback at an epoch's end": (RuntimeError("full"), 12, 2, lambda e: {"callbacks": Hook("on_epoch_end", 12, e)}),
    "a callback after a batch": (KeyError("x"), 6, 1, lambda e: {"callbacks": Hook("on_train_batch_end", 6, e)}),
    "a frozen error": (FrozenError(), 5, 1, lambda e: {"callbacks": Hook("on_train_batch_begin", 5, e)}),
    "an iteration that stops": (StopIteration(), 4, 0, lambda e: {"callbacks": Hook("on_epoch_end", 4, e)}),
    "an end of the process": (SystemExit(3), 8, 1, lambda e: {"callbacks": Hook("on_epoch_end", 8, e)}),
    "the data": (OSError("gone"), 6, 1, lambda e: {"x": batches(at=6, act=e), "y": None, "steps_per_epoch": 4}),
    "data that are checked": (
        OSError("gone"), 6, 1,
        lambda e: {"x": batches(at=6, act=e), "y": None, "steps_per_epoch": 4, "check_nans": True},
    ),
    "the validation": (OSError("gone"), 4, 0, lambda e: {"validation_data": batches(at=1, act=e)}),
}  # fmt: skip


@pytest.mark.parametrize("what", CAUGHT)
def test_an_exception_carries_the_run(trainer, what):
    error, step, epochs, options = CAUGHT[what]
    start = trainer.init(0)
    options = {"x": X, "y": Y, **FIT, **options(throw(error))}
    if options["y"] is None:
        del options["batch_size"]
    with pytest.raises(type(error)) as caught:
        trainer.fit(start, **options)
    assert caught.value is error
    state, history = error.fkeras_run
    assert history.epoch == list(range(epochs))
    check_usable(trainer, state, step)
    (note,) = error.__notes__
    assert f"(step {step}); go on with trainer.fit(state, ..., initial_epoch={step // 4})" in note
    assert "\n" not in note
    check_usable(trainer, start, 0)


def test_an_error_before_the_first_step_says_nothing_of_a_run(trainer):
    with pytest.raises(ValueError, match=r"yielded no batch in epoch 1") as caught:
        trainer.fit(trainer.init(0), iter(()), verbose=0)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("source", ["arrays", "a generator", "checked"])
def test_a_step_that_raises_on_the_device_leaves_the_state_before_it(source):
    def look(step):
        if step == 10:
            raise OSError("from within")
        return np.float32(1)

    class Looks(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            loss, extras = super().compute_loss(params, state, batch, rng)
            one = jax.pure_callback(look, jax.ShapeDtypeStruct((), jnp.float32), state.step)
            return loss * jax.lax.stop_gradient(one), extras

    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse", trainer_class=Looks)
    stream = {"x": batches(), "steps_per_epoch": 4, "epochs": 5, "verbose": 0, "check_nans": source == "checked"}
    with pytest.raises(Exception, match="from within") as caught:
        trainer.fit(trainer.init(0), **({"x": X, "y": Y, **FIT} if source == "arrays" else stream))
    state, history = caught.value.fkeras_run
    assert 8 <= int(state.step) <= 10
    assert history.epoch == [0, 1]
    assert np.abs(np.asarray(state.params["dense"]["kernel"])).max() > 0


# ------------------------------------------------------------------ data that run out
@pytest.mark.parametrize(("count", "epochs", "steps"), [(4, [0], 4), (6, [0, 1], 6), (3, [0], 3)])
def test_data_that_run_out_end_the_run(trainer, count, epochs, steps):
    validation = (X, Y)
    with pytest.warns(UserWarning, match=r"The data ran out[\s\S]*steps_per_epoch \* epochs"):
        state, history = trainer.fit(
            trainer.init(0), batches(count), steps_per_epoch=4, epochs=4, verbose=0, validation_data=validation
        )
    assert history.epoch == epochs
    assert len(history.history["val_loss"]) == len(epochs)
    check_usable(trainer, state, steps)


# ------------------------------------------------------------------ Ctrl-C
@pytest.fixture
def sigint():
    """What Ctrl-C does; a shell starts background jobs with SIGINT ignored, and Python then leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press(times):
        def act():
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)

        return act

    yield press
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


PRESSED = {
    "a generator": lambda act: {"x": batches(at=5, act=act), "steps_per_epoch": 8},
    "checked": lambda act: {"x": batches(at=5, act=act), "steps_per_epoch": 8, "check_nans": True},
    "callbacks by batch": lambda act: {
        "x": batches(at=5, act=act), "steps_per_epoch": 8, "callbacks": Hook("on_train_batch_end", 99, act)
    },
    "a callback": lambda act: {"x": X, "y": Y, "batch_size": 8, "callbacks": Hook("on_epoch_end", 8, act)},
}  # fmt: skip


@pytest.mark.parametrize("where", PRESSED)
def test_ctrl_c_is_answered_with_a_line_and_the_second_raises(trainer, where, sigint, capsys):
    options = {"epochs": 3, "verbose": 0}
    state, history = trainer.fit(trainer.init(0), **PRESSED[where](sigint(1)), **options)
    assert history.interrupted
    check_usable(trainer, state, 8 if where == "a callback" else 6)
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"Interrupted by Ctrl-C: fit returns the state after step {int(state.step)}")
    assert "\n" not in said
    for times, more in ((2, {}), (1, {"on_interrupt": "raise"})):
        with pytest.raises(KeyboardInterrupt) as caught:
            trainer.fit(trainer.init(0), **PRESSED[where](sigint(times)), **options, **more)
        state, history = caught.value.fkeras_run
        check_usable(trainer, state, 8 if where == "a callback" else 7 - times)
    assert capsys.readouterr().err == ""


def test_ctrl_c_ends_a_validation_at_once(trainer, sigint):
    drawn = []

    def slow():
        for i in range(50):
            drawn.append(i)
            if i == 2:
                sigint(1)()
            yield X, Y

    state, history = trainer.fit(trainer.init(0), X, Y, **FIT, validation_data=slow)
    assert drawn == [0, 1, 2]
    assert history.interrupted
    check_usable(trainer, state, 4)


def test_what_ctrl_c_does_is_one_of_two_words(trainer):
    with pytest.raises(ValueError, match=r"`on_interrupt` is 'return' or 'raise'[\s\S]*Did you mean 'raise'"):
        trainer.fit(trainer.init(0), X, Y, on_interrupt="raises")
