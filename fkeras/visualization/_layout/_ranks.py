"""Which layer of the picture each box lies in: a line always runs to a later layer."""

from __future__ import annotations

from collections.abc import Sequence

Edge = tuple[int, int]


def ranks(count: int, edges: Sequence[Edge], first: Sequence[int] = (), last: Sequence[int] = ()) -> list[int]:
    """The layer of each node: as early as what feeds it allows, but for what nothing feeds, which lies before its use.

    Args:
        count: how many nodes there are; each edge goes from a lower number to a higher one.
        edges: the edges.
        first: nodes that lie in a layer before all others.
        last: nodes that lie in a layer after all others.

    >>> ranks(5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    [0, 1, 2, 2, 3]
    """
    after: list[list[int]] = [[] for _ in range(count)]
    before: list[list[int]] = [[] for _ in range(count)]
    for start, end in edges:
        after[start].append(end)
        before[end].append(start)
    start_rank = 1 if first else 0
    rank = [start_rank] * count
    for node in first:
        rank[node] = 0
    for node in range(count):
        if node not in first:
            rank[node] = max([start_rank, *(rank[other] + 1 for other in before[node])])
    for node in reversed(range(count)):
        if not before[node] and after[node] and node not in first:
            rank[node] = max(rank[node], min(rank[other] for other in after[node]) - 1)
    if last:
        end_rank = 1 + max([rank[node] for node in range(count) if node not in last], default=0)
        for node in last:
            rank[node] = end_rank
    return rank


def longest_paths(count: int, edges: Sequence[Edge]) -> list[int]:
    """For each edge, how many edges the longest way through it has: the main road has the longest.

    >>> longest_paths(4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    [3, 3, 3, 1]
    """
    down, up = [0] * count, [0] * count
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        down[end] = max(down[end], down[start] + 1)
    for start, end in sorted(edges, key=lambda edge: -edge[0]):
        up[start] = max(up[start], up[end] + 1)
    return [down[start] + 1 + up[end] for start, end in edges]
