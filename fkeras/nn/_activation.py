"""Activation functions as layers."""

from __future__ import annotations

import warnings

import jax.numpy as jnp

from ..core import Layer, explain, field, register
from ..core.typing import Array, Bool, Num, Shaped
from . import _arguments as arg
from . import activations
from ._sequence_masks import MaskLike


@register("keras.layers")
class Activation(Layer):
    """A function of each number, by name or as a function.

    Args:
        activation: the function.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Activation("relu")(jnp.array([-1.0, 2.0]))
    Array([0., 2.], dtype=float32)

    Reference: https://keras.io/api/layers/core_layers/activation/
    """

    activation: arg.ActivationLike = field(convert=activations.get)

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"]) -> Num[Array, "*shape"]:
        return self.activation(inputs)


@register("keras.layers")
class ReLU(Layer):
    """`max(x, 0)`, with a slope below the threshold and a ceiling if asked for.

    Args:
        max_value: the ceiling.
        negative_slope: the slope below the threshold.
        threshold: where the line begins.

    Raises:
        ValueError: a negative argument.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.ReLU(max_value=1.0)(jnp.array([-1.0, 0.5, 2.0]))
    Array([0. , 0.5, 1. ], dtype=float32)

    Reference: https://keras.io/api/layers/activation_layers/relu/
    """

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    supports_masking = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("max_value", "negative_slope", "threshold"):
            value = getattr(self, name)
            if (value is None and name != "max_value") or (value is not None and value < 0):
                raise ValueError(
                    explain(f"ReLU: `{name}` cannot be negative.", received=f"{name}={value!r}", write=f"{name}=0.0")
                )

    def call(self, inputs: Num[Array, "*shape"]) -> Num[Array, "*shape"]:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


@register("keras.layers")
class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along an axis, so that the numbers are positive and sum to 1.

    Args:
        axis: the axis, or several.

    Call arguments: `inputs`; `mask`, which broadcasts to them: what it hides gets 0, and no share of the sum.

    Raises:
        ValueError: a mask of a shape that does not fit.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Softmax()(jnp.zeros((1, 4)))
    Array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)

    Reference: https://keras.io/api/layers/activation_layers/softmax/
    """

    axis: arg.AxesLike = field(-1, convert=lambda axis: axis if isinstance(axis, int) else tuple(axis))

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"], mask: MaskLike = None) -> Num[Array, "*shape"]:
        if mask is None:
            return activations.softmax(inputs, self.axis)
        visible = self._visible(jnp.asarray(mask), inputs)
        hidden = -3e4 if inputs.dtype == jnp.float16 else -1e9
        outputs = activations.softmax(jnp.where(visible, inputs, jnp.asarray(hidden, inputs.dtype)), self.axis)
        return jnp.where(visible, outputs, jnp.zeros_like(outputs))

    def _visible(self, mask: Shaped[Array, "*axes"], inputs: Num[Array, "*shape"]) -> Bool[Array, "*shape"]:
        """Where the mask lets an entry count, in the shape of the inputs."""
        fits = mask.ndim <= inputs.ndim and all(
            m == 1 or not isinstance(m, int) or not isinstance(s, int) or m == s
            for m, s in zip(mask.shape[::-1], inputs.shape[::-1], strict=False)
        )
        if not fits:
            raise ValueError(
                explain(
                    f"{self.path_text()}: the mask does not broadcast to the input.",
                    received=f"a mask of shape {tuple(mask.shape)}, an input of shape {tuple(inputs.shape)}",
                    usually="an axis is missing, for the heads most often.",
                    write="mask[:, None, :]",
                )
            )
        visible = mask if mask.dtype == bool else mask > 0.5
        return jnp.broadcast_to(visible.reshape((1,) * (inputs.ndim - mask.ndim) + mask.shape), inputs.shape)


@register("keras.layers")
class ELU(Layer):
    """`x` above 0, `alpha (exp(x) - 1)` below.

    Args:
        alpha: the curve tends to `-alpha` for large negative inputs.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.ELU()(jnp.array([-100.0, 2.0]))
    Array([-1.,  2.], dtype=float32)

    Reference: Clevert et al., arXiv:1511.07289. https://keras.io/api/layers/activation_layers/elu/
    """

    alpha: float = 1.0

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"]) -> Num[Array, "*shape"]:
        return activations.elu(inputs, alpha=self.alpha)


def _slope(value: float | None) -> float:
    if value is None or value < 0:
        raise ValueError(
            explain("`negative_slope` cannot be negative.", received=repr(value), write="negative_slope=0.3")
        )
    return value


@register("keras.layers")
class LeakyReLU(Layer):
    """`x` above 0, `negative_slope * x` below.

    Args:
        negative_slope: the slope.

    Raises:
        ValueError: a negative slope.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.LeakyReLU(0.5)(jnp.array([-1.0, 2.0]))
    Array([-0.5,  2. ], dtype=float32)

    Reference: https://keras.io/api/layers/activation_layers/leaky_relu/
    """

    negative_slope: float = field(0.3, convert=_slope)

    supports_masking = True

    @classmethod
    def _rewrite_arguments(cls, args: arg.Positional, kwargs: arg.Keywords) -> tuple[arg.Positional, arg.Keywords]:
        if "alpha" in kwargs:  # the argument's name in Keras 2, which Keras 3 still takes
            warnings.warn("LeakyReLU: `alpha` is now called `negative_slope`.", stacklevel=3)
            kwargs = {**{k: v for k, v in kwargs.items() if k != "alpha"}, "negative_slope": kwargs["alpha"]}
        return args, kwargs

    def call(self, inputs: Num[Array, "*shape"]) -> Num[Array, "*shape"]:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)


@register("keras.layers")
class PReLU(Layer):
    """`x` above 0, `alpha * x` below, with slopes `alpha` that are learnt.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes.
        shared_axes: axes, counted from 1, along which slopes are shared: `(1, 2)` for one a channel of an image.

    Raises:
        ValueError: an axis that the input does not have, or an unknown size along an axis that is not shared.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> jax.tree.map(jnp.shape, fk.nn.PReLU(shared_axes=(1, 2)).init(jax.random.key(0), jnp.ones((1, 4, 4, 3))))
    {'params': {'alpha': (1, 1, 3)}}

    Reference: He et al., arXiv:1502.01852. https://keras.io/api/layers/activation_layers/prelu/
    """

    alpha_initializer: arg.InitializerLike = arg.initializer("zeros")
    alpha_regularizer: arg.RegularizerLike = arg.regularizer()
    alpha_constraint: arg.ConstraintLike = arg.constraint()
    shared_axes: arg.SizesLike | None = field(
        None, convert=lambda axes: [axes] if isinstance(axes, int) else axes and list(axes)
    )

    supports_masking = True

    def call(self, inputs: Num[Array, "*shape"]) -> Num[Array, "*shape"]:
        shared = self.shared_axes or ()
        if not all(0 < a < inputs.ndim for a in shared):
            raise ValueError(
                explain(
                    f"{self.path_text()}: `shared_axes` are axes of the input, counted from 1; 0 is the batch.",
                    received=f"shared_axes={shared}, an input of shape {tuple(inputs.shape)}",
                    write="shared_axes=(1, 2) for images",
                )
            )
        alpha = self.add_weight(
            tuple(1 if i in shared else size for i, size in enumerate(inputs.shape) if i),
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )
        return activations.relu(inputs) - alpha[None] * activations.relu(-inputs)
