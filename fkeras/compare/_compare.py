"""The comparison: one model runs with the other's outputs in the place of its own, so that no layer inherits a fault.

Of two models, one is the reference, whose activations are known; the other can be run. Each of its layers that has a
partner is followed by its partner's output, so that the next one is judged on the inputs that it should have.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core import Layer
from ..core.typing import PyTree, Variables
from ._activated import activated_behind, has_activation
from ._causes import Cause, cause_between, cause_of
from ._equal import Tolerance, arrangements, arrays_of, magnitude, nearest, numbers
from ._explain import explained
from ._layouts import Pairs, flattened_otherwise, in_one_layout
from ._match import match
from ._record import Call, Place, Trace, keys_of, record
from ._report import DiffRow
from ._subject import Subject

# A cause is looked for in so many layers: a model that is wrong all over has one cause, or too many.
_MOST_FAULTS = 8
_END: Place = ("output", 0)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """A layer on the inputs that it should have, beside its partner.

    Attributes:
        by_itself: the largest difference of the outputs.
        note: what was seen beside that.
        told: a fault that is seen without looking for a cause.
        is_random: whether both draw random numbers.
        before: what reaches it, where that is another input than its partner's.
        subject: the layer, where its outputs differ.
        plain: the same without its activation, where its partner may have been recorded before one.
        mirrored: its partner, which should give what the layer gives; `None` where it cannot run.
    """

    by_itself: float = float("nan")
    note: str = ""
    told: str = ""
    is_random: bool = False
    before: Subject | None = None
    subject: Subject | None = None
    plain: Subject | None = None
    mirrored: Subject | None = None


def compare(
    reference: Trace, model: linen.Module, variables: Variables, x: PyTree, training: bool, tolerance: Tolerance,
    running: str,
) -> tuple[Pairs, list[DiffRow]]:  # fmt: skip
    """The pairs of `(reference, running)`, and a row for each.

    Args:
        reference: the activations of the one.
        model, variables, x, training: the other, its input and mode.
        tolerance: how far two arrays may lie apart.
        running: which of the two the model is, `"a"` or `"b"`.
    """
    free = record(model, variables, x, training=training)
    pairs = match(reference.calls, free.calls)
    pairs, reference = in_one_layout(pairs, reference)
    partner = {run.place: known for known, run in pairs if known is not None and run is not None}
    judged: dict[Place, Judged] = {}
    torn: list[Place] = []  # layers whose outputs have other shapes than their partners', which cannot take their place
    earlier = _earlier(reference)
    activated = activated_behind(pairs, reference, free)

    def replace(call: Call) -> PyTree:
        known = partner.get(call.place)
        if known is None:
            return call.output
        is_first = not any(known.kind != "scaling" and known.weights for known in _done(pairs, judged))
        found, output = _judge(call, known, earlier[known.place], tolerance, is_first, activated)
        if torn:  # what reaches this layer comes from one of another shape, which was told of
            found = dataclasses.replace(found, before=None)
        judged[call.place] = found
        torn.extend([call.place] if output is call.output and found.subject is not None else [])
        return output

    forced = record(model, variables, x, training=training, replace=replace)
    if reference.output is not None:
        pairs.append((_as_call(reference.output, reference.calls), _as_call(free.output, free.calls)))
        given = _as_call(forced.output, forced.calls)
        before = _before(given, pairs[-1][0], earlier[_END], tolerance)  # type: ignore[arg-type]
        note, told = _structures(reference.output, free.output, running)
        judged[_END] = Judged(before=None if torn or told else before, note=note, told=told)
    return pairs, _rows(pairs, judged, tolerance, running)


def _done(pairs: Pairs, judged: dict[Place, Judged]) -> list[Call]:
    return [known for known, run in pairs if known is not None and run is not None and run.place in judged]


def _as_call(output: PyTree, calls: Sequence[Call]) -> Call:
    """A model's output as what reaches a last call."""
    last = calls[-1].variables if calls else {}
    return Call(_END, "output", output, function=lambda *args: args, args=(output, jax.tree.leaves(last)[:0]))


