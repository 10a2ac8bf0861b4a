"""The learning rate that learns most, and the batch that fits."""

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.train._finders import _batch_size

R = np.random.default_rng(0)
X = R.normal(size=(256, 6)).astype("float32")
LINEAR = (X @ R.normal(size=(6, 1)) + 0.01 * R.normal(size=(256, 1))).astype("float32")
CLASSES = (np.sin(2 * X[:, 0]) + X[:, 1] > 0).astype("int32")
RATES = np.geomspace(1e-4, 10, 16)  # three in each power of ten


def linear(optimizer):
    return fk.Sequential([fk.Input((6,)), fk.nn.Dense(1)]).compile(optimizer, "mse"), LINEAR


def classes(optimizer):
    model = fk.Sequential([fk.Input((6,)), fk.nn.Dense(16, activation="relu"), fk.nn.Dense(2)])
    return model.compile(optimizer, fk.losses.SparseCategoricalCrossentropy(from_logits=True)), CLASSES


# ------------------------------------------------------------------ the learning rate
@pytest.mark.sweep(2)
@pytest.mark.parametrize(("problem", "optimizer"), [
    (linear, fk.optimizers.SGD(0.01)), (classes, fk.optimizers.SGD(0.1, 0.9)), (classes, fk.optimizers.Adam(1e-3)),
])  # fmt: skip
def test_it_is_near_the_best_of_a_sweep(problem, optimizer):
    trainer, y = problem(optimizer)
    state = trainer.init(0)
    found = trainer.find_learning_rate(state, X, y, batch_size=16, steps=80)
    _, swept = trainer.fit_many(
        X, y, seeds=[0], over={"learning_rate": [float(r) for r in RATES]}, batch_size=16, epochs=5, verbose=0
    )
    losses = np.array([member.history["loss"][-1] for member in swept])
    best = RATES[np.nanargmin(losses)]
    assert best / 3.2 < found.best < 3.2 * best  # a factor of three, and the rounding of the grid's powers


def test_each_rate_has_the_run_that_fit_would_have():
    trainer, y = linear(fk.optimizers.SGD(0.01))
    state = trainer.init(0)
    found = trainer.find_learning_rate(state, X, y, batch_size=64, rates=[0.01, 0.1], steps=4)
    for rate, loss in zip(found.rates, found.losses, strict=True):
        at = linear(fk.optimizers.SGD(rate))[0]
        _, whole = at.fit(at.init(0), X, y, batch_size=64, verbose=0)
        _, before = at.fit(at.init(0), X, y, batch_size=64, max_steps=3, verbose=0)
        fourth = 4 * whole.history["loss"][0] - 3 * before.history["loss"][0]
        np.testing.assert_allclose(loss, fourth, rtol=1e-4)  # differences of means in float32
    jax.tree.map(np.testing.assert_array_equal, state.params, trainer.init(0).params)


def test_batches_are_drawn_from_what_yields_them():
    trainer, y = linear("sgd")
    batches = [(X[i : i + 32], y[i : i + 32]) for i in range(0, 256, 32)]
    found = trainer.find_learning_rate(trainer.init(0), iter(batches), rates=[1e-3, 0.1], steps=8)
    assert found.best == 0.1


def test_the_curve_is_shown():
    found = fk.train.LearningRates(np.array([0.01, 0.1, 1.0, 10.0]), np.array([0.5, 0.1, 7.0, np.inf]), 100)
    svg = found._repr_html_()
    assert svg.count("<polyline") == 1
    assert "nan" not in svg
    assert all(f">1e{power}<" in svg for power in (-2, -1, 0, 1))
    assert "best: 0.1" in svg


def test_errors_say_what_to_write():
    trainer, y = linear("sgd")
    state = trainer.init(0)
    with pytest.raises(ValueError, match=r"rates are at least two positive numbers, from low to high[\s\S]*geomspace"):
        trainer.find_learning_rate(state, X, y, rates=[0.1, 0.01])
    with pytest.raises(ValueError, match=r"At no rate did the loss stay finite[\s\S]*check_nans=True"):
        trainer.find_learning_rate(state, X * np.inf, y, steps=2, rates=[0.1, 1.0])
    scheduled, _ = linear(fk.optimizers.SGD(fk.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)))
    with pytest.raises(TypeError, match="'learning_rate' of this optimizer belongs to a schedule"):
        scheduled.find_learning_rate(scheduled.init(0), X, y, steps=2)


# ------------------------------------------------------------------ the batch size
def wide():
    return fk.Sequential([fk.Input((6,)), fk.nn.Dense(4096, activation="relu"), fk.nn.Dense(1)]).compile("sgd", "mse")


def test_the_batch_fits_what_it_is_given_and_a_larger_one_does_not():
    trainer = wide()
    state = trainer.init(0)
    size = trainer.find_batch_size(state, X, LINEAR, memory="20MB", multiple_of=8)
    assert size % 8 == 0
    assert trainer.preflight(X, LINEAR, batch_size=size).total_bytes <= 20e6
    assert trainer.preflight(X, LINEAR, batch_size=size + 16).total_bytes > 20e6
    assert trainer.find_batch_size(state, X, LINEAR, memory="20MB", largest=32) == 32
    drawn = iter([(X[:4], LINEAR[:4])] * 3)
    assert trainer.find_batch_size(state, drawn, memory="20MB", multiple_of=8) == size  # of its first batch
    assert len(list(drawn)) == 2


def test_without_a_limit_it_is_what_the_machine_has_free(monkeypatch):
    monkeypatch.setattr(_batch_size, "_memory", lambda: 10_000_000)
    assert 50 < wide().find_batch_size(wide().init(0), X, LINEAR) < 1000
    monkeypatch.undo()
    assert 2**20 < _batch_size._memory() < 2**45


def test_a_device_that_has_less_room_than_it_says(monkeypatch):
    trainer, asked = wide(), []

    def make_step(trainer, state, batch):
        asked.append(len(batch[0]))
        if len(batch[0]) > 200:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(_batch_size, "on_cpu", lambda: False)
    monkeypatch.setattr(_batch_size, "_make_step", make_step)
    size = trainer.find_batch_size(trainer.init(0), X, LINEAR, memory="20MB", largest=300)
    assert asked == [300, 240, 192]
    assert size == 192


def test_what_does_not_fit_at_all():
    with pytest.raises(ValueError, match=r"Not even a batch of one row fits[\s\S]*trainer.preflight"):
        wide().find_batch_size(wide().init(0), X, LINEAR, memory="50kB")
