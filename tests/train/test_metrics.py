"""Metrics against Keras and scikit-learn, over a table of every public name, and the laws they keep."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import dataclasses
import inspect
import itertools
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import sklearn.metrics
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras.src import backend as keras_backend

from fkeras.train import losses, metrics

from .test_losses import B, C, data, near, softmax

# Keras tells that weights of an IoU are cut to integers.
pytestmark = pytest.mark.filterwarnings("ignore:You are passing weight as `float`")
N = 9  # rows in all
CUTS = (0, 4, 8, 9)  # … in batches, the last a short one


def samples(kind, rows=N, seed=0):
    """`(y_true, y_pred)`, or `(values,)`, of one kind."""
    r = np.random.default_rng(seed)
    match kind:
        case "value":
            return (r.normal(size=rows).astype("float32"),)
        case "values":
            return (r.normal(size=(rows, 3)).astype("float32"),)
        case "ids":
            return r.integers(0, 3, rows), r.integers(0, 3, rows)
        case "maps":
            return r.integers(0, 3, (rows, 4, 2)), r.integers(0, 3, (rows, 4, 2))
        case "column":
            return r.integers(0, 2, (rows, 1)), r.uniform(0, 1, (rows, 1)).astype("float32")
        case "flat":
            return r.integers(0, 2, rows), r.uniform(0, 1, rows).astype("float32")
        case "column_ties":  # predictions that are thresholds
            return r.integers(0, 2, (rows, 1)), (r.integers(0, 5, (rows, 1)) / 4).astype("float32")
        case "ranked":
            return r.integers(0, C, rows), np.argsort(r.normal(size=(rows, C)), -1).astype("float32")
    return data(kind, rows, seed)


# Every class of keras.metrics: arguments to try, and the data to try them on.
COUNTS = [
    ({}, "column"),
    ({}, "flat"),
    ({"thresholds": [0.2, 0.7]}, "binary"),
    ({"thresholds": [0.0, 0.5, 1.0]}, "column_ties"),
]
RATES = [*COUNTS, ({"class_id": 1}, "binary"), ({"top_k": 1}, "one_hot"), ({"top_k": 2, "class_id": 1}, "one_hot")]
TABLE = {
    "AUC": [
        ({}, "column"),
        ({}, "column_ties"),
        ({"curve": "PR"}, "binary"),
        ({"curve": "PRGAIN", "summation_method": "majoring"}, "flat"),
        ({"curve": "PR", "summation_method": "minoring", "num_thresholds": 20}, "binary"),
        ({"thresholds": [0.5, 0.2], "label_weights": [0.2, 0.5, 0.3]}, "binary"),
        ({"multi_label": True, "num_labels": 3, "label_weights": [0.2, 0.5, 0.3]}, "binary"),
        ({"multi_label": True, "curve": "PR"}, "binary"),
        ({"from_logits": True}, "binary_logits"),
    ],
    "Accuracy": [({}, "ids"), ({}, "maps")],
    "BinaryAccuracy": [({}, "binary"), ({"threshold": 0.25}, "column_ties")],
    "BinaryCrossentropy": [({}, "binary"), ({"from_logits": True, "label_smoothing": 0.1}, "binary_logits")],
    "BinaryIoU": [({}, "column"), ({"target_class_ids": [1], "threshold": 0.25}, "column_ties")],
    "CategoricalAccuracy": [({}, "one_hot")],
    "CategoricalCrossentropy": [({}, "one_hot"), ({"from_logits": True, "label_smoothing": 0.1}, "one_hot_logits")],
    "CategoricalHinge": [({}, "one_hot")],
    "ConcordanceCorrelation": [({}, "real"), ({"axis": 1}, "real_sequence")],
    "CosineSimilarity": [({}, "real"), ({"axis": 1}, "real_sequence")],
    "F1Score": [
        ({}, "one_hot"),
        ({"average": "weighted"}, "one_hot"),
        ({"threshold": 0.4, "average": "macro"}, "binary"),
    ],
    "FBetaScore": [({"beta": 0.5, "average": "micro"}, "one_hot"), ({"beta": 2.0}, "one_hot")],
    "FalseNegatives": COUNTS[:1],
    "FalsePositives": COUNTS[1:2],
    "Hinge": [({}, "signs"), ({}, "binary_logits")],
    "IoU": [
        ({"num_classes": 3, "target_class_ids": [1, 2]}, "ids"),
        ({"num_classes": 3, "target_class_ids": [0], "ignore_class": 1, "dtype": "float32"}, "maps"),
    ],
    "KLDivergence": [({}, "distribution")],
    "LogCoshError": [({}, "real")],
    "Mean": [({}, "value"), ({}, "values")],
    "MeanAbsoluteError": [({}, "real")],
    "MeanAbsolutePercentageError": [({}, "real")],
    "MeanIoU": [({"num_classes": 3}, "ids"), ({"num_classes": C, "sparse_y_pred": False}, "sparse")],
    "MeanMetricWrapper": [({"fn": "huber", "delta": 0.3}, "real")],
    "MeanSquaredError": [({}, "real"), ({}, "real_sequence")],
    "MeanSquaredLogarithmicError": [({}, "positive")],
    "OneHotIoU": [({"num_classes": C, "target_class_ids": [1, 3]}, "one_hot")],
    "OneHotMeanIoU": [({"num_classes": C, "ignore_class": 1}, "one_hot")],
    "PearsonCorrelation": [({}, "real"), ({"axis": 1}, "real_sequence")],
    "Poisson": [({}, "positive")],
    "Precision": RATES,
    "PrecisionAtRecall": [({"recall": 0.8}, "column"), ({"recall": 0.5, "num_thresholds": 5}, "column_ties")],
    "R2Score": [
        ({}, "real"),
        ({"class_aggregation": None}, "real"),
        ({"class_aggregation": "variance_weighted_average", "num_regressors": 2}, "real"),
    ],
    "Recall": RATES[-3:],
    "RecallAtPrecision": [
        ({"precision": 0.5, "class_id": 1}, "binary"),
        ({"precision": 0.4, "num_thresholds": 1}, "column"),
    ],
    "RootMeanSquaredError": [({}, "real")],
    "SensitivityAtSpecificity": [({"specificity": 0.3, "num_thresholds": 20}, "column")],
    "SparseCategoricalAccuracy": [({}, "sparse"), ({}, "sparse_column"), ({}, "sparse_sequence")],
    "SparseCategoricalCrossentropy": [
        ({}, "sparse"),
        ({"from_logits": True}, "sparse_logits"),
        ({"ignore_class": 2}, "sparse"),
    ],
    "SparseTopKCategoricalAccuracy": [
        ({"k": 2}, "sparse"),
        ({"k": 3}, "sparse_sequence"),
        ({"k": 2, "from_sorted_ids": True}, "ranked"),
    ],
    "SpecificityAtSensitivity": [({"sensitivity": 0.8, "num_thresholds": 5}, "column_ties")],
    "SquaredHinge": [({}, "signs")],
    "Sum": [({}, "value"), ({}, "values")],
    "TopKCategoricalAccuracy": [({"k": 2}, "one_hot")],
    "TrueNegatives": COUNTS[2:3],
    "TruePositives": COUNTS,
}
# Functions of keras.metrics that are no losses.
FUNCTIONS = {
    "binary_accuracy": [({}, "column"), ({"threshold": 0.3}, "flat")],
    "categorical_accuracy": [({}, "one_hot")],
    "concordance_correlation": [({}, "real")],
    "pearson_correlation": [({}, "real")],
    "sparse_categorical_accuracy": [({}, "sparse"), ({}, "sparse_column"), ({}, "sparse_sequence")],
    "sparse_top_k_categorical_accuracy": [({"k": 2}, "sparse"), ({"k": 1}, "sparse_sequence")],
    "top_k_categorical_accuracy": [({"k": 2}, "one_hot")],
}
EXCEPTIONS = {  # reason
    "Metric": "the base class, tested below",
    "get": "not a metric; tested below",
    "serialize": "likewise",
    "deserialize": "likewise",
}
ROWS = [pytest.param(name, *case, id=f"{name}-{i}") for name, cases in TABLE.items() for i, case in enumerate(cases)]
# One case of each class, for laws that do not depend on its arguments.
ONE_EACH = [pytest.param(name, *cases[-1], id=name) for name, cases in TABLE.items()]


def ours(cls, kwargs=None, /):
    kwargs = dict(kwargs or {})
    if "fn" in kwargs:
        kwargs["fn"] = getattr(losses, kwargs["fn"])
    return getattr(metrics, cls)(**kwargs)


def theirs(cls, kwargs=None, /):
    kwargs = dict(kwargs or {})
    if "fn" in kwargs:
        kwargs["fn"] = getattr(keras.losses, kwargs["fn"])
    return getattr(keras.metrics, cls)(**kwargs)


def weights_for(kwargs, rows=N, seed=3):
    """A weight for each row; whole numbers where the metric counts in integers."""
    r = np.random.default_rng(seed)
    return (
        r.integers(1, 4, rows).astype("float32")
        if "num_classes" in kwargs
        else r.uniform(0.1, 2, rows).astype("float32")
    )


def state_of(metric, arrays, sample_weight=None, **kwargs):
    return metric.update(metric.empty(), *arrays, sample_weight=sample_weight, **kwargs)


def value_of(metric, arrays, sample_weight=None, **kwargs):
    return metric.compute(state_of(metric, arrays, sample_weight, **kwargs))


def for_maps(weights, arrays):
    """Keras's IoU wants a weight for each pixel."""
    shape = np.shape(arrays[0])
    return (
        weights
        if len(shape) < 3 or arrays[0].dtype.kind == "f"
        else np.broadcast_to(weights.reshape(-1, *[1] * (len(shape) - 1)), shape)
    )


