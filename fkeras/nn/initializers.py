"""Initializers: frozen functions `(key, shape, dtype) -> array`, with Keras's names, numbers and configs.

The calling contract is JAX's, so one of these goes wherever Flax takes an initializer, and one of
`jax.nn.initializers` goes wherever fkeras does:

>>> import flax.linen
>>> flax.linen.Dense(4, kernel_init=HeNormal()).init(jax.random.key(0), jnp.ones((1, 3)))["params"]["kernel"].shape
(3, 4)

The key is an argument, so two parameters differ because their keys do. An integer `seed` overrides the key and
gives the very numbers that Keras gives for that seed.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from ..core import Configured, explain, register
from ..core import get as get_object
from ..core import serialize as serialize_value

MODULE = "keras.initializers"

Shape = Sequence[int]
Axes = Sequence[int] | None


@register(MODULE, aliases=("initializer",))
@register("keras")
@dataclasses.dataclass(frozen=True, eq=False)
class Initializer(Configured):
    """Base of the initializers. Your own overrides `__call__(self, key, shape, dtype)`.

    A frozen dataclass gets its config, equality and hash from its fields. A class with its own `__init__`
    (Keras's way) works too, and needs its own `get_config`.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Ramp(Initializer):
    ...     step: float = 1.0
    ...
    ...     def __call__(self, key, shape, dtype=jnp.float32):
    ...         return self.step * jnp.arange(math.prod(shape), dtype=dtype).reshape(shape)
    >>> print(Ramp(0.5)(None, (3,)), Ramp(0.5).get_config())
    [0.  0.5 1. ] {'step': 0.5}

    Reference: https://keras.io/api/layers/initializers/

    Differs from Keras: the key comes first, `init(key, shape, dtype)`, where Keras calls `init(shape, dtype)` and
    draws from a hidden seed.
    """

    def __call__(self, key: jax.Array | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> jax.Array:
        """An array of `shape` and `dtype`.

        Args:
            key: a JAX random key; may be `None` where nothing is drawn from it.
            shape: the array's shape; an integer for a vector.
            dtype: the array's dtype.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} does not say how to make an array.",
                usually="a subclass of Initializer without a __call__ method.",
                write="def __call__(self, key, shape, dtype=jnp.float32): return ...",
            )
        )


