"""Which device holds which part of each leaf of a state, as a table."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeAlias

import jax
import numpy as np

from ...core import View, Viewed, html_box, html_code, html_folded, html_table, html_text
from ._layout_picture import drawn
from ._placement import Distribution

#: Where a part begins and ends along each axis.
Part: TypeAlias = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class LeafPlace:
    """Where a leaf lies.

    Attributes:
        path: in the state, `"params/dense/kernel"`.
        shape: of the whole.
        spec: the mesh's axis for each of its axes, as text.
        bytes: on one device.
        reason: why it lies there.
        parts: what each device holds of it, in the order of the devices.
    """

    path: str
    shape: tuple[int, ...]
    spec: str
    bytes: int
    reason: str
    parts: tuple[Part | None, ...]


@dataclasses.dataclass(frozen=True)
class LayoutTable(Viewed):
    """Where the leaves of a state lie: a table as text, a picture in a notebook.

    Attributes:
        devices: their names.
        rows: a line for each leaf.
        bytes: what each device holds, in the order of the devices.
        total: the bytes of the state, each number counted once.
    """

    devices: tuple[str, ...]
    rows: tuple[LeafPlace, ...]
    bytes: tuple[int, ...]
    total: int

    def __str__(self) -> str:
        cells = [("path", "shape", "spec", "bytes a device", "reason")]
        cells += [(r.path, str(r.shape), r.spec, f"{r.bytes:,}", r.reason) for r in self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(4)]
        lines = [
            f"{p:{widths[0]}}  {s:{widths[1]}}  {c:{widths[2]}}  {b:>{widths[3]}}  {why}".rstrip()
            for p, s, c, b, why in cells
        ]
        return "\n".join([*lines, self.summary])

    __repr__ = __str__

    @property
    def summary(self) -> str:
        """The bytes of the whole, and what the devices hold."""
        most, least = max(self.bytes), min(self.bytes)
        each = f"{most:,}" if most == least else f"{least:,} to {most:,}"
        count = f"{len(self.devices)} device{'s' * (len(self.devices) != 1)}"
        return f"{self.total:,} bytes; each of {count} holds {each}, {most / max(1, self.total):.1%} of it"

    @property
    def svg(self) -> str:
        """The picture: a line for each leaf, the largest first, a column for each device, and its part filled."""
        return drawn(self.devices, self.rows, self.bytes, self.summary)

    def _repr_svg_(self) -> str:
        return self.svg

    def _view(self) -> View:
        cells = [
            [html_code(r.path), html_text(r.shape), html_code(r.spec), f"{r.bytes:,}", html_text(r.reason)]
            for r in self.rows
        ]
        table = html_table(("path", "shape", "spec", "bytes a device", "reason"), cells, "lllrl")
        return View(str(self), html_box("layout", self.svg + html_folded("table", table)))


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
    held, total, rows = dict.fromkeys(devices, 0), 0, []
    for (path, leaf), sharding in zip(leaves, shardings, strict=True):
        name, shape = jax.tree_util.keystr(path, simple=True, separator="/"), tuple(np.shape(leaf))
        places = sharding.devices_indices_map(shape)
        own = {d: _part(cut, shape) for d, cut in places.items() if cut is not None}
        size = np.dtype(leaf.dtype).itemsize if hasattr(leaf, "dtype") else np.asarray(leaf).itemsize
        each = {d: size * math.prod(stop - start for start, stop in part) for d, part in own.items()}
        for device, count in each.items():
            held[device] += count
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
            )
        )
    return LayoutTable(tuple(f"{d.platform}:{d.id}" for d in devices), tuple(rows), tuple(held.values()), total)
