"""LogicalAxes: a layout by the names that a model gives the axes of its weights."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from jax.sharding import Mesh, PartitionSpec

from ...core import did_you_mean, explain
from ._axis_facts import AxisFacts
from ._layout import Placement, Weights, _data_axis, mesh_axes, spread, unknown_axis


@dataclasses.dataclass(frozen=True, init=False)
class LogicalAxes:
    """Weights by the names of their axes, the rest as `default` says; rows of a batch along one axis of the mesh.

    A model names the axes of a weight at the layer, `fk.nn.Dense(64, kernel_axes=("embed", "mlp"))`, or where it says
    how the weight is made: `linen.with_partitioning(init, ("embed", "mlp"))`, in a Linen module or as an initializer of
    fkeras's layers. A name is an axis of the mesh, or one of `rules`. An axis that the devices do not divide stays
    whole.

    Args:
        rules: an axis of the mesh, several, or `None`, for each name; also pairs, as Linen has them.
        default: what a weight without names is: `"replicated"`, or `"fsdp"`.
        batch_dim_name: the mesh's axis for the rows of a batch; `"data"`, or its first one, by default.
        device_mesh: the mesh.

    >>> import fkeras as fk
    >>> fk.distribution.LogicalAxes({"embed": None, "mlp": "model"})
    LogicalAxes(rules=(('embed', None), ('mlp', 'model')), default='replicated', batch_dim_name=None)

    Reference: https://flax.readthedocs.io/en/latest/guides/parallel_training/flax_on_pjit.html
    """

    rules: tuple[tuple[str, Any], ...]
    default: str
    batch_dim_name: str | None
    device_mesh: Any = dataclasses.field(repr=False)

    def __init__(
        self, rules: Any = (), default: str = "replicated", batch_dim_name: str | None = None, device_mesh: Any = None
    ) -> None:
        if default not in ("replicated", "fsdp"):
            raise ValueError(
                explain(
                    'What a weight without names is, is "replicated" or "fsdp".',
                    received=f"default={default!r}",
                    usually=did_you_mean(default, ("replicated", "fsdp")),
                    write='default="fsdp"',
                )
            )
        pairs = tuple(rules.items()) if isinstance(rules, Mapping) else tuple(map(tuple, rules))
        pairs = tuple((name, tuple(axis) if isinstance(axis, list) else axis) for name, axis in pairs)
        object.__setattr__(self, "rules", pairs)
        object.__setattr__(self, "default", default)
        object.__setattr__(self, "batch_dim_name", batch_dim_name)
        object.__setattr__(self, "device_mesh", device_mesh)

    def batch_axes(self, mesh: Mesh) -> tuple[str, ...]:
        """The axes of a mesh that the rows of a batch are spread over."""
        name = self.batch_dim_name
        for axis in (*([name] if name else []), *mesh_axes([axis for _, axis in self.rules])):
            if axis not in mesh.axis_names:
                raise ValueError(unknown_axis(axis, "LogicalAxes", mesh))
        return (name or _data_axis(mesh),)

    def places(self, weights: Weights, mesh: Mesh, names: AxisFacts | None = None) -> dict[str, Placement]:
        """A place for each weight.

        Args:
            weights: the weights by path.
            mesh: the mesh.
            names: the names of the axes of those that have some.

        Returns:
            Placements by path.

        Raises:
            ValueError: no weight has names, or one has a name that is neither a rule's nor an axis of the mesh.
        """
        named = {path: names[path] for path in weights if names and path in names}
        if not named:
            raise ValueError(
                explain(
                    "LogicalAxes places weights by the names of their axes, and no weight of the model has any.",
                    received=f"{len(weights)} weights, such as {next(iter(weights), None)}",
                    usually="a model that says nothing of axes.",
                    write='layout="auto", or fk.nn.Dense(64, kernel_axes=("embed", "mlp")) in the model',
                )
            )
        ruled = {path: self._place(path, weights[path].shape, axes, mesh) for path, axes in named.items()}
        rest = {path: weight for path, weight in weights.items() if path not in ruled}
        if self.default == "replicated":
            return {**{path: Placement(PartitionSpec(), "no names: a copy on each device") for path in rest}, **ruled}
        whole = {path: Placement(PartitionSpec(), "no names") for path in rest}
        return {**spread(rest, whole, self.batch_axes(mesh), mesh), **ruled}

    def _place(self, path: str, shape: tuple[int, ...], names: tuple[Any, ...], mesh: Mesh) -> Placement:
        cut: list[Any] = []
        words, taken = [f"its axes are {', '.join(map(str, names))}"], set[str]()
        for place, (size, name) in enumerate(zip(shape, names, strict=False)):
            wanted = [axis for each in mesh_axes([name]) for axis in self._axes_of(path, each, mesh)]
            axes = tuple(axis for axis in wanted if axis not in taken)
            if axes and size % math.prod(mesh.shape[axis] for axis in axes):
                words.append(f"axis {place}, of {size}, whole: {axes} do not divide it")
                axes = ()
            taken |= set(axes)
            cut.append(None if not axes else axes[0] if len(axes) == 1 else axes)
        return Placement(PartitionSpec(*cut), "; ".join(words))

    def _axes_of(self, path: str, name: str, mesh: Mesh) -> list[str]:
        rules = dict(reversed(self.rules))  # the first rule of a name counts, as in Linen
        if name in rules:
            return mesh_axes([rules[name]])
        if name in mesh.axis_names:
            return [name]
        known = [*rules, *map(str, mesh.axis_names)]
        axes = ", ".join(map(str, mesh.axis_names))
        raise ValueError(
            explain(
                f"There is no rule for {name!r}, the name of an axis of {path}, and the mesh has no such axis.",
                received=f"rules for {', '.join(rules) or 'no name'}; the mesh has {axes}",
                usually=did_you_mean(name, known),
                write=f"fk.distribution.LogicalAxes({{{name!r}: None}})   # or an axis of the mesh",
            )
        )
