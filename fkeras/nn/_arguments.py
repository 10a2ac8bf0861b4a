"""Constructor arguments that many layers share: their types, and fields with their checks.

A field takes more than it holds: when the layer is made, `activation="relu"` becomes a function and `kernel_size=3`
becomes `(3, 3)`. A type checker knows one type for both, so a name that ends in `Like` is what the field holds, or
anything that its converter takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import jax
import numpy as np

from ..core import explain, field
from ..core.typing import Config
from . import activations, constraints, initializers, regularizers

T = TypeVar("T")

#: A function of the outputs; or its name, or `None`, which is linear.
ActivationLike: TypeAlias = Callable[..., jax.Array] | Any
#: `(key, shape, dtype) -> array`; or its name or config.
InitializerLike: TypeAlias = Callable[..., jax.Array] | Any
#: A function of an array, whose value joins the loss; or its name or config; `None` for nothing.
RegularizerLike: TypeAlias = Callable[..., jax.Array] | Any | None
#: A projection of a weight; or its name or config; `None` for nothing.
ConstraintLike: TypeAlias = Callable[..., jax.Array] | Any | None
#: Sizes, one for each axis; or one integer for all.
SizesLike: TypeAlias = tuple[int, ...] | Any
#: A pair `(before, after)` for each axis; or one integer for all, or one for each.
PairsLike: TypeAlias = tuple[tuple[int, int], ...] | Any
#: An axis, or several.
AxesLike: TypeAlias = int | tuple[int, ...] | Any
#: `"channels_last"`, which `None` stands for, or `"channels_first"`.
DataFormat: TypeAlias = str | None
#: A config of `fk.quantizers`; `None` for what the mode is by default.
QuantizationLike: TypeAlias = Any | None
#: A constructor's arguments by position, before they are checked.
Positional: TypeAlias = tuple[object, ...]
#: A constructor's arguments by name, before they are checked.
Keywords: TypeAlias = dict[str, object]


def activation(default: ActivationLike = None) -> Any:
    """A field for an activation by name or function; `None` is linear."""
    return field(default, convert=activations.get)


def initializer(default: InitializerLike) -> Any:
    """A field for an initializer by name, config or object."""
    return field(default, convert=initializers.get)


def regularizer() -> Any:
    """A field for a regularizer by name, config or object; none by default."""
    return field(None, convert=regularizers.get)


def constraint() -> Any:
    """A field for a constraint by name, config or object; none by default."""
    return field(None, convert=constraints.get)


def positive(name: str) -> Any:
    """A field for a required positive integer (`units`, `filters`)."""
    return field(convert=lambda value: positive_int(value, name))


def positive_int(value: Any, name: str) -> int:
    """`value` as a positive `int`.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value <= 0:
        raise ValueError(
            explain(
                f"`{name}` must be a positive integer.",
                received=f"{name}={value!r}",
                usually="arguments in another order, or a size that was computed as a float.",
                write=f"{name}=32",
            )
        )
    return int(value)


def counted(name: str) -> Callable[[object], int | None]:
    """A converter: a positive integer, or `None`."""
    return lambda value: None if value is None else positive_int(value, name)


def sizes(rank: int, name: str, allow_zero: bool = False) -> Callable[[SizesLike | None], Any]:
    """A converter: one integer, or `rank` of them, as a tuple (`kernel_size`, `strides`)."""

    def convert(value: SizesLike | None) -> tuple[int, ...] | None:
        if value is None:
            return None
        values = tuple(value) if isinstance(value, list | tuple | np.ndarray) else (value,) * rank
        low = 0 if allow_zero else 1
        if len(values) != rank or not all(isinstance(v, int | np.integer) and v >= low for v in values):
            raise ValueError(
                explain(
                    f"`{name}` must be {'a non-negative' if allow_zero else 'a positive'} integer or {rank} of them.",
                    received=f"{name}={value!r}",
                    usually="the size of a layer of another rank.",
                    write=f"{name}={(2,) * rank if rank > 1 else 2}",
                )
            )
        return tuple(int(v) for v in values)

    return convert


def one_of(name: str, *choices: T) -> Callable[[T | None], T]:
    """A converter: the value must be one of the choices; strings in lower case."""

    def convert(value: Any) -> T:
        value = value.lower() if isinstance(value, str) else value
        if value not in choices:
            raise ValueError(
                explain(
                    f"`{name}` must be one of {choices}.", received=f"{name}={value!r}", write=f"{name}={choices[0]!r}"
                )
            )
        return value

    return convert


def data_format(value: DataFormat) -> str:
    """`channels_last` (the default, `None`) or `channels_first`."""
    return one_of("data_format", "channels_last", "channels_first")("channels_last" if value is None else value)


def fraction(name: str) -> Callable[[object], int | float]:
    """A converter: a rate in [0, 1]."""

    def convert(value: object) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
            raise ValueError(
                explain(
                    f"`{name}` must be a number between 0 and 1.",
                    received=f"{name}={value!r}",
                    usually="a percentage, or the fraction to keep instead of the one to drop.",
                    write=f"{name}=0.5",
                )
            )
        return value  # type: ignore[return-value]  # as given: the config says 0, not 0.0, where the user did

    return convert


def no_weights(value: object) -> None:
    """A converter for the `weights` of Keras's Bidirectional, which does nothing with them: only `None`."""
    if value is not None:
        raise ValueError(
            explain(
                "`weights` is no argument that this layer starts from.",
                received=f"weights={value!r:.80}",
                usually="Keras 2's way to give weights to a layer that is made.",
                write="variables = model.init(key); variables['params']['bidirectional'] = {...} of the same structure",
            )
        )


def quantization(value: object) -> object:
    """A converter: `None`, or an object of `fk.quantizers` that says how a layer's weights are quantised.

    Raises:
        ValueError: something else.
    """
    if value is None or (hasattr(value, "mode") and hasattr(value, "get_config")):
        return value
    raise ValueError(
        explain(
            "`quantization_config` is a config of fk.quantizers.",
            received=repr(value)[:80],
            usually="a mode's name, which a layer takes as its dtype.",
            write='dtype="int8_from_float32", quantization_config=fk.quantizers.Int8QuantizationConfig()',
        )
    )


def without_lora(config: Config, lora_rank: int | None) -> Config:
    """A config without the LoRA arguments where they are not set: Keras writes them only when they are."""
    return config if lora_rank else {k: v for k, v in config.items() if k not in ("lora_rank", "lora_alpha")}
