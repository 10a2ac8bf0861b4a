"""Rows: Dense and EinsumDense."""

from .descriptors import Row

ROWS = [
    Row("Dense", {"units": 5}),
    Row("Dense", {"units": 5, "activation": "relu", "use_bias": False}, shapes=(3, 2, 4), variant="nobias_3d"),
    Row("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 5}),
    Row("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 5), "bias_axes": "d", "activation": "relu"},
        (3, 2, 4), variant="time"),
    Row("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 5), "bias_axes": "e"}, (3, 2, 4),
        variant="heads"),
    Row("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 5), "bias_axes": "d"}, (3, 2, 4),
        variant="bias_in_the_middle"),
    Row("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 5, "bias_axes": "y"}, (3, 2, 6, 4),
        variant="dots_left"),
    Row("EinsumDense", {"equation": "...ab,bc->...ac", "output_shape": (None, 5), "bias_axes": "c"}, (3, 2, 4),
        variant="dots_left_two"),
    Row("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 5, "bias_axes": "y"}, variant="dots_for_nothing",
        shapes=(3, 4)),
    Row("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": 5, "bias_axes": "c"}, (3, 4, 2, 6),
        variant="dots_right"),
    Row("EinsumDense", {"equation": "abc,bcd->ad", "output_shape": 5, "kernel_initializer": "he_normal"}, (3, 2, 4),
        variant="two_axes"),
]  # fmt: skip
