"""Rows: layers of several inputs."""

from .descriptors import Row

PAIR = [(3, 4), (3, 4)]
ROWS = [
    *(Row(name, {}, PAIR) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")),
    *(Row(name, {}, [(3, 2, 4), (3, 1, 4)], variant="broadcast") for name in ("Add", "Multiply", "Maximum")),
    Row("Concatenate", {"axis": 1}, [(3, 2, 4), (3, 5, 4)], variant="axis1"),
    Row("Dot", {"axes": 1}, PAIR),
    Row("Dot", {"axes": (2, 2), "normalize": True}, [(3, 2, 4), (3, 5, 4)], variant="cosine"),
]
