"""Attention: masks that flow, losses, initial weights, dropout and errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
QUERY = np.array([[3, 1, 2, 0, 0], [4, 2, 1, 2, 0], [0, 0, 0, 0, 0]], "int32")
VALUE = np.array([[3, 1, 0, 0, 0, 0], [4, 2, 1, 2, 0, 1], [2, 2, 2, 2, 0, 0]], "int32")
RNG = np.random.default_rng(0)
X, Y = (RNG.normal(size=(3, n, 4)).astype("float32") for n in (5, 6))


def embedded(lib, layers, attend):
    """A model whose masks come from embeddings, and go on to a layer that takes them."""
    q, v = lib.Input((5,), dtype="int32"), lib.Input((6,), dtype="int32")
    hq = layers.Embedding(5, 4, mask_zero=True, name="of_query")(q)
    hv = layers.Embedding(5, 4, mask_zero=True, name="of_value")(v)
    return lib.Model([q, v], layers.LSTM(3, name="last")(attend(layers, hq, hv)))


def alone(name, **kwargs):
    return lambda layers, q, v: getattr(layers, name)(name="attend", **kwargs)([q, v])


def projected(name, *args, call=None, **kwargs):
    return lambda layers, q, v: getattr(layers, name)(*args, name="attend", **kwargs)(q, v, **(call or {}))


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    "attend",
    [
        alone("Attention"),
        alone("AdditiveAttention"),
        projected("MultiHeadAttention", 2, 3),
        projected("MultiHeadAttention", 2, 3, dropout=0.2),
        projected("MultiHeadAttention", 2, 3, sliding_window=2, call={"use_causal_mask": True}),
        projected("GroupQueryAttention", 3, 4, 2),
        projected("GroupQueryAttention", 3, 4, 2, use_gate=True, dropout=0.2),
    ],
    ids=["Attention", "Additive", "MHA", "MHA_dropout", "MHA_window", "GQA", "GQA_gate"],
)
def test_masks_flow_through_as_in_keras(attend, tmp_path):
    with keras_world():
        theirs = embedded(keras, keras.layers, attend)
        want = np.asarray(theirs([QUERY, VALUE], training=False))
    theirs.save_weights(tmp_path / "x.weights.h5")
    model = embedded(fk, fk.nn, attend)
    zeros = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), jax.eval_shape(model.init, jax.random.key(0)))
    variables = model.load_weights(tmp_path / "x.weights.h5", zeros)
    np.testing.assert_allclose(jax.jit(model.apply)(variables, [QUERY, VALUE]), want, atol=1e-5)


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_masks_of_a_whole_batch(name):
    arguments = (2, 3) if name == "MultiHeadAttention" else (3, 4, 2)
    theirs = getattr(keras.layers, name)(*arguments)
    layer = getattr(fk.nn, name)(*arguments)
    masks = {"value_mask": VALUE > 0, "attention_mask": RNG.random((3, 5, 6)) < 0.7}
    with keras_world():
        want = theirs(X, Y, **masks)
    params = {
        w.path.split("/")[-2].replace("attention_output", "out") + "/" + w.name: jnp.asarray(w) for w in theirs.weights
    }
    tree = {p: {n: params[f"{p}/{n}"] for n in ("kernel", "bias")} for p in ("query", "key", "value", "out")}
    np.testing.assert_allclose(layer.apply({"params": tree}, X, Y, **masks), want, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [fk.nn.MultiHeadAttention(2, 3), fk.nn.MultiHeadAttention(2, 3, value_dim=3, use_gate=True),
     fk.nn.GroupQueryAttention(3, 4, 2)],
    ids=["MHA", "MHA_gate", "GQA"],
)  # fmt: skip
def test_both_ways_to_the_same_numbers(layer):
    """JAX's own kernel, and the scores by hand: where something is seen they agree."""
    variables = layer.init(jax.random.key(0), X, Y)
    mask = RNG.random((3, 5, 6)) < 0.7
    mask[..., 0] = True
    short = layer.apply(variables, X, Y, attention_mask=mask)
    long, scores = layer.apply(variables, X, Y, attention_mask=mask, return_attention_scores=True)
    np.testing.assert_allclose(short, long, atol=1e-5)
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
    assert not np.asarray(scores)[~np.broadcast_to(mask[:, None], scores.shape)].any()


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_projections_start_with_keras_fans(name):
    arguments = (4, 16) if name == "MultiHeadAttention" else (16, 4, 2)
    x = np.ones((1, 3, 64), "float32")
    theirs = getattr(keras.layers, name)(*arguments)
    with keras_world():
        theirs(x, x)
    ours = getattr(fk.nn, name)(*arguments).init(jax.random.key(0), x, x)["params"]
    for weight in theirs.weights:
        where = weight.path.split("/")[-2].replace("attention_output", "out")
        if weight.name == "kernel":
            assert np.std(ours[where]["kernel"]) == pytest.approx(np.std(np.asarray(weight)), rel=0.1), where


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_regularizers_reach_every_projection(name):
    arguments = (2, 3) if name == "MultiHeadAttention" else (3, 4, 2)
    penalties = {"kernel_regularizer": "l2", "activity_regularizer": "l2"}
    theirs = getattr(keras.layers, name)(*arguments, **penalties)
    with keras_world():
        theirs(X, Y)
    layer = getattr(fk.nn, name)(*arguments, **penalties)
    tree: dict = {}
    for w in theirs.weights:
        where = w.path.split("/")[-2].replace("attention_output", "out")
        tree.setdefault(where, {})[w.name] = jnp.asarray(w)
    _, updates = layer.apply({"params": tree}, X, Y, mutable=["losses"])
    assert float(sum(jax.tree.leaves(updates["losses"]))) == pytest.approx(float(sum(theirs.losses)), rel=1e-4)


