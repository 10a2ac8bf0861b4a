"""Rows: layers that move numbers."""

from .descriptors import Row

LINE, IMAGE, VOLUME = (3, 6, 2), (3, 4, 5, 2), (3, 4, 5, 6, 2)
FIRST = {"data_format": "channels_first"}

ROWS = [
    Row("Flatten", {}, (3, 2, 4, 5)),
    Row("Flatten", {**FIRST}, (3, 2, 4, 5), variant="first"),
    Row("Reshape", {"target_shape": (4, -1)}, (3, 2, 6)),
    Row("Permute", {"dims": (2, 1)}, (3, 2, 6)),
    Row("RepeatVector", {"n": 3}, (3, 4)),
    Row("ZeroPadding1D", {}, LINE),
    Row("ZeroPadding1D", {"padding": (0, 2)}, LINE, variant="asymmetric"),
    Row("ZeroPadding1D", {"padding": 2, **FIRST}, LINE, variant="first"),
    Row("ZeroPadding2D", {}, IMAGE),
    Row("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}, IMAGE, variant="asymmetric"),
    Row("ZeroPadding2D", {"padding": (1, 2), **FIRST}, IMAGE, variant="first"),
    Row("ZeroPadding3D", {}, VOLUME),
    Row("ZeroPadding3D", {"padding": ((1, 0), (2, 3), (0, 0))}, VOLUME, variant="asymmetric"),
    Row("ZeroPadding3D", {"padding": (1, 2, 0), **FIRST}, VOLUME, variant="first"),
    Row("Cropping1D", {}, LINE),
    Row("Cropping1D", {"cropping": (0, 2)}, LINE, variant="asymmetric"),
    Row("Cropping1D", {"cropping": 2}, LINE, variant="number"),
    Row("Cropping2D", {}, IMAGE),
    Row("Cropping2D", {"cropping": ((1, 0), (0, 3))}, IMAGE, variant="asymmetric"),
    Row("Cropping2D", {"cropping": (2, 0), **FIRST}, (3, 2, 5, 4), variant="first"),
    Row("Cropping3D", {}, VOLUME),
    Row("Cropping3D", {"cropping": ((1, 0), (0, 3), (2, 2))}, VOLUME, variant="asymmetric"),
    Row("Cropping3D", {"cropping": (1, 0, 2), **FIRST}, (3, 2, 4, 3, 5), variant="first"),
    Row("UpSampling1D", {}, LINE),
    Row("UpSampling1D", {"size": 3}, LINE, variant="three"),
    Row("UpSampling2D", {}, IMAGE),
    Row("UpSampling2D", {"size": (2, 3), **FIRST}, IMAGE, variant="first"),
    *(
        Row("UpSampling2D", {"size": (2, 3), "interpolation": kind}, IMAGE, variant=kind)
        for kind in ("bilinear", "bicubic", "lanczos3", "lanczos5")
    ),
    Row("UpSampling2D", {"interpolation": "bilinear", **FIRST}, IMAGE, variant="bilinear_first"),
    Row("UpSampling3D", {}, VOLUME),
    Row("UpSampling3D", {"size": (1, 2, 3), **FIRST}, VOLUME, variant="first"),
]  # fmt: skip
