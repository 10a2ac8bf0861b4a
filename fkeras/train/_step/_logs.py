"""Logs: the numbers of an evaluation or a batch, by name and in order."""

from __future__ import annotations

import html
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any, NoReturn

import jax
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ...core import Explanation, did_you_mean, explain


class NoSuchNumberError(KeyError):
    """Logs have no such number; unlike a KeyError it shows its message as it is."""

    def __str__(self) -> str:
        return str(self.args[0])


class Logs(NDArrayOperatorsMixin, Mapping[str, Any], Sequence[Any]):
    """Numbers by name, which unpack in the order of Keras's list: the loss, then the metrics as they were compiled.

    By name it is the mapping that Keras returns with `return_dict=True`: `logs["loss"]`, `logs.items()`,
    `"loss" in logs`, `dict(logs)`, `**logs`. In order it is the list that Keras returns by default: `loss, mae = logs`,
    `logs[0]`, `np.asarray(logs)`. So what it iterates is numbers: for the names there is `logs.keys()`. Where the loss
    is the only number it also counts as that number, as in Keras: `float(logs)`, `logs < 0.5`, `f"{logs:.3f}"`.

    It is frozen, and a pytree whose leaves are the numbers.

    Args:
        numbers: the numbers by name, in order.

    >>> logs = Logs({"loss": 0.5, "mae": 0.25})
    >>> loss, mae = logs
    >>> logs, loss, logs["mae"], dict(logs)
    ({'loss': 0.5, 'mae': 0.25}, 0.5, 0.25, {'loss': 0.5, 'mae': 0.25})

    Unlike Keras's list and dict it is both, see docs/decisions/logs_unpack_to_numbers.md.
    """

    __slots__ = ("_numbers",)

    _numbers: dict[str, Any]

    def __init__(self, numbers: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_numbers", dict(numbers.items()))

    # ------------------------------------------------------------------ by name
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key in self._numbers:
                return self._numbers[key]
            raise NoSuchNumberError(
                explain(
                    f"There is no number named {key!r} in these logs.",
                    usually=did_you_mean(key, self._numbers),
                    write=f"logs[{next(iter(self._numbers), 'loss')!r}]",
                )
            )
        if isinstance(key, slice) or hasattr(key, "__index__"):
            return list(self._numbers.values())[key]
        raise NoSuchNumberError(
            explain(
                "Logs are read by name or by place.",
                received=repr(key),
                usually="`for k in logs`, which gives the numbers, as Keras's list does.",
                write="for name, number in logs.items(): ...",
            )
        )

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def keys(self) -> KeysView[str]:
        """The names, in order."""
        return self._numbers.keys()

    def items(self) -> ItemsView[str, Any]:
        """The names with their numbers, in order."""
        return self._numbers.items()

    def values(self) -> ValuesView[Any]:
        """The numbers, in order."""
        return self._numbers.values()

    def __or__(self, other: Any) -> dict[str, Any]:
        return self._numbers | dict(other) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> dict[str, Any]:
        return dict(other) | self._numbers if isinstance(other, Mapping) else NotImplemented

    __ior__ = __or__  # `logs |= {...}` makes a dict

    # ------------------------------------------------------------------ in order
    def __iter__(self) -> Iterator[Any]:
        return iter(self._numbers.values())

    def __reversed__(self) -> Iterator[Any]:
        return reversed(self._numbers.values())

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def _fields(self) -> tuple[str, ...]:
        """The names, as tables of pandas ask a row with named fields for them."""
        return tuple(self._numbers)

    # ------------------------------------------------------------------ as one number
    def _number(self) -> Any:
        """The only number.

        Raises:
            TypeError: there are several.
        """
        if len(self._numbers) == 1:
            return next(iter(self._numbers.values()))
        raise TypeError(
            explain(
                f"These logs are {len(self._numbers)} numbers, not one.",
                received=", ".join(self._numbers),
                usually="metrics were compiled, and the loss alone was meant.",
                write='logs["loss"], or loss, ... = logs',
            )
        )

    def __float__(self) -> float:
        return float(self._number())

    def __round__(self, digits: int | None = None) -> Any:
        return round(float(self), digits)

    def __format__(self, spec: str) -> str:
        return format(self._number(), spec) if spec else str(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """What operators and numpy's functions make of it."""
        return getattr(ufunc, method)(*(x._number() if isinstance(x, Logs) else x for x in inputs), **kwargs)

    # ------------------------------------------------------------------ a value
    def __eq__(self, other: object) -> bool:
        return self._numbers == dict(other.items()) if isinstance(other, Mapping) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of any mapping that equals a dict

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(_frozen(name, value))

    def __setitem__(self, name: str, value: object) -> NoReturn:
        raise TypeError(_frozen(name, value))

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # protocols ask for many such names
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        write = f"logs[{name!r}]" if name in self._numbers else "numbers = dict(logs), which has all that a dict has"
        usually = "numbers are read by name, and logs do not change." if name in dir(dict) else ""
        raise AttributeError(explain(f"Logs have no attribute {name!r}.", usually=usually, write=write))

    def __reduce__(self) -> Any:
        return Logs, (self._numbers,)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: {shown(number)}" for name, number in self._numbers.items()) + "}"

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th style="text-align:left">{html.escape(name)}</th><td>{html.escape(shown(number))}</td></tr>'
            for name, number in self._numbers.items()
        )
        return f"<table>{cells}</table>"


