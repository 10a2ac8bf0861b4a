"""Layers that make one tensor of several."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ..core import Layer, describe, explain, field, register
from ..core.typing import Array, Bool, Num, PyTree
from ._made_once import cotangent_once
from ._sequence_masks import MaskLike, check_mask
from ._shapes import known_axis

#: Arrays of one rank, or of ranks that broadcast as in Keras.
Tensors: TypeAlias = Sequence[jax.Array]
#: A function of two arrays.
Binary: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]
#: A mask for each input, or `None` where all have none.
Masks: TypeAlias = Sequence[MaskLike] | None
#: An array, and where its entries count; `None` is everywhere.
_Masked: TypeAlias = tuple[jax.Array, jax.Array | None]

_product, _larger, _smaller = map(cotangent_once, (jnp.multiply, jnp.maximum, jnp.minimum))


class _Merge(Layer):
    """A fold over a list of tensors, whose trailing axes broadcast as in Keras."""

    supports_masking = True

    def _tensors(self, inputs: Tensors, least: int = 2) -> list[jax.Array]:
        """The inputs, checked and with axes of 1 where they have fewer than others."""
        if not isinstance(inputs, list | tuple) or len(inputs) < least:
            raise ValueError(
                explain(
                    f"{self.path_text()} merges a list of at least {least} tensors.",
                    received=f"{len(inputs) if isinstance(inputs, list | tuple) else 'one tensor, not a list'}",
                    usually="the tensors were passed as separate arguments.",
                    write=f"{type(self).__name__}()([a, b])",
                )
            )
        return _one_rank([jnp.asarray(x) for x in inputs])

    def _fold(self, inputs: Tensors, function: Binary) -> Num[Array, "batch ..."]:
        """`function(function(a, b), c)` …, after a check that the shapes broadcast."""
        tensors = self._tensors(inputs)
        shapes = [tuple(t.shape) for t in tensors]
        for axis in range(1, len(shapes[0])):
            sizes = {s[axis] for s in shapes if isinstance(s[axis], int)} - {1}
            if len(sizes) > 1:
                raise ValueError(
                    explain(
                        f"{self.path_text()} cannot merge these shapes.",
                        received=", ".join(map(str, shapes)),
                        usually="a branch ends with another number of features.",
                        write="branches of one shape, or Concatenate()([a, b])",
                    )
                )
        return functools.reduce(function, tensors)

    def _visible(self, inputs: Tensors, mask: Masks) -> list[Bool[Array, "batch ..."] | None]:
        """Each input's mask over all its entries; `None` for inputs without one, or of fewer axes than others."""
        tensors = self._tensors(inputs)
        masks = self._masks(inputs, mask)
        return [
            None
            if m is None or jnp.ndim(x) < t.ndim
            else jnp.broadcast_to(_trailing(jnp.asarray(m, bool), t.ndim), t.shape)
            for x, t, m in zip(inputs, tensors, masks, strict=True)
        ]

    def _extreme(self, inputs: Tensors, mask: Masks, function: Binary) -> Num[Array, "batch ..."]:
        """A fold in which a masked entry is replaced by that of the other input."""

        def step(left: _Masked, right: _Masked) -> _Masked:
            (a, visible_a), (b, visible_b) = left, right
            b = b if visible_b is None else jnp.where(visible_b, b, a)
            a = a if visible_a is None else jnp.where(visible_a, a, b)
            either = None if visible_a is None or visible_b is None else jnp.logical_or(visible_a, visible_b)
            return function(a, b), either

        visible = self._visible(inputs, mask)
        if all(m is None for m in visible):
            return self._fold(inputs, function)
        return functools.reduce(step, zip(self._tensors(inputs), visible, strict=True))[0]

    def _masks(self, inputs: Tensors, mask: Masks) -> list[jax.Array | np.ndarray | None]:
        """A mask, or `None`, for each input, checked against its first axes."""
        if mask is None:
            return [None] * len(inputs)
        if not isinstance(mask, list | tuple) or len(mask) != len(inputs):
            raise ValueError(
                explain(
                    f"{self.path_text()} takes a list of masks, one for each input.",
                    received=describe(mask),
                    usually="one mask for all.",
                    write=f"mask=[mask] * {len(inputs)}, with None for an input without one",
                )
            )
        return [
            check_mask(self, m, tuple(x.shape)[: jnp.ndim(m)], what=f"mask of input {i}")
            for i, (x, m) in enumerate(zip(inputs, mask, strict=True))
        ]

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        masks = [m for m in self._masks(inputs, mask) if m is not None]
        return functools.reduce(jnp.logical_or, masks) if len(masks) == len(inputs) else None


def _trailing(mask: Bool[Array, "*axes"], rank: int) -> Bool[Array, "*axes_and_ones"]:
    """A mask with axes of 1 behind its own, up to a rank."""
    return mask.reshape(mask.shape + (1,) * (rank - mask.ndim))


