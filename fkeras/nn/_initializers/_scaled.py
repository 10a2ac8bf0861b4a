"""Random numbers whose variance follows from how many inputs and outputs a weight connects."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np

from ...core import explain, register
from ...core.typing import Array, Key
from ._base import MODULE, Shape, check_choice
from ._drawing import draw
from ._random import RandomInitializer

#: Which axes count; `None` for the usual ones.
Axes: TypeAlias = Sequence[int] | None

Value = TypeVar("Value")


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
class VarianceScaling(RandomInitializer):
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

    >>> import jax
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
        check_choice(self, "mode", ("fan_in", "fan_out", "fan_avg"))
        check_choice(self, "distribution", ("truncated_normal", "untruncated_normal", "uniform"))
        for name in ("input_axes", "output_axes"):  # lists, as JSON has them, have no hash
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))

    def _make(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)  # an empty weight divides by 1
        match self.distribution:
            case "truncated_normal":
                stddev = math.sqrt(variance) / _TRUNCATED_STD
                return draw("truncated_normal", key, shape, dtype, stddev, 0.0)
            case "untruncated_normal":
                return draw("normal", key, shape, dtype, math.sqrt(variance), 0.0)
            case _:
                limit = math.sqrt(3 * variance)
                return draw("uniform", key, shape, dtype, -limit, limit)


def _fixed(value: Value) -> Value:
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

    >>> import jax
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

    >>> import jax
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

    >>> import jax
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

    >>> import jax
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

    >>> import jax
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

    >>> import jax
    >>> print(f"{LecunNormal()(jax.random.key(0), (100, 100)).std():.2f}")
    0.10

    Reference: Klambauer et al., https://arxiv.org/abs/1706.02515
    """

    scale: float = _fixed(1.0)
    mode: str = _fixed("fan_in")
    distribution: str = _fixed("truncated_normal")
