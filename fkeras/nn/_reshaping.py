"""Layers that move numbers without changing them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp

from ..core import Layer, explain, field, register
from ..core.typing import Array, Shaped
from . import _arguments as arg
from ._shapes import check_rank, to_last


@register("keras.layers")
class Flatten(Layer):
    """All axes but the batch as one axis.

    Args:
        data_format: with `"channels_first"` the channels are moved last before flattening.

    Input shape: `(batch, ...)`. Output shape: `(batch, product)`.

    >>> import fkeras as fk
    >>> fk.nn.Flatten()(fk.Input((4, 4, 3))).shape
    (None, 48)

    Reference: https://keras.io/api/layers/reshaping_layers/flatten/
    """

    data_format: arg.DataFormat = field(None, convert=arg.data_format)

    def call(self, inputs: Shaped[Array, "batch ..."]) -> Shaped[Array, "batch product"]:
        x = to_last(inputs, self.data_format) if inputs.ndim > 2 else inputs
        return x.reshape((x.shape[0], math.prod(x.shape[1:])))


def _target(shape: arg.SizesLike) -> tuple[int, ...]:
    """A converter: sizes, of which one may be -1."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if not all(isinstance(s, int) and s >= -1 for s in sizes) or sizes.count(-1) > 1:
        raise ValueError(
            explain(
                "`target_shape` holds sizes, of which one may be -1.",
                received=f"target_shape={shape!r}",
                usually="the batch was counted, or two sizes were left open.",
                write="Reshape((-1, features))",
            )
        )
    return sizes


@register("keras.layers")
class Reshape(Layer):
    """Each example in another shape of the same size.

    Args:
        target_shape: the shape without the batch; one entry may be -1.

    Raises:
        ValueError: a shape of another size.

    >>> import fkeras as fk
    >>> fk.nn.Reshape((-1, 2))(fk.Input((6,))).shape
    (None, 3, 2)

    Reference: https://keras.io/api/layers/reshaping_layers/reshape/
    """

    target_shape: arg.SizesLike = field(convert=_target)

    def call(self, inputs: Shaped[Array, "batch ..."]) -> Shaped[Array, "batch ..."]:
        sizes = inputs.shape[1:]
        if all(isinstance(s, int) for s in sizes):
            have, want = math.prod(sizes), math.prod(d for d in self.target_shape if d != -1)
            fits = have % max(want, 1) == 0 if -1 in self.target_shape else have == want
            if not fits:
                raise ValueError(
                    explain(
                        f"{self.path_text()} cannot make {self.target_shape} of {have} numbers.",
                        received=f"shape {tuple(inputs.shape)}",
                        usually="the layers before changed in size.",
                        write="Reshape((-1, features))",
                    )
                )
        return inputs.reshape((inputs.shape[0], *self.target_shape))


@register("keras.layers")
class Permute(Layer):
    """The axes of each example in another order.

    Args:
        dims: the order; axes count from 1, the batch is not among them.

    Raises:
        ValueError: something that is no order of 1, 2, ….

    >>> import fkeras as fk
    >>> fk.nn.Permute((2, 1))(fk.Input((10, 64))).shape
    (None, 64, 10)

    Reference: https://keras.io/api/layers/reshaping_layers/permute/
    """

    dims: Sequence[int] = field(convert=tuple)

    def __post_init__(self) -> None:
        super().__post_init__()
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                explain(
                    "Permute: `dims` must be an order of 1, 2, ….", received=f"dims={self.dims}", write="dims=(2, 1)"
                )
            )

    def call(self, inputs: Shaped[Array, "batch ..."]) -> Shaped[Array, "batch ..."]:
        check_rank(self, inputs, len(self.dims) + 1)
        return jnp.transpose(inputs, (0, *self.dims))


@register("keras.layers")
class RepeatVector(Layer):
    """Each vector repeated `n` times.

    Args:
        n: how many times.

    >>> import fkeras as fk
    >>> fk.nn.RepeatVector(3)(fk.Input((32,))).shape
    (None, 3, 32)

    Reference: https://keras.io/api/layers/reshaping_layers/repeat_vector/
    """

    n: int = arg.positive("n")

    def call(self, inputs: Shaped[Array, "batch features"]) -> Shaped[Array, "batch n features"]:
        check_rank(self, inputs, 2)
        return jnp.repeat(inputs[:, None, :], self.n, axis=1)
