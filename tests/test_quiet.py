"""A newcomer's first lines raise no warning, neither ours nor of what we call; each warning is an error here."""

import warnings

import jax
import numpy as np
import pytest

import fkeras as fk


@pytest.fixture(autouse=True)
def errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_lists_and_numpy_as_they_come():
    model = fk.Sequential([fk.nn.Dense(4, activation="relu"), fk.nn.Dropout(0.1), fk.nn.Dense(1)])
    trainer = model.compile("adam", "mse", metrics=["mae"])
    state = trainer.init(0, [[1.0, 2.0, 3.0]])
    stop = fk.callbacks.EarlyStopping("loss")
    state, history = trainer.fit(state, [[1.0, 2.0, 3.0]] * 8, [[1.0]] * 8, verbose=0, callbacks=[stop])
    assert set(history.history) == {"loss", "mae"}
    assert trainer.predict(state, [[1, 2, 3]], verbose=0).shape == (1, 1)
    assert trainer.evaluate(state, np.ones((8, 3)), np.ones(8), verbose=0).keys() == {"loss", "mae"}


def test_64_bit_numbers_as_numpy_makes_them(tmp_path):
    model = fk.Sequential(
        [fk.Input((5,), dtype="int64"), fk.nn.Embedding(10, 4), fk.nn.LSTM(4), fk.nn.Dense(2, "softmax")]
    )
    trainer = model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 10, (10, 5)), rng.integers(0, 2, 10)
    state, _ = trainer.fit(trainer.init(0), x, y, validation_split=0.2, verbose=0)
    trainer.save(tmp_path / "run", state)
    trainer.save(tmp_path / "run.keras", state)
    for name in ("run", "run.keras"):
        again, loaded = fk.load_trainer(tmp_path / name)
        np.testing.assert_array_equal(again.predict(loaded, x, verbose=0), trainer.predict(state, x, verbose=0))
    assert fk.Input((5,), dtype="int64").dtype == "int64"  # what Keras says of it
    assert model.apply(state.variables, x).dtype == jax.numpy.float32


def test_ops_of_lists():
    assert fk.ops.shape([[1.0, 2.0]]) == (1, 2)
    assert (fk.ops.ndim([[1.0]]), fk.ops.size([1.0, 2.0])) == (2, 2)
    metric = fk.metrics.Accuracy()
    assert metric.compute(metric.update(metric.empty(), [1, 2], [1, 3])) == 0.5
    assert fk.losses.MeanSquaredError()([[1.0]], [[3.0]]) == 4