def same_state(a, b):
    jax.tree.map(near, a, b)


# ------------------------------------------------------------------ the table is whole
def test_every_public_name_of_keras_is_in_the_table():
    public = {n for n in dir(keras.metrics) if not n.startswith("_")}
    from_losses = {n for n in public if getattr(keras.metrics, n) is getattr(keras.losses, n, None)}
    assert public == {*TABLE, *FUNCTIONS, *EXCEPTIONS} | from_losses
    assert all(hasattr(metrics, n) for n in public)
    assert all(getattr(metrics, n) is getattr(losses, n) for n in from_losses)  # tested with the losses


# Of which neither Keras nor anybody can say which way is better.
WITHOUT_A_GOAL = {"Mean", "Sum"}
# Where Keras says nothing, and a count of right or wrong decisions has a good way.
COUNTED = {"TruePositives": "max", "TrueNegatives": "max", "FalsePositives": "min", "FalseNegatives": "min"}


@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_which_way_is_better_is_keras_s(name, kwargs, kind):
    said = {"up": "max", "down": "min", None: None}[getattr(theirs(name, kwargs), "_direction", None)]
    assert ours(name, kwargs).goal == COUNTED.get(name, said)
    assert (ours(name, kwargs).goal is None) == (name in WITHOUT_A_GOAL)


