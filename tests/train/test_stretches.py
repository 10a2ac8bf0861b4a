"""Large arrays go to an accelerator in stretches: the run is the one over arrays that were copied as a whole."""

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.train._loop._stretches import Stretches, stretch_for

RNG = np.random.default_rng(0)
X = RNG.normal(size=(44, 3)).astype("float32")
Y = RNG.normal(size=(44, 1)).astype("float32")


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dropout(0.3), fk.nn.Dense(1)]).compile("adam", "mse")


@pytest.fixture(scope="module")
def state(trainer):
    return trainer.init(0)


def same(a, b):
    return all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))


RUNS = {
    "shuffled": {"epochs": 3},
    "as it is": {"epochs": 2, "shuffle": False},
    "cut from passes": {"epochs": 4, "steps_per_epoch": 4},
    "whole batches": {"epochs": 2, "batch_size": 11},
}


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("name", RUNS)
def test_the_run_is_the_same_to_the_bit(trainer, state, monkeypatch, name, size):
    options = {"batch_size": 8, "verbose": 0, **RUNS[name]}
    wanted, history = trainer.fit(state, X, Y, **options)
    monkeypatch.setattr("fkeras.train._loop._drivers.stretch_for", lambda source: size)
    found, other = trainer.fit(state, X, Y, **options)
    assert same(found, wanted)
    assert history.history == other.history


def test_a_run_that_goes_on_within_an_epoch_is_the_same(trainer, state, monkeypatch, tmp_path):
    monkeypatch.setattr("fkeras.train._loop._drivers.stretch_for", lambda source: 100)
    whole, _ = trainer.fit(state, X, Y, batch_size=8, epochs=3, verbose=0)
    options = {"batch_size": 8, "verbose": 0, "checkpoint": tmp_path / "run"}
    trainer.fit(state, X, Y, epochs=3, max_steps=4, **options)
    found, _ = trainer.fit(state, X, Y, epochs=3, **options)
    assert same(found.params, whole.params)


def test_rows_are_there_when_they_are_asked_for(trainer):
    order = RNG.permutation(44)
    stretches = Stretches(trainer, (X, Y, None), order, 16, 10 * X[0].nbytes)
    first = np.asarray(stretches.until(20)[0])
    np.testing.assert_array_equal(first[16:20], X[order[16:20]])
    assert not first[:16].any()  # of a pass that begins later
    assert not first[-4:].any()
    whole = np.asarray(stretches.whole()[0])
    np.testing.assert_array_equal(whole, X[order])
    later = RNG.permutation(44)
    np.testing.assert_array_equal(whole[stretches.places(later)], X[later])


def test_where_arrays_go_as_a_whole(trainer, state):
    from fkeras.train._batches._arrays import array_data
    from fkeras.train._batches._sources import Arrays

    assert stretch_for(Arrays(array_data(X, Y, None, 8))) == 0  # small, and on a CPU


def test_on_several_devices(trainer, state, monkeypatch):
    spread = trainer.distribute(layout="fsdp")
    wanted, _ = spread.fit(state, X[:40], Y[:40], batch_size=8, epochs=2, verbose=0)
    monkeypatch.setattr("fkeras.train._loop._drivers.stretch_for", lambda source: 100)
    found, _ = spread.fit(state, X[:40], Y[:40], batch_size=8, epochs=2, verbose=0)
    assert same(found.params, wanted.params)
