"""What Keras 1 and 2 wrote of `compile`, in the form of Keras 3."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ...core import explain, own_named
from ...core.typing import Config, PyTree
from .._files._warnings import warn

_LOSSES = {
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}
# The metric of Keras 3 for the function that Keras 2 wrapped.
_METRICS = {
    "binary_accuracy": "BinaryAccuracy",
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_accuracy": "CategoricalAccuracy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_hinge": "CategoricalHinge",
    "cosine_similarity": "CosineSimilarity",
    "cosine_proximity": "CosineSimilarity",
    "hinge": "Hinge",
    "kl_divergence": "KLDivergence",
    "kullback_leibler_divergence": "KLDivergence",
    "log_cosh": "LogCoshError",
    "logcosh": "LogCoshError",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_error": "MeanSquaredError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "poisson": "Poisson",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy",
    "squared_hinge": "SquaredHinge",
    "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
}
_WRAPPERS = ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper", "LossFunctionWrapper")
# Names of optimizers in Keras 1 and 2.
_OPTIMIZERS = {"AdamV2": "Adam", "adam": "Adam", "sgd": "SGD", "rmsprop": "RMSprop", "FTRL": "Ftrl"}
# Arguments of optimizers that are none since.
_NOTHING = ("is_legacy_optimizer", "jit_compile", "mesh")
# `LossScaleOptimizer`s by the names that Keras 2 gave them.
_SCALED = ("LossScaleOptimizer", "LossScaleOptimizerV1", "LossScaleOptimizerV3")


def in_keras_3_compile(config: Config, outputs: Sequence[str] = (), own: Collection[str] = ()) -> Config:
    """A compile config, or the training config of an HDF5 file, in the form of Keras 3.

    Args:
        config: what the file has.
        outputs: the names of the model's outputs, with which Keras 2 began the names of metrics.
        own: the names of the user's classes and functions.

    Returns:
        The arguments of `compile`.

    >>> in_keras_3_compile({"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1}}, "loss": "kld"})
    {'loss': 'kl_divergence', 'optimizer': {'class_name': 'SGD', 'config': {'learning_rate': 0.1}}}
    """
    found = {k: v for k, v in config.items() if k not in ("optimizer_config", "sample_weight_mode")}
    optimizer = config.get("optimizer_config", config.get("optimizer"))
    if "loss" in found:
        found["loss"] = _loss(found["loss"], own)
    for name in ("metrics", "weighted_metrics"):
        if found.get(name) == []:  # none, of every output
            found.pop(name)
        if name in found:
            found[name] = _metrics(found[name], outputs, own)
    if isinstance(found.get("loss_weights"), Mapping):
        found["loss_weights"] = {k.replace("/", "_"): v for k, v in found["loss_weights"].items()}
    if optimizer is not None:
        found["optimizer"] = optimizer_in_keras_3(optimizer)
    return found


def _loss(value: PyTree, own: Collection[str]) -> PyTree:
    if isinstance(value, str):
        return value if value in own else _LOSSES.get(value, value)
    if isinstance(value, list | tuple):
        return [_loss(v, own) for v in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {k.replace("/", "_"): _loss(v, own) for k, v in value.items()}
    found, inner = _plain(value), value.get("config")
    if found["class_name"] == "function" and isinstance(inner, str):
        return inner if inner in own else _LOSSES.get(inner, inner)
    if not isinstance(inner, Mapping):
        return found
    if found["class_name"] in _WRAPPERS and isinstance(inner.get("fn"), str):
        return _loss(inner["fn"], own)
    kept = {k: v for k, v in inner.items() if k != "fn"}
    if kept.get("reduction") == "auto":
        kept["reduction"] = "sum_over_batch_size"
    return {**found, "config": kept}


def _metrics(value: PyTree, outputs: Sequence[str], own: Collection[str]) -> PyTree:
    if isinstance(value, Mapping) and "class_name" not in value:
        return {k.replace("/", "_"): _metrics(v, [k], own) for k, v in value.items()}
    if not isinstance(value, list | tuple):
        return _metric(value, outputs, own)
    nested = [v for v in value if isinstance(v, list | tuple)]
    if len(nested) == len(value) == 1 and len(outputs) <= 1:
        return _metrics(value[0], (), own)
    names = outputs if len(outputs) == len(value) and nested else [""] * len(value)
    return [
        _metrics(v, [name] if name else (), own) if isinstance(v, list | tuple) else _metric(v, [name], own)
        for v, name in zip(value, names, strict=True)
    ]


def _metric(value: PyTree, outputs: Sequence[str], own: Collection[str]) -> PyTree:
    if isinstance(value, str):
        return value if value in own else _LOSSES.get(value, value)
    if not isinstance(value, Mapping) or "class_name" not in value:
        return value
    found, inner = _plain(value), value.get("config")
    if not isinstance(inner, Mapping):
        return inner if found["class_name"] == "function" else found
    name, function = inner.get("name"), inner.get("fn")
    for output in outputs:
        if output and isinstance(name, str) and name.startswith(f"{output}_"):
            name = name.removeprefix(f"{output}_")
    if isinstance(function, Mapping):
        function = function.get("config")
    kept = {k: v for k, v in inner.items() if k not in ("fn", "dtype", "name")}
    if found["class_name"] in _WRAPPERS and isinstance(function, str):
        if function not in _METRICS or function in own:
            return function  # the user's own, by its name
        found["class_name"] = _METRICS[function]
    return {**found, "config": {**({"name": name} if name else {}), **kept}}


# ------------------------------------------------------------------ optimizers
def optimizer_in_keras_3(value: PyTree) -> PyTree:
    """An optimizer's record under the names of Keras 3; a name stays a name.

    A `decay` is the schedule `InverseTimeDecay`, which computes the same rates.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("class_name"), str):
        return value
    found, inner = _plain(value), value.get("config")
    found["class_name"] = _OPTIMIZERS.get(found["class_name"], found["class_name"])
    if own_named(str(value["class_name"])) is not None or not isinstance(inner, Mapping):
        return found
    if found["class_name"] in _SCALED:
        return {**found, "class_name": "LossScaleOptimizer", "config": _scaled(inner)}
    kept = {k: v for k, v in inner.items() if k not in _NOTHING}
    if "lr" in kept:
        kept["learning_rate"] = kept.pop("lr")
    if kept.get("epsilon", 0) is None:
        kept["epsilon"] = 1e-7
    decay = kept.pop("decay", 0)
    if found["class_name"] == "Nadam" and kept.pop("schedule_decay", decay):
        decay = 0
        warn(
            explain(
                "Nadam goes on with Keras 3's schedule of its momentum, which is another than it was saved with.",
                received="Nadam with a schedule_decay, of Keras before 2.11",
                usually="Keras 3 computes it so; the steps are alike, and not the same.",
            )
        )
    rate = kept.get("learning_rate")
    if isinstance(rate, Mapping):
        kept["learning_rate"] = {**_plain(rate), "module": "keras.optimizers.schedules"}
    elif decay and isinstance(rate, int | float):
        kept["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay},
            "registered_name": None,
        }
    return {**found, "config": kept}


def _scaled(config: Mapping[str, PyTree]) -> Config:
    inner = config.get("inner_optimizer", config.get("optimizer"))
    kept = {"inner_optimizer": optimizer_in_keras_3(inner)}
    if config.get("dynamic") is False:
        warn(
            explain(
                "The loss was scaled by a fixed number, and is scaled by one that grows from it.",
                received=f"LossScaleOptimizer(dynamic=False, initial_scale={config.get('initial_scale')!r:.40})",
                usually="a compile config of Keras 2; Keras 3 has no fixed scale.",
            )
        )
    for name in ("initial_scale", "dynamic_growth_steps"):
        if isinstance(config.get(name), int | float):
            kept[name] = config[name]
    return kept


def _plain(record: Mapping[str, PyTree]) -> Config:
    """A record whose class has no package in its name and no module that Keras 3 does not have."""
    found = dict(record)
    name = str(found.get("class_name"))
    if ">" in name:
        package, _, found["class_name"] = name.partition(">")
        found["registered_name"] = None if package in ("Custom", "Addons") and own_named(name) is None else name
    module = found.get("module")
    if isinstance(module, str) and module.startswith(("keras.src", "keras.engine", "tensorflow", "tf_keras")):
        found["module"] = None
    return found