jax.tree_util.register_pytree_with_keys(
    Logs,
    lambda logs: (tuple((jax.tree_util.DictKey(k), v) for k, v in logs.items()), tuple(logs.keys())),
    lambda names, numbers: Logs(dict(zip(names, numbers, strict=True))),
    lambda logs: (tuple(logs.values()), tuple(logs.keys())),
)


def shown(number: Any) -> str:
    """A number in the fewest digits that give it back: those of float32, where it is one.

    >>> shown(float(np.float32(0.1))), shown(0.5 + 2**-40)
    ('0.1', '0.5000000000009095')
    """
    if np.ndim(number) or not isinstance(number, float):
        return repr(number)
    return str(np.float32(number)) if float(np.float32(number)) == number else repr(number)


def as_asked(logs: Mapping[str, Any], return_dict: bool | None) -> Any:
    """What a verb returns: `Logs`, or what Keras returns with `return_dict`.

    Args:
        logs: the numbers, in order.
        return_dict: `None` for `Logs`; `True` for a plain dict; `False` for a list, or the number where there is one.

    Raises:
        TypeError: a `return_dict` that is neither.

    >>> as_asked({"loss": 0.5}, None), as_asked({"loss": 0.5}, False), as_asked({"loss": 0.5, "mae": 1.0}, False)
    ({'loss': 0.5}, 0.5, [0.5, 1.0])
    """
    if return_dict is None:
        return Logs(logs)
    check_return_dict(return_dict)
    numbers = list(logs.values())
    return dict(logs) if return_dict else numbers[0] if len(numbers) == 1 else numbers


def check_return_dict(return_dict: object) -> None:
    """Refuse a `return_dict` that says nothing, before anything runs.

    Raises:
        TypeError: neither a boolean nor `None`.
    """
    if return_dict is not None and not isinstance(return_dict, bool | np.bool_):
        raise TypeError(
            explain(
                "return_dict is True for a dict, False for a list; without it the result is both.",
                received=repr(return_dict)[:80],
                write='loss, mae = trainer.evaluate(state, x, y), or trainer.evaluate(state, x, y)["loss"]',
            )
        )


def in_order(logs: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Logs in the order of `names`, and after them what has none of those: a compiled step returns them sorted.

    >>> in_order({"a": 1, "kl": 2, "loss": 3, "mae": 4}, ("loss", "mae", "a"))
    {'loss': 3, 'mae': 4, 'a': 1, 'kl': 2}
    """
    return {**{name: logs[name] for name in names if name in logs}, **logs}


def _frozen(name: str, value: object) -> Explanation:
    return explain(
        "Logs are a result, and stay what they are.",
        received=f"{name} = {str(value)[:40]}",
        usually="another number that belongs beside them.",
        write=f"numbers = {{**logs, {name!r}: value}}",
    )
