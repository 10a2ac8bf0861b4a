"""`fk.ops`: jax.numpy and jax.nn, lifted onto symbolic tensors, under the names Keras users type.

On arrays each is the function it is named after; on a symbolic tensor it records a node.

>>> import fkeras as fk, jax.numpy as jnp
>>> fk.ops.mean(jnp.array([1.0, 3.0]))
Array(2., dtype=float32)
>>> fk.ops.mean(fk.Input((4, 8)), axis=1).shape
(None, 8)
"""

from __future__ import annotations

import operator
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import SymbolicTensor, explain, lift, register, registered
from ..core import dtype_name as _dtype_name
from . import activations as _activations
from ._ops import _arrays, _control, _images, _linalg, _names, _neural


# ------------------------------------------------------------------ what neither jax.numpy nor jax.nn has
def _cast(x: Any, dtype: Any) -> jax.Array:
    """`x` in another dtype."""
    return jnp.asarray(x).astype(dtype)


def _convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> jax.Array:
    """`x` as an array."""
    return jnp.asarray(x, dtype)


def _divide_no_nan(x1: Any, x2: Any) -> jax.Array:
    """`x1 / x2`, and 0 where `x2` is 0."""
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    return jnp.where(x2 == 0, 0, x1 / jnp.where(x2 == 0, 1, x2))


def _top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The `k` largest entries of the last axis and their places."""
    return jax.lax.top_k(x, k)


def _in_top_k(targets: Any, predictions: Any, k: int) -> jax.Array:
    """Whether each target is among the `k` largest predictions of its row; a NaN is the smallest of all."""
    own = jnp.take_along_axis(predictions, jnp.asarray(targets)[..., None], axis=-1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return jnp.sum(predictions > own, axis=-1) < k


def _one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> jax.Array:
    """A 1 at the place that each integer names."""
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype or jnp.float32)


def _segment(function: Any) -> Any:
    def segment(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> jax.Array:
        return function(data, segment_ids, num_segments, indices_are_sorted=sorted)

    segment.__doc__ = function.__doc__
    return segment


def _shape(x: Any) -> tuple[int | None, ...]:
    """The shape; `None` where a symbolic tensor's dimension is unknown."""
    return tuple(x.shape) if isinstance(x, SymbolicTensor) else np.shape(x)


def _normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> jax.Array:
    """`x` scaled to norm 1 along an axis; what is nearly 0 stays so."""
    if not isinstance(order, int) or order < 1:
        raise ValueError(explain("normalize: `order` is a positive integer.", received=order, write="order=2"))
    x, least = jnp.atleast_1d(x), 1e-7 if epsilon is None else epsilon
    if order == 2:
        return x * jnp.minimum(jax.lax.rsqrt(jnp.sum(jnp.square(x), axis=axis, keepdims=True)), 1 / least)
    return x / jnp.maximum(jnp.linalg.norm(x, ord=order, axis=axis, keepdims=True), least)


def _moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over some axes."""
    if synchronized:
        raise NotImplementedError(
            explain(
                "moments: nothing is synchronized between devices here.",
                write="moments inside jax.jit over sharded arrays, whose means are of the whole",
            )
        )
    axes = tuple(axes) if isinstance(axes, list) else axes
    return jnp.mean(x, axis=axes, keepdims=keepdims), jnp.var(x, axis=axes, keepdims=keepdims)


def _gelu(x: Any, approximate: bool = True) -> jax.Array:
    """`x * Phi(x)`; approximate by default, as `keras.ops.gelu` is and `keras.activations.gelu` is not."""
    return _activations.gelu(x, approximate)


_OWN = {
    "cast": _cast,
    "convert_to_tensor": _convert_to_tensor,
    "divide_no_nan": _divide_no_nan,
    "top_k": _top_k,
    "in_top_k": _in_top_k,
    "one_hot": _one_hot,
    "segment_sum": _segment(jax.ops.segment_sum),
    "segment_max": _segment(jax.ops.segment_max),
    "segment_min": _segment(jax.ops.segment_min),
    "segment_prod": _segment(jax.ops.segment_prod),
    "normalize": _normalize,
    "moments": _moments,
    "gelu": _gelu,
    "get_item": lambda x, key: operator.getitem(jnp.asarray(x), key),
    "stop_gradient": jax.lax.stop_gradient,
    "rsqrt": jax.lax.rsqrt,
    "erf": jax.scipy.special.erf,
    "erfinv": jax.scipy.special.erfinv,
    "softsign": jax.nn.soft_sign,
    **_arrays.OWN,
    **_linalg.OWN,
    **_neural.OWN,
}

# Names of jax.numpy that make no array of arrays: types, constants, settings, input and output.
_LEFT_OUT = {"load", "save", "savez", "set_printoptions", "get_printoptions", "printoptions", "array_repr", "array_str"}


def _gather() -> dict[str, Any]:
    """Every function by name: jax.numpy's, jax.nn's, Keras's activations, and those above, each over the last."""
    table: dict[str, Any] = {}
    for module in (jnp, jax.nn):
        for name in dir(module):
            value = getattr(module, name)
            if not name.startswith("_") and callable(value) and not isinstance(value, type) and name not in _LEFT_OUT:
                table[name] = value
    table = {n: f for n, f in table.items() if hasattr(f, "__name__") and not _is_dtype(f)}
    table.update({n: f for n, f in registered("keras.activations").items() if callable(f)})
    table.update(_OWN)
    return table


def _is_dtype(value: Any) -> bool:
    return hasattr(value, "dtype") or type(value).__name__ == "_ScalarMeta"


for _name, _plain in {**_gather(), **_control.LIFTED}.items():
    _plain = _names.under_keras_names(_name, _plain)
    register("keras.ops", _name)(_plain)
    globals()[_name] = lift(_plain, _name)
for _name, _plain in _control.PLAIN.items():  # what they return or are asked for is no array
    globals()[_name] = _plain
globals()["shape"] = _shape
globals()["dtype"] = lambda x: _dtype_name(x.dtype) if isinstance(x, SymbolicTensor) else _control.dtype(x)


def _namespace(name: str, functions: Any) -> types.ModuleType:
    """Functions under a second name, as Keras has them: `fk.ops.image.resize`, `fk.ops.linalg.svd`."""
    module = types.ModuleType(f"fkeras.ops.{name}")
    vars(module).update(functions)
    return module


def _lift_images() -> dict[str, Any]:
    found = {}
    for name, function in _images.IMAGE.items():
        register("keras.ops", f"image.{name}")(function)
        found[name] = lift(function, f"image.{name}")
    return found


image = _namespace("image", _lift_images())
linalg = _namespace("linalg", {n: globals()[n] for n in (*_linalg.LINALG, "jvp")})
_NEURAL = {*dir(jax.nn), *_neural.OWN, *registered("keras.activations"), "moments", "normalize", "polar", "softsign"}
nn = _namespace("nn", {n: globals()[n] for n in _NEURAL if n in globals()})
_NUMPY = {*dir(jnp), *_arrays.OWN, "divide_no_nan", "get_item", "slogdet"} - {"linalg"}
numpy = _namespace("numpy", {n: globals()[n] for n in _NUMPY if n in globals()})


def __dir__() -> list[str]:
    return sorted([n for n in globals() if not n.startswith("_")])
