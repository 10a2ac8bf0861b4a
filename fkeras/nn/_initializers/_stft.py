"""The kernel of a short-time Fourier transform."""

from __future__ import annotations

import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from ...core import explain, register
from ...core.typing import Array, ArrayLike
from ._base import MODULE, CompiledInitializer, at_least_float32, check_choice
from ._constants import ComparedByContent


@register(MODULE, aliases=("stft", "STFTInitializer"))
@dataclasses.dataclass(frozen=True, eq=False)
class STFT(ComparedByContent, CompiledInitializer):
    r"""Kernel of a convolution that computes one side of a short-time Fourier transform.

    .. math::
        K_{t,0,k} = \frac{w_t}{s} \cos\frac{2\pi t k}{N} \quad\text{or}\quad
        -\frac{w_t}{s} \sin\frac{2\pi t k}{N}, \qquad N = 2 (F - 1)

    for a shape `(T, 1, F)`; `s` is :math:`\sqrt{\sum w^2}` for density and :math:`\sum |w|` for spectrum.

    Args:
        side: `"real"` or `"imag"`.
        window: a window of `scipy.signal` by name, an array of length `T`, or `None` (which scales nothing).
        scaling: `"density"`, `"spectrum"` or `None`.
        periodic: make the named window periodic instead of symmetric.

    Raises:
        ValueError: an unknown side, window or scaling; on a call, for a shape of another rank or window length.

    >>> print(STFT(window=None)(None, (2, 1, 3))[:, 0].round(3))
    [[ 1.  1.  1.]
     [ 1. -0. -1.]]

    Reference: https://keras.io/api/layers/preprocessing_layers/audio_preprocessing/stft_spectrogram/

    Differs from Keras: the phase is reduced to one turn in integers before it is scaled, so long windows and
    half precision keep their digits (Keras is off by up to 1e-4 at a thousand samples, before scaling); and a
    window of numbers comes back from a config.
    """

    side: str = "real"
    window: str | ArrayLike | None = "hann"
    scaling: str | None = "density"
    periodic: bool = False

    def __post_init__(self) -> None:
        check_choice(self, "side", ("real", "imag"))
        check_choice(self, "scaling", ("density", "spectrum", None))
        if isinstance(self.window, str):
            _scipy_window(self.window, 1, False)

    def _make(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        if len(shape) != 3:
            raise ValueError(
                explain(
                    f"STFT makes kernels of shape (frame_length, 1, frequencies), not of rank {len(shape)}.",
                    received=f"shape {shape}",
                    write="Conv1D(fft_length // 2 + 1, frame_length, kernel_initializer=STFT('real'))",
                )
            )
        length, _, bins = shape
        turn = max(1, 2 * (bins - 1))
        time = jnp.arange(length, dtype=jnp.int32).reshape(-1, 1, 1)
        bin_ = jnp.arange(bins, dtype=jnp.int32).reshape(1, 1, -1)
        precise = at_least_float32(dtype)
        angle = (time * bin_ % turn).astype(precise) * (2 * math.pi / turn)
        kernel = jnp.cos(angle) if self.side == "real" else -jnp.sin(angle)
        if self.window is None:
            return kernel.astype(dtype)
        window = jnp.asarray(self._window(length), precise)
        scale = {
            "density": lambda: jnp.sqrt(jnp.sum(jnp.square(window))),
            "spectrum": lambda: jnp.sum(jnp.abs(window)),
            None: lambda: jnp.ones((), precise),
        }[self.scaling]()
        return (kernel * window.reshape(-1, 1, 1) / scale).astype(dtype)

    def _window(self, length: int) -> np.ndarray:
        if isinstance(self.window, str):
            return _scipy_window(self.window, length, self.periodic)
        window = np.asarray(self.window)
        if window.shape != (length,):
            raise ValueError(
                explain(
                    f"STFT's window must have one value per sample of the frame, {length}.",
                    received=f"a window of shape {window.shape}",
                    usually="the window was made for another frame length.",
                    write=f"STFT(window=numpy.hanning({length}))",
                )
            )
        return window


def _scipy_window(name: str, length: int, periodic: bool) -> np.ndarray:
    import scipy.signal  # slow to load, and only this initializer needs it

    try:
        return scipy.signal.get_window(name, length, periodic)
    except ValueError as error:
        raise ValueError(
            explain(
                f"STFT cannot make a window named {name!r}: {error}",
                received=repr(name),
                usually="a misspelt name, or a window that takes parameters: give its values as an array.",
                write="STFT(window='hann')",
            )
        ) from None
