"""Layers that work on the host: text, which no device holds, and hashes, which are 64 bits wide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core import Layer, explain


class HostLayer(Layer):
    """A layer without weights that may be given text: numpy arrays or lists of `str` or `bytes`.

    On text it runs eagerly, outside of `jax.jit`: before the data reaches the model, or at the start of a functional
    model that is applied eagerly.
    """

    encoding: Any = "utf-8"  # of `bytes`

    @linen.nowrap
    def init(self, rngs: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make the layer's variables: there are none."""
        if any(is_text(leaf) for leaf in jax.tree.leaves((args, kwargs))):
            return {}
        return super().init(rngs, *args, **kwargs)

    @linen.nowrap
    def _text(self, inputs: Any) -> np.ndarray:
        """Text as an array of `str` objects.

        Raises:
            TypeError: numbers, or the tracer of a compiled function.
        """
        if isinstance(inputs, jax.core.Tracer):
            raise TypeError(
                explain(
                    f"{self.path_text()} works on text, on the host, so not inside a compiled function.",
                    received=f"a traced array of dtype {inputs.dtype}",
                    usually="the layer is part of what `jax.jit` or `fit` compiles.",
                    write="tokens = layer(text) first; then fit, predict or jit on the tokens",
                )
            )
        array = np.asarray(inputs) if not is_ragged(inputs) else np.asarray([], object)
        if is_ragged(inputs) or (array.size and not is_text(array)):
            raise TypeError(
                explain(
                    f"{self.path_text()} takes text.",
                    received="rows of several lengths" if is_ragged(inputs) else f"dtype {array.dtype}",
                    usually="numbers, or a ragged list.",
                    write='layer(np.array([["one"], ["two"]]))',
                )
            )
        flat = [as_text(item, self.encoding) for item in array.ravel().tolist()]
        made = np.empty(array.shape, object)
        made.ravel()[:] = flat  # a new array is contiguous, so this is no copy
        return made


def as_text(item: Any, encoding: str = "utf-8") -> str:
    """`bytes` decoded, anything else as `str` writes it.

    >>> as_text(b"caf\\xc3\\xa9"), as_text(3)
    ('café', '3')
    """
    return item.decode(encoding) if isinstance(item, bytes) else str(item)


def is_text(value: Any) -> bool:
    """Whether a value is text, or an array or nested list of it."""
    if isinstance(value, str | bytes):
        return True
    if isinstance(value, list | tuple):
        return bool(value) and is_text(value[0])
    return getattr(getattr(value, "dtype", None), "kind", "") in ("U", "S", "O", "T")


def is_ragged(value: Any) -> bool:
    """Whether a nested list has rows of several lengths."""
    if not isinstance(value, list | tuple) or not value or not isinstance(value[0], list | tuple):
        return False
    return len({len(row) if isinstance(row, list | tuple) else -1 for row in value}) > 1


def on_host(function: Callable[[np.ndarray], np.ndarray], x: Any, dtype: Any) -> Any:
    """An element-wise function of numpy arrays on `x`; called back from the device where `x` is traced."""
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    if not isinstance(x, jax.core.Tracer):
        return jnp.asarray(function(np.asarray(x)), dtype)
    result = jax.ShapeDtypeStruct(x.shape, dtype)
    return jax.pure_callback(
        lambda value: function(np.asarray(value)).astype(dtype), result, x, vmap_method="expand_dims"
    )