def _structures(known: PyTree, run: PyTree, running: str) -> tuple[str, str]:
    """What is to be said of two models' outputs whose structures differ: `(note, fault)`."""
    counts = len(jax.tree.leaves(known)), len(jax.tree.leaves(run))
    of_a, of_b = reversed(counts) if running == "a" else counts
    if of_a != of_b:
        return "", f"other outputs: a gives {of_a} and b gives {of_b}, of which those that both have were compared."
    alike = bool(jax.tree.structure(known) == jax.tree.structure(run))  # type: ignore[operator]
    return "" if alike else "in another structure", ""


def _earlier(trace: Trace) -> dict[Place, tuple[tuple[str, np.ndarray], ...]]:
    """What a trace computed before each call, by name, and before its end."""
    known: list[tuple[str, np.ndarray]] = []
    found = {}
    for call in trace.calls:
        known += [(f"the input of {call.path!r}", numbers(leaf)) for leaf in call.inputs or () if np.ndim(leaf)]
        found[call.place] = tuple(known)
        known += [
            (f"the output of {call.path!r}", numbers(leaf)) for leaf in arrays_of(call.output)[:1] if np.ndim(leaf)
        ]
    return {**found, _END: tuple(known)}


# ------------------------------------------------------------------ one layer
def _judge(
    call: Call, known: Call, earlier: tuple[tuple[str, np.ndarray], ...], tolerance: Tolerance, is_first: bool,
    activated: set[object],
) -> tuple[Judged, PyTree]:  # fmt: skip
    """A layer beside its partner, and the output that goes on in its place."""
    before = _before(call, known, earlier, tolerance)
    if before is not None:
        call = _on_the_inputs_of(call, known)
    rounding = max(call.rounding, known.rounding)
    given, targets = call.results, known.results
    apart, note = _apart(given, targets)
    if known.args is None and not _equal(given, targets, rounding, tolerance):
        shapes = [array.shape for _, array in earlier]
        for moved in flattened_otherwise(targets[0], given[0].shape, shapes):
            if _equal(given, [moved], rounding, tolerance):
                judged = Judged(by_itself=_apart(given, [moved])[0], note="flattened in another order")
                return judged, _with_arrays(call.output, [moved])
    note = note or known.note
    if _equal(given, targets, rounding, tolerance):
        return Judged(by_itself=apart, note=note, before=before), _with_arrays(call.output, targets)
    plain = _without_activation(call) if id(known) in activated or not has_activation(known) else None
    if plain is not None and _equal(plain, targets, rounding, tolerance):
        function = call.module.activation  # type: ignore[union-attr]
        on = [np.asarray(function(jnp.asarray(nearest(targets[0], plain[0])[1], jnp.float32)))]
        judged = Judged(by_itself=_apart(plain, targets)[0], note="before its activation", before=before)
        return judged, _with_arrays(call.output, on)
    theirs = _without_activation(known) if call.place in activated or not has_activation(call) else None
    if theirs is not None and _equal(given, theirs, rounding, tolerance):
        judged = Judged(by_itself=_apart(given, theirs)[0], note="before its activation", before=before)
        return judged, _with_arrays(call.output, theirs)
    function = None
    if plain is not None and _is_outside(call.module.activation, targets[0]):  # type: ignore[union-attr]
        assert isinstance(call.module, Layer)
        function, given = call.module.activation, plain
        call = dataclasses.replace(call, module=call.module.replace(activation=None))
        apart, note = _apart(given, targets)[0], "before its activation"
    if _is_random(call) and _is_random(known) and call.kind == known.kind:
        return Judged(is_random=True, before=before), _with_arrays(call.output, targets)
    subject = Subject(call, given, targets, known, earlier, rounding, tolerance, is_first)
    mirrored = None
    if known.module is not None or known.function is not None:
        mirrored = Subject(known, targets, given, call, earlier, rounding, tolerance, is_first)
    bare = None
    if plain is not None and function is None:
        assert isinstance(call.module, Layer)
        without = dataclasses.replace(call, module=call.module.replace(activation=None))
        bare = Subject(without, plain, targets, known, earlier, rounding, tolerance, is_first)
    judged = Judged(by_itself=apart, note=note, before=before, subject=subject, plain=bare, mirrored=mirrored)
    on = targets if function is None else [np.asarray(function(jnp.asarray(targets[0], jnp.float32)))]
    return judged, _with_arrays(call.output, on)


