"""Matching the values a model is called with to the inputs it was described with."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._graph._symbolic import SymbolicTensor
from .._words._arrays import as_array
from .._words._dtypes import dtype_name, is_string
from .._words._errors import explain
from ..typing import PyTree


def match(expected: PyTree, values: PyTree, names: Sequence[str], owner: str) -> list[Any]:
    """The values for each leaf of `expected`, checked and in its order.

    Args:
        expected: the model's inputs, a pytree of symbolic tensors.
        values: what the caller gave; the same structure, or a dict by input names, or for one input a bare value.
        names: the inputs' names, by leaf.
        owner: how messages call the model.

    Raises:
        ValueError: other keys, another number of inputs, or a value whose shape or dtype does not fit.
    """
    tensors = jax.tree.leaves(expected)
    flat = match_structure(expected, values, names, owner)
    return [_fit(value, tensor, name, owner) for value, tensor, name in zip(flat, tensors, names, strict=True)]


def match_structure(expected: PyTree, values: PyTree, names: Sequence[str], owner: str) -> list[Any]:
    """The values for each leaf of `expected` in its order, not looked at.

    Raises:
        ValueError: other keys, or another number of inputs.
    """
    if isinstance(expected, Mapping):
        if not isinstance(values, Mapping):
            columns = ", ".join(f"{k!r}: x[{k!r}]" for k in sorted(expected))
            raise _structure(owner, f"a dict with the keys {sorted(expected)}", values, "{" + columns + "}")
        _same_keys(set(expected), set(values), owner)
        return [v for k in sorted(expected) for v in match_structure(expected[k], values[k], names, owner)]
    if isinstance(values, Mapping):  # Keras: inputs given as a list may be fed by name
        tensors = jax.tree.leaves(expected)
        _same_keys(set(names), set(values), owner)
        return [values[name] for name, _ in zip(names, tensors, strict=True)]
    if isinstance(expected, list | tuple):
        if len(expected) == 1 and not isinstance(values, list | tuple):
            values = [values]
        if not isinstance(values, list | tuple) or len(values) != len(expected):
            raise _structure(owner, f"a {type(expected).__name__} of {len(expected)} inputs", values)
        return [v for e, given in zip(expected, values, strict=True) for v in match_structure(e, given, names, owner)]
    if isinstance(values, list | tuple):
        if len(values) == 1 and not _is_nested(values[0]):
            return match_structure(expected, values[0], names, owner)
        if _is_nested(values):  # numbers or text: an array, as in Keras
            array = as_array(values, f"The input of {owner}", text=True)
            packed = len(values) == 1 and array.ndim > len(expected.shape)  # in a list of one input
            return match_structure(expected, values[0], names, owner) if packed else [array]
        raise _structure(owner, "one array", values)
    return [values]


def _is_nested(values: object) -> bool:
    """Whether something is a number or a text, or lists of such, and holds no array."""
    return isinstance(values, str | bytes | int | float | complex | np.generic) or (
        isinstance(values, list | tuple) and all(map(_is_nested, values))
    )


def _same_keys(expected: set[str], given: set[str], owner: str) -> None:
    if expected != given:
        missing, unknown = sorted(expected - given), sorted(given - expected)
        faults = [f"missing {missing}"] * bool(missing) + [f"unknown {unknown}"] * bool(unknown)
        raise ValueError(
            explain(
                f"The keys of the inputs do not fit {owner}: {' and '.join(faults)}.",
                received=f"{sorted(given)}, expected {sorted(expected)}",
                usually="a key is misspelt; dict inputs match by key only, never by position.",
                write="{" + ", ".join(f"{k!r}: ..." for k in sorted(expected)) + "}",
            )
        )


def _structure(owner: str, wanted: str, values: object, columns: str = "") -> ValueError:
    kind = "an array" if hasattr(values, "shape") else f"a {type(values).__name__}"  # a traced one is an array too
    size = f" of {len(values)}" if isinstance(values, list | tuple) else ""
    table = ", or a table was given in place of its columns" if columns else ""
    return ValueError(
        explain(
            f"{owner} takes {wanted}.",
            received=kind + size + (f" of shape {np.shape(values)}" if hasattr(values, "shape") else ""),
            usually=f"inputs were packed in another structure than the model was described with{table}.",
            write=columns or f"model.apply(variables, <{wanted}>)",
        )
    )


def _fit(value: Any, tensor: SymbolicTensor, name: str, owner: str) -> Any:
    """One value as its input: Keras adds or drops a last axis of 1, and casts numbers to the input's dtype."""
    if value is None:
        if getattr(tensor.node.operation, "optional", False):
            return None
        raise _shape_error(owner, name, tensor, None)
    if isinstance(value, SymbolicTensor):
        raise TypeError(
            explain(
                f"{owner} was applied to the symbolic tensor {value.name!r}.",
                usually="`apply` takes arrays; on symbolic tensors the model itself is called.",
                write="y = model(x)",
            )
        )
    if not isinstance(value, jax.ShapeDtypeStruct):
        value = as_array(value, f"Input {name!r} of {owner}", text=True)
    shape, dims = tuple(value.shape), tensor.shape
    if len(shape) == len(dims) + 1 and shape[-1] == 1:
        value = value.reshape(shape[:-1])
    elif len(shape) == len(dims) - 1 and dims[-1] == 1:
        value = value.reshape((*shape, 1))
    shape = tuple(value.shape)
    fits = len(shape) == len(dims) and all(
        d is None or not isinstance(s, int) or s == d for s, d in zip(shape, dims, strict=True)
    )
    if not fits:
        raise _shape_error(owner, name, tensor, shape)
    if is_string(value.dtype) or is_string(tensor.dtype):
        return _fit_string(value, tensor, name, owner)
    dtype = jnp.dtype(value.dtype) if not jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key) else value.dtype
    if value.dtype == tensor.dtype:
        return value
    if not jnp.issubdtype(tensor.dtype, jnp.inexact) and jnp.issubdtype(dtype, jnp.inexact):
        raise TypeError(
            explain(
                f"Input {name!r} of {owner} has dtype {tensor.dtype}, which would cut the fractions off.",
                received=f"dtype {dtype}",
                usually="token ids or labels were read as floats.",
                write=f"x.astype({tensor.dtype.name!r})",
            )
        )
    if jnp.issubdtype(dtype, jnp.complexfloating) and not jnp.issubdtype(tensor.dtype, jnp.complexfloating):
        raise TypeError(
            explain(
                f"Input {name!r} of {owner} has dtype {tensor.dtype}, which would cut the imaginary parts off.",
                received=f"dtype {dtype}",
                usually="the result of a Fourier transform.",
                write="np.stack([x.real, x.imag], axis=-1), np.abs(x), or fk.Input(shape, dtype='complex64')",
            )
        )
    # what JAX makes of 64 bits, without its warning: the Input says what the data is, not how it is computed with
    return jnp.asarray(value).astype(jax.dtypes.canonicalize_dtype(tensor.dtype))


