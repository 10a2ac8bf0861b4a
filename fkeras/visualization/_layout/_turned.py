"""A placed diagram, turned so that it runs in the direction that is asked for."""

from __future__ import annotations

import dataclasses

from .._diagram import Diagram
from ._place import Measure, Placed, Point, Size, place


def placed(diagram: Diagram, measure: Measure, direction: str) -> Placed:
    """A place for everything in a diagram.

    Args:
        diagram: what is drawn.
        measure: how large a box is on the page, with the room around what is inside of it.
        direction: `"TB"` from the top to the bottom, `"LR"` from the left to the right, `"BT"` and `"RL"` back.
    """
    found = place(diagram, lambda box: _laid(measure(box), direction))
    return _turned(found, direction, found.height)


def _laid(size: Size, direction: str) -> Size:
    """A size on the page as one of a picture that runs from the top to the bottom."""
    if direction == "TB":
        return size
    if direction == "BT":
        return dataclasses.replace(size, top=size.bottom, bottom=size.top)
    before, after = (size.left, size.right) if direction == "LR" else (size.right, size.left)
    return Size(size.height, size.width, left=size.top, top=before, right=size.bottom, bottom=after)


def _turned(found: Placed, direction: str, length: float) -> Placed:
    def point(at: Point) -> Point:
        x, y = at
        along = y if direction in ("TB", "LR") else length - y
        return (x, along) if direction in ("TB", "BT") else (along, x)

    boxes = []
    for box in found.boxes:
        corners = [point((box.x, box.y)), point((box.x + box.width, box.y + box.height))]
        (left, right), (top, bottom) = (sorted(side) for side in zip(*corners, strict=True))
        inside = None if box.inside is None else _turned(box.inside, direction, length)
        boxes.append(dataclasses.replace(box, x=left, y=top, width=right - left, height=bottom - top, inside=inside))
    lines = [dataclasses.replace(line, points=tuple(map(point, line.points))) for line in found.lines]
    width, height = (found.width, found.height) if direction in ("TB", "BT") else (found.height, found.width)
    return dataclasses.replace(found, width=width, height=height, boxes=tuple(boxes), lines=tuple(lines))
