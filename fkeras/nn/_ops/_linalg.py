"""Linear algebra and signals with Keras's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import linalg as sla
from jax.scipy import signal as jsp_signal


def cholesky(x: Any, upper: bool = False) -> jax.Array:
    """The lower (or upper) factor `L` of `x = L L^T`."""
    return jnp.linalg.cholesky(x, upper=upper)


def cholesky_inverse(x: Any, upper: bool = False) -> jax.Array:
    """The inverse of a matrix, from its Cholesky factor."""
    x = jnp.asarray(x)
    return sla.cho_solve((x, not upper), jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape))


def lstsq(a: Any, b: Any, rcond: Any = None) -> jax.Array:
    """The least-squares solution of `a x = b`."""
    return jnp.linalg.lstsq(a, b, rcond=rcond)[0]


def pinv(x: Any, rcond: Any = None) -> jax.Array:
    """The pseudo-inverse of a matrix."""
    return jnp.linalg.pinv(x, rtol=rcond)


def lu_factor(x: Any) -> tuple[jax.Array, jax.Array]:
    """The LU factors of a matrix, packed, and its pivots."""
    return sla.lu_factor(x)


def logdet(x: Any) -> jax.Array:
    """The logarithm of a determinant's size."""
    return jnp.linalg.slogdet(x)[1]


def solve_triangular(a: Any, b: Any, lower: bool = False) -> jax.Array:
    """The solution of `a x = b` with a triangular `a`."""
    a, b = jnp.asarray(a), jnp.asarray(b)
    if b.ndim == a.ndim - 1:
        return sla.solve_triangular(a, b[..., None], lower=lower)[..., 0]
    return sla.solve_triangular(a, b, lower=lower)


def matrix_rank(x: Any, tol: Any = None) -> jax.Array:
    """How many singular values are above a tolerance."""
    return jnp.linalg.matrix_rank(x, tol)


def cdist(x: Any, y: Any) -> jax.Array:
    """The Euclidean distance of each row of `x` from each row of `y`."""
    x, y = jnp.asarray(x), jnp.asarray(y)
    return jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1), 0))


def slogdet(x: Any) -> tuple[jax.Array, jax.Array]:
    """The sign of a determinant and the logarithm of its size."""
    sign, size = jnp.linalg.slogdet(x)
    return sign, size


def _complex(x: Any) -> jax.Array:
    """Keras writes complex numbers as `(real, imaginary)`."""
    if isinstance(x, list | tuple):
        real, imaginary = (jnp.asarray(part) for part in x)
        return jax.lax.complex(real, imaginary)
    return jnp.asarray(x)


def _parts(like: Any, x: jax.Array) -> Any:
    return (jnp.real(x), jnp.imag(x)) if isinstance(like, list | tuple) else x


def fft(x: Any) -> Any:
    """The Fourier transform of the last axis; of a pair `(real, imaginary)`, such a pair."""
    return _parts(x, jnp.fft.fft(_complex(x)))


def fft2(x: Any) -> Any:
    """The Fourier transform of the last two axes, as `fft`."""
    return _parts(x, jnp.fft.fft2(_complex(x)))


def ifft2(x: Any) -> Any:
    """The inverse of `fft2`."""
    return _parts(x, jnp.fft.ifft2(_complex(x)))


def rfft(x: Any, fft_length: int | None = None) -> tuple[jax.Array, jax.Array]:
    """The Fourier transform of real numbers, `(real, imaginary)`."""
    result = jnp.fft.rfft(x, n=fft_length)
    return jnp.real(result), jnp.imag(result)


def irfft(x: Any, fft_length: int | None = None) -> jax.Array:
    """The inverse of `rfft`."""
    return jnp.fft.irfft(_complex(x), n=fft_length)


def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> jax.Array:
    """Frames of the last axis, `(..., frames, sequence_length)`."""
    x = jnp.asarray(x)
    frames = (x.shape[-1] - sequence_length) // sequence_stride + 1
    at = sequence_stride * jnp.arange(frames)[:, None] + jnp.arange(sequence_length)[None, :]
    return jnp.take(x, at, axis=-1)


def _window(window: Any, sequence_length: int, fft_length: int, dtype: Any) -> jax.Array:
    before = (fft_length - sequence_length) // 2
    turn = 2 * np.pi * np.arange(sequence_length) / max(sequence_length, 1)
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        values = {"hann": 0.5 - 0.5 * np.cos(turn), "hamming": 0.54 - 0.46 * np.cos(turn)}[window]
    else:
        values = window
    return jnp.pad(jnp.asarray(values, dtype), (before, fft_length - sequence_length - before))


def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> tuple[jax.Array, jax.Array]:
    """The short-time Fourier transform, `(real, imaginary)`, each `(..., frames, frequencies)`."""
    x = jnp.asarray(x)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    frames = extract_sequences(x, fft_length, sequence_stride)
    shaped = _window(window, sequence_length, fft_length, x.dtype).reshape((1,) * (frames.ndim - 1) + (-1,))
    result = jnp.fft.rfft(frames * shaped)
    return jnp.real(result), jnp.imag(result)


def istft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None,
    window: Any = "hann", center: bool = True,
) -> jax.Array:  # fmt: skip
    """The inverse of `stft`."""
    z = _complex(x)
    shape: Any = _window(window, sequence_length, fft_length, jnp.real(z).dtype)
    signal = jsp_signal.istft(
        z, fs=1.0, window=shape, nperseg=fft_length, noverlap=fft_length - sequence_stride, nfft=fft_length,
        boundary=False, time_axis=-2, freq_axis=-1,
    )[-1]  # fmt: skip
    signal = signal / jnp.sum(shape) if window is not None else signal / sequence_stride
    start = fft_length // 2 if center else 0
    if length is not None:
        return signal[..., start : start + length]
    stop = signal.shape[-1] - fft_length // 2 if center else fft_length + sequence_stride * (z.shape[-2] - 1)
    return signal[..., start:stop]


def view_as_complex(x: Any) -> jax.Array:
    """Pairs along the last axis as complex numbers."""
    x = jnp.asarray(x)
    return jax.lax.complex(x[..., 0], x[..., 1])


def view_as_real(x: Any) -> jax.Array:
    """Complex numbers as pairs along a last axis."""
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


def polar(abs_: Any, angle: Any) -> jax.Array:
    """`abs_ exp(i angle)`."""
    return jax.lax.complex(jnp.asarray(abs_) * jnp.cos(angle), jnp.asarray(abs_) * jnp.sin(angle))


LINALG: dict[str, Callable[..., Any]] = {
    **{f.__name__: f for f in (cholesky, cholesky_inverse, pinv, lstsq, lu_factor, solve_triangular, matrix_rank)},
    **{n: getattr(jnp.linalg, n) for n in ("det", "eig", "eigh", "inv", "norm", "qr", "solve", "svd")},
}
OWN: dict[str, Callable[..., Any]] = {
    **LINALG,
    **{
        f.__name__: f
        for f in (
            logdet, slogdet, cdist, fft, fft2, ifft2, rfft, irfft, extract_sequences, stft, istft, view_as_complex,
            view_as_real, polar,
        )
    },
    "erfc": jax.scipy.special.erfc,
}  # fmt: skip
