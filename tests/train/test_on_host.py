"""OnHost: scikit-learn's metrics of a whole set, once per evaluation."""

import numpy as np
import pytest
from sklearn import metrics as sk

import fkeras as fk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(26, 4)).astype("float32")
Y = (X[:, 0] + 0.5 * RNG.normal(size=26) > 0).astype("int32")
WEIGHT = RNG.uniform(0.2, 2, 26).astype("float32")


def f1(y_true, y_pred, sample_weight=None):
    return sk.f1_score(y_true, y_pred.argmax(-1), sample_weight=sample_weight)


@pytest.fixture(scope="module")
def trainer():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(2)])
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    on_host = fk.metrics.OnHost(f1)
    return model.compile("adam", loss, metrics=["accuracy", on_host], weighted_metrics=[fk.metrics.OnHost(f1, "wf1")])


@pytest.mark.parametrize("batch_size", [1, 7, 8, 26, 40])
def test_it_sees_the_whole_set(trainer, batch_size):
    state = trainer.init(0)
    logs = trainer.evaluate(state, X, Y, batch_size=batch_size, sample_weight=WEIGHT)
    y_pred = trainer.predict(state, X)
    assert logs.keys() == {"loss", "accuracy", "f1", "wf1"}
    # rows that two batch sizes compute may differ in the last bit, but their classes do not
    np.testing.assert_allclose(logs["f1"], f1(Y, y_pred), rtol=1e-12)
    np.testing.assert_allclose(logs["wf1"], f1(Y, y_pred, WEIGHT), rtol=1e-12)


def test_it_is_a_number_of_the_validation_and_not_of_training(trainer):
    state, history = trainer.fit(trainer.init(0), X, Y, validation_data=(X, Y), batch_size=8, epochs=2, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy", "val_f1", "val_wf1"}
    assert history.history["val_f1"][-1] == f1(Y, trainer.predict(state, X))
    batches = ((X[i : i + 5], Y[i : i + 5]) for i in range(0, 26, 5))
    assert trainer.evaluate(state, batches)["f1"] == history.history["val_f1"][-1]


def test_it_is_written_and_read(tmp_path, trainer):
    state = trainer.init(0)
    trainer.save(tmp_path / "run", state)
    again, restored = fk.load_trainer(tmp_path / "run", {"f1": f1})
    assert again.evaluate(restored, X, Y) == trainer.evaluate(state, X, Y)


def test_outputs_by_name():
    inputs = fk.Input((4,))
    model = fk.Model(inputs, {"a": fk.nn.Dense(2, name="a")(inputs), "b": fk.nn.Dense(1, name="b")(inputs)})
    worst = fk.metrics.OnHost(lambda y, p: np.abs(y - p).max(), name="worst")
    trainer = model.compile("sgd", {"a": "sparse_categorical_crossentropy", "b": "mse"}, metrics={"b": worst})
    state = trainer.init(0)
    logs = trainer.evaluate(state, X, {"a": Y, "b": X[:, :1]}, batch_size=8)
    wanted = np.abs(X[:, :1] - trainer.predict(state, X)["b"]).max()
    np.testing.assert_allclose(logs["b_worst"], wanted, rtol=1e-6)


def test_wrong_use_is_explained(trainer):
    with pytest.raises(TypeError, match=r"OnHost needs a function"):
        fk.metrics.OnHost("f1")
    with pytest.raises(TypeError, match=r"needs the whole set[\s\S]*trainer.evaluate"):
        fk.metrics.OnHost(f1).compute({})
    with pytest.raises(ValueError, match=r"must be one number[\s\S]*shape \(26,\)"):
        fk.metrics.OnHost(lambda y, p: y, name="all").of(Y, X)
