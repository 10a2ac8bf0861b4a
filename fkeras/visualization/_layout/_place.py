"""A diagram with a place for everything: boxes with their corners, and lines as points.

Everything here runs from the top to the bottom; `_turned.py` turns it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence

from .._diagram import Box, Diagram
from ._columns import Link, columns, straight
from ._order import ordered
from ._ranks import longest_paths, ranks
from ._tracks import Way, tracks

Point = tuple[float, float]

#: Room in a frame around what is inside of it.
AROUND = 16.0
#: Room between boxes side by side, beside a line that passes, and between the tracks of lines.
BESIDE, _PASSING, _TRACK = 28.0, 16.0, 12.0
# Room between a box and the track nearest to it: an arrow's head is in it.
_BEFORE_TRACKS, _AFTER_TRACKS, _STRAIGHT = 12.0, 20.0, 30.0
# Arrows into one box are so far apart, and from its corners.
_ARROWS, _CORNER = 16.0, 18.0
# Boxes of a list that stand in a column, before there is another one.
_LISTED = 8


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a box is.

    Attributes:
        width, height: the whole of it.
        left, top, right, bottom: room around what is inside of it.
    """

    width: float
    height: float
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0


@dataclasses.dataclass(frozen=True)
class PlacedBox:
    """A box with its left upper corner, and what is in it with corners of its own."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    inside: Placed | None = None


@dataclasses.dataclass(frozen=True)
class Line:
    """A line as points.

    Attributes:
        points: from its start to its end: where it turns, and where it leaves and enters a layer.
        arrow: whether it ends in a box; else at the edge of what is around it.
        source: what it comes from; lines of one source may lie on each other.
    """

    points: tuple[Point, ...]
    arrow: bool
    source: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Placed:
    """A diagram in which everything has a place.

    Attributes:
        width, height: the whole of it.
        boxes, lines: what is in it.
        entries, exits: how far from the left lines come in from above, and go out below.
    """

    width: float
    height: float
    boxes: tuple[PlacedBox, ...]
    lines: tuple[Line, ...] = ()
    entries: tuple[float, ...] = ()
    exits: tuple[float, ...] = ()


#: The size of a box; of one with something inside, the least, and the room around that.
Measure = Callable[[Box], Size]


def place(diagram: Diagram, measure: Measure) -> Placed:
    """A place for each box and each line of a diagram.

    Args:
        diagram: what is drawn.
        measure: how large a box is.
    """
    inside = [None if box.inside is None else place(box.inside, measure) for box in diagram.boxes]
    sizes = [_size(measure(box), part) for box, part in zip(diagram.boxes, inside, strict=True)]
    if not diagram.wired:
        return _listed(diagram, sizes, inside)
    return _Layout(diagram, sizes, inside).placed()


def _size(least: Size, inside: Placed | None) -> Size:
    """The size of a box around what is in it, which stands in the middle of it."""
    if inside is None:
        return least
    width = max(least.width, inside.width + least.left + least.right)
    spare = width - inside.width - least.left - least.right
    height = max(least.height, inside.height + least.top + least.bottom)
    return dataclasses.replace(least, width=width, height=height, left=least.left + spare / 2)


def _listed(diagram: Diagram, sizes: Sequence[Size], inside: Sequence[Placed | None]) -> Placed:
    """Boxes whose lines are not known, below each other."""
    count = len(sizes)
    tall = max(1, -(-count // -(-count // _LISTED)))
    gap, x, height, boxes = BESIDE / 2, 0.0, 0.0, []
    for first in range(0, count, tall):
        width, y = max(size.width for size in sizes[first : first + tall]), 0.0
        for i in range(first, min(first + tall, count)):
            boxes.append(_box(diagram.boxes[i], x, y, dataclasses.replace(sizes[i], width=width), inside[i]))
            y += sizes[i].height + gap
        x, height = x + width + gap, max(height, y - gap)
    return Placed(max(0.0, x - gap), height, tuple(boxes))


def _box(box: Box, x: float, y: float, size: Size, inside: Placed | None) -> PlacedBox:
    if inside is not None:
        inside = moved(_prolonged(inside), x + size.left, y + size.top)
    return PlacedBox(box, x, y, size.width, size.height, inside)


def _prolonged(inside: Placed) -> Placed:
    """The lines that come in and go out, up to the edges of what is around them."""
    lines = []
    for line in inside.lines:
        (x0, y0), *between, (x1, y1) = line.points
        y0 -= AROUND * (line.source[0] >= len(inside.boxes))
        y1 += AROUND * (not line.arrow)
        lines.append(dataclasses.replace(line, points=((x0, y0), *between, (x1, y1))))
    return dataclasses.replace(inside, lines=tuple(lines))


def moved(placed: Placed, x: float, y: float) -> Placed:
    """The same at another place."""
    boxes = [
        dataclasses.replace(
            box, x=box.x + x, y=box.y + y, inside=None if box.inside is None else moved(box.inside, x, y)
        )
        for box in placed.boxes
    ]
    lines = [dataclasses.replace(line, points=tuple((a + x, b + y) for a, b in line.points)) for line in placed.lines]
    ends = (tuple(a + x for a in each) for each in (placed.entries, placed.exits))
    return Placed(placed.width, placed.height, tuple(boxes), tuple(lines), *ends)


@dataclasses.dataclass(frozen=True)
class _Road:
    """A line of the diagram, from an exit of a node to an entry of another, over nodes that stand for its passing."""

    nodes: tuple[int, ...]
    out: int
    into: int


class _Layout:
    """The layout of one diagram: its boxes, then the places where lines come in and go out, then where lines pass."""

    def __init__(self, diagram: Diagram, sizes: Sequence[Size], inside: Sequence[Placed | None]) -> None:
        self.boxes, self.sizes, self.inside = diagram.boxes, list(sizes), list(inside)
        self.layers: list[list[int]] = []
        count = len(self.boxes)
        self.entries = range(count, count + len(diagram.entries))
        self.exits = range(self.entries.stop, self.entries.stop + len(diagram.exits))
        self._widen(diagram)
        edges = [(wire.start, wire.end, wire.out, wire.into) for wire in diagram.wires]
        edges += [
            (entry, box, 0, into) for entry, fed in zip(self.entries, diagram.entries, strict=True) for box, into in fed
        ]
        edges += [(box, place, out, 0) for place, (box, out) in zip(self.exits, diagram.exits, strict=True)]
        self._lay_in_layers(edges)
        self._join()
        self.layers = order = ordered(self.layers, [self._ends(link) for link in self.links])
        self.chosen = straight(order, self.links)
        gaps = [BESIDE if node < count else _PASSING for node in range(len(self.rank))]
        widths = [self._width(node) for node in range(len(self.rank))]
        self.middle = columns(order, widths, gaps, self.links, self.chosen)
        left = min([m - w / 2 for m, w in zip(self.middle, widths, strict=True)], default=0.0)
        self.middle = [m - left for m in self.middle]
        self.width = max([m + w / 2 for m, w in zip(self.middle, widths, strict=True)], default=0.0)

    def _widen(self, diagram: Diagram) -> None:
        """Make boxes as wide as the arrows that end at them need."""
        arrows = [0] * len(self.boxes)
        for wire in diagram.wires:
            arrows[wire.end] += 1
        for node, size in enumerate(self.sizes):
            needed = _CORNER + (arrows[node] - 1) * _ARROWS
            if self.inside[node] is None and size.width < needed:
                self.sizes[node] = dataclasses.replace(size, width=needed)

    # ------------------------------------------------------------------ layers
    def _lay_in_layers(self, edges: Sequence[tuple[int, int, int, int]]) -> None:
        """Give each node its layer, and each line nodes in the layers that it passes."""
        # places where lines come in have the highest numbers, but go first
        count = self.exits.stop
        number = [*range(len(self.entries), len(self.entries) + len(self.boxes)), *range(len(self.entries))]
        number += list(self.exits)
        pairs = [(number[a], number[b]) for a, b, _, _ in edges]
        first, last = [number[node] for node in self.entries], [number[node] for node in self.exits]
        by_number = ranks(count, pairs, first, last)
        self.rank = [by_number[number[node]] for node in range(count)]
        self.importance = longest_paths(count, pairs)
        self.roads = []
        for start, end, out, into in edges:
            nodes = [start]
            for rank in range(self.rank[start] + 1, self.rank[end]):
                nodes.append(len(self.rank))
                self.rank.append(rank)
            self.roads.append(_Road((*nodes, end), out, into))
        self.layers = [[] for _ in range(1 + max(self.rank, default=-1))]
        for node, rank in enumerate(self.rank):
            self.layers[rank].append(node)

    def _join(self) -> None:
        """The lines between neighbouring layers, and how much each wants to be straight."""
        self.links: list[Link] = []
        self.road_of: list[int] = []
        long = 1 + max(self.importance, default=0)
        for number, road in enumerate(self.roads):
            last = len(road.nodes) - 2
            for i, (a, b) in enumerate(itertools.pairwise(road.nodes)):
                passes = (i > 0) + (i < last)
                weight = {2: 3 * long, 1: 0, 0: long}[passes] + self.importance[number] * (passes < 2)
                start_at, end_at = self._exit(a, road.out), self._entry(b, road.into)
                self.links.append(Link(a, b, start_at, end_at, self.rank[a], weight))
                self.road_of.append(number)

    # ------------------------------------------------------------------ ends of lines
    def _width(self, node: int) -> float:
        return self.sizes[node].width if node < len(self.boxes) else 0.0

    def _exit(self, node: int, out: int) -> float:
        """How far to the right of a node's middle a line leaves."""
        part = self.inside[node] if node < len(self.boxes) else None
        if part is None or not part.exits:
            return 0.0
        return self.sizes[node].left + part.exits[out] - self.sizes[node].width / 2

    def _entry(self, node: int, into: int) -> float:
        part = self.inside[node] if node < len(self.boxes) else None
        if part is None or not part.entries:
            return 0.0
        return self.sizes[node].left + part.entries[into] - self.sizes[node].width / 2

    def _has_entries(self, node: int) -> bool:
        part = self.inside[node] if node < len(self.boxes) else None
        return node >= len(self.boxes) or (part is not None and bool(part.entries))

    def _ends(self, link: Link) -> tuple[tuple[int, float], tuple[int, float]]:
        def share(node: int, at: float) -> float:
            width = self._width(node)
            return 0.5 + (at / width if width else 0.0)

        return (link.start, share(link.start, link.start_at)), (link.end, share(link.end, link.end_at))

    def _arrivals(self) -> list[float]:
        """Where each line between layers ends: straight below where it comes from, or as near to that as its box is."""
        ends = [self.middle[link.end] + link.end_at for link in self.links]
        into: dict[tuple[int, int], list[int]] = {}
        for number, link in enumerate(self.links):
            if link.end < len(self.boxes):
                port = self.roads[self.road_of[number]].into if self._has_entries(link.end) else 0
                into.setdefault((link.end, port), []).append(number)
        for (node, _), numbers in into.items():
            numbers.sort(key=lambda i: (self._leaves(i), self.layers[self.links[i].rank].index(self.links[i].start)))
            middle, half = ends[numbers[0]], self.sizes[node].width / 2
            room = max(half - _CORNER, half * 0.6)
            apart = min(_ARROWS, 2 * room / max(1, len(numbers) - 1))
            if self._has_entries(node):  # the way goes on from the entry, so lines end as near to it as they can
                room = apart * (len(numbers) - 1) / 2
            low, high = middle - room, middle + room
            wanted = [min(max(self._leaves(i), low), high) for i in numbers]
            straight_one = next((i for i, number in enumerate(numbers) if number in self.chosen), None)
            if straight_one is None:
                found = _spread(wanted, apart, low, high)
            else:
                found = _spread_from(wanted, apart, straight_one, middle)
            for number, end in zip(numbers, found, strict=True):
                ends[number] = end
        return ends

    def _leaves(self, number: int) -> float:
        link = self.links[number]
        return self.middle[link.start] + link.start_at

    # ------------------------------------------------------------------ the whole
    def placed(self) -> Placed:
        arrivals = self._arrivals()
        heights = [max([self._height(node) for node in layer], default=0.0) for layer in self.layers]
        of_gap: list[list[int]] = [[] for _ in self.layers]
        for number, link in enumerate(self.links):
            of_gap[link.rank].append(number)
        track, tops, y = [-1] * len(self.links), [], 0.0
        bottoms = []
        for rank, height in enumerate(heights):
            tops.append(y)
            bottoms.append(y + height)
            if rank == len(heights) - 1:
                y += height
                break
            numbers = of_gap[rank]
            ways = [Way(self._leaves(i), arrivals[i], self._source(i)) for i in numbers]
            for number, found in zip(numbers, tracks(ways), strict=True):
                track[number] = found
            used = 1 + max([track[i] for i in numbers], default=-1)
            ends = rank == 0 and bool(self.entries)
            room = _BEFORE_TRACKS + (used - 1) * _TRACK + _AFTER_TRACKS if used else _STRAIGHT
            y += height + (room if not ends or used else _AFTER_TRACKS)
        corner = {
            node: (
                self.middle[node] - size.width / 2,
                tops[self.rank[node]] + (heights[self.rank[node]] - size.height) / 2,
            )
            for node, size in enumerate(self.sizes)
        }
        boxes = [_box(box, *corner[node], self.sizes[node], self.inside[node]) for node, box in enumerate(self.boxes)]
        lines, links = [], iter(range(len(self.links)))
        for road in self.roads:
            points: list[Point] = []
            for a, b in itertools.pairwise(road.nodes):
                number = next(links)
                start, end = self._leaves(number), arrivals[number]
                top = corner[a][1] + self.sizes[a].height if a < len(self.boxes) else bottoms[self.rank[a]]
                bottom = corner[b][1] if b < len(self.boxes) else tops[self.rank[b]]
                points += [(start, top), (start, bottoms[self.rank[a]])]
                if track[number] >= 0:
                    across = bottoms[self.rank[a]] + _BEFORE_TRACKS + track[number] * _TRACK
                    points += [(start, across), (end, across)]
                points += [(end, tops[self.rank[b]]), (end, bottom)]
            source = (road.nodes[0], road.out)
            lines.append(Line(_without_doubles(points), road.nodes[-1] < len(self.boxes), source))
        entries = tuple(self.middle[node] for node in self.entries)
        exits = tuple(self.middle[node] for node in self.exits)
        return Placed(self.width, y, tuple(boxes), tuple(lines), entries, exits)

    def _height(self, node: int) -> float:
        return self.sizes[node].height if node < len(self.boxes) else 0.0

    def _source(self, number: int) -> tuple[int, int]:
        link, road = self.links[number], self.roads[self.road_of[number]]
        return link.start, road.out if link.start < len(self.boxes) and self.inside[link.start] else 0


def _spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Places in order that are so far apart, near those that are wanted."""
    found: list[float] = []
    for x in wanted:
        found.append(max(x, found[-1] + apart) if found else x)
    limit = high
    for i in range(len(found) - 1, -1, -1):
        found[i] = min(found[i], limit)
        limit = found[i] - apart
    shift = min(0.0, found[0] - low) if found else 0.0
    return [x - shift for x in found]


def _spread_from(wanted: Sequence[float], apart: float, fixed: int, at: float) -> list[float]:
    """The same, where one has its place already."""
    found = [*wanted]
    found[fixed] = at
    for i in range(fixed + 1, len(found)):
        found[i] = max(wanted[i], found[i - 1] + apart)
    for i in range(fixed - 1, -1, -1):
        found[i] = min(wanted[i], found[i + 1] - apart)
    return found


def _without_doubles(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points, each once."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(kept[-1][0] - point[0]) < 0.01 and abs(kept[-1][1] - point[1]) < 0.01:
            continue
        kept.append(point)
    return tuple(kept)
