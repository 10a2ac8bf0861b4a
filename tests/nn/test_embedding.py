"""Embeddings there and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

TOKENS = np.array([[3, 1, 0], [4, 0, 0]], "int32")


def tied(lib, layers):
    x = lib.Input((3,), dtype="int32")
    table = layers.ReversibleEmbedding(5, 4, mask_zero=True, name="table")
    h = table(x)
    h = layers.LSTM(4, return_sequences=True, name="lstm")(h)
    return lib.Model(x, table(h, reverse=True))


def untied(lib, layers):
    x = lib.Input((3,), dtype="int32")
    table = layers.ReversibleEmbedding(5, 4, tie_weights=False, mask_zero=True, logit_soft_cap=1.5, name="table")
    return lib.Model(x, table(table(x), reverse=True))


@pytest.mark.parametrize("describe", [tied, untied], ids=lambda f: f.__name__)
def test_a_table_used_both_ways_is_one(describe, tmp_path):
    keras = pytest.importorskip("keras")
    with jax.numpy_rank_promotion("allow"):
        theirs = describe(keras, keras.layers)
        want = np.asarray(theirs(TOKENS, training=False))
    theirs.save_weights(tmp_path / "x.weights.h5")
    model = describe(fk, fk.nn)
    variables = model.load_weights(tmp_path / "x.weights.h5", model.init(jax.random.key(0)))
    np.testing.assert_allclose(model.apply(variables, TOKENS), want, atol=1e-5)


def test_the_way_back_of_a_tied_table_is_its_transpose():
    layer = fk.nn.ReversibleEmbedding(5, 4)
    variables = layer.init(jax.random.key(0), TOKENS)
    assert jax.tree.map(jnp.shape, variables) == {"params": {"embedding": (5, 4)}}
    x = jnp.ones((2, 4))
    want = x @ variables["params"]["embedding"].T
    np.testing.assert_allclose(layer.apply(variables, x, reverse=True), want, atol=1e-6)
    assert layer.replace(reverse_dtype="float16").apply(variables, x, reverse=True).dtype == jnp.float16
    capped = layer.replace(logit_soft_cap=0.01).apply(variables, 100 * x, reverse=True)
    assert np.abs(capped).max() <= 0.01


@pytest.mark.parametrize("cls", [fk.nn.Embedding, fk.nn.ReversibleEmbedding])
def test_numbers_that_come_as_floats_are_not_rounded(cls):
    layer = cls(2000, 1, dtype="mixed_bfloat16")
    table = jnp.arange(2000.0)[:, None]
    got = layer.apply({"params": {"embedding": table}}, jnp.array([[1001.0, 1003.0]]))
    np.testing.assert_array_equal(got, table[jnp.array([[1001, 1003]])].astype(jnp.bfloat16))


def test_positional_arguments_are_keras_own():
    layer = fk.nn.ReversibleEmbedding(5, 4, False, "zeros", None, None, True, "float32", 30.0)
    assert (layer.tie_weights, layer.mask_zero, layer.reverse_dtype) == (False, True, "float32")
    assert layer.logit_soft_cap == 30.0
    assert fk.nn.Embedding(5, 4, "zeros", None, None, True).mask_zero is True


def test_embedding_takes_keras_old_input_length():
    layer = fk.nn.Embedding(5, 4, input_length=3)
    assert fk.Sequential([layer]).output_shape == (None, 3, 4)  # as of a model that begins with fk.Input((3,))
    assert "input_length" not in layer.get_config()


@pytest.mark.parametrize("given", [lambda m: [m], lambda m: m, lambda m: jnp.asarray(m)])
@pytest.mark.parametrize("trainable", [True, False])
def test_embedding_starts_from_the_weights_it_is_given(given, trainable, tmp_path):
    matrix = np.arange(15, dtype="float32").reshape(5, 3)
    layer = fk.nn.Embedding(5, 3, weights=given(matrix), trainable=trainable)
    model = fk.Sequential([fk.Input((2,), dtype="int32"), layer])
    variables = model.init(jax.random.key(0))
    np.testing.assert_array_equal(variables["params"]["embedding"]["embedding"], matrix)
    assert layer == fk.nn.Embedding(5, 3, weights=matrix, trainable=trainable, name=layer.name)
    assert layer != fk.nn.Embedding(5, 3, weights=matrix + 1, trainable=trainable, name=layer.name)
    assert "weights" not in layer.get_config()
    model.save(tmp_path / "m.keras", variables)
    again, read = fk.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.apply(read, np.array([[1, 4]])), matrix[[[1, 4]]])


def test_embedding_refuses_weights_of_another_shape():
    with pytest.raises(ValueError, match=r"of shape \(input_dim, output_dim\)[\s\S]*\(3, 5\) for \(5, 3\)"):
        fk.nn.Embedding(5, 3, weights=[np.zeros((3, 5))])
    with pytest.raises(ValueError, match=r"`weights` is a matrix[\s\S]*Constant"):
        fk.nn.Embedding(5, 3, weights=["glove.txt"])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.Embedding(0, 4), "`input_dim` must be a positive integer"),
        (lambda: fk.nn.Embedding(5, 4.0), "`output_dim` must be a positive integer"),
        (lambda: fk.nn.ReversibleEmbedding(5, True), "`output_dim` must be a positive integer"),
        (lambda: fk.nn.Embedding(5, 4)(fk.Input((3,), dtype="complex64")), "looks up integers"),
        (lambda: fk.nn.ReversibleEmbedding(5, 4)(fk.Input((3,)), reverse=True), "goes back from vectors"),
    ],
)
def test_errors_say_what_was_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()
