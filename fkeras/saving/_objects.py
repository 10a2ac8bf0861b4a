"""Objects as configs, and back."""

from __future__ import annotations

from typing import Any

from ..core import deserialize, explain, serialize
from ..core.typing import Config, CustomObjects, PyTree

# Where a function is found, of which Keras writes no more than its name.
_MODULES = ("keras.activations", "keras.initializers", "keras.losses", "keras.metrics", "keras.layers", "keras")


def serialize_keras_object(obj: object) -> Any:
    """The config of a layer, loss, metric, optimizer, function, …, as Keras writes it.

    Args:
        obj: the object, or a list or dict of some.

    Returns:
        `{"module": …, "class_name": …, "config": …, "registered_name": …}`; values of JSON as they are.

    Raises:
        TypeError: a value without a config, such as a lambda.

    >>> import fkeras as fk
    >>> serialize_keras_object(fk.nn.Dense(2))["class_name"]
    'Dense'

    Reference: https://keras.io/api/models/model_saving_apis/serialization_utils/
    """
    config = serialize(obj)
    if isinstance(config, str) and callable(obj):  # a function, whose name is its config
        return {"module": "builtins", "class_name": "function", "config": config, "registered_name": "function"}
    return config


def deserialize_keras_object(
    config: Config | PyTree, custom_objects: CustomObjects | None = None, safe_mode: bool = True
) -> Any:
    """The object that a config describes.

    Args:
        config: what `serialize_keras_object`, or real Keras's, returned.
        custom_objects: the user's own classes and functions by name.
        safe_mode: code in a config is never run; `False` is refused.

    Returns:
        The object.

    Raises:
        ValueError: a class that nobody knows, a lambda, or `safe_mode=False`.

    >>> import fkeras as fk
    >>> deserialize_keras_object(serialize_keras_object(fk.nn.Dense(2))) == fk.nn.Dense(2)
    True
    """
    if not safe_mode:
        raise ValueError(
            explain(
                "Code in a config is never run.",
                received="safe_mode=False",
                usually="the config holds a lambda.",
                write='fk.saving.deserialize_keras_object(config, custom_objects={"my_function": my_function})',
            )
        )
    return deserialize(config, custom_objects, _MODULES)
