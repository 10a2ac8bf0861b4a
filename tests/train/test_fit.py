"""What `fit` does beside Keras's arguments: steps, the numbers of a step, compilations, float16, where steps run."""

import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk
from fkeras.train._loop import _stacked

RNG = np.random.default_rng(0)
X = RNG.normal(size=(26, 4)).astype("float32")
Y = (X @ RNG.normal(size=(4, 1))).astype("float32")


def dense(**kwargs):
    """One layer: each weight more has the optimizer's kernels of its own in each program of a step."""
    return fk.Sequential([fk.Input((4,)), fk.nn.Dense(1, **kwargs)])


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def generator():
    while True:
        yield X[:8], Y[:8]


# ------------------------------------------------------------------ steps
def test_max_steps_ends_within_an_epoch():
    trainer = dense().compile("adam", "mse")
    state, history = trainer.fit(trainer.init(0), X, Y, batch_size=8, max_steps=10, verbose=0)
    assert int(state.step) == 10
    assert history.epoch == [0, 1, 2]  # four steps, four, and two
    short, _ = trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=2, max_steps=10, verbose=0)
    assert int(short.step) == 8  # epochs end it first
    streamed, _ = trainer.fit(trainer.init(0), generator(), max_steps=7, validate_every=3, verbose=0)
    assert int(streamed.step) == 7


def test_validate_every_counts_steps():
    trainer = dense().compile("adam", "mse")
    arguments = {"batch_size": 8, "max_steps": 9, "validate_every": 3, "validation_data": (X, Y), "verbose": 0}
    state, history = trainer.fit(trainer.init(0), X, Y, **arguments)
    assert int(state.step) == 9
    assert len(history.history["val_loss"]) == 3
    np.testing.assert_allclose(history.history["val_loss"][-1], trainer.evaluate(state, X, Y)["loss"], rtol=1e-6)


