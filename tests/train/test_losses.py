"""Losses against Keras, over a table of every public name, and the laws they keep."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import dataclasses
import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src import backend as keras_backend

from fkeras.train import losses

# Float32 sums in another order than Keras's: a few units in the last place of the largest value.
ATOL = 2e-6
B, D, C, T = 6, 3, 4, 5


# ------------------------------------------------------------------ data
def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def data(kind, rows=B, seed=0):
    """`(y_true, y_pred)` of one kind."""
    r = np.random.default_rng(seed)
    real = lambda *shape: r.normal(size=shape).astype("float32")  # noqa: E731
    one_hot = np.eye(C, dtype="float32")
    match kind:
        case "real":
            return real(rows, D), real(rows, D)
        case "real_sequence":
            return real(rows, T, D), real(rows, T, D)
        case "positive":
            return np.abs(real(rows, D)) + 0.1, np.abs(real(rows, D)) + 0.1
        case "binary":
            return r.integers(0, 2, (rows, D)), r.uniform(0.02, 0.98, (rows, D)).astype("float32")
        case "binary_logits":
            return r.integers(0, 2, (rows, D)).astype("float32"), 3 * real(rows, D)
        case "binary_edge":  # exactly 0 and 1, right and wrong
            return r.integers(0, 2, (rows, D)), r.integers(0, 2, (rows, D)).astype("float32")
        case "one_hot":
            return one_hot[r.integers(0, C, rows)], softmax(real(rows, C))
        case "one_hot_logits":
            return one_hot[r.integers(0, C, rows)], 3 * real(rows, C)
        case "one_hot_unnormalised":
            return one_hot[r.integers(0, C, rows)], r.uniform(0.1, 2, (rows, C)).astype("float32")
        case "distribution":
            return softmax(real(rows, C)), softmax(real(rows, C))
        case "sparse":
            return r.integers(0, C, rows), softmax(real(rows, C))
        case "sparse_column":
            return r.integers(0, C, (rows, 1)).astype("float32"), softmax(real(rows, C))
        case "sparse_logits":
            return r.integers(0, C, rows), 3 * real(rows, C)
        case "sparse_sequence":
            return r.integers(0, C, (rows, T)), softmax(real(rows, T, C))
        case "sparse_unknown":  # class numbers that are no classes
            return np.where(np.arange(rows) % 3 == 0, -1, np.where(np.arange(rows) % 3 == 1, 99, 2)), softmax(
                real(rows, C)
            )
        case "signs":
            return r.choice([-1, 1], (rows, D)), real(rows, D)
        case "image":
            return r.integers(0, 2, (rows, 4, 3, 2)), r.uniform(0, 1, (rows, 4, 3, 2)).astype("float32")
        case "embedding":
            e = real(rows, D)
            return np.arange(rows) % 3, e / np.linalg.norm(e, axis=-1, keepdims=True)
        case "labels":
            labels = r.integers(1, C, (rows, 3))
            labels[: rows // 2, 2:] = 0
            return labels, 2 * real(rows, 8, C)
    raise AssertionError(kind)


# Every class of keras.losses: arguments to try, and the data to try them on.
TABLE = {
    "BinaryCrossentropy": [
        ({}, "binary"),
        ({}, "binary_edge"),
        ({"from_logits": True}, "binary_logits"),
        ({"label_smoothing": 0.1}, "binary"),
    ],
    "BinaryFocalCrossentropy": [
        ({}, "binary"),
        ({"apply_class_balancing": True, "alpha": 0.4, "gamma": 3.0, "label_smoothing": 0.1}, "binary"),
        ({"from_logits": True}, "binary_logits"),
    ],
    "CTC": [({}, "labels")],
    "CategoricalCrossentropy": [
        ({}, "one_hot"),
        ({}, "one_hot_unnormalised"),
        ({"from_logits": True, "label_smoothing": 0.1}, "one_hot_logits"),
    ],
    "CategoricalFocalCrossentropy": [
        ({}, "one_hot"),
        ({"alpha": 0.5, "gamma": 1.0, "label_smoothing": 0.2}, "one_hot"),
        ({"from_logits": True}, "one_hot_logits"),
    ],
    "CategoricalGeneralizedCrossEntropy": [({}, "sparse"), ({"q": 0.9}, "sparse"), ({}, "sparse_column")],
    "CategoricalHinge": [({}, "one_hot_logits")],
    "Circle": [({}, "embedding"), ({"gamma": 2.0, "margin": 0.3, "remove_diagonal": False}, "embedding")],
    "CosineSimilarity": [({}, "real"), ({"axis": 1}, "real_sequence")],
    "Dice": [({}, "image"), ({"axis": [1, 2, 3]}, "image"), ({"axis": (1, 2)}, "image")],
    "Hinge": [({}, "signs"), ({}, "binary_logits")],
    "Huber": [({}, "real"), ({"delta": 0.3}, "real_sequence")],
    "KLDivergence": [({}, "distribution"), ({}, "one_hot")],
    "LogCosh": [({}, "real")],
    "MeanAbsoluteError": [({}, "real"), ({}, "binary")],
    "MeanAbsolutePercentageError": [({}, "positive"), ({}, "real")],
    "MeanSquaredError": [({}, "real"), ({}, "real_sequence")],
    "MeanSquaredLogarithmicError": [({}, "positive"), ({}, "real")],
    "Poisson": [({}, "positive")],
    "SparseCategoricalCrossentropy": [
        ({}, "sparse"),
        ({}, "sparse_column"),
        ({}, "sparse_sequence"),
        ({}, "sparse_unknown"),
        ({"from_logits": True}, "sparse_logits"),
        ({"ignore_class": 1, "from_logits": True}, "sparse_logits"),
    ],
    "SquaredHinge": [({}, "signs")],
    "Tversky": [({}, "image"), ({"alpha": 0.2, "beta": 0.8, "axis": [1, 2, 3]}, "image")],
}
# Every function of keras.losses, likewise.
FUNCTIONS = {
    "binary_crossentropy": [({}, "binary"), ({"from_logits": True, "axis": 0}, "binary_logits")],
    "binary_focal_crossentropy": [({"apply_class_balancing": True}, "binary")],
    "categorical_crossentropy": [({}, "one_hot"), ({"label_smoothing": 0.3}, "one_hot")],
    "categorical_focal_crossentropy": [({}, "one_hot")],
    "categorical_generalized_cross_entropy": [({"q": 0.4}, "sparse")],
    "categorical_hinge": [({}, "one_hot_logits")],
    "circle": [({}, "embedding"), ({"gamma": 3, "margin": 0.1}, "embedding")],
    "cosine_similarity": [({}, "real"), ({"axis": 0}, "real")],
    "ctc": [({}, "labels")],
    "dice": [({}, "image"), ({"axis": 1}, "image")],
    "hinge": [({}, "binary_logits")],
    "huber": [({"delta": 0.2}, "real")],
    "kl_divergence": [({}, "distribution")],
    "log_cosh": [({}, "real")],
    "mean_absolute_error": [({}, "real")],
    "mean_absolute_percentage_error": [({}, "real")],
    "mean_squared_error": [({}, "real")],
    "mean_squared_logarithmic_error": [({}, "real")],
    "poisson": [({}, "positive")],
    "sparse_categorical_crossentropy": [({}, "sparse"), ({"ignore_class": 0}, "sparse_sequence")],
    "squared_hinge": [({}, "signs")],
    "tversky": [({"alpha": 0.9, "beta": 0.2}, "image")],
}
EXCEPTIONS = {  # reason
    "Loss": "the base class, tested below",
    "get": "not a loss; tested below",
    "serialize": "likewise",
    "deserialize": "likewise",
}
# Losses that compare or sum over the rows of a batch: their value for a batch is not a sum over its rows.
WHOLE_BATCH = [
    ("Circle", {}, "embedding"),
    ("Circle", {"gamma": 2.0, "margin": 0.3, "remove_diagonal": False}, "embedding"),
    ("Dice", {}, "image"),
    ("Dice", {"axis": [0, 1]}, "image"),
    ("Tversky", {}, "image"),
    ("BinaryCrossentropy", {"axis": 0}, "binary"),
    ("CosineSimilarity", {"axis": 0}, "real"),
    ("CategoricalGeneralizedCrossEntropy", {}, "sparse"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "sparse"),
    ("CategoricalGeneralizedCrossEntropy", {}, "sparse_column"),
]

ROWS = [pytest.param(name, *case, id=f"{name}-{i}") for name, cases in TABLE.items() for i, case in enumerate(cases)]
BY_ROW = [
    pytest.param(name, *case, id=f"{name}-{i}")
    for name, cases in TABLE.items()
    for i, case in enumerate(cases)
    if (name, *case) not in WHOLE_BATCH
]


def ours(cls, kwargs=None, /, **more):
    return getattr(losses, cls)(**(kwargs or {}), **more)


def theirs(cls, kwargs=None, /, **more):
    return getattr(keras.losses, cls)(**(kwargs or {}), **more)


def near(got, want, factor=1.0):
    got, want = np.asarray(got, "float64"), np.asarray(want, "float64")
    assert got.shape == want.shape, f"shape {got.shape}, want {want.shape}"
    scale = max(1.0, np.abs(want[np.isfinite(want)]).max(initial=0.0))
    np.testing.assert_allclose(got, want, rtol=0, atol=factor * ATOL * scale)


def weights_for(shape, seed=3):
    return np.random.default_rng(seed).uniform(0.1, 2.0, shape).astype("float32")


# ------------------------------------------------------------------ the table is whole
def test_every_public_name_of_keras_is_in_the_table():
    public = {n for n in dir(keras.losses) if not n.startswith("_")}
    assert public == {*TABLE, *FUNCTIONS, *EXCEPTIONS}
    assert all(hasattr(losses, n) for n in public)


@pytest.mark.parametrize("name", [*TABLE, *FUNCTIONS, "Loss"])
def test_signature_is_keras_s(name):
    def arguments(f):
        return [(p.name, p.default) for p in inspect.signature(f).parameters.values()]

    assert arguments(getattr(losses, name)) == arguments(getattr(keras.losses, name))


# ------------------------------------------------------------------ values
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
def test_values_and_weighted_values_equal_keras(name, kwargs, kind, reduction):
    y_true, y_pred = data(kind)
    loss, oracle = ours(name, kwargs, reduction=reduction), theirs(name, kwargs, reduction=reduction)
    want = oracle(y_true, y_pred)
    near(loss(y_true, y_pred), want)
    shape = np.shape(theirs(name, kwargs, reduction="none")(y_true, y_pred))
    weights = weights_for(shape or (B,))
    near(loss(y_true, y_pred, sample_weight=weights), oracle(y_true, y_pred, sample_weight=weights))


@pytest.mark.parametrize("reduction", losses._base.REDUCTIONS)
@pytest.mark.parametrize("shape", [None, (B,), (B, 1)])
@pytest.mark.parametrize("masked", [False, True])
def test_every_reduction_with_weights_and_masks_equals_keras(reduction, shape, masked):
    y_true, y_pred = data("real")
    weights = None if shape is None else weights_for(shape)
    mask = np.array([1, 0, 1, 1, 0, 1], bool) if masked else None
    for_keras = jnp.array(y_pred)
    if masked:
        keras_backend.set_keras_mask(for_keras, jnp.asarray(mask))
    want = keras.losses.MeanSquaredError(reduction=reduction)(y_true, for_keras, sample_weight=weights)
    near(losses.MeanSquaredError(reduction=reduction)(y_true, y_pred, sample_weight=weights, mask=mask), want)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", None])
@pytest.mark.parametrize("weight_shape", [None, (B, T), (B, 1)])
def test_masks_of_sequences_equal_keras(reduction, weight_shape):
    y_true, y_pred = data("sparse_sequence")
    mask = np.arange(T) < np.arange(1, B + 1)[:, None]
    weights = None if weight_shape is None else weights_for(weight_shape)
    for_keras = jnp.array(y_pred)
    keras_backend.set_keras_mask(for_keras, jnp.asarray(mask))
    name = "SparseCategoricalCrossentropy"
    want = theirs(name, reduction=reduction)(y_true, for_keras, sample_weight=weights)
    near(ours(name, reduction=reduction)(y_true, y_pred, sample_weight=weights, mask=mask), want)


def test_a_mask_and_ignore_class_together_equal_keras():
    y_true, y_pred = data("sparse_sequence")
    mask = np.arange(T) < np.arange(1, B + 1)[:, None]
    for_keras = jnp.array(y_pred)
    keras_backend.set_keras_mask(for_keras, jnp.asarray(mask))
    kwargs = {"ignore_class": 2}
    want = theirs("SparseCategoricalCrossentropy", kwargs)(y_true, for_keras)
    near(ours("SparseCategoricalCrossentropy", kwargs)(y_true, y_pred, mask=mask), want)


def test_an_empty_mask_gives_0_with_gradient_0():
    y_true, y_pred = data("real")
    value, grad = jax.value_and_grad(lambda p: losses.MeanSquaredError()(y_true, p, mask=np.zeros(B, bool)))(y_pred)
    assert value == 0
    assert not np.asarray(grad).any()


def test_a_masked_value_may_be_anything():
    y_true, y_pred = data("real")
    broken = y_pred.copy()
    broken[1] = np.nan
    mask = np.arange(B) != 1
    near(losses.MeanSquaredError()(y_true, broken, mask=mask), losses.MeanSquaredError()(y_true, y_pred, mask=mask))


@pytest.mark.parametrize(
    ("name", "kwargs", "kind"),
    [pytest.param(n, *case, id=f"{n}-{i}") for n, cases in FUNCTIONS.items() for i, case in enumerate(cases)],
)
def test_functions_equal_keras(name, kwargs, kind):
    y_true, y_pred = data(kind)
    if name in ("mean_squared_error", "huber"):  # Keras's functions also bring (n,) and (n, 1) together
        near(
            getattr(losses, name)(y_true[:, 0], y_pred[:, :1]), getattr(keras.losses, name)(y_true[:, 0], y_pred[:, :1])
        )
    y_true_keras = (
        y_true if name.startswith(("sparse", "ctc", "circle")) or "generalized" in name else y_true.astype("float32")
    )
    near(getattr(losses, name)(y_true, y_pred, **kwargs), getattr(keras.losses, name)(y_true_keras, y_pred, **kwargs))


def test_circle_compares_with_other_embeddings_as_keras():
    labels, embeddings = data("embedding")
    others, references = data("embedding", rows=4, seed=1)
    got = losses.circle(labels, embeddings, others, references, remove_diagonal=False)
    near(got, keras.losses.circle(labels, embeddings, others, references, remove_diagonal=False))


# ------------------------------------------------------------------ gradients
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_gradients_equal_keras_and_are_finite(name, kwargs, kind):
    y_true, y_pred = data(kind)
    y_pred = jnp.asarray(y_pred)
    loss, oracle = ours(name, kwargs), theirs(name, kwargs)
    got = jax.grad(lambda p: loss(y_true, p))(y_pred)
    assert np.isfinite(got).all()
    near(got, jax.grad(lambda p: oracle(y_true, p))(y_pred), factor=10)  # slopes of clipped logs go up to 1e7


@pytest.mark.parametrize(
    ("name", "y_true", "y_pred"),
    [
        ("CosineSimilarity", np.zeros((2, 3)), np.zeros((2, 3))),  # Keras: NaN
        ("CategoricalGeneralizedCrossEntropy", np.array([0, 7]), np.array([[0.0, 1.0], [0.5, 0.5]])),  # Keras: NaN, inf
        ("Circle", np.arange(3), np.eye(3)),  # nobody has a companion
        ("Circle", np.zeros(3, int), np.eye(3)),  # nobody has an opponent
        ("MeanSquaredLogarithmicError", -np.ones((2, 2)), -np.ones((2, 2))),
        ("Dice", np.zeros((2, 2)), np.zeros((2, 2))),
    ],
)
def test_gradients_are_finite_where_formulas_are_not(name, y_true, y_pred):
    value, grad = jax.value_and_grad(lambda p: jnp.sum(ours(name, reduction="sum")(y_true, p)))(
        jnp.asarray(y_pred, jnp.float32)
    )
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


def test_ignored_predictions_may_be_anything():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=0)
    y_pred = jnp.array([[0.0, 0.0], [0.5, 0.5]])  # an ignored row that sums to 0
    value, grad = jax.value_and_grad(lambda p: loss(np.array([0, 1]), p))(y_pred)
    near(value, np.log(2))
    assert np.isfinite(grad).all()


# ------------------------------------------------------------------ JAX's transformations and dtypes
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_jit_vmap_and_half_precision(name, kwargs, kind):
    y_true, y_pred = data(kind)
    loss = ours(name, kwargs)
    eager = loss(y_true, y_pred)
    near(jax.jit(loss)(y_true, y_pred), eager)
    static = jax.jit(lambda fn, t, p: fn(t, p), static_argnums=0)  # a loss hashes
    near(static(loss, y_true, y_pred), eager)
    pair = [np.stack([a, b]) for a, b in zip(data(kind), data(kind, seed=1), strict=True)]
    near(jax.vmap(loss)(*pair), np.stack([eager, loss(*data(kind, seed=1))]))
    half = loss(y_true, jnp.asarray(y_pred, jnp.bfloat16))
    assert half.dtype == jnp.float32  # predictions are cast to the loss's dtype, as in Keras
    near(half, loss(y_true, np.asarray(jnp.asarray(y_pred, jnp.bfloat16), "float32")))
    narrow = ours(name, kwargs, dtype="bfloat16")(y_true, y_pred)
    assert narrow.dtype == jnp.bfloat16
    # 8 bits of mantissa, and a circle's gamma of 80 multiplies what they lose
    assert abs(float(narrow) - float(eager)) <= (1.0 if name == "Circle" else 0.05) * max(1.0, abs(float(eager)))


@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_strict_promotion_of_dtypes_and_ranks(name, kwargs, kind):
    y_true, y_pred = data(kind)
    loss = ours(name, kwargs)
    want = loss(y_true, y_pred)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        near(loss(y_true, y_pred), want)
        weighted = loss(y_true, y_pred, sample_weight=np.ones(B, "int32"), mask=np.ones(B, bool))
    near(weighted, want)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "uint8", "float16", "float64"])
def test_targets_of_any_dtype(dtype):
    y_true, y_pred = data("binary")
    for name in ("BinaryCrossentropy", "MeanSquaredError", "Hinge"):
        near(ours(name)(y_true.astype(dtype), y_pred), theirs(name)(y_true.astype("float32"), y_pred))
    y_true, y_pred = np.arange(B) % 2, softmax(np.random.default_rng(0).normal(size=(B, 2)))
    near(
        losses.SparseCategoricalCrossentropy()(jnp.asarray(y_true.astype(dtype)), y_pred),
        theirs("SparseCategoricalCrossentropy")(y_true, y_pred),
    )


def test_a_half_precision_function_computes_in_float32_and_answers_in_half():
    got = losses.binary_crossentropy(np.array([[0.0]]), jnp.array([[1.0]], jnp.bfloat16))
    assert got.dtype == jnp.bfloat16
    assert np.isfinite(float(got[0]))  # in bfloat16 itself 1 - 1e-7 is 1, and the logarithm of 0 infinite


# ------------------------------------------------------------------ exact under batching
@pytest.mark.parametrize(("name", "kwargs", "kind"), BY_ROW)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", "sum"])
def test_padded_batches_add_up_to_the_loss_of_the_whole(name, kwargs, kind, reduction):
    y_true, y_pred = data(kind)
    loss = ours(name, kwargs, reduction=reduction)
    assert losses.is_known(loss)
    weights = weights_for(B)
    total = count = 0.0
    for start in (0, 4):  # batches of 4 rows, the second with 2 of padding
        rows = [np.resize(a[start : start + 4], (4, *a.shape[1:])) for a in (y_true, y_pred, weights)]
        valid = np.arange(4) < B - start
        rows = [np.where(valid.reshape((4,) + (1,) * (a.ndim - 1)), a, 3).astype(a.dtype) for a in rows]
        n, d = losses.weighted_sum_and_count(loss, rows[0], rows[1], sample_weight=rows[2], valid=valid)
        assert n.shape == d.shape == ()
        assert n.dtype == d.dtype == jnp.float32
        total, count = total + float(n), count + float(d)
    want = loss(y_true, y_pred, sample_weight=weights)
    near(total / (count or 1.0), want)
    assert (count == 0) == (reduction == "sum")


@pytest.mark.parametrize(("name", "kwargs", "kind"), WHOLE_BATCH)
def test_losses_of_a_whole_batch_say_so(name, kwargs, kind):
    loss = ours(name, kwargs)
    assert not losses.is_known(loss)
    numerator, denominator = losses.weighted_sum_and_count(loss, *data(kind))
    near(numerator / denominator, theirs(name, kwargs)(*data(kind)))


def test_flat_rows_are_told_apart():
    """Keras takes the mean of `(n,)` and `(n,)` before it sees weights; here each row has its weight."""
    y_true, y_pred = data("real")[0][:, 0], data("real")[1][:, 0]
    weights, loss = weights_for(B), losses.MeanSquaredError()
    near(loss(y_true, y_pred), keras.losses.MeanSquaredError()(y_true, y_pred))
    near(loss(y_true, y_pred, sample_weight=weights), np.mean(weights * (y_true - y_pred) ** 2))
    numerator, denominator = losses.weighted_sum_and_count(loss, y_true, y_pred, valid=np.arange(B) < 4)
    near(numerator / denominator, np.mean((y_true - y_pred)[:4] ** 2))


def test_weights_for_samples_of_several_values():
    """`(batch,)` weights on `(batch, time)` values: Keras refuses, or where batch = time spreads them the wrong way."""
    y_true, y_pred = data("sparse_sequence", rows=T)
    weights = weights_for(T)
    values = losses.sparse_categorical_crossentropy(y_true, y_pred)
    near(
        losses.SparseCategoricalCrossentropy()(y_true, y_pred, sample_weight=weights),
        np.mean(weights[:, None] * values),
    )


# ------------------------------------------------------------------ configs and names
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_config_round_trip_both_ways(name, kwargs, kind):
    y_true, y_pred = data(kind)
    loss = ours(name, kwargs, reduction="sum", name="mine")
    config = json.loads(json.dumps(losses.serialize(loss)))
    of_keras = json.loads(json.dumps(keras.losses.serialize(theirs(name, kwargs, reduction="sum", name="mine"))))
    forgotten = {"delta", "axis"} - set(of_keras["config"])  # what Keras leaves out of its own config
    kept = {k: config["config"].pop(k) for k in forgotten & set(config["config"])}
    assert config == of_keras
    assert all(np.all(kept[k] == kwargs[k]) for k in kept)
    config["config"] |= kept
    again = losses.deserialize(config)
    assert again == loss
    assert hash(again) == hash(loss)
    # Keras reads ours, delta and axis too. (Not `keras.losses.deserialize`: it does not know one of its own classes.)
    near(keras.saving.deserialize_keras_object(config)(y_true, y_pred), loss(y_true, y_pred))
    assert losses.deserialize(of_keras) == loss or kept  # and we read Keras's, which may have lost something


def test_defaults_are_keras_s_config():
    for name in TABLE:
        assert losses.serialize(ours(name)) == keras.losses.serialize(theirs(name)), name


@pytest.mark.parametrize(
    "name", sorted({*keras.src.losses.ALL_OBJECTS_DICT} - {"Loss", "LossFunctionWrapper"})
)  # two bases, not losses
def test_every_string_of_keras(name):
    found, oracle = losses.get(name), keras.losses.get(name)
    if inspect.isfunction(oracle):
        assert found.fn.__name__ == oracle.__name__
        assert losses.deserialize(losses.serialize(found)) is found.fn
        assert losses.get(keras.losses.serialize(oracle)) == found
    else:
        assert type(found).__name__ == type(oracle).__name__


@pytest.mark.parametrize("name", ["crossentropy", "CE"])
def test_crossentropy_goes_by_the_shapes(name):
    loss = losses.get(name)
    for class_name, kind in (("CategoricalCrossentropy", "one_hot"), ("SparseCategoricalCrossentropy", "sparse")):
        near(loss(*data(kind)), theirs(class_name)(*data(kind)))
    column = [a[:, :1] for a in data("binary")]
    near(loss(*column), keras.losses.BinaryCrossentropy()(*column))
    assert losses.get(losses.serialize(loss))(*column) == loss(*column)


def test_a_wrapped_function_round_trips():
    loss = losses.LossFunctionWrapper(losses.huber, name="h", delta=0.5)
    again = losses.deserialize(json.loads(json.dumps(losses.serialize(loss))))
    assert again == loss
    near(again(*data("real")), keras.losses.Huber(0.5)(*data("real")))
    mine = keras.src.losses.losses.LossFunctionWrapper(keras.losses.huber, name="h", delta=0.5)
    assert losses.deserialize(keras.losses.serialize(mine)) == loss


def test_a_function_of_ones_own():
    def cubed(y_true, y_pred):
        return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)

    loss = losses.get(cubed)
    assert loss.name == "cubed"
    assert not losses.is_known(loss)
    near(loss(*data("real")), np.mean(np.abs(np.subtract(*data("real"))) ** 3))
    config = losses.serialize(loss)
    assert losses.get(config, custom_objects={"cubed": cubed}) == loss
    with pytest.raises(TypeError, match="lambda"):
        losses.serialize(losses.get(lambda y, p: p))


# ------------------------------------------------------------------ frozen, and open to subclasses
def test_a_loss_is_frozen():
    loss = losses.Huber(0.5)
    with pytest.raises(AttributeError):
        loss.delta = 2.0
    assert losses.Huber(0.5) == loss != losses.Huber(0.6)
    assert len({loss, losses.Huber(0.5), losses.MeanSquaredError()}) == 2
    assert dataclasses.replace(loss, delta=1.0) == losses.Huber()


def test_subclasses_as_keras_users_write_them():
    class Scaled(losses.Loss):
        def __init__(self, factor, name="scaled", **kwargs):
            super().__init__(name=name, **kwargs)
            self.factor = factor

        def call(self, y_true, y_pred):
            assert y_true.dtype == y_pred.dtype == jnp.float32
            return self.factor * jnp.mean(jnp.square(y_true - y_pred), axis=-1)

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    loss = Scaled(2.0, reduction="sum")
    y_true, y_pred = data("binary")
    near(loss(y_true > 0, y_pred), 2 * keras.losses.MeanSquaredError("sum")(y_true, y_pred))
    assert Scaled(2.0) != Scaled(3.0)
    with pytest.raises(AttributeError, match="frozen"):
        loss.factor = 3.0
    assert losses.deserialize(losses.serialize(loss), {"Scaled": Scaled}) == loss


def test_subclasses_as_dataclasses():
    @dataclasses.dataclass(frozen=True)
    class Scaled(losses.Loss):
        factor: float = 2.0

        def call(self, y_true, y_pred):
            return self.factor * jnp.mean(jnp.square(y_true - y_pred), axis=-1)

    assert Scaled().name == "scaled"
    near(Scaled(3.0)(*data("real")), 3 * keras.losses.MeanSquaredError()(*data("real")))
    assert Scaled(3.0).get_config() == {"name": "scaled", "reduction": "sum_over_batch_size", "factor": 3.0}


def test_predictions_may_be_a_pytree():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return sum(jnp.mean(jnp.square(y_true[k] - y_pred[k]), axis=-1) for k in y_true)

    y_true, y_pred = ({"a": a, "b": 2 * a} for a in data("real"))
    near(Both()(y_true, y_pred), 5 * keras.losses.MeanSquaredError()(*data("real")))


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: losses.MeanSquaredError("sums"),
            r"(?s)unknown reduction 'sums'.*Did you mean 'sum'.*sum_over_batch_size",
        ),
        (lambda: losses.get("men_squared_error"), r"(?s)Unknown name.*Did you mean 'mean_squared_error'"),
        (lambda: losses.get(3), r"Cannot make one of losses from a int"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), r"(?s)q between 0 and 1.*q=1.0"),
        (
            lambda: losses.CategoricalCrossentropy()(np.arange(4), np.ones((4, 3))),
            r"(?s)one-hot.*y_true \(4,\), y_pred \(4, 3\).*integer labels.*SparseCategoricalCrossentropy",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy()(np.eye(3), np.ones((3, 3))),
            r"(?s)one class number.*y_true \(3, 3\), y_pred \(3, 3\).*one-hot.*categorical_crossentropy",
        ),
        (
            lambda: losses.MeanSquaredError()(np.ones(4), np.ones((4, 3))),
            r"(?s)do not fit.*y_true \(4,\), y_pred \(4, 3\).*Dense",
        ),
        (lambda: losses.MeanSquaredError()(np.ones((4, 2)), np.ones((4, 3))), r"(?s)y_true \(4, 2\), y_pred \(4, 3\)"),
        (
            lambda: losses.BinaryCrossentropy()(np.ones((4, 1)), np.ones((4, 3))),
            r"(?s)y_true \(4, 1\), y_pred \(4, 3\)",
        ),
        (
            lambda: losses.MeanSquaredError()(np.ones((4, 2)), np.ones((4, 2)), sample_weight=np.ones((4, 2))),
            r"(?s)do not fit.*shape \(4, 2\) for values of shape \(4, 1\)",
        ),
        (
            lambda: losses.MeanSquaredError()(np.ones((4, 2)), np.ones((4, 2)), sample_weight=np.ones(3)),
            r"\(3,\) for values",
        ),
        (lambda: losses.CTC()(np.ones(4), np.ones((4, 3))), r"(?s)labels \(batch, label length\).*y_true \(4,\)"),
        (lambda: losses.deserialize({"class_name": "Hubert", "config": {}}), r"(?s)Hubert.*Did you mean 'Huber'"),
    ],
)
def test_errors_say_what_to_write(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_shape_errors_come_at_trace_time():
    with pytest.raises(ValueError, match="SparseCategoricalCrossentropy"):
        jax.eval_shape(losses.CategoricalCrossentropy(), jnp.zeros(4, int), jnp.zeros((4, 3)))


def test_a_loss_without_call():
    with pytest.raises(NotImplementedError, match="Loss has no `call`"):
        losses.Loss()(np.ones(2), np.ones(2))


@pytest.mark.parametrize("name", ["CategoricalCrossentropy", "CategoricalFocalCrossentropy"])
@pytest.mark.parametrize("from_logits", [False, True])
def test_smoothed_classes_on_an_inner_axis_are_keras_s(name, from_logits):
    rng = np.random.default_rng(0)
    y_pred, y_true = (rng.random((2, 3, 4, 5)).astype("float32") for _ in range(2))
    for axis in (1, -2, -1):
        settings = {"axis": axis, "label_smoothing": 0.1, "from_logits": from_logits}
        want = getattr(keras.losses, name)(**settings)(y_true, y_pred)
        got = getattr(losses, name)(**settings)(y_true, y_pred)
        np.testing.assert_allclose(got, want, rtol=1e-5)