@pytest.mark.parametrize(
    "layer",
    [fk.nn.MultiHeadAttention(2, 3, dropout=0.5), fk.nn.GroupQueryAttention(3, 4, 2, dropout=0.5)],
    ids=["MHA", "GQA"],
)
def test_dropout_is_of_the_weights_in_training_only(layer):
    variables = layer.init(jax.random.key(0), X, Y)
    run = lambda key: layer.apply(variables, X, Y, training=True, rngs={"dropout": key})  # noqa: E731
    assert not np.allclose(run(jax.random.key(0)), run(jax.random.key(1)))
    np.testing.assert_array_equal(layer.apply(variables, X, Y), layer.apply(variables, X, Y))
    mean = np.mean(jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(2), 3000)), axis=0)
    np.testing.assert_allclose(mean, layer.apply(variables, X, Y), atol=0.1)


@pytest.mark.parametrize("layer", [fk.nn.Attention(dropout=0.5), fk.nn.AdditiveAttention(False, 0.5)])
def test_dropout_of_single_heads(layer):
    run = lambda key: layer.apply({}, [X, Y], training=True, rngs={"dropout": key})  # noqa: E731
    mean = np.mean(jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(2), 3000)), axis=0)
    np.testing.assert_allclose(mean, layer([X, Y]), atol=0.15)


@pytest.mark.parametrize(
    "attend",
    [
        lambda x, y: fk.nn.MultiHeadAttention(2, 3)(x, y, use_causal_mask=True),
        lambda x, y: fk.nn.MultiHeadAttention(2, 3, sliding_window=2)(x, y, return_attention_scores=True)[0],
        lambda x, y: fk.nn.GroupQueryAttention(3, 4, 2, sliding_window=2)(x, y),
        lambda x, y: fk.nn.Attention()([x, y], use_causal_mask=True),
        lambda x, y: fk.nn.AdditiveAttention()([x, y]),
    ],
    ids=["MHA", "MHA_window", "GQA", "Attention", "Additive"],
)
def test_unknown_lengths(attend):
    x, y = fk.Input((None, 4)), fk.Input((None, 4))
    outputs = attend(x, y)
    assert outputs.shape == (None, None, 4)
    model = fk.Model([x, y], outputs)
    assert jax.eval_shape(model.apply, jax.eval_shape(model.init, jax.random.key(0)), [X, Y]).shape == (3, 5, 4)


HEADS = fk.nn.MultiHeadAttention(2, 3)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.MultiHeadAttention(0, 3), "`num_heads` must be a positive integer"),
        (lambda: fk.nn.MultiHeadAttention(2, 3, value_dim=0), "`value_dim` must be a positive integer"),
        (lambda: fk.nn.MultiHeadAttention(2, 3, sliding_window=0), "`sliding_window` must be a positive integer"),
        (lambda: fk.nn.MultiHeadAttention(2, 3, dropout=2), "`dropout` must be a number between 0 and 1"),
        (lambda: fk.nn.MultiHeadAttention(2, 3, dropout=0.1, flash_attention=True), "no attention weights to drop"),
        (lambda: fk.nn.GroupQueryAttention(3, 4, 3), "num_key_value_heads must divide num_query_heads"),
        (lambda: fk.nn.Attention(score_mode="sum"), "`score_mode` must be one of"),
        (lambda: fk.nn.Attention()(fk.Input((4, 8))), r"takes a list \[query, value\]"),
        (lambda: fk.nn.Attention()([X, Y], mask=X), "takes a list of masks"),
        (lambda: HEADS(fk.Input((8,)), fk.Input((8,))), "needs sequences"),
        (lambda: HEADS(fk.Input((5, 8)), fk.Input((5, 8)), fk.Input((6, 8))), "needs one key for each value"),
        (lambda: HEADS(fk.Input((2, 3, 8)), fk.Input((2, 3, 8)), use_causal_mask=True), "no order of time"),
        (
            lambda: fk.nn.GroupQueryAttention(3, 4, 2, flash_attention=True)(
                fk.Input((5, 8)), fk.Input((5, 8)), return_attention_scores=True
            ),
            "no attention weights to drop or to return",
        ),
    ],
)
def test_errors_say_what_was_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_two_layers_that_turn_by_default_stand_in_one_model():
    x = tokens = fk.Input((5, 8))
    for name in ("one", "two"):
        x = fk.nn.RotaryAttention(4, num_query_heads=2, num_key_value_heads=1, name=name)(x, x)
    model = fk.Model(tokens, x)
    assert set(model.abstract_variables()["params"]) == {"one", "two"}
    assert model.get_layer("one").rotary == model.get_layer("two").rotary == fk.nn.RotaryEmbedding()
    assert fk.model_from_json(model.to_json()) == model