def _fit_string(value: Any, tensor: SymbolicTensor, name: str, owner: str) -> Any:
    """Text where text is expected, and nowhere else."""
    if is_string(value.dtype) == is_string(tensor.dtype):
        return value
    raise TypeError(
        explain(
            f"Input {name!r} of {owner} has dtype {dtype_name(tensor.dtype)}.",
            received=f"dtype {value.dtype}",
            usually="text that was not looked up yet, or numbers where text is expected.",
            write='fk.nn.StringLookup(vocabulary=[...])(text), or fk.Input(shape, dtype="string")',
        )
    )


def _shape_error(owner: str, name: str, tensor: SymbolicTensor, shape: tuple[Any, ...] | None) -> ValueError:
    return ValueError(
        explain(
            f"Input {name!r} of {owner} expects shape {tensor.shape}.",
            received=f"shape {shape}" if shape is not None else "None",
            usually="the batch dimension is missing, or the data was not reshaped as the Input says.",
            write=_that_fits(tensor.shape, shape),
        )
    )


def _that_fits(wanted: tuple[int | None, ...], shape: tuple[Any, ...] | None) -> str:
    """The line that gives an array of the wanted shape, or an input of the array's."""
    rests = wanted[1:]
    if not shape or not wanted or not all(isinstance(size, int) for size in shape):
        return f"an array of shape {wanted}"
    if len(shape) == len(rests) and all(want in (None, size) for want, size in zip(rests, shape, strict=True)):
        return "x[None]   # a batch of one example"
    order = _order_of(rests, shape[1:])
    if order is not None:
        return order
    sizes = [size for size in rests if size is not None]
    if len(sizes) == len(rests) and math.prod(sizes) == math.prod(shape[1:]) and _keeps_order(sizes, shape[1:]):
        return f"x.reshape({(-1, *sizes)})"
    return f"fk.Input({shape[1:]})   # or an array of shape {wanted}"


def _order_of(wanted: tuple[int | None, ...], given: tuple[int, ...]) -> str | None:
    """The line for an array whose axes are in another order; `None` where its sizes are others, or do not tell it."""
    if len(given) != len(wanted) or len(given) < 2:
        return None
    if all(want in (None, size) for want, size in zip(wanted, (*given[1:], given[0]), strict=True)):
        return "np.moveaxis(x, 1, -1)" + ("   # channels last" if len(given) > 2 else "")
    orders = [
        order
        for order in itertools.islice(itertools.permutations(range(len(given))), 1000)
        if all(wanted[i] in (None, given[axis]) for i, axis in enumerate(order))
    ]
    return f"np.transpose(x, {(0, *(axis + 1 for axis in orders[0]))})" if orders else None


def _keeps_order(wanted: Sequence[int], given: Sequence[int]) -> bool:
    """Whether one shape is the other with axes next to each other made one, or with axes of 1: no axis is cut anew."""

    def ends(sizes: Sequence[int]) -> set[int]:
        return set(itertools.accumulate(sizes, operator.mul))

    return ends(wanted) <= ends(given) or ends(given) <= ends(wanted)
