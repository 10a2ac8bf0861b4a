"""Constraints: frozen functions from a parameter to its nearest allowed value, with Keras's config.

The Trainer applies them after each update. Norms are taken over `axis`, so `axis=0` of a `(inputs, units)`
kernel constrains each unit's incoming weights, and `axis=(0, 1, 2)` each filter of a `Conv2D`. Half precision
takes its norms in float32; Keras divides 0 by 0 there, where its epsilon rounds to 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax.numpy as jnp

from ..core import Configured, explain, register
from ..core import get as get_object
from ..core import serialize as serialize_value
from ..core.typing import Array, ArrayLike, Config, CustomObjects, Spec

MODULE = "keras.constraints"

# Keras's backend.epsilon(), added to every norm before it divides.
EPSILON = 1e-7


@register(MODULE, aliases=("constraint",))
@dataclasses.dataclass(frozen=True, eq=False)
class Constraint(Configured):
    """Base of the constraints: none. Your own overrides `__call__`.

    A frozen dataclass gets its config, equality and hash from its fields. A class with its own `__init__`
    (Keras's way) works too, and needs its own `get_config`.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Clip(Constraint):
    ...     limit: float = 1.0
    ...
    ...     def __call__(self, w):
    ...         return jnp.clip(w, -self.limit, self.limit)
    >>> print(Clip(0.5)(jnp.array([0.25, -3.0])), Clip(0.5).get_config())
    [ 0.25 -0.5 ] {'limit': 0.5}

    Reference: https://keras.io/api/layers/constraints/
    """

    def __call__(self, w: ArrayLike) -> Array:
        """The allowed parameter nearest to `w`, of its shape and dtype."""
        return jnp.asarray(w)


@register(MODULE, aliases=("max_norm",))
@dataclasses.dataclass(frozen=True)
class MaxNorm(Constraint):
    """Scale weights down to a norm of at most `max_value`: `w * min(norm, max_value) / norm`.

    Args:
        max_value: the largest norm.
        axis: axis or axes over which a norm is taken; `None` for all.

    Raises:
        ValueError: a negative `max_value`.

    >>> MaxNorm(2.0)(jnp.array([[3.0, 0.0], [4.0, 1.0]])).round(3)
    Array([[1.2, 0. ],
           [1.6, 1. ]], dtype=float32)

    Reference: Srebro et al., 2004; https://keras.io/api/layers/constraints/
    """

    max_value: float = 2
    axis: int | Sequence[int] | None = 0

    def __post_init__(self) -> None:
        _check_norms(self, 0, self.max_value)
        _set_axis(self)

    def __call__(self, w: ArrayLike) -> Array:
        return _rescale(w, self.axis, lambda norms: jnp.clip(norms, 0, self.max_value))


@register(MODULE, aliases=("non_neg",))
@dataclasses.dataclass(frozen=True)
class NonNeg(Constraint):
    """Make negative weights 0: `max(w, 0)`.

    >>> NonNeg()(jnp.array([-1.0, 2.0]))
    Array([0., 2.], dtype=float32)

    Reference: https://keras.io/api/layers/constraints/
    """

    def __call__(self, w: ArrayLike) -> Array:
        return jnp.maximum(jnp.asarray(w), 0)


@register(MODULE, aliases=("unit_norm",))
@dataclasses.dataclass(frozen=True)
class UnitNorm(Constraint):
    """Scale weights to norm 1: `w / norm`. Weights of 0 stay 0.

    Args:
        axis: axis or axes over which a norm is taken; `None` for all.

    >>> UnitNorm()(jnp.array([[3.0, 0.0], [4.0, 0.0]]))
    Array([[0.6, 0. ],
           [0.8, 0. ]], dtype=float32)

    Reference: https://keras.io/api/layers/constraints/
    """

    axis: int | Sequence[int] | None = 0

    def __post_init__(self) -> None:
        _set_axis(self)

    def __call__(self, w: ArrayLike) -> Array:
        return _rescale(w, self.axis, lambda norms: 1.0)


@register(MODULE, aliases=("min_max_norm",))
@dataclasses.dataclass(frozen=True)
class MinMaxNorm(Constraint):
    """Scale weights to a norm of `rate * clip(norm, min_value, max_value) + (1 - rate) * norm`.

    Args:
        min_value: the smallest norm. Weights of 0 stay 0.
        max_value: the largest norm.
        rate: 1 enforces the bounds at once, less moves towards them step by step.
        axis: axis or axes over which a norm is taken; `None` for all.

    Raises:
        ValueError: a negative `min_value`, or one above `max_value`.

    >>> MinMaxNorm(min_value=0.5, max_value=1.0)(jnp.array([[3.0, 0.25], [4.0, 0.0]])).round(3)
    Array([[0.6, 0.5],
           [0.8, 0. ]], dtype=float32)

    Reference: https://keras.io/api/layers/constraints/
    """

    min_value: float = 0.0
    max_value: float = 1.0
    rate: float = 1.0
    axis: int | Sequence[int] | None = 0

    def __post_init__(self) -> None:
        _check_norms(self, self.min_value, self.max_value)
        _set_axis(self)

    def __call__(self, w: ArrayLike) -> Array:
        def desired(norms: Array) -> Array:
            return self.rate * jnp.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms

        return _rescale(w, self.axis, desired)


max_norm = MaxNorm
non_neg = NonNeg
unit_norm = UnitNorm
min_max_norm = MinMaxNorm


def _rescale(w: ArrayLike, axis: int | Sequence[int] | None, desired: Callable[[Array], Array | float]) -> Array:
    """`w * desired(norm) / norm`, in `w`'s dtype."""
    w = jnp.asarray(w)
    dtype = w.dtype if jnp.issubdtype(w.dtype, jnp.floating) else jnp.dtype(jnp.float32)
    precise = w.astype(jnp.float32 if dtype.itemsize < 4 else dtype)  # epsilon is 0 in float16
    axes = tuple(axis) if isinstance(axis, Sequence) else axis
    norms = jnp.sqrt(jnp.sum(jnp.square(precise), axis=axes, keepdims=True))
    return (precise * (desired(norms) / (EPSILON + norms))).astype(dtype)


def _set_axis(constraint: MaxNorm | UnitNorm | MinMaxNorm) -> None:
    """Axes that came out of JSON are a list, which has no hash."""
    if isinstance(constraint.axis, list):
        object.__setattr__(constraint, "axis", tuple(constraint.axis))


def _check_norms(constraint: Constraint, smallest: float, largest: float) -> None:
    """Refuse bounds between which there is no norm."""
    if not 0 <= smallest <= largest:
        kind = type(constraint).__name__
        raise ValueError(
            explain(
                f"{kind} allows norms from {smallest} to {largest}, and no norm lies there.",
                received=repr(constraint),
                usually="bounds in the wrong order, or a negative one: a norm is never negative.",
                write=f"{kind}(max_value=2.0)",
            )
        )


# ------------------------------------------------------------------ by name
#: A function of one parameter.
ConstraintFunction: TypeAlias = Callable[..., Array]


def get(identifier: Spec, custom_objects: CustomObjects | None = None) -> ConstraintFunction | None:
    """Find a constraint by what a layer's `kernel_constraint=` may hold.

    Args:
        identifier: `None`, a name, a config, a class, or any function of one parameter.
        custom_objects: your own classes and functions by name.

    Returns:
        A function of one parameter, or `None`.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> get("max_norm")
    MaxNorm()

    Reference: https://keras.io/api/layers/constraints/
    """
    return get_object(MODULE, identifier, custom_objects)


def serialize(constraint: ConstraintFunction | None) -> str | Config | None:
    """Keras's config of a constraint.

    Args:
        constraint: one of the classes here, or a function of your own.

    Returns:
        `{"module", "class_name", "config", "registered_name"}`; a name for a registered function.

    Raises:
        TypeError: a lambda, which no config can hold.

    >>> serialize(UnitNorm(axis=(0, 1)))["config"]
    {'axis': [0, 1]}

    Reference: https://keras.io/api/layers/constraints/
    """
    return serialize_value(constraint)


def deserialize(config: Spec, custom_objects: CustomObjects | None = None) -> ConstraintFunction | None:
    """The constraint that `serialize` (or Keras) described.

    Args:
        config: what `serialize` returned, or real Keras wrote.
        custom_objects: your own classes and functions by name.

    Returns:
        A function of one parameter, or `None`.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> deserialize({"class_name": "UnitNorm", "config": {"axis": [0, 1]}})
    UnitNorm(axis=(0, 1))

    Reference: https://keras.io/api/layers/constraints/
    """
    return get_object(MODULE, config, custom_objects)