@pytest.mark.parametrize("name", ["max_steps", "validate_every", "steps_per_epoch"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_numbers_of_steps_are_checked(name, value):
    trainer = dense().compile("adam", "mse")
    with pytest.raises(ValueError, match=rf"{name} must be a positive number of steps.[\s\S]*{value}"):
        trainer.fit(trainer.init(0), X, Y, **{name: value})


def test_an_epoch_has_one_length():
    trainer = dense().compile("adam", "mse")
    with pytest.raises(ValueError, match=r"validate_every and steps_per_epoch both say"):
        trainer.fit(trainer.init(0), X, Y, validate_every=2, steps_per_epoch=3)


# ------------------------------------------------------------------ accumulation
@pytest.mark.sweep(2, 1)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
def test_uneven_batches_accumulate_to_the_step_of_one_large_batch(reduction):
    weight = RNG.uniform(0.5, 2, 26).astype("float32") if reduction == "mean_with_sample_weight" else None
    loss = fk.losses.MeanSquaredError(reduction=reduction)
    whole = dense().compile(fk.optimizers.SGD(0.1, momentum=0.9), loss)
    parts = dense().compile(fk.optimizers.accumulate(fk.optimizers.SGD(0.1, momentum=0.9), 4), loss)
    start = whole.init(0)
    wanted, _ = whole.fit(start, X, Y, batch_size=26, epochs=3, verbose=0, sample_weight=weight)
    got, _ = parts.fit(
        parts.init(0, variables=start.variables), X, Y, batch_size=8, epochs=3, verbose=0, sample_weight=weight
    )  # batches of 8, 8, 8 and 2
    for a, b in zip(jax.tree.leaves(got.params), jax.tree.leaves(wanted.params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)  # float32 sums in another order


def test_accumulation_is_saved_checked_and_wraps_any_optimizer(tmp_path):
    optimizer = fk.optimizers.accumulate(fk.optimizers.Adam(0.01), 3)
    trainer = dense().compile(optimizer, "mse")
    state, _ = trainer.fit(trainer.init(0), X, Y, batch_size=8, verbose=0)  # four batches: a move, and one waiting
    trainer.save(tmp_path / "run", state)
    again, restored = fk.load_trainer(tmp_path / "run")
    assert again.optimizer == optimizer
    assert equal(restored.opt_state, state.opt_state)
    assert float(state.opt_state.weight) == 2  # a short batch waits for the next ones
    moving = trainer.set_learning_rate(state, 0.5)
    assert float(trainer.get_learning_rate(moving)) == 0.5
    scaled = dense().compile(fk.optimizers.LossScaleOptimizer(optimizer), "mse")
    scaled.fit(scaled.init(0), X[:24], Y[:24], batch_size=8, verbose=0)
    plain = dense().compile(fk.optimizers.accumulate(optax.adamw(0.01), 2), "mse")
    plain.fit(plain.init(0), X[:24], Y[:24], batch_size=8, verbose=0)
    with pytest.raises(ValueError, match=r"accumulate wraps an optimizer"):
        fk.optimizers.accumulate("adam", 2)
    with pytest.raises(ValueError, match=r"at least 2"):
        fk.optimizers.accumulate(optax.sgd(0.1), 1)
    with pytest.raises(ValueError, match=r"scales the loss[\s\S]*LossScaleOptimizer\(accumulate"):
        fk.optimizers.accumulate(fk.optimizers.LossScaleOptimizer(fk.optimizers.SGD(0.1)), 2)
    asking = dense().compile(fk.optimizers.accumulate(optax.polyak_sgd(), 2), "mse")
    with pytest.raises(TypeError, match=r"could not be called[\s\S]*'value'[\s\S]*asks for the loss"):
        asking.fit(asking.init(0), X, Y, batch_size=8, verbose=0)


# ------------------------------------------------------------------ the numbers of a step
def test_many_steps_in_a_dispatch_show_the_numbers_of_the_last():
    trainer = dense().compile("adam", "mse", log=["grad_norm", "update_norm", "param_norm", "learning_rate"])
    state = trainer.init(0)
    seen = []
    watch = fk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(float(logs["grad_norm"])))
    after, history = trainer.fit(state, X, Y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    singly, _ = trainer.fit(state, X, Y, batch_size=4, epochs=2, verbose=0, shuffle=False, callbacks=[watch])
    assert equal(after, singly)
    assert len(set(seen)) == len(seen) == 14
    for epoch in range(2):
        for start in range(0, len(X), 4):
            state, logs = trainer.train_step(state, (X[start : start + 4], Y[start : start + 4]))
        for name in trainer.log:
            # another program, so XLA may fuse a multiply with an add where the loop does not
            np.testing.assert_allclose(history.history[name][epoch], logs[name], rtol=1e-5)
        np.testing.assert_allclose(seen[7 * epoch + 6], logs["grad_norm"], rtol=1e-5)


def test_log_shows_the_numbers_of_the_last_step():
    trainer = dense().compile(fk.optimizers.SGD(0.1), "mse", log=["grad_norm", "update_norm", "param_norm",
                                                                  "learning_rate"])  # fmt: skip
    state = trainer.init(0)

    def loss(params):
        return jnp.mean((trainer.model.apply({"params": params}, X[:8]) - Y[:8]) ** 2)

    grads = jax.grad(loss)(state.params)
    after, history = trainer.fit(state, X[:8], Y[:8], batch_size=8, verbose=0, shuffle=False)
    logs = history.history
    # float32 sums in another order
    np.testing.assert_allclose(logs["grad_norm"], [optax.tree.norm(grads)], rtol=1e-5)
    np.testing.assert_allclose(logs["update_norm"], [0.1 * optax.tree.norm(grads)], rtol=1e-5)
    np.testing.assert_allclose(logs["param_norm"], [optax.tree.norm(after.params)], rtol=1e-5)
    np.testing.assert_allclose(logs["learning_rate"], [0.1], rtol=1e-6)
    with pytest.raises(ValueError, match=r"unknown number 'grad_nrom'[\s\S]*grad_norm"):
        dense().compile("sgd", "mse", log=["grad_nrom"])
    trainer = dense().compile(optax.sgd(optax.constant_schedule(0.1)), "mse", log=["learning_rate"])
    with pytest.raises(ValueError, match=r"keeps no learning rate in its state[\s\S]*or the schedule"):
        trainer.init(0)


# ------------------------------------------------------------------ compilations
def test_another_batch_shape_is_an_error_where_one_compilation_is_allowed():
    trainer = dense().compile(fk.optimizers.Adam(0.0123), "mse")  # no equal trainer has compiled yet
    batches = [(X[:8], Y[:8]), (X[:6], Y[:6]), (X[:4], Y[:4])]
    with pytest.raises(RuntimeError, match=r"compiled 2 times[\s\S]*float32\(8, 4\), is float32\(6, 4\)"):
        trainer.fit(trainer.init(0), batches, max_compiles=1, verbose=0)
    trainer = dense().compile(fk.optimizers.Adam(0.0124), "mse")
    with pytest.warns(RuntimeWarning, match=r"compiled 3 times in this run[\s\S]*drop_remainder"):
        trainer.fit(trainer.init(0), batches, verbose=0)
    with warnings.catch_warnings():  # all shapes are known now
        warnings.simplefilter("error")
        trainer.fit(trainer.init(0), batches, max_compiles=1, verbose=0)


def test_epochs_of_any_length_and_pace_compile_the_step_once():
    traces = []

    class Counting(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            traces.append(batch)
            return super().compute_loss(params, state, batch, rng)

    trainer = dense().compile("adam", "mse", trainer_class=Counting)
    state, _ = trainer.fit(trainer.init(0), X[:24], Y[:24], batch_size=8, epochs=3, verbose=0)
    state, _ = trainer.fit(state, X[:24], Y[:24], batch_size=8, steps_per_epoch=2, epochs=4, verbose=0)
    trainer.fit(state, X[:24], Y[:24], batch_size=8, max_steps=5, verbose=0)
    assert len(traces) == 1


# ------------------------------------------------------------------ where the steps run
@pytest.mark.sweep(2)
@pytest.mark.parametrize("kwargs", [{}, {"shuffle": False}, {"steps_per_epoch": 3}, {"class_weight": {0: 2.0}}])
def test_steps_on_the_device_are_the_steps_made_one_by_one(kwargs):
    labels = (Y[:, 0] > 0).astype("int32")
    model = fk.Sequential([fk.Input((4,)), fk.nn.BatchNormalization(), fk.nn.Dropout(0.3), fk.nn.Dense(2)])
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = model.compile("adam", loss, metrics=["accuracy"])
    state = trainer.init(0)
    looped, one = trainer.fit(state, X, labels, batch_size=8, epochs=3, verbose=0, **kwargs)
    # A callback that looks at batches has every step dispatched on its own.
    seen = []
    watch = fk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    single, two = trainer.fit(state, X, labels, batch_size=8, epochs=3, verbose=0, callbacks=[watch], **kwargs)
    assert len(seen) == int(single.step) == int(looped.step)
    assert equal(looped, single)
    assert one.history == two.history


def test_batches_that_are_stacked_make_the_steps_they_make_alone():
    trainer = dense().compile("adam", "mse", metrics=["mae"])
    state = trainer.init(0)
    sizes = [4, 4, 4, 2, 4, 4, 2, 2, 4]  # alike ones are dispatched together, each size by a program of its own
    starts = np.cumsum([0, *sizes[:-1]]) % 20

    def batches(pause=0.0):
        for start, size in zip(starts, sizes, strict=True):
            time.sleep(pause)
            yield X[start : start + size], Y[start : start + size].astype("float64")

    def in_one_buffer():
        buffers = {size: (np.zeros((size, 4), "float32"), np.zeros((size, 1))) for size in set(sizes)}
        for x, y in batches():
            places = buffers[len(x)]
            places[0][:], places[1][:] = x, y
            yield places

    whole, one = trainer.fit(state, list(batches()), epochs=2, verbose=0)
    seen = []
    watch = fk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    singly, two = trainer.fit(state, list(batches()), epochs=2, verbose=0, callbacks=[watch])
    assert len(seen) == int(singly.step) == int(whole.step) == 18
    assert equal(whole, singly)
    assert one.history == two.history
    short, _ = trainer.fit(state, batches(), verbose=0)
    late, _ = trainer.fit(state, batches(0.006), verbose=0)  # none waits so long for another
    again, _ = trainer.fit(state, in_one_buffer(), verbose=0)
    assert equal(short, late)
    assert equal(short, again)
    by_hand = state
    for batch in batches():
        by_hand, _ = trainer.train_step(by_hand, batch)
    # another program, so XLA may fuse a multiply with an add where the loop does not
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), short.params, by_hand.params)


@pytest.mark.parametrize("what", ["convolutions", "large batches", "batches of unlike arrays"])
def test_what_is_not_stacked_is_dispatched_singly(what, monkeypatch):
    monkeypatch.setattr(_stacked, "many_steps", lambda trainer, donate: None)
    if what == "convolutions":
        model, x = (
            fk.Sequential([fk.Input((5, 5, 1)), fk.nn.Conv2D(2, 3), fk.nn.Flatten(), fk.nn.Dense(1)]),
            (8, 5, 5, 1),
        )
    else:
        model, x = dense(), (20_000 if what == "large batches" else 8, 4)
    batch = (np.ones(x, "float32"), np.ones((x[0], 1), "float32"))
    if what == "batches of unlike arrays":
        batch = (*batch, np.float32(2.0) * np.ones(()))  # one weight for all
    trainer = model.compile("sgd", "mse")
    state, _ = trainer.fit(trainer.init(0), [batch] * 3, verbose=0)
    by_hand = trainer.init(0)
    for _ in range(3):
        by_hand, _ = trainer.train_step(by_hand, batch)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), state.params, by_hand.params)


