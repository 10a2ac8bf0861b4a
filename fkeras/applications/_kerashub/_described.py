"""What a preset's JSON describes: the class that it names, and its arguments, read one by one."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import TypeVar

from ...core import explain, read_json

T = TypeVar("T")

_REQUIRED = object()
#: Sizes of a model are below this, and so is how many layers it has: a file cannot make a description without end.
MOST_SIZE, MOST_LAYERS = 1 << 24, 1_000
# Arguments of every layer, which change no number; weights are kept in single precision, as KerasHub does by default.
_OF_LAYERS = ("name", "trainable", "dtype")
_FLOATS = ("float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")


class Described:
    """A class of KerasHub, by its registered name, with its arguments; each of them is asked for by its kind.

    Args:
        said: the JSON of one object.
        where: what messages call it.

    Attributes:
        name: the registered name, `"keras_hub>BertBackbone"`.
        where: what messages call it.

    Raises:
        ValueError: no description of an object, or one of numbers in few bits.
    """

    def __init__(self, said: object, where: str) -> None:
        self.where = where
        name, arguments = (
            said.get(key) if isinstance(said, Mapping) else None for key in ("registered_name", "config")
        )
        if not isinstance(name, str) or not isinstance(arguments, Mapping):
            raise self._refuse(f"registered_name={name!r:.80}, a {type(said).__name__}", "the file of another program.")
        self.name: str = name
        self._arguments = dict(arguments)
        self._asked: set[str] = set(_OF_LAYERS)
        self._check_precision()

    def _check_precision(self) -> None:
        """Refuse weights in few bits, whose files have other arrays."""
        policy = self._arguments.get("dtype")
        name = policy.get("config") if isinstance(policy, Mapping) else policy
        name = name.get("name") if isinstance(name, Mapping) else name
        if policy is not None and name not in _FLOATS:
            raise ValueError(
                explain(
                    f"{self.where} describes weights in few bits, which are not read here.",
                    received=f"dtype {policy!r:.120}",
                    write="model.quantize(variables, 'int8') of the preset in whole floats",
                )
            )

    def _refuse(
        self, received: str, usually: str = "an edited file, or one of a later version of KerasHub."
    ) -> ValueError:
        return ValueError(
            explain(
                f"{self.where} is not described as KerasHub does.",
                received=received,
                usually=usually,
                write="a directory that keras_hub's save_to_preset wrote",
            )
        )

    # ------------------------------------------------------------------ one argument, by its kind
    def _value(self, name: str, default: object) -> object:
        self._asked.add(name)
        value = self._arguments.get(name, default)
        if value is _REQUIRED:
            raise self._refuse(f"no {name!r} among {sorted(map(str, self._arguments))[:20]}")
        return value

    def whole(self, name: str, default: int | object = _REQUIRED, most: int = MOST_SIZE) -> int:
        """A positive whole number."""
        value = self._value(name, default)
        if type(value) is not int or not 0 < value <= most:
            raise self._refuse(f"{name}={value!r:.80}, no whole number from 1 to {most:,}")
        return value

    def number(self, name: str, default: float | object = _REQUIRED, most: float = 1e30) -> float:
        """A number that is not negative."""
        value = self._value(name, default)
        if type(value) not in (int, float) or not 0 <= value <= most:  # type: ignore[operator]
            raise self._refuse(f"{name}={value!r:.80}, no number from 0 to {most:g}")
        return float(value)  # type: ignore[arg-type]

    def flag(self, name: str, default: bool | object = _REQUIRED) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self._refuse(f"{name}={value!r:.80}, neither true nor false")
        return value

    def sizes(self, name: str, count: int) -> tuple[int, ...]:
        """So many positive whole numbers, or one for all of them."""
        value = self._value(name, _REQUIRED)
        values = value if isinstance(value, list) else [value] * count
        if len(values) != count or not all(type(v) is int and 0 < v <= MOST_SIZE for v in values):
            raise self._refuse(f"{name}={value!r:.80}, where {count} sizes are expected")
        return tuple(values)

    def one_of(self, name: str, choices: tuple[T, ...], default: T) -> T:
        """One of some values, `default` where the file has none."""
        value = self._value(name, default)
        for choice in choices:
            if type(choice) is type(value) and choice == value:
                return choice
        raise self._refuse(f"{name}={value!r:.80}, which is none of {choices}", "a variant that fkeras does not have.")

    def maybe_whole(self, name: str) -> int | None:
        """A positive whole number, or null."""
        return None if self._value(name, None) is None else self.whole(name)

    def maybe_number(self, name: str) -> float | None:
        """A number that is not negative, or null."""
        return None if self._value(name, None) is None else self.number(name)

    def inner(self, name: str) -> Described | None:
        """Another object among the arguments, or null."""
        value = self._value(name, None)
        return None if value is None else Described(value, f"{name!r} of {self.where}")

    def passed(self, *names: str) -> None:
        """Arguments that change no number of the model."""
        self._asked.update(names)

    def check_all_asked(self) -> None:
        """Refuse arguments that nothing asked for: they may change what the model computes.

        Raises:
            ValueError: naming them.
        """
        rest = {k: v for k, v in self._arguments.items() if k not in self._asked and v is not None}
        if rest:
            raise self._refuse(f"also {', '.join(f'{k}={v!r:.40}' for k, v in sorted(rest.items())[:8])}")

    def same_arguments(self, other: Described) -> bool:
        """Whether another object has the same class and arguments, but for those of every layer."""
        mine, theirs = ({k: v for k, v in d._arguments.items() if k not in _OF_LAYERS} for d in (self, other))
        return self.name == other.name and mine == theirs


def read_described(path: pathlib.Path) -> Described:
    """The object that a JSON file describes.

    Raises:
        ValueError: no JSON, or no description.
    """
    with path.open("rb") as file:
        return Described(read_json(file.read(_MOST_JSON + 1), repr(str(path)), _MOST_JSON), repr(str(path)))


# A preset's JSON has some kilobytes; a tokenizer's special tokens may be a few hundred.
_MOST_JSON = 4 << 20
