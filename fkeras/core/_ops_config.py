"""Ops in configs: Keras's class and module names for the functions of `fk.ops`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ._config import register, registered
from ._errors import did_you_mean, explain
from ._naming import snake_case
from ._symbolic import OPERATORS, Op, _cast, getitem

# Ops whose Keras class is not the camel case of their name.
_CLASS = {"get_item": "GetItem", "true_divide": "TrueDivide", "divide": "Divide"}
# Where Keras keeps the classes, other than keras.src.ops.numpy.
_NN = {"relu", "sigmoid", "softmax", "log_softmax", "softplus", "silu", "gelu", "one_hot", "elu", "selu", "leaky_relu"}
_CORE = {"cast", "shape", "stop_gradient"}

for _name, _function in OPERATORS.values():
    register("keras.ops", _name)(_function)
register("keras.ops", "get_item")(getitem)
register("keras.ops", "cast")(_cast)
register("keras.ops", "reshape")(jnp.reshape)
register("keras.ops", "transpose")(jnp.transpose)


def op_address(op: Op) -> tuple[str, str]:
    """Keras's module and class name for an op.

    >>> op_address(Op("expand_dims", None))
    ('keras.src.ops.numpy', 'ExpandDims')
    """
    room = "nn" if op.name in _NN else "core" if op.name in _CORE else "numpy"
    return f"keras.src.ops.{room}", _CLASS.get(op.name, "".join(part.title() for part in op.name.split("_")))


def is_op_entry(entry: Any) -> bool:
    """Whether a layer entry of a Keras config is an op's node."""
    return str(entry.get("module") or "").startswith(("keras.src.ops", "keras.ops"))


def op_of(class_name: str) -> Op:
    """The op that a Keras config calls by its class name.

    Raises:
        ValueError: an op that fkeras does not have.
    """
    table = registered("keras.ops")
    by_class = {_CLASS.get(n, "".join(part.title() for part in n.split("_"))): n for n in table}
    name = by_class.get(class_name) or snake_case(class_name)
    if name not in table:
        raise ValueError(
            explain(
                f"The config calls the op {class_name!r}, which fkeras does not have.",
                received=repr(class_name),
                usually=did_you_mean(class_name, by_class),
            )
        )
    return Op(name, table[name])
