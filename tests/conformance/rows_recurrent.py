"""Rows: recurrent layers."""

from .descriptors import Row

SHAPE = (3, 5, 2)
ROWS = [
    row
    for name in ("LSTM", "GRU")
    for row in (
        Row(name, {"units": 4}, SHAPE),
        Row(name, {"units": 4, "return_sequences": True, "go_backwards": True}, SHAPE, variant="backwards"),
        Row(name, {"units": 4, "return_state": True, "use_bias": False}, SHAPE, variant="state"),
        Row(name, {"units": 4, "activation": "relu", "unroll": True}, SHAPE, variant="unrolled"),
    )
] + [
    Row("LSTM", {"units": 4, "unit_forget_bias": False}, SHAPE, variant="plain_bias"),
    Row("GRU", {"units": 4, "reset_after": False}, SHAPE, variant="reset_before"),
]
