"""The table of metrics: every class and function of `fk.metrics`, arguments to try, and the data to try them on."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
import pytest

from fkeras.train import losses, metrics

from .table_losses import C, data, near

N = 9  # rows in all

CUTS = (0, 5, 9)  # … in batches, the last a short one


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
    "Metric": "the base class: tests/train/test_metrics.py",
    "get": "not a metric: likewise",
    "serialize": "likewise",
    "deserialize": "likewise",
}
# Public names that Keras does not have.
OURS = {
    "OnHost": "a metric of whole sets, with no state: tests/train/test_on_host.py",
    "resolve": "a name and shapes to a metric: tests/train/test_metrics.py",
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


# Of which neither Keras nor anybody can say which way is better.
WITHOUT_A_GOAL = {"Mean", "Sum"}

# Where Keras says nothing, and a count of right or wrong decisions has a good way.
COUNTED = {"TruePositives": "max", "TrueNegatives": "max", "FalsePositives": "min", "FalseNegatives": "min"}
