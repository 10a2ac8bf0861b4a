"""Gradients of two models layer by layer: of each layer's output, and of its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core import Model
from ..core.typing import PyTree, Variables
from ._equal import Tolerance, arrays_of, magnitude, nearest, numbers
from ._record import Call, Place, apply, path_of, record
from ._report import DiffRow

# Gradients pass through every layer behind, whose rounding adds up.
_ROOM = 20


@dataclasses.dataclass(frozen=True)
class _Gradients:
    """Gradients by call: of its first output, and of its weights by path."""

    of_output: dict[Place, np.ndarray]
    of_weights: PyTree

    def of(self, call: Call) -> list[tuple[str, np.ndarray]]:
        tree = self.of_weights
        for name in call.place[0].split("/"):
            tree = tree.get(name) if isinstance(tree, dict) else None
        found = jax.tree_util.tree_leaves_with_path(tree)
        return [(jax.tree_util.keystr(path, simple=True, separator="/"), numbers(leaf)) for path, leaf in found]


def with_gradients(
    rows: list[DiffRow], pairs: list[tuple[Call | None, Call | None]], a: tuple[linen.Module, Variables],
    b: tuple[linen.Module, Variables], x: PyTree, training: bool, loss: bool | Callable[[PyTree], jax.Array],
    tolerance: Tolerance,
) -> list[DiffRow]:  # fmt: skip
    """The rows with the differences of gradients, the first that differs on the way back as a fault.

    Args:
        rows: of the models' outputs.
        pairs: the calls of `(a, b)` that the rows are of.
        a, b: the models and their variables.
        x, training: their input and mode.
        loss: of the outputs; their sum where it is `True`.
        tolerance: how far two arrays may lie apart.
    """
    function = loss if callable(loss) else _sum
    of_a, of_b = (_gradients(*side, x, training, function) for side in (a, b))
    done: list[DiffRow] = []
    reached = True  # whether the gradient that comes from behind is the same
    for row, (one, other) in list(zip(rows, pairs, strict=True))[::-1]:
        if one is None or other is None or one.kind == "output" or row.status == "random":
            done.append(row)
            continue
        apart, text = _apart(of_a.of_output.get(one.place), of_b.of_output.get(other.place), tolerance)
        weights, told = 0.0, ""
        for (name, mine), (_, theirs) in zip(of_a.of(one), of_b.of(other), strict=False):
            found, why = _apart(mine, theirs, tolerance)
            weights, told = max(weights, found), told or (why and f"of {name} {why}")
        changed = dataclasses.replace(row, gradient=max(apart, weights))
        if row.status == "same" and reached and (text or told):
            where = f"the gradient of its output, from the layers behind it, {text}" if text else f"the gradient {told}"
            changed = dataclasses.replace(changed, status="differs in its gradient", cause=f"gradient: {where}.")
        reached = reached and not (text or told) and row.status == "same"
        done.append(changed)
    return done[::-1]


def _sum(outputs: PyTree) -> jax.Array:
    return sum((jnp.sum(leaf) for leaf in arrays_of(outputs)), start=jnp.zeros(()))


def _gradients(
    model: linen.Module, variables: Variables, x: PyTree, training: bool, loss: Callable[[PyTree], jax.Array]
) -> _Gradients:
    calls = record(model, variables, x, training=training).calls
    floating = [call for call in calls if np.issubdtype(call.results[0].dtype, np.floating)]
    nudges = {call.place: jnp.zeros_like(arrays_of(call.output)[0]) for call in floating}
    nudges = {place: leaf for place, leaf in nudges.items() if jnp.issubdtype(leaf.dtype, jnp.floating)}

    def of(params: PyTree, nudged: dict[Place, jax.Array]) -> jax.Array:
        counts: dict[str, int] = {}

        def watch(run: Callable[..., PyTree], args: PyTree, kwargs: PyTree, context: PyTree) -> PyTree:
            output = run(*args, **kwargs)
            is_op = context.method_name == "operate" and isinstance(context.module, Model)
            if context.method_name != "__call__" and not is_op:
                return output
            path = path_of(context.module, args[0] if is_op else None)
            place = (path, counts.get(path, 0))
            counts[path] = place[1] + 1
            first = next(iter(arrays_of(output)), None)
            if first is None or place not in nudged or nudged[place].shape != first.shape:
                return output
            moved = first + nudged[place]
            return jax.tree.map(lambda leaf: moved if leaf is first else leaf, output)

        with linen.intercept_methods(watch):
            return loss(apply(model, {**variables, "params": params}, x, training))

    params, outputs = jax.grad(of, argnums=(0, 1), allow_int=True)(variables.get("params", {}), nudges)
    return _Gradients({place: numbers(leaf) for place, leaf in outputs.items()}, params)


def _apart(mine: np.ndarray | None, theirs: np.ndarray | None, tolerance: Tolerance) -> tuple[float, str]:
    """By how much two gradients differ, and how, in words; "" where rounding explains it."""
    if mine is None or theirs is None or mine.dtype.kind != "f" or mine.size != theirs.size:
        return 0.0, ""
    apart, arranged, _ = nearest(theirs, mine)
    if apart <= _ROOM * tolerance.allowed(mine, 1e-5) or apart <= 1e-7:
        return apart, ""
    if mine.shape != theirs.shape and arranged.shape != mine.shape:
        return 0.0, ""
    if not np.any(arranged):
        return apart, "is zero in b: `stop_gradient`, a frozen layer or rounding ends it"
    if not np.any(mine):
        return apart, "is zero in a: `stop_gradient`, a frozen layer or rounding ends it"
    factor = float(np.vdot(mine, arranged) / np.vdot(mine, mine))
    if np.max(np.abs(mine * factor - arranged)) <= 1e-4 * magnitude(arranged):
        return apart, f"in b is that of a times {factor:.6g}"
    return apart, f"differs by {apart:.3g} in numbers to {magnitude(mine):.3g}"
