"""Rows: layers that move numbers."""

from .descriptors import Row

ROWS = [
    Row("Flatten", {}, (3, 2, 4, 5)),
    Row("Flatten", {"data_format": "channels_first"}, (3, 2, 4, 5), variant="first"),
    Row("Reshape", {"target_shape": (4, -1)}, (3, 2, 6)),
    Row("Permute", {"dims": (2, 1)}, (3, 2, 6)),
    Row("RepeatVector", {"n": 3}, (3, 4)),
    Row("ZeroPadding2D", {}, (3, 4, 5, 2)),
    Row("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}, (3, 4, 5, 2), variant="asymmetric"),
    Row("UpSampling2D", {}, (3, 4, 5, 2)),
    Row("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, (3, 4, 5, 2), variant="bilinear"),
]