def test_of_functions_keras_s_own_have_a_goal():
    assert metrics.get(losses.cosine_similarity).goal == metrics.get("mse").goal == "min"
    assert all(metrics.MeanMetricWrapper(getattr(metrics, name)).goal == "max" for name in FUNCTIONS)
    assert metrics.get(losses.Huber()).goal == "min"
    assert metrics.get(lambda y, p: p).goal is None


@pytest.mark.parametrize("name", [*TABLE, *FUNCTIONS, "Metric"])
def test_signature_is_keras_s(name):
    def arguments(f):
        return {p.name: p.default for p in inspect.signature(f).parameters.values()}

    got, want = arguments(getattr(metrics, name)), arguments(getattr(keras.metrics, name))
    assert list(got)[: len(want)] == list(want)
    assert {n: got[n] for n in want} == want
    # What a state needs to have its final shape before the first batch, and Keras reads off that batch.
    assert set(got) - set(want) <= {"num_classes", "num_outputs"}


# ------------------------------------------------------------------ values
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
@pytest.mark.parametrize("weighted", [False, True])
def test_streams_equal_keras(name, kwargs, kind, weighted):
    arrays = samples(kind)
    weights = for_maps(weights_for(kwargs), arrays) if weighted else None
    metric, oracle = ours(name, kwargs), theirs(name, kwargs)
    state = metric.empty()
    for a, b in itertools.pairwise(CUTS):
        part = [x[a:b] for x in arrays]
        w = None if weights is None else weights[a:b]
        state = metric.update(state, *part, sample_weight=w)
        oracle.update_state(*part, sample_weight=w)
        near(metric.compute(state), oracle.result())


