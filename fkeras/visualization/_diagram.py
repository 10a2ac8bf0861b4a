"""What a picture of a model shows, before anything has a place: boxes, and the lines between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """A layer, or a part of a model.

    Attributes:
        kind: the name of its class.
        name: the layer's name; empty where it is not shown.
        family: what kind of layer it is, which gives it its colour.
        lines: what else is said of it, a line each.
        trains: whether its weights train; `None` where that is not shown.
        times: how many equal ones stand in a row here.
        inside: what is in it, where that is drawn.
        alike: equal for boxes that show the same, names apart.
    """

    kind: str
    name: str = ""
    family: str = "other"
    lines: tuple[str, ...] = ()
    trains: bool | None = None
    times: int = 1
    inside: Diagram | None = None
    alike: Hashable = None


@dataclasses.dataclass(frozen=True)
class Wire:
    """A line from a box to a later one.

    Attributes:
        start, end: the boxes' numbers.
        out, into: which exit and entry it takes, of a box with something inside.
    """

    start: int
    end: int
    out: int = 0
    into: int = 0


@dataclasses.dataclass(frozen=True)
class Diagram:
    """Boxes in an order in which each comes after those that feed it, and the lines between them.

    Attributes:
        boxes: the boxes.
        wires: the lines, each once.
        entries: for each line that comes in from outside, the wires that it goes on as: box and entry of that.
        exits: for each line that goes out, the box and the exit of it that it comes from.
        wired: whether the lines are known; without them the boxes are a list.
    """

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...] = ()
    entries: tuple[tuple[tuple[int, int], ...], ...] = ()
    exits: tuple[tuple[int, int], ...] = ()
    wired: bool = True
