"""Rows: normalisation."""

import numpy as np

from .descriptors import Row

LARGE = "float32 moments of numbers around 1 differ by an ulp in the order of their sums"
MASK = np.array([[1, 1, 0, 1]], bool)  # for any batch
CLIPS = {"rmin": 0.5, "rmax": 1.5, "dmax": 0.2}
ROWS = [
    Row("BatchNormalization", {}, (3, 4)),
    Row("BatchNormalization", {"momentum": 0.5}, (3, 4, 5, 2), variant="image", why=LARGE),
    Row("BatchNormalization", {"axis": 1, "scale": False}, (3, 4, 5), variant="axis1"),
    Row("BatchNormalization", {"center": False, "scale": False, "momentum": 1, "epsilon": 1}, (3, 4), variant="plain"),
    Row("BatchNormalization", {"trainable": False}, (3, 4), variant="frozen"),
    Row("BatchNormalization", {}, (3, 4, 2), call_kwargs={"mask": MASK}, variant="mask"),
    Row("BatchNormalization", {"renorm": True}, (3, 4), variant="renorm"),
    Row("BatchNormalization", {"renorm": True, "renorm_clipping": CLIPS, "renorm_momentum": 0.8, "momentum": 0.7},
        (3, 4, 2), call_kwargs={"mask": MASK}, variant="renorm_clipped"),
    Row("BatchNormalization", {"renorm": True, "scale": False, "center": False, "renorm_clipping": {"dmax": 0.1}},
        (3, 4, 5, 2), variant="renorm_plain"),
    Row("LayerNormalization", {}, (3, 4)),
    Row("LayerNormalization", {"axis": (1, 2), "epsilon": 1e-5, "center": False}, (3, 4, 5), variant="axes"),
    Row("LayerNormalization", {"axis": [-1, 1], "scale": False}, (3, 4, 5, 2), variant="mixed_axes"),
    Row("LayerNormalization", {"axis": 1}, (3, 4, 5), variant="axis1"),
    Row("RMSNormalization", {}, (3, 4)),
    Row("RMSNormalization", {"axis": (1, 2), "epsilon": 1e-3}, (3, 4, 5), variant="axes"),
    Row("GroupNormalization", {"groups": 2}, (3, 5, 6)),
    Row("GroupNormalization", {"groups": -1, "epsilon": 1e-2}, (3, 4, 5, 3), variant="instance"),
    Row("GroupNormalization", {"groups": 1, "scale": False}, (3, 4, 5, 3), variant="one"),
    Row("GroupNormalization", {"groups": 3, "axis": 1, "center": False}, (3, 6, 4, 5), variant="axis1"),
    Row("GroupNormalization", {"groups": 2, "axis": -2}, (3, 5, 6, 2), variant="axis_2"),
    Row("UnitNormalization", {}, (3, 4)),
    Row("UnitNormalization", {"axis": (1, 2)}, (3, 4, 5), variant="axes"),
    Row("UnitNormalization", {"axis": 1}, (3, 4, 5), variant="axis1"),
]  # fmt: skip
