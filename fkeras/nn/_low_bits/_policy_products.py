"""Products of inputs with a kernel in few bits, as Keras computes them: a function for each form of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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


def in_trained_float8(
    multiply: Multiply,
    x: Float[Array, "*inputs"],
    kernel: Float[Array, "*kernel"],
    scales: Mapping[str, Float[Array, ""]],
    histories: Mapping[str, Float[Array, " length"]],
) -> Float[Array, "*outputs"]:
    """The same in training: the derivative of each scale and history is its next value.

    The derivative of the outputs is rounded to float8_e5m2. A scale follows from the history before this step, and the
    history takes the largest value of this one.

    Args:
        multiply: the product.
        x, kernel: what is multiplied.
        scales: of `inputs`, `kernel` and `outputs_grad`.
        histories: the largest values of the last steps, of each.

    Reference: https://docs.nvidia.com/deeplearning/transformer-engine/user-guide/api/jax.html
    """
    x = _measured(x, scales["inputs"], histories["inputs"])
    kernel = _measured(kernel, scales["kernel"], histories["kernel"])
    return _measured_gradient(multiply(x, kernel), scales["outputs_grad"], histories["outputs_grad"])


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
    return x + jax.lax.stop_gradient(_rounded(x, scale, jnp.float8_e4m3fn) - x)


def _rounded(x: Float[Array, "*shape"], scale: Float[Array, ""], grid: DTypeLike) -> Float[Array, "*shape"]:
    largest = jnp.asarray(jnp.finfo(grid).max, x.dtype)
    scale = scale.astype(x.dtype)
    return jnp.clip(x / scale, -largest, largest).astype(grid).astype(x.dtype) * scale


def _next(
    x: Float[Array, "*shape"], scale: Float[Array, ""], history: Float[Array, " length"], grid: DTypeLike
) -> tuple[Float[Array, ""], Float[Array, " length"]]:
    """The scale and the history of the step that follows one with these numbers."""
    largest, before = jnp.max(history), 1.0 / scale
    wanted = jnp.asarray(jnp.finfo(grid).max, jnp.float32) / largest
    wanted = jnp.where((largest > 0.0) & jnp.isfinite(largest), wanted, before)
    return 1.0 / wanted, jnp.roll(history, -1).at[0].set(jnp.max(jnp.abs(x)).astype(history.dtype))


@jax.custom_vjp
def _measured(
    x: Float[Array, "*shape"], scale: Float[Array, ""], history: Float[Array, " length"]
) -> Float[Array, "*shape"]:
    """A value as float8 keeps it; the derivatives of scale and history are what they are in the next step."""
    return _rounded(x, scale, jnp.float8_e4m3fn)


def _measured_forward(
    x: jax.Array, scale: jax.Array, history: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _measured(x, scale, history), _next(x, scale, history, jnp.float8_e4m3fn)


def _measured_backward(after: tuple[jax.Array, jax.Array], upstream: jax.Array) -> tuple[jax.Array, ...]:
    return upstream, *after


_measured.defvjp(_measured_forward, _measured_backward)


@jax.custom_vjp
def _measured_gradient(
    outputs: Float[Array, "*shape"], scale: Float[Array, ""], history: Float[Array, " length"]
) -> Float[Array, "*shape"]:
    """Outputs whose derivative is rounded to float8, with the derivatives of scale and history as for `_measured`."""
    return outputs


def _gradient_forward(
    outputs: jax.Array, scale: jax.Array, history: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return outputs, (scale, history)


def _gradient_backward(kept: tuple[jax.Array, jax.Array], upstream: jax.Array) -> tuple[jax.Array, ...]:
    return _rounded(upstream, kept[0], jnp.float8_e5m2), *_next(upstream, *kept, jnp.float8_e5m2)


_measured_gradient.defvjp(_gradient_forward, _gradient_backward)


def _straight(run: OfInputs, derivative: OfInputs, x: Float[Array, "*inputs"]) -> Float[Array, "*outputs"]:
    """`run(x)` with the derivative of another function, which is linear."""
    differentiable = jax.custom_jvp(run)

    @differentiable.defjvp
    def _(primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        outputs = run(*primals)
        return outputs, derivative(*tangents).astype(outputs.dtype)

    return differentiable(x)
