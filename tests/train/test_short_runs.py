"""Runs that look at little: a dry run, a few batches, part of the validation, a limit of time."""

import datetime
import itertools

import jax
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X @ [[1.0], [2.0], [-1.0]]).astype("float32")


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile(fk.optimizers.SGD(0.01), "mse")


@pytest.fixture(scope="module")
def state(trainer):
    return trainer.init(0)


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


class Rows(fk.callbacks.Callback):
    """Counts what hooks are called."""

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, event):
        self.seen.append("batch")

    def on_test_batch_end(self, event):
        self.seen.append("test")

    def on_epoch_end(self, event):
        self.seen.append("epoch")

    def on_train_end(self, event):
        self.seen.append("end")


# ------------------------------------------------------------------ a dry run
@pytest.mark.parametrize(("given", "steps"), [(True, 1), (2, 2)])
def test_a_dry_run_calls_every_hook_and_writes_nothing(trainer, state, tmp_path, capsys, given, steps):
    rows = Rows()
    calls = [rows, fk.callbacks.ModelCheckpoint(tmp_path / "m.keras"), fk.callbacks.CSVLogger(tmp_path / "log.csv")]
    after, history = trainer.fit(
        state, X, Y, batch_size=8, epochs=9, validation_data=(X, Y), callbacks=calls, checkpoint=tmp_path / "run",
        fast_dev_run=given, verbose=0,
    )  # fmt: skip
    assert int(after.step) - int(state.step) == steps
    assert rows.seen == ["batch"] * steps + ["test"] * steps + ["epoch", "end"]
    assert list(history.history) == ["loss", "val_loss"]
    assert not list(tmp_path.iterdir())
    said = capsys.readouterr().out
    assert f"A dry run: {steps} step" in said
    assert "without ModelCheckpoint, CSVLogger, checkpoint=, which would write files." in said


def test_a_dry_run_is_the_beginning_of_the_run(trainer, state):
    dry, _ = trainer.fit(state, X, Y, batch_size=8, epochs=3, fast_dev_run=2, verbose=0)
    same(dry.params, trainer.fit(state, X, Y, batch_size=8, epochs=3, max_steps=2, verbose=0)[0].params)


def test_a_dry_run_of_a_stream_draws_no_further_batch(trainer, state):
    drawn = []

    def batches():
        for place in itertools.count():
            drawn.append(place)
            yield X[:8], Y[:8]

    trainer.fit(state, batches(), steps_per_epoch=5, epochs=4, fast_dev_run=True, verbose=0)
    assert drawn == [0]


# ------------------------------------------------------------------ a few batches
def test_the_same_few_batches_come_in_each_epoch(trainer, state):
    got, history = trainer.fit(state, X, Y, batch_size=8, epochs=3, overfit_batches=2, verbose=0)
    same(got.params, trainer.fit(state, X[:16], Y[:16], batch_size=8, epochs=3, shuffle=False, verbose=0)[0].params)
    assert len(history.history["loss"]) == 3
    part, _ = trainer.fit(state, X, Y, batch_size=8, epochs=3, overfit_batches=0.4, verbose=0)
    same(got.params, part.params)


class Batches:
    """A data set by index."""

    def __len__(self):
        return 5

    def __getitem__(self, place):
        return X[8 * place : 8 * place + 8], Y[8 * place : 8 * place + 8]


LISTED = [Batches()[place] for place in range(5)]


@pytest.mark.parametrize("data", [Batches(), LISTED, iter(LISTED), lambda: iter(LISTED)])
def test_of_what_yields_batches_the_first_are_kept(trainer, state, data):
    got, _ = trainer.fit(state, data, epochs=3, overfit_batches=2, verbose=0)
    same(got.params, trainer.fit(state, X, Y, batch_size=8, epochs=3, overfit_batches=2, verbose=0)[0].params)