@pytest.mark.parametrize(
    ("name", "kwargs", "kind"),
    [pytest.param(n, *case, id=f"{n}-{i}") for n, cases in FUNCTIONS.items() for i, case in enumerate(cases)],
)
def test_functions_equal_keras(name, kwargs, kind):
    y_true, y_pred = samples(kind)
    near(getattr(metrics, name)(y_true, y_pred, **kwargs), getattr(keras.metrics, name)(y_true, y_pred, **kwargs))


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


@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_a_mask_is_a_weight_of_0_or_1(name, kwargs, kind):
    arrays, metric = samples(kind), ours(name, kwargs)
    mask = np.arange(N) % 3 != 0
    near(value_of(metric, arrays, mask=mask), value_of(metric, arrays, mask.astype("float32")))
    weights = weights_for(kwargs)
    near(value_of(metric, arrays, weights, mask=mask), value_of(metric, arrays, mask * weights))


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


# ------------------------------------------------------------------ laws
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_rows_of_weight_0_change_nothing(name, kwargs, kind):
    """What `evaluate` needs to pad batches: whatever the rows hold, with and without weights of the user's own."""
    arrays, metric = samples(kind), ours(name, kwargs)
    padded = [
        np.concatenate([a, np.full((3, *a.shape[1:]), fill, a.dtype)])
        for a, fill in zip(arrays, (7, 3.5), strict=False)
    ]
    for weights in (np.ones(N, "float32"), weights_for(kwargs)):
        state = state_of(metric, padded, np.concatenate([weights, np.zeros(3, "float32")]))
        same_state(state, state_of(metric, arrays, weights))
    if (name, kwargs.get("ignore_class")) != ("SparseCategoricalCrossentropy", 2):
        # Keras counts ignored labels in an unweighted mean and leaves them out of a weighted one.
        near(value_of(metric, padded, (np.arange(N + 3) < N).astype("float32")), value_of(metric, arrays))


POOL = [(0, 4), (4, 8), (5, 9), (0, 0)]


@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_merge_is_a_commutative_monoid(name, kwargs, kind):
    arrays, metric = samples(kind), ours(name, kwargs)
    metric = metric.sized_for(*(x.shape for x in (arrays if len(arrays) == 2 else arrays * 2)))
    states = [
        metric.empty() if a == b else state_of(metric, [x[a:b] for x in arrays], weights_for(kwargs, b - a, seed=a))
        for a, b in POOL
    ]
    merge = jax.jit(metric.merge)

    @given(st.lists(st.integers(0, len(POOL) - 1), min_size=3, max_size=3))
    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def laws(picked):
        a, b, c = (states[i] for i in picked)
        same_state(merge(a, b), merge(b, a))
        same_state(merge(merge(a, b), c), merge(a, merge(b, c)))
        jax.tree.map(np.testing.assert_array_equal, merge(a, metric.empty()), a)

    laws()
    # … and merging is updating with both parts
    a, b = POOL[0], POOL[1]
    both = metric.update(states[0], *[x[b[0] : b[1]] for x in arrays], sample_weight=weights_for(kwargs, 4, seed=b[0]))
    same_state(merge(states[0], states[1]), both)
    assert a[1] == b[0]


