"""Equal blocks in a row become one block that says how often it stands there.

A block is some boxes one after another. Blocks are equal when their boxes are, names apart, with the same lines between
them, when each takes what the one before it hands on, and when nothing else leaves any but the last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ._diagram import Box, Diagram, Wire

# A block has at most so many boxes.
_LONGEST = 160
# Blocks fold from three on; two of them do when each has so many boxes.
_LONG_BLOCK = 4


class _Run(NamedTuple):
    """Equal blocks in a row: where they begin, how long each is, how many there are, and which box hands on."""

    first: int
    length: int
    times: int
    last: int  # of the block's boxes
    given: int  # what feeds the first block, of the diagram's boxes; -1 for what comes in from outside


def folded(diagram: Diagram) -> Diagram:
    """The diagram with equal blocks in a row as one box each."""
    runs = _runs(diagram)
    if not runs:
        return diagram
    number: dict[int, int] = {}
    boxes: list[Box] = []
    begins = {run.first: run for run in runs}
    of_box: dict[int, _Run] = {}
    i = 0
    while i < len(diagram.boxes):
        run = begins.get(i)
        span = run.length * run.times if run else 1
        for j in range(i, i + span):
            number[j] = len(boxes)
            if run:
                of_box[j] = run
        boxes.append(_block(diagram, run) if run else diagram.boxes[i])
        i += span
    ports = {run.first: _sources(diagram, run) for run in runs}
    wires: dict[Wire, None] = {}
    for wire in diagram.wires:
        start, end = number[wire.start], number[wire.end]
        if start == end:
            continue
        before, run = of_box.get(wire.start), of_box.get(wire.end)
        out = wire.out if before is None or before.length == 1 else 0
        into = wire.into if run is None or run.length == 1 else ports[run.first].index((wire.start, wire.out))
        wires[Wire(start, end, out, into)] = None
    entries = []
    for entry, fed in enumerate(diagram.entries):
        found: dict[tuple[int, int], None] = {}
        for box, into in fed:
            run = of_box.get(box)
            port = into if run is None or run.length == 1 else ports[run.first].index((-1 - entry, 0))
            found[number[box], port] = None
        entries.append(tuple(found))
    exits = tuple((number[box], 0 if box in of_box and of_box[box].length > 1 else out) for box, out in diagram.exits)
    return Diagram(tuple(boxes), tuple(wires), tuple(entries), exits)


def _sources(diagram: Diagram, run: _Run) -> list[tuple[int, int]]:
    """What feeds the first block from outside, in the order of the block's entries."""
    inside = range(run.first, run.first + run.length)
    found: dict[tuple[int, int], None] = {}
    for wire in diagram.wires:
        if wire.end in inside and wire.start not in inside:
            found[wire.start, wire.out] = None
    for entry, fed in enumerate(diagram.entries):
        if any(box in inside for box, _ in fed):
            found[-1 - entry, 0] = None
    return list(found)


def _block(diagram: Diagram, run: _Run) -> Box:
    """The box of a run."""
    members = range(run.first, run.first + run.length)
    first = diagram.boxes[run.first]
    if run.length == 1:
        last = diagram.boxes[run.first + run.times - 1]
        name = f"{first.name} … {last.name}" if first.name else ""
        return dataclasses.replace(first, times=run.times, name=name)
    wires = tuple(
        dataclasses.replace(wire, start=wire.start - run.first, end=wire.end - run.first)
        for wire in diagram.wires
        if wire.start in members and wire.end in members
    )
    entries = []
    for source in _sources(diagram, run):
        if source[0] >= 0:
            fed = [
                (w.end - run.first, w.into) for w in diagram.wires if (w.start, w.out) == source and w.end in members
            ]
        else:
            fed = [(box - run.first, into) for box, into in diagram.entries[-1 - source[0]] if box in members]
        entries.append(tuple(dict.fromkeys(fed)))
    inside = Diagram(tuple(diagram.boxes[i] for i in members), wires, tuple(entries), ((run.last, 0),))
    return Box(
        kind="Block",
        family="run",
        lines=("the names are those of the first",) if first.name else (),
        times=run.times,
        inside=folded(inside),
    )


