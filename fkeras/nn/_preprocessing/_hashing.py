"""Hashing: categories without a vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Inferred, Layer, explain, field, register
from ...core.typing import Array, Config, Num, PyTree, Shape
from .. import _arguments as arg
from ._category_encodings import encode, output_mode
from ._hash_functions import concatenate, fingerprint64, siphash
from ._host_work import as_text, is_text, no_sparse, on_host, text_outputs

# TensorFlow's key for crosses.
_CROSS_KEY = 0xDECAFCAFFE

#: The key of a hash: both its halves, one integer for both, or none.
Salt: TypeAlias = Sequence[int] | int | None
#: A value that is masked, or none.
Token: TypeAlias = str | int | None


def salt_pair(value: Salt) -> list[int] | None:
    """A converter: `None`, one integer for both halves of the key, or two."""
    if value is None:
        return None
    pair = [value, value] if isinstance(value, int) else list(value)
    if len(pair) != 2 or not all(isinstance(v, int) for v in pair):
        raise ValueError(explain("`salt` is an integer or two.", received=repr(value), write="salt=[133, 137]"))
    return pair


def buckets(values: np.ndarray, count: int, salt: Sequence[int] | None) -> np.ndarray:
    """Which of `count` buckets each string of an array falls into."""

    def bucket(text: str) -> int:
        data = text.encode()
        return (fingerprint64(data) if salt is None else siphash(data, (salt[0], salt[1]))) % count

    return np.asarray(np.frompyfunc(bucket, 1, 1)(values), np.int64) if values.size else values.astype(np.int64)


def _written(values: np.ndarray) -> np.ndarray:
    """Integers as TensorFlow writes them before it hashes; the fractions of floats are cut off."""
    return np.frompyfunc(lambda v: str(int(v)), 1, 1)(values) if values.size else values


def encoded_shape(mode: str, depth: int) -> Callable[[Shape], Shape]:
    """From the shape of indices to the shape of their encoding."""

    def shape_of(shape: Shape) -> Shape:
        if mode == "int":
            return tuple(shape)
        if mode == "one_hot" and (len(shape) < 2 or shape[-1] != 1):
            return (*shape, depth)
        return (*shape[:-1], depth)

    return shape_of


@register("keras.layers")
class Hashing(Layer):
    """Text or integers as one of `num_bins` numbers, by a hash: `fingerprint64(x) mod num_bins`.

    Args:
        num_bins: how many.
        mask_value: a value that is always bin 0; the others then share the rest.
        salt: a key of one or two integers; with it the hash is SipHash.
        output_mode: `"int"`, or `"one_hot"`, `"multi_hot"`, `"count"` as for `CategoryEncoding`.
        sparse: accepted for Keras's sake; JAX arrays are dense.

    Raises:
        ValueError: no positive number of bins, another mode.

    >>> import fkeras as fk, numpy as np
    >>> fk.nn.Hashing(num_bins=3)(np.array([["A"], ["B"], ["C"], ["D"], ["E"]])).ravel().tolist()
    [1, 0, 1, 1, 2]

    Reference: https://keras.io/api/layers/preprocessing_layers/categorical/hashing/
    The host computes it: text outside `jit`, integers anywhere.
    """

    num_bins: int = arg.positive("num_bins")
    mask_value: Token = None
    salt: Salt = field(None, convert=salt_pair)
    output_mode: str = field("int", convert=output_mode("int", "one_hot", "multi_hot", "count"))
    sparse: bool = field(False, convert=no_sparse)

    def __post_init__(self) -> None:
        if self.dtype is None:
            object.__setattr__(self, "dtype", "int64" if self.output_mode == "int" else "float32")
        super().__post_init__()

    def call(self, inputs: PyTree) -> Num[Array, "batch ..."]:
        if is_text(inputs):
            bins = jnp.asarray(self._bins(as_text(inputs)).astype(np.int32))
        else:
            inputs = jnp.asarray(inputs)
            struct = jax.ShapeDtypeStruct(inputs.shape, jnp.int32)
            bins = on_host(lambda x: self._bins(x), struct, inputs)
        return encode(bins, self.output_mode, self.num_bins, jax.dtypes.canonicalize_dtype(self.compute_dtype))

    def _bins(self, values: np.ndarray) -> np.ndarray:
        """The bin of each value."""
        masked = self.mask_value is not None and self.num_bins > 1
        written = values if values.dtype == object else _written(values)
        bins = buckets(written, self.num_bins - masked, self.salt)  # type: ignore[arg-type]  # two halves, or none
        return np.where(values == self.mask_value, 0, bins + 1) if masked else bins

    def _text_outputs(self, args: PyTree, kwargs: PyTree) -> Inferred:
        return text_outputs(self, (args, kwargs), encoded_shape(self.output_mode, self.num_bins), self.compute_dtype)


@register("keras.layers")
class HashedCrossing(Layer):
    """Several features as one of `num_bins` numbers, by a hash of their combination.

    Args:
        num_bins: how many.
        output_mode: `"int"` or `"one_hot"`.
        sparse: accepted for Keras's sake; JAX arrays are dense.

    Call arguments: a list of features, text or integers, of shape `()`, `(batch,)` or `(batch, 1)`.

    Raises:
        ValueError: one feature alone, or features of several or other shapes.

    >>> import fkeras as fk, numpy as np
    >>> names = np.array(["A", "B", "A", "B", "A"])
    >>> fk.nn.HashedCrossing(num_bins=5)((names, np.array([101, 101, 101, 102, 102]))).tolist()
    [1, 4, 1, 1, 3]

    Reference: https://keras.io/api/layers/preprocessing_layers/categorical/hashed_crossing/
    The host computes it: text outside `jit`, integers anywhere.
    """

    _last_by_position = ("name", "dtype")
    num_bins: int = arg.positive("num_bins")
    output_mode: str = field("int", convert=output_mode("int", "one_hot"))
    sparse: bool = field(False, convert=no_sparse)

    def __post_init__(self) -> None:
        if self.dtype is None:
            object.__setattr__(self, "dtype", "int64" if self.output_mode == "int" else "float32")
        super().__post_init__()

    def call(self, inputs: Sequence[PyTree]) -> Num[Array, "batch ..."]:
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise ValueError(
                explain(
                    f"{self.path_text()} crosses at least two features.",
                    received=f"{type(inputs).__name__}" + (f" of {len(inputs)}" if hasattr(inputs, "__len__") else ""),
                    write="layer((feature_1, feature_2))",
                )
            )
        columns = [as_text(x) if is_text(x) else jnp.asarray(x) for x in inputs]
        shapes = [tuple(np.shape(c)) for c in columns]
        rank = len(shapes[0])
        if len(set(shapes)) > 1 or rank > 2 or (rank == 2 and shapes[0][-1] != 1):
            raise ValueError(
                explain(
                    f"{self.path_text()} takes features of one shape: (), (batch,) or (batch, 1).",
                    received=f"shapes {shapes}",
                    write="x[:, None] or x[:, 0]",
                )
            )
        text = [is_text(c) for c in columns]
        struct = jax.ShapeDtypeStruct(shapes[0], jnp.int32)
        if any(text):
            bins = jnp.asarray(self._cross(*(np.asarray(c) for c in columns)).astype(np.int32))
        else:
            bins = on_host(self._cross, struct, *columns)
        return encode(bins, self.output_mode, self.num_bins, jax.dtypes.canonicalize_dtype(self.compute_dtype))

    def _cross(self, *columns: np.ndarray) -> np.ndarray:
        """The bin of each combination."""

        def cross(*values: str | int) -> int:
            key = _CROSS_KEY
            for value in values:
                feature = fingerprint64(value.encode()) if isinstance(value, str) else int(value) & (1 << 64) - 1
                key = concatenate(key, feature)
            return key % self.num_bins

        crossed = np.frompyfunc(cross, len(columns), 1)(*columns)
        return np.asarray(crossed).astype(np.int64)

    def _text_outputs(self, args: PyTree, kwargs: PyTree) -> Inferred:
        return text_outputs(self, (args, kwargs), encoded_shape(self.output_mode, self.num_bins), self.compute_dtype)

    def get_config(self) -> Config:
        config = {k: v for k, v in super().get_config().items() if k != "trainable"}
        return {**config, "dtype": self.compute_dtype}