def _one_rank(tensors: list[jax.Array]) -> list[jax.Array]:
    """Axes of 1 after the batch of those that have fewer, so that shapes broadcast from the right."""
    rank = max(t.ndim for t in tensors)
    return [t.reshape((t.shape[0], *(1,) * (rank - t.ndim), *t.shape[1:])) if 0 < t.ndim < rank else t for t in tensors]


@register("keras.layers")
class Add(_Merge):
    """The sum of the inputs.

    >>> import fkeras as fk
    >>> x = fk.Input((4,))
    >>> fk.nn.Add()([x, x]).shape
    (None, 4)

    Reference: https://keras.io/api/layers/merging_layers/add/
    """

    def call(self, inputs: Tensors) -> Num[Array, "batch ..."]:
        return self._fold(inputs, jnp.add)


@register("keras.layers")
class Subtract(_Merge):
    """The first input less the second.

    >>> import fkeras as fk
    >>> x = fk.Input((4,))
    >>> fk.nn.Subtract()([x, x]).shape
    (None, 4)

    Reference: https://keras.io/api/layers/merging_layers/subtract/
    """

    def call(self, inputs: Tensors) -> Num[Array, "batch ..."]:
        if isinstance(inputs, list | tuple) and len(inputs) != 2:
            raise ValueError(explain(f"{self.path_text()} takes two tensors.", received=len(inputs), write="[a, b]"))
        return self._fold(inputs, jnp.subtract)


@register("keras.layers")
class Multiply(_Merge):
    """The product of the inputs; a masked entry counts as 1, and is 0 where all are masked.

    >>> import fkeras as fk
    >>> x = fk.Input((4,))
    >>> fk.nn.Multiply()([x, x]).shape
    (None, 4)

    Reference: https://keras.io/api/layers/merging_layers/multiply/
    """

    def call(self, inputs: Tensors, mask: Masks = None) -> Num[Array, "batch ..."]:
        masks = self._visible(inputs, mask)
        kept = [x if m is None else jnp.where(m, x, 1) for x, m in zip(self._tensors(inputs), masks, strict=True)]
        outputs = self._fold(kept, _product)
        visible = [m for m in masks if m is not None]
        if len(visible) < len(masks):
            return outputs
        return jnp.where(functools.reduce(jnp.logical_or, visible), outputs, 0)


@register("keras.layers")
class Average(_Merge):
    """The mean of the inputs.

    >>> import fkeras as fk
    >>> x = fk.Input((4,))
    >>> fk.nn.Average()([x, x]).shape
    (None, 4)

    Reference: https://keras.io/api/layers/merging_layers/average/
    """

    def call(self, inputs: Tensors) -> Num[Array, "batch ..."]:
        return self._fold(inputs, jnp.add) / len(inputs)


@register("keras.layers")
class Maximum(_Merge):
    """The largest of the inputs, entry by entry, masked ones left out.

    >>> import fkeras as fk
    >>> x = fk.Input((4,))
    >>> fk.nn.Maximum()([x, x]).shape
    (None, 4)

    Reference: https://keras.io/api/layers/merging_layers/maximum/
    """

    def call(self, inputs: Tensors, mask: Masks = None) -> Num[Array, "batch ..."]:
        return self._extreme(inputs, mask, _larger)


@register("keras.layers")
class Minimum(_Merge):
    """The smallest of the inputs, entry by entry, masked ones left out.

    >>> import fkeras as fk
    >>> x = fk.Input((4,))
    >>> fk.nn.Minimum()([x, x]).shape
    (None, 4)

    Reference: https://keras.io/api/layers/merging_layers/minimum/
    """

    def call(self, inputs: Tensors, mask: Masks = None) -> Num[Array, "batch ..."]:
        return self._extreme(inputs, mask, _smaller)


@register("keras.layers")
class Concatenate(_Merge):
    """The inputs side by side along an axis.

    Args:
        axis: the axis; the last by default.

    Raises:
        ValueError: inputs that differ in another axis.

    >>> import fkeras as fk
    >>> fk.nn.Concatenate()([fk.Input((4,)), fk.Input((2,))]).shape
    (None, 6)

    Reference: https://keras.io/api/layers/merging_layers/concatenate/
    """

    axis: int = -1

    def call(self, inputs: Tensors) -> Num[Array, "batch ..."]:
        if not isinstance(inputs, list | tuple) or not inputs:
            self._tensors(inputs, 1)
        shapes = [tuple(x.shape) for x in inputs]
        rank = len(shapes[0])
        rest = [tuple(d for i, d in enumerate(s) if i != self.axis % rank and isinstance(d, int)) for s in shapes]
        if any(len(s) != rank for s in shapes) or len({r for r in rest if len(r) == len(rest[0])}) > 1:
            raise ValueError(
                explain(
                    f"{self.path_text()} needs inputs that differ in axis {self.axis} alone.",
                    received=", ".join(map(str, shapes)),
                    usually="a branch was strided, padded or flattened in another way.",
                    write="branches of one shape but for that axis",
                )
            )
        return jnp.concatenate(list(inputs), axis=self.axis)

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        if not isinstance(mask, list | tuple) or all(m is None for m in mask):
            return None
        masks = []
        for x, m in zip(inputs, self._masks(inputs, mask), strict=True):
            whole = jnp.ones(x.shape, bool)
            m = whole if m is None else jnp.asarray(m, bool)
            masks.append(jnp.broadcast_to(_trailing(m, x.ndim), x.shape))
        return jnp.any(jnp.concatenate(masks, axis=self.axis), axis=-1)


