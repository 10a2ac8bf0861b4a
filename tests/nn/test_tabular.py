"""Hashing, lookups and bins: numbers from TensorFlow's documentation, other libraries, and Keras's oracle values."""

import random
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.nn._preprocessing._hash_functions import fingerprint64, siphash

LETTERS = np.array([["A"], ["B"], ["C"], ["D"], ["E"]])


def test_fingerprints_equal_other_implementations():
    farmhash, siphash24 = pytest.importorskip("farmhash"), pytest.importorskip("siphash24")
    rng = random.Random(0)
    for n in [*range(140), 255, 256, 1000]:
        text = "".join(chr(rng.randrange(1, 128)) for _ in range(n))
        key = (rng.getrandbits(64), rng.getrandbits(64))
        assert fingerprint64(text.encode()) == farmhash.fingerprint64(text)
        theirs = siphash24.siphash24(text.encode(), key=struct.pack("<QQ", *key)).digest()
        assert siphash(text.encode(), key) == int.from_bytes(theirs, "little")


# the examples of https://keras.io/api/layers/preprocessing_layers/categorical/hashing/
@pytest.mark.parametrize(
    ("kwargs", "want"),
    [
        ({}, [1, 0, 1, 1, 2]),
        ({"salt": 133}, [0, 0, 2, 1, 0]),
        ({"salt": [133, 137]}, [1, 2, 1, 0, 2]),
    ],
)
def test_hashing_is_keras_s(kwargs, want):
    assert fk.nn.Hashing(num_bins=3, **kwargs)(LETTERS).ravel().tolist() == want


def test_hashing_masks_and_encodes():
    words = np.array([["A"], ["B"], [""], ["C"], ["D"]])
    assert fk.nn.Hashing(num_bins=3, mask_value="")(words).ravel().tolist() == [1, 1, 0, 2, 2]
    rows = fk.nn.Hashing(num_bins=3, output_mode="one_hot")(LETTERS)
    assert rows.shape == (5, 3)
    assert rows.argmax(-1).tolist() == [1, 0, 1, 1, 2]


def test_hashing_of_integers_runs_under_jit_and_vmap():
    layer = fk.nn.Hashing(num_bins=5)
    x = jnp.array([[1], [7], [123456]])
    assert layer(x).ravel().tolist() == [4, 3, 3]  # Keras's oracle
    assert jax.jit(layer)(x).ravel().tolist() == [4, 3, 3]
    assert jax.vmap(layer)(x).ravel().tolist() == [4, 3, 3]


def test_crossing_is_keras_s():
    layer = fk.nn.HashedCrossing(num_bins=5)
    names = np.array(["A", "B", "A", "B", "A"])
    assert layer((names, np.array([101, 101, 101, 102, 102]))).tolist() == [1, 4, 1, 1, 3]  # Keras's documentation
    ints = (np.array([1, 5, 7]), np.array([2, 5, 7]))
    assert layer(ints).tolist() == [2, 1, 4]  # Keras's oracle
    assert jax.jit(lambda a, b: layer((a, b)))(*ints).tolist() == [2, 1, 4]
    assert fk.nn.HashedCrossing(5, "one_hot")(ints).argmax(-1).tolist() == [2, 1, 4]
    with pytest.raises(ValueError, match="crosses at least two features"):
        layer((names,))
    with pytest.raises(ValueError, match="features of one shape"):
        layer((names, np.zeros((5, 2), int)))


# ------------------------------------------------------------------ lookups
def test_integer_lookup_of_every_kind():
    x = np.array([[12, 1138, 42], [42, 1000, 36]])
    layer = fk.nn.IntegerLookup(vocabulary=[12, 36, 1138, 42])
    assert layer(x).tolist() == [[1, 3, 4], [4, 0, 2]]
    several = fk.nn.IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=2)
    assert several(np.array([[12, 1138, 42], [37, 1000, 36]])).tolist() == [[2, 4, 5], [1, 0, 3]]
    masked = fk.nn.IntegerLookup(vocabulary=[12, 36], mask_token=0)
    assert masked(np.array([0, 12, 5])).tolist() == [0, 2, 1]
    for made in (layer, several, masked):
        assert jax.jit(made)(x).tolist() == made(x).tolist()
    back = fk.nn.IntegerLookup(vocabulary=[12, 36, 1138, 42], invert=True)
    assert back(np.array([[1, 3, 4], [4, 0, 2]])).tolist() == [[12, 1138, 42], [42, -1, 36]]
    strict = fk.nn.IntegerLookup(vocabulary=[12], num_oov_indices=0)
    assert strict(np.array([12])).tolist() == [0]
    with pytest.raises(ValueError, match=r"is not in the vocabulary[\s\S]*13"):
        strict(np.array([13]))
    farm = fk.nn.IntegerLookup(vocabulary=[12], num_oov_indices=3, oov_method="farmhash")
    assert farm(np.array([5])).tolist() == [fingerprint64(b"5") % 3]
    assert jax.jit(farm)(np.array([5, 12])).tolist() == farm(np.array([5, 12])).tolist()


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
def test_lookup_encodings_are_category_encodings(mode):
    x = np.array([[12, 12], [42, 7]])
    layer = fk.nn.IntegerLookup(vocabulary=[12, 36, 42], output_mode=mode)
    plain = fk.nn.IntegerLookup(vocabulary=[12, 36, 42])
    want = fk.nn.CategoryEncoding(4, output_mode=mode)(plain(x))
    assert np.array_equal(layer(x), want)


