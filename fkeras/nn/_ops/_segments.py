"""Reductions over entries of one segment."""

from __future__ import annotations

from collections.abc import Callable

import jax

from ...core.typing import Array, ArrayLike, Int, Num
from ._types import Table


def _segment(function: Callable[..., Array]) -> Callable[..., Array]:
    """`function` of `jax.ops` with Keras's arguments."""

    def segment(
        data: Num[ArrayLike, "entries ..."], segment_ids: Int[ArrayLike, " entries"],
        num_segments: int | None = None, sorted: bool = False,
    ) -> Num[Array, "segments ..."]:  # fmt: skip
        return function(data, segment_ids, num_segments, indices_are_sorted=sorted)

    segment.__doc__ = function.__doc__
    return segment


_NAMES = ("segment_sum", "segment_max", "segment_min", "segment_prod")

OWN: Table = {name: _segment(getattr(jax.ops, name)) for name in _NAMES}
