"""How the steps of many members are dispatched: all members in one program, or one member after another."""

from __future__ import annotations

import collections
import functools
from collections.abc import Sequence
from typing import Protocol

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ...core.typing import Batch, PyTree
from .._batches._arrays import ArrayData
from .._step._learner import Learner
from .._step._many import stack, steps_of_members
from .._step._many_steps import many_steps, one_step
from .._step._placed import put_rows
from .._step._private_copy import private
from .._step._state import TrainState
from .._step._step_loop import bounds_of
from ._one_by_one import AHEAD

#: The order of an epoch's rows: of shape (members, rows), or (rows,) for all; `None` as they are.
Orders = np.ndarray | None
#: Numbers by name: of one member, by its number, or of a group, as arrays with an axis of members.
MemberLogs = list[tuple[int | np.ndarray, PyTree]]


class MemberDriver(Protocol):
    """Makes the steps of an epoch for each member.

    Attributes:
        parts: the states, of one member each or of groups.
    """

    parts: list[TrainState]

    def states(self) -> TrainState:
        """The stacked states of all members."""

    def put(self, states: TrainState) -> None:
        """Go on from other states."""

    def reset(self, sums: PyTree, active: np.ndarray) -> None:
        """Begin with empty running sums, for members that train."""

    def begin(self, orders: Orders, rows: int) -> None:
        """Begin an epoch of so many rows, in these orders."""

    def advance(self, start: int, count: int, active: np.ndarray) -> tuple[int, MemberLogs]:
        """Make at most `count` steps from a place in the epoch; how many, and `[(members, logs), …]`."""


