"""Masks flow along graphs to the layers that take them, as in Keras."""

import jax
import numpy as np
import pytest

import fkeras as fk

from ..conformance.descriptors import rows

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


@pytest.mark.sweep(2)
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
    zeros = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), jax.eval_shape(model.init, jax.random.key(0)))
    variables = model.load_weights(tmp_path / "x.weights.h5", zeros)
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


# ------------------------------------------------------------------ masks of other data
MASKED = [row for row in rows() if {"mask", "query_mask"} & set(row.layer(fk.nn)._call_parameters.names)]
# Softmax's mask has the shape of what it hides, a Lambda's is its function's; a Pipeline and a Repeat hand it on.
NOT_CHECKED = ("Lambda", "Softmax", "Pipeline", "Repeat")


def wrong_masks(row):
    """Keyword arguments of a call, each with one mask that is a step too long."""
    args = row.args()
    names = row.layer(fk.nn)._call_parameters.names
    if "query_mask" in names:
        for name, x in zip(("query_mask", "value_mask", "key_mask"), (*args, args[1]), strict=False):
            yield {name: np.ones((x.shape[0], x.shape[1] + 1), bool)}
        yield {"attention_mask": np.ones((args[0].shape[0], args[0].shape[1], args[1].shape[1] + 1), bool)}
        return
    several = isinstance(args[0], list | tuple)
    first = args[0][0] if several else args[0]
    steps = first.shape[2] if row.kwargs.get("data_format") == "channels_first" and first.ndim == 3 else first.shape[1]
    wrong = np.ones((first.shape[0], steps + 1, *first.shape[2:-1][: first.ndim - 3]), bool)
    if first.ndim > 3 and "LSTM" in row.cls:
        wrong = wrong[..., *(0,) * (wrong.ndim - 2)]
    yield {"mask": [wrong] * len(args[0]) if several else wrong}


@pytest.mark.sweep(3)
@pytest.mark.parametrize("row", MASKED, ids=lambda row: row.id)
def test_a_mask_of_another_length_is_refused_by_name(row):
    if row.cls in NOT_CHECKED:
        pytest.skip("no mask of steps")
    layer = row.layer(fk.nn)
    for kwargs in wrong_masks(row):
        with pytest.raises(ValueError, match=r"mask[\s\S]*Received"):
            layer.init(0, *row.args(), **kwargs)


X = np.ones((4, 5, 3), "float32")


def traced(layer, mask):
    """A call of the layer, with nothing computed."""
    return jax.eval_shape(lambda key: layer.init(key, X, mask=mask), jax.random.key(0))


@pytest.mark.parametrize(
    ("layer", "fitting", "wrong"),
    [
        (fk.nn.TimeDistributed(fk.nn.Dense(2)), [(4, 5), (4, 5, 1)], [(4, 6), (3, 5), (1, 5), (4, 1), (5,), (5, 4)]),
        (fk.nn.LSTM(2), [(4, 5), (1, 5), (4, 5, 1)], [(4, 6), (3, 5), (4, 1), (5,), (5, 4)]),
        (fk.nn.Bidirectional(fk.nn.GRU(2)), [(4, 5), (1, 5)], [(4, 6), (3, 5), (4, 1), (5,)]),
        (fk.nn.RNN(fk.nn.LSTMCell(2)), [(4, 5)], [(4, 6), (3, 5), (4, 1), (5,)]),
        (fk.nn.GlobalAveragePooling1D(), [(4, 5), (1, 5), (4, 1)], [(4, 6), (3, 5), (5,), (4, 5, 1)]),
        (fk.nn.BatchNormalization(), [(4, 5)], [(4, 6), (3, 5), (5,)]),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, fk.nn.Layer) else "",
)
def test_which_masks_fit_is_as_in_keras(layer, fitting, wrong):
    """What real Keras 3.15 takes and refuses, tried there shape by shape."""
    for shape in fitting:
        traced(layer, np.ones(shape, bool))
    for shape in wrong:
        with pytest.raises(ValueError, match=r"got a mask that does not fit its input|takes a mask with one axis less"):
            traced(layer, np.ones(shape, bool))


def test_masks_written_out_as_lists_are_masks_and_other_things_are_not():
    layer, x = fk.nn.LSTM(2), X[:1]
    variables = layer.init(0, x)
    seen = [[True, True, True, False, False]]
    np.testing.assert_array_equal(layer.apply(variables, x, mask=seen), layer.apply(variables, x, mask=np.array(seen)))
    with pytest.raises(TypeError, match=r"takes an array as mask"):
        layer.apply(variables, x, mask="all")


def test_a_model_takes_a_mask_for_each_input():
    a, b = fk.Input((5, 3)), fk.Input((5, 3))
    model = fk.Model([a, b], fk.nn.LSTM(2)(fk.nn.Add()([a, b])))
    variables = model.init(0)
    mask = np.ones((4, 5), bool)
    assert model.apply(variables, [X, X], mask=[mask, mask]).shape == (4, 2)
    for masks in (mask, [mask] * 3):
        with pytest.raises(ValueError, match=r"takes a mask for each of its inputs"):
            model.apply(variables, [X, X], mask=masks)
    with pytest.raises(ValueError, match=r"takes a list of masks"):
        fk.nn.Maximum().apply({}, [X, X], mask=mask)
    with pytest.raises(ValueError, match=r"mask of input 1 that does not fit"):
        fk.nn.Maximum().apply({}, [X, X], mask=[mask, mask[:, :3]])


LOSSES = ["MeanSquaredError", "CategoricalCrossentropy", "Dice", "Huber", "CosineSimilarity"]
METRICS = ["MeanAbsoluteError", "CategoricalAccuracy", "AUC", "Precision", "Hinge"]


def weighed(name, y, **kwargs):
    if name in LOSSES:
        return getattr(fk.losses, name)()(y, y, **kwargs)
    metric = getattr(fk.metrics, name)().sized_for(y.shape, y.shape)
    return metric.update(metric.empty(), y, y, **kwargs)


@pytest.mark.parametrize("name", LOSSES + METRICS)
def test_losses_and_metrics_refuse_masks_and_weights_of_other_data(name):
    y = X / 3
    for shape in ((4, 6), (3, 5), (6,)):
        for what in ("mask", "sample_weight"):
            with pytest.raises(ValueError, match=r"do not fit"):
                jax.eval_shape(lambda w, what=what: weighed(name, y, **{what: w}), np.ones(shape, "float32"))
