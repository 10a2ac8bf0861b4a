"""Fourier transforms and complex numbers, with Keras's arguments."""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import signal as jsp_signal

from ...core.typing import Array, ArrayLike, Complex, DTypeLike, Float, Num
from ._types import ComplexLike, Table

#: A window by name (`"hann"`, `"hamming"`), its values, or none.
Window: TypeAlias = str | ArrayLike | None


def _complex(x: ComplexLike) -> Array:
    """One complex array, for the pair that Keras writes too."""
    if isinstance(x, list | tuple):
        real, imaginary = (jnp.asarray(part) for part in x)
        return jax.lax.complex(real, imaginary)
    return jnp.asarray(x)


def _parts(like: ComplexLike, x: Array) -> Array | tuple[Array, Array]:
    """`x` in the form of `like`: an array, or its real and imaginary part."""
    return (jnp.real(x), jnp.imag(x)) if isinstance(like, list | tuple) else x


def fft(x: ComplexLike) -> Array | tuple[Array, Array]:
    """The Fourier transform of the last axis; of a pair `(real, imaginary)`, such a pair."""
    return _parts(x, jnp.fft.fft(_complex(x)))


def fft2(x: ComplexLike) -> Array | tuple[Array, Array]:
    """The Fourier transform of the last two axes, as `fft`."""
    return _parts(x, jnp.fft.fft2(_complex(x)))


def ifft2(x: ComplexLike) -> Array | tuple[Array, Array]:
    """The inverse of `fft2`."""
    return _parts(x, jnp.fft.ifft2(_complex(x)))


def rfft(x: Num[ArrayLike, "*batch time"], fft_length: int | None = None) -> tuple[Array, Array]:
    """The Fourier transform of real numbers, `(real, imaginary)`."""
    result = jnp.fft.rfft(x, n=fft_length)
    return jnp.real(result), jnp.imag(result)


def irfft(x: ComplexLike, fft_length: int | None = None) -> Float[Array, "*batch time"]:
    """The inverse of `rfft`."""
    return jnp.fft.irfft(_complex(x), n=fft_length)


def extract_sequences(
    x: Num[ArrayLike, "*batch time"], sequence_length: int, sequence_stride: int
) -> Num[Array, "*batch frames sequence_length"]:
    """Frames of the last axis, `(..., frames, sequence_length)`."""
    x = jnp.asarray(x)
    frames = (x.shape[-1] - sequence_length) // sequence_stride + 1
    at = sequence_stride * jnp.arange(frames)[:, None] + jnp.arange(sequence_length)[None, :]
    return jnp.take(x, at, axis=-1)


def _window(window: Window, sequence_length: int, fft_length: int, dtype: DTypeLike) -> Float[Array, " fft_length"]:
    """The window in the middle of a transform's length, with zeros beside it."""
    before = (fft_length - sequence_length) // 2
    turn = 2 * np.pi * np.arange(sequence_length) / max(sequence_length, 1)
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        window = {"hann": 0.5 - 0.5 * np.cos(turn), "hamming": 0.54 - 0.46 * np.cos(turn)}[window]
    return jnp.pad(jnp.asarray(window, dtype), (before, fft_length - sequence_length - before))


def stft(
    x: Num[ArrayLike, "*batch time"], sequence_length: int, sequence_stride: int, fft_length: int,
    window: Window = "hann", center: bool = True,
) -> tuple[Float[Array, "*batch frames frequencies"], Float[Array, "*batch frames frequencies"]]:  # fmt: skip
    """The short-time Fourier transform, `(real, imaginary)`, each `(..., frames, frequencies)`."""
    x = jnp.asarray(x)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    frames = extract_sequences(x, fft_length, sequence_stride)
    shaped = _window(window, sequence_length, fft_length, x.dtype).reshape((1,) * (frames.ndim - 1) + (-1,))
    result = jnp.fft.rfft(frames * shaped)
    return jnp.real(result), jnp.imag(result)


def istft(
    x: ComplexLike, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None,
    window: Window = "hann", center: bool = True,
) -> Float[Array, "*batch time"]:  # fmt: skip
    """The inverse of `stft`."""
    z = _complex(x)
    shape = _window(window, sequence_length, fft_length, jnp.real(z).dtype)
    signal = jsp_signal.istft(
        z, fs=1.0, window=shape,  # type: ignore[arg-type]  # which may be an array too
        nperseg=fft_length, noverlap=fft_length - sequence_stride, nfft=fft_length,
        boundary=False, time_axis=-2, freq_axis=-1,
    )[-1]  # fmt: skip
    signal = signal / jnp.sum(shape) if window is not None else signal / sequence_stride
    start = fft_length // 2 if center else 0
    if length is not None:
        return signal[..., start : start + length]
    stop = signal.shape[-1] - fft_length // 2 if center else fft_length + sequence_stride * (z.shape[-2] - 1)
    return signal[..., start:stop]


def view_as_complex(x: Float[ArrayLike, "*batch 2"]) -> Complex[Array, "*batch"]:
    """Pairs along the last axis as complex numbers."""
    x = jnp.asarray(x)
    return jax.lax.complex(x[..., 0], x[..., 1])


def view_as_real(x: Num[ArrayLike, "*batch"]) -> Float[Array, "*batch 2"]:
    """Complex numbers as pairs along a last axis."""
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


def polar(abs_: ArrayLike, angle: ArrayLike) -> Array:
    """`abs_ exp(i angle)`."""
    return jax.lax.complex(jnp.asarray(abs_) * jnp.cos(angle), jnp.asarray(abs_) * jnp.sin(angle))


OWN: Table = {
    f.__name__: f
    for f in (
        fft, fft2, ifft2, rfft, irfft, extract_sequences, stft, istft, view_as_complex, view_as_real, polar,
    )
}  # fmt: skip
