"""Products of inputs with a kernel in few bits, as Keras computes them: a function for each form of the kernel."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ...core.typing import Array, DTypeLike, Float, Num
from ._abs_max import AbsMaxQuantizer
from ._equation_axes import Axes

#: The product of inputs and a kernel.
Multiply = Callable[..., jax.Array]
#: A function of the inputs.
OfInputs = Callable[[jax.Array], jax.Array]


def of_integers(
    multiply: Multiply,
    axes: Axes,
    x: Float[Array, "*inputs"],
    numbers: Num[Array, "*kernel"],
    scale: Float[Array, "*outputs"],
    grid: AbsMaxQuantizer | None,
    dtype: DTypeLike,
) -> Float[Array, "*outputs"]:
    """`multiply(x, numbers / scale)`: of integers where the inputs have a grid, and divided by the scales after it.

    The scale is of the outputs' axes, or of the last alone. The gradient is that of the product with the float kernel.
    """
    scale = scale.astype(dtype).reshape((1,) * (len(axes.outputs) - scale.ndim) + scale.shape)
    if grid is None:
        return multiply(x, numbers.astype(dtype)) / scale

    def of_rounded(x: Float[Array, "*inputs"]) -> Float[Array, "*outputs"]:
        rounded, ratio = grid(x, axis=axes.summed_inputs)
        product = multiply(rounded, numbers, preferred_element_type=jnp.int32).astype(dtype)
        return product / (axes.beside_outputs(ratio, axes.inputs) * scale)

    beside = axes.beside_kernel(scale)
    return _straight(of_rounded, lambda x: multiply(x, numbers.astype(dtype) / beside), x)


def of_floats(
    multiply: Multiply,
    axes: Axes,
    x: Float[Array, "*inputs"],
    kernel: Float[Array, "*kernel"],
    grid: AbsMaxQuantizer | None,
) -> Float[Array, "*outputs"]:
    """`multiply(x, kernel)` with a kernel that was made of few bits; the inputs on their grid where they have one."""
    if grid is None:
        return multiply(x, kernel)

    def of_rounded(x: Float[Array, "*inputs"]) -> Float[Array, "*outputs"]:
        rounded, ratio = grid(x, axis=axes.summed_inputs)
        return multiply(rounded.astype(x.dtype), kernel) / axes.beside_outputs(ratio, axes.inputs)

    return _straight(of_rounded, lambda x: multiply(x, kernel), x)


def in_float8(
    multiply: Multiply,
    x: Float[Array, "*inputs"],
    kernel: Float[Array, "*kernel"],
    input_scale: Float[Array, ""],
    kernel_scale: Float[Array, ""],
) -> Float[Array, "*outputs"]:
    """The product of inputs and kernel that were both rounded to float8_e4m3fn, by scales that are kept."""
    return multiply(_through_float8(x, input_scale), _through_float8(kernel, kernel_scale))


def from_zeros(
    numbers: Num[Array, "*shape"],
    scale: Float[Array, "*groups"],
    zero: Num[Array, "*groups"],
    groups: Num[Array, " inputs"],
    axis: int,
    dtype: DTypeLike,
) -> Float[Array, "*shape"]:
    """`(numbers - zero) · scale`, each of the group that an input along the axis is of."""
    of_group = groups.astype(jnp.int32)
    zeros = jnp.take(zero, of_group, axis=axis).astype(dtype)
    return (numbers.astype(dtype) - zeros) * jnp.take(scale.astype(dtype), of_group, axis=axis)


def _through_float8(x: Float[Array, "*shape"], scale: Float[Array, ""]) -> Float[Array, "*shape"]:
    """A value as float8 keeps it, with the gradient of no rounding."""
    largest = jnp.asarray(jnp.finfo(jnp.float8_e4m3fn).max, x.dtype)
    scale = scale.astype(x.dtype)
    rounded = jnp.clip(x / scale, -largest, largest).astype(jnp.float8_e4m3fn).astype(x.dtype) * scale
    return x + jax.lax.stop_gradient(rounded - x)


def _straight(run: OfInputs, derivative: OfInputs, x: Float[Array, "*inputs"]) -> Float[Array, "*outputs"]:
    """`run(x)` with the derivative of another function, which is linear."""
    differentiable = jax.custom_jvp(run)

    @differentiable.defjvp
    def _(primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        outputs = run(*primals)
        return outputs, derivative(*tangents).astype(outputs.dtype)

    return differentiable(x)
