"""How much of a saved optimizer's state another optimizer goes on with.

The run says which moments it had, the user which optimizer goes on: the same one, one with a chain around it, with
another option, or another algorithm. Arrays that mean the same are found by where they lie below the state of their
own algorithm (`AdamState.momentum/dense/kernel`), whatever that lies in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from ...core import spec_of
from ...core.typing import PyTree
from .._files._tree_arrays import ArraySpecs
from ._array_places import OURS, Place, places


@dataclasses.dataclass(frozen=True)
class Carried:
    """Which arrays of an optimizer's state are taken from a saved one.

    Attributes:
        source: for each array of the new state that goes on, the path of the saved one.
        anew: the arrays of the new state that begin anew, and
        left: those of the saved one that nothing takes.
    """

    source: Mapping[str, str]
    anew: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def carry_over(new: PyTree, saved: ArraySpecs, saved_like: PyTree | None, weights: Iterable[str]) -> Carried:
    """Which arrays of a saved state are those of another one.

    An array of a rule goes on by itself. What counts or sets the pace of a rule (its numbers without a weight) goes on
    where the rule's own arrays do, as far as there are any: Adam's correction of moments that begin anew begins anew.

    Args:
        new: the state of the optimizer that goes on, as shapes.
        saved: shapes and dtypes of the saved state's arrays, by path.
        saved_like: the saved state as shapes, where its optimizer is known; else `None`.
        weights: the paths of the weights.

    Returns:
        What goes on, what begins anew and what is left.
    """
    expected, names = spec_of(new), tuple(weights)
    # arrays are compared by the classes on the way to them if the saved state's are known, else by names alone
    by_class = saved_like is not None and set(spec_of(saved_like)) == set(saved)
    here = places(new, by_class)
    old = places(saved_like, True) if by_class else {path: Place(tuple(path.split("/"))) for path in saved}
    if expected == saved and (not by_class or old == here):
        return Carried({path: path for path in expected})
    taken: dict[str, str] = {}
    for path, spec in expected.items():
        same = path in saved and saved[path] == spec and (not by_class or old[path].parts == here[path].parts)
        alike = [p for p, s in saved.items() if s == spec]
        source = path if same else _nearest(here[path], old, alike, by_class)
        if source is not None:
            taken[path] = source
    classes = places(new, True)
    taken = _with_their_rules(taken, classes, old, names, by_class)
    counts = [s for p, s in taken.items() if classes[p].parts[-1] == f"{OURS}iterations"]
    # a MultiOptimizer counts for itself the updates that its optimizers count
    taken |= {p: counts[0] for p, place in classes.items() if place.parts == ("MultiState.iterations",) and counts}
    # a rate that is a number replaces the last rate of a saved schedule
    handed = {p for p, s in taken.items() if old[s].scheduled and not here[p].scheduled}
    handed = {p for p in handed if p.endswith("learning_rate")}
    left = set(saved) - set(taken.values())
    return Carried(
        source={p: s for p, s in taken.items() if p not in handed},
        anew=tuple(p for p in expected if p not in taken),
        left=tuple(p for p in saved if p in left),
    )


def _nearest(place: Place, old: Mapping[str, Place], candidates: list[str], by_class: bool) -> str | None:
    """The saved array in the same place of the same rule; of several, the one whose path has the longest common end.

    By names alone, all of the shorter path must be the end of the longer one.
    """
    best, most = None, 0
    for other in sorted(candidates):
        alike, its = _alike(place.parts, old[other].parts), old[other]
        lengths = (len(place.parts) - place.begins, len(its.parts) - its.begins)
        if alike > most and alike >= (max(lengths) if by_class else min(lengths)):
            best, most = other, alike
    return best


def _alike(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many parts two paths have in common at their ends."""
    count = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        count += 1
    return count


def _with_their_rules(
    taken: Mapping[str, str],
    here: Mapping[str, Place],
    old: Mapping[str, Place],
    weights: tuple[str, ...],
    by_class: bool,
) -> dict[str, str]:
    """`taken` without the counts and rates of rules whose own arrays are not taken."""

    def is_array(path: str, place: Place) -> bool:
        return not place.is_average and any(path == w or path.endswith(f"/{w}") for w in weights)

    rules: dict[tuple[str, ...], list[str]] = {}
    for path, place in here.items():
        rules.setdefault(place.rule, []).append(path)
    kept = dict(taken)
    for members in rules.values():
        arrays = [p for p in members if is_array(p, here[p])]
        if any(p in taken for p in arrays):
            continue
        if not arrays and not here[members[0]].is_ours:
            continue  # optax's own count, which belongs to no arrays
        before = {_rule_of(taken[p], old, by_class) for p in members if p in taken}
        had = any(is_array(p, its) and _rule_of(p, old, by_class) in before for p, its in old.items())
        if arrays or had:
            kept = {p: s for p, s in kept.items() if p not in members or here[p].is_average}
    return kept


def _rule_of(path: str, old: Mapping[str, Place], by_class: bool) -> tuple[str, ...]:
    """The path of the rule that a saved array belongs to; by names alone, the part before fkeras's `inner`."""
    if by_class:
        return old[path].rule
    parts = path.split("/")
    return tuple(parts[: parts.index("inner")] if "inner" in parts else parts[:-1])
