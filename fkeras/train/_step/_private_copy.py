"""States whose memory a step may take: a copy that nobody else holds, or what its owner gave away."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain, plain_path_name
from ...core.typing import PyTree
from ..distribution._host_memory import any_on_host, is_on_host


def private(state: PyTree) -> PyTree:
    """A copy that nobody else holds, each leaf a buffer of its own in the memory that it was in."""
    if not any_on_host(state):
        return _copied(state)
    leaves, treedef = jax.tree.flatten(state)
    copies = _copied([None if is_on_host(leaf) else leaf for leaf in leaves])
    # by the host itself, as a program would copy what the device has
    own = [
        jax.device_put(leaf, leaf.sharding, may_alias=False) if is_on_host(leaf) else copy
        for leaf, copy in zip(leaves, copies, strict=True)
    ]
    return jax.tree.unflatten(treedef, own)


@jax.jit
def _copied(state: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True) if _is_plain(leaf) else leaf.copy(), state)


def _is_plain(leaf: Any) -> bool:
    return not jnp.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key)


def given_away(state: PyTree) -> PyTree:
    """A state in the memory that it has, of which its owner lets go; a copy only where two leaves share memory."""
    seen: set[Any] = set()

    def own(leaf: Any) -> Any:
        place = _place(leaf)
        if place is None or place in seen:
            return private(leaf)
        seen.add(place)
        return leaf

    return jax.tree.map(own, state)


def _place(leaf: Any) -> Any:
    """Where an array lies, on each device that has a part of it; `None` for what is no array of a device."""
    if not isinstance(leaf, jax.Array):
        return None
    shards = [shard.data for shard in leaf.addressable_shards if shard.data is not None]
    return tuple(shard.unsafe_buffer_pointer() for shard in shards) if leaf.size else id(leaf)


def check_memory(tree: PyTree, method: str) -> None:
    """Refuse weights and states whose memory was given away.

    Args:
        tree: a state, or variables.
        method: the Trainer's method that got it.

    Raises:
        ValueError: naming the first array that is gone.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if isinstance(leaf, jax.Array) and leaf.is_deleted():
            raise ValueError(
                explain(
                    f"The state that `{method}` got was given away, and its memory has other numbers now.",
                    received=f"{plain_path_name(path)}, an array that was deleted",
                    usually="fit(state, ..., donate=True) trains in the memory of the state that it is given.",
                    write="state, history = trainer.fit(state, ..., donate=True)   # and go on with this state",
                )
            )