class Together:
    """All members of a group in one program, one group after the other.

    Groups have one size, so that one program serves them: the last one is filled up with copies that do not train.

    Args:
        trainer: the trainer, on no devices of its own.
        data: the arrays.
        count: how many members there are.
        at_once: how many of them are in one program.
        mesh: the devices that members are spread over along its axis, `(mesh, axis)`.
        unrolled: how many steps are made without asking the host.
        careful: whether a step may raise while it runs.
    """

    def __init__(
        self, trainer: Learner, data: ArrayData, count: int, at_once: int, mesh: tuple[Mesh, str] | None = None,
        unrolled: int = 0, careful: bool = False,
    ) -> None:  # fmt: skip
        self.trainer, self.size, self.unrolled, self.careful = trainer, data.batch_size, unrolled, careful
        self.run, self.count, self.mesh = steps_of_members(trainer, donate=not careful), count, mesh
        wide = 1 if mesh is None else mesh[0].shape[mesh[1]]
        number = -(-count // max(1, at_once))
        at_once = -(-count // number)
        at_once = -(-at_once // wide) * wide
        self.groups = [np.arange(first, first + at_once) for first in range(0, count, at_once)]
        self.is_whole = len(self.groups) == 1 and at_once == count
        self.data = jax.device_put(data.tree, self._everywhere())
        self.parts: list[TrainState] = []
        self.orders: list[list[jax.Array | None]] = []
        self.trains: dict[int, tuple[np.ndarray, jax.Array]] = {}

    def _everywhere(self) -> NamedSharding | None:
        return None if self.mesh is None else NamedSharding(self.mesh[0], PartitionSpec())

    def _spread(self, tree: PyTree, *, own: bool = False) -> PyTree:
        """Arrays with a leading axis of members, where they are trained; `own` where a step takes their memory."""
        where = None if self.mesh is None else NamedSharding(self.mesh[0], PartitionSpec(self.mesh[1]))
        return jax.device_put(tree, where, may_alias=False if own else None)

    def _chosen(self, leaf: np.ndarray, members: np.ndarray) -> np.ndarray:
        return leaf if self.is_whole else leaf[np.minimum(members, self.count - 1)]

    def states(self) -> TrainState:
        """The stacked states of all members."""
        if self.is_whole:
            found: TrainState = self.parts[0]
            return found
        whole: TrainState = jax.tree.map(
            lambda *a: jax.device_put(np.concatenate(a)[: self.count]), *jax.device_get(self.parts)
        )
        return whole

    def put(self, states: TrainState) -> None:
        """Go on from other states, of which it takes a copy."""
        if self.is_whole:
            self.parts = [private(self._spread(states))]
            return
        host = jax.device_get(states)
        self.parts = [
            private(self._spread(jax.tree.map(lambda a, m=members: self._chosen(a, m), host)))
            for members in self.groups
        ]

    def reset(self, sums: PyTree, active: np.ndarray) -> None:
        """Begin with empty running sums, for members that train."""
        for g, members in enumerate(self.groups):
            trains, old = self._chosen(active, members), self.parts[g].metrics
            wide = jax.tree.map(functools.partial(_repeated, len(members)), jax.device_get(sums))
            structures: list[PyTree] = [jax.tree.structure(tree) for tree in (old, wide)]
            if structures[0] == structures[1] and not trains.all():
                wide = jax.tree.map(functools.partial(_rows_of, trains), wide, jax.device_get(old))
            self.parts[g] = self.parts[g].replace(metrics=self._spread(wide, own=True))

    def begin(self, orders: Orders, rows: int) -> None:
        """Begin an epoch of so many rows, in these orders."""
        self.full, self.rest = divmod(rows, self.size)
        if orders is None:
            orders = np.arange(rows, dtype=np.int32)
        whole, last = orders[..., : self.full * self.size], orders[..., self.full * self.size :]
        self.orders = []
        for members in self.groups:
            shared = orders.ndim == 1
            parts = [part if shared else self._chosen(part, members) for part in (whole, last)]
            put = (lambda a: jax.device_put(a, self._everywhere())) if shared else self._spread
            self.orders.append([put(part.astype(np.int32, copy=False)) if part.size else None for part in parts])

    def advance(self, start: int, count: int, active: np.ndarray) -> tuple[int, MemberLogs]:
        """At most `count` steps from a place in the epoch."""
        last = start >= self.full
        made = 1 if last else min(count, self.full - start)
        bounds = bounds_of(0, 1) if last else bounds_of(start, start + made)
        size, unrolled = (self.rest, 0) if last else (self.size, self.unrolled)
        logs: MemberLogs = []
        for g, members in enumerate(self.groups):
            here = members < self.count
            trains = here & self._chosen(active, members)
            if not trains.any():
                continue
            known = self.trains.get(g)
            if known is None or not np.array_equal(known[0], trains):
                known = self.trains[g] = trains, self._spread(trains)
            order = self.orders[g][last]
            found = self.run(self.parts[g], self.data, order, bounds, known[1], size, unrolled)
            self.parts[g], numbers = jax.block_until_ready(found) if self.careful else found
            logs.append((members, numbers))
        return made, logs


class OneAfterAnother:
    """One member after another, by the programs of `fit`.

    Args:
        trainer: the trainer.
        data: the arrays.
        count: how many members there are.
        on_device: whether many steps are one dispatch, over arrays on the device.
        unrolled: how many steps are made without asking the host.
        careful: whether a step may raise while it runs.
    """

    def __init__(
        self, trainer: Learner, data: ArrayData, count: int, on_device: bool, unrolled: int = 0, careful: bool = False
    ) -> None:
        self.trainer, self.data, self.count, self.on_device = trainer, data, count, on_device
        self.unrolled, self.careful, self.size = unrolled, careful, data.batch_size
        self.many, self.one = many_steps(trainer, not careful), one_step(trainer, not careful)
        self.arrays = jax.device_put(data.tree) if on_device else None
        self.parts: list[TrainState] = []
        self.orders: Orders = None
        self.placed: list[PyTree] = []
        self.under_way: collections.deque[PyTree] = collections.deque()

    def states(self) -> TrainState:
        """The stacked states of all members."""
        found: TrainState = jax.device_put(stack(self.parts))
        return found

    def put(self, states: TrainState) -> None:
        """Go on from other states."""
        host = jax.device_get(states)
        self.parts = [private(jax.tree.map(lambda a, i=i: a[i], host)) for i in range(self.count)]

    def reset(self, sums: PyTree, active: np.ndarray) -> None:
        """Begin with empty running sums, for members that train."""
        for i in np.flatnonzero(active):
            self.parts[i] = self.parts[i].replace(metrics=private(sums))

    def begin(self, orders: Orders, rows: int) -> None:
        """Begin an epoch of so many rows, in these orders."""
        self.orders, self.rows, self.full = orders, rows, rows // self.size
        self.placed = [None] * self.count
        if self.on_device and orders is not None:
            shared = jax.device_put(orders.astype(np.int32)) if orders.ndim == 1 else None
            self.placed = [shared if shared is not None else jax.device_put(o.astype(np.int32)) for o in orders]
            self.placed = self.placed[: self.count] if shared is None else [shared] * self.count

    def advance(self, start: int, count: int, active: np.ndarray) -> tuple[int, MemberLogs]:
        """At most `count` steps from a place in the epoch."""
        steps = -(-self.rows // self.size)
        last = start >= self.full
        made = min(count, steps - start) if not self.on_device else 1 if last else min(count, self.full - start)
        logs: MemberLogs = []
        for i in np.flatnonzero(active):
            if self.on_device and not last:
                bounds = bounds_of(start, start + made)
                found = self.many(self.parts[i], self.arrays, self.placed[i], bounds, self.size, self.unrolled)
                self.parts[i], numbers = jax.block_until_ready(found) if self.careful else found
            else:
                numbers = self._singly(int(i), range(start, start + made))
            logs.append((int(i), numbers))
        return made, logs

    def _singly(self, i: int, places: Sequence[int]) -> PyTree:
        """Steps of one member, a dispatch each."""
        order = self.orders if self.orders is None or self.orders.ndim == 1 else self.orders[i]
        numbers = None
        for place in places:
            batch = self.data.batch(place, order) if order is not None else self._as_they_are(place)
            found = self.one(self.parts[i], put_rows(self.trainer, batch) if self.on_device else batch)
            self.parts[i], numbers = jax.block_until_ready(found) if self.careful else found
            self.under_way.append(numbers)
            if len(self.under_way) > AHEAD:
                jax.block_until_ready(self.under_way.popleft())
        return numbers

    def _as_they_are(self, place: int) -> Batch:
        return self.data.slice(0, self.rows).batch(place)


def numbers_of_members(logs: MemberLogs, count: int, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Numbers of all members by name, as arrays of shape (members,); NaN where a member has none."""
    found: dict[str, np.ndarray] = {}
    for members, numbers in jax.device_get(logs):
        for name, given in numbers.items():
            value = np.asarray(given, float)
            value = value[None] if isinstance(members, int) else value
            places = np.array([members]) if isinstance(members, int) else members
            if name not in found:
                found[name] = np.full((count, *value.shape[1:]), np.nan)
            found[name][places[places < count]] = value[places < count]
    order = {name: place for place, name in enumerate(names)}
    return {name: found[name] for name in sorted(found, key=lambda n: (order.get(n, len(order)), n))}


def _repeated(count: int, leaf: np.ndarray) -> np.ndarray:
    return np.broadcast_to(leaf, (count, *np.shape(leaf)))


def _rows_of(active: np.ndarray, new: np.ndarray, old: np.ndarray) -> np.ndarray:
    return np.where(active.reshape(-1, *[1] * (np.ndim(new) - 1)), new, old)
