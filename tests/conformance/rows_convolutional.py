"""Rows: convolutions."""

from .descriptors import Row

ROWS = [
    Row("Conv1D", {"filters": 4, "kernel_size": 3}, shapes=(3, 7, 2)),
    Row(
        "Conv1D", {"filters": 4, "kernel_size": 2, "padding": "causal", "dilation_rate": 2}, (3, 7, 2), variant="causal"
    ),
    Row("Conv1D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, (3, 2, 7), variant="first"),
    Row("Conv2D", {"filters": 4, "kernel_size": 3}, (3, 6, 5, 2)),
    Row("Conv2D", {"filters": 4, "kernel_size": (3, 2), "strides": 2, "padding": "same"}, (3, 6, 5, 2), variant="same"),
    Row("Conv2D", {"filters": 4, "kernel_size": 2, "groups": 2, "activation": "relu"}, (3, 6, 5, 2), variant="groups"),
    Row(
        "Conv2D",
        {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False},
        (3, 6, 5, 2),
        variant="dilated",
    ),
    Row("Conv3D", {"filters": 2, "kernel_size": 2}, (3, 4, 4, 3, 2)),
    Row("Conv3D", {"filters": 2, "kernel_size": 2, "padding": "same", "strides": 2}, (3, 4, 4, 3, 2), variant="same"),
]
