"""Masks of sequences, checked against the shapes of their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ..core import describe, explain
from ..core.typing import ArrayLike, PyTree, Shape
from ._shapes import NamedLayer

#: True where an entry counts: an array, or one that is written out as lists; `None` where all do.
MaskLike: TypeAlias = "ArrayLike | Sequence[MaskLike] | None"


def check_mask(
    layer: NamedLayer, mask: MaskLike, *shapes: Shape, what: str = "mask", ones: bool = True
) -> jax.Array | np.ndarray | None:
    """A mask as an array; one that does not fit the input is an error.

    Args:
        layer: the layer that takes the mask.
        mask: the mask, or `None`.
        *shapes: the shapes that it may have.
        what: the argument's name.
        ones: whether an axis of 1 stands for an axis of any length.

    Returns:
        The mask; `None` where none was given.

    Raises:
        ValueError: a mask of another shape, naming the layer and both shapes.
        TypeError: something that is no array.
    """
    if mask is None:
        return None
    array = mask if isinstance(mask, jax.Array | np.ndarray) else _from_lists(layer, mask, what)
    if not any(_fits(array.shape, shape, ones) for shape in shapes):
        expected = " or ".join(str(_shown(s)) for s in shapes)
        text = explain(
            f"{layer.path_text()} got a {what} that does not fit its input.",
            received=f"a {what} of shape {tuple(array.shape)}, where {expected} fits",
            usually="a mask of other data: before padding or cutting, or of another sequence.",
            write=f"{what} of shape {_shown(shapes[0])}, true where an entry counts",
        )
        raise ValueError(text.complete())  # a layer around this one has nothing to add
    return array


def _fits(shape: Shape, expected: Shape, ones: bool) -> bool:
    """Whether a mask of one shape fits axes of another; a size that is not known yet fits all."""
    return len(shape) == len(expected) and all(
        not isinstance(m, int) or not isinstance(w, int) or m == w or (ones and m == 1)
        for m, w in zip(shape, expected, strict=True)
    )


def _shown(shape: Shape) -> Shape:
    """A shape as messages show it."""
    return tuple(d if isinstance(d, int) else None for d in shape)


def _from_lists(layer: NamedLayer, mask: MaskLike, what: str) -> jax.Array | np.ndarray:
    """A mask that was written out as lists."""
    try:
        array = np.asarray(mask)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            explain(
                f"{layer.path_text()} takes an array as {what}.",
                received=describe(mask),
                usually="another argument in its place.",
                write=f"{what}=np.array([[True, True, False]])",
            )
        )
    return jnp.asarray(array)


def of_first(mask: PyTree) -> MaskLike:
    """The mask of the first of several inputs (a sequence and its states); written out as lists it is one mask."""
    leaves = jax.tree.leaves(mask)
    return mask if not leaves or not hasattr(leaves[0], "shape") else leaves[0]
