"""Dense: weighted sums of the last axis."""

from __future__ import annotations

import functools

from jax import lax

from ..core import Layer, explain, field, register
from ..core.typing import Array, Config, Num
from . import _arguments as arg


@register("keras.layers")
class Dense(Layer):
    """A fully connected layer: `activation(inputs · kernel + bias)` over the last axis.

    Args:
        units: the size of the output's last axis.
        activation: function of the output; linear by default.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: what joins the loss.
        kernel_constraint, bias_constraint: projections after each update.
        lora_rank, lora_alpha: the kernel stays as it is, and a change of this rank trains: see docs/quantise.md.
        quantization_config: what a `dtype` such as `"int8_from_float32"` leaves open, of `fk.quantizers`.

    Input shape: `(batch, ..., features)`. Output shape: `(batch, ..., units)`.

    Raises:
        ValueError: units that are not a positive integer, or an unknown number of features.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.Dense(2, activation="relu").init(jax.random.key(0), jnp.ones((1, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'bias': (2,), 'kernel': (3, 2)}}

    Reference: https://keras.io/api/layers/core_layers/dense/
    Weights in few bits and of low rank are storages (`nn/_low_bits`), which this layer knows nothing of.
    """

    units: int = arg.positive("units")
    activation: arg.ActivationLike = arg.activation()
    use_bias: bool = True
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    lora_rank: int | None = field(None, convert=arg.counted("lora_rank"))
    lora_alpha: float | None = None
    quantization_config: arg.QuantizationLike = field(None, convert=arg.quantization)

    supports_masking = True

    def call(self, inputs: Num[Array, "batch ... features"]) -> Num[Array, "batch ... units"]:
        if inputs.ndim < 2:
            raise ValueError(
                explain(
                    f"{self.path_text()} needs an input of rank 2 or more.",
                    received=f"shape {inputs.shape}",
                    usually="the batch dimension is missing.",
                    write="x[None, :]",
                )
            )
        kernel = self.add_weight(
            (inputs.shape[-1], self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        product = functools.partial(lax.dot_general, dimension_numbers=(((inputs.ndim - 1,), (0,)), ((), ())))
        outputs = self._contract(product, "...a,ab->...b", inputs, kernel, "kernel")
        if self.use_bias:
            outputs += self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            ).reshape((1,) * (outputs.ndim - 1) + (self.units,))
        return self.activation(outputs)

    def get_config(self) -> Config:
        config = arg.without_lora(super().get_config(), self.lora_rank)
        # Keras's Dense writes the activity regularizer only when it is set.
        return {k: v for k, v in config.items() if k != "activity_regularizer" or v is not None}
