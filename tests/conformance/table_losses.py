"""The table of losses: every class and function of `fk.losses`, arguments to try, and the data to try them on."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

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
    "Loss": "the base class: tests/train/test_losses.py",
    "get": "not a loss: likewise",
    "serialize": "likewise",
    "deserialize": "likewise",
}
# Public names that Keras does not have, or has elsewhere.
OURS = {
    "LossFunctionWrapper": "what a function given as a loss becomes: tests/train/test_losses.py",
    "is_known": "a question about a loss",
    "weighted_sum_and_count": "a loss in two parts, in the law of padded batches",
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
