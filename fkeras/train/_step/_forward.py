"""One call of a model or of any Linen module, with its collections, randomness and mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from ...core import LOSSES, MASKS, Layer
from ...core.typing import PyTree, Variables
from ._axis_names import with_axes_of
from ._module_call import check_call, inputs_of, mode_of, warned_of_mode


def graph_of(model: object) -> Any:
    """The model's graph, from which its shapes follow; `None` where they follow from an example input."""
    return getattr(model, "graph", None)


def forward(
    model: linen.Module, variables: Mapping[str, Any], x: PyTree, rng: jax.Array, training: bool
) -> tuple[PyTree, Variables]:
    """`(outputs, updates)`: updates hold the collections that changed, the losses and the masks.

    Args:
        model: an fkeras model or a Linen module.
        variables: its variables.
        x: the input; for a plain Linen module a tuple is spread over its arguments.
        rng: the key of this call.
        training: the mode; in inference no collection of the model changes.
    """
    kept = [c for c in variables if c != "params"] if training else []
    rngs = {"params": jax.random.fold_in(rng, 0), "dropout": jax.random.fold_in(rng, 1)}
    args, mode = inputs_of(model, x), mode_of(model, training)

    def run() -> tuple[PyTree, Variables]:
        outputs, updates = model.apply(variables, *args, rngs=rngs, mutable=[*kept, LOSSES, MASKS], **mode)
        return outputs, updates

    return with_axes_of(model, args, mode, run)


def added_losses(updates: Variables) -> jax.Array | None:
    """The sum of what layers added to the loss, or `None` when none did."""
    leaves = jax.tree.leaves(updates.get(LOSSES, {}))
    return sum((jnp.sum(leaf).astype(jnp.float32) for leaf in leaves), jnp.float32(0)) if leaves else None


def output_masks(updates: Variables, count: int) -> list[jax.Array | None]:
    """The mask of each output leaf."""
    masks = updates.get(MASKS, {})
    return [masks.get(f"output_{i}") for i in range(count)]


def init_variables(model: linen.Module, key: jax.Array, x: PyTree) -> dict[str, PyTree]:
    """A model's variables, from an example input where it needs one; see `check_call` for what is refused."""
    if isinstance(model, Layer):
        return dict(model.init(key) if x is None else model.init(key, x))
    check_call(model, x)
    args, mode = inputs_of(model, x), mode_of(model, False)

    def init(key: jax.Array, args: tuple[Any, ...]) -> Any:
        return linen.meta.unbox(model.init({"params": key, "dropout": key}, *args, **mode))

    made = warned_of_mode(model, x, lambda: jax.jit(init)(key, args))
    return {c: v for c, v in made.items() if c not in (LOSSES, MASKS, "intermediates")}


def abstract_outputs(model: linen.Module, variables: Variables | None, x: PyTree) -> PyTree:
    """The shapes of a model's outputs, or a stand-in for one output where they cannot be known yet.

    Args:
        model: an fkeras model or a Linen module.
        variables: its variables, or their shapes; `None` where there are none yet.
        x: an input, or its shapes, for a model that does not know its input's shape.
    """
    graph = graph_of(model)
    if graph is not None:
        return jax.tree.map(lambda t: t.struct, graph.outputs)
    if variables is None or x is None:
        return jax.ShapeDtypeStruct((1, 1), jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    return jax.eval_shape(lambda v, x, k: forward(model, v, x, k, False)[0], variables, x, key)
