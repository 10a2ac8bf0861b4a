"""Where the arrays of a step lie, on the devices of a trainer that is distributed."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding

from ...core import takes_text
from ...core.typing import PyTree
from ..distribution._axis_facts import warn_of_idle_names
from ..distribution._host_memory import any_on_host, fetched
from ..distribution._layout import ModelParallel
from ..distribution._logical_axes import LogicalAxes
from ..distribution._mesh import as_mesh
from ..distribution._own_rows import of_equals
from ..distribution._placement import Distribution
from ._learner import Learner

T = TypeVar("T")
L = TypeVar("L", bound=Learner)


def spread_rows(trainer: Learner, batch: T) -> T:
    """A batch in a program, its rows spread over the devices."""
    where = trainer.distribution
    return batch if where is None else where.spread(batch)


def keep_in_place(trainer: Learner, state: T) -> T:
    """A state at the end of a program, each weight and slot where the layout says."""
    where = trainer.distribution
    found: T = state if where is None else where.leave(state)
    return found


def in_place(trainer: Learner, state: T, batch: PyTree) -> tuple[T, Any]:
    """A state and a batch in a program, each where it should lie, which is part of what JAX traces a function for."""
    where = trainer.distribution
    found: T = state if where is None else where.keep(state)
    return found, spread_rows(trainer, batch)


def put_state(trainer: Learner, state: T) -> T:
    """A state whose arrays lie where the layout says; on the device that has them where there is none."""
    where = trainer.distribution
    if where is None:
        return fetched(state) if any_on_host(state) else state
    found: T = where.put(state)
    return found


def as_data_lie(trainer: L, data: PyTree) -> L:
    """The trainer on the devices that data are spread over already, where it does not say itself where they lie."""
    spread = [a for a in jax.tree.leaves(data) if isinstance(getattr(a, "sharding", None), NamedSharding)]
    if trainer.distribution is not None or not spread or len(spread[0].sharding.device_set) == 1:
        return trainer
    where, rows = as_mesh(spread[0].sharding.mesh), next(iter(spread[0].sharding.spec), None)
    layout = ModelParallel(layout_map={}, batch_dim_name=rows if isinstance(rows, str) else None)
    found: L = trainer.replace(distribution=Distribution(where, layout))
    return found


def warn_of_idle_facts(trainer: Learner, x: PyTree) -> None:
    """Warn where the model names the axes of its weights, and the layout does not look at names."""
    where = trainer.distribution
    if where is None or isinstance(where.layout, LogicalAxes) or takes_text(trainer.model):
        return
    graph = getattr(trainer.model, "graph", None)
    if x is not None if graph is None else not graph.needs:  # what follows from an example's shapes is not traced again
        warn_of_idle_names(trainer.model, x, where.layout)


def put_rows(trainer: Learner, batch: PyTree) -> Any:
    """A batch on the device, or its rows spread over the devices; what is spread over these already stays as it is.

    Arrays of numpy are copied first for a CPU, which reads them where they are: whoever made them may fill them again
    before the step has run. The copy is JAX's, as one of numpy's, which nobody else holds, would be let go by a thread
    of XLA: at the end of a process that aborts it.
    """
    where = trainer.distribution
    devices = set(jax.local_devices()[:1]) if where is None else set(where.mesh.devices.flat)
    apart = spans_processes(trainer)
    reads_in_place = any(device.platform == "cpu" for device in devices)

    def put(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and (where is None or leaf.sharding.device_set == devices):
            return leaf
        if apart and where is not None and not isinstance(leaf, jax.Array):
            return of_equals(np.asarray(leaf), where.rows(leaf))  # also from a thread, so without the other processes
        if isinstance(leaf, np.ndarray) and reads_in_place:
            leaf = jax.device_put(leaf, may_alias=False)
        return jax.device_put(leaf, None if where is None else where.rows(leaf))

    return jax.tree.map(put, batch)


def put_everywhere(trainer: Learner, tree: PyTree) -> Any:
    """Arrays on the device, or a copy on each of the devices; what is spread over these already stays as it is."""
    where = trainer.distribution
    if where is None:
        return jax.device_put(tree)
    devices = set(where.mesh.devices.flat)

    def sharding_of(leaf: Any) -> NamedSharding:
        found = getattr(leaf, "sharding", None)
        if isinstance(found, NamedSharding) and found.device_set == devices and found.mesh.shape == where.mesh.shape:
            return NamedSharding(where.mesh, found.spec)
        return where.everywhere

    return jax.device_put(tree, jax.tree.map(sharding_of, tree))


def spans_processes(trainer: Learner) -> bool:
    """Whether the arrays of a trainer lie on the devices of several processes, which then do everything together."""
    where = trainer.distribution
    return where is not None and not where.everywhere.is_fully_addressable


def on_host(tree: PyTree) -> Any:
    """Arrays of numpy; of what other processes have a part of the whole, for which all of them have to ask."""

    def one(leaf: Any) -> Any:
        apart = isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated)
        return multihost_utils.process_allgather(leaf, tiled=True) if apart else leaf

    return jax.tree.map(np.asarray, jax.device_get(jax.tree.map(one, tree)))


# ------------------------------------------------------------------ shapes in place of arrays
def state_in_place(trainer: Learner, state: T) -> T:
    """The shapes of a state, with the places that `put_state` gives its arrays."""
    where = trainer.distribution
    found: T = state if where is None else jax.tree.map(_at, state, where.shardings(state))
    return found


def rows_in_place(trainer: Learner, batch: PyTree) -> Any:
    """The shapes of a batch, with the places that `put_rows` gives its arrays."""
    where = trainer.distribution
    return batch if where is None else jax.tree.map(lambda leaf: _at(leaf, where.rows(leaf)), batch)


def copies_everywhere(trainer: Learner, tree: PyTree) -> Any:
    """Shapes, with the places that `put_everywhere` gives arrays that are on no device yet."""
    where = trainer.distribution
    return tree if where is None else jax.tree.map(lambda leaf: _at(leaf, where.everywhere), tree)


def _at(leaf: jax.ShapeDtypeStruct, sharding: NamedSharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding, weak_type=leaf.weak_type)
