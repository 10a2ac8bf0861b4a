"""Rows: layers that are random in training."""

from .descriptors import Row

ROWS = [
    Row("Dropout", {"rate": 0.4}, random=True),
    Row("Dropout", {"rate": 0.0}, variant="zero"),
    Row("Dropout", {"rate": 0.4, "noise_shape": (None, 1), "seed": 3}, random=True, variant="noise_shape"),
]
