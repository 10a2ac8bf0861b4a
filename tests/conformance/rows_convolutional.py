"""Rows: convolutions."""

from .descriptors import Row

LINE, IMAGE, VOLUME = (3, 7, 2), (3, 6, 5, 2), (3, 4, 4, 3, 2)
FIRST = {"data_format": "channels_first"}
SAME = {"padding": "same", "strides": 2}
PENALTIES = {"kernel_regularizer": "l2", "bias_regularizer": "l2", "activity_regularizer": "l2"}

PLAIN = [
    Row("Conv1D", {"filters": 4, "kernel_size": 3}, shapes=LINE),
    Row("Conv1D", {"filters": 4, "kernel_size": 2, "padding": "causal", "dilation_rate": 2}, LINE, variant="causal"),
    Row("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", **FIRST}, (3, 2, 7), variant="causal_first"),
    Row("Conv1D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, (3, 2, 7), variant="first"),
    Row("Conv2D", {"filters": 4, "kernel_size": 3}, IMAGE),
    Row("Conv2D", {"filters": 4, "kernel_size": (3, 2), **SAME}, IMAGE, variant="same"),
    Row("Conv2D", {"filters": 4, "kernel_size": 2, "groups": 2, "activation": "relu"}, IMAGE, variant="groups"),
    Row("Conv2D", {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}, IMAGE, variant="dilated"),
    Row("Conv2D", {"filters": 2, "kernel_size": 2, **PENALTIES}, IMAGE, variant="penalties"),
    Row("Conv3D", {"filters": 2, "kernel_size": 2}, VOLUME),
    Row("Conv3D", {"filters": 2, "kernel_size": 2, **SAME}, VOLUME, variant="same"),
    Row("Conv3D", {"filters": 4, "kernel_size": 2, "groups": 2, **FIRST}, (3, 2, 4, 4, 3), variant="groups_first"),
]  # fmt: skip

TRANSPOSED = [
    row
    for rank, shape in ((1, LINE), (2, IMAGE), (3, VOLUME))
    for row in (
        Row(f"Conv{rank}DTranspose", {"filters": 3, "kernel_size": 3}, shape),
        Row(f"Conv{rank}DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3}, shape, variant="gaps"),
        Row(f"Conv{rank}DTranspose", {"filters": 3, "kernel_size": 4, **SAME}, shape, variant="same"),
        Row(f"Conv{rank}DTranspose", {"filters": 3, "kernel_size": 3, "output_padding": 1, **SAME}, shape,
            variant="same_output_padding"),
        Row(f"Conv{rank}DTranspose", {"filters": 3, "kernel_size": 4, "output_padding": 0, **SAME}, shape,
            variant="same_output_padding_0"),
        Row(f"Conv{rank}DTranspose", {"filters": 3, "kernel_size": 2, "strides": 2, "output_padding": 1}, shape,
            variant="valid_output_padding"),
        Row(f"Conv{rank}DTranspose", {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}, shape,
            variant="dilated"),
        Row(f"Conv{rank}DTranspose", {"filters": 3, "kernel_size": 3, "activation": "relu", **SAME, **FIRST},
            (shape[0], shape[-1], *shape[1:-1]), variant="first"),
    )
]  # fmt: skip

BY_CHANNEL = [
    row
    for rank, shape in ((1, LINE), (2, IMAGE))
    for row in (
        Row(f"DepthwiseConv{rank}D", {"kernel_size": 3}, shape),
        Row(f"DepthwiseConv{rank}D", {"kernel_size": 2, "depth_multiplier": 3, **SAME}, shape, variant="multiplied"),
        Row(f"DepthwiseConv{rank}D", {"kernel_size": 2, "dilation_rate": 2, "use_bias": False, **FIRST},
            (shape[0], shape[-1], *shape[1:-1]), variant="first"),
        Row(f"SeparableConv{rank}D", {"filters": 4, "kernel_size": 3}, shape),
        Row(f"SeparableConv{rank}D", {"filters": 4, "kernel_size": 2, "depth_multiplier": 3, **SAME}, shape,
            variant="multiplied"),
        Row(f"SeparableConv{rank}D", {"filters": 4, "kernel_size": 2, "padding": "same", "dilation_rate": 2}, shape,
            variant="dilated"),
        Row(f"SeparableConv{rank}D", {"filters": 4, "kernel_size": 3, "activation": "relu", "use_bias": False, **FIRST},
            (shape[0], shape[-1], *shape[1:-1]), variant="first"),
    )
]  # fmt: skip

ROWS = PLAIN + TRANSPOSED + BY_CHANNEL
