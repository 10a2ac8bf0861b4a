"""What is typed by habit, from Keras and from Flax: it works, or is answered with the line to write."""

import datetime
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :1]


def linear():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])


@pytest.mark.parametrize("holds", [lambda t, s: s, lambda t, s: s.variables], ids=["state", "variables"])
def test_a_model_that_is_called_on_variables_says_apply(holds):
    trainer = linear().compile("sgd", "mse")
    state = trainer.init(0)
    with pytest.raises(TypeError, match=r"Write:\s+y = layer\.apply\(variables, x\)"):
        trainer.model(holds(trainer, state), X)


@pytest.mark.parametrize(
    "make",
    [
        lambda: fk.nn.Dense(1, activation=fk.ops.tanh),
        lambda: fk.nn.Lambda(fk.ops.sin),
        lambda: fk.nn.Lambda(fk.ops.nn.relu),
        lambda: fk.nn.Lambda(fk.ops.linalg.norm),
    ],
    ids=["an activation", "a Lambda", "of ops.nn", "of ops.linalg"],
)
def test_layers_that_hold_an_op_pickle(make):
    layer = make()
    again = pickle.loads(pickle.dumps(layer))
    assert again == layer
    variables = layer.init(jax.random.key(0), X)
    np.testing.assert_array_equal(again.apply(variables, X), layer.apply(variables, X))


def test_ops_pickle_by_their_names():
    for op in (fk.ops.relu, fk.ops.image.resize, fk.ops.numpy.matmul, fk.ops.nn.softmax):
        assert pickle.loads(pickle.dumps(op)) is op


class Holds(fk.Layer):
    def __init__(self, value=None, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def call(self, inputs):
        return inputs * 1.0

    def get_config(self):
        return {**super().get_config(), "value": self.value}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (np.array(["a", "bc"]), np.array(["a", "bc"])),
        (np.array(["a", "bc"], object), np.array(["a", "bc"])),
        (jnp.ones(2, "bfloat16"), np.ones(2, jnp.bfloat16)),
        (jnp.float32, "float32"),
        (jnp.bfloat16, "bfloat16"),
        (np.float16, "float16"),
        (np.int64(3), 3),
    ],
    ids=["text", "text as objects", "bfloat16", "a dtype of jax", "another", "a dtype of numpy", "a number"],
)
def test_what_a_config_holds_is_read_from_a_file(tmp_path, value, read):
    model = fk.Sequential([fk.Input((3,)), Holds(value)])
    model.save(tmp_path / "m.keras", model.init(jax.random.key(0)))
    found = fk.load_model(tmp_path / "m.keras", {"Holds": Holds})[0].layers[-1].value
    np.testing.assert_array_equal(found, read)
    assert type(found) is type(read)
    assert np.asarray(found).dtype == np.asarray(read).dtype


@pytest.mark.parametrize(
    "value",
    [np.array([1j]), np.complex64(1j), np.array(["2020-01-01"], "datetime64[D]"), np.datetime64("2020-01-01"),
     np.array([datetime.date(2020, 1, 1)]), np.array(datetime.date(2020, 1, 1)), np.longdouble(1), np.array([b"a"])],
    ids=lambda value: f"{type(value).__name__} {value.dtype}",
)  # fmt: skip
def test_what_a_config_cannot_hold_is_named_when_saving(tmp_path, value):
    model = fk.Sequential([fk.Input((3,)), Holds(value)])
    with pytest.raises(TypeError, match=r"cannot be written to a config[\s\S]*the argument 'value' of Layer 'holds'"):
        model.save(tmp_path / "m.keras", model.init(jax.random.key(0)))


@pytest.mark.parametrize(
    "make",
    [fk.nn.TextVectorization, fk.nn.StringLookup, lambda: fk.nn.IntegerLookup(output_mode="int")],
    ids=["text", "strings", "integers"],
)
def test_a_vocabulary_that_adapt_did_not_fill_is_said_where_it_is_asked_for(make):
    layer = make()
    layer.adapt(["a b"] if not isinstance(layer, fk.nn.IntegerLookup) else np.array([7]))  # as in Keras
    for ask in (layer.get_vocabulary, layer.vocabulary_size):
        with pytest.warns(UserWarning, match=r"no vocabulary yet[\s\S]*layer = layer\.adapt\(data\)"):
            ask()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer.get_config()
        adapted = layer.adapt(["a b"] if not isinstance(layer, fk.nn.IntegerLookup) else np.array([7]))
        assert adapted.vocabulary_size() == len(adapted.get_vocabulary()) > 1