# ------------------------------------------------------------------ finding them
def _runs(diagram: Diagram) -> list[_Run]:
    """The runs of a diagram from its start to its end, of which no two share a box."""
    boxes = diagram.boxes
    fed = _fed_by(diagram)
    used_by: dict[int, set[int]] = {}
    for end, sources in fed.items():
        for start, _, _ in sources:
            used_by.setdefault(start, set()).add(end)
    leaves = {box for box, _ in diagram.exits}
    classes: dict[object, int] = {}
    kind = [classes.setdefault(box.alike, len(classes)) for box in boxes]
    runs, i = [], 0
    while i < len(boxes):
        best: _Run | None = None
        for length in range(1, min(_LONGEST, (len(boxes) - i) // 2) + 1):
            if kind[i] != kind[i + length] or kind[i : i + length] != kind[i + length : i + 2 * length]:
                continue
            run = _run(i, length, kind, fed, used_by, leaves)
            if run and (best is None or run.length * run.times > best.length * best.times):
                best = run
        if best:
            runs.append(best)
        i += best.length * best.times if best else 1
    return runs


Fed = Mapping[int, Sequence[tuple[int, int, int]]]


def _fed_by(diagram: Diagram) -> dict[int, list[tuple[int, int, int]]]:
    """What feeds each box: the box before it, or -1 less the number of an entry; its exit; the entry of the box."""
    fed: dict[int, list[tuple[int, int, int]]] = {i: [] for i in range(len(diagram.boxes))}
    for wire in diagram.wires:
        fed[wire.end].append((wire.start, wire.out, wire.into))
    for entry, boxes in enumerate(diagram.entries):
        for box, into in boxes:
            fed[box].append((-1 - entry, 0, into))
    return fed


def _run(
    first: int,
    length: int,
    kind: Sequence[int],
    fed: Fed,
    used_by: Mapping[int, set[int]],
    leaves: set[int],
) -> _Run | None:
    """The longest run of blocks of a length that begins at a box."""
    for last in range(length - 1, -1, -1):  # which of its boxes hands on
        for given in dict.fromkeys(start for start, _, _ in _outer(first, length, fed)):
            times = 1
            while _is_next(first, length, times, last, given, kind, fed):
                times += 1
            while times > 1 and not _keeps_to_itself(first, length, times, last, used_by, leaves):
                times -= 1
            if times > 2 or (times == 2 and length >= _LONG_BLOCK):
                return _Run(first, length, times, last, given)
    return None


def _outer(first: int, length: int, fed: Fed) -> list[tuple[int, int, int]]:
    return [source for box in range(first, first + length) for source in fed[box] if source[0] < first]


def _is_next(first: int, length: int, block: int, last: int, given: int, kind: Sequence[int], fed: Fed) -> bool:
    """Whether the block of this number is like the first, and takes what the one before it hands on."""
    begin = first + block * length
    if begin + length > len(kind):
        return False
    for offset in range(length):
        a, b = first + offset, begin + offset
        if kind[a] != kind[b] or len(fed[a]) != len(fed[b]):
            return False
        for (start, out, into), (other, other_out, other_into) in zip(fed[a], fed[b], strict=True):
            if into != other_into:
                return False
            if start >= first:
                if other != start + block * length or other_out != out:
                    return False
            elif start == given:
                if other != begin - length + last:
                    return False
            elif (other, other_out) != (start, out):
                return False
    return True


def _keeps_to_itself(
    first: int, length: int, times: int, last: int, used_by: Mapping[int, set[int]], leaves: set[int]
) -> bool:
    """Whether from each block only one box is used outside of it, by the next block alone but for the last block."""
    for block in range(times):
        begin = first + block * length
        for offset in range(length):
            box = begin + offset
            outside = {user for user in used_by.get(box, ()) if not begin <= user < begin + length}
            if offset != last:
                if outside or box in leaves:
                    return False
            elif block < times - 1 and (box in leaves or not outside <= set(range(begin + length, begin + 2 * length))):
                return False
    return True