def test_a_run_on_a_few_batches_goes_on_and_is_replayed(trainer, state, tmp_path):
    arguments = {"batch_size": 8, "overfit_batches": 2, "verbose": 0}
    whole, _ = trainer.fit(state, X, Y, epochs=4, **arguments)
    trainer.fit(state, X, Y, epochs=4, max_steps=5, checkpoint=tmp_path / "run", **arguments)
    again, _ = trainer.fit(state, X, Y, epochs=4, checkpoint=tmp_path / "run", **arguments)
    same(whole.params, again.params)
    middle, _ = trainer.fit(state, X, Y, epochs=4, max_steps=3, **arguments)
    same(middle.params, fk.open_run(tmp_path / "run", X, Y, state=state).at(3).params)


# ------------------------------------------------------------------ part of the validation
@pytest.mark.parametrize(("arguments", "tested"), [
    ({"limit_val_batches": 2}, 2), ({"limit_val_batches": 0.6}, 3), ({"limit_val_batches": 99}, 5),
    ({"limit_val_batches": 0}, 0), ({"overfit_batches": 1}, 1), ({}, 5),
])  # fmt: skip
def test_a_validation_has_so_many_batches(trainer, state, arguments, tested):
    rows = Rows()
    trainer.fit(state, X, Y, batch_size=8, validation_data=(X, Y), callbacks=[rows], verbose=0, **arguments)
    assert rows.seen.count("test") == tested


# ------------------------------------------------------------------ time
class Slow(fk.callbacks.Callback):
    """Lets the clock go on by a minute after each batch."""

    def __init__(self, clock):
        self.clock = clock

    def on_train_batch_end(self, event):
        self.clock[0] += 60


@pytest.mark.parametrize("given", ["00:03:00", {"minutes": 3}, datetime.timedelta(minutes=3), 180, 179.5])
def test_a_run_ends_when_its_time_is_up(trainer, state, monkeypatch, capsys, given):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    got, history = trainer.fit(state, X, Y, batch_size=8, epochs=9, callbacks=[Slow(clock)], max_time=given, verbose=0)
    assert int(got.step) == 3
    assert "max_time: " in capsys.readouterr().err
    same(got.params, trainer.fit(state, X, Y, batch_size=8, epochs=9, max_steps=3, verbose=0)[0].params)
    assert len(history.history["loss"]) == 1


def test_and_goes_on_from_there(trainer, state, monkeypatch, tmp_path, capsys):
    whole, told = trainer.fit(state, X, Y, batch_size=8, epochs=2, verbose=0)
    clock, histories = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    for _ in range(4):
        got, history = trainer.fit(
            state, X, Y, batch_size=8, epochs=2, callbacks=[Slow(clock)], max_time="0:03:00", verbose=0,
            checkpoint=tmp_path / "run",
        )  # fmt: skip
        histories.append(int(got.step))
    assert histories == [3, 6, 9, 10]
    same(whole.params, got.params)
    np.testing.assert_allclose(history.history["loss"], told.history["loss"], rtol=1e-6)  # sums are cut elsewhere
    assert "the same call goes on from there" in capsys.readouterr().err


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(("arguments", "said"), [
    ({"fast_dev_run": -1}, "fast_dev_run is True, or a number of steps"),
    ({"fast_dev_run": 0.5}, "overfit_batches and limit_val_batches take one"),
    ({"overfit_batches": True}, "overfit_batches is a number of batches, or a fraction"),
    ({"overfit_batches": 1.5}, "a float above 1: a float is a fraction"),
    ({"overfit_batches": 2, "steps_per_epoch": 3}, "both say how many steps an epoch has"),
    ({"limit_val_batches": 2}, "there is nothing to validate on"),
    ({"limit_val_batches": 2, "validation_steps": 2, "validation_data": (X, Y)}, "both say how many batches"),
    ({"max_time": "3:00"}, "clock times have hours, minutes and seconds"),
    ({"max_time": 0}, "max_time is how long the run may take"),
    ({"max_time": {"minuts": 3}}, r"Write:    max_time=\"00:30:00\""),
])  # fmt: skip
def test_errors_say_what_to_write(trainer, state, arguments, said):
    with pytest.raises(ValueError, match=said):
        trainer.fit(state, X, Y, batch_size=8, verbose=0, **arguments)


def test_a_fraction_of_nobody_knows_how_many(trainer, state):
    with pytest.raises(ValueError, match="overfit_batches is a fraction of nobody knows how many batches"):
        trainer.fit(state, iter([(X, Y)]), overfit_batches=0.5, verbose=0)
