"""What is wrong with a placed diagram: boxes on boxes, lines through boxes, lines that cross."""

from __future__ import annotations

import itertools


def flat(placed, sources=()):
    """All boxes and lines of a diagram, those inside of others too."""
    boxes, lines = list(placed.boxes), [(line, (*sources, line.source)) for line in placed.lines]
    for i, box in enumerate(placed.boxes):
        if box.inside is not None:
            inner = flat(box.inside, (*sources, i))
            boxes += inner[0]
            lines += inner[1]
    return boxes, lines


def overlaps(placed):
    """Pairs of boxes that share room without one being in the other."""
    found = []
    for boxes in _levels(placed):
        for a, b in itertools.combinations(boxes, 2):
            if a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height:
                found.append((a.box.kind, b.box.kind))
    for box in flat(placed)[0]:
        if box.inside is not None:
            found += [
                (box.box.kind, sub.box.kind)
                for sub in box.inside.boxes
                if not (
                    box.x <= sub.x
                    and box.y <= sub.y
                    and sub.x + sub.width <= box.x + box.width + 0.01
                    and sub.y + sub.height <= box.y + box.height + 0.01
                )
            ]
    return found


def _levels(placed):
    yield placed.boxes
    for box in placed.boxes:
        if box.inside is not None:
            yield from _levels(box.inside)


def segments(line):
    return list(itertools.pairwise(line.points))


def lines_through_boxes(placed):
    """Lines that run through a box that has nothing inside; ends at its edge are none."""
    boxes, lines = flat(placed)
    found = []
    for box in boxes:
        if box.inside is not None:
            continue
        left, right = box.x + 0.1, box.x + box.width - 0.1
        top, bottom = box.y + 0.1, box.y + box.height - 0.1
        for line, _ in lines:
            for (x0, y0), (x1, y1) in segments(line):
                if min(x0, x1) < right and max(x0, x1) > left and min(y0, y1) < bottom and max(y0, y1) > top:
                    found.append((box.box.kind, line.points))
    return found


def crossings(placed):
    """Pairs of lines that meet; lines of one source may begin together."""
    _, lines = flat(placed)
    found = []
    spans = [_span(line.points) for line, _ in lines]
    for (i, (a, sa)), (j, (b, sb)) in itertools.combinations(enumerate(lines), 2):
        (l1, t1, r1, b1), (l2, t2, r2, b2) = spans[i], spans[j]
        if l1 > r2 or l2 > r1 or t1 > b2 or t2 > b1:
            continue
        together = sa == sb
        for p, q in itertools.product(segments(a), segments(b)):
            if _meet(p, q, together):
                found.append((a.points, b.points))
                break
    return found


def _span(points):
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _meet(p, q, together):
    """Whether two pieces, each along an axis, meet; of one source they may lie on each other, and part at a corner."""
    down_p, down_q = abs(p[0][0] - p[1][0]) < 0.01, abs(q[0][0] - q[1][0]) < 0.01
    (l1, t1, r1, b1), (l2, t2, r2, b2) = _span(p), _span(q)
    if down_p == down_q:
        if together:
            return False
        return (
            (abs(l1 - l2) < 0.5 and min(b1, b2) - max(t1, t2) > 0.01)
            if down_p
            else (abs(t1 - t2) < 0.5 and min(r1, r2) - max(l1, l2) > 0.01)
        )
    (x, top, bottom), (y, left, right) = ((l1, t1, b1), (t2, l2, r2)) if down_p else ((l2, t2, b2), (t1, l1, r1))
    inside = left + 0.01 < x < right - 0.01 and top + 0.01 < y < bottom - 0.01
    touching = left - 0.01 < x < right + 0.01 and top - 0.01 < y < bottom + 0.01
    return inside if together else touching
