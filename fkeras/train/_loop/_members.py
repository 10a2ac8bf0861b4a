"""The members of `fit_many`: which seeds, which hyperparameters, which fold."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...core import explain
from ...core.typing import ArrayLike

#: What `over=` takes: lists of values by name, or a list of settings.
Over = Mapping[str, Sequence[ArrayLike]] | Sequence[Mapping[str, ArrayLike]] | None


@dataclasses.dataclass(frozen=True)
class Member:
    """One model of many.

    Attributes:
        seed: what its weights, its randomness and its order of rows follow from.
        numbers: its hyperparameters, by name.
        fold: which part of the rows it is validated on; `None` without folds.
    """

    seed: int
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    fold: int | None = None

    @property
    def columns(self) -> dict[str, float | None]:
        """What tells it from the others, by name."""
        return {"seed": self.seed, **self.numbers, **({} if self.fold is None else {"fold": self.fold})}


def members_of(seeds: Iterable[int], over: Over, grid: bool, folds: int | None) -> tuple[Member, ...]:
    """The members, in order: for each seed each setting, and for each of those each fold.

    Args:
        seeds: one or more.
        over: `{"learning_rate": [0.1, 0.01]}`, or settings in a list, `[{"learning_rate": 0.1}, …]`.
        grid: whether each value of a name goes with each of the others; otherwise the first goes with the first.
        folds: how many folds there are, if any.

    Raises:
        TypeError, ValueError: what is no list of seeds, or of numbers; lists of several lengths that are no grid.

    >>> [m.columns for m in members_of([0], {"learning_rate": [0.1, 0.2], "weight_decay": [0, 1]}, False, None)]
    [{'seed': 0, 'learning_rate': 0.1, 'weight_decay': 0.0}, {'seed': 0, 'learning_rate': 0.2, 'weight_decay': 1.0}]
    >>> len(members_of(range(3), {"learning_rate": [0.1, 0.2], "weight_decay": [0, 1]}, True, 5))
    60
    """
    settings = _settings(over, grid)
    parts: Iterable[int | None] = [None] if folds is None else range(folds)
    return tuple(Member(*found) for found in itertools.product(_seeds(seeds), settings, parts))


def _seeds(seeds: object) -> list[int]:
    if isinstance(seeds, int | np.integer | str) or not isinstance(seeds, Iterable):
        raise TypeError(
            explain(
                "seeds is a list of seeds, one for each member.",
                received=repr(seeds)[:80],
                usually="how many members there should be.",
                write=f"seeds=range({seeds})" if isinstance(seeds, int) else "seeds=range(8)",
            )
        )
    found = list(seeds)
    wrong = [seed for seed in found if isinstance(seed, bool) or not hasattr(seed, "__index__")]
    if wrong or not found:
        raise ValueError(
            explain(
                "A seed is an integer, and there is at least one.",
                received=repr(wrong[0] if wrong else seeds)[:80],
                usually="keys of jax.random." if wrong else "an empty list.",
                write="seeds=range(8)",
            )
        )
    return [int(seed) for seed in found]


def _settings(over: Over, grid: bool) -> list[dict[str, float]]:
    if over is None:
        return [{}]
    if isinstance(over, Mapping):
        lists = {name: _values(name, values) for name, values in over.items()}
        lengths = {len(values) for values in lists.values()}
        if not grid and len(lengths) > 1:
            raise ValueError(
                explain(
                    "Lists that go together have one length.",
                    received=", ".join(f"{len(values)} of {name!r}" for name, values in lists.items()),
                    usually="each value was meant to go with each of the others.",
                    write="fit_many(..., over={...}, grid=True)",
                )
            )
        rows = itertools.product(*lists.values()) if grid else zip(*lists.values(), strict=True)
        return [dict(zip(lists, row, strict=True)) for row in rows] if lists else [{}]
    if isinstance(over, Sequence) and over and all(isinstance(one, Mapping) for one in over):
        if len({frozenset(one) for one in over}) > 1:
            raise ValueError(
                explain(
                    "Each setting names the same hyperparameters, as all members are one program.",
                    received="; ".join(sorted({", ".join(sorted(one)) for one in over}))[:120],
                    write='over=[{"learning_rate": 0.1, "weight_decay": 0.0}, ...]',
                )
            )
        return [{name: _values(name, [value])[0] for name, value in one.items()} for one in over]
    raise TypeError(
        explain(
            "over is a dict of lists of numbers, or a list of settings.",
            received=repr(over)[:80],
            write='over={"learning_rate": [1e-2, 1e-3]}',
        )
    )


def _values(name: str, values: Iterable[object]) -> list[float]:
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        found = np.zeros(())
    plain = found.ndim == 1 and found.size and not isinstance(values, str)
    if not plain or any(value is None or isinstance(value, bool | np.bool_) for value in values):
        raise ValueError(
            explain(
                f"over={{{name!r}: ...}} takes a list of numbers.",
                received=repr(values)[:80],
                usually="None or a flag among the numbers." if plain else "one number, which belongs to compile.",
                write=f"over={{{name!r}: [1e-2, 1e-3]}}",
            )
        )
    return [float(value) for value in found]
