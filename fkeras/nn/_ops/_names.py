"""Keras's names for the arguments of jax.numpy's functions, and lists where jax.numpy wants arrays."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

# The operands, which come first and have other names in jax.numpy, or none; further arguments have the same names.
_LEADING = {
    "x1 x2": """add subtract multiply divide true_divide floor_divide mod fmod power maximum minimum fmax fmin arctan2
        hypot logaddexp logaddexp2 nextafter heaviside equal not_equal greater greater_equal less less_equal
        logical_and logical_or logical_xor gcd lcm ldexp isclose allclose isin append correlate cross dot inner kron
        matmul outer tensordot vdot""",
    "x y": """bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift left_shift right_shift""",
    "x": """abs absolute negative angle argpartition argsort array array_split average bartlett blackman broadcast_to
        copy count_nonzero cumprod cumsum det diag diagflat diagonal dsplit eig eigh empty_like expand_dims flip fliplr
        flipud full_like hamming hanning histogram hsplit imag inv kaiser moveaxis nancumprod nancumsum ndim nonzero
        ones_like qr ravel real repeat roll round size sort split squeeze stack svd swapaxes trace transpose tril triu
        vsplit zeros_like""",
    "xs": "concatenate dstack hstack vstack",
    "array": "rot90",
    "variable": "stop_gradient",
}
LEADING = {name: tuple(operands.split()) for operands, names in _LEADING.items() for name in names.split()}

# Arguments that are one array each: a list of numbers is made one.
_ARRAYS = {
    "x",
    "x1",
    "x2",
    "y",
    "a",
    "b",
    "q",
    "weights",
    "bins",
    "condition",
    "indices",
    "data",
    "segment_ids",
    "targets",
    "predictions",
    "target",
    "output",
    "values",
    "sorted_sequence",
    "variable",
    "array",
    "elements",
    "updates",
    "start",
    "stop",
}
# Settings that are tuples: JSON, and many a user, writes lists.
_TUPLES = {"axis", "axes", "shape", "newshape", "source", "destination", "shift"}
# Functions whose first argument is a list of arrays, of which each may be a list of numbers.
_OF_MANY = {"stack", "concatenate", "hstack", "vstack", "dstack"}
# Functions whose first argument is a pair of arrays, a place, or anything at all.
_OF_LISTS = {"array", "convert_to_tensor", "fft", "fft2", "ifft2", "irfft", "istft", "get_item", "block"}


def under_keras_names(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with Keras's names for its operands, which may be given by name, and with lists for arrays.

    >>> under_keras_names("add", jnp.add)(x1=1, x2=[1, 2])
    Array([2, 3], dtype=int32)
    """
    try:
        signature = inspect.signature(function)
    except ValueError:
        return function
    own = [p for p in signature.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.KEYWORD_ONLY)]
    fixed = [p for p in own if p.kind is not p.VAR_POSITIONAL]
    leading = LEADING.get(name, tuple(p.name for p in own if p.kind is p.POSITIONAL_ONLY))
    if len(own) > len(fixed) and not leading:  # any number of operands: einsum, meshgrid
        return function
    names = (*leading, *(p.name for p in fixed[len(leading) :]))
    by_place = len(own) > len(fixed) or any(p.kind is p.POSITIONAL_ONLY for p in own)
    rename = {n: p.name for n, p in zip(leading, fixed, strict=False)}
    lists = frozenset() if name in _OF_LISTS else _ARRAYS.intersection(names)
    settings = _TUPLES.intersection(signature.parameters)
    if not by_place and not lists and all(k == v for k, v in rename.items()) and not settings:
        return function

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        placed = list(args)
        for key in leading[len(args) :]:
            if key not in kwargs:
                break
            placed.append(kwargs.pop(key))
        if name in _OF_MANY and placed and isinstance(placed[0], list | tuple):
            placed[0] = [_array(a) for a in placed[0]]
        elif lists:
            placed = [_array(a) if n in lists else a for a, n in zip(placed, names, strict=False)] + placed[
                len(names) :
            ]
            kwargs = {k: _array(v) if k in lists else v for k, v in kwargs.items()}
        if settings:
            placed = [_tuple(a) if n in settings else a for a, n in zip(placed, names, strict=False)] + placed[
                len(names) :
            ]
            kwargs = {k: _tuple(v) if k in settings else v for k, v in kwargs.items()}
        return function(*placed, **kwargs)

    kept = [
        p for p in signature.parameters.values() if p not in fixed[: len(leading)] and p.kind is not p.VAR_POSITIONAL
    ]
    both = inspect.Parameter.POSITIONAL_OR_KEYWORD
    first = [
        fixed[i].replace(name=n, kind=both) if i < len(fixed) else inspect.Parameter(n, both)
        for i, n in enumerate(leading)
    ]
    called.__signature__ = signature.replace(parameters=[*first, *kept])  # type: ignore[attr-defined]
    return called


def _array(value: Any) -> Any:
    return jnp.asarray(value) if isinstance(value, list | tuple) else value


def _tuple(value: Any) -> Any:
    return tuple(_tuple(v) for v in value) if isinstance(value, list | tuple) else value
