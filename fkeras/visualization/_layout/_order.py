"""In which order the nodes of a layer stand from left to right, so that few lines cross.

Sweeps down and up set each node at the mean of its neighbours in the layer before (the barycentre), then neighbours
change places where that helps; the best order that was met is kept.

Reference: Sugiyama, Tagawa, Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

#: An end of a line: the node, and how far from its left to its right it leaves, from 0 to 1.
End = tuple[int, float]
Link = tuple[End, End]
_SWEEPS = 24


def ordered(layers: Sequence[Sequence[int]], links: Sequence[Link]) -> list[list[int]]:
    """The layers with their nodes in an order with few crossings.

    Args:
        layers: the nodes of each layer.
        links: the lines between neighbouring layers.

    >>> ordered([[0, 1], [2, 3]], [((0, 0.5), (3, 0.5)), ((1, 0.5), (2, 0.5))])
    [[0, 1], [3, 2]]
    """
    best = [list(layer) for layer in layers]
    place = [0] * (1 + max([node for layer in layers for node in layer], default=0))
    rank = list(place)
    for number, layer in enumerate(best):
        for i, node in enumerate(layer):
            place[node], rank[node] = i, number
    below: list[list[Link]] = [[] for _ in layers]
    ups: list[list[Link]] = [[] for _ in place]
    downs: list[list[Link]] = [[] for _ in place]
    for link in links:
        below[rank[link[0][0]]].append(link)
        downs[link[0][0]].append(link)
        ups[link[1][0]].append(link)

    def at(end: End) -> float:
        return place[end[0]] + end[1]

    def total() -> int:
        return sum(_crossings([(at(a), at(b)) for a, b in each]) for each in below)

    fewest, current = total(), [list(layer) for layer in best]
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        numbers = range(1, len(current)) if down else range(len(current) - 2, -1, -1)
        for number in numbers:
            _set_by_means(current[number], place, ups if down else downs, at, down, sweep % 4 > 1)
        for layer in current:
            _swap_neighbours(layer, place, ups, downs, at)
        found = total()
        if found < fewest:
            fewest, best = found, [list(layer) for layer in current]
    return best


def _set_by_means(
    layer: list[int],
    place: list[int],
    links: Sequence[Sequence[Link]],
    at: Callable[[End], float],
    down: bool,
    last_first: bool,
) -> None:
    """Sort a layer by the means of its neighbours; where those are equal, in the order it has or the reverse."""
    means: dict[int, float] = {}
    for node in layer:
        # a node's own ports stand for where on it the lines end, so that its parts pull it to their side
        ends = [at(a) - b[1] if down else at(b) - a[1] for a, b in links[node]]
        means[node] = sum(ends) / len(ends) if ends else float(place[node])
    sign = -1 if last_first else 1
    layer.sort(key=lambda node: (round(means[node], 6), sign * place[node]))
    for i, node in enumerate(layer):
        place[node] = i


def _swap_neighbours(
    layer: list[int],
    place: list[int],
    ups: Sequence[Sequence[Link]],
    downs: Sequence[Sequence[Link]],
    at: Callable[[End], float],
) -> None:
    better = True
    while better:
        better = False
        for i in range(len(layer) - 1):
            left, right = layer[i], layer[i + 1]
            gain = 0
            for links, side in ((ups, 0), (downs, 1)):
                here = sorted(at(link[side]) for link in links[left])
                there = sorted(at(link[side]) for link in links[right])
                gain += _pairs(here, there) - _pairs(there, here)
            if gain > 0:
                layer[i], layer[i + 1] = right, left
                place[left], place[right] = i + 1, i
                better = True


def _pairs(left: Sequence[float], right: Sequence[float]) -> int:
    """How many lines of the left one cross lines of the right one."""
    return sum(a > b for a in left for b in right)


def _crossings(lines: list[tuple[float, float]]) -> int:
    """How many pairs of lines between two layers cross: inversions, counted by merging."""
    lines.sort()
    return _inversions([end for _, end in lines])[1]


def _inversions(values: list[float]) -> tuple[list[float], int]:
    if len(values) < 2:
        return values, 0
    middle = len(values) // 2
    left, count = _inversions(values[:middle])
    right, more = _inversions(values[middle:])
    count += more
    merged: list[float] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
            count += len(left) - i
    return merged + left[i:] + right[j:], count
