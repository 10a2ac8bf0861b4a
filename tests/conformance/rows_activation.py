"""Rows: activations as layers."""

import numpy as np

from .descriptors import Row

MASK = np.array([[True, False, True, True]])  # for any batch
ROWS = [
    Row("Activation", {"activation": "gelu"}),
    Row("ReLU", {}),
    Row("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, variant="bounded"),
    Row("ELU", {}),
    Row("ELU", {"alpha": 0.3}, (3, 2, 4), variant="alpha"),
    Row("LeakyReLU", {}),
    Row("LeakyReLU", {"negative_slope": 0.1}, (3, 2, 4), variant="slope"),
    Row("PReLU", {}, (3, 5, 4)),
    Row("PReLU", {"shared_axes": (1, 2), "alpha_initializer": "ones", "alpha_regularizer": "l2"}, (3, 5, 4, 2),
        variant="shared"),
    Row("PReLU", {"shared_axes": 1}, (3, 5, 4), variant="shared_one"),
    Row("Softmax", {}),
    Row("Softmax", {"axis": (1, 2)}, (3, 2, 4), variant="axes"),
    Row("Softmax", {"axis": [1]}, (3, 2, 4), variant="list"),
    Row("Softmax", {}, call_kwargs={"mask": MASK}, variant="mask"),
    Row("Softmax", {}, (3, 2, 4), call_kwargs={"mask": MASK[:, None, :]}, variant="mask_broadcast"),
    Row("Softmax", {"axis": (1, 2)}, (3, 2, 4), call_kwargs={"mask": MASK.astype("float32")}, variant="mask_axes"),
    Row("Softmax", {}, call_kwargs={"mask": np.zeros((1, 4), bool)}, variant="mask_all"),
]  # fmt: skip
