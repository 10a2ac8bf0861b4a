"""Which sources each target sees: said in parts, and as an array for who needs one."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core.typing import Array, Bool, Int, Num
from .._sequence_masks import MaskLike, check_mask
from .._shapes import NamedLayer

#: True where a target may see a source, `(batch, …, targets, sources)`; `None` where each sees all.
Visible: TypeAlias = 'Bool[Array, "..."] | None'


class Seen(NamedTuple):
    """Which sources each target sees: all that every part lets it see.

    A kernel that knows a part by its name needs no array of targets and sources for it.

    Attributes:
        targets: the targets that see anything, `(batch, …, targets)`.
        sources: masks of the sources that any target sees, each `(batch, …, sources)`; one that came as a numpy array
            stays one, so that its values are known while a program is traced.
        pairs: the sources that each target sees, `(batch, …, targets, sources)`.
        causal: whether a target sees no source after its own position, counted from the first of each.
        window: a target sees the sources that are fewer than this away from its own position.
    """

    targets: jax.Array | np.ndarray | None = None
    sources: tuple[jax.Array | np.ndarray, ...] = ()
    pairs: Visible = None
    causal: bool = False
    window: int | None = None

    def ordered(self, targets: int, sources: int) -> Visible:
        """The causal part and the window as an array, `(1, targets, sources)`, or `None`."""
        mask = causal(targets, sources) if self.causal else None
        return mask if self.window is None else both(mask, within(self.window, targets, sources))

    def array(self, targets: int, sources: int, rank: int = 4, axes: int = 1) -> Visible:
        """All parts as one array that broadcasts against the scores, or `None`.

        Args:
            targets, sources: how many there are, along the axis of time.
            rank: the scores' rank.
            axes: how many axes are attended over.

        Returns:
            The mask.
        """
        mask = both(self._of_sequences(axes), self.pairs)
        return by_head(both(mask, self.ordered(targets, sources)), rank, 2 * axes)

    def _of_sequences(self, axes: int) -> Visible:
        """The masks of the sequences as one of `(batch, …, targets, sources)`, or `None`."""
        mask = None
        if self.targets is not None:
            mask = jnp.asarray(self.targets).reshape(self.targets.shape + (1,) * axes)
        for sources in self.sources:
            place = sources.ndim - axes
            shape = sources.shape[:place] + (1,) * axes + sources.shape[place:]
            mask = both(mask, jnp.asarray(sources).reshape(shape))
        return mask

    def leaves_none_blind(self, targets: int, sources: int) -> bool:
        """Whether each target sees a source, as far as is known when a program is traced.

        A causal target sees the first source, where the window reaches it or there is a source beside the target.
        """
        if self.targets is not None or self.sources or self.pairs is not None:
            return False
        beside = isinstance(targets, int) and isinstance(sources, int) and targets <= sources
        return self.window is None or beside


# ------------------------------------------------------------------ masks: True where a target may see a source
def both(a: Visible, b: Visible) -> Visible:
    """Two masks as one; either may be `None`, and the shorter gets axes after its batch."""
    if a is None or b is None:
        return b if a is None else a
    rank = max(a.ndim, b.ndim)
    a, b = (m.reshape((m.shape[0], *(1,) * (rank - m.ndim), *m.shape[1:])) for m in (a, b))
    return a & b


def of_sequences(
    layer: NamedLayer, *pairs: tuple[Num[Array, "batch ..."], MaskLike], axes: tuple[int, ...] = (1,)
) -> Seen:
    """What the masks of query, value and key say, each checked against its sequence.

    Args:
        layer: the layer that attends.
        *pairs: each sequence `(batch, …, features)` and its mask: of all its axes but the last, or of the batch and
            the attended ones; `None` where nothing is padding.
        axes: the axes attended over.

    Returns:
        The targets and the sources that count.
    """
    masks = [
        check_mask(layer, mask, x.shape[:-1], (x.shape[0], *(x.shape[a] for a in axes)), what=f"{name}_mask")
        for name, (x, mask) in zip(("query", "value", "key"), pairs, strict=True)
    ]
    targets, *sources = (m if m is None else m.astype(bool) for m in masks)
    return Seen(targets, tuple(m for m in sources if m is not None))


def causal(targets: int, sources: int) -> Bool[Array, "1 targets sources"]:
    """The mask of sources at the target's position or before it."""
    return (_positions(targets)[:, None] >= _positions(sources)[None, :])[None]


def within(window: int, targets: int, sources: int) -> Bool[Array, "1 targets sources"]:
    """The mask of sources fewer than `window` positions away from the target."""
    return (jnp.abs(_positions(targets)[:, None] - _positions(sources)[None, :]) < window)[None]


def _positions(count: int) -> Int[Array, " count"]:
    """0, 1, … ; `jnp.arange` of an open length has a shape that the converter to ONNX cannot index."""
    return lax.iota(jnp.int32, count)


def by_head(mask: Visible, rank: int, pairs: int) -> Visible:
    """A mask with axes for heads and batch put in, so that it has the scores' rank.

    Args:
        mask: its last `pairs` axes are targets and sources, those before are batch axes.
        rank: the scores' rank.
        pairs: how many axes of targets and sources there are.

    Returns:
        The mask.
    """
    if mask is None:
        return None
    place = max(mask.ndim - pairs, 0)
    return mask.reshape(mask.shape[:place] + (1,) * (rank - mask.ndim) + mask.shape[place:])
