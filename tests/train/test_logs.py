"""What `evaluate` and the `_on_batch` verbs return, and the pair of `fit`: both answer to what Keras code does."""

import copy
import json
import pickle
import xml.etree.ElementTree

import jax
import keras
import numpy as np
import pandas
import pytest

import fkeras as fk

from ..real_keras import keras_world

X = np.arange(12, dtype="float32").reshape(4, 3) / 10
Y = np.array([[0.5], [1.0], [0.0], [2.0]], "float32")
TRAINER = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse", metrics=["mse", "mae", "accuracy"])
ALONE = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
Logs = fk.train.Logs


# ------------------------------------------------------------------ what the verbs return
@pytest.mark.parametrize("verb", ["evaluate", "test_on_batch", "train_on_batch"])
def test_what_is_returned_unpacks_to_numbers_in_the_order_of_compile(verb):
    state = TRAINER.init(0)

    def call(**options):
        found = getattr(TRAINER, verb)(state, X, Y, **options)
        return found[1] if verb == "train_on_batch" else found

    loss, mse, mae, accuracy = logs = call()
    assert isinstance(logs, Logs)
    assert (loss, mse, mae, accuracy) == (logs["loss"], logs["mse"], logs["mae"], logs["accuracy"])
    assert loss == mse != mae
    named = call(return_dict=True)
    assert type(named) is dict
    assert list(named) == ["loss", "mse", "mae", "accuracy"]
    assert named == logs
    assert call(return_dict=False) == [loss, mse, mae, accuracy]
    with pytest.raises(TypeError, match=r"return_dict is True for a dict[\s\S]*Write:.*loss, mae"):
        call(return_dict="yes")


def test_a_loss_alone_is_a_number():
    state = ALONE.init(0)
    logs, number = ALONE.evaluate(state, X, Y), ALONE.evaluate(state, X, Y, return_dict=False)
    assert isinstance(number, float)
    assert float(logs) == number
    assert logs[0] == number
    assert f"{logs:.3f} {round(logs, 2)}" == f"{number:.3f} {round(number, 2)}"
    assert number - 1 < logs < number + 1
    assert np.sqrt(logs) == 1 * logs**0.5 == number**0.5
    with pytest.raises(TypeError, match=r"4 numbers, not one[\s\S]*loss, mse, mae, accuracy[\s\S]*logs\[\"loss\"\]"):
        TRAINER.evaluate(TRAINER.init(0), X, Y) < 0.5  # noqa: B015


@pytest.mark.sweep(2)
@pytest.mark.parametrize("form", ["list", "dict", "one loss"])
def test_numbers_of_several_outputs_come_in_the_order_of_keras(form):
    def described(lib, nn):
        x = lib.Input((3,))
        heads = {name: nn.Dense(1, name=name, kernel_initializer="ones")(x) for name in ("zed", "alpha", "mid")}
        return lib.Model(x, list(heads.values()) if form == "list" else heads)

    loss = "mse" if form == "one loss" else {"mid": "mse", "alpha": "mae", "zed": "mse"}
    metrics = {"zed": ["mse", "mae"], "alpha": ["mse"]}
    y = {"zed": Y, "alpha": Y - 1, "mid": 2 * Y}
    with keras_world():
        model = described(keras, keras.layers)
        model.compile("sgd", loss, metrics=metrics)
        want = model.evaluate(X, list(y.values()) if form == "list" else y, verbose=0)
    trainer = described(fk, fk.nn).compile("sgd", loss, metrics=metrics)
    got = trainer.evaluate(trainer.init(0), X, y)
    np.testing.assert_allclose(got, want, rtol=1e-5)  # sums in another order


# ------------------------------------------------------------------ Logs
LOGS = Logs({"loss": 0.5, "mae": 0.25})


def test_logs_are_read_by_name_as_a_dict_is():
    assert dict(LOGS) == dict(**LOGS) == {**LOGS} == {"loss": 0.5, "mae": 0.25} == LOGS
    assert list(LOGS.keys()) == ["loss", "mae"]
    assert list(LOGS.items()) == [("loss", 0.5), ("mae", 0.25)]
    assert "loss" in LOGS
    assert 0 not in LOGS
    assert LOGS.get("auc") is None
    assert json.loads(json.dumps(dict(LOGS))) == LOGS
    assert LOGS | {"rate": 0.1} == {**LOGS, "rate": 0.1}
    assert pandas.DataFrame([LOGS, LOGS])["mae"].tolist() == [0.25, 0.25]
    assert pandas.Series(LOGS)["mae"] == 0.25


def test_logs_are_read_in_order_as_a_list_is():
    assert list(LOGS) == [0.5, 0.25] == [*reversed(list(reversed(LOGS)))]
    assert (LOGS[0], LOGS[-1], LOGS[:1]) == (0.5, 0.25, [0.5])
    assert np.asarray(LOGS).tolist() == [0.5, 0.25]
    assert pytest.approx([0.5, 0.25]) == LOGS
    match LOGS:
        case [loss, mae]:
            assert (loss, mae) == (0.5, 0.25)


