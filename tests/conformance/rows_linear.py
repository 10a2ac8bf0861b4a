"""Rows: Dense."""

from .descriptors import Row

ROWS = [
    Row("Dense", {"units": 5}),
    Row("Dense", {"units": 5, "activation": "relu", "use_bias": False}, shapes=(3, 2, 4), variant="nobias_3d"),
]