@pytest.mark.parametrize("where", ["__init__", "build"])
def test_a_name_in_place_of_a_weights_shape_is_answered(where):
    class Older(fk.Layer):
        def __init__(self):
            super().__init__()
            if where == "__init__":
                self.w = self.add_weight("w", (3,))

        def build(self, input_shape):
            if where == "build":
                self.w = self.add_weight("w", (3,))

        def call(self, inputs):
            return inputs * self.w

    with pytest.raises(TypeError, match=r'self\.add_weight\(name="w", shape=\(\.\.\.\)\)'):
        Older().init(jax.random.key(0), X)


def test_a_metric_that_is_called_is_answered_with_update():
    for metric in (fk.metrics.MeanSquaredError(), fk.metrics.Mean()):
        with pytest.raises(AttributeError, match=r"state = metric\.update\(state, y_true, y_pred\)"):
            metric(Y, Y)


def test_a_metric_is_no_loss():
    with pytest.raises(ValueError, match="This is no loss"):
        linear().compile("sgd", fk.metrics.MeanSquaredError())


def test_a_metric_that_counts_in_an_attribute_is_told_of_variables():
    class Counts(fk.metrics.Metric):
        def __init__(self, name="counts", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = 0.0
            self.total = self.add_variable(shape=(), initializer="zeros", name="total")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(1.0)
            self.count = self.count + 1

        def result(self):
            return self.total

        def reset_state(self):
            self.total = 0.0

    metric = Counts()
    with pytest.raises(AttributeError, match=r"Write: +self\.total\.assign\(value\)"):
        metric.empty()
    Counts.reset_state = lambda self: self.total.assign(0.0)
    with pytest.raises(AttributeError, match=r'self\.count = self\.add_variable\(shape=\(\), .* name="count"\)'):
        metric.update(metric.empty(), Y, Y)


@pytest.mark.parametrize(
    "given",
    [
        ["the cat", "a dog"],
        [["the cat"], ["a dog"]],
        list(np.array(["the cat", "a dog"])),
        ("the cat", "a dog"),
        ["cat"],
    ],
    ids=["texts", "rows of one", "numpy's texts", "a tuple", "one text"],
)
def test_a_model_of_text_takes_a_list_of_texts(given):
    words = fk.nn.TextVectorization(output_sequence_length=2, vocabulary=["the", "cat", "dog"])
    model = fk.Sequential([fk.Input((1,), dtype="string"), words, fk.nn.Embedding(6, 3), fk.nn.Flatten()])
    variables = model.init(jax.random.key(0))
    wanted = model.apply(variables, np.array(given).reshape(-1, 1))
    assert wanted.shape == (len(given), 6)
    np.testing.assert_array_equal(model.apply(variables, given), wanted)
    np.testing.assert_array_equal(model.predict(variables, given), wanted)


def test_one_row_in_lists_is_one_row():
    model = linear()
    variables = model.init(jax.random.key(0))
    for row in ([[1.0, 2.0, 3.0]], [[np.float32(1), np.float32(2), np.float32(3)]], [[[1.0, 2.0, 3.0]]]):
        wanted = model.apply(variables, np.array(row, "float32").reshape(1, 3))
        np.testing.assert_array_equal(model.apply(variables, row), wanted)


@pytest.mark.parametrize(
    ("told", "written"),
    [({"train": True}, "True"), ({"is_training": False}, "False"), ({"deterministic": True}, "False"),
     ({"deterministic": False}, "True")],
    ids=str,
)  # fmt: skip
def test_the_mode_by_the_names_of_linen_is_answered(told, written):
    x = fk.Input((3,))
    for layer in (fk.Model(x, fk.nn.Dropout(0.5)(x)), fk.nn.Dense(1)):
        variables = layer.init(jax.random.key(0), X)
        for call in (lambda: layer.apply(variables, X, **told), lambda: layer(x, **told)):
            with pytest.raises(TypeError, match=rf"Write: +model\.apply\(variables, x, training={written}\b"):
                call()

    class Own(fk.Layer):
        def call(self, x, deterministic=True, train=False, is_training=False):
            return x * 2.0

    np.testing.assert_array_equal(Own().apply({}, X, **told), 2 * X)


def test_a_list_of_callbacks_may_be_a_callback_list():
    seen = []
    counts = fk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    trainer = linear().compile("sgd", "mse")
    trainer.fit(trainer.init(0), X, Y, epochs=2, verbose=0, callbacks=fk.callbacks.CallbackList([counts]))
    assert seen == [0, 1]


def test_a_history_among_the_callbacks_is_answered_with_what_fit_returns():
    trainer = linear().compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"Write: +state, history = trainer\.fit\(state, x, y\)"):
        trainer.fit(trainer.init(0), X, Y, verbose=0, callbacks=[fk.callbacks.History()])
