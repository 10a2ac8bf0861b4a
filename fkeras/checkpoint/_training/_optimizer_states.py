"""How much of a saved optimizer's state another optimizer goes on with.

The run says which moments it had, the user which optimizer goes on: the same one, one with a chain around it, with
another option, or another algorithm. Arrays that mean the same are found by where they lie below the state of their
own algorithm (`AdamState.momentum/dense/kernel`), whatever that lies in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax

from ...core import explain
from ...train.optimizers import OptimizerState
from .._files._report import Spec
from .._files._warnings import warn
from .._orbax import _directory


@dataclasses.dataclass(frozen=True)
class Carried:
    """What goes on.

    Attributes:
        source: for each array of the new state that goes on, the path of the saved one.
        anew: the arrays of the new state that begin anew, and
        left: those of the saved one that nothing takes.
    """

    source: Mapping[str, str]
    anew: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class _Place(NamedTuple):
    """Where an array is: the parts of its path with the classes that they are fields of, and where its rule begins."""

    parts: tuple[str, ...]
    begins: int = 0
    scheduled: bool = False

    @property
    def rule(self) -> tuple[str, ...]:
        """What leads to the rule that the array belongs to."""
        return self.parts[: self.begins]

    @property
    def is_ours(self) -> bool:
        """Whether the rule is an optimizer of fkeras."""
        return self.parts[self.begins].startswith(_OURS)

    @property
    def is_average(self) -> bool:
        """Whether it is a moving average of a weight, which is one whatever the rule."""
        return f"{_OURS}ema" in self.parts


_OURS = "OptimizerState."


def carry_over(new: Any, saved: Spec, saved_like: Any, weights: Iterable[str]) -> Carried:
    """Which arrays of a saved state are those of another one.

    Args:
        new: the state of the optimizer that goes on, as shapes.
        saved: shapes and dtypes of the saved state's arrays, by path.
        saved_like: the saved state as shapes, where its optimizer is known; else `None`.
        weights: the paths of the weights.

    An array of a rule goes on by itself. What counts or sets the pace of a rule (its numbers without a weight) goes on
    where the rule's own arrays do, as far as there are any: Adam's correction of moments that begin anew begins anew.
    """
    expected, names = _directory.spec_of(new), tuple(weights)
    known = saved_like is not None and set(_directory.spec_of(saved_like)) == set(saved)
    places = _places(new, known)
    old = _places(saved_like, True) if known else {path: _Place(tuple(path.split("/"))) for path in saved}
    if expected == saved and (not known or old == places):
        return Carried({path: path for path in expected})
    taken: dict[str, str] = {}
    for path, spec in expected.items():
        same = path in saved and saved[path] == spec and (not known or old[path].parts == places[path].parts)
        found = path if same else _nearest(places[path], old, [p for p, s in saved.items() if s == spec], known)
        if found is not None:
            taken[path] = found
    classes = _places(new, True)
    taken = _with_their_rules(taken, classes, old, names, known)
    counts = [s for p, s in taken.items() if classes[p].parts[-1] == f"{_OURS}iterations"]
    # a MultiOptimizer counts for itself the updates that its optimizers count
    taken |= {p: counts[0] for p, place in classes.items() if place.parts == ("MultiState.iterations",) and counts}
    # a number takes the place of the last rate of a schedule
    handed = {p for p, source in taken.items() if old[source].scheduled and not places[p].scheduled}
    handed = {p for p in handed if p.endswith("learning_rate")}
    left = set(saved) - set(taken.values())
    source = {p: s for p, s in taken.items() if p not in handed}
    anew = tuple(p for p in expected if p not in taken)
    return Carried(source, anew, tuple(p for p in saved if p in left))


def _places(state: Any, known: bool) -> dict[str, _Place]:
    """Where each array of a state is, by its path; by names alone where the other one's classes are not known."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    found = {}
    for name, (path, _) in zip(_directory.spec_of(state), leaves, strict=True):
        node, parts, begins, within, scheduled = state, [], 0, False, False
        for i, key in enumerate(path):
            text = jax.tree_util.keystr((key,), simple=True)
            if isinstance(node, tuple) and hasattr(node, "_fields"):
                begins = begins if within else i  # in one of ours all that is inside belongs to it
                within = within or isinstance(node, OptimizerState)
                scheduled = scheduled or type(node).__name__ == "ScheduledState"
                text = f"{'OptimizerState' if isinstance(node, OptimizerState) else type(node).__name__}.{text}"
            parts.append(text)
            node = _inside(node, key)
        found[name] = _Place(tuple(parts), begins, scheduled) if known else _Place(tuple(name.split("/")))
    return found


