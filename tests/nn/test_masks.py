"""Masks flow along graphs to the layers that take them, as in Keras."""

import jax
import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
TOKENS = np.array([[3, 1, 2, 0, 0], [4, 0, 1, 2, 0], [1, 2, 3, 4, 1]], "int32")


def lstm(lib, layers):
    x = lib.Input((5,), dtype="int32")
    h = layers.Embedding(5, 4, mask_zero=True, name="embed")(x)
    h = layers.LSTM(3, return_sequences=True, name="first")(h)
    return lib.Model(x, layers.LSTM(3, name="second")(h))


def backwards(lib, layers):
    x = lib.Input((5,), dtype="int32")
    h = layers.Embedding(5, 4, mask_zero=True, name="embed")(x)
    return lib.Model(x, layers.GRU(3, go_backwards=True, return_sequences=True, name="first")(h))


def average(lib, layers):
    x = lib.Input((5,), dtype="int32")
    h = layers.Embedding(5, 4, mask_zero=True, name="embed")(x)
    return lib.Model(x, layers.GlobalAveragePooling1D()(layers.Dropout(0.1)(h)))


def inside(lib, layers):
    """The mask goes through a Sequential and out of it."""
    x = lib.Input((5,), dtype="int32")
    inner = lib.Sequential([lib.Input((5,), dtype="int32"), layers.Embedding(5, 4, mask_zero=True, name="embed")])
    return lib.Model(x, layers.LSTM(3, name="first")(inner(x)))


def masking(lib, layers):
    x = lib.Input((5,), dtype="int32")
    h = layers.Reshape((5, 1))(x)
    h = layers.Masking(0.0)(layers.Rescaling(1.0)(h))
    return lib.Model(x, layers.LSTM(3, name="first")(h))


def with_state(lib, layers):
    """A masked first step shows the initial state."""
    x = lib.Input((5,), dtype="int32")
    h = layers.Masking(3.0)(layers.Rescaling(1.0)(layers.Reshape((5, 1))(x)))
    start = layers.Dense(3, name="start")(layers.Rescaling(1.0)(x))
    mask = layers.Embedding(5, 2, mask_zero=True, name="embed").compute_mask(x) if lib is keras else x != 0
    return lib.Model(x, layers.GRU(3, return_sequences=True, name="first")(h, initial_state=start, mask=mask))


def scores(lib, layers):
    """A layer with several outputs: the mask is the first one's."""
    x = lib.Input((5,), dtype="int32")
    h = layers.Embedding(5, 4, mask_zero=True, name="embed")(x)
    return lib.Model(x, layers.LSTM(3, name="first")(layers.Attention()([h, h], return_attention_scores=True)[0]))


def unrolled(lib, layers):
    """An unrolled loop knows no `zero_output_for_mask`, as in Keras."""
    x = lib.Input((5,), dtype="int32")
    h = layers.Embedding(5, 4, mask_zero=True, name="embed")(x)
    settings = {"return_sequences": True, "unroll": True, "zero_output_for_mask": True}
    return lib.Model(x, layers.GRU(3, name="first", **settings)(h))


def merged(name, **kwargs):
    """Two masked branches become one, in numbers and in the mask that the LSTM sees."""

    def describe(lib, layers):
        x = lib.Input((5,), dtype="int32")
        one = layers.Embedding(5, 4, mask_zero=True, name="embed")(x)
        two = layers.Masking(3.0)(layers.Rescaling(1.0)(layers.Reshape((5, 1))(x)))
        two = layers.Concatenate()([two] * 4)
        return lib.Model(x, layers.LSTM(3, name="first")(getattr(layers, name)(**kwargs)([one, two])))

    describe.__name__ = name
    return describe


MERGED = [merged(n) for n in ("Add", "Multiply", "Maximum", "Minimum")] + [merged("Concatenate", axis=2)]


@pytest.mark.parametrize(
    "describe",
    [lstm, backwards, average, inside, masking, scores, with_state, unrolled, *MERGED],
    ids=lambda f: f.__name__,
)
def test_masks_flow_as_in_keras(describe, tmp_path):
    with jax.numpy_rank_promotion("allow"):
        theirs = describe(keras, keras.layers)
        want = np.asarray(theirs(TOKENS, training=False))
    theirs.save_weights(tmp_path / "x.weights.h5")
    model = describe(fk, fk.nn)
    variables = model.load_weights(tmp_path / "x.weights.h5", model.init(jax.random.key(0)))
    np.testing.assert_allclose(model.apply(variables, TOKENS), want, atol=1e-5)
    np.testing.assert_allclose(jax.jit(model.apply)(variables, TOKENS), want, atol=1e-5)


def test_both_directions_run_inside_time_distributed():
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    layer = fk.nn.TimeDistributed(fk.nn.Bidirectional(fk.nn.LSTM(3)))
    variables = layer.init(jax.random.key(0), x)
    inner = {"params": variables["params"]["layer"]}
    want = np.stack([layer.layer.apply(inner, x[:, t]) for t in range(4)], axis=1)
    np.testing.assert_allclose(layer.apply(variables, x), want, atol=1e-6)  # batched products sum in another order


def test_a_mask_reaches_the_loss():
    x = fk.Input((5,), dtype="int32")
    h = fk.nn.Embedding(5, 4, mask_zero=True)(x)
    model = fk.Model(x, fk.nn.Dense(1)(h))
    trainer = model.compile("sgd", "mse", metrics=["mae"])
    state = trainer.init(0)
    y = np.zeros((3, 5, 1), "float32")
    got = trainer.evaluate(state, TOKENS, y)
    outputs = np.asarray(model.apply(state.variables, TOKENS))
    kept = outputs[TOKENS != 0]
    assert got["loss"] == pytest.approx(float(np.mean(kept**2)), rel=1e-5)
    spoilt = y.copy()
    spoilt[TOKENS == 0] = 99
    assert trainer.evaluate(state, TOKENS, spoilt)["loss"] == pytest.approx(got["loss"], rel=1e-6)
