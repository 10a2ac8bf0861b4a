"""`preprocess_input`: pixels from 0 to 255 in the range that a network was trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from ...core import SymbolicTensor, explain
from ...core.typing import Array, ArrayLike

#: `(x, data_format=None) -> x`.
Preprocess: TypeAlias = Callable[..., Any]

FORMATS = ("channels_last", "channels_first")
MODES = ("caffe", "tf", "torch")
# Of ImageNet: the means of blue, green and red; those of red, green and blue from 0 to 1, and their deviations.
_CAFFE_MEANS = (103.939, 116.779, 123.68)
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preprocess_input(x: ArrayLike, data_format: str | None = None, mode: str = "caffe") -> Array | np.ndarray:
    """Pixels from 0 to 255 in the range that a network was trained on.

    `"tf"`: `x / 127.5 - 1`. `"torch"`: `(x / 255 - mean) / deviation` of each channel of ImageNet. `"caffe"`: the
    channels in reverse order, less the mean of each.

    Args:
        x: images `(batch, rows, columns, 3)` or one of them; of numpy, of JAX (under `jit` too), or symbolic.
        data_format: `"channels_last"`, or `"channels_first"` for `(batch, 3, rows, columns)`.
        mode: `"caffe"`, `"tf"` or `"torch"`: each network's module has a `preprocess_input` of its own, which knows.

    Returns:
        Numbers of x's shape; float32 where x holds integers. x stays as it is.

    Raises:
        ValueError: another mode or data format, or an image whose channels are not three.

    >>> import numpy as np
    >>> preprocess_input(np.array([[[0, 127.5, 255]]]), mode="tf")
    array([[[-1.,  0.,  1.]]])

    Reference: https://keras.io/api/applications/
    Unlike Keras it never writes into the array that it is given.
    """
    if mode not in MODES:
        raise ValueError(
            explain(
                f"`mode` is one of {', '.join(map(repr, MODES))}.",
                received=f"mode={mode!r}",
                write="fk.applications.resnet50.preprocess_input(x), which knows the mode of its network",
            )
        )
    if data_format not in (None, *FORMATS):
        raise ValueError(
            explain(
                f"`data_format` is one of {', '.join(map(repr, FORMATS))}.",
                received=f"data_format={data_format!r}",
                write="preprocess_input(x, data_format='channels_first')",
            )
        )
    if not isinstance(x, np.ndarray | SymbolicTensor):
        x = jnp.asarray(x)
    if not isinstance(x, SymbolicTensor) and not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(np.float32)
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = -3 if data_format == "channels_first" else -1
    if mode == "torch":
        return (x / 255.0 - _along(_MEANS, axis, x)) / _along(_DEVIATIONS, axis, x)
    return _reversed(x, axis) - _along(_CAFFE_MEANS, axis, x)


def _along(values: tuple[float, ...], axis: int, x: Any) -> Any:
    """One number for each channel, in x's dtype."""
    if x.ndim < 3 or x.shape[axis] != len(values):
        raise ValueError(
            explain(
                "Images have three channels here: red, green, blue.",
                received=f"shape {tuple(x.shape)}, channels at axis {axis}",
                usually="grey images, or channels that stand at the other end.",
                write="np.repeat(x, 3, axis=-1), or data_format='channels_first'",
            )
        )
    shape = [1] * x.ndim
    shape[axis] = 3
    shaped = np.reshape(np.asarray(values, np.float32), shape)
    return shaped if isinstance(x, SymbolicTensor) else shaped.astype(x.dtype)


def _reversed(x: Any, axis: int) -> Any:
    """Blue, green, red."""
    return x[..., ::-1] if axis == -1 else x[..., ::-1, :, :]


def preprocess(mode: str | None, networks: str) -> Preprocess:
    """The `preprocess_input` of some networks.

    Args:
        mode: theirs; `None` for networks that take pixels as they are.
        networks: how they are called.
    """

    def of_mode(x: ArrayLike, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    of_mode.__name__ = of_mode.__qualname__ = "preprocess_input"
    of_mode.__doc__ = f"Pixels from 0 to 255 as {networks} takes them: " + (
        "as they are, because the network itself begins with what has to be done."
        if mode is None
        else f"see `imagenet_utils.preprocess_input(x, data_format, mode={mode!r})`."
    )
    return of_mode
