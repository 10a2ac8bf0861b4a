"""Spectrograms."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core import Layer, explain, field, register
from ...core.typing import Array, ArrayLike, Float, Num
from .. import _arguments as arg
from .. import initializers
from .._shapes import check_rank, check_window

_EPSILON = 1e-7

#: A window by name, its values, or none.
Window: TypeAlias = str | ArrayLike | None
#: What a spectrogram is divided by: the window's power, its sum, or nothing.
Scaling: TypeAlias = Literal["density", "spectrum"] | None
#: `"channels_last"`, which `None` stands for, or `"channels_first"`.
DataFormat: TypeAlias = Literal["channels_last", "channels_first"] | None
_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


@register("keras.layers")
class STFTSpectrogram(Layer):
    """A short-time Fourier transform, as a convolution whose kernels may be trained.

    Args:
        mode: `"log"`, `"magnitude"`, `"psd"` (power, the frequencies but the first and last counted twice), `"real"`,
            `"imag"`, `"angle"`, or `"stft"`: real and imaginary parts side by side.
        frame_length: how many samples a frame has.
        frame_step: from frame to frame; half a frame by default.
        fft_length: of the transform; the next power of two by default.
        window: the name of a `scipy.signal` window, an array of `frame_length`, or `None`.
        periodic: whether a named window is periodic rather than symmetric.
        scaling: `"density"`, `"spectrum"` or `None`, by the window's power, its sum, or not.
        padding: `"valid"` or `"same"`.
        expand_dims: whether channels and frequencies are axes of their own.
        data_format: `"channels_last"` (the default) or `"channels_first"`.

    Input shape: `(batch, time, channels)`. Output shape: `(batch, frames, channels * frequencies)`.

    Raises:
        ValueError: another mode, window, scaling or padding, or lengths that do not fit.

    >>> import fkeras as fk
    >>> fk.nn.STFTSpectrogram("magnitude", frame_length=256, frame_step=64)(fk.Input((1024, 1))).shape
    (None, 13, 129)

    Reference: https://keras.io/api/layers/preprocessing_layers/audio_preprocessing/stft_spectrogram/
    """

    mode: str = field("log", convert=arg.one_of("mode", *_MODES))
    frame_length: int = field(256, convert=lambda value: arg.positive_int(value, "frame_length"))
    frame_step: int | None = None
    fft_length: int | None = None
    window: Window = "hann"
    periodic: bool = False
    scaling: Scaling = field("density", convert=arg.one_of("scaling", "density", "spectrum", None))
    padding: str = field("valid", convert=arg.one_of("padding", "valid", "same"))
    expand_dims: bool = False
    data_format: DataFormat = field(None, convert=arg.data_format)

    def __post_init__(self) -> None:
        super().__post_init__()
        initializers.STFT("real", self.window, self.scaling, self.periodic)  # refuses unknown windows now
        if self.frame_step is not None and not 1 <= self.frame_step <= self.frame_length:
            raise ValueError(
                explain(
                    "STFTSpectrogram: `frame_step` lies between 1 and `frame_length`.",
                    received=f"frame_step={self.frame_step}, frame_length={self.frame_length}",
                    write="frame_step=None, half a frame",
                )
            )
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise ValueError(
                explain(
                    "STFTSpectrogram: `fft_length` is not less than `frame_length`.",
                    received=f"fft_length={self.fft_length}, frame_length={self.frame_length}",
                    write="fft_length=None, the next power of two",
                )
            )

    def call(self, inputs: Float[Array, "batch time channels"]) -> Float[Array, "batch ..."]:
        check_rank(self, inputs, 3)
        x = inputs if self.data_format == "channels_last" else jnp.moveaxis(inputs, 1, 2)
        check_window(self, (x.shape[1],), (self.frame_length,), self.padding)
        step = self.frame_step or self.frame_length // 2
        length = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        parts = {}
        for side, other in (("real", "imag"), ("imag", "real")):
            if self.mode != other:
                start = initializers.STFT(side, self.window, self.scaling, self.periodic)
                kernel = self.add_weight((self.frame_length, 1, length // 2 + 1), start, name=f"{side}_kernel")
                parts[side] = self._transform(x, kernel.astype(x.dtype), step)
        if self.mode in ("real", "imag"):
            return self._arrange(parts[self.mode])
        real, imag = parts["real"], parts["imag"]
        if self.mode == "angle":
            return self._arrange(jnp.arctan2(imag, real))
        if self.mode == "stft":
            return self._arrange(jnp.concatenate([real, imag], axis=-1))
        power = jnp.square(real) + jnp.square(imag)
        if self.mode == "psd":
            return self._arrange(power.at[..., 1:-1].multiply(2))
        size = self._arrange(jnp.sqrt(jnp.maximum(power, _EPSILON)))
        return size if self.mode == "magnitude" else jnp.log(jnp.maximum(size, _EPSILON))

    def _transform(
        self, x: Float[Array, "batch time channels"], kernel: Float[Array, "frame 1 frequencies"], step: int
    ) -> Float[Array, "batch channels frames frequencies"]:
        """One part of the transform of each channel."""
        rows = jnp.swapaxes(x, 1, 2).reshape(x.shape[0] * x.shape[2], x.shape[1], 1)
        y = lax.conv_general_dilated(
            rows, kernel, (step,), self.padding.upper(), dimension_numbers=("NWC", "WIO", "NWC")
        )
        return y.reshape(x.shape[0], x.shape[2], *y.shape[1:])

    def _arrange(self, y: Float[Array, "batch channels frames frequencies"]) -> Float[Array, "batch ..."]:
        """The axes as `expand_dims` and `data_format` say."""
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return jnp.moveaxis(y, 1, 3) if last else y
        batch, channels, frames, frequencies = y.shape
        if last:
            return jnp.swapaxes(y, 1, 2).reshape(batch, frames, channels * frequencies)
        return jnp.swapaxes(y, 2, 3).reshape(batch, channels * frequencies, frames)


def _hertz_to_mel(frequency: float | np.ndarray) -> np.ndarray | np.floating:
    return 1127.0 * np.log1p(np.asarray(frequency, np.float64) / 700.0)


def mel_matrix(bands: int, bins: int, rate: float, low: float, high: float) -> np.ndarray:
    """Triangular weights from `bins` linear frequencies to mel bands, `(bins, bands)`.

    >>> mel_matrix(2, 5, 8000, 0.0, 4000.0).shape
    (5, 2)
    """
    linear = np.asarray(_hertz_to_mel(np.linspace(0.0, rate / 2, bins)[1:]))[:, None]
    edges = np.linspace(_hertz_to_mel(low), _hertz_to_mel(high), bands + 2)
    lower, center, upper = edges[None, :-2], edges[None, 1:-1], edges[None, 2:]
    weights = np.maximum(0.0, np.minimum((linear - lower) / (center - lower), (upper - linear) / (upper - center)))
    return np.pad(weights, ((1, 0), (0, 0))).astype(np.float32)


@register("keras.layers")
class MelSpectrogram(Layer):
    """The power of sound in mel bands, by default in decibels.

    Args:
        fft_length: of the transform.
        sequence_stride: from frame to frame.
        sequence_length: how many samples a frame has; `fft_length` by default.
        window: `"hann"` or `"hamming"`, an array, or `None`.
        sampling_rate: samples a second.
        num_mel_bins: how many bands.
        min_freq, max_freq: the bands' ends, in hertz; up to half the sampling rate by default.
        power_to_db: whether the result is in decibels.
        top_db: how far below the loudest the quietest may be.
        mag_exp: the exponent of the magnitude, 1 for magnitudes and 2 for power.
        min_power: what counts as silence.
        ref_power: what counts as 0 dB.

    Input shape: `(batch, time)` or `(time,)`. Output shape: `(batch, num_mel_bins, frames)`.

    Raises:
        ValueError: a transform shorter than a frame.

    >>> import fkeras as fk
    >>> fk.nn.MelSpectrogram(num_mel_bins=64, fft_length=512, sequence_stride=256)(fk.Input((4096,))).shape
    (None, 64, 17)

    Reference: https://keras.io/api/layers/preprocessing_layers/audio_preprocessing/mel_spectrogram/
    """

    fft_length: int = field(2048, convert=arg.counted("fft_length"))
    sequence_stride: int = field(512, convert=arg.counted("sequence_stride"))
    sequence_length: int | None = field(None, convert=arg.counted("sequence_length"))
    window: Window = "hann"
    sampling_rate: int = 16000
    num_mel_bins: int = field(128, convert=arg.counted("num_mel_bins"))
    min_freq: float = 20.0
    max_freq: float | None = None
    power_to_db: bool = True
    top_db: float = 80.0
    mag_exp: float = 2.0
    min_power: float = 1e-10
    ref_power: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sequence_length", self.sequence_length or self.fft_length)
        object.__setattr__(self, "max_freq", self.max_freq or int(self.sampling_rate / 2))
        super().__post_init__()
        if self.fft_length < (self.sequence_length or 0):
            raise ValueError(
                explain(
                    "MelSpectrogram: `fft_length` is not less than `sequence_length`.",
                    received=f"fft_length={self.fft_length}, sequence_length={self.sequence_length}",
                    write="sequence_length=None",
                )
            )

    def call(self, inputs: Num[ArrayLike, "*batch time"]) -> Float[Array, "*batch bands frames"]:
        x = jnp.asarray(inputs)
        if x.ndim > 2:
            check_rank(self, x, 2)
        x = x.astype(jnp.promote_types(self.compute_dtype, jnp.float32))
        half = self.fft_length // 2
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
        frames = (x.shape[-1] - self.fft_length) // self.sequence_stride + 1
        at = jnp.arange(self.fft_length)[None, :] + self.sequence_stride * jnp.arange(frames)[:, None]
        spectrum = jnp.abs(jnp.fft.rfft(jnp.take(x, at, axis=-1) * self._window().reshape((1,) * x.ndim + (-1,))))
        top = float(self.max_freq or 0)
        bands = mel_matrix(self.num_mel_bins, half + 1, float(self.sampling_rate), self.min_freq, top)
        power = jnp.einsum("...f,fm->...m", jnp.power(spectrum, self.mag_exp), jnp.asarray(bands, x.dtype))
        if self.power_to_db:
            reference = max(abs(self.ref_power), self.min_power)
            power = 10.0 * jnp.log10(jnp.maximum(power, self.min_power)) - 10.0 * math.log10(reference)
            power = jnp.maximum(power, jnp.max(power) - self.top_db)
        return jnp.swapaxes(power, -1, -2).astype(self.compute_dtype)

    def _window(self) -> Float[Array, " fft_length"]:
        """The window in the middle of a transform's length."""
        length = int(self.sequence_length or 0)
        before = (self.fft_length - length) // 2
        after = self.fft_length - length - before
        if self.window is None:
            return jnp.ones(self.fft_length)
        if isinstance(self.window, str):
            # periodic, as scipy's default; a hann of one sample is 1
            turn = 2 * np.pi * np.arange(length) / max(length, 1)
            shapes = {"hann": 0.5 - 0.5 * np.cos(turn), "hamming": 0.54 - 0.46 * np.cos(turn)}
            if self.window not in shapes:
                raise ValueError(
                    explain(
                        f"{self.path_text()} knows the windows 'hann' and 'hamming'.",
                        received=repr(self.window),
                        write="window=scipy.signal.get_window(name, sequence_length)",
                    )
                )
            values = shapes[self.window]
        else:
            values = np.asarray(self.window)
        return jnp.asarray(np.pad(values, (before, after)), jnp.float32)
