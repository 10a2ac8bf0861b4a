"""Which device holds which part of each leaf of a state, as a table."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeAlias

import jax
import numpy as np

from ...core import View, Viewed, html_box, html_code, html_folded, html_table, html_text
from ._host_memory import HOST
from ._layout_picture import drawn
from ._placement import Distribution

#: Where a part begins and ends along each axis.
Part: TypeAlias = tuple[tuple[int, int], ...]
# To which side a column of the text goes: names to the left, bytes to the right.
_SIDES = "<<<>>"


@dataclasses.dataclass(frozen=True)
class LeafPlace:
    """Where a leaf lies.

    Attributes:
        path: in the state, `"params/dense/kernel"`.
        shape: of the whole.
        spec: the mesh's axis for each of its axes, as text.
        bytes: what a device has of it, in its own memory or in the host's.
        reason: why it lies there.
        parts: what each device holds of it, in the order of the devices.
        on_host: whether these parts lie in the memory of the host.
    """

    path: str
    shape: tuple[int, ...]
    spec: str
    bytes: int
    reason: str
    parts: tuple[Part | None, ...]
    on_host: bool = False


@dataclasses.dataclass(frozen=True)
class LayoutTable(Viewed):
    """Where the leaves of a state lie: a table as text, a picture in a notebook.

    Attributes:
        devices: their names.
        rows: a line for each leaf.
        bytes: what each device holds in its own memory, in the order of the devices.
        total: the bytes of the state, each number counted once.
        host: what lies in the host's memory for each device.
    """

    devices: tuple[str, ...]
    rows: tuple[LeafPlace, ...]
    bytes: tuple[int, ...]
    total: int
    host: tuple[int, ...] = ()

    def __str__(self) -> str:
        cells = [self._titles, *(self._cells(row) for row in self.rows)]
        *others, last = range(len(self._titles))
        widths = [max(len(row[i]) for row in cells) for i in others]
        lines = [
            "  ".join([*(f"{row[i]:{_SIDES[i]}{widths[i]}}" for i in others), row[last]]).rstrip() for row in cells
        ]
        return "\n".join([*lines, self.summary])

    @property
    def _titles(self) -> tuple[str, ...]:
        sizes = ("bytes a device", "on the host") if any(self.host) else ("bytes a device",)
        return ("path", "shape", "spec", *sizes, "reason")

    def _cells(self, row: LeafPlace) -> tuple[str, ...]:
        sizes = [f"{row.bytes:,}"]
        if any(self.host):
            sizes = ["0", *sizes] if row.on_host else [*sizes, "0"]
        return (row.path, str(row.shape), row.spec, *sizes, row.reason)

    __repr__ = __str__

    @property
    def summary(self) -> str:
        """The bytes of the whole, and what the devices hold."""
        count = f"{len(self.devices)} device{'s' * (len(self.devices) != 1)}"
        held = f"{self.total:,} bytes; each of {count} holds {_range(self.bytes)}, {self._share(self.bytes)} of it"
        if not any(self.host):
            return held
        return f"{held}, and has {_range(self.host)}, {self._share(self.host)}, in the host's memory"

    def _share(self, held: tuple[int, ...]) -> str:
        return f"{max(held) / max(1, self.total):.1%}"

    @property
    def svg(self) -> str:
        """The picture: a line for each leaf, the largest first, a column for each device, and its part filled."""
        return drawn(self.devices, self.rows, self.bytes, self.summary, self.host)

    def _repr_svg_(self) -> str:
        return self.svg

    def _view(self) -> View:
        cells = []
        for row in self.rows:
            path, shape, spec, *sizes, reason = self._cells(row)
            cells.append([html_code(path), html_text(shape), html_code(spec), *sizes, html_text(reason)])
        table = html_table(self._titles, cells, "lll" + "r" * (len(self._titles) - 4) + "l")
        return View(str(self), html_box("layout", self.svg + html_folded("table", table)))


def _range(held: tuple[int, ...]) -> str:
    most, least = max(held), min(held)
    return f"{most:,}" if most == least else f"{least:,} to {most:,}"


def _part(cut: tuple[slice, ...], shape: tuple[int, ...]) -> Part:
    return tuple(part.indices(size)[:2] for part, size in zip(cut, shape, strict=True))


def layout_table(state: Any, where: Distribution | None) -> LayoutTable:
    """Where the leaves of a state lie, or will lie.

    Args:
        state: a state of arrays; or its shapes, `jax.eval_shape(trainer.init, 0)`, for where `where` would put them.
        where: what the trainer says of its devices.
    """
    leaves = jax.tree_util.tree_leaves_with_path(state)
    planned = [None] * len(leaves) if where is None else jax.tree.leaves(where.shardings(state))
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shardings = [
        leaf.sharding if isinstance(leaf, jax.Array) else plan or here
        for (_, leaf), plan in zip(leaves, planned, strict=True)
    ]
    devices = sorted({d for s in shardings for d in s.device_set}, key=lambda d: d.id)
    if where is not None:
        mesh = list(where.mesh.devices.flat)
        devices = [*mesh, *(d for d in devices if d not in mesh)]
    reasons = {} if where is None else where.reasons(state)
    held, on_host, total, rows = dict.fromkeys(devices, 0), dict.fromkeys(devices, 0), 0, []
    for (path, leaf), sharding in zip(leaves, shardings, strict=True):
        name, shape = jax.tree_util.keystr(path, simple=True, separator="/"), tuple(np.shape(leaf))
        places = sharding.devices_indices_map(shape)
        own = {d: _part(cut, shape) for d, cut in places.items() if cut is not None}
        size = np.dtype(leaf.dtype).itemsize if hasattr(leaf, "dtype") else np.asarray(leaf).itemsize
        each = {d: size * math.prod(stop - start for start, stop in part) for d, part in own.items()}
        there = sharding.memory_kind == HOST
        for device, count in each.items():
            (on_host if there else held)[device] += count
        total += size * math.prod(shape)
        spec = getattr(sharding, "spec", None)
        rows.append(
            LeafPlace(
                name,
                shape,
                "one device" if spec is None else str(tuple(spec)),
                max(each.values()),
                reasons.get(name, "on one device"),
                tuple(own.get(d) for d in devices),
                there,
            )
        )
    names = tuple(f"{d.platform}:{d.id}" for d in devices)
    return LayoutTable(names, tuple(rows), tuple(held.values()), total, tuple(on_host.values()))
