"""Layers that learn from data: what `adapt` takes, what they then answer, and what is said where it was not used."""

import warnings

import jax
import numpy as np
import pandas as pd
import pytest

import fkeras as fk

from ..real_keras import keras_world

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(3.0, 2.0, (12, 3)).astype("float32")
TEXT = np.array(["the cat sat", "the dog", "a cat"])


class ByIndex:
    """Keras's `PyDataset`, as far as it is read."""

    def __init__(self, *batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index % len(self.batches)]  # never an IndexError


# ------------------------------------------------------------------ what adapt takes
NUMBERS = {
    "array": lambda: X,
    "jax": lambda: jax.numpy.asarray(X),
    "rows": lambda: X.tolist(),
    "table": lambda: pd.DataFrame(X, columns=list("abc")),
    "nullable": lambda: pd.DataFrame(X, columns=list("abc")).astype("Float32"),
    "batches": lambda: [X[:5], X[5:]],
    "pairs": lambda: iter([(X[:5], X[:5, 0]), (X[5:], X[5:, 0])]),
    "indexed": lambda: ByIndex(X[:4], X[4:8], X[8:]),
    "one by one": lambda: (row for row in X),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_normalization_learns_from_whatever_holds_numbers(kind):
    layer = fk.nn.Normalization().adapt(NUMBERS[kind]())
    np.testing.assert_allclose(layer.mean.ravel(), X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.variance.ravel(), X.var(0), rtol=1e-5)
    np.testing.assert_allclose(layer(X), (X - X.mean(0)) / X.std(0), atol=1e-5)  # float32


TEXTS = {
    "array": lambda: TEXT,
    "list": lambda: TEXT.tolist(),
    "bytes": lambda: TEXT.astype("S"),
    "column": lambda: pd.Series(TEXT),
    "rows": lambda: TEXT[:, None],
    "batches": lambda: [TEXT[:1], TEXT[1:]],
    "pairs": lambda: ((TEXT[i : i + 1], np.ones(1)) for i in range(3)),
    "indexed": lambda: ByIndex(TEXT[:2], TEXT[2:]),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_text_is_read_from_whatever_holds_it(kind):
    want = ["", "[UNK]", "the", "cat", "sat", "dog", "a"]
    assert fk.nn.TextVectorization().adapt(TEXTS[kind]()).get_vocabulary() == want
    entries = fk.nn.StringLookup().adapt(TEXTS[kind]())
    assert sorted(entries.get_vocabulary(False)) == sorted(TEXT)
    assert entries.vocabulary_size() == 4


def test_lookups_of_columns():
    column = pd.Series(["b", "a", "b"], name="kind")
    layer = fk.nn.StringLookup().adapt(column)
    assert layer(column).tolist() == [1, 2, 1]
    assert layer(["a", "zz"]).tolist() == [2, 0]
    whole = fk.nn.IntegerLookup().adapt(pd.Series([7, 7, 5], dtype="Int64"))
    assert whole(pd.Series([5, 7])).tolist() == [2, 1]
    bins = fk.nn.Discretization(num_bins=2).adapt(pd.Series([0.0, 1.0, 2.0, 3.0]))
    assert bins(pd.Series([0.0, 3.0])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: fk.nn.Normalization().adapt(pd.DataFrame({"age": [1.0], "city": ["x"]})), r"'city'"),
        (lambda: fk.nn.Normalization().adapt({"a": X}), r"keys \['a'\][\s\S]*layer\.adapt\(data\[name\]\)"),
        (lambda: fk.nn.Normalization().adapt([{"a": X}]), r"no array of numbers[\s\S]*keys \['a'\]"),
        (lambda: fk.nn.Normalization().adapt(3), "takes an array, or something that yields batches"),
        (lambda: fk.nn.Normalization().adapt([]), "was given no data"),
        (lambda: fk.nn.Normalization().adapt(X[:, 0]), r"one row of 12 features[\s\S]*axis=None"),
        (lambda: fk.nn.Normalization().adapt([X, X[:, :2]]), "batches of `adapt` have different features"),
        (lambda: fk.nn.Normalization(mean=0.0, variance=1.0).adapt(X), "was given its moments"),
        (lambda: fk.nn.Normalization(mean=[0.0], variance=1.0), "of one shape"),
        (lambda: fk.nn.Normalization().adapt(TEXT), "holds text"),
        (lambda: fk.nn.Discretization(num_bins=2).adapt([]), "was given no data"),
        (lambda: fk.nn.StringLookup().adapt(pd.Series(["a", None])), r"missing[\s\S]*fillna"),
        (lambda: fk.nn.TextVectorization().adapt(["a", None]), "missing"),
        (lambda: fk.nn.StringLookup(vocabulary=["a"])(np.array(["a", np.nan], object)), r"missing[\s\S]*fillna"),
    ],
)
def test_what_adapt_cannot_learn_from_is_said(call, said):
    with pytest.raises((ValueError, TypeError), match=said):
        call()


