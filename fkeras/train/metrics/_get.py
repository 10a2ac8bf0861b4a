"""Metrics by name, config or function; "accuracy" depends on what is compared."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping

import jax

from ...core import deserialize as deserialize_value
from ...core import explain, serialize_function, snake_case
from ...core import get as get_object
from ...core import serialize as serialize_value
from ...core.typing import JSON, Config, CustomObjects, PyTree, Spec
from ..losses import Loss
from ..losses._frozen import set_fields
from ..losses._get import function_config
from ._base import FUNCTIONS, MODULE, Metric
from ._by_target import FAMILIES, of_family
from ._reduction import MeanMetricWrapper

_SHORT = {"acc": "accuracy", "ce": "crossentropy"}


def get(identifier: Spec | Metric | Mapping[str, object], custom_objects: CustomObjects | None = None) -> Metric | None:
    """A metric from a name, a config, a function, a loss, a class or a metric; `None` for `None`.

    Args:
        identifier: what `compile(metrics=[...])` may be given.
        custom_objects: the user's own classes and functions by name.

    Returns:
        A `Metric`.

    Raises:
        ValueError: an unknown name, or something that is no metric.

    >>> import fkeras as fk
    >>> fk.metrics.get("mse").name, fk.metrics.get("AUC").num_thresholds
    ('mean_squared_error', 200)

    Unlike Keras, a function gives a metric, its mean over the samples; `deserialize` gives the function itself.
    """
    result = deserialize(identifier, custom_objects)
    if result is None or isinstance(result, Metric):
        return result
    if not callable(result):
        write = 'metrics=["mae"], or a function (y_true, y_pred)'
        raise ValueError(explain("This is no metric.", received=repr(result)[:80], write=write))
    return MeanMetricWrapper(
        result, name=result.name if isinstance(result, Loss) else getattr(result, "__name__", None)
    )


def serialize(metric: Metric | Callable[..., jax.Array]) -> JSON:
    """A metric as Keras's config, a function as Keras's record of it.

    >>> import fkeras as fk
    >>> fk.metrics.serialize(fk.metrics.Mean())["config"]
    {'name': 'mean', 'dtype': 'float32'}
    """
    if callable(metric) and not hasattr(metric, "get_config"):
        serialize_function(metric)  # raises for a lambda, and says what to write instead
        return function_config(metric)
    return serialize_value(metric)


def deserialize(
    config: Spec | Metric | Mapping[str, object], custom_objects: CustomObjects | None = None
) -> Metric | Callable[..., jax.Array] | None:
    """The metric that a config describes, or the function that it names.

    >>> import fkeras as fk
    >>> fk.metrics.deserialize({"class_name": "Sum", "config": {"name": "total"}}).name
    'total'
    """
    if isinstance(config, Mapping) and config.get("class_name") == "function":
        return deserialize_value(config, custom_objects, (FUNCTIONS, "keras.losses"))
    if isinstance(config, Mapping) and isinstance(config.get("config"), Mapping):
        config = {**config, "config": _without_count(config)}
    return get_object(MODULE, config, custom_objects)


def _without_count(config: Mapping[str, PyTree]) -> Config:
    """The arguments without a name that Keras made up (`mean_io_u_1`): it counts over the whole program."""
    inner = dict(config["config"])
    if re.fullmatch(rf"{snake_case(str(config.get('class_name')))}_\d+", str(inner.get("name"))):
        del inner["name"]
    return inner


def resolve(
    identifier: Spec | Metric | Mapping[str, object],
    y_true_shape: tuple[int, ...] | None,
    y_pred_shape: tuple[int, ...] | None,
    loss: object = None,
) -> Metric:
    """The metric that a name, function, config or metric stands for where these shapes are compared.

    `"accuracy"` (`"acc"`) and `"crossentropy"` (`"ce"`) are the binary kind where the predictions' last axis is 1,
    the sparse one where the targets have no axis of classes or one of 1, and the categorical one elsewhere. Without
    the targets' shape the metric is final too: its `empty` and `compute` hold for each kind, and its `update` picks
    the kind by the targets that it gets. So a name needs to be resolved once for each structure of the outputs.

    Args:
        identifier: what was given to `compile`.
        y_true_shape: the targets' shape, or `None` to leave the choice to each `update`.
        y_pred_shape: the predictions' shape, `None` where it is not known yet.
        loss: the output's loss; says whether the predictions are logits, for `"crossentropy"`.

    Returns:
        A metric that logs under the name the user typed, and knows how many outputs there are.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> metric = resolve("acc", (8,), (8, 10))
    >>> type(metric).__name__, metric.name
    ('SparseCategoricalAccuracy', 'acc')

    Unlike Keras, `"crossentropy"` is a metric's name as well as a loss's.
    """
    name = identifier.lower() if isinstance(identifier, str) else ""
    family = _SHORT.get(name, name)
    if family in FAMILIES:
        from_logits = family == "crossentropy" and getattr(loss, "from_logits", False)
        metric = of_family(family, from_logits, y_true_shape, y_pred_shape)
    else:
        metric = _given(identifier)
    metric = metric.sized_for(y_true_shape, y_pred_shape)
    return _named(metric, identifier) if isinstance(identifier, str) else metric


def _given(identifier: Spec | Metric | Mapping[str, object]) -> Metric:
    """The metric that was given.

    Raises:
        ValueError: there is none.
    """
    metric = get(identifier)
    if metric is None:
        raise ValueError(explain("A metric is None.", usually="a trailing comma.", write='metrics=["accuracy"]'))
    return metric


def _named(metric: Metric, name: str) -> Metric:
    """The same metric under another name."""
    if metric.name == name:
        return metric
    renamed = copy.copy(metric)
    set_fields(renamed, name=name)
    return renamed
