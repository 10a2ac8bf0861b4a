"""Rows: image preprocessing."""

from .descriptors import Row

ROWS = [
    Row("Rescaling", {"scale": 0.5, "offset": -1.0}, (3, 4, 5, 2)),
    Row("RandomCrop", {"height": 3, "width": 2, "seed": 1}, (3, 5, 4, 2), random=True),
]
