"""Layouts: along which axes of a mesh each weight is spread, with the reason."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
from jax.sharding import Mesh, PartitionSpec

from ...core import did_you_mean, explain
from ._mesh import DATA, DeviceMesh

#: Weights by path, `"params/dense/kernel"`: arrays, or what has their shapes.
Weights: TypeAlias = "Mapping[str, jax.ShapeDtypeStruct]"
#: Leaves that together hold at most this share of all numbers stay whole on each device: to gather them costs more
#: than the memory is worth.
_WHOLE = 0.005


class Placement(NamedTuple):
    """Where a weight lies.

    Attributes:
        spec: the mesh axis of each of its axes; an empty one is a copy on each device.
        reason: why, in a few words.
    """

    spec: PartitionSpec
    reason: str


class Layout(Protocol):
    """What says where weights and batches lie."""

    @property
    def device_mesh(self) -> DeviceMesh | Mesh | None:
        """The mesh that it was made for, if any."""

    def batch_axes(self, mesh: Mesh) -> tuple[str, ...]:
        """The axes of a mesh that the rows of a batch are spread over."""

    def places(self, weights: Weights, mesh: Mesh) -> dict[str, Placement]:
        """A place for each weight."""


def _data_axis(mesh: Mesh) -> str:
    return DATA if DATA in mesh.axis_names else str(mesh.axis_names[0])


@dataclasses.dataclass(frozen=True)
class DataParallel:
    """Each device has all weights and its part of the batch.

    Args:
        device_mesh: the mesh; its first axis, or the one that is called `"data"`, has the parts of the batch.
        devices: devices along one axis, in place of a mesh.
        auto_shard_dataset: of several processes, whether each is given all data and takes its part of them. `False`
            where the data are cut already: each process then hands in rows of its own.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> trainer.distribute(layout=fk.distribution.DataParallel()).distribution.layout
    DataParallel()

    Reference: https://keras.io/api/distribution/data_parallel/
    """

    device_mesh: Any = dataclasses.field(default=None, repr=False)
    devices: Any = dataclasses.field(default=None, repr=False)
    auto_shard_dataset: bool = dataclasses.field(default=True, repr=False)

    def __post_init__(self) -> None:
        if self.devices is not None and self.device_mesh is None:
            devices = tuple(self.devices)
            object.__setattr__(self, "device_mesh", DeviceMesh((len(devices),), (DATA,), devices))
            object.__setattr__(self, "devices", devices)

    def batch_axes(self, mesh: Mesh) -> tuple[str, ...]:
        """The axes of a mesh that the rows of a batch are spread over."""
        return (_data_axis(mesh),)

    def places(self, weights: Weights, mesh: Mesh) -> dict[str, Placement]:
        """A place for each weight: whole, everywhere."""
        return {path: Placement(PartitionSpec(), "data parallel: a copy on each device") for path in weights}


@dataclasses.dataclass(frozen=True)
class FSDP:
    """Weights, slots and the batch are spread over the devices, and each weight is gathered where it is used.

    Each weight is cut along its largest axis that the devices divide. Those that together hold no more than half a
    percent of all numbers stay whole.

    Args:
        device_mesh: the mesh; its first axis, or the one that is called `"data"`, has the parts.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> trainer.distribute(layout="fsdp").distribution.layout
    FSDP()

    Reference: Rajbhandari et al., arXiv:1910.02054; Zhao et al., arXiv:2304.11277.
    """

    device_mesh: Any = dataclasses.field(default=None, repr=False)

    def batch_axes(self, mesh: Mesh) -> tuple[str, ...]:
        """The axes of a mesh that the rows of a batch are spread over."""
        return (_data_axis(mesh),)

    def places(self, weights: Weights, mesh: Mesh) -> dict[str, Placement]:
        """A place for each weight."""
        taken = {path: Placement(PartitionSpec(), "") for path in weights}
        return spread(weights, taken, self.batch_axes(mesh), mesh)


def spread(weights: Weights, taken: Mapping[str, Placement], axes: Sequence[str], mesh: Mesh) -> dict[str, Placement]:
    """Placements in which each of some axes of a mesh cuts each weight along the largest of its axes that divides.

    An axis of the weight that nothing cuts comes first; where there is none, one that is cut already is cut further,
    unless the weight is a vector.

    Args:
        weights: the weights by path.
        taken: what axes of the mesh cut already.
        axes: the mesh's axes; what one of them cuts already, it does not cut again.
        mesh: the mesh.

    Returns:
        A placement for each weight.
    """
    room = _WHOLE * sum(math.prod(w.shape) for w in weights.values())
    placed = dict(taken)
    for path, weight in sorted(weights.items(), key=lambda item: (math.prod(item[1].shape), item[0])):
        left = [axis for axis in axes if axis not in mesh_axes(taken[path].spec)]
        room -= math.prod(weight.shape)
        if room >= 0:
            words = [taken[path].reason, f"small: whole along {', '.join(map(repr, left))}" if left else ""]
            placed[path] = Placement(taken[path].spec, "; ".join(filter(None, words)))
        else:
            for axis in left:
                placed[path] = _cut(weight.shape, placed[path], axis, mesh)
    return placed


def _cut(shape: Sequence[int], taken: Placement, axis: str, mesh: Mesh) -> Placement:
    """A placement that an axis of the mesh cuts further, where the sizes allow it."""
    parts, words = mesh.shape[axis], [taken.reason] if taken.reason else []
    cut = [*taken.spec, *[None] * (len(shape) - len(taken.spec))]
    sizes = [n // math.prod(mesh.shape[name] for name in mesh_axes([by])) for n, by in zip(shape, cut, strict=True)]
    if len(shape) == 1 and cut[0] is not None:  # XLA would cut what it is added to in as many parts, and the rows too
        return Placement(taken.spec, "; ".join([*words, f"small: whole along {axis!r}"]))
    divides = [i for i, n in enumerate(sizes) if n and n % parts == 0]
    if not divides:
        return Placement(taken.spec, "; ".join([*words, f"no axis of {tuple(shape)} that {parts} devices divide"]))
    place = max(divides, key=lambda i: (cut[i] is None, sizes[i], i))
    words.append(f"axis {place}, of {shape[place]}, by {axis!r}" + " too" * (cut[place] is not None))
    cut[place] = axis if cut[place] is None else (*mesh_axes([cut[place]]), axis)
    return Placement(PartitionSpec(*cut), "; ".join(words))


def mesh_axes(spec: Iterable[Any]) -> list[str]:
    """The axes of a mesh that a spec names.

    >>> mesh_axes(PartitionSpec(None, ("model", "data")))
    ['model', 'data']
    """
    return [name for part in spec if part is not None for name in ((part,) if isinstance(part, str) else part)]


# ------------------------------------------------------------------ rules
@dataclasses.dataclass(frozen=True)
class TensorLayout:
    """Along which axes of a mesh each axis of an array is spread, in Keras's words.

    Args:
        axes: for each axis of the array the name of a mesh's axis, or `None`.
        device_mesh: the mesh, where it is not that of the map it stands in.

    >>> tuple(TensorLayout((None, "model")).spec)
    (None, 'model')

    Reference: https://keras.io/api/distribution/layout_map/
    """

    axes: tuple[Any, ...]
    device_mesh: Any = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))

    @property
    def spec(self) -> PartitionSpec:
        """The same as a `PartitionSpec`."""
        return PartitionSpec(*self.axes)


class LayoutMap(MutableMapping[str, TensorLayout]):
    """Rules `{regular expression of a path: axes}`; a path has one where the expression is found in it.

    Args:
        device_mesh: the mesh that the axes are of.
        rules: the first rules.

    >>> import fkeras as fk
    >>> rules = fk.distribution.LayoutMap(fk.distribution.DeviceMesh((1, 1), ("data", "model")))
    >>> rules["dense.*kernel"] = (None, "model")
    >>> rules["sequential/dense_1/kernel"].axes
    (None, 'model')

    Reference: https://keras.io/api/distribution/layout_map/
    """

    def __init__(self, device_mesh: Any = None, rules: Mapping[str, Any] | None = None) -> None:
        self.device_mesh = device_mesh
        self._rules: dict[str, TensorLayout] = {}
        for pattern, axes in (rules or {}).items():
            self[pattern] = axes

    def __setitem__(self, pattern: str, axes: Any) -> None:
        if pattern in self._rules:
            raise ValueError(
                explain(
                    f"The layout has a rule {pattern!r} already.",
                    received=f"{axes!r}, after {self._rules[pattern].axes}",
                    write=f"del layout_map[{pattern!r}]   # first",
                )
            )
        self._rules[pattern] = axes if isinstance(axes, TensorLayout) else TensorLayout(tuple(spec_of(axes, pattern)))

    def __getitem__(self, path: str) -> TensorLayout:
        found = self._rules.get(path)
        if found is None:
            patterns = matching(self._rules, path)
            found = self._rules[patterns[0]] if patterns else None
        if found is None:
            raise KeyError(path)
        return found

    def __delitem__(self, pattern: str) -> None:
        del self._rules[pattern]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


def spec_of(axes: Any, pattern: str) -> PartitionSpec:
    """A `PartitionSpec` of what a rule has on its right.

    Raises:
        TypeError: something else.
    """
    if isinstance(axes, PartitionSpec):
        return axes
    if isinstance(axes, TensorLayout):
        return axes.spec
    if axes is None:
        return PartitionSpec()
    if isinstance(axes, list | tuple) and all(a is None or isinstance(a, str | tuple) for a in axes):
        return PartitionSpec(*axes)
    raise TypeError(
        explain(
            "A rule of a layout names an axis of the mesh, or None, for each axis of the weight.",
            received=f"{pattern!r}: {axes!r}",
            write=f'{{{pattern!r}: (None, "model")}}, or a jax.sharding.PartitionSpec',
        )
    )


def matching(rules: Mapping[str, Any], path: str) -> list[str]:
    """The rules that a path has, which is looked at with and without its collection."""
    bare = path.partition("/")[2] or path
    return [pattern for pattern in rules if re.search(pattern, path) or re.search(pattern, bare)]


@dataclasses.dataclass(frozen=True, init=False)
class ModelParallel:
    """Weights by rules, the rest as `default` says; rows of a batch along one axis of the mesh.

    Args:
        layout_map: a `LayoutMap`, or `{regular expression of a path: axes}`. A path has at most one rule.
        batch_dim_name: the mesh's axis for the rows of a batch; `"data"`, or its first one, by default.
        default: what a weight without a rule is: `"replicated"`, or `"fsdp"`.
        auto_shard_dataset: as for `DataParallel`.
        device_mesh: the mesh; that of the map by default.

    >>> import fkeras as fk
    >>> layout = fk.distribution.ModelParallel(layout_map={"dense.*kernel": (None, "model")}, default="fsdp")
    >>> [(pattern, tuple(spec)) for pattern, spec in layout.rules]
    [('dense.*kernel', (None, 'model'))]

    Reference: https://keras.io/api/distribution/model_parallel/
    Keras asks that each variable has at most one rule, and so does this; a rule that no weight has is an error.
    """

    rules: tuple[tuple[str, PartitionSpec], ...]
    batch_dim_name: str | None
    default: str
    device_mesh: Any = dataclasses.field(repr=False)
    auto_shard_dataset: bool = dataclasses.field(repr=False)

    def __init__(
        self,
        *,
        layout_map: Mapping[str, Any],
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        default: str = "replicated",
        device_mesh: Any = None,
    ) -> None:
        if default not in ("replicated", "fsdp"):
            raise ValueError(
                explain(
                    'What a weight without a rule is, is "replicated" or "fsdp".',
                    received=f"default={default!r}",
                    usually=did_you_mean(default, ("replicated", "fsdp")),
                    write='default="fsdp"',
                )
            )
        rules = layout_map._rules if isinstance(layout_map, LayoutMap) else dict(layout_map)
        mesh = getattr(layout_map, "device_mesh", None) if device_mesh is None else device_mesh
        object.__setattr__(self, "rules", tuple((pattern, spec_of(axes, pattern)) for pattern, axes in rules.items()))
        object.__setattr__(self, "batch_dim_name", batch_dim_name)
        object.__setattr__(self, "default", default)
        object.__setattr__(self, "device_mesh", mesh)
        object.__setattr__(self, "auto_shard_dataset", auto_shard_dataset)

    def batch_axes(self, mesh: Mesh) -> tuple[str, ...]:
        """The axes of a mesh that the rows of a batch are spread over."""
        name = self.batch_dim_name
        if name is not None and name not in mesh.axis_names:
            raise ValueError(unknown_axis(name, "batch_dim_name", mesh))
        return (name or _data_axis(mesh),)

    def places(self, weights: Weights, mesh: Mesh) -> dict[str, Placement]:
        """A place for each weight.

        Raises:
            ValueError: a weight with two rules, a rule that no weight has, or that does not fit its weight or the mesh.
        """
        rules, used, ruled = dict(self.rules), set(), {}
        for path, weight in weights.items():
            patterns = matching(rules, path)
            if len(patterns) > 1:
                raise ValueError(
                    explain(
                        f"The weight {path} has {len(patterns)} rules in the layout.",
                        received=" and ".join(map(repr, patterns)),
                        usually='"dense" is found in "dense_1" too.',
                        write=f'{{"{re.escape(path)}$": ...}}',
                    )
                )
            if patterns:
                used.add(patterns[0])
                check_spec(path, weight.shape, rules[patterns[0]], mesh)
                ruled[path] = Placement(rules[patterns[0]], f"the rule {patterns[0]!r}")
        idle = [pattern for pattern in rules if pattern not in used]
        if idle:
            raise ValueError(
                explain(
                    f"The rule {idle[0]!r} of the layout is found in no weight's path.",
                    received=", ".join(map(repr, idle)),
                    usually=did_you_mean(idle[0], list(weights)),
                    write=f'{{"{re.escape(next(iter(weights), "params/dense/kernel"))}$": ...}}',
                )
            )
        rest = {path: weight for path, weight in weights.items() if path not in ruled}
        if self.default == "replicated":
            return {**{path: Placement(PartitionSpec(), "no rule: a copy on each device") for path in rest}, **ruled}
        whole = {path: Placement(PartitionSpec(), "no rule") for path in rest}
        return {**spread(rest, whole, self.batch_axes(mesh), mesh), **ruled}


def check_spec(path: str, shape: Sequence[int], spec: PartitionSpec, mesh: Mesh) -> None:
    """Refuse a spec that does not fit a weight.

    Raises:
        ValueError: an unknown axis, more axes than the weight has, or one that its devices do not divide.
    """
    if len(spec) > len(shape):
        raise ValueError(
            explain(
                f"The layout has more axes for {path} than the weight has.",
                received=f"{spec}, for shape {tuple(shape)}",
                write=f"{tuple([None] * len(shape))}, with the name of a mesh axis in one place",
            )
        )
    for size, part in zip(shape, spec, strict=False):
        names = mesh_axes([part])
        for name in names:
            if name not in mesh.axis_names:
                raise ValueError(unknown_axis(name, path, mesh))
        count = math.prod(mesh.shape[name] for name in names)
        if size % count:
            raise ValueError(
                explain(
                    f"The layout cuts {path} into parts that are not alike.",
                    received=f"an axis of {size} along {part!r}, which has {count} devices",
                    usually="the last layer, whose size is the number of classes.",
                    write="another axis of the weight, or None in its place",
                )
            )


def unknown_axis(name: str, where: str, mesh: Mesh) -> str:
    """The words for an axis that a mesh does not have."""
    axes = [str(axis) for axis in mesh.axis_names]
    return explain(
        f"The mesh has no axis {name!r}.",
        received=f"{where}: {name!r}; the mesh has {', '.join(axes)}",
        usually=did_you_mean(name, axes),
        write=f'trainer.distribute({{"data": 4, {name!r}: 2}}, layout)',
    )