class _Jitted(Initializer):
    """Initializers without randomness, whose `_make` is traced and compiled once for each shape and dtype."""

    def __call__(self, key: jax.Array | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> jax.Array:
        return _make_jitted(self, *_standard(self, key, shape, dtype))

    def _make(self, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        raise NotImplementedError


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _make_jitted(initializer: _Jitted, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
    return initializer._make(shape, dtype)


def _standard(
    initializer: Initializer, key: Any, shape: Shape | int, dtype: DTypeLike | None
) -> tuple[tuple[int, ...], np.dtype]:
    """Hashable shape and dtype; an error for a call in Keras's argument order."""
    if isinstance(key, tuple | list) or isinstance(shape, str):
        name = type(initializer).__name__
        raise TypeError(
            explain(
                f"{name} is called with a random key, a shape and a dtype, in this order.",
                received=f"key={key!r}, shape={shape!r}",
                usually="a call from Keras, whose initializers take (shape, dtype).",
                write=f"{name}()(jax.random.key(0), shape, dtype)",
            )
        )
    shape = (shape,) if isinstance(shape, numbers.Integral) else tuple(shape)  # type: ignore[assignment, arg-type]
    return shape, jax.dtypes.canonicalize_dtype(jnp.float32 if dtype is None else dtype)  # type: ignore[return-value]


def _at_least_float32(dtype: np.dtype) -> np.dtype:
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype


# ------------------------------------------------------------------ constants
class _Filled(Initializer):
    """Initializers of one number, which is an argument of their program: it is compiled once for all of them."""

    _value: ClassVar[int]

    def __call__(self, key: jax.Array | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> jax.Array:
        shape, dtype = _standard(self, key, shape, dtype)
        return _filled(np.asarray(self._value, dtype), shape)


@functools.partial(jax.jit, static_argnums=1)
def _filled(value: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jnp.full(shape, value)


@register(MODULE, aliases=("zeros", "zero"))
@dataclasses.dataclass(frozen=True)
class Zeros(_Filled):
    """All 0.

    >>> Zeros()(None, (3,))
    Array([0., 0., 0.], dtype=float32)

    Reference: https://keras.io/api/layers/initializers/#zeros-class
    """

    _value: ClassVar[int] = 0


@register(MODULE, aliases=("ones", "one"))
@dataclasses.dataclass(frozen=True)
class Ones(_Filled):
    """All 1.

    >>> Ones()(None, (3,), jnp.bfloat16)
    Array([1, 1, 1], dtype=bfloat16)

    Reference: https://keras.io/api/layers/initializers/#ones-class
    """

    _value: ClassVar[int] = 1


class _ByContent:
    """Equality and hash that look into array-valued fields."""

    def _content(self) -> tuple[Any, ...]:
        return tuple(_content(getattr(self, f.name)) for f in dataclasses.fields(self))  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._content() == other._content()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self._content()))


def _content(value: Any) -> Any:
    if isinstance(value, np.ndarray | jax.Array | list | tuple):
        array = np.asarray(value)
        return array.dtype.name, array.shape, array.tobytes()
    return value


@register(MODULE, aliases=("constant",))
@dataclasses.dataclass(frozen=True, eq=False)
class Constant(_ByContent, Initializer):
    """All `value`.

    Args:
        value: a number, or an array that broadcasts to the shape asked for (trained vectors for an `Embedding`).

    Raises:
        ValueError: on a call, for a shape that `value` does not broadcast to.

    >>> Constant(0.5)(None, (2, 2))
    Array([[0.5, 0.5],
           [0.5, 0.5]], dtype=float32)

    Reference: https://keras.io/api/layers/initializers/#constant-class

    Differs from Keras, which documents numbers only and lets an array grow beyond the shape.
    """

    value: float | ArrayLike = 0.0

    # Not jitted: an array would be baked into the compiled program.
    def __call__(self, key: jax.Array | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> jax.Array:
        shape, dtype = _standard(self, key, shape, dtype)
        value = jnp.asarray(self.value).astype(dtype)
        try:
            return jnp.broadcast_to(value, shape)
        except ValueError:
            raise ValueError(
                explain(
                    f"Constant holds a value of shape {value.shape}, which does not broadcast to {shape}.",
                    received=f"shape {shape}",
                    usually="the layer has other sizes than the array that was made for it.",
                    write="a layer whose weight has the array's shape, or Constant(0.5)",
                )
            ) from None


@register(MODULE, aliases=("identity", "IdentityInitializer"))
@dataclasses.dataclass(frozen=True)
class Identity(_Jitted):
    """`gain` on the diagonal of a matrix, 0 elsewhere.

    Args:
        gain: the diagonal's value.

    Raises:
        ValueError: on a call, for a shape that is no matrix.

    >>> Identity(2.0)(None, (2, 3))
    Array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)

    Reference: https://keras.io/api/layers/initializers/#identity-class

    Differs from Keras, whose config forgets `gain`; here it is written where it is not 1.
    """

    gain: float = 1.0

    def get_config(self) -> dict[str, Any]:
        return {} if self.gain == 1 else super().get_config()

    def _make(self, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        if len(shape) != 2:
            raise ValueError(
                explain(
                    f"Identity makes matrices, but the shape has {len(shape)} dimensions.",
                    received=f"shape {shape}",
                    usually="it is the initializer of a bias or of a convolution's kernel.",
                    write="fk.initializers.Orthogonal() for a kernel, 'zeros' for a bias",
                )
            )
        return (self.gain * jnp.eye(*shape, dtype=dtype)).astype(dtype)


@register(MODULE, aliases=("stft", "STFTInitializer"))
@dataclasses.dataclass(frozen=True, eq=False)
class STFT(_ByContent, _Jitted):
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
        _check_choice(self, "side", ("real", "imag"))
        _check_choice(self, "scaling", ("density", "spectrum", None))
        if isinstance(self.window, str):
            _scipy_window(self.window, 1, False)

    def _make(self, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
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
        precise = _at_least_float32(dtype)
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


# ------------------------------------------------------------------ random numbers
# Up to this many numbers, a weight is drawn as a vector and cut to its shape. The shortest takes 0.1 ms.
_LARGEST_FLAT = 2**22
_SHORTEST_FLAT = 2**14


@functools.partial(jax.jit, static_argnums=(0, 2, 3))
def _sample(law: str, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype, a: float, b: float) -> jax.Array:
    match law:
        case "uniform":
            return jax.random.uniform(key, shape, dtype, a, b)
        case "normal":
            return jax.random.normal(key, shape, dtype) * a + b
        case _:
            return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype) * a + b


@functools.partial(jax.jit, static_argnums=1)
def _cut(flat: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return flat[: math.prod(shape)].reshape(shape)


def _draw(law: str, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype, a: float, b: float) -> jax.Array:
    """What `_sample` of this shape draws, compiled as rarely as possible.

    The generator compiles slowly on CPU (half a second for a vector, two for four axes), and a network has dozens
    of shapes. A partitionable threefry gives number `i` from the key and `i` alone, so a short draw is the
    beginning of a longer one: vectors of few lengths are drawn and cut. Under a trace too, for that is how a model
    is described, whose weights are then made one by one.
    """
    size = math.prod(shape)
    if size > _LARGEST_FLAT or not _is_partitionable_threefry(key):
        return _sample(law, key, shape, dtype, a, b)
    length = _SHORTEST_FLAT
    while length < size:
        length *= 4
    return _cut(_sample(law, key, (length,), dtype, a, b), shape)


def _is_partitionable_threefry(key: jax.Array) -> bool:
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    impl = str(jax.random.key_impl(key)) if typed else str(jax.config.jax_default_prng_impl)  # type: ignore[attr-defined]
    return impl == "threefry2x32" and bool(jax.config.jax_threefry_partitionable)  # type: ignore[attr-defined]


class _Random(Initializer):
    """Initializers that draw; `seed` is a field of each, at Keras's place among its arguments."""

    seed: int | None

    def __post_init__(self) -> None:
        if isinstance(self.seed, np.integer):
            object.__setattr__(self, "seed", int(self.seed))
        if self.seed is not None and not isinstance(self.seed, int):
            name = type(self).__name__
            raise ValueError(
                explain(
                    f"{name} got a seed of type {type(self.seed).__name__}, but it must be an int or None.",
                    received=repr(self.seed)[:80],
                    usually="a JAX key belongs in the call; a Keras SeedGenerator is hidden state, "
                    "which a pure function cannot keep.",
                    write=f"{name}()(key, shape)",
                )
            )
        for field in dataclasses.fields(self):  # scalar arrays have no hash
            value = getattr(self, field.name)
            if isinstance(value, np.generic | np.ndarray | jax.Array):
                object.__setattr__(self, field.name, value.item())

    def __call__(self, key: jax.Array | None, shape: Shape, dtype: DTypeLike = jnp.float32) -> jax.Array:
        if not jnp.issubdtype(jnp.float32 if dtype is None else dtype, jnp.inexact):
            name = type(self).__name__
            raise TypeError(
                explain(
                    f"{name} draws floating point numbers, not {np.dtype(dtype).name}.",
                    received=f"dtype {np.dtype(dtype).name}",
                    usually="the layer's dtype is an integer, or shape and dtype are swapped.",
                    write=f"{name}()(key, shape, jnp.float32)",
                )
            )
        shape, dtype = _standard(self, key, shape, dtype)
        return self._make(self._key(key), shape, dtype)

    def _make(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        raise NotImplementedError

    def _key(self, key: jax.Array | None) -> jax.Array:
        if self.seed is not None:
            # Keras makes its threefry key of the words (seed, 0); jax.random.key(seed) has (0, seed).
            words = np.array([self.seed & 0xFFFFFFFF, 0], np.uint32)
            # the barrier keeps XLA from drawing while it compiles, which takes minutes for a large weight
            return jax.random.wrap_key_data(jax.lax.optimization_barrier(jnp.asarray(words)), impl="threefry2x32")
        if key is None:
            name = type(self).__name__
            raise ValueError(
                explain(
                    f"{name} has no seed, so it needs a key to draw from.",
                    usually="None was passed for the key.",
                    write=f"{name}()(jax.random.key(0), shape)   # or {name}(seed=0)",
                )
            )
        return key

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        # A Keras SeedGenerator draws anew on each call. So does no seed, with its key.
        if isinstance(config.get("seed"), Mapping):
            config = {**config, "seed": None}
        return super().from_config(config, custom_objects)


def _check_choice(initializer: Initializer, name: str, choices: tuple[Any, ...]) -> None:
    value = getattr(initializer, name)
    if not (value is None or isinstance(value, str)) or value not in choices:
        kind = type(initializer).__name__
        raise ValueError(
            explain(
                f"{kind} got {name}={value!r}, which is none of {', '.join(map(repr, choices))}.",
                received=repr(value),
                write=f"{kind}({name}={choices[0]!r})",
            )
        )


@register(MODULE, aliases=("random_normal", "normal"))
@dataclasses.dataclass(frozen=True)
class RandomNormal(_Random):
    """Normal distribution.

    Args:
        mean: its mean.
        stddev: its standard deviation; Keras's default is 0.05, that of `jax.nn.initializers.normal` 0.01.
        seed: an integer to draw Keras's numbers for it, whatever the key.

    >>> print(f"{RandomNormal(stddev=2.0)(jax.random.key(0), (10_000,)).std():.1f}")
    2.0

    Reference: https://keras.io/api/layers/initializers/#randomnormal-class
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def _make(self, key: Any, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return _draw("normal", key, shape, dtype, self.stddev, self.mean)


@register(MODULE, aliases=("truncated_normal",))
@dataclasses.dataclass(frozen=True)
class TruncatedNormal(_Random):
    """Normal distribution cut off two standard deviations from its mean.

    Args:
        mean: its mean.
        stddev: its standard deviation before the cut; after it, 0.88 times that.
        seed: an integer to draw Keras's numbers for it, whatever the key.

    >>> print(f"{abs(TruncatedNormal(stddev=1.0)(jax.random.key(0), (10_000,))).max():.1f}")
    2.0

    Reference: https://keras.io/api/layers/initializers/#truncatednormal-class
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def _make(self, key: Any, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return _draw("truncated_normal", key, shape, dtype, self.stddev, self.mean)


@register(MODULE, aliases=("random_uniform", "uniform"))
@dataclasses.dataclass(frozen=True)
class RandomUniform(_Random):
    """Uniform distribution on `[minval, maxval)`.

    Args:
        minval: lower bound, included.
        maxval: upper bound, excluded.
        seed: an integer to draw Keras's numbers for it, whatever the key.

    >>> print(f"{RandomUniform(0.0, 1.0)(jax.random.key(0), (10_000,)).mean():.1f}")
    0.5

    Reference: https://keras.io/api/layers/initializers/#randomuniform-class
    """

    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def _make(self, key: Any, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return _draw("uniform", key, shape, dtype, self.minval, self.maxval)


def compute_fans(shape: Shape, input_axes: Axes = None, output_axes: Axes = None) -> tuple[int, int]:
    """How many inputs and outputs a weight connects.

    Args:
        shape: the weight's shape. Two axes are (inputs, outputs); the axes before the last two are a
            convolution's window, and multiply both.
        input_axes: the axes that count as inputs. Taken only together with `output_axes`, as in Keras.
        output_axes: the axes that count as outputs.

    Returns:
        `(fan_in, fan_out)`.

    >>> compute_fans((3, 3, 16, 32))
    (144, 288)

    Reference: Glorot and Bengio, http://proceedings.mlr.press/v9/glorot10a.html
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


# Standard deviation of a standard normal cut off at -2 and 2: scipy.stats.truncnorm.std(-2, 2).
_TRUNCATED_STD = 0.87962566103423978


@register(MODULE, aliases=("variance_scaling",))
@dataclasses.dataclass(frozen=True)
class VarianceScaling(_Random):
    r"""Random numbers of mean 0 and variance `scale / n`, with `n` from the weight's shape.

    .. math::
        \mathrm{Var}(w) = \mathrm{scale} / n, \qquad
        n \in \{\mathrm{fan_{in}}, \mathrm{fan_{out}}, (\mathrm{fan_{in}} + \mathrm{fan_{out}}) / 2\}

    Args:
        scale: positive.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` (or `"normal"`, as in Keras), `"untruncated_normal"` or `"uniform"`.
        seed: an integer to draw Keras's numbers for it, whatever the key.
        input_axes: the axes that count as inputs, see `compute_fans`.
        output_axes: the axes that count as outputs.

    Raises:
        ValueError: a scale that is not positive, or an unknown mode or distribution.

    >>> print(f"{VarianceScaling(2.0)(jax.random.key(0), (50, 1000)).var():.2f}")
    0.04

    Reference: https://keras.io/api/layers/initializers/#variancescaling-class
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"
    seed: int | None = None
    input_axes: Axes = None
    output_axes: Axes = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.scale > 0:
            raise ValueError(
                explain(
                    f"{type(self).__name__} got scale={self.scale!r}, but a variance must be positive.",
                    received=f"scale={self.scale!r}",
                    write="VarianceScaling(scale=1.0), or 'zeros'",
                )
            )
        if isinstance(self.distribution, str):
            distribution = self.distribution.lower()
            distribution = "truncated_normal" if distribution == "normal" else distribution
            object.__setattr__(self, "distribution", distribution)
        _check_choice(self, "mode", ("fan_in", "fan_out", "fan_avg"))
        _check_choice(self, "distribution", ("truncated_normal", "untruncated_normal", "uniform"))
        for name in ("input_axes", "output_axes"):  # lists, as JSON has them, have no hash
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))

    def _make(self, key: Any, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)  # an empty weight divides by 1
        match self.distribution:
            case "truncated_normal":
                stddev = math.sqrt(variance) / _TRUNCATED_STD
                return _draw("truncated_normal", key, shape, dtype, stddev, 0.0)
            case "untruncated_normal":
                return _draw("normal", key, shape, dtype, math.sqrt(variance), 0.0)
            case _:
                limit = math.sqrt(3 * variance)
                return _draw("uniform", key, shape, dtype, -limit, limit)


def _fixed(value: Any) -> Any:
    """A field of VarianceScaling that a named scheme fixes: neither an argument nor in the config."""
    return dataclasses.field(default=value, init=False, repr=False)


@register(MODULE, aliases=("glorot_uniform",))
@dataclasses.dataclass(frozen=True)
class GlorotUniform(VarianceScaling):
    """Uniform on `[-limit, limit]`, `limit = sqrt(6 / (fan_in + fan_out))`; Keras's default for kernels.

    Args:
        seed: an integer to draw Keras's numbers for it, whatever the key.
        input_axes: the axes that count as inputs, see `compute_fans`.
        output_axes: the axes that count as outputs.

    >>> print(f"{abs(GlorotUniform()(jax.random.key(0), (300, 300))).max():.2f}")
    0.10

    Reference: Glorot and Bengio, http://proceedings.mlr.press/v9/glorot10a.html
    """

    scale: float = _fixed(1.0)
    mode: str = _fixed("fan_avg")
    distribution: str = _fixed("uniform")


@register(MODULE, aliases=("glorot_normal",))
@dataclasses.dataclass(frozen=True)
class GlorotNormal(VarianceScaling):
    """Truncated normal of standard deviation `sqrt(2 / (fan_in + fan_out))`.

    Args:
        seed: an integer to draw Keras's numbers for it, whatever the key.
        input_axes: the axes that count as inputs, see `compute_fans`.
        output_axes: the axes that count as outputs.

    >>> print(f"{GlorotNormal()(jax.random.key(0), (100, 100)).std():.2f}")
    0.10

    Reference: Glorot and Bengio, http://proceedings.mlr.press/v9/glorot10a.html
    """

    scale: float = _fixed(1.0)
    mode: str = _fixed("fan_avg")
    distribution: str = _fixed("truncated_normal")


@register(MODULE, aliases=("he_uniform",))
@dataclasses.dataclass(frozen=True)
class HeUniform(VarianceScaling):
    """Uniform on `[-limit, limit]`, `limit = sqrt(6 / fan_in)`.

    Args:
        seed: an integer to draw Keras's numbers for it, whatever the key.
        input_axes: the axes that count as inputs, see `compute_fans`.
        output_axes: the axes that count as outputs.

    >>> print(f"{abs(HeUniform()(jax.random.key(0), (600, 100))).max():.2f}")
    0.10

    Reference: He et al., https://arxiv.org/abs/1502.01852
    """

    scale: float = _fixed(2.0)
    mode: str = _fixed("fan_in")
    distribution: str = _fixed("uniform")


@register(MODULE, aliases=("he_normal",))
@dataclasses.dataclass(frozen=True)
class HeNormal(VarianceScaling):
    """Truncated normal of standard deviation `sqrt(2 / fan_in)`.

    Args:
        seed: an integer to draw Keras's numbers for it, whatever the key.
        input_axes: the axes that count as inputs, see `compute_fans`.
        output_axes: the axes that count as outputs.

    >>> print(f"{HeNormal()(jax.random.key(0), (200, 100)).std():.2f}")
    0.10

    Reference: He et al., https://arxiv.org/abs/1502.01852
    """

    scale: float = _fixed(2.0)
    mode: str = _fixed("fan_in")
    distribution: str = _fixed("truncated_normal")


@register(MODULE, aliases=("lecun_uniform",))
@dataclasses.dataclass(frozen=True)
class LecunUniform(VarianceScaling):
    """Uniform on `[-limit, limit]`, `limit = sqrt(3 / fan_in)`.

    Args:
        seed: an integer to draw Keras's numbers for it, whatever the key.
        input_axes: the axes that count as inputs, see `compute_fans`.
        output_axes: the axes that count as outputs.

    >>> print(f"{abs(LecunUniform()(jax.random.key(0), (300, 100))).max():.2f}")
    0.10

    Reference: Klambauer et al., https://arxiv.org/abs/1706.02515
    """

    scale: float = _fixed(1.0)
    mode: str = _fixed("fan_in")
    distribution: str = _fixed("uniform")


@register(MODULE, aliases=("lecun_normal",))
@dataclasses.dataclass(frozen=True)
class LecunNormal(VarianceScaling):
    """Truncated normal of standard deviation `sqrt(1 / fan_in)`; goes with `selu`.

    Args:
        seed: an integer to draw Keras's numbers for it, whatever the key.
        input_axes: the axes that count as inputs, see `compute_fans`.
        output_axes: the axes that count as outputs.

    >>> print(f"{LecunNormal()(jax.random.key(0), (100, 100)).std():.2f}")
    0.10

    Reference: Klambauer et al., https://arxiv.org/abs/1706.02515
    """

    scale: float = _fixed(1.0)
    mode: str = _fixed("fan_in")
    distribution: str = _fixed("truncated_normal")


@register(MODULE, aliases=("orthogonal", "OrthogonalInitializer"))
@dataclasses.dataclass(frozen=True)
class Orthogonal(_Random):
    """A matrix with orthogonal columns (or rows, if it has fewer of them), from a QR decomposition.

    All axes but the last count as rows.

    Args:
        gain: factor of the matrix.
        seed: an integer to draw Keras's numbers for it, whatever the key.

    Raises:
        ValueError: on a call, for a shape of fewer than two dimensions.

    >>> q = Orthogonal()(jax.random.key(0), (4, 2))
    >>> print(bool(jnp.allclose(q.T.dot(q), jnp.eye(2), atol=1e-6)))
    True

    Reference: Saxe et al., https://arxiv.org/abs/1312.6120

    Differs from Keras: half precision works, by rounding a float32 matrix.
    """

    gain: float = 1.0
    seed: int | None = None

    def _make(self, key: Any, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        if len(shape) < 2:
            raise ValueError(
                explain(
                    f"Orthogonal makes matrices and kernels, but the shape has {len(shape)} dimensions.",
                    received=f"shape {shape}",
                    usually="it is the initializer of a bias or a scale.",
                    write="'zeros' for a bias, 'ones' for a scale",
                )
            )
        precise = _at_least_float32(dtype)  # there is no QR in half precision
        rows, columns = math.prod(shape[:-1]), shape[-1]
        matrix = _draw("normal", key, (max(rows, columns), min(rows, columns)), precise, 1.0, 0.0)
        return _orthogonalise(matrix, shape, self.gain).astype(dtype)


@functools.partial(jax.jit, static_argnums=1)
def _orthogonalise(matrix: jax.Array, shape: tuple[int, ...], gain: float) -> jax.Array:
    q, r = jnp.linalg.qr(matrix)
    q = q * jnp.sign(jnp.diagonal(r))[None, :]  # makes it uniform: Mezzadri, https://arxiv.org/abs/math-ph/0609050
    return gain * (q if shape[-1] == q.shape[1] else q.T).reshape(shape)


constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros


# ------------------------------------------------------------------ by name
def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Find an initializer by what a layer's `kernel_initializer=` may hold.

    Args:
        identifier: `None`, a name, a config, a class, an array (its values, by broadcasting), or any function
            `(key, shape, dtype)` such as those of `jax.nn.initializers`.
        custom_objects: your own classes and functions by name.

    Returns:
        A function `(key, shape, dtype) -> array`, or `None`.

    Raises:
        ValueError: an unknown name (the message lists the known ones), or a function written for Keras, whose
            first argument is the shape.

    >>> get("he_normal")
    HeNormal(seed=None, input_axes=None, output_axes=None)

    Reference: https://keras.io/api/layers/initializers/
    """
    if isinstance(identifier, np.ndarray | np.generic | jax.Array):
        return Constant(identifier.item() if isinstance(identifier, np.generic) else identifier)
    found = get_object(MODULE, identifier, custom_objects)
    if not isinstance(found, _Filled | _Jitted | _Random | Constant):
        _check_takes_key(found)
    return found


def _check_takes_key(function: Any) -> None:
    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # not callable, or without a readable signature
        return
    if parameters[:1] == ["shape"]:
        name = getattr(function, "__name__", type(function).__name__)
        raise ValueError(
            explain(
                f"An initializer takes (key, shape, dtype), but {name} takes the shape first.",
                received=f"{name}({', '.join(parameters)})",
                usually="it was written for Keras, which passes no key.",
                write=f"def {name}(key, shape, dtype=jnp.float32): ...",
            )
        )


def serialize(initializer: Any) -> Any:
    """Keras's config of an initializer.

    >>> serialize(Constant(0.5))["config"]
    {'value': 0.5}

    Reference: https://keras.io/api/layers/initializers/
    """
    return serialize_value(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The initializer that `serialize` (or Keras) described.

    A seed that is a Keras `SeedGenerator` is read as no seed.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> deserialize({"class_name": "RandomNormal", "config": {"stddev": 0.5}})
    RandomNormal(mean=0.0, stddev=0.5, seed=None)

    Reference: https://keras.io/api/layers/initializers/
    """
    return get(config, custom_objects)
