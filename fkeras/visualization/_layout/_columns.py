"""How far to the right each node lies: main roads and long lines are straight, and nothing touches its neighbour.

Nodes that a straight line joins are one column, which moves as a whole. No two of these lines cross, so that "left of"
is an order of the columns. Each column then moves to the mean of what it is joined to, as far as its neighbours let it.

Reference: Brandes, Köpf, "Fast and Simple Horizontal Coordinate Assignment", 2001, from which the columns are.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import NamedTuple

_ROUNDS, _GIVING_WAY = 40, 4


class Link(NamedTuple):
    """A line between neighbouring layers.

    Attributes:
        start, end: the nodes.
        start_at, end_at: how far to the right of their middles it leaves and ends.
        rank: the layer that it leaves.
        weight: how much it wants to be straight; the highest go first.
    """

    start: int
    end: int
    start_at: float
    end_at: float
    rank: int
    weight: int


def straight(layers: Sequence[Sequence[int]], links: Sequence[Link]) -> set[int]:
    """The numbers of the lines that are made straight: one up and one down for each node, and none crosses another."""
    place = {node: i for layer in layers for i, node in enumerate(layer)}
    off = _off_middle(links, place)
    chosen: set[int] = set()
    has_up: set[int] = set()
    has_down: set[int] = set()
    taken: list[list[tuple[int, int]]] = [[] for _ in layers]
    for number in sorted(range(len(links)), key=lambda i: (-links[i].weight, off[i], i)):
        link = links[number]
        if link.start in has_down or link.end in has_up or off[number] % 1:
            continue
        pair, others = (place[link.start], place[link.end]), taken[link.rank]
        i = bisect.bisect(others, pair)
        if (i and others[i - 1][1] >= pair[1]) or (i < len(others) and others[i][1] <= pair[1]):
            continue
        others.insert(i, pair)
        chosen.add(number)
        has_down.add(link.start)
        has_up.add(link.end)
    return chosen


def _off_middle(links: Sequence[Link], place: dict[int, int]) -> list[float]:
    """How far each line is from the middle of those of its node that are as good; a half where two share the middle."""
    off = [0.0] * len(links)
    for side in (0, 1):
        of_node: dict[int, list[int]] = {}
        for number, link in enumerate(links):
            of_node.setdefault(_node(link, side), []).append(number)
        for numbers in of_node.values():
            most = max(links[i].weight for i in numbers)
            best = sorted(
                (i for i in numbers if links[i].weight == most), key=lambda i: place[_node(links[i], 1 - side)]
            )
            for i, number in enumerate(best):
                off[number] = max(off[number], abs(i - (len(best) - 1) / 2))
            if len(best) % 2 == 0:  # the node stands between these two, and so below none of the others
                for number in numbers:
                    off[number] = max(off[number], 0.5)
    return off


def _node(link: Link, side: int) -> int:
    return link.end if side else link.start


def columns(
    layers: Sequence[Sequence[int]],
    widths: Sequence[float],
    gaps: Sequence[float],
    links: Sequence[Link],
    chosen: set[int],
) -> list[float]:
    """The middle of each node, from left to right.

    Args:
        layers: the nodes of each layer in their order.
        widths: of each node.
        gaps: the room on each side of a node; between two it is the larger.
        links: the lines between neighbouring layers.
        chosen: the numbers of those that are straight.
    """
    head = list(range(len(widths)))
    shift = [0.0] * len(widths)
    for number, link in sorted(enumerate(links), key=lambda pair: pair[1].rank):
        if number in chosen:
            head[link.end] = head[link.start]
            shift[link.end] = shift[link.start] + link.start_at - link.end_at
    # `right[a]`: for each column to the right of a, how far its head is at least from that of a
    right: list[dict[int, float]] = [{} for _ in widths]
    left: list[dict[int, float]] = [{} for _ in widths]
    for layer in layers:
        for a, b in itertools.pairwise(layer):
            room = (widths[a] + widths[b]) / 2 + max(gaps[a], gaps[b]) + shift[a] - shift[b]
            if room > right[head[a]].get(head[b], float("-inf")):
                right[head[a]][head[b]] = left[head[b]][head[a]] = room
    order = _topological(sorted(set(head)), right)
    x = [0.0] * len(widths)
    for column in order:
        x[column] = max([x[other] + room for other, room in left[column].items()], default=0.0)
    pulls: list[list[tuple[int, float]]] = [[] for _ in widths]
    for number, link in enumerate(links):
        a, b = head[link.start], head[link.end]
        if number not in chosen and a != b:
            offset = shift[link.start] + link.start_at - shift[link.end] - link.end_at
            pulls[a].append((b, -offset))
            pulls[b].append((a, offset))
    weight = [0] * len(widths)
    for node in range(len(widths)):
        weight[head[node]] += 1
    _settle(order, x, right, pulls, weight)
    return [x[head[node]] + shift[node] for node in range(len(widths))]


def _settle(
    order: Sequence[int],
    x: list[float],
    right: Sequence[dict[int, float]],
    pulls: Sequence[Sequence[tuple[int, float]]],
    weight: Sequence[int],
) -> None:
    """Move each column towards the mean of what it is joined to; two that then are too near give way, by their weights.

    What is left of that at the end is made good exactly, from the left to the right.
    """
    rooms = [(a, b, room) for a in order for b, room in right[a].items()]
    for _ in range(_ROUNDS):
        moved = 0.0
        for column in order:
            if pulls[column]:
                wanted = sum(x[other] + offset for other, offset in pulls[column]) / len(pulls[column])
                moved = max(moved, abs(wanted - x[column]))
                x[column] += (wanted - x[column]) / 2
        for turn in range(_GIVING_WAY):
            for a, b, room in rooms if turn % 2 else reversed(rooms):
                lacking = room - (x[b] - x[a])
                if lacking > 0:
                    share = weight[b] / (weight[a] + weight[b])
                    x[a] -= lacking * share
                    x[b] += lacking * (1 - share)
        if moved < 0.1:
            break
    for column in order:
        for other, room in right[column].items():
            x[other] = max(x[other], x[column] + room)


def _topological(nodes: Sequence[int], after: Sequence[dict[int, float]]) -> list[int]:
    waiting = dict.fromkeys(nodes, 0)
    for node in nodes:
        for other in after[node]:
            waiting[other] += 1
    ready = [node for node in nodes if not waiting[node]]
    order = []
    while ready:
        node = ready.pop(0)
        order.append(node)
        for other in after[node]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return order
