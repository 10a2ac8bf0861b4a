"""Metrics: weights and masks, scikit-learn's numbers, names resolved by shapes, subclasses, errors."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import sklearn.metrics
from keras.src import backend as keras_backend

from fkeras.train import losses, metrics

from ..conformance.table_losses import B, C, data, near, softmax
from ..conformance.table_metrics import FUNCTIONS, TABLE, same_state, state_of, value_of, weights_for

# Keras tells that weights of an IoU are cut to integers.
pytestmark = pytest.mark.filterwarnings("ignore:You are passing weight as `float`")


def test_of_functions_keras_s_own_have_a_goal():
    assert metrics.get(losses.cosine_similarity).goal == metrics.get("mse").goal == "min"
    assert all(metrics.MeanMetricWrapper(getattr(metrics, name)).goal == "max" for name in FUNCTIONS)
    assert metrics.get(losses.Huber()).goal == "min"
    assert metrics.get(lambda y, p: p).goal is None


@pytest.mark.parametrize("kind", ["real_sequence", "real"])
@pytest.mark.parametrize("weight_shape", [None, (B,), (B, 1), "full"])
def test_means_with_weights_and_masks_equal_keras(kind, weight_shape):
    y_true, y_pred = data(kind)
    shape = y_pred.shape[:-1]
    weight_shape = shape if weight_shape == "full" else weight_shape
    r = np.random.default_rng(0)
    weights = None if weight_shape is None else r.uniform(0.1, 2, weight_shape).astype("float32")
    near(
        value_of(metrics.MeanSquaredError(), (y_true, y_pred), weights),
        keras.metrics.MeanSquaredError()(y_true, y_pred, sample_weight=weights),
    )
    mask = r.integers(0, 2, shape).astype(bool)
    if weights is not None and weights.ndim != mask.ndim:
        return  # Keras multiplies them by numpy's rules, along the wrong axis; ours is tested below
    for_keras = jnp.array(y_pred)
    keras_backend.set_keras_mask(for_keras, jnp.asarray(mask))
    want = keras.metrics.MeanSquaredError()(y_true, for_keras, sample_weight=weights)
    near(value_of(metrics.MeanSquaredError(), (y_true, y_pred), weights, mask=mask), want)


def test_weights_of_rows_and_a_mask_of_steps_multiply():
    y_true, y_pred = data("real_sequence")
    weights, mask = weights_for({}, B), np.arange(5) < np.arange(1, B + 1)[:, None]
    got = value_of(metrics.MeanSquaredError(), (y_true, y_pred), weights, mask=mask)
    near(got, value_of(metrics.MeanSquaredError(), (y_true, y_pred), weights[:, None] * mask))


def test_half_precision_predictions_are_averaged_in_float32():
    y_true, y_pred = data("real", rows=64)
    half = jnp.asarray(y_pred, jnp.bfloat16)
    got = value_of(metrics.MeanSquaredError(), (y_true, half))
    assert got.dtype == jnp.float32
    near(got, keras.metrics.MeanSquaredError()(y_true, np.asarray(half, "float32")))


def test_flat_rows_are_told_apart_where_they_have_weights():
    """Keras refuses weights for `(n,)` and `(n,)`: it has taken the mean of the batch before it sees them."""
    y_true, y_pred = (a[:, 0] for a in data("real"))
    weights = weights_for({}, B)
    got = value_of(metrics.MeanSquaredError(), (y_true, y_pred), weights)
    near(got, np.average((y_true - y_pred) ** 2, weights=weights))


def test_a_function_that_averages_the_batch_may_have_weights():
    metric = metrics.MeanMetricWrapper(lambda t, p: jnp.mean((t - p) ** 2))
    y_true, y_pred = data("real")
    weights = weights_for({}, B)
    near(value_of(metric, (y_true, y_pred)), np.mean((y_true - y_pred) ** 2))
    near(value_of(metric, (y_true, y_pred), weights), np.average(((y_true - y_pred) ** 2).mean(-1), weights=weights))


# ------------------------------------------------------------------ scikit-learn
def test_equal_scikit_learn():
    r = np.random.default_rng(0)
    y_true = r.integers(0, 2, 500)
    y_pred = np.clip(0.3 * y_true + 0.7 * r.uniform(0, 1, 500), 0, 1).astype("float32")
    weights = r.uniform(0.1, 2, 500).astype("float32")
    called = y_pred > 0.5
    pair = (y_true, y_pred)
    # Between 200 thresholds the curve is a straight line, which it is not: 1e-3 is what that costs here.
    area = value_of(metrics.AUC(), pair, weights)
    assert abs(area - sklearn.metrics.roc_auc_score(y_true, y_pred, sample_weight=weights)) < 1e-3
    fine = value_of(metrics.AUC(num_thresholds=20001), pair, weights)
    assert abs(fine - sklearn.metrics.roc_auc_score(y_true, y_pred, sample_weight=weights)) < 1e-5
    assert abs(value_of(metrics.AUC(curve="PR"), pair) - sklearn.metrics.average_precision_score(y_true, y_pred)) < 5e-3
    near(
        value_of(metrics.Precision(), pair, weights),
        sklearn.metrics.precision_score(y_true, called, sample_weight=weights),
    )
    near(value_of(metrics.Recall(), pair, weights), sklearn.metrics.recall_score(y_true, called, sample_weight=weights))
    labels, scores = r.integers(0, 4, 200), softmax(r.normal(size=(200, 4)))
    hot = np.eye(4)[labels]
    for average in ("micro", "macro", "weighted", None):
        want = sklearn.metrics.fbeta_score(labels, scores.argmax(-1), beta=2.0, average=average)
        near(value_of(metrics.FBetaScore(average, 2.0), (hot, scores)), want)
    got = value_of(metrics.MeanIoU(4, sparse_y_pred=False), (labels, scores))
    near(got, sklearn.metrics.jaccard_score(labels, scores.argmax(-1), average="macro"))
    top = sklearn.metrics.top_k_accuracy_score(labels, scores, k=2)
    near(value_of(metrics.SparseTopKCategoricalAccuracy(2), (labels, scores)), top)
    y_true, y_pred = r.normal(size=(2, 50, 3)).astype("float32")
    near(
        value_of(metrics.R2Score(), (y_true, y_pred), weights[:50]),
        sklearn.metrics.r2_score(y_true, y_pred, sample_weight=weights[:50]),
    )


@pytest.mark.parametrize("name", sorted(keras.src.metrics.ALL_OBJECTS_DICT))
def test_every_string_of_keras(name):
    cls = keras.src.metrics.ALL_OBJECTS_DICT[name]
    needs = [
        p
        for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if needs or cls is keras.metrics.Metric:  # a name alone makes none of those, in Keras neither
        assert cls.__name__ in (*TABLE, "Metric")
        return
    found = metrics.get(name)
    assert type(found).__name__ == cls.__name__
    assert metrics.resolve(name, (4, 3), (4, 3)).name == name or name == "accuracy"


@pytest.mark.parametrize(
    ("y_true", "y_pred", "kind"),
    [
        ((8,), (8, 1), "Binary"),
        ((8, 1), (8, 1), "Binary"),
        ((8, 5), (8, 5, 1), "Binary"),
        ((8,), (8, 10), "SparseCategorical"),
        ((8, 1), (8, 10), "SparseCategorical"),
        ((8, 5), (8, 5, 10), "SparseCategorical"),
        ((8, 10), (8, 10), "Categorical"),
        ((8,), (8,), "Categorical"),
    ],
)
def test_accuracy_and_crossentropy_go_by_the_shapes(y_true, y_pred, kind):
    oracle = keras.src.trainers.compile_utils.get_metric
    for name in ("accuracy", "acc", "Accuracy"):
        got = metrics.resolve(name, y_true, y_pred)
        want = oracle(name, np.zeros(y_true), np.zeros(y_pred))
        assert (type(got).__name__, got.name) == (type(want).__name__, want.name) == (f"{kind}Accuracy", name)
    for name in ("crossentropy", "ce"):
        got = metrics.resolve(name, y_true, y_pred)
        assert (type(got).__name__, got.name, got.from_logits) == (f"{kind}Crossentropy", name, False)
        assert metrics.resolve(name, y_true, y_pred, losses.CategoricalCrossentropy(from_logits=True)).from_logits


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    ("target", "shape"),
    [("column", (8, 1)), ("labels", (8, 3)), ("label_column", (8, 3)), ("one_hot", (8, 3)), ("flat", (8,))],
)
def test_a_name_resolved_by_the_outputs_alone_picks_its_kind_by_the_targets(target, shape):
    rng = np.random.default_rng(0)
    y_true = {
        "column": rng.integers(0, 2, (8, 1)),
        "labels": rng.integers(0, 3, 8),
        "label_column": rng.integers(0, 3, (8, 1)),
        "one_hot": np.eye(3)[rng.integers(0, 3, 8)],
        "flat": rng.integers(0, 2, 8).astype(np.float32),
    }[target]
    y_pred = rng.uniform(0.1, 0.9, shape).astype(np.float32)
    weight, loss = rng.uniform(0, 1, 8).astype(np.float32), losses.CategoricalCrossentropy(from_logits=True)
    for name in ("accuracy", "acc", "crossentropy", "ce"):
        final, fitting = metrics.resolve(name, None, shape, loss), metrics.resolve(name, y_true.shape, shape, loss)
        assert (final.name, final.goal) == (fitting.name, fitting.goal) == (name, fitting.goal)
        same_state(final.empty(), fitting.empty())
        state = final.update(final.empty(), y_true, y_pred, weight, mask=weight > 0.2)
        same_state(state, fitting.update(fitting.empty(), y_true, y_pred, weight, mask=weight > 0.2))
        assert final.compute(state) == fitting.compute(state)
        assert final == metrics.resolve(name, None, (1, *shape[1:]), loss)  # of one structure, one metric
        assert metrics.deserialize(metrics.serialize(final)) == final


def test_resolve_keeps_what_it_is_given():
    assert metrics.resolve("mse", None, (1, 1)) == metrics.MeanSquaredError(name="mse")
    metric = metrics.AUC(name="area")
    assert metrics.resolve(metric, (4,), (4, 1)) == metric
    assert metrics.resolve(metrics.serialize(metric), (4,), (4, 1)) == metric
    wrapped = metrics.resolve(losses.huber, (4, 1), (4, 1))
    assert (wrapped.name, wrapped.fn) == ("huber", losses.huber)
    assert metrics.resolve(metrics.serialize(losses.huber), None, (4, 1)) == wrapped
    of_loss = metrics.resolve(losses.Huber(0.3), (B, 3), (B, 3))
    assert of_loss.name == "huber_loss"
    near(value_of(of_loss, data("real")), keras.losses.Huber(0.3)(*data("real")))
    assert metrics.deserialize(metrics.serialize(of_loss)) == of_loss


@pytest.mark.parametrize(
    ("metric", "shape"),
    [(metrics.F1Score(), (C,)), (metrics.R2Score(), (C,)), (metrics.AUC(multi_label=True), (200, C))],
)
def test_resolve_gives_states_their_size(metric, shape):
    sized = metrics.resolve(metric, (B, C), (B, C))
    assert jax.tree.leaves(sized.empty())[0].shape == shape
    assert sized.get_config() | {"num_labels": None} == metric.get_config() | {"num_labels": None}
    arrays = data("one_hot")
    near(value_of(sized, arrays), value_of(metric, arrays))  # unsized states take their size from the first batch
    same_state(metric.merge(metric.empty(), state_of(metric, arrays)), state_of(sized, arrays))


def test_adjusted_r2_without_degrees_of_freedom_is_plain():
    y_true, y_pred = data("real", rows=2)
    near(value_of(metrics.R2Score(num_regressors=5), (y_true, y_pred)), value_of(metrics.R2Score(), (y_true, y_pred)))


# ------------------------------------------------------------------ frozen, and open to subclasses
def test_a_metric_is_frozen():
    metric = metrics.Precision(thresholds=[0.2, 0.5])
    with pytest.raises(AttributeError):
        metric.thresholds = 0.1
    assert metrics.Precision([0.2, 0.5]) == metric != metrics.Precision([0.2, 0.6])
    assert len({metric, metrics.Precision((0.2, 0.5)), metrics.Recall([0.2, 0.5])}) == 2
    assert dataclasses.replace(metric, thresholds=None) == metrics.Precision()


def test_subclasses_with_and_without_a_mask():
    class Largest(metrics.Metric):
        def __init__(self, start=0.0, name=None):
            super().__init__(name=name)
            self.start = start

        def empty(self):
            return jnp.asarray(self.start)

        def update(self, state, y_true, y_pred, sample_weight=None):
            weight = 1.0 if sample_weight is None else sample_weight
            return jnp.maximum(state, jnp.max(y_pred * weight))

        def merge(self, a, b):
            return jnp.maximum(a, b)

        def compute(self, state):
            return state

    metric = Largest(-1.0)
    assert metric.name == "largest"
    assert metric != Largest(-2.0)
    with pytest.raises(AttributeError, match="frozen"):
        metric.start = 3.0
    y_pred = np.array([1.0, 5.0, 3.0])
    assert value_of(metric, (None, y_pred)) == 5
    assert value_of(metric, (None, y_pred), mask=np.array([True, False, True])) == 3
    assert value_of(metric, (None, y_pred), np.array([1.0, 1.0, 2.0]), mask=np.array([True, False, True])) == 6
    assert metrics.resolve(metric, None, (3,)) is metric


def test_a_metric_without_its_methods_says_which():
    metric = metrics.Metric(name="m")
    for call, text in (
        (metric.empty, r"no `empty`.*\n.*update_state"),
        (lambda: metric.update({}, 0, 0), "no `update`"),
        (lambda: metric.compute({}), "no `compute`"),
    ):
        with pytest.raises(NotImplementedError, match=text):
            call()


# ------------------------------------------------------------------ errors
ONES = np.ones((4, 3), "float32")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: metrics.get("acuracy"), r"(?s)Unknown name 'acuracy'.*Did you mean 'accuracy'"),
        (lambda: metrics.resolve("precison", None, (1, 1)), r"(?s)Unknown name.*Did you mean 'precision'"),
        (lambda: metrics.resolve(None, None, None), "A metric is None"),
        (lambda: metrics.Precision(thresholds=[0.5, 2]), r"(?s)Precision needs thresholds in \[0, 1\].*2.*sigmoid"),
        (lambda: metrics.AUC(curve="ROCK"), r"(?s)unknown curve 'ROCK'.*Did you mean 'ROC'"),
        (lambda: metrics.AUC(summation_method="x"), "unknown summation_method"),
        (lambda: metrics.AUC(num_thresholds=1), "more than one threshold"),
        (lambda: metrics.AUC(num_labels=2), r"(?s)only with multi_label=True"),
        (lambda: state_of(metrics.AUC(multi_label=True), (ONES[:, 0], ONES[:, 0])), r"\(batch, labels\)"),
        (lambda: metrics.F1Score(average="mcro"), r"(?s)unknown average.*Did you mean 'micro'"),
        (lambda: metrics.FBetaScore(beta=-1.0), "beta > 0"),
        (lambda: metrics.F1Score(threshold=2.0), r"threshold in \(0, 1\]"),
        (lambda: state_of(metrics.F1Score(), (np.arange(4), ONES)), r"(?s)one shape.*\(4,\), y_pred \(4, 3\).*one_hot"),
        (lambda: metrics.R2Score(class_aggregation="mean"), "unknown class_aggregation"),
        (lambda: metrics.R2Score(num_regressors=-1), "not negative"),
        (lambda: metrics.IoU(3, [3]), r"(?s)target class 3 is none of 3 classes"),
        (lambda: metrics.SensitivityAtSpecificity(80), r"(?s)specificity in \[0, 1\].*per cent"),
        (lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0), "one threshold or more"),
        (lambda: state_of(metrics.Precision(class_id=3), (ONES, ONES)), r"(?s)class_id=3.*y_pred \(4, 3\)"),
        (
            lambda: state_of(metrics.CategoricalAccuracy(), (np.arange(4), ONES)),
            r"(?s)one-hot.*y_true \(4,\), y_pred \(4, 3\).*sparse_categorical_accuracy",
        ),
        (
            lambda: state_of(metrics.SparseCategoricalAccuracy(), (ONES, ONES)),
            r"(?s)one class number.*y_true \(4, 3\).*one-hot.*\"categorical_accuracy\"",
        ),
        (lambda: state_of(metrics.Recall(), (np.ones(4), ONES)), r"(?s)do not fit.*\(4,\), y_pred \(4, 3\)"),
        (
            lambda: state_of(metrics.MeanSquaredError(), (ONES, ONES), np.ones(3)),
            r"(?s)do not fit.*shape \(3,\) for .*\(4,\)",
        ),
    ],
)
def test_errors_say_what_to_write(call, text):
    with pytest.raises(ValueError, match=text):
        call()