def test_convolutions_are_not_looped_on_the_cpu_and_train_the_same():
    x = RNG.normal(size=(12, 6, 6, 1)).astype("float32")
    y = (np.arange(12) % 2).astype("int32")
    model = fk.Sequential([fk.Input((6, 6, 1)), fk.nn.Conv2D(2, 3), fk.nn.Flatten(), fk.nn.Dense(2)])
    trainer = model.compile("sgd", fk.losses.SparseCategoricalCrossentropy(from_logits=True))
    start = trainer.init(0)
    state, _ = trainer.fit(start, x, y, batch_size=4, verbose=0, shuffle=False)
    by_hand = start
    for i in range(0, 12, 4):
        by_hand, _ = trainer.train_step(by_hand, (x[i : i + 4], y[i : i + 4]))
    assert equal(state.params, by_hand.params)


def test_the_state_that_came_in_is_untouched():
    trainer = dense().compile("adam", "mse")
    state = trainer.init(0)
    before = jax.tree.map(np.array, state.params)
    trainer.fit(state, X, Y, batch_size=8, epochs=2, verbose=0)
    trainer.fit(state, generator(), max_steps=3, verbose=0)
    assert equal(state.params, before)


# ------------------------------------------------------------------ float16
def test_a_float16_step_that_overflows_is_skipped_whole():
    half = {"dtype": "mixed_float16"}
    layers = [fk.nn.BatchNormalization(**half), fk.nn.Dense(1, **half)]
    model = fk.Sequential([fk.Input((4,)), *layers])
    trainer = model.compile(fk.optimizers.SGD(0.1), "mse")
    assert isinstance(trainer.optimizer, fk.optimizers.LossScaleOptimizer)
    state = trainer.init(0)
    scale = lambda s: float(optax.tree_utils.tree_get(s.opt_state, "dynamic_scale"))  # noqa: E731
    start = scale(state)
    bad, _ = trainer.train_step(state, (X[:8] * 1e6, Y[:8]))  # overflows float16
    assert equal(bad.params, state.params)
    assert equal(bad.model_state, state.model_state)
    assert scale(bad) == start / 2
    good = bad
    for _ in range(20):  # the scale falls until gradients fit
        good, _ = trainer.train_step(good, (X[:8], Y[:8]))
    assert not equal(good.params, state.params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(good.params))
    assert model.compile("sgd", "mse", auto_scale_loss=False).optimizer == fk.optimizers.get("sgd")