def _contracted(axes: object) -> int | tuple[int, ...]:
    """A converter: one axis for both inputs, or one for each."""
    if isinstance(axes, int) and not isinstance(axes, bool):
        return axes
    if isinstance(axes, list | tuple) and len(axes) == 2 and all(isinstance(a, int) for a in axes):
        return tuple(axes)
    raise ValueError(
        explain(
            "`axes` is one axis for both inputs, or two axes.",
            received=f"axes={axes!r}",
            usually="several axes at once, which numpy's tensordot takes.",
            write="Dot(axes=1), Dot(axes=(2, 1))",
        )
    )


@register("keras.layers")
class Dot(_Merge):
    """The dot product of two inputs along an axis of each.

    Args:
        axes: one axis for both, or one for each; the batch is axis 0.
        normalize: whether to scale the vectors to length 1 first, which gives the cosine.

    >>> import fkeras as fk
    >>> fk.nn.Dot(1)([fk.Input((4,)), fk.Input((4,))]).shape
    (None, 1)

    Reference: https://keras.io/api/layers/merging_layers/dot/
    """

    axes: int | tuple[int, int] = field(convert=_contracted)
    normalize: bool = False

    def call(self, inputs: Tensors) -> Num[Array, "batch ..."]:
        a, b = self._pair(inputs)
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        axis_a, axis_b = known_axis(self, axes[0], a, "axes"), known_axis(self, axes[1], b, "axes")
        if a.shape[axis_a] != b.shape[axis_b]:
            raise ValueError(
                explain(
                    f"{self.path_text()}: the axes to contract differ in size.",
                    received=f"shapes {a.shape} and {b.shape}, axes {(axis_a, axis_b)}",
                    write="axes of one size",
                )
            )
        if self.normalize:
            a, b = _unit(a, axis_a), _unit(b, axis_b)
        products = jax.lax.dot_general(a, b, (((axis_a,), (axis_b,)), ((0,), (0,))))
        return products[:, None] if products.ndim == 1 else products

    def _pair(self, inputs: Tensors) -> tuple[jax.Array, jax.Array]:
        if not isinstance(inputs, list | tuple) or len(inputs) != 2:
            raise ValueError(
                explain(f"{self.path_text()} takes two tensors.", received=type(inputs).__name__, write="[a, b]")
            )
        return inputs[0], inputs[1]

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> None:
        return None


def _unit(x: Num[Array, "*shape"], axis: int) -> Num[Array, "*shape"]:
    """Vectors of length 1 in the same directions."""
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), 1e-12))


def _function(cls: type[_Merge], name: str) -> Callable[..., PyTree]:
    """A merging layer as a function."""

    def merge(inputs: Sequence[PyTree], *args: Any, **kwargs: Any) -> PyTree:
        return cls(*args, **kwargs)(inputs)

    merge.__name__ = merge.__qualname__ = name
    merge.__doc__ = f"`{cls.__name__}(...)(inputs)` in one call: an array, or a symbolic tensor of a graph."
    return merge


add = _function(Add, "add")
subtract = _function(Subtract, "subtract")
multiply = _function(Multiply, "multiply")
average = _function(Average, "average")
maximum = _function(Maximum, "maximum")
minimum = _function(Minimum, "minimum")


def concatenate(inputs: Sequence[PyTree], axis: int = -1, **kwargs: Any) -> PyTree:
    """`Concatenate(axis, ...)(inputs)` in one call.

    Args:
        inputs: arrays, or symbolic tensors of a graph.
        axis: the axis along which they lie side by side.
        **kwargs: further arguments of `Concatenate`.

    Returns:
        An array, or a symbolic tensor.
    """
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs: Sequence[PyTree], axes: int | tuple[int, int] = -1, **kwargs: Any) -> PyTree:
    """`Dot(axes, ...)(inputs)` in one call.

    Args:
        inputs: two arrays, or symbolic tensors of a graph.
        axes: the axis of each to contract, or one for both.
        **kwargs: further arguments of `Dot`.

    Returns:
        An array, or a symbolic tensor.
    """
    return Dot(axes, **kwargs)(inputs)