def _before(
    call: Call, known: Call, earlier: tuple[tuple[str, np.ndarray], ...], tolerance: Tolerance
) -> Subject | None:
    """What reaches a call, where that is another array than what reaches its partner."""
    ours, theirs = call.inputs, known.inputs
    if not ours or not theirs:
        return None
    rounding = max(call.rounding, known.rounding)
    count = len(ours) if len(ours) == len(theirs) else 1
    if call.place != _END and 1 < count < 4 and _in_another_order(ours, theirs, rounding, tolerance):
        return None  # what the layer makes of them tells whether their order counts
    for own, target in zip(map(numbers, ours[:count]), map(numbers, theirs[:count]), strict=True):
        if nearest(own, target)[0] > tolerance.allowed(target, rounding):
            reaching = Call(call.place, call.kind, own, function=lambda *args: args)
            return Subject(reaching, [own], [target], None, earlier, rounding, tolerance)
    return None


def _in_another_order(
    ours: Sequence[jax.Array], theirs: Sequence[jax.Array], rounding: float, tolerance: Tolerance
) -> bool:
    """Whether two calls take the same arrays in different orders."""
    targets = [numbers(leaf) for leaf in theirs]
    orders = itertools.permutations([numbers(leaf) for leaf in ours])
    return any(_equal(list(order), targets, rounding, tolerance) for order in orders)


def _on_the_inputs_of(call: Call, known: Call) -> Call:
    """The call on its partner's inputs, where they fit; as it is, where they do not."""
    ours, theirs = call.inputs or [], known.inputs or []
    count = len(ours) if len(ours) == len(theirs) else 1
    instead = {}
    for own, array in zip(ours[:count], theirs[:count], strict=True):
        fitting = next(arrangements(np.asarray(array), np.shape(own)), None)
        if fitting is None:
            return call
        instead[id(own)] = jnp.asarray(fitting[0], own.dtype)
    args, kwargs = jax.tree.map(lambda leaf: instead.get(id(leaf), leaf), (call.args, dict(call.kwargs)))
    moved = dataclasses.replace(call, args=args, kwargs=kwargs)
    output, statistics = moved.run()
    return dataclasses.replace(moved, output=output, statistics=statistics)


def _apart(given: list[np.ndarray], targets: list[np.ndarray]) -> tuple[float, str]:
    """The largest difference of arrays, and how the axes of the first stand."""
    found = [nearest(out, target) for out, target in zip(given, targets, strict=False)]
    return max(apart for apart, _, _ in found), found[0][2]


def _equal(given: list[np.ndarray], targets: list[np.ndarray], rounding: float, tolerance: Tolerance) -> bool:
    pairs = zip(given, targets, strict=False)
    return all(nearest(out, target)[0] <= tolerance.allowed(target, rounding) for out, target in pairs)


def _without_activation(call: Call) -> list[np.ndarray] | None:
    """What a layer gives before its activation; `None` where it has none, or is nothing else."""
    if not has_activation(call) or call.kind in ("activation", "recurrent"):
        return None
    assert isinstance(call.module, Layer)
    output, _ = call.run(module=call.module.replace(activation=None))
    return dataclasses.replace(call, output=output).results


def _is_outside(activation: Callable[[jax.Array], jax.Array], target: np.ndarray) -> bool:
    """Whether an array has numbers that an activation never gives, so that it is from before it."""
    line = jnp.linspace(-20, 20, 4001)
    reached = np.asarray(activation(jnp.stack([line, jnp.zeros_like(line)], 1)), np.float64)  # of two, for a softmax
    room = 1e-3 * magnitude(target)
    return bool(
        np.min(target) < np.min(reached) - room or (np.max(reached) < 19 and np.max(target) > np.max(reached) + room)
    )