def test_string_lookup_adapts_by_frequency():
    data = np.array([["a", "c", "d"], ["d", "z", "b"], ["d", "c", "a"]])
    layer = fk.nn.StringLookup()
    adapted = layer.adapt(data)
    assert adapted.get_vocabulary() == ["[UNK]", "d", "c", "a", "z", "b"]  # ties: the later letter first, as in Keras
    with pytest.warns(UserWarning, match="no vocabulary yet"):
        assert layer.get_vocabulary() == ["[UNK]"]
    assert adapted(np.array(["d", "q"])).tolist() == [1, 0]
    assert layer.replace(max_tokens=3).adapt(data).get_vocabulary() == ["[UNK]", "d", "c"]
    again = fk.nn.StringLookup.from_config(adapted.get_config())
    assert again.get_vocabulary() == adapted.get_vocabulary()
    assert fk.nn.StringLookup(vocabulary=["a"], mask_token="").get_vocabulary() == ["", "[UNK]", "a"]
    back = fk.nn.StringLookup(vocabulary=["a", "b"], invert=True)
    assert back(np.array([[0, 1, 2]])).tolist() == [["[UNK]", "a", "b"]]


def test_tf_idf_weights():
    # the example of https://keras.io/api/layers/preprocessing_layers/categorical/string_lookup/
    layer = fk.nn.StringLookup(output_mode="tf_idf")
    layer = layer.set_vocabulary(["a", "b", "c", "d"], idf_weights=[0.25, 0.75, 0.6, 0.4])
    got = layer(np.array([["a", "c", "d", "d"], ["d", "z", "b", "z"]]))
    np.testing.assert_allclose(got, [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]], atol=1e-6)
    learned = fk.nn.StringLookup(output_mode="tf_idf").adapt(np.array([["a", "a"], ["a", "b"]]))
    np.testing.assert_allclose(learned(np.array([["b", "b"]]))[0, 2], 2 * np.log(1 + 2 / 2), atol=1e-6)