@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_jit_vmap_and_scan(name, kwargs, kind):
    arrays, metric = samples(kind, rows=8), ours(name, kwargs)
    metric = metric.sized_for(*(x.shape for x in (arrays if len(arrays) == 2 else arrays * 2)))
    weights = weights_for(kwargs, 8)
    batches = [a.reshape(2, 4, *a.shape[1:]) for a in (*arrays, weights)]

    @jax.jit
    def run(batches):
        def step(state, batch):
            *part, w = batch
            return metric.update(state, *part, sample_weight=w), None

        return jax.lax.scan(step, metric.empty(), batches)[0]

    state = run(tuple(batches))
    eager = state_of(metric, [b[0] for b in batches[:-1]], batches[-1][0])
    eager = metric.update(eager, *[b[1] for b in batches[:-1]], sample_weight=batches[-1][1])
    same_state(state, eager)
    near(jax.jit(metric.compute)(state), metric.compute(eager))
    each = jax.jit(jax.vmap(lambda *batch: state_of(metric, batch[:-1], batch[-1])))(*batches)
    same_state(metric.merge(*(jax.tree.map(lambda s, i=i: s[i], each) for i in (0, 1))), eager)


@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_strict_promotion_of_dtypes_and_ranks(name, kwargs, kind):
    arrays, metric = samples(kind, rows=4), ours(name, kwargs)
    metric = metric.sized_for(*(x.shape for x in (arrays if len(arrays) == 2 else arrays * 2)))
    want = value_of(metric, arrays, np.ones(4, "int32"))
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        near(value_of(metric, arrays, np.ones(4, "int32"), mask=np.ones(4, bool)), want)


@pytest.mark.parametrize("name", [n for n, cases in TABLE.items() if len(samples(cases[0][1])) == 2])
def test_predictions_in_half_precision(name):
    kwargs, kind = TABLE[name][0]
    y_true, y_pred = samples(kind)
    if y_pred.dtype.kind == "i":
        pytest.skip("the predictions are class numbers")
    half = jnp.asarray(y_pred, jnp.bfloat16)
    near(
        value_of(ours(name, kwargs), (y_true, half)),
        value_of(ours(name, kwargs), (y_true, np.asarray(half, "float32"))),
    )


# ------------------------------------------------------------------ configs and names
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_config_round_trip_both_ways(name, kwargs, kind):
    metric, oracle = ours(name, kwargs), theirs(name, kwargs)
    config = json.loads(json.dumps(metrics.serialize(metric)))
    of_keras = json.loads(json.dumps(keras.metrics.serialize(oracle)))
    of_keras["config"]["name"] = config["config"]["name"]  # Keras numbers the names it makes up
    axis = config["config"].pop("axis", None) if "axis" not in of_keras["config"] else None  # which Keras leaves out
    if kwargs.get("label_weights"):  # a tensor's record, which Keras itself cannot read
        assert (
            metrics.deserialize(of_keras).get_config()["label_weights"] == np.float32(kwargs["label_weights"]).tolist()
        )
        of_keras["config"]["label_weights"] = kwargs["label_weights"]
    assert config == of_keras
    if axis is None:
        assert metrics.deserialize(of_keras) == metric
    else:
        assert axis == kwargs["axis"]
        config["config"]["axis"] = axis
    again = metrics.deserialize(config)
    assert again == metric
    assert hash(again) == hash(metric)
    arrays = samples(kind)
    near(keras.metrics.deserialize(config)(*arrays), value_of(metric, arrays))  # Keras reads ours


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


@pytest.mark.parametrize("name", TABLE)
def test_nothing_seen_is_keras_s_nothing(name):
    kwargs, kind = TABLE[name][0]
    oracle = theirs(name, kwargs)
    oracle(*samples(kind))
    oracle.reset_state()
    metric = ours(name, kwargs).sized_for(*([np.shape(samples(kind)[-1])] * 2))
    near(metric.compute(metric.empty()), oracle.result())


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
