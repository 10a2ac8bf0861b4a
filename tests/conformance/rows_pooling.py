"""Rows: pooling."""

from .descriptors import Row

SHAPES = {1: (3, 7, 2), 2: (3, 6, 5, 2), 3: (3, 4, 5, 4, 2)}

ROWS = [
    row
    for rank, shape in SHAPES.items()
    for row in (
        Row(f"MaxPooling{rank}D", {}, shape),
        Row(f"MaxPooling{rank}D", {"pool_size": 3, "strides": 2, "padding": "same"}, shape, variant="same"),
        Row(f"AveragePooling{rank}D", {"pool_size": 2}, shape),
        Row(f"AveragePooling{rank}D", {"pool_size": 3, "strides": 2, "padding": "same"}, shape, variant="same"),
        Row(f"GlobalMaxPooling{rank}D", {}, shape),
        Row(f"GlobalMaxPooling{rank}D", {"keepdims": True}, shape, variant="keepdims"),
        Row(f"GlobalAveragePooling{rank}D", {}, shape),
        Row(f"GlobalAveragePooling{rank}D", {"data_format": "channels_first"}, shape, variant="first"),
    )
]