def test_logs_are_a_value_and_a_pytree():
    for again in (pickle.loads(pickle.dumps(LOGS)), copy.deepcopy(LOGS), jax.jit(lambda logs: logs)(LOGS)):
        assert isinstance(again, Logs)
        assert again == LOGS
        assert list(again.keys()) == ["loss", "mae"]
    assert jax.tree.map(lambda number: 2 * number, LOGS) == {"loss": 1.0, "mae": 0.5}
    assert str(Logs({"loss": float(np.float32(0.1)), "per class": np.array([1, 2])})) == (
        "{'loss': 0.1, 'per class': array([1, 2])}"
    )
    assert "<th" in LOGS._repr_html_()


@pytest.mark.parametrize(
    ("slip", "kind", "answer"),
    [
        (lambda: LOGS["los"], KeyError, r"no number named 'los'[\s\S]*Did you mean 'loss'"),
        (lambda: [LOGS[k] for k in LOGS], KeyError, r"by name or by place[\s\S]*logs.items\(\)"),
        (lambda: LOGS.loss, AttributeError, r"no attribute 'loss'[\s\S]*logs\['loss'\]"),
        (lambda: LOGS.pop("loss"), AttributeError, r"no attribute 'pop'[\s\S]*dict\(logs\)"),
        (lambda: LOGS.__setitem__("rate", 1), TypeError, r"stay what they are[\s\S]*\{\*\*logs, 'rate': value\}"),
        (lambda: setattr(LOGS, "rate", 1), AttributeError, r"stay what they are"),
    ],
)
def test_what_logs_are_not_is_answered(slip, kind, answer):
    with pytest.raises(kind, match=answer):
        slip()


# ------------------------------------------------------------------ the pair of fit
def test_the_pair_of_fit_is_a_tuple_that_says_so():
    found = TRAINER.fit(TRAINER.init(0), X, Y, verbose=0)
    assert isinstance(found, tuple)
    assert len(found) == 2
    state, history = found
    assert (state, history) == found
    with pytest.raises(AttributeError, match=r"\(state, history\)[\s\S]*Write:    state, history = trainer.fit"):
        found.history  # noqa: B018
    with pytest.raises(TypeError, match=r"the pair has no \['loss'\]"):
        found["loss"]
    assert not hasattr(found, "_fields")
    assert "<div>History of 1 epoch</div><table>" in found._repr_html_()
    assert isinstance(jax.tree.map(lambda leaf: leaf, found), type(found))
    assert jax.tree.leaves(found)[0] is state.step
    again = pickle.loads(pickle.dumps(found))
    assert type(again) is type(found)
    assert again[1] == history


# ------------------------------------------------------------------ the history
def test_a_history_says_in_a_line_what_it_holds():
    _, history = TRAINER.fit(TRAINER.init(0), X, Y, epochs=3, validation_data=(X, Y), verbose=0)
    assert list(history.history) == [
        f"{val}{name}" for val in ("", "val_") for name in ("loss", "mse", "mae", "accuracy")
    ]
    assert repr(history).startswith(f"<History of 3 epochs: loss {history.history['loss'][-1]:.4g}, mse")
    assert len(repr(history)) < 200
    for slip in (lambda: history.loss, lambda: history["loss"]):
        with pytest.raises((AttributeError, TypeError), match=r"Write:    history.history\['loss'\]"):
            slip()
    with pytest.raises(AttributeError, match=r"no attribute 'model'[\s\S]*trainer.model"):
        history.model  # noqa: B018
    assert copy.deepcopy(history) == history == pickle.loads(pickle.dumps(history))


def test_a_history_is_shown_as_curves():
    history = fk.callbacks.History()
    for epoch in range(1000):
        loss = float("nan") if epoch == 3 else 1 / (epoch + 1)
        history.add(epoch, {"loss": loss, "a<b": 0.5, "per class": np.ones(2), "val_loss": 2 * loss, "val_alone": 1.0})
    shown = history._repr_html_()
    assert shown.count("<svg") == 3  # training and validation of one number are one chart
    assert shown.count("<polyline") == 4
    assert "a&lt;b" in shown
    assert "nan" not in shown
    assert len(shown) < 20_000
    xml.etree.ElementTree.fromstring(f"<div>{shown}</div>")


def test_every_output_of_one_layer_counts():
    x = fk.Input((2, 1))
    model = fk.Model(x, fk.nn.LSTM(2, return_state=True)(x))
    trainer = model.compile("sgd", ["mse"] * 3)
    state, xs = trainer.init(0), np.ones((1, 2, 1), "float32")
    y = [np.full((1, 2), k, "float32") for k in (1, 2, 3)]
    parts = [float(np.mean((a - b) ** 2)) for a, b in zip(trainer.predict(state, xs), y, strict=True)]
    logs = trainer.evaluate(state, xs, y)
    assert np.allclose([logs[f"{name}_loss"] for name in ("lstm", "lstm_1", "lstm_2")], parts)
    assert np.allclose(logs["loss"], sum(parts))
