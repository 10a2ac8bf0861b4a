"""Arrays in the memory of the host, from where a program fetches them and where it puts them back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import jax
import numpy as np

from ...core import did_you_mean, explain
from ...core.typing import PyTree

T = TypeVar("T")

#: JAX's name for the part of the host's memory that a device reads and writes by itself.
HOST = "pinned_host"
#: The parts of a state that a step needs at its end alone.
PARTS = ("opt_state",)
_WRITE = 'trainer.distribute(mesh, layout, offload="opt_state")'


def as_offload(given: object) -> tuple[str, ...]:
    """Names of the parts of a state that lie in the host's memory, of what `offload=` takes.

    Args:
        given: the name of a part, several, or `None`.

    Returns:
        Their names.

    Raises:
        TypeError, ValueError: something else.

    >>> as_offload("opt_state"), as_offload(None)
    (('opt_state',), ())
    """
    names = () if given is None else (given,) if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(explain("`offload` names parts of a state.", received=f"offload={given!r}"[:80], write=_WRITE))
    for name in names:
        if name not in PARTS:
            known = {
                "optimizer": "the part of a state with the optimizer's slots is `opt_state`.",
                "params": "every layer reads its weights, forwards and backwards.",
            }
            raise ValueError(
                explain(
                    f"{name!r} cannot lie in the host's memory: a step fetches what it needs at its end alone.",
                    received=f"offload={given!r}"[:80],
                    usually=known.get(name) or did_you_mean(name, PARTS),
                    write=_WRITE,
                )
            )
    return tuple(dict.fromkeys(names))


def check_host_memory(devices: Iterable[jax.Device]) -> None:
    """Refuse devices that cannot read the host's memory by themselves.

    Args:
        devices: those of a mesh; what another process has is for that process to check.

    Raises:
        ValueError: naming the memories that there are.
    """
    here = jax.process_index()
    for device in devices:
        if device.process_index != here:
            continue
        kinds = [memory.kind for memory in device.addressable_memories()]
        if HOST not in kinds:
            raise ValueError(
                explain(
                    f"{device.platform}:{device.id} has no memory {HOST!r}, in which slots could lie.",
                    received=f"{_WRITE.partition('(')[2][:-1]}; its memories are {', '.join(kinds) or 'not known'}",
                    usually="a platform for which JAX has none; GPUs, TPUs and the CPU of JAX 0.10 have it.",
                    write='trainer.distribute(mesh, layout="fsdp"), which holds each slot once',
                )
            )


def is_on_host(leaf: object) -> bool:
    """Whether an array, or what stands for one in a program, is in the host's memory."""
    if isinstance(leaf, jax.core.Tracer):
        return bool(jax.typeof(leaf).memory_space == jax.memory.Space.Host)
    return isinstance(leaf, jax.Array) and leaf.sharding.memory_kind == HOST


def to_host(leaf: jax.Array) -> jax.Array:
    """An array of the device, with the sharding that it has, in the host's memory."""
    return leaf if is_on_host(leaf) else jax.device_put(leaf, jax.memory.Space.Host)


def fetched(tree: T) -> T:
    """Arrays, of which those in the host's memory are brought to the device; the others are as they are."""
    return jax.tree.map(lambda leaf: jax.device_put(leaf, jax.memory.Space.Device) if is_on_host(leaf) else leaf, tree)


def may_lie_on_host(leaf: jax.Array) -> bool:
    """Whether an array is worth the way: counters and rates are not, and their owners read them."""
    return bool(np.ndim(leaf)) and not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended)


def any_on_host(tree: PyTree) -> bool:
    """Whether some array of a tree is in the host's memory."""
    return any(map(is_on_host, jax.tree.leaves(tree)))
