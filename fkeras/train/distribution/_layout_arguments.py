"""What `trainer.distribute` takes for a layout and a mesh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jax.sharding import Mesh

from ...core import did_you_mean, explain
from ._auto import Auto
from ._layout import FSDP, DataParallel, Layout, ModelParallel
from ._mesh import MeshLike, as_mesh


def as_layout(given: Any) -> Layout:
    """A layout of what `layout=` takes.

    Args:
        given: `"data"`, `"fsdp"`, `"auto"`, a layout, a `LayoutMap`, or `{regular expression of a path: axes}`.

    Returns:
        A layout.

    Raises:
        TypeError, ValueError: something else.
    """
    named: dict[str, Any] = {"data": DataParallel, "fsdp": FSDP, "auto": Auto}
    if isinstance(given, str):
        if given not in named:
            raise ValueError(
                explain(
                    f"There is no layout {given!r}.",
                    received=f"layout={given!r}",
                    usually=did_you_mean(given, list(named)),
                    write='trainer.distribute(layout="fsdp")',
                )
            )
        found: Layout = named[given]()
        return found
    if isinstance(given, Mapping):
        return ModelParallel(layout_map=given)
    if hasattr(given, "places") and hasattr(given, "batch_axes") and not isinstance(given, type):
        layout: Layout = given
        return layout
    raise TypeError(
        explain(
            "`layout` says where weights lie.",
            received=repr(given)[:80],
            usually="a mesh in its place, or a class that was not called.",
            write='trainer.distribute(mesh, layout="data"), "fsdp", "auto" or {".*kernel": (None, "model")}',
        )
    )


def mesh_for(mesh: MeshLike, layout: Layout) -> Mesh:
    """The mesh that was given, or the one that the layout was made for."""
    return as_mesh(layout.device_mesh if mesh is None else mesh)
