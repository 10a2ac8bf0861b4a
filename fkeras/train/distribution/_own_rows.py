"""Batches of which each process has some rows: as arrays on the devices of all processes, and back."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ...core import explain
from ...core.typing import PyTree
from ._placement import Distribution


def check_own_rows(where: Distribution) -> None:
    """Refuse a mesh on which a process has no rows of its own.

    Raises:
        ValueError: naming the axis.
    """
    count = _parts(where)
    parts = _places(where.mesh, where.batch_axes, count)
    alike = len({len(rows) for rows in parts.values()}) == 1 and len(parts) == jax.process_count()
    if not alike or sum(len(rows) for rows in parts.values()) != count:
        raise ValueError(
            explain(
                "With auto_shard_dataset=False each process hands in its own rows, and on this mesh it has none.",
                received=f"a mesh of {dict(where.mesh.shape)}, whose batches lie along {', '.join(where.batch_axes)}: "
                "several processes hold the same rows",
                usually="an axis of the model that is longer than the devices of a process.",
                write="the whole data in each process, without auto_shard_dataset; or a mesh with the processes' "
                "devices along the batch's axis",
            )
        )


def rows_of_all(where: Distribution, tree: PyTree, counts: np.ndarray) -> Any:
    """A batch on the devices of all processes.

    Rows stay in the process that has them, where the processes have equally many and their devices divide them. Else
    each device gets a copy of all, as of any batch that the devices do not divide.

    Args:
        where: the mesh and the layout.
        tree: this process's rows; what is on the devices of all processes already stays as it is.
        counts: how many rows each process has.

    Returns:
        Arrays with the rows of all processes, in the order in which they have places in the mesh.
    """
    count, place = int(counts.max()), Places(where)
    room = -(-count // place.devices) * place.devices  # in each process
    even = bool((counts == room).all())
    valid = None if even else of_equals(place.valid(counts, room), where.everywhere)

    def one(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
            return leaf
        mine = np.asarray(leaf)
        if len(mine) < room:
            mine = np.concatenate([mine, np.zeros((room - len(mine), *mine.shape[1:]), mine.dtype)])
        whole = place.put(mine)
        return whole if valid is None else _taken(whole, valid, where.everywhere)

    return jax.tree.map(one, tree)


def own_rows_of(where: Distribution, tree: PyTree, counts: np.ndarray) -> Any:
    """Of arrays with the rows of all processes those of this one, on the host.

    Args:
        where: the mesh and the layout.
        tree: arrays on the devices of all processes; one without these rows is handed out as a whole.
        counts: how many rows each process has.

    Returns:
        Arrays of numpy.
    """
    place, total = Places(where), int(counts.sum())
    mine = place.of_exact(counts)[jax.process_index()]
    even = bool((counts == counts[0]).all()) and int(counts[0]) % place.devices == 0

    def one(leaf: jax.Array) -> np.ndarray:
        if not leaf.ndim or leaf.shape[0] != total:
            return np.asarray(_laid(leaf, where.everywhere))
        if not even:
            return np.asarray(_laid(leaf, where.everywhere))[mine]
        laid = _laid(leaf, place.sharding)
        parts = {shard.index[0].start or 0: shard.data for shard in laid.addressable_shards}
        return np.concatenate([np.asarray(parts[begin]) for begin in sorted(parts)])

    return jax.tree.map(one, tree)


class Places:
    """Which rows of a batch lie on the devices of which process.

    Args:
        where: the mesh and the layout.

    Attributes:
        sharding: that of an array whose rows the devices divide.
        devices: into how many parts each process's rows are cut.
    """

    def __init__(self, where: Distribution) -> None:
        self.where, self.sharding = where, NamedSharding(where.mesh, PartitionSpec(where.batch_axes))
        self.devices = len(_places(where.mesh, where.batch_axes, _parts(where))[jax.process_index()])

    def put(self, mine: np.ndarray) -> jax.Array:
        """An array of all processes' rows, of as many from each; this process has these.

        Each device gets a copy of its own: whoever made the rows may fill them again before the step has run.
        """
        shape = (len(mine) * jax.process_count(), *mine.shape[1:])
        slices = self.sharding.addressable_devices_indices_map(shape)
        begins = sorted({rows[0].start or 0 for rows in slices.values() if rows is not None})
        size = len(mine) // len(begins)
        at = {begin: i * size for i, begin in enumerate(begins)}
        parts = [
            jax.device_put(mine[at[rows[0].start or 0] :][:size], device, may_alias=False)
            for device, rows in slices.items()
            if rows is not None
        ]
        return jax.make_array_from_single_device_arrays(shape, self.sharding, parts)

    def valid(self, counts: np.ndarray, room: int) -> np.ndarray:
        """Where the rows are that processes have, in an array with room for so many from each."""
        places = _places(self.where.mesh, self.where.batch_axes, room * len(counts))
        return np.sort(np.concatenate([places[i][:n] for i, n in enumerate(counts)])).astype(np.int32)

    def of_exact(self, counts: np.ndarray) -> list[np.ndarray]:
        """Where each process's rows are among those of all."""
        room = -(-int(counts.max()) // self.devices) * self.devices
        places = _places(self.where.mesh, self.where.batch_axes, room * len(counts))
        return [np.searchsorted(self.valid(counts, room), places[i][:n]) for i, n in enumerate(counts)]


def of_equals(leaf: np.ndarray, where: NamedSharding) -> jax.Array:
    """An array of one that each process has, without a word between them.

    `jax.device_put` compares what the processes have, which is to be done where all of them are at the same place.
    """

    parts = where.addressable_devices_indices_map(leaf.shape)
    found = [jax.device_put(leaf[index], device, may_alias=False) for device, index in parts.items()]
    return jax.make_array_from_single_device_arrays(leaf.shape, where, found)


def _parts(where: Distribution) -> int:
    """How many parts a batch is cut into."""
    return math.prod(where.mesh.shape[axis] for axis in where.batch_axes)


@functools.lru_cache(maxsize=64)
def _places(mesh: Any, axes: tuple[str, ...], count: int) -> dict[int, np.ndarray]:
    """For each process which of so many rows lie on its devices, in order."""
    found: dict[int, set[int]] = {}
    indices: Any = NamedSharding(mesh, PartitionSpec(axes)).devices_indices_map((count,))
    for device, rows in indices.items():
        found.setdefault(device.process_index, set()).update(range(*rows[0].indices(count)))
    return {process: np.asarray(sorted(rows)) for process, rows in found.items()}


@functools.partial(jax.jit, static_argnums=2)
def _taken(whole: jax.Array, valid: jax.Array, everywhere: NamedSharding) -> jax.Array:
    return jax.lax.with_sharding_constraint(whole.at[valid].get(mode="promise_in_bounds"), everywhere)


def _laid(leaf: jax.Array, where: NamedSharding) -> jax.Array:
    """An array where another program wants it."""
    return jax.jit(_same, out_shardings=where)(leaf)


def _same(leaf: jax.Array) -> jax.Array:
    return leaf
