"""A cell run over time: the one loop behind every recurrent layer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen
from jax import lax

from ...core import LOSSES, TRANSIENT

# One step: (inputs of one time step, states) -> (output, new states), all of them pytrees with the batch first.
Step = Callable[..., tuple[Any, Any]]


def over_time(
    step: Step,
    inputs: jax.Array,
    states: Any,
    mask: Any = None,
    *,
    go_backwards: bool = False,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
    cell: linen.Module | None = None,
    first: Any = None,
) -> tuple[Any, Any, Any]:
    """Run `step` over the second axis of `inputs`.

    A masked step changes no state and gives the first state, which is the output before it; an unrolled loop repeats
    the output before it (zeros before the first) and, as in Keras, knows no `zero_output_for_mask`.

    Args:
        step: one step, `(inputs, states) -> (output, states)`; with a `cell`, `(cell, inputs, states)`.
        inputs: `(batch, time, ...)`.
        states: the first states.
        mask: `(batch, time)`, true where a step counts.
        go_backwards: whether time runs backwards; outputs come in the order in which they are made.
        unroll: whether the loop is written out.
        zero_output_for_mask: whether masked steps give zeros.
        cell: a bound module whose weights exist; its variables are the same, and do not change, at every step.
        first: an output, for its shape and dtype.

    Returns:
        `(outputs, last output, last states)`; `outputs` is `(batch, time, ...)`.

    >>> outputs, last, total = over_time(lambda x, s: (x + s, x + s), jnp.ones((1, 3)), jnp.zeros(1))
    >>> outputs.tolist(), last.tolist()
    ([[1.0, 2.0, 3.0]], [3.0])
    """
    x = jnp.moveaxis(inputs, 1, 0)
    seen = None if mask is None else jnp.moveaxis(jnp.asarray(mask, bool), 1, 0)
    if go_backwards:
        x = jnp.flip(x, 0)
        seen = None if seen is None else jnp.flip(seen, 0)

    def body(step: Step, carry: Any, now: Any) -> tuple[Any, Any]:
        states, previous = carry
        here, keep = now
        output, new = step(here, states)
        if keep is None:
            return (new, output), output
        if unroll:
            held = previous
        else:
            held = jax.tree.map(jnp.zeros_like, output) if zero_output_for_mask else _shown(states, output, previous)
        shown = _choose(keep, output, held)
        return (_choose(keep, new, states), _choose(keep, output, previous)), shown

    if first is None:
        first = jax.eval_shape(step, jax.eval_shape(lambda x: x[0], x), states)[0]
    carry = (states, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), first))
    if cell is not None and _only_reads(cell):
        module, variables = cell.unbind()  # a plain scan, which the converter to ONNX knows
        step, cell = (lambda x, states, step=step: step(module.bind(variables), x, states)), None
    if cell is None:
        carry, outputs = lax.scan(functools.partial(body, step), carry, (x, seen), unroll=unroll)
    else:
        run = linen.scan(
            lambda cell, carry, now: body(functools.partial(step, cell), carry, now),
            variable_broadcast=linen.DenyList(TRANSIENT),
            split_rngs={"params": False, "dropout": False},  # one dropout mask for a whole sequence
            unroll=inputs.shape[1] if unroll else 1,
        )
        carry, outputs = run(cell, carry, (x, seen))
    states, last = carry
    if seen is not None:
        last = jax.tree.map(lambda o: lax.index_in_dim(o, -1, keepdims=False), outputs)  # a slice, for the converters
    return jax.tree.map(lambda o: jnp.moveaxis(o, 0, 1), outputs), last, states


def _shown(states: Any, output: Any, previous: Any) -> Any:
    """The first state, of the last of stacked cells, where it could be an output; else the output before."""
    first = states[0] if isinstance(states, list | tuple) and states else states
    if isinstance(first, list | tuple):
        first = states[-1][0]
    same = hasattr(first, "shape") and hasattr(output, "shape") and first.shape == output.shape
    return first.astype(output.dtype) if same else previous


def _only_reads(cell: linen.Module) -> bool:
    """Whether a call of a bound module changes no variable and draws nothing: inference."""
    changes = cell.is_initializing() or any(cell.is_mutable_collection(c) for c in (*cell.variables, LOSSES))
    return not changes and not cell.has_rng("dropout")


def _choose(keep: jax.Array, new: Any, old: Any) -> Any:
    """`new` for the examples that count, `old` for the others."""

    def one(n: jax.Array, o: jax.Array) -> jax.Array:
        return jnp.where(keep.reshape(keep.shape + (1,) * (n.ndim - keep.ndim)), n, o)

    return jax.tree.map(one, new, old)
