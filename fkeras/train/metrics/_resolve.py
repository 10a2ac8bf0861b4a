"""Metrics by the names that `compile` accepts; "accuracy" depends on what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dataclasses

from ._accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from ._base import Metric, get


def resolve(identifier: Any, y_true_shape: Any, y_pred_shape: Any, loss: Any = None) -> Metric:
    """The metric that a name, function, config or metric stands for.

    `"accuracy"` and `"acc"` are binary accuracy where the predictions' last axis is 1, sparse categorical accuracy
    where the targets have no axis of classes, and categorical accuracy elsewhere; by shapes alone, as in Keras.

    Args:
        identifier: what was given to `compile`.
        y_true_shape, y_pred_shape: the shapes to be compared; `None` where not known yet.
        loss: the output's loss; not needed, as in Keras.

    Returns:
        A metric that logs under the name the user typed.

    >>> resolve("acc", (8,), (8, 10)), resolve("acc", (8, 10), (8, 10)).name
    (SparseCategoricalAccuracy(name='acc', dtype=None), 'acc')
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return _accuracy(y_true_shape, y_pred_shape)(name=identifier)
    metric = get(identifier)
    if isinstance(identifier, str) and metric.name != identifier:
        metric = _renamed(metric, identifier)
    return metric


def _accuracy(y_true: Any, y_pred: Any) -> Any:
    if y_pred is not None and len(y_pred) and y_pred[-1] == 1:
        return BinaryAccuracy
    if y_true is None or y_pred is None:
        return SparseCategoricalAccuracy  # all three keep the same state
    if len(y_true) < len(y_pred) or y_true[-1] == 1:
        return SparseCategoricalAccuracy
    return CategoricalAccuracy


def _renamed(metric: Metric, name: str) -> Metric:
    config: Mapping[str, Any] = {f.name: getattr(metric, f.name) for f in dataclasses.fields(metric)}
    copy = object.__new__(type(metric))
    for field, value in {**metric.__dict__, **config, "name": name}.items():
        object.__setattr__(copy, field, value)
    return copy
