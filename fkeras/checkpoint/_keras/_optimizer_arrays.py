"""The state of an optimizer in a file of Keras 1 or 2, at the places where Keras 3's files have it.

Optimizers before Keras 2.11 kept all first moments and then all second ones; those since, and Keras 3's, keep both of
each weight together. Shapes tell which of the two a file has, and where they do not, the name of the class does.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from ...core import ArraySpec
from .._files._tree_arrays import ArraySpecs
from ._optimizers import Slot
from ._weights_source import WeightsSource


@dataclasses.dataclass(frozen=True)
class ArrayInFile:
    """An array of a layer or of an optimizer.

    Attributes:
        name: what the file calls it, as in `"dense/kernel:0"`.
        path: the path of the dataset.
        spec: its shape and dtype.
    """

    name: str
    path: str
    spec: ArraySpec

    @property
    def leaf(self) -> str:
        """The last part of its name: `"kernel"`."""
        return self.name.rpartition("/")[2].partition(":")[0]


# What is kept once, and no weight's.
_ONCE = {"iter", "iteration", "iterations", "learning_rate", "momentum_cache", "u_product", "m_schedule"}
_OF_A_SCALE = ("step_counter", "dynamic_scale")
_COUNTS = ("iter", "iteration", "iterations")
# Kept together for each weight by the optimizers before Keras 2.11 as well.
_ALWAYS_TOGETHER = ("Ftrl",)


@dataclasses.dataclass
class OptimizerArrays:
    """Arrays of a file by the places of Keras 3's optimizer variables: a `WeightsSource`.

    Attributes:
        file: the file.
        at: the path in the file of each place that it has, and
        made: the values of those that the compile config tells.
        specs: shape and dtype of each.
        label, size: as in the file.
    """

    file: WeightsSource
    at: Mapping[str, str]
    made: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        self.label, self.size = self.file.label, self.file.size
        told = {place: (tuple(value.shape), value.dtype.name) for place, value in self.made.items()}
        self.specs: ArraySpecs = {**told, **{place: self.file.specs[path] for place, path in self.at.items()}}

    def check_room(self, paths: Iterable[str]) -> None:
        self.file.check_room([self.at[place] for place in paths if place in self.at])

    def read(self, path: str) -> np.ndarray:
        return self.made[path] if path in self.made else self.file.read(self.at[path])


def arranged(
    arrays: Sequence[ArrayInFile], slots: Mapping[str, Slot], weights: Sequence[str], name: str, together: bool
) -> tuple[dict[str, str], list[ArrayInFile]] | None:
    """The file's path for each place of an optimizer's variables.

    Args:
        arrays: what the file has, in its order.
        slots: Keras 3's places of the optimizer's variables.
        weights: the weights that train, in the order of the file.
        name: the optimizer's name.
        together: whether the arrays of one weight are likely together.

    Returns:
        `({place: path}, arrays that nothing takes)`; `None` where they do not fit.
    """
    shapes = {slot.shape for slot in slots.values() if (slot.path or "").endswith(tuple(f"/{w}" for w in weights))}
    arrays = _counted(arrays) if () not in shapes else list(arrays)
    once = [a for a in arrays if a.leaf in _ONCE or a.leaf in _OF_A_SCALE]
    rest = [a for a in arrays if a not in once]
    of_tree = _by_tree(slots, weights)
    if sum(map(len, of_tree)) > len(rest):
        return None
    likely = together or name in _ALWAYS_TOGETHER
    for order in (likely, not likely):
        listed = list(_in_order(of_tree, order, rest, name))
        pairs = list(zip(listed, rest, strict=False))
        if len(listed) <= len(rest) and all(p is None or slots[p].shape == a.spec[0] for p, a in pairs):
            taken = {place: array.path for place, array in pairs if place is not None}
            left = [a for a, p in itertools.zip_longest(rest, listed) if p is None]
            return {**taken, **_kept_once(once, slots)}, left
    return None


def _counted(arrays: Sequence[ArrayInFile]) -> list[ArrayInFile]:
    """The arrays with names for those of one number: Keras 1 has first the count of steps, then Nadam's product."""
    names = iter(() if any(a.leaf in _COUNTS for a in arrays) else ("iterations", "m_schedule"))
    return [a if a.spec[0] or a.leaf in _ONCE else dataclasses.replace(a, name=next(names, a.name)) for a in arrays]


def _by_tree(slots: Mapping[str, Slot], weights: Sequence[str]) -> list[list[str]]:
    """The places of each tree of the state, in the order of the file's weights."""
    place_of = {slot.path: place for place, slot in slots.items() if slot.path is not None}
    trees: dict[str, None] = {}
    for path in place_of:
        tree = next((path[: -len(w) - 1] for w in weights if path.endswith(f"/{w}")), None)
        if tree is not None:
            trees[tree] = None
    return [[place_of[f"{tree}/{w}"] for w in weights if f"{tree}/{w}" in place_of] for tree in trees]


def _in_order(trees: list[list[str]], together: bool, rest: Sequence[ArrayInFile], name: str) -> Iterator[str | None]:
    """The places in the file's order; `None` for an array that the optimizer here does not have."""
    if not together:
        yield from itertools.chain(*trees)
        return
    first = trees[:2] if name not in ("RMSprop", "SGD") else trees[:1]
    for places in zip(*first, strict=True):
        yield from places
    yield from itertools.chain(*trees[len(first) :])


def _kept_once(once: Sequence[ArrayInFile], slots: Mapping[str, Slot]) -> dict[str, str]:
    found: dict[str, str] = {}
    for array in once:
        for place, slot in slots.items():
            end = (slot.path or "").rpartition("/")[2]
            is_count = array.leaf in _COUNTS and end == "iterations"
            is_product = array.leaf in ("momentum_cache", "u_product", "m_schedule") and end == "u_product"
            if is_count or is_product or (array.leaf == end and end in ("learning_rate", *_OF_A_SCALE)):
                found[place] = array.path
    return found
