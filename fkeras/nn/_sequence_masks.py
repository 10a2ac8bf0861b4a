"""Masks of sequences, checked against what they hide."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import Layer, describe, explain


def check_mask(layer: Layer, mask: Any, *shapes: Any, what: str = "mask", ones: bool = True) -> Any:
    """A mask as an array, or an error: one that does not fit was made for other data.

    Args:
        layer: who is asking.
        mask: the mask, or `None`.
        *shapes: the shapes that it may have.
        what: the argument's name.
        ones: whether an axis of 1 stands for an axis of any length.

    Raises:
        ValueError: a mask of another shape, naming the layer and both shapes.
        TypeError: something that is no array.
    """
    if mask is None:
        return None
    if not hasattr(mask, "shape"):
        mask = _listed(layer, mask, what)
    if not any(_fits(mask.shape, shape, ones) for shape in shapes):
        known = " or ".join(str(_shown(s)) for s in shapes)
        text = explain(
            f"{layer.path_text()} got a {what} that does not fit its input.",
            received=f"a {what} of shape {tuple(mask.shape)}, where {known} fits",
            usually="a mask of other data: before padding or cutting, or of another sequence.",
            write=f"{what} of shape {_shown(shapes[0])}, true where an entry counts",
        )
        raise ValueError(text.complete())  # a layer around this one has nothing to add
    return mask


def _fits(shape: Any, wanted: Any, ones: bool) -> bool:
    """Whether a mask of one shape speaks of axes of another; what is not known yet fits."""
    return len(shape) == len(wanted) and all(
        not isinstance(m, int) or not isinstance(w, int) or m == w or (ones and m == 1)
        for m, w in zip(shape, wanted, strict=True)
    )


def _shown(shape: Any) -> tuple[Any, ...]:
    return tuple(d if isinstance(d, int) else None for d in shape)


def _listed(layer: Layer, mask: Any, what: str) -> Any:
    """A mask that was written out as lists."""
    try:
        found = np.asarray(mask)
    except ValueError:
        found = np.asarray(None)
    if found.dtype.kind not in "biuf":
        raise TypeError(
            explain(
                f"{layer.path_text()} takes an array as {what}.",
                received=describe(mask),
                usually="another argument in its place.",
                write=f"{what}=np.array([[True, True, False]])",
            )
        )
    return jnp.asarray(found)


def of_first(mask: Any) -> Any:
    """The mask of the first of several inputs (a sequence and its states); written out as lists it is one mask."""
    leaves = jax.tree.leaves(mask)
    return mask if not leaves or not hasattr(leaves[0], "shape") else leaves[0]
