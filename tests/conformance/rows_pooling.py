"""Rows: pooling."""

from .descriptors import Row

SHAPES = {1: (3, 7, 2), 2: (3, 6, 5, 2), 3: (3, 4, 5, 4, 2)}
FIRST = {"data_format": "channels_first"}

ROWS = [
    row
    for rank, shape in SHAPES.items()
    for row in (
        Row(f"MaxPooling{rank}D", {}, shape),
        Row(f"MaxPooling{rank}D", {"pool_size": 3, "strides": 2, "padding": "same"}, shape, variant="same"),
        Row(f"MaxPooling{rank}D", {"pool_size": 2, "strides": 3, "padding": "same", **FIRST}, shape, variant="first"),
        Row(f"AveragePooling{rank}D", {"pool_size": 2}, shape),
        Row(f"AveragePooling{rank}D", {"pool_size": 3, "strides": 2, "padding": "same"}, shape, variant="same"),
        Row(f"AveragePooling{rank}D", {"pool_size": 2, "strides": 1, **FIRST}, (*shape[:-1], 4), variant="first"),
        Row(f"GlobalMaxPooling{rank}D", {}, shape),
        Row(f"GlobalMaxPooling{rank}D", {"keepdims": True}, shape, variant="keepdims"),
        Row(f"GlobalMaxPooling{rank}D", {**FIRST}, shape, variant="first"),
        Row(f"GlobalAveragePooling{rank}D", {}, shape),
        Row(f"GlobalAveragePooling{rank}D", {**FIRST}, shape, variant="first"),
        Row(f"GlobalAveragePooling{rank}D", {"keepdims": True, **FIRST}, shape, variant="keepdims_first"),
    )
] + [
    row
    for rank, shape in SHAPES.items()
    for kind in ("Average", "Max")
    for row in (
        Row(f"Adaptive{kind}Pooling{rank}D", {"output_size": 3}, shape),
        Row(f"Adaptive{kind}Pooling{rank}D", {"output_size": (4, 1, 6)[:rank]}, shape, variant="sizes"),
        Row(f"Adaptive{kind}Pooling{rank}D", {"output_size": 2, **FIRST}, (3, *shape[1:-1], 5), variant="first"),
    )
]