def _inside(node: Any, key: Any) -> Any:
    if isinstance(key, jax.tree_util.GetAttrKey):
        return getattr(node, key.name)
    if isinstance(key, jax.tree_util.DictKey | jax.tree_util.SequenceKey):
        return node[key.key if isinstance(key, jax.tree_util.DictKey) else key.idx]
    return None  # a class that does not say how its parts are reached


def _nearest(place: _Place, old: Mapping[str, _Place], candidates: list[str], known: bool) -> str | None:
    """The saved array in the same place of the same rule; of several, the one in the most alike surroundings.

    By names alone, all of the shorter path must be the end of the longer one.
    """
    best, most = None, 0
    for other in sorted(candidates):
        alike, its = _alike(place.parts, old[other].parts), old[other]
        lengths = (len(place.parts) - place.begins, len(its.parts) - its.begins)
        if alike > most and alike >= (max(lengths) if known else min(lengths)):
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
    taken: Mapping[str, str], places: Mapping[str, _Place], old: Mapping[str, _Place], weights: Any, known: bool
) -> dict[str, str]:
    """Without the numbers of rules whose arrays do not go on."""

    def is_array(path: str, place: _Place) -> bool:
        return not place.is_average and any(path == w or path.endswith(f"/{w}") for w in weights)

    rules: dict[tuple[str, ...], list[str]] = {}
    for path, place in places.items():
        rules.setdefault(place.rule, []).append(path)
    kept = dict(taken)
    for members in rules.values():
        arrays = [p for p in members if is_array(p, places[p])]
        if any(p in taken for p in arrays):
            continue
        if not arrays and not places[members[0]].is_ours:
            continue  # a count of optax's, for itself
        before = {_rule_of(taken[p], old, known) for p in members if p in taken}
        had = any(is_array(p, its) and _rule_of(p, old, known) in before for p, its in old.items())
        if arrays or had:
            kept = {p: s for p, s in kept.items() if p not in members or places[p].is_average}
    return kept


def _rule_of(path: str, old: Mapping[str, _Place], known: bool) -> Any:
    """What a saved array belongs to; by names alone, what leads to `inner` in an optimizer of fkeras."""
    if known:
        return old[path].rule
    parts = path.split("/")
    return tuple(parts[: parts.index("inner")] if "inner" in parts else parts[:-1])


def warn_of(carried: Carried, weights: Iterable[str], what: Any) -> None:
    """Say by name what begins anew and what is left behind."""
    if not carried.anew and not carried.left:
        return
    names = tuple(weights)
    lines = [f"begins anew: {_summary(carried.anew, names)}"] if carried.anew else []
    lines += [f"not taken:   {_summary(carried.left, names)}"] if carried.left else []
    warn(
        explain(
            f"The optimizer goes on with {'a part' if carried.source else 'nothing'} of the state in {str(what)!r}.",
            received="".join(f"\n    {line}" for line in lines),
            usually="the run was saved with another optimizer, or with other options.",
            write="the optimizer that the run was saved with",
        ),
    )


def _summary(paths: Iterable[str], weights: tuple[str, ...]) -> str:
    """Paths, those of one moment of several weights as one."""
    counts: dict[str, int] = {}
    for path in paths:
        weight = max((w for w in weights if path.endswith(f"/{w}")), key=len, default="")
        slot = path.removesuffix(f"/{weight}") if weight else path
        counts[slot] = counts.get(slot, 0) + 1
    return ", ".join(slot if n == 1 else f"{slot} ({n} arrays)" for slot, n in counts.items())
