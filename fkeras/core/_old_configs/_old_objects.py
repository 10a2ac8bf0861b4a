"""Initializers, regularizers, constraints, activations and dtypes as Keras 1 and 2 wrote them."""

from __future__ import annotations

from collections.abc import Mapping

from ..typing import Config, PyTree

# Names of Keras 1 and 2 for initializers, and those of TensorFlow 1.
_INITIALIZERS = {
    "uniform": "random_uniform",
    "normal": "random_normal",
    "zero": "zeros",
    "one": "ones",
    "TruncatedNormalV2": "TruncatedNormal",
    "RandomUniformV2": "RandomUniform",
    "RandomNormalV2": "RandomNormal",
    "GlorotUniformV2": "GlorotUniform",
    "GlorotNormalV2": "GlorotNormal",
    "VarianceScalingV2": "VarianceScaling",
    "ZerosV2": "Zeros",
    "OnesV2": "Ones",
    "ConstantV2": "Constant",
    "OrthogonalV2": "Orthogonal",
    "IdentityV2": "Identity",
}
_REGULARIZERS = {
    "WeightRegularizer": "L1L2",
    "ActivityRegularizer": "L1L2",
    "l1l2": "L1L2",
    "L1L2": "L1L2",
    "L1L2Regularizer": "L1L2",
}
_CONSTRAINTS = {
    "maxnorm": "MaxNorm",
    "max_norm": "MaxNorm",
    "nonneg": "NonNeg",
    "non_neg": "NonNeg",
    "unitnorm": "UnitNorm",
    "unit_norm": "UnitNorm",
    "MinMaxNorm": "MinMaxNorm",
}
# Keras before version 3 computed another function under the first name.
_ACTIVATIONS = {
    "hard_sigmoid": "hard_sigmoid_of_keras_2",
    "softmax_v2": "softmax",
    "log_softmax_v2": "log_softmax",
    "swish_v1": "swish",
}


def in_keras_3(name: str, value: PyTree, version: int) -> PyTree:
    """An argument of a layer in the form that Keras 3 has for it.

    Args:
        name: the argument, under Keras 3's name.
        value: its value.
        version: the version of Keras that wrote it: 1, 2 or 3.

    Returns:
        The value.

    >>> in_keras_3("kernel_regularizer", {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}, 1)
    {'class_name': 'L1L2', 'config': {'l1': 0.0, 'l2': 0.1}, 'module': 'keras.regularizers'}
    >>> in_keras_3("recurrent_activation", "hard_sigmoid", 2)
    'hard_sigmoid_of_keras_2'
    """
    if value is None:
        return None
    if name.endswith("_initializer"):
        return _in("keras.initializers", _initializer(value))
    if name.endswith("_regularizer"):
        return _in("keras.regularizers", _flat(value, _REGULARIZERS))
    if name.endswith("_constraint"):
        return _in("keras.constraints", _flat(value, _CONSTRAINTS))
    if name.endswith("activation"):
        return _in("keras.layers", _activation(value) if version < 3 else value)
    if name in ("dtype", "dtype_policy"):
        return dtype_of(value)
    return value


def _in(module: str, value: PyTree) -> PyTree:
    """A record with the module of its class, which old files leave out."""
    if isinstance(value, Mapping) and "class_name" in value and value["class_name"] != "function":
        found = plain(value)
        return {**found, "module": found.get("module") or module}
    return value


def dtype_of(value: PyTree) -> PyTree:
    """A dtype or policy: Keras 2 wrote policies under several class names."""
    if isinstance(value, Mapping) and "Policy" in str(value.get("class_name")):
        config = value.get("config")
        name = config.get("name") if isinstance(config, Mapping) else None
        if value.get("class_name") in ("Policy", "PolicyV1", "MixedPrecisionPolicy") and isinstance(name, str):
            return "float32" if name in ("infer", "_infer") else name
    return "float32" if value in ("infer", "_infer") else value


def _initializer(value: PyTree) -> PyTree:
    if isinstance(value, str):
        return _INITIALIZERS.get(value, value)
    if not isinstance(value, Mapping) or not isinstance(value.get("class_name"), str):
        return value
    found, config = plain(value), value.get("config")
    found["class_name"] = _INITIALIZERS.get(found["class_name"], found["class_name"])
    if isinstance(config, Mapping):
        config = {k: v for k, v in config.items() if k not in ("dtype", "partition_info")}
        if found["class_name"] == "VarianceScaling" and config.get("distribution") == "normal":
            config["distribution"] = "truncated_normal"  # the one under both names
        found["config"] = config
    return found


def _flat(value: PyTree, names: Mapping[str, str]) -> PyTree:
    """Keras 1 wrote the arguments beside the name of the class."""
    if isinstance(value, str):
        return names.get(value, value)
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value and isinstance(value.get("name"), str):
        config = {{"m": "max_value"}.get(k, k): v for k, v in value.items() if k != "name"}
        return {"class_name": names.get(value["name"], value["name"]), "config": config}
    found = plain(value)
    if isinstance(found.get("class_name"), str):
        found["class_name"] = names.get(found["class_name"], found["class_name"])
    return found


def _activation(value: PyTree) -> PyTree:
    if isinstance(value, str):
        return _ACTIVATIONS.get(value, value)
    if isinstance(value, Mapping) and value.get("class_name") == "function" and isinstance(value.get("config"), str):
        name = _ACTIVATIONS.get(value["config"])
        return name if name is not None else value
    return value


def plain(record: Mapping[str, PyTree]) -> Config:
    """A record under the names by which fkeras looks objects up.

    Keras 2 wrote `package>name` as the class's name; and modules that Keras 3 does not have are none to look in.
    """
    found = dict(record)
    name, module = found.get("class_name"), found.get("module")
    if isinstance(name, str) and ">" in name:
        found["registered_name"] = name
        found["class_name"] = name.split(">", 1)[1]
    if isinstance(module, str) and module.split(".")[0] in ("keras", "tensorflow", "tf_keras", "tensorflow_core"):
        is_op = module.startswith(("keras.src.ops", "keras.ops"))
        found["module"] = module if is_op else _MODULES.get(module.rpartition(".keras.")[2].removeprefix("keras."))
    return found


_MODULES = {
    name: f"keras.{name}"
    for name in (
        "layers",
        "initializers",
        "regularizers",
        "constraints",
        "activations",
        "losses",
        "metrics",
        "optimizers",
        "optimizers.schedules",
    )
}