def test_float16_trains_as_float32_does():
    half, full = dense(dtype="mixed_float16").compile("sgd", "mse"), dense().compile("sgd", "mse")
    start = full.init(0)
    _, one = half.fit(half.init(0, variables=start.variables), X, Y, batch_size=8, epochs=20, verbose=0)
    _, two = full.fit(start, X, Y, batch_size=8, epochs=20, verbose=0)
    # float16 has 11 bits: each product is off by up to 5e-4 of itself, and the first steps may be skipped
    np.testing.assert_allclose(one.history["loss"][-1], two.history["loss"][-1], rtol=0.1)


@pytest.mark.parametrize(
    ("method", "given"),
    [("fit", "variables"), ("fit", "data"), ("fit", "params"), ("evaluate", "data"), ("evaluate", "params")],
)
def test_what_is_no_state_is_refused_in_words(method, given):
    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    state = trainer.init(0)
    wrong = {"variables": state.variables, "data": X, "params": state.params}[given]
    with pytest.raises(TypeError, match=rf"`{method}` takes the state of the run first(?s:.*)trainer.{method}\(state"):
        getattr(trainer, method)(wrong, X, Y)


@pytest.mark.parametrize("epochs", [-1, 1.5, True])
def test_epochs_is_a_count(epochs):
    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    with pytest.raises(ValueError, match="epochs is the number of the epoch to end at"):
        trainer.fit(trainer.init(0), X, Y, epochs=epochs, verbose=0)
