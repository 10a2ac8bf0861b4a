"""Arguments of image layers: strengths and their bounds, ranges of values, ways of filling and interpolating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeGuard

from ...core import explain
from .. import _arguments as arg
from ._types import Factor, ValueRange


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a real number and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_pair(value: object) -> TypeGuard[Sequence[float]]:
    """Whether a value is two numbers."""
    return isinstance(value, list | tuple) and len(value) == 2 and all(is_number(v) for v in value)


def _refuse(name: str, value: object, low: float, high: float) -> ValueError:
    """The error for a strength out of its range."""
    return ValueError(
        explain(
            f"`{name}` must be a number or two numbers in the range [{low}, {high}].",
            received=f"{name}={value!r}",
            usually="a strength in another unit (degrees, percent, pixels).",
            write=f"{name}={(max(low, 0), high)}",
        )
    )


def factor(low: float, high: float, name: str = "factor") -> Callable[[Factor | None], tuple[float, float]]:
    """A converter: a strength `f` as the bounds `(-f, f)` within `[low, high]`, or the two bounds in order."""

    def convert(value: Factor | None) -> tuple[float, float]:
        value = 0.0 if value is None else value
        if is_pair(value) and value[0] <= high and value[1] >= low:
            return min(value), max(value)
        if is_number(value) and low <= value <= high:
            return max(-abs(value), low), abs(value)
        raise _refuse(name, value, low, high)

    return convert


def positive(name: str) -> Callable[[float], float]:
    """A converter: a number above 0."""

    def convert(value: float) -> float:
        if not is_number(value) or value <= 0:
            raise ValueError(explain(f"`{name}` must be a number above 0.", received=repr(value), write=f"{name}=0.2"))
        return float(value)

    return convert


def shear(name: str) -> Callable[[Factor | None], tuple[float, float]]:
    """A converter: a strength in [0, 1] as `(-f, f)`, or two such."""

    def convert(value: Factor | None) -> tuple[float, float]:
        # what this made of a number comes back in configs: (-f, f)
        if is_pair(value) and (all(0 <= v <= 1 for v in value) or (-value[0] == value[1] and 0 <= value[1] <= 1)):
            return min(value), max(value)
        if is_number(value) and 0 <= value <= 1:
            return -value, value
        raise _refuse(name, value, 0, 1)

    return convert


def solar(name: str) -> Callable[[Factor | None], tuple[float, float]]:
    """A converter: a strength in [0, 1] as `(0, f)`, or two such."""

    def convert(value: Factor | None) -> tuple[float, float]:
        if is_pair(value) and all(0 <= v <= 1 for v in value):
            return min(value), max(value)
        if is_number(value) and 0 <= value <= 1:
            return 0, value
        raise _refuse(name, value, 0, 1)

    return convert


def as_given(name: str, low: float, high: float, above: bool = False) -> Callable[[Factor], Factor]:
    """A converter: one or two numbers in `[low, high]` (above `low` where `above`), which stay as given."""

    def convert(value: Factor) -> Factor:
        values = value if is_pair(value) else [value]
        if not all(is_number(v) and low <= v <= high and not (above and v == low) for v in values):
            raise _refuse(name, value, low, high)
        return tuple(value) if is_pair(value) else value

    return convert


def bounds(value: Factor) -> tuple[float, float]:
    """The two bounds that a number or a pair stands for."""
    return (-abs(value), abs(value)) if isinstance(value, int | float) else (min(value), max(value))


def optional(convert: Callable[[Factor], Factor]) -> Callable[[Factor | None], Factor | None]:
    """A converter that also takes `None`."""
    return lambda value: None if value is None else convert(value)


def _two(value: ValueRange) -> tuple[float, float]:
    """The two numbers of a range; an error for anything else."""
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(is_number(v) for v in value):
        raise ValueError(
            explain(
                "`value_range` must be two numbers: the smallest and the largest value of a pixel.",
                received=f"value_range={value!r}",
                write="value_range=(0, 255)",
            )
        )
    return tuple(value)  # type: ignore[return-value]


def value_range(value: ValueRange) -> tuple[float, float]:
    """A converter: the smallest and the largest value of a pixel, as given."""
    return _two(value)


def sorted_range(value: ValueRange) -> tuple[float, float]:
    """A converter: the smallest and the largest value of a pixel, in order."""
    low, high = sorted(_two(value))
    return low, high


fill_mode = arg.one_of("fill_mode", "reflect", "wrap", "constant", "nearest")
any_fill_mode = arg.one_of("fill_mode", "constant", "nearest", "wrap", "mirror", "reflect")
interpolation = arg.one_of("interpolation", "nearest", "bilinear")
