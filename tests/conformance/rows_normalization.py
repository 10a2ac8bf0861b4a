"""Rows: normalisation."""

from .descriptors import Row

LARGE = "float32 moments of numbers around 1 differ by an ulp in the order of their sums"
ROWS = [
    Row("BatchNormalization", {}, (3, 4)),
    Row("BatchNormalization", {"momentum": 0.5}, (3, 4, 5, 2), variant="image", why=LARGE),
    Row("BatchNormalization", {"axis": 1, "scale": False}, (3, 4, 5), variant="axis1"),
    Row("BatchNormalization", {"trainable": False}, (3, 4), variant="frozen"),
    Row("LayerNormalization", {}, (3, 4)),
    Row("LayerNormalization", {"axis": (1, 2), "epsilon": 1e-5, "center": False}, (3, 4, 5), variant="axes"),
]
