"""EinsumDense: a fully connected layer over any axes."""

from __future__ import annotations

import functools
import re

import jax.numpy as jnp

from ..core import Layer, explain, field, register
from ..core.typing import Array, Config, Num, Shape
from . import _arguments as arg
from . import initializers, regularizers

_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


def _equation(value: object) -> str:
    """A converter: an equation of the form that the layer takes."""
    match = _EQUATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1] != match[5] or match[3] != match[7] or (match[1] and match[3]):
        raise ValueError(
            explain(
                'EinsumDense: the equation has the form "ab,bc->ac", "...ab,bc->...ac" or "ab...,bc->ac...".',
                received=repr(value),
                usually="spaces, or dots on one side only.",
                write='EinsumDense("abc,cd->abd", output_shape=(None, 64))',
            )
        )
    return match[0]


@register("keras.layers")
class EinsumDense(Layer):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: an einsum of the input and the kernel; dots stand for axes that pass through.
        output_shape: the output's shape without the batch and without the axes of the dots; `None` where it is the
            input's.
        activation: function of the output.
        bias_axes: the output's axes that the bias has, as letters; no bias by default.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: as for `Dense`.
        lora_rank, lora_alpha, quantization_config: as for `Dense`.
        gptq_unpacked_column_size: part of Keras's configs; the equation and the shapes say it here.

    Raises:
        ValueError: an equation of another form, or one that does not fit the shapes.

    >>> import fkeras as fk
    >>> fk.nn.EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")(fk.Input((32, 128))).shape
    (None, 32, 64)

    Reference: https://keras.io/api/layers/core_layers/einsum_dense/
    """

    equation: str = field(convert=_equation)
    output_shape: arg.SizesLike = field(convert=lambda shape: (shape,) if isinstance(shape, int) else tuple(shape))
    activation: arg.ActivationLike = arg.activation()
    bias_axes: str | None = None
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    lora_rank: int | None = field(None, convert=arg.counted("lora_rank"))
    lora_alpha: float | None = None
    gptq_unpacked_column_size: int | None = field(None, convert=arg.counted("gptq_unpacked_column_size"))
    quantization_config: arg.QuantizationLike = field(None, convert=arg.quantization)

    def call(self, inputs: Num[Array, "*axes"]) -> Num[Array, "*outputs"]:
        shape, fan_in, fan_out, bias_shape = self._shapes(inputs.shape)
        initializer = self.kernel_initializer
        if isinstance(initializer, initializers.VarianceScaling) and initializer.input_axes is None:
            # the scale depends on which of the kernel's axes belong to the input
            initializer = type(initializer)(**{**_arguments(initializer), "input_axes": fan_in, "output_axes": fan_out})
        kernel = self.add_weight(
            shape, initializer, regularizer=self.kernel_regularizer, constraint=self.kernel_constraint, name="kernel"
        )
        outputs = self._contract(functools.partial(jnp.einsum, self.equation), self.equation, inputs, kernel, "kernel")
        if bias_shape is not None:
            bias = self.add_weight(
                bias_shape, self.bias_initializer, regularizer=self.bias_regularizer,
                constraint=self.bias_constraint, name="bias",
            )  # fmt: skip
            outputs += bias.reshape((1,) * (outputs.ndim - bias.ndim) + bias.shape)
        return self.activation(outputs)

    def _parts(self) -> tuple[str | None, str, str, str, str | None]:
        """The equation's dots on the left, the letters of input, kernel and output, and the dots on the right."""
        match = _EQUATION.fullmatch(self.equation)
        assert match is not None
        left, inputs, _, kernel, _, outputs, right = match.groups()
        return left, inputs, kernel, outputs, right

    def _sizes(self, given: tuple[int, ...]) -> tuple[dict[str, int], dict[str, int]]:
        """Sizes by letter: those of the input's axes, and those of the output's."""
        left, inputs, _, outputs, right = self._parts()
        elided = len(given) - len(inputs)
        # Dots in front stand for the batch too; `output_shape` then has a size for each letter and no more.
        batch_elided = bool(left and elided)
        extra = len(self.output_shape) - len(outputs) + (not batch_elided)
        if elided < 0 or (elided and not (left or right)) or extra < 0 or extra > (elided if right else 0):
            raise self._misfit(given, f"{len(given)} axes of the input, output_shape={self.output_shape}")
        input_sizes = dict(zip(inputs, given[elided:] if left else given[: len(inputs)], strict=True))
        sizes = list(self.output_shape) if batch_elided else [given[0], *self.output_shape]
        output_sizes = dict(zip(outputs, sizes, strict=False))  # sizes of axes that dots stand for are not used
        for letter in outputs:
            size = input_sizes.get(letter)
            if output_sizes[letter] is None:
                output_sizes[letter] = size
            elif isinstance(size, int) and size != output_sizes[letter]:
                raise self._misfit(given, f"{letter!r} is {size} in the input, {output_sizes[letter]} in the output")
        return input_sizes, output_sizes

    def _shapes(self, given: tuple[int, ...]) -> tuple[tuple[int, ...], list[int], list[int], tuple[int, ...] | None]:
        """The kernel's shape, its axes that belong to the input and to the output, and the bias's shape."""
        _, inputs, kernel, outputs, right = self._parts()
        input_sizes, output_sizes = self._sizes(given)
        sizes = {**input_sizes, **output_sizes}
        unmatched = [k for k in kernel if k not in sizes]
        lost = [k for k in outputs if k not in inputs and k not in kernel]
        if unmatched or lost or not set(self.bias_axes or "") <= set(outputs):
            raise self._misfit(given, f"letters {unmatched or lost or self.bias_axes!r} with no match")
        shape = tuple(sizes[k] for k in kernel)
        fan_in = [i for i, k in enumerate(kernel) if k not in output_sizes]
        fan_out = [i for i, k in enumerate(kernel) if k in output_sizes]
        if not self.bias_axes:
            return shape, fan_in, fan_out, None
        tail = outputs[min(outputs.index(k) for k in self.bias_axes) :]
        ones = (1,) * (len(given) - len(inputs) if right else 0)
        return shape, fan_in, fan_out, (*(sizes[k] if k in self.bias_axes else 1 for k in tail), *ones)

    def _misfit(self, shape: Shape, received: str) -> ValueError:
        return ValueError(
            explain(
                f"{self.path_text()}: the equation {self.equation!r} does not fit the input of shape {tuple(shape)}.",
                received=received,
                usually="output_shape holds the batch, or counts the axes of the dots.",
                write='EinsumDense("abc,cd->abd", output_shape=(None, 64))',
            )
        )

    def get_config(self) -> Config:
        config = arg.without_lora(super().get_config(), self.lora_rank)
        if not self.gptq_unpacked_column_size:
            config.pop("gptq_unpacked_column_size", None)
        # Keras's EinsumDense takes the activity regularizer by keyword and always writes it.
        return {**config, "activity_regularizer": regularizers.serialize(self.activity_regularizer)}


def _arguments(initializer: initializers.VarianceScaling) -> Config:
    """The constructor's arguments of an initializer, without the kernel's axes."""
    return {k: v for k, v in initializer.get_config().items() if k not in ("input_axes", "output_axes")}
