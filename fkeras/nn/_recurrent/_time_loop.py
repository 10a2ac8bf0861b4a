"""A cell run over time: the loop behind every recurrent layer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias, TypedDict

import jax
import jax.numpy as jnp
from flax import linen
from jax import lax

from ...core import LOSSES, TRANSIENT
from ...core.typing import Array, ArrayLike, Bool, PyTree, Shaped

#: One step: (inputs of one time step, states) -> (output, new states), all of them pytrees with the batch first.
Step: TypeAlias = Callable[..., tuple[PyTree, PyTree]]
#: What the loop carries: the states, and the output of the step before.
Carry: TypeAlias = tuple[PyTree, PyTree]
#: The outputs of all steps, the last one, and the last states.
Sequences: TypeAlias = tuple[PyTree, PyTree, PyTree]
#: The loop over time of a layer: (inputs, first states, mask) -> what `over_time` returns.
Loop: TypeAlias = Callable[..., Sequences]

#: How many steps a turn of the loop has on an accelerator.
AT_ONCE = 4


class Words(TypedDict):
    """What a layer says of its loop, see `over_time`."""

    go_backwards: bool
    unroll: bool
    zero_output_for_mask: bool


def over_time(
    step: Step,
    inputs: Shaped[Array, "batch time ..."],
    states: PyTree,
    mask: ArrayLike | None = None,
    *,
    go_backwards: bool = False,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
    cell: linen.Module | None = None,
    first: PyTree = None,
    ahead: Callable[[jax.Array], jax.Array] | None = None,
    at_once: int = 1,
) -> Sequences:
    """Run `step` over the second axis of `inputs`.

    A masked step changes no state, and its output is the first state, which is the output of the step before. In an
    unrolled loop a masked step repeats the output before it (zeros before the first), and `zero_output_for_mask` has no
    effect, as in Keras.

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
        ahead: what is made of the inputs of all steps, `(time, batch, ...)`, before the loop.
        at_once: how many steps one turn of the loop has.

    Returns:
        `(outputs, last output, last states)`; `outputs` is `(batch, time, ...)`.

    >>> outputs, last, total = over_time(lambda x, s: (x + s, x + s), jnp.ones((1, 3)), jnp.zeros(1))
    >>> outputs.tolist(), last.tolist()
    ([[1.0, 2.0, 3.0]], [3.0])
    """
    x = jnp.moveaxis(inputs, 1, 0)
    step_mask = None if mask is None else jnp.moveaxis(jnp.asarray(mask, bool), 1, 0)
    if go_backwards:
        x = jnp.flip(x, 0)
        step_mask = None if step_mask is None else jnp.flip(step_mask, 0)
    x = x if ahead is None else ahead(x)

    def body(step: Step, carry: Carry, inputs: tuple[jax.Array, jax.Array | None]) -> tuple[Carry, PyTree]:
        states, previous = carry
        x, keep = inputs
        output, new = step(x, states)
        if keep is None:
            return (new, output), output
        if unroll:
            masked = previous
        else:
            masked = jax.tree.map(jnp.zeros_like, output) if zero_output_for_mask else _held(states, output, previous)
        return (_choose(keep, new, states), _choose(keep, output, previous)), _choose(keep, output, masked)

    if first is None:
        first = jax.eval_shape(step, jax.eval_shape(lambda x: x[0], x), states)[0]
    carry = (states, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), first))
    if cell is not None and _only_reads(cell):
        module, variables = cell.unbind()  # `lax.scan` alone, which the converter to ONNX can translate
        step, cell = (lambda x, states, step=step: step(module.bind(variables), x, states)), None
    if cell is None:
        carry, outputs = lax.scan(functools.partial(body, step), carry, (x, step_mask), unroll=unroll or at_once)
    else:
        run = linen.scan(
            lambda cell, carry, inputs: body(functools.partial(step, cell), carry, inputs),
            variable_broadcast=linen.DenyList(TRANSIENT),
            split_rngs={"params": False, "dropout": False},  # one dropout mask for a whole sequence
            unroll=inputs.shape[1] if unroll else 1,
        )
        carry, outputs = run(cell, carry, (x, step_mask))
    states, last = carry
    if step_mask is not None:
        # `o[-1]` as a slice, which the converters to other formats translate
        last = jax.tree.map(lambda o: lax.index_in_dim(o, -1, keepdims=False), outputs)
    return jax.tree.map(lambda o: jnp.moveaxis(o, 0, 1), outputs), last, states


def _held(states: PyTree, output: PyTree, previous: PyTree) -> PyTree:
    """The output of a masked step: the first state, of the last of stacked cells, or else the output before.

    A state can be an output where the two have one shape.
    """
    first = states[0] if isinstance(states, list | tuple) and states else states
    if isinstance(first, list | tuple):
        first = states[-1][0]
    same = hasattr(first, "shape") and hasattr(output, "shape") and first.shape == output.shape
    return first.astype(output.dtype) if same else previous


def _only_reads(cell: linen.Module) -> bool:
    """Whether a call of a bound module changes no variable and draws nothing: inference."""
    changes = cell.is_initializing() or any(cell.is_mutable_collection(c) for c in (*cell.variables, LOSSES))
    return not changes and not cell.has_rng("dropout")


def _choose(keep: Bool[Array, "batch ..."], new: PyTree, old: PyTree) -> PyTree:
    """`new` for the examples that count, `old` for the others."""

    def choose(n: jax.Array, o: jax.Array) -> jax.Array:
        return jnp.where(keep.reshape(keep.shape + (1,) * (n.ndim - keep.ndim)), n, o)

    return jax.tree.map(choose, new, old)
