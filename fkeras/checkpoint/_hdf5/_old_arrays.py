"""Arrays as layers of Keras 1 and 2 kept them, in the form of Keras 3.

Keras 1 kept a matrix for each gate of a recurrent layer, and kernels of `"th"` models with the filters first; the
layers of cuDNN kept two biases and transposed matrices; Theano computed true convolutions. Reference:
https://github.com/keras-team/keras/blob/2.2.4/keras/engine/saving.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...core import ArraySpec
from .._keras._layer_order import Part

_Arrays = list[np.ndarray]

# Arrays of recurrent layers in Keras 1: for each gate a kernel, a recurrent kernel and a bias, in this order of gates.
_GATES = {
    "LSTM": (0, 2, 1, 3),  # input, cell, forget, output in the file; input, forget, cell, output since
    "ConvLSTM2D": (0, 2, 1, 3),
    "GRU": (0, 1, 2),
}
# The axes of kernels of Keras 1's "th" models, in Keras 3's order.
_FILTERS_FIRST = {
    "Conv2D": (2, 3, 1, 0),
    "Conv2DTranspose": (2, 3, 0, 1),
    "Conv3D": (2, 3, 4, 1, 0),
    "SeparableConv2D": (2, 3, 1, 0),
    "ConvLSTM2D": (2, 3, 1, 0),
}
_FLIPPED_BY_THEANO = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")


def count_in_file(part: Part, version: int) -> int:
    """How many arrays a file of a version of Keras has for a part."""
    gates = _GATES.get(type(part.layer).__name__)
    if version == 1 and gates is not None and len(part.leaves) == 3:
        return 3 * len(gates)
    return len(part.leaves)


def converted(part: Part, arrays: _Arrays, version: int, backend: str | None) -> _Arrays:
    """The arrays of a part in the form of its variables.

    Args:
        part: the part.
        arrays: what the file has for it, in the file's order.
        version: the version of Keras that wrote the file.
        backend: the library that it computed with, where the file says it.

    Returns:
        One array for each leaf; of other shapes where they do not fit.
    """
    kind = type(part.layer).__name__
    if version == 1:
        arrays = _of_keras_1(kind, part, arrays)
    arrays = _of_cudnn(kind, part.specs, arrays)
    if backend == "theano" and kind in _FLIPPED_BY_THEANO:
        which = (0, 1) if kind == "ConvLSTM2D" else (0,)
        arrays = [_flipped(a) if i in which and a.ndim > 2 else a for i, a in enumerate(arrays)]
    return [_reshaped(a, shape) for a, (shape, _) in zip(arrays, part.specs, strict=False)]


def _reshaped(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Scalars that one version kept as an array of one number."""
    return array.reshape(shape) if array.size == 1 and tuple(shape) in ((), (1,)) else array


def _flipped(kernel: np.ndarray) -> np.ndarray:
    return np.flip(kernel, tuple(range(kernel.ndim - 2)))


# ------------------------------------------------------------------ Keras 1
def _of_keras_1(kind: str, part: Part, arrays: _Arrays) -> _Arrays:
    gates = _GATES.get(kind)
    if gates is not None and len(arrays) == 3 * len(gates):
        first = getattr(part.layer, "data_format", None) == "channels_first"
        axes = _FILTERS_FIRST.get(kind)
        if axes is not None and first:
            arrays = [a.transpose(axes) if a.ndim == len(axes) else a for a in arrays]
        each = [[arrays[3 * gate + i] for gate in gates] for i in range(3)]
        return [np.concatenate(parts, axis=-1) for parts in each]
    if kind == "Conv1D" and arrays and arrays[0].ndim == 4:
        kernel = arrays[0]  # (length, 1, channels, filters); before Keras 1.2 (filters, channels, length, 1)
        length = part.specs[0][0][0]
        if kernel.shape[:2] != (length, 1):
            kernel = kernel.transpose(2, 3, 1, 0)
        return [kernel[:, 0], *arrays[1:]]
    if kind == "Conv2DTranspose" and getattr(part.layer, "data_format", None) != "channels_first":
        return [arrays[0].transpose(0, 1, 3, 2), *arrays[1:]] if arrays[0].ndim == 4 else arrays
    axes = _FILTERS_FIRST.get(kind)
    if axes is not None and getattr(part.layer, "data_format", None) == "channels_first":
        return [a.transpose(axes) if a.ndim == len(axes) else a for a in arrays]
    return arrays


# ------------------------------------------------------------------ cuDNN
def _of_cudnn(kind: str, specs: Sequence[ArraySpec], arrays: _Arrays) -> _Arrays:
    """Arrays of `CuDNNLSTM` and `CuDNNGRU`, which are told by their two biases in one array."""
    gates = {"LSTM": 4, "GRU": 3}.get(kind)
    if gates is None or len(arrays) != 3 or len(specs) != 3 or arrays[1].ndim != 2 or arrays[0].ndim != 2:
        return arrays
    units = arrays[1].shape[0]
    if arrays[2].shape != (2 * gates * units,) or arrays[0].shape[1] != gates * units:
        return arrays
    kernel = _by_gate(arrays[0], gates, lambda gate: gate.T.reshape(gate.shape, order="F"))
    recurrent = _by_gate(arrays[1], gates, lambda gate: gate.T)
    biases = arrays[2].reshape(2, -1)
    return [kernel, recurrent, biases.sum(axis=0) if kind == "LSTM" else biases]


def _by_gate(matrix: np.ndarray, gates: int, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.hstack([change(gate) for gate in np.hsplit(matrix, gates)])
