"""Rows: activations as layers."""

from .descriptors import Row

ROWS = [
    Row("Activation", {"activation": "gelu"}),
    Row("ReLU", {}),
    Row("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, variant="bounded"),
    Row("Softmax", {}),
    Row("Softmax", {"axis": (1, 2)}, (3, 2, 4), variant="axes"),
]
