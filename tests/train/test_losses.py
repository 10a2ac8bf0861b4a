"""Losses: weights and masks, edges, configs by name, subclasses, errors."""

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

from ..conformance.table_losses import B, T, data, near, ours, softmax, theirs, weights_for


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


def test_circle_compares_with_other_embeddings_as_keras():
    labels, embeddings = data("embedding")
    others, references = data("embedding", rows=4, seed=1)
    got = losses.circle(labels, embeddings, others, references, remove_diagonal=False)
    near(got, keras.losses.circle(labels, embeddings, others, references, remove_diagonal=False))


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
    summed = jax.jit(jax.value_and_grad(lambda p: jnp.sum(ours(name, reduction="sum")(y_true, p))))
    value, grad = summed(y_pred.astype("float32"))
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


def test_ignored_predictions_may_be_anything():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=0)
    y_pred = jnp.array([[0.0, 0.0], [0.5, 0.5]])  # an ignored row that sums to 0
    value, grad = jax.jit(jax.value_and_grad(lambda p: loss(np.array([0, 1]), p)))(y_pred)
    near(value, np.log(2))
    assert np.isfinite(grad).all()


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


@pytest.mark.sweep
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