def _is_random(call: Call) -> bool:
    """Whether a layer draws random numbers in this call; those that have nothing to draw for are not asked."""
    if call.module is None or call.args is None:
        return False
    fields = [getattr(call.module, name, 0) for name in ("rate", "dropout", "recurrent_dropout", "dropout_rate")]
    if call.kind not in ("", "dropout") and not any(fields):
        return False
    one, other = (dataclasses.replace(call, output=call.run(keys=keys_of(seed))[0]).results[0] for seed in (1, 2))
    return not np.array_equal(one, other)


def _with_arrays(output: PyTree, wanted: list[np.ndarray]) -> PyTree:
    """A layer's output with other numbers, where their shapes fit."""
    places = {id(leaf): array for leaf, array in zip(arrays_of(output), wanted, strict=False)}

    def leaf(value: PyTree) -> PyTree:
        if id(value) not in places:
            return value
        _, array, _ = nearest(places[id(value)], numbers(value))
        return jnp.asarray(array, value.dtype) if array.shape == value.shape else value

    fits = all(nearest(places[id(leaf)], numbers(leaf))[1].shape == leaf.shape for leaf in arrays_of(output)[:1])
    return jax.tree.map(leaf, output) if fits else output


# ------------------------------------------------------------------ all of them
def _rows(pairs: Pairs, judged: dict[Place, Judged], tolerance: Tolerance, running: str) -> list[DiffRow]:
    rows: list[DiffRow] = []
    faults = 0
    for at, (known, run) in enumerate(pairs):
        of_a, of_b = (run, known) if running == "a" else (known, run)
        names = (of_a.path if of_a else "", of_b.path if of_b else "")
        if known is None or run is None:
            alone = of_a or of_b
            assert alone is not None
            rows.append(DiffRow(*names, alone.kind, "only in a" if of_a else "only in b"))
            continue
        found = judged.get(run.place, Judged())
        target = known.results[0]
        difference = nearest(run.results[0], target)[0]
        differs = bool(found.told) or found.before is not None or found.subject is not None
        status = "same"
        if found.told or found.before is not None:
            status = "differs before"
        elif found.subject is not None:
            status = "differs"
        elif found.is_random:
            status = "random"
        elif difference > 10 * tolerance.allowed(target, max(known.rounding, run.rounding)):
            status = "inherited"
        cause = ""
        if differs:
            faults += 1
            cause = _cause(at, pairs, found, running) if faults <= _MOST_FAULTS else "not looked for, after so many"
        numbers_of = (difference, found.by_itself, magnitude(target))
        rows.append(DiffRow(*names, known.kind or run.kind, status, *numbers_of, cause=cause, note=found.note))
    return rows


def _cause(at: int, pairs: Pairs, found: Judged, running: str) -> str:
    """The cause of a fault in words; of what reaches a layer before that of the layer itself."""
    known, run = pairs[at]
    assert known is not None
    assert run is not None
    if found.told:
        return found.told
    reference = "b" if running == "a" else "a"
    texts = []
    if found.before is not None:
        cause = cause_between(found.before)
        texts.append(explained(cause, at, pairs, running, found.before.own, found.before.target))
    if found.subject is not None:
        own: Cause = cause_of(found.subject, found.plain, found.mirrored)
        side, path = (reference, known.path) if own.on_other else (running, run.path)
        like = running if own.on_other else reference
        if own.name == "unknown":
            apart = f"{found.by_itself:.3g} in numbers to {magnitude(found.subject.target):.3g}"
            texts.append(f"unknown: on equal inputs they differ by {apart}, and nothing that was tried mends it.")
        else:
            texts.append(f"{own.name}: with {own.text}, {path!r} of {side} gives the numbers of {like}.")
    return " And by itself, ".join(texts)
