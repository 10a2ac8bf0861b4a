"""Axes of size 1 that a weight has in one place and not in the other."""

from __future__ import annotations

import dataclasses

from ._layouts import Layout, Shape


@dataclasses.dataclass(frozen=True)
class UnitAxes(Layout):
    """A weight that has axes of size 1 in front in a file, and a last one of size 1 here.

    Attributes:
        front: how many the file's has in front.
        behind: how many are behind here.

    >>> UnitAxes(front=1).public_shape((5, 8)), UnitAxes(behind=1).public_shape((9, 1))
    ((1, 5, 8), (9,))
    """

    front: int = 0
    behind: int = 0

    def public_shape(self, shape: Shape) -> Shape:
        return (*(1,) * self.front, *shape[: len(shape) - self.behind])
