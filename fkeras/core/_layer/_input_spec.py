"""InputSpec: what a layer says its inputs must look like."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from .._words._errors import explain
from .._words._short_repr import arguments_repr
from ..typing import Config, DTypeLike, PyTree, Shape
from ._sealing import settle

if TYPE_CHECKING:
    from ._layer import Layer


class HasShape(Protocol):
    """An array, a tracer, or what stands for one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """The rank, shape and dtype that an input must have; what is `None` may be anything.

    A layer that sets `self.input_spec`, in `__init__` or as a class attribute, is checked at every call.

    Args:
        dtype: its dtype's name.
        shape: its shape, with `None` for axes of any size.
        ndim, max_ndim, min_ndim: its rank, or bounds of it.
        axes: the sizes of some axes, `{-1: 3}`.
        allow_last_axis_squeeze: whether a last axis of 1 may be there or not.
        name: the input's name.
        optional: whether it may be `None`.

    Raises:
        TypeError: axes that are no dict with integer keys.
        ValueError: an axis beyond the rank.

    >>> import fkeras as fk
    >>> class Rows(fk.nn.Layer):
    ...     input_spec = fk.nn.InputSpec(ndim=2, axes={-1: 3})
    ...     def call(self, inputs):
    ...         return inputs.sum(-1)
    >>> Rows()(fk.Input((3,))).shape
    (None,)

    Reference: https://keras.io/api/layers/base_layer/
    """

    dtype: DTypeLike | None = None
    shape: Shape | None = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: Mapping[int, int | None] = dataclasses.field(default_factory=dict)
    allow_last_axis_squeeze: bool = False
    name: str | None = None
    optional: bool = False

    def __repr__(self) -> str:
        return arguments_repr(self)

    def __post_init__(self) -> None:
        if self.shape is not None:
            settle(self, "shape", tuple(self.shape))
            settle(self, "ndim", len(self.shape))
        try:
            axes = {int(k): v for k, v in dict(self.axes or {}).items()}
        except (TypeError, ValueError):
            raise TypeError(
                explain(
                    "InputSpec: `axes` is a dict with integer keys.", received=repr(self.axes), write="axes={-1: 3}"
                )
            ) from None
        settle(self, "axes", axes)
        rank = self.ndim if self.ndim is not None else self.max_ndim
        if axes and rank is not None and max(axes) >= rank:
            raise ValueError(
                explain("InputSpec: an axis lies beyond the rank.", received=f"axis {max(axes)}, rank {rank}")
            )

    def misfit(self, x: HasShape) -> str | None:
        """What is wrong with an input, or `None`.

        >>> InputSpec(ndim=2).misfit(jnp.ones(3))
        'rank 2, not 1'
        """
        shape = tuple(x.shape)
        if self.ndim is not None and not self.allow_last_axis_squeeze and len(shape) != self.ndim:
            return f"rank {self.ndim}, not {len(shape)}"
        if self.max_ndim is not None and len(shape) > self.max_ndim:
            return f"rank {self.max_ndim} at most, not {len(shape)}"
        if self.min_ndim is not None and len(shape) < self.min_ndim:
            return f"rank {self.min_ndim} at least, not {len(shape)}"
        if self.dtype is not None and jnp.dtype(x.dtype) != jnp.dtype(self.dtype):
            return f"dtype {jnp.dtype(self.dtype).name}, not {jnp.dtype(x.dtype).name}"
        for axis, size in self.axes.items():
            if size is not None and isinstance(shape[axis], int) and shape[axis] != size:
                return f"{size} along axis {axis}, not {shape[axis]}"
        if self.shape is not None:
            shapes: list[Shape] = [self.shape, shape]
            if self.allow_last_axis_squeeze:
                shapes = [s[:-1] if s and s[-1] == 1 else s for s in shapes]
            pairs = zip(*shapes, strict=False)
            if any(w is not None and isinstance(g, int) and w != g for w, g in pairs):
                return f"shape {self.shape}"
        return None

    def get_config(self) -> Config:
        """The arguments as JSON values."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: Config) -> InputSpec:
        """The inverse of `get_config`."""
        return cls(**config)


def check_input_spec(layer: Layer, spec: PyTree, inputs: PyTree) -> None:
    """Refuse inputs that are not what a layer's `input_spec` says.

    Raises:
        ValueError: naming the layer, what it expects and what arrived.
    """
    specs = jax.tree.leaves(spec, is_leaf=lambda s: isinstance(s, InputSpec) or s is None)
    leaves = jax.tree.leaves(inputs, is_leaf=lambda v: v is None)
    if len(specs) != len(leaves):
        raise ValueError(
            explain(f"{layer.path_text()} expects {len(specs)} inputs.", received=f"{len(leaves)} of them")
        )
    for one, leaf in zip(specs, leaves, strict=True):
        if one is None or (leaf is None and one.optional) or not hasattr(leaf, "shape"):
            continue
        wrong = one.misfit(leaf)
        if wrong is not None:
            raise ValueError(
                explain(
                    f"{layer.path_text()} expects an input of {wrong.split(', not')[0]}.",
                    received=f"shape {tuple(leaf.shape)}, dtype {leaf.dtype}",
                    usually="an axis is missing, or the layer is one for another rank.",
                )
            )
