"""Regularizers: frozen functions from one parameter to a scalar penalty, with Keras's config.

A layer's penalties are summed into the loss as they are: not divided by the batch, not weighted by samples.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from ..core import Configured, explain, register
from ..core import get as get_object
from ..core import serialize as serialize_value
from ..core.typing import Array, ArrayLike, Config, CustomObjects, Spec

MODULE = "keras.regularizers"

# Keras's backend.epsilon(): the smallest norm that OrthogonalRegularizer divides by.
EPSILON = 1e-7


@register(MODULE, aliases=("regularizer",))
@register("keras")
@dataclasses.dataclass(frozen=True, eq=False)
class Regularizer(Configured):
    """Base of the regularizers: no penalty. Your own overrides `__call__`.

    A frozen dataclass gets its config, equality and hash from its fields. A class with its own `__init__`
    (Keras's way) works too, and needs its own `get_config`.

    >>> @dataclasses.dataclass(frozen=True)
    ... class L3(Regularizer):
    ...     factor: float = 0.01
    ...
    ...     def __call__(self, x):
    ...         return self.factor * jnp.sum(jnp.abs(x) ** 3)
    >>> print(L3(0.5)(jnp.array([1.0, -2.0])), L3(0.5).get_config())
    4.5 {'factor': 0.5}

    Reference: https://keras.io/api/layers/regularizers/
    """

    def __call__(self, x: ArrayLike) -> Array:
        """The penalty of the parameter `x`, a scalar."""
        return jnp.zeros((), jnp.result_type(x))


@register(MODULE, aliases=("l1",))
@dataclasses.dataclass(frozen=True)
class L1(Regularizer):
    """`l1 * sum(|x|)`.

    Args:
        l1: the factor, finite and not negative; `None` for Keras's default, 0.01.

    Raises:
        ValueError: a negative or infinite factor.

    >>> print(L1(0.5)(jnp.array([[1.0, -3.0]])))
    2.0

    Reference: https://keras.io/api/layers/regularizers/#l1-class

    Differs from Keras: the config holds the factor as you gave it, where Keras rounds it to float32.
    """

    l1: float = 0.01

    def __post_init__(self) -> None:
        _set_factor(self, "l1", default=0.01)

    def __call__(self, x: ArrayLike) -> Array:
        return self.l1 * jnp.sum(jnp.abs(_floating(x)))


@register(MODULE, aliases=("l2",))
@dataclasses.dataclass(frozen=True)
class L2(Regularizer):
    """`l2 * sum(x**2)`, without the 1/2 of `optax.l2_loss`.

    Args:
        l2: the factor, finite and not negative; `None` for Keras's default, 0.01.

    Raises:
        ValueError: a negative or infinite factor.

    >>> print(L2(0.5)(jnp.array([[1.0, -3.0]])))
    5.0

    Reference: https://keras.io/api/layers/regularizers/#l2-class
    """

    l2: float = 0.01

    def __post_init__(self) -> None:
        _set_factor(self, "l2", default=0.01)

    def __call__(self, x: ArrayLike) -> Array:
        return self.l2 * jnp.sum(jnp.square(_floating(x)))


@register(MODULE, aliases=("l1l2", "l1_l2"))
@dataclasses.dataclass(frozen=True)
class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x**2)`.

    Args:
        l1: the factor of the absolute values, finite and not negative; `None` is 0.
        l2: the factor of the squares, finite and not negative; `None` is 0.

    Raises:
        ValueError: a negative or infinite factor.

    >>> print(L1L2(l1=0.5, l2=0.5)(jnp.array([[1.0, -3.0]])))
    7.0

    Reference: https://keras.io/api/layers/regularizers/#l1l2-class

    Differs from Keras: the string `"l1_l2"`, which Keras's documentation names, works beside `"l1l2"`. Both
    mean `L1L2()`, whose factors are 0, as in Keras.
    """

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        _set_factor(self, "l1", default=0.0)
        _set_factor(self, "l2", default=0.0)

    def __call__(self, x: ArrayLike) -> Array:
        x = _floating(x)
        penalty = jnp.zeros((), x.dtype)
        if self.l1:  # not by multiplying: 0 * inf is nan
            penalty += self.l1 * jnp.sum(jnp.abs(x))
        if self.l2:
            penalty += self.l2 * jnp.sum(jnp.square(x))
        return penalty


@register(MODULE, aliases=("orthogonal_regularizer",))
@dataclasses.dataclass(frozen=True)
class OrthogonalRegularizer(Regularizer):
    r"""Mean absolute cosine between the rows (or columns) of a matrix.

    .. math::
        \mathrm{factor} \cdot \frac{2}{n (n - 1)} \sum_{i < j} |\cos(x_i, x_j)|

    Args:
        factor: finite and not negative.
        mode: `"rows"` or `"columns"`: which vectors should be orthogonal.

    Raises:
        ValueError: a negative or infinite factor, another mode, or a parameter that is no matrix.

    >>> print(OrthogonalRegularizer(0.5)(jnp.array([[1.0, 0.0], [0.0, 1.0]])))
    0.0
    >>> print(f"{OrthogonalRegularizer(0.5)(jnp.array([[1.0, 0.0], [2.0, 0.0]])):.3f}")
    0.500

    Reference: https://keras.io/api/layers/regularizers/#orthogonalregularizer-class

    Differs from Keras: a single row has no pairs and costs 0, where Keras divides 0 by 0, and a row of zeros has
    a gradient of 0, where Keras has nan. The config holds the factor as you gave it, where Keras rounds it to float32.
    """

    factor: float = 0.01
    mode: str = "rows"

    def __post_init__(self) -> None:
        _set_factor(self, "factor")
        if self.mode not in ("rows", "columns"):
            raise ValueError(
                explain(
                    f"OrthogonalRegularizer got mode={self.mode!r}, but knows only 'rows' and 'columns'.",
                    received=repr(self.mode),
                    write="OrthogonalRegularizer(factor=0.01, mode='rows')",
                )
            )

    def __call__(self, x: ArrayLike) -> Array:
        x = _floating(x)
        if x.ndim != 2:
            raise ValueError(
                explain(
                    f"OrthogonalRegularizer penalises matrices, but the parameter has {x.ndim} dimensions.",
                    received=f"shape {x.shape}",
                    usually="it is the regularizer of a bias or of a convolution's kernel.",
                    write="lambda w: OrthogonalRegularizer()(w.reshape(-1, w.shape[-1]))",
                )
            )
        vectors = x if self.mode == "rows" else x.T
        count = len(vectors)
        if count < 2:
            return jnp.zeros((), x.dtype)
        vectors = vectors.astype(jnp.float32) if x.dtype.itemsize < 4 else vectors  # EPSILON**2 is 0 in float16
        squares = jnp.sum(jnp.square(vectors), axis=1, keepdims=True)
        # the bound inside the root, not outside: a row of 0 has a gradient of 0, not nan
        vectors = vectors * jax.lax.rsqrt(jnp.maximum(squares, EPSILON**2))
        cosines = jnp.einsum("ik,jk->ij", vectors, vectors) * (1 - jnp.eye(count, dtype=vectors.dtype))
        # every pair is in the sum twice
        penalty = self.factor * 0.5 * jnp.sum(jnp.abs(cosines)) / (count * (count - 1) / 2)
        return penalty.astype(x.dtype)


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer


def _floating(x: ArrayLike) -> Array:
    """Integers as float32."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)


def _set_factor(regularizer: Regularizer, name: str, default: float | None = None) -> None:
    """Keep the factor `name` as a Python float, after checking it."""
    value = getattr(regularizer, name)
    value = default if value is None else value
    if not isinstance(value, numbers.Real) or not math.isfinite(value) or value < 0:
        kind = type(regularizer).__name__
        raise ValueError(
            explain(
                f"{kind} got {name}={value!r}, but a penalty's factor must be a finite number, not negative.",
                received=f"{name}={value!r} of type {type(value).__name__}",
                usually="a factor that is traced or learned: write that penalty as a plain function.",
                write=f"{kind}({name}=0.01)",
            )
        )
    object.__setattr__(regularizer, name, float(value))


# ------------------------------------------------------------------ by name
#: A function of one parameter.
RegularizerFunction: TypeAlias = Callable[..., Array]


def get(identifier: Spec, custom_objects: CustomObjects | None = None) -> RegularizerFunction | None:
    """Find a regularizer by what a layer's `kernel_regularizer=` may hold.

    Args:
        identifier: `None`, a name, a config, a class, or any function of one parameter.
        custom_objects: your own classes and functions by name.

    Returns:
        A function of one parameter, or `None`.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> get("l2")
    L2()

    Reference: https://keras.io/api/layers/regularizers/
    """
    return get_object(MODULE, identifier, custom_objects)


def serialize(regularizer: RegularizerFunction | None) -> str | Config | None:
    """Keras's config of a regularizer.

    Args:
        regularizer: one of the classes here, or a function of your own.

    Returns:
        `{"module", "class_name", "config", "registered_name"}`; a name for a registered function.

    Raises:
        TypeError: a lambda, which no config can hold.

    >>> serialize(L2(0.5))["config"]
    {'l2': 0.5}

    Reference: https://keras.io/api/layers/regularizers/
    """
    return serialize_value(regularizer)


def deserialize(config: Spec, custom_objects: CustomObjects | None = None) -> RegularizerFunction | None:
    """The regularizer that `serialize` (or Keras) described.

    Args:
        config: what `serialize` returned, or real Keras wrote.
        custom_objects: your own classes and functions by name.

    Returns:
        A function of one parameter, or `None`.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> deserialize({"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.0}})
    L1L2(l1=0.5)

    Reference: https://keras.io/api/layers/regularizers/
    """
    return get_object(MODULE, config, custom_objects)