# ------------------------------------------------------------------ what is asked of an adapted layer
def test_moments_are_kerass():
    keras = pytest.importorskip("keras")
    images = X.reshape(2, 3, 2, 3)
    for kwargs, data in (
        ({}, X),
        ({}, images),
        ({"axis": None}, X),
        ({"axis": (1, -1)}, images),
        ({"invert": True}, X),
    ):
        ours = fk.nn.Normalization(**kwargs)
        assert (ours.mean, ours.input_mean, ours.input_variance) == (None, None, None)
        ours = ours.adapt(data)
        with keras_world():
            theirs = keras.layers.Normalization(**kwargs)
            theirs.adapt(data)
            want = np.asarray(theirs(data))
        assert ours.mean.shape == tuple(theirs.mean.shape)
        np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-5)
        np.testing.assert_allclose(ours.variance, theirs.variance, rtol=1e-5)
        assert (ours.input_mean, theirs.input_mean) == (None, None)
        np.testing.assert_allclose(ours(data), want, atol=1e-5)
        np.testing.assert_allclose(ours.apply(ours.init(KEY, data), data), want, atol=1e-5)
        assert ours.get_config()["mean"] is None
        assert "mean" in repr(ours)
    given = ours.replace(mean=[0.0, 0.0, 0.0], variance=[1.0, 1.0, 1.0])
    assert given.input_mean == [0.0, 0.0, 0.0]
    np.testing.assert_array_equal(given(X), X)
    assert "params" not in given.init(KEY, X) or not given.init(KEY, X)["params"]


def test_an_adapted_layer_works_alone_in_a_chain_and_in_a_model():
    layer = fk.nn.Normalization().adapt(X)
    want = np.asarray(layer(X))
    np.testing.assert_allclose(jax.jit(layer)(X), want, atol=1e-6)
    np.testing.assert_allclose(layer(pd.DataFrame(X)), want, atol=1e-6)
    np.testing.assert_allclose(fk.Sequential([layer, fk.nn.Rescaling(2.0)])(X), 2 * want, atol=1e-6)
    model = fk.Sequential([fk.Input((3,)), layer, fk.nn.Dense(1)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        variables = model.init(KEY)
    np.testing.assert_allclose(variables["non_trainable"]["normalization"]["mean"], X.mean(0), rtol=1e-5)
    with pytest.raises(ValueError, match="finds no weights"):  # a model's moments are its variables, not the layer's
        model.apply({"params": variables["params"]}, X)
    with pytest.raises(ValueError, match="adapted to other features"):
        layer(X[:, :2])


# ------------------------------------------------------------------ what was not adapted
NOT_ADAPTED = {
    "TextVectorization": (lambda: fk.nn.TextVectorization(output_sequence_length=3), TEXT),
    "StringLookup": (lambda: fk.nn.StringLookup(), TEXT),
    "StringLookup, inverse": (lambda: fk.nn.StringLookup(invert=True), np.array([1, 2])),
    "IntegerLookup": (lambda: fk.nn.IntegerLookup(), np.array([1, 2])),
    "Normalization": (lambda: fk.nn.Normalization(), X),
    "Discretization": (lambda: fk.nn.Discretization(num_bins=3), X),
}


@pytest.mark.parametrize("kind", NOT_ADAPTED)
def test_a_layer_that_was_not_adapted_says_so(kind):
    make, data = NOT_ADAPTED[kind]
    layer = make()
    if "inverse" not in kind:
        layer.adapt(data)  # as in Keras, where the layer itself learns
    for chain in (layer, fk.Sequential([layer])):
        with pytest.raises(ValueError, match=r"layer = layer\.adapt\(data\)"):
            chain(data)


def test_a_model_with_a_layer_that_was_not_adapted_says_so():
    x = fk.Input((3,))
    model = fk.Model(x, fk.nn.Dense(1)(fk.nn.Normalization(name="scaled")(x)))
    with pytest.warns(UserWarning, match=r"'scaled': its mean is 0[\s\S]*layer\.adapt\(data\), before the model"):
        variables = model.init(KEY)
    with pytest.warns(UserWarning, match="'scaled'"):
        model.compile("sgd", "mse").init(0)
    model.abstract_variables()  # says nothing: the variables may come from a file
    jax.eval_shape(model.init, KEY)
    assert int(variables["non_trainable"]["scaled"]["count"]) == 0
    for lookup in (fk.nn.IntegerLookup(), fk.nn.Discretization(num_bins=2)):
        with pytest.raises(ValueError, match=r"layer = layer\.adapt\(data\)"):
            lookup(fk.Input((1,), dtype="int32"))
    text = fk.Input((), dtype="string")
    words = fk.Model(text, fk.nn.Embedding(9, 2)(fk.nn.TextVectorization(output_sequence_length=2)(text)))
    with pytest.warns(UserWarning, match=r"'text_vectorization': it has no vocabulary[\s\S]*layer\.adapt\(data\)"):
        variables = words.init(KEY)
    with pytest.raises(ValueError, match=r"layer = layer\.adapt\(data\)"):
        words.apply(variables, TEXT)
    adapted = words.map_layers(lambda la: la.adapt(TEXT) if isinstance(la, fk.nn.TextVectorization) else la)
    assert adapted.apply(adapted.init(KEY), TEXT).shape == (3, 2, 2)
