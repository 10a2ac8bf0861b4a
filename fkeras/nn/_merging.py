"""Layers that make one tensor of several."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, describe, explain, field, register
from ._sequence_masks import check_mask
from ._shapes import known_axis


class _Merge(Layer):
    """A fold over a list of tensors, whose trailing axes broadcast as in Keras."""

    supports_masking = True

    def _tensors(self, inputs: Any, least: int = 2) -> list[jax.Array]:
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

    def _fold(self, inputs: Any, function: Callable[[Any, Any], Any]) -> jax.Array:
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

    def _seen(self, inputs: Any, mask: Any) -> list[Any]:
        """Each input's mask over its entries; `None` for those without one, or whose axes are brought in line."""
        tensors = self._tensors(inputs)
        masks = self._masks(inputs, mask)
        return [
            None
            if m is None or jnp.ndim(x) < t.ndim
            else jnp.broadcast_to(_trailing(jnp.asarray(m, bool), t.ndim), t.shape)
            for x, t, m in zip(inputs, tensors, masks, strict=True)
        ]

    def _extreme(self, inputs: Any, mask: Any, function: Callable[[Any, Any], Any]) -> jax.Array:
        """A fold in which a masked entry gives way to the others'."""

        def step(left: Any, right: Any) -> Any:
            (a, seen_a), (b, seen_b) = left, right
            b = b if seen_b is None else jnp.where(seen_b, b, a)
            a = a if seen_a is None else jnp.where(seen_a, a, b)
            seen = None if seen_a is None or seen_b is None else jnp.logical_or(seen_a, seen_b)
            return function(a, b), seen

        seen = self._seen(inputs, mask)
        if all(m is None for m in seen):
            return self._fold(inputs, function)
        return functools.reduce(step, zip(self._tensors(inputs), seen, strict=True))[0]

    def _masks(self, inputs: Any, mask: Any) -> list[Any]:
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

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        masks = [m for m in self._masks(inputs, mask) if m is not None]
        return functools.reduce(jnp.logical_or, masks) if len(masks) == len(inputs) else None


def _trailing(mask: jax.Array, rank: int) -> jax.Array:
    """A mask with axes of 1 for the axes that it does not speak of."""
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

    def call(self, inputs: Any) -> jax.Array:
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

    def call(self, inputs: Any) -> jax.Array:
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

    def call(self, inputs: Any, mask: Any = None) -> jax.Array:
        seen = self._seen(inputs, mask)
        kept = [x if m is None else jnp.where(m, x, 1) for x, m in zip(self._tensors(inputs), seen, strict=True)]
        outputs = self._fold(kept, jnp.multiply)
        if any(m is None for m in seen):
            return outputs
        return jnp.where(functools.reduce(jnp.logical_or, seen), outputs, 0)


@register("keras.layers")
class Average(_Merge):
    """The mean of the inputs.

    >>> import fkeras as fk
    >>> x = fk.Input((4,))
    >>> fk.nn.Average()([x, x]).shape
    (None, 4)

    Reference: https://keras.io/api/layers/merging_layers/average/
    """

    def call(self, inputs: Any) -> jax.Array:
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

    def call(self, inputs: Any, mask: Any = None) -> jax.Array:
        return self._extreme(inputs, mask, jnp.maximum)


@register("keras.layers")
class Minimum(_Merge):
    """The smallest of the inputs, entry by entry, masked ones left out.

    >>> import fkeras as fk
    >>> x = fk.Input((4,))
    >>> fk.nn.Minimum()([x, x]).shape
    (None, 4)

    Reference: https://keras.io/api/layers/merging_layers/minimum/
    """

    def call(self, inputs: Any, mask: Any = None) -> jax.Array:
        return self._extreme(inputs, mask, jnp.minimum)


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

    def call(self, inputs: Any) -> jax.Array:
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

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if not isinstance(mask, list | tuple) or all(m is None for m in mask):
            return None
        masks = []
        for x, m in zip(inputs, self._masks(inputs, mask), strict=True):
            whole = jnp.ones(x.shape, bool)
            m = whole if m is None else jnp.asarray(m, bool)
            masks.append(jnp.broadcast_to(_trailing(m, x.ndim), x.shape))
        return jnp.any(jnp.concatenate(masks, axis=self.axis), axis=-1)


def _contracted(axes: Any) -> Any:
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

    axes: Any = field(convert=_contracted)
    normalize: bool = False

    def call(self, inputs: Any) -> jax.Array:
        a, b = self._pair(inputs)
        one, two = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        one, two = known_axis(self, one, a, "axes"), known_axis(self, two, b, "axes")
        if a.shape[one] != b.shape[two]:
            raise ValueError(
                explain(
                    f"{self.path_text()}: the axes to contract differ in size.",
                    received=f"shapes {a.shape} and {b.shape}, axes {(one, two)}",
                    write="axes of one size",
                )
            )
        if self.normalize:
            a, b = _unit(a, one), _unit(b, two)
        out = jax.lax.dot_general(a, b, (((one,), (two,)), ((0,), (0,))))
        return out[:, None] if out.ndim == 1 else out

    def _pair(self, inputs: Any) -> tuple[jax.Array, jax.Array]:
        if not isinstance(inputs, list | tuple) or len(inputs) != 2:
            raise ValueError(
                explain(f"{self.path_text()} takes two tensors.", received=type(inputs).__name__, write="[a, b]")
            )
        return inputs[0], inputs[1]

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None


def _unit(x: jax.Array, axis: int) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), 1e-12))


def _function(cls: Any, name: str) -> Any:
    def merge(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return cls(*args, **kwargs)(inputs)

    merge.__name__ = merge.__qualname__ = name
    merge.__doc__ = f"`{cls.__name__}(...)(inputs)` in one call."
    return merge


add = _function(Add, "add")
subtract = _function(Subtract, "subtract")
multiply = _function(Multiply, "multiply")
average = _function(Average, "average")
maximum = _function(Maximum, "maximum")
minimum = _function(Minimum, "minimum")


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis, ...)(inputs)` in one call."""
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`Dot(axes, ...)(inputs)` in one call."""
    return Dot(axes, **kwargs)(inputs)
