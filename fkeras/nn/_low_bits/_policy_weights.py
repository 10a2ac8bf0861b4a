"""Weights as Keras's quantised dtype policies keep them, `dtype="int8_from_float32"`: Keras's arrays under its names.

What is kept, beside a bias:

- int8: `kernel` in its shape, and a `kernel_scale` of each output channel; `weight = kernel / scale`.
- int4: `kernel` two columns in a byte, `(rows, columns / 2)`, and scales by channel as for int8; or, with a block size,
  `kernel_scale` and `kernel_zero` `(blocks, columns)` and `g_idx`, the block of each row; `(kernel - zero) · scale`.
- gptq, awq: `kernel` `(columns, rows)`, uint8, of 4 bits two columns in a byte; `kernel_scale` and `kernel_zero`
  `(columns, groups)`, `g_idx`; and for awq the factors of the inputs, `awq_scales`.
- float8: a float `kernel` that trains; scales and histories of the largest values, overwritten with their gradients.

A table of embeddings is kept by row as a kernel is by column. All but what float8 has lies in `non_trainable`.
Reference: https://keras.io/api/quantizers/
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ...core import NON_TRAINABLE, Configured, Layer, call_state, explain, policy_of, register
from ...core.typing import Array, DTypeLike, Float, Num
from .._einsum import EinsumDense
from . import _policy_products as products
from ._abs_max import AbsMaxQuantizer
from ._equation_axes import Axes, summed
from ._nibbles import unpack
from ._weight_storage import Arguments, Initialize, Sizes

#: Reads an array of the layer, or makes it: `(name, shape, dtype, initializer) -> array`.
Kept = Callable[..., jax.Array]

_TABLES = ("embedding", "reverse_embeddings")


@register("fkeras")
@dataclasses.dataclass(frozen=True)
class PolicyWeights(Configured):
    """A layer's weights in the form of a dtype policy of Keras's.

    Args:
        policy: the policy's name.
        grid: of the inputs, where they are rounded too.
    """

    policy: str
    grid: AbsMaxQuantizer | None = None

    @property
    def mode(self) -> str | None:
        """The policy's mode, without sizes."""
        return policy_of(self.policy).quantization_mode

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that the mode names."""
        return policy_of(self.policy).numbers  # type: ignore[attr-defined, no-any-return]

    @property
    def block_size(self) -> int | None:
        """How many inputs share a scale; `None` for all of a channel."""
        size = self.sizes[-1] if self.sizes else -1
        return None if size == -1 else size

    @property
    def activation(self) -> str | None:
        """What the inputs are rounded to."""
        return "float8" if self.mode == "float8" else None if self.grid is None else "int8"

    @property
    def frozen(self) -> tuple[str, ...]:
        """The weights that no optimizer moves."""
        return () if self.mode == "float8" else ("kernel", *_TABLES)

    def inputs(self, layer: Layer, args: Arguments) -> Arguments:
        return args

    # ------------------------------------------------------------------ reading a weight
    def weight(self, layer: Layer, name: str, make: Initialize, shape: Sizes, dtype: DTypeLike) -> jax.Array:
        if name == "bias" and self.mode == "float8" and layer.compute_dtype == "float32":
            # Keras adds a bias that went through bfloat16
            bias = layer.param(name, make, shape, dtype)
            return bias.astype(jnp.bfloat16).astype(bias.dtype)  # and so is its derivative
        if name not in self.frozen:
            return layer.param(name, make, shape, dtype)
        kept = functools.partial(keep, layer)
        if name in _TABLES:
            return self.table(kept, name, shape, layer.compute_dtype).astype(dtype)
        # Keras's `layer.kernel`: the numbers. The product below reads what belongs to them.
        return self.numbers(kept, name, shape, layer).astype(dtype)

    def numbers(self, kept: Kept, name: str, shape: Sizes, layer: Layer) -> Num[Array, "*kernel"]:
        """The numbers of a kernel, unpacked: int8 in the kernel's shape, others of rows and columns."""
        if self.mode == "int8":
            return kept(name, shape, "int8", "zeros")
        rows, columns = self.flat(layer, shape)
        if self.mode == "int4":
            return unpack(kept(name, (rows, -(-columns // 2)), "int8", "zeros"), columns, 1)
        packs = self.sizes[0] == 4
        found = kept(name, (-(-columns // 2) if packs else columns, rows), "uint8", "zeros")
        return unpack(found, columns, 0) if packs else found

    def flat(self, layer: Layer, shape: Sizes) -> tuple[int, int]:
        """How many rows and columns a kernel has as a matrix."""
        if self.mode in ("gptq", "awq") or not isinstance(layer, EinsumDense):
            return matrix_sizes(layer, shape)
        _, kernel, outputs = layer.equation.replace("->", ",").split(",")
        rows = math.prod(shape[i] for i in summed(kernel, outputs))
        return rows, math.prod(shape) // rows

    def table(self, kept: Kept, name: str, shape: Sizes, dtype: DTypeLike) -> Float[Array, "rows columns"]:
        """A table as floats."""
        numbers = self.table_numbers(kept, name, shape)
        lengthwise = name == "embedding"  # each row of it is a vector; of the reverse one each column
        axis = 1 if lengthwise else 0
        scale = kept(f"{name}_scale", self._beside(shape, axis), None, "ones")
        if self.block_size is not None:
            return products.from_zeros(
                numbers, scale, self._zero(kept, name, shape), self._groups(kept, shape, axis), axis, dtype
            )
        return numbers.astype(dtype) / jnp.expand_dims(scale.astype(dtype), axis)

    def table_numbers(self, kept: Kept, name: str, shape: Sizes) -> Num[Array, "rows columns"]:
        """The numbers of a table, unpacked."""
        if self.mode == "int8":
            return kept(name, shape, "int8", "zeros")
        axis = 1 if name == "embedding" else 0
        packed = [-(-n // 2) if i == axis else n for i, n in enumerate(shape)]
        return unpack(kept(name, tuple(packed), "int8", "zeros"), shape[axis], axis)

    def _beside(self, shape: Sizes, axis: int) -> Sizes:
        """The shape of the scales of a table whose vectors lie along an axis."""
        if self.block_size is None:
            return (shape[1 - axis],)
        return tuple(-(-n // self.block_size) if i == axis else n for i, n in enumerate(shape))

    def _zero(self, kept: Kept, name: str, shape: Sizes) -> Num[Array, "*groups"]:
        # Keras keeps the zeros of a reverse table as floats
        axis, dtype = (1, "int8") if name == "embedding" else (0, None)
        return kept(f"{name}_zero", self._beside(shape, axis), dtype, "zeros")

    def _groups(self, kept: Kept, shape: Sizes, axis: int) -> Float[Array, " inputs"]:
        return kept("g_idx", (shape[axis],), "float32", self._blocks)

    def _blocks(self, key: jax.Array, shape: Sizes, dtype: DTypeLike) -> Float[Array, " inputs"]:
        """An initializer: the block of each input."""
        return jnp.arange(shape[0]).astype(dtype) // (self.block_size or shape[0])

    # ------------------------------------------------------------------ multiplying with it
    def contract(
        self,
        layer: Layer,
        multiply: products.Multiply,
        equation: str,
        inputs: Num[Array, "*inputs"],
        kernel: Float[Array, "*kernel"],
        name: str,
    ) -> Float[Array, "*outputs"]:
        """What stands for `multiply(inputs, weight)`: see `Layer._contract`."""
        kept, axes = functools.partial(keep, layer), Axes.of(equation, inputs.ndim)
        dtype = layer.compute_dtype
        if name in _TABLES:
            return self._reverse(kept, multiply, axes, inputs, kernel, name, dtype)
        x = inputs.astype(dtype)
        if self.mode == "float8":
            return self._in_float8(layer, multiply, x, kernel)
        shape = self._kernel_shape(layer, x)
        numbers = self.numbers(kept, name, shape, layer)
        flat = self.flat(layer, shape)
        if self.mode == "int8":
            beside = axes.scale_shape([shape[i] for i, c in enumerate(axes.kernel) if c in axes.outputs], axes.kernel)
            sizes = tuple(beside) if isinstance(layer, EinsumDense) else (flat[1],)
            scale = kept("kernel_scale", sizes, None, "ones")
            return products.of_integers(multiply, axes, x, numbers, scale, self.grid, dtype)
        if self.mode != "int4":
            return multiply(x, self._calibrated(kept, numbers, flat, x.dtype).reshape(shape))
        if self.block_size is not None:
            return multiply(x, self._in_blocks(kept, numbers, flat, x.dtype).reshape(shape))
        scale = kept("kernel_scale", (flat[1],), None, "ones")
        if not isinstance(layer, EinsumDense):
            return products.of_integers(multiply, axes, x, numbers, scale, self.grid, dtype)
        floats = (numbers.astype(x.dtype) / scale.astype(x.dtype)[None]).reshape(shape)
        return products.of_floats(multiply, axes, x, floats, self.grid)

    def _in_blocks(
        self, kept: Kept, numbers: Num[Array, "rows columns"], flat: tuple[int, int], dtype: DTypeLike
    ) -> Float[Array, "rows columns"]:
        """The kernel of blocks of int4, as a matrix."""
        groups = -(-flat[0] // (self.block_size or flat[0])), flat[1]
        scale = kept("kernel_scale", groups, None, "ones")
        zero = kept("kernel_zero", groups, "int8", "zeros")
        return products.from_zeros(numbers, scale, zero, self._groups(kept, flat, 0), 0, dtype)

    def _calibrated(
        self, kept: Kept, numbers: Num[Array, "columns rows"], flat: tuple[int, int], dtype: DTypeLike
    ) -> Float[Array, "rows columns"]:
        """The kernel that GPTQ or AWQ made, as a matrix."""
        rows, columns = flat
        groups = columns, 1 if self.block_size is None else -(-rows // self.block_size)
        scale = kept("kernel_scale", groups, None, "ones")
        zero = kept("kernel_zero", groups, "uint8", "zeros")
        factors = kept("awq_scales", (rows,), None, "ones") if self.mode == "awq" else None
        place = kept("g_idx", (rows,), "float32", "zeros")
        weight = products.from_zeros(numbers, scale, zero, place, 1, dtype).T
        return weight if factors is None else weight / factors.astype(dtype)[:, None]

    def _kernel_shape(self, layer: Layer, x: Float[Array, "*inputs"]) -> Sizes:
        """The kernel's shape as a float one, which what was read of it may not have."""
        if isinstance(layer, EinsumDense):
            return layer._shapes(x.shape)[0]
        return x.shape[-1], layer.units  # type: ignore[attr-defined]

    def _reverse(
        self,
        kept: Kept,
        multiply: products.Multiply,
        axes: Axes,
        x: Float[Array, "*inputs"],
        table: Float[Array, "features numbers"],
        name: str,
        dtype: DTypeLike,
    ) -> Float[Array, "*outputs"]:
        """Scores from vectors: the product with a table of embeddings that lies in columns."""
        if self.block_size is not None:
            return products.of_floats(multiply, axes, x, table.astype(dtype), self.grid)
        shape = table.shape[::-1] if name == "embedding" else table.shape
        numbers = self.table_numbers(kept, name, shape)
        scale = kept(f"{name}_scale", (table.shape[1],), None, "ones")
        return products.of_integers(
            multiply, axes, x, numbers.T if name == "embedding" else numbers, scale, self.grid, dtype
        )

    def _in_float8(
        self,
        layer: Layer,
        multiply: products.Multiply,
        x: Float[Array, "*inputs"],
        kernel: Float[Array, "*kernel"],
    ) -> Float[Array, "*outputs"]:
        length = policy_of(self.policy).amax_history_length  # type: ignore[attr-defined]
        weight = functools.partial(layer.add_weight, dtype="float32", autocast=False, overwrite_with_gradient=True)
        scales, histories = {}, {}
        for part in ("inputs", "kernel", "outputs_grad"):
            scales[part] = weight((), "ones", name=f"{part}_scale")
            histories[part] = weight((length,), "zeros", name=f"{part}_amax_history")
        kernel = kernel.astype(x.dtype)
        if call_state(layer).training is True:
            return products.in_trained_float8(multiply, x, kernel, scales, histories)
        return products.in_float8(multiply, x, kernel, scales["inputs"], scales["kernel"])


def keep(layer: Layer, name: str, shape: Sizes, dtype: DTypeLike | None, initializer: object) -> jax.Array:
    """An array of a layer that does not train, read or made; one call may read it several times."""
    if layer.has_variable(NON_TRAINABLE, name):
        return layer.get_variable(NON_TRAINABLE, name)  # type: ignore[no-any-return]
    weight = layer.add_weight(shape, initializer, dtype=dtype, trainable=False, name=name)  # type: ignore[arg-type]
    return weight.value  # type: ignore[no-any-return]


def matrix_sizes(layer: Layer, shape: Sizes) -> tuple[int, int]:
    """A kernel's rows and columns where Keras calibrates it: of three axes the largest tells which are the inputs'.

    Raises:
        ValueError: a kernel of more axes.
    """
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) != 3:
        raise ValueError(
            explain(
                f"{layer.path_text()}: GPTQ and AWQ take kernels of two and three axes.",
                received=f"a kernel of shape {tuple(shape)}",
                write='dtype="int4/128_from_float32"',
            )
        )
    if shape.index(max(shape)) == 0:
        return shape[0], shape[1] * shape[2]
    return shape[0] * shape[1], shape[2]
