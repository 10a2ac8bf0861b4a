"""Numbers on a grid that ends at the largest absolute value: Keras's `AbsMaxQuantizer`, and its form with zeros."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp

from ...core import Configured, explain, register
from ...core.typing import Array, Float, Num

#: The smallest and the largest number of a grid.
Ends = tuple[int, int]


def abs_max_quantize(
    inputs: Float[Array, "*shape"],
    axis: int | tuple[int, ...],
    value_range: Ends = (-127, 127),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Num[Array, "*shape"], Float[Array, "*ones"]]:
    """Numbers and the scale of each slice: `numbers ≈ inputs · scale`.

    Args:
        inputs: what to quantise.
        axis: the axes that share a scale.
        value_range: the ends of the grid; the largest absolute value comes to the upper one.
        dtype: of the numbers.
        epsilon: what keeps the scale of zeros finite.
        to_numpy: Keras's choice of where it computes; nothing here.

    Returns:
        `(numbers, scale)`; the scale's shared axes are of size 1.

    >>> numbers, scale = abs_max_quantize(jnp.array([[1.0, -2.0]]), -1)
    >>> numbers, (numbers / scale).round(3)
    (Array([[  64, -127]], dtype=int8), Array([[ 1.008, -2.   ]], dtype=float32))

    Reference: https://keras.io/api/quantizers/
    """
    inputs = jnp.asarray(inputs)
    scale = (value_range[1] / (jnp.max(jnp.abs(inputs), axis=axis, keepdims=True) + epsilon)).astype(inputs.dtype)
    numbers = jnp.clip(jnp.round(inputs * scale), *value_range)
    return numbers.astype(dtype), scale


def abs_max_quantize_grouped_with_zero_point(
    inputs: Float[Array, "rows columns"],
    block_size: int,
    value_range: Ends = (-8, 7),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Num[Array, "rows columns"], Float[Array, "groups columns"], Num[Array, "groups columns"]]:
    """Numbers, scales and zeros of blocks of rows: `inputs ≈ (numbers - zero) · scale`.

    Args:
        inputs: a matrix.
        block_size: how many rows share a scale.
        value_range: the ends of the grid, which the smallest and the largest value of a block come to.
        dtype: of the numbers.
        epsilon: what keeps the scale of a constant block finite.
        to_numpy: Keras's choice of where it computes; nothing here.

    Returns:
        `(numbers, scale, zero)`.

    >>> numbers, scale, zero = abs_max_quantize_grouped_with_zero_point(jnp.array([[0.0], [3.0], [6.0]]), 2)
    >>> numbers.ravel().tolist(), zero.ravel().tolist(), scale.round(3).ravel().tolist()
    ([-8, 7, 7], [-8, -8], [0.20000000298023224, 0.4000000059604645])

    Reference: https://keras.io/api/quantizers/
    """
    inputs = jnp.asarray(inputs)
    rows, columns = inputs.shape
    low, high = value_range
    groups = -(-rows // block_size)
    blocks = jnp.pad(inputs, ((0, groups * block_size - rows), (0, 0))).reshape(groups, block_size, columns)
    least, most = blocks.min(axis=1, keepdims=True), blocks.max(axis=1, keepdims=True)
    scale = (most - least + epsilon) / (high - low)
    zero = jnp.clip(jnp.round(-least / scale) + low, low, high)
    numbers = jnp.clip(jnp.round(blocks / scale) + zero, low, high).astype(dtype)
    return numbers.reshape(-1, columns)[:rows], scale[:, 0].astype(inputs.dtype), zero[:, 0].astype("int8")


@register("keras.quantizers")
@dataclasses.dataclass(frozen=True)
class AbsMaxQuantizer(Configured):
    """A grid that ends at the largest absolute value: `(numbers, scale) = quantizer(x)`.

    Args:
        axis: the axes that share a scale; the last by default. A layer says its own.
        value_range: the ends of the grid.
        epsilon: what keeps the scale of zeros finite.
        output_dtype: of the numbers.

    Raises:
        ValueError: a range that int8 does not have.

    >>> numbers, scale = AbsMaxQuantizer()(jnp.array([[1.0, -2.0]]))
    >>> numbers
    Array([[  64, -127]], dtype=int8)

    Reference: https://keras.io/api/quantizers/
    """

    axis: int | tuple[int, ...] | None = None
    value_range: Ends = (-127, 127)
    epsilon: float = 1e-7
    output_dtype: str = "int8"

    def __post_init__(self) -> None:
        if self.axis is not None:
            axes = (self.axis,) if isinstance(self.axis, int) else tuple(self.axis)
            object.__setattr__(self, "axis", axes)
        low, high = self.value_range
        object.__setattr__(self, "value_range", (int(low), int(high)))
        if self.output_dtype == "int8" and (low < -128 or high > 127):
            raise ValueError(
                explain(
                    "int8 has the numbers from -128 to 127.",
                    received=f"value_range={self.value_range}",
                    write="AbsMaxQuantizer(value_range=(-127, 127))",
                )
            )

    def __call__(
        self, x: Float[Array, "*shape"], axis: int | tuple[int, ...] | None = None, to_numpy: bool = False
    ) -> tuple[Num[Array, "*shape"], Float[Array, "*ones"]]:
        axes = self.axis if axis is None else axis
        return abs_max_quantize(x, -1 if axes is None else axes, self.value_range, self.output_dtype, self.epsilon)

    def get_config(self) -> dict[str, object]:
        config = {"value_range": list(self.value_range), "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else {**config, "axis": list(self.axis)}  # type: ignore[arg-type]