def test_vocabulary_files_and_hostile_configs(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("cat\ndog\n")
    layer = fk.nn.StringLookup(vocabulary=path)
    assert layer(np.array(["dog", "cow"])).tolist() == [2, 0]
    assert layer.get_config()["vocabulary"] == ["cat", "dog"]
    config = {**layer.get_config(), "vocabulary": str(path)}
    with pytest.raises(ValueError, match="names a vocabulary file outside of the model's own"):
        fk.nn.StringLookup.from_config(config)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.StringLookup(vocabulary=["a", "a"]), r"cannot be a vocabulary[\s\S]*repeated \['a'\]"),
        (lambda: fk.nn.StringLookup(vocabulary=[]), r"cannot be a vocabulary[\s\S]*no entries"),
        (lambda: fk.nn.StringLookup(max_tokens=1), "must be above 1"),
        (lambda: fk.nn.StringLookup(max_tokens=2, vocabulary=["a", "b"]), "larger than `max_tokens`"),
        (lambda: fk.nn.StringLookup(pad_to_max_tokens=True), "needs `max_tokens`"),
        (lambda: fk.nn.StringLookup(invert=True, output_mode="count"), "goes with output_mode='int'"),
        (lambda: fk.nn.StringLookup(sparse=True), "Outputs are dense"),
        (lambda: fk.nn.StringLookup(vocabulary=["a"]).adapt(["b"]), "nothing to adapt"),
        (lambda: fk.nn.StringLookup(output_mode="one_hot")(np.array(["a"])), "has no vocabulary yet"),
        (lambda: fk.nn.StringLookup(vocabulary=["a"])(np.array([1])), "takes text"),
        (lambda: fk.nn.Hashing(0), "must be a positive integer"),
        (lambda: fk.nn.Hashing(3, salt="x"), "`salt` is an integer or two"),
        (lambda: fk.nn.Discretization(), "needs either `bin_boundaries` or `num_bins`"),
        (lambda: fk.nn.Discretization(num_bins=3)(np.ones(2)), "has no boundaries yet"),
        (lambda: fk.nn.CategoryEncoding(3, "int"), "`output_mode` must be one of"),
        (lambda: fk.nn.CategoryEncoding(3)(np.ones(2, int), count_weights=np.ones(2)), "does not count"),
    ],
)
def test_bad_arguments(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()


def test_discretization_adapts_as_keras():
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(0).normal(size=(500, 2)).astype("float32")
    for batches in (x, [x[:100], x[100:]]):
        theirs = keras.layers.Discretization(num_bins=4)
        theirs.reset_state()
        for batch in [batches] if isinstance(batches, np.ndarray) else batches:
            theirs.update_state(batch)  # Keras's adapt itself needs TensorFlow
        theirs.finalize_state()
        ours = fk.nn.Discretization(num_bins=4).adapt(batches)
        np.testing.assert_allclose(ours.boundaries, theirs.bin_boundaries, rtol=1e-6)
        again = fk.nn.Discretization.from_config(ours.get_config())
        assert np.array_equal(again(x), ours(x))
        assert np.array_equal(ours(x), np.asarray(theirs(x)))


# ------------------------------------------------------------------ text
def test_text_vectorization_of_every_kind():
    corpus = np.array(["The cat sat.", "the DOG", "a cat; a cat!"])
    layer = fk.nn.TextVectorization().adapt(corpus)
    assert layer.get_vocabulary() == ["", "[UNK]", "cat", "the", "a", "sat", "dog"]
    assert layer(np.array(["a dog ran"])).tolist() == [[4, 6, 1]]
    assert layer.replace(output_sequence_length=2)(np.array([["a dog ran"], ["cat"]])).tolist() == [[4, 6], [2, 0]]
    counted = layer.replace(output_mode="count")
    assert counted(np.array(["cat cat bird"])).tolist() == [[1, 2, 0, 0, 0, 0]]
    letters = fk.nn.TextVectorization(standardize=None, split="character", vocabulary=["a", "b"])
    assert letters(np.array(["abA"])).tolist() == [[2, 3, 1]]
    grams = fk.nn.TextVectorization(ngrams=2).adapt(np.array(["x y z"]))
    assert set(grams.get_vocabulary(False)) == {"x", "y", "z", "x y", "y z"}
    own = fk.nn.TextVectorization(
        standardize=np.char.upper, split=lambda rows: [r.split("-") for r in rows], vocabulary=["A", "B"]
    )
    assert own(np.array(["b-a"])).tolist() == [[3, 2]]
    again = fk.nn.TextVectorization.from_config(layer.get_config())
    assert again(corpus).tolist() == layer(corpus).tolist()
    with pytest.raises(ValueError, match="goes with output_mode='int'"):
        fk.nn.TextVectorization(output_mode="count", output_sequence_length=3)


def test_text_in_a_graph(tmp_path):
    vectorize = fk.nn.TextVectorization(output_sequence_length=4).adapt(np.array(["some words", "more words"]))
    text = fk.Input((1,), dtype="string", name="text")
    tokens = vectorize(text)
    assert (tokens.shape, tokens.dtype) == ((None, 4), np.int32)
    model = fk.Model(text, fk.nn.GlobalAveragePooling1D()(fk.nn.Embedding(vectorize.vocabulary_size(), 3)(tokens)))
    variables = model.init(jax.random.key(0))
    sentences = np.array([["more words"], ["other words"]])
    want = model.apply(variables, sentences)
    assert want.shape == (2, 3)
    outer = fk.Input((1,), dtype="string")
    nested = fk.Model(outer, fk.nn.Dense(1)(model(outer)))
    assert nested.apply(nested.init(jax.random.key(1)), sentences).shape == (2, 1)
    for name in ("model", "m.keras"):
        model.save(tmp_path / name, variables)
        again, restored = fk.load_model(tmp_path / name)
        assert np.array_equal(again.apply(restored, sentences), want)
    with pytest.raises(TypeError, match="takes numbers, not text"):
        fk.nn.Dense(2)(text)
    with pytest.raises(TypeError, match="has dtype string"):
        model.apply(variables, np.ones((2, 1), "float32"))
    whole = fk.nn.TextVectorization(vocabulary=["a b"], split=None)
    assert whole(np.array(["a b", "a"])).tolist() == [2, 1]  # one number a text, where nothing is split
    assert whole(fk.Input((), dtype="string")).shape == (None,)
    tokens = fk.nn.TextVectorization(vocabulary=["a"])(text)  # as long as the longest sentence
    assert tokens.shape == (None, None)
    assert fk.Model(text, tokens).apply({}, np.array([["a b"], ["a"]], object)).tolist() == [[2, 1], [2, 0]]
