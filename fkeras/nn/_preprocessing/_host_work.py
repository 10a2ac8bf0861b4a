"""Work that the host does: on text, which no device holds, and on numbers through a callback when traced."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Inferred, Layer, SymbolicTensor, explain
from ...core.typing import Array, DTypeLike, PyTree, Shape


def is_text(x: object) -> bool:
    """Whether a value is text: an array of strings, a string, or lists of them."""
    if isinstance(x, str | bytes):
        return True
    if isinstance(x, list | tuple):
        return bool(x) and is_text(x[0])
    if isinstance(x, np.ndarray | np.generic):
        return x.dtype.kind in "USOT"
    return getattr(getattr(x, "dtype", None), "name", "") in ("string", "str", "object")  # of TensorFlow and pandas


def as_text(x: object, encoding: str = "utf-8") -> np.ndarray:
    """Text as an array of Python strings.

    Raises:
        ValueError: some of it is missing.
    """
    array = np.asarray(x, dtype=object)

    def decode(value: object) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bytes):
            return value.decode(encoding)
        if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
            raise ValueError(
                explain(
                    "Some of the text is missing.",
                    received=f"{value!r} among {array.size} entries",
                    usually="gaps in a column of text.",
                    write='column.fillna("")',
                )
            )
        return str(value)

    return np.asarray(np.frompyfunc(decode, 1, 1)(array), object) if array.size else array


def on_host(function: Callable[..., np.ndarray], result: jax.ShapeDtypeStruct, *inputs: Array | np.ndarray) -> Array:
    """`function` of numpy arrays, run by the host; under `jit` and `vmap` through a callback.

    Args:
        function: from numpy arrays to one numpy array, the same for each entry of a batch.
        result: shape and dtype of the result, a `jax.ShapeDtypeStruct`.
        inputs: arrays of numbers.

    Returns:
        An array of the result's shape and dtype.
    """
    if any(isinstance(x, jax.core.Tracer) for x in inputs):
        return jax.pure_callback(
            lambda *arrays: np.asarray(function(*map(np.asarray, arrays)), result.dtype),
            result,
            *inputs,
            vmap_method="sequential",
        )
    return jnp.asarray(np.asarray(function(*map(np.asarray, inputs)), result.dtype))


def text_outputs(layer: Layer, args: PyTree, shape_of: Callable[[Shape], Shape], dtype: DTypeLike) -> Inferred:
    """What a layer without weights makes of symbolic text."""
    tensors = [t for t in jax.tree.leaves(args) if isinstance(t, SymbolicTensor)]
    struct = jax.ShapeDtypeStruct(shape_of(tensors[0].symbolic_shape), jax.dtypes.canonicalize_dtype(dtype))
    return Inferred(struct, {}, lambda key: {})


def refuse_tracing(layer: Layer, x: object) -> None:
    """Text layers run on the host alone.

    Raises:
        TypeError: the layer was called on a traced array of numbers.
    """
    if not is_text(x):
        raise TypeError(
            explain(
                f"{layer.path_text()} takes text.",
                received=f"{type(x).__name__} of dtype {getattr(x, 'dtype', '?')}",
                usually="numbers, or a call under jit, where there is no text.",
                write="tokens = layer(np.array(['some', 'text'])) before the jitted part",
            )
        )


def no_sparse(value: object) -> bool:
    """A converter for `sparse` and `ragged`: JAX arrays are dense."""
    if value:
        raise ValueError(
            explain("Outputs are dense arrays.", received="sparse=True or ragged=True", write="sparse=False")
        )
    return False
