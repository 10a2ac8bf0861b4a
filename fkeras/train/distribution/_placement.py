"""Distribution: a mesh and a layout, and the places of states and batches that follow from them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ...core.typing import Batch, PyTree, Variables
from ._axis_facts import axis_facts
from ._host_memory import HOST, as_offload, check_host_memory, is_on_host, may_lie_on_host, to_host
from ._layout import Layout, Placement
from ._layout_arguments import as_layout, mesh_for
from ._logical_axes import LogicalAxes
from ._mesh import DeviceMesh, MeshLike


@dataclasses.dataclass(frozen=True)
class Distribution:
    """Where the arrays of a run lie.

    Attributes:
        mesh: devices as a grid with named axes.
        layout: which axis of the mesh cuts which axis of a weight, and the rows of a batch.
        offload: the parts of a state whose arrays lie in the memory of the host.
        model: the trainer's model, for a layout that asks what it calls the axes of its weights.
        auto_shard_dataset: of several processes, whether each is given all data; else each hands in rows of its own.
    """

    mesh: Mesh
    layout: Layout
    offload: tuple[str, ...] = ()
    model: Any = dataclasses.field(default=None, repr=False, compare=False)
    auto_shard_dataset: bool = dataclasses.field(default=True, repr=False)

    @classmethod
    def of(
        cls, mesh: MeshLike, layout: Any, offload: object = None, auto_shard_dataset: bool | None = None
    ) -> Distribution:
        """A distribution of what `trainer.distribute` takes.

        Args:
            mesh: see `as_mesh`.
            layout: see `as_layout`.
            offload: see `as_offload`.
            auto_shard_dataset: what the layout says, by default.

        Returns:
            The distribution.

        Raises:
            TypeError, ValueError: something else, a batch axis that the mesh does not have, or devices that cannot read
                the host's memory.
        """
        found = as_layout(layout)
        whole = mesh_for(mesh, found)
        found.batch_axes(whole)
        parts = as_offload(offload)
        if parts:
            check_host_memory(whole.devices.flat)
        shards = getattr(found, "auto_shard_dataset", True) if auto_shard_dataset is None else auto_shard_dataset
        return cls(whole, found, parts, auto_shard_dataset=bool(shards))

    def __reduce__(self) -> Any:
        # devices belong to a process: another one has its own, of the same numbers
        numbers = tuple(d.id for d in self.mesh.devices.flat)
        shape, names = self.mesh.devices.shape, self.mesh.axis_names
        return _remade, (shape, names, numbers, self.layout, self.offload, self.auto_shard_dataset)

    # ------------------------------------------------------------------ places
    def of_model(self, model: Any) -> Distribution:
        """The same for a trainer of this model."""
        reads = isinstance(self.layout, LogicalAxes) and self.model is not model
        return dataclasses.replace(self, model=model) if reads else self

    def places(self, variables: Variables, x: PyTree = None) -> dict[str, Placement]:
        """A place for each variable, by path: `"params/dense/kernel"`.

        Args:
            variables: arrays, or what has their shapes.
            x: an example input, where the layout goes by names and the model does not know its input's shape.

        Returns:
            A `Placement` with a `spec` and its `reason` for each.
        """
        weights = _by_path(variables)
        if isinstance(self.layout, LogicalAxes):
            return self.layout.places(weights, self.mesh, axis_facts(self.model, x))
        return self.layout.places(weights, self.mesh)

    def shardings(self, state: Any) -> Any:
        """A sharding for each leaf of a state: slots lie where their weight does, what is no weight is everywhere.

        Args:
            state: a state, or its shapes.

        Returns:
            A tree of `NamedSharding`s in the state's structure.
        """
        places, owners = self._places_of(state)

        def of_leaf(path: Any, leaf: Any) -> NamedSharding:
            owner = owners[_name(path)]
            found = self._sharding(places[owner].spec if owner else PartitionSpec())
            return found.with_memory_kind(HOST) if self._lies_on_host(_name(path), leaf) else found

        return jax.tree_util.tree_map_with_path(of_leaf, state)

    def reasons(self, state: Any) -> dict[str, str]:
        """Why each leaf of a state lies where it does, by path."""
        places, owners = self._places_of(state)

        def reason(path: str, owner: str | None) -> str:
            if owner is None:
                return "no weight: a copy on each device"
            return f"as {owner}" if path.startswith("opt_state/") else places[owner].reason

        if not self.offload:
            return {path: reason(path, owner) for path, owner in owners.items()}
        leaves = _by_path(state)
        return {
            path: reason(path, owner) + "; offloaded" * self._lies_on_host(path, leaves[path])
            for path, owner in owners.items()
        }

    def _lies_on_host(self, path: str, leaf: jax.Array) -> bool:
        return path.partition("/")[0] in self.offload and may_lie_on_host(leaf)

    def _places_of(self, state: Any) -> tuple[dict[str, Placement], dict[str, str | None]]:
        """A place for each weight, and for each leaf of a state the weight that it lies with."""
        places = self.places(state.variables, getattr(state, "example", None))
        weights = {path.partition("/")[2]: (path, leaf.shape) for path, leaf in _by_path(state.variables).items()}

        def owner_of(name: str, leaf: Any) -> str | None:
            field, _, rest = name.partition("/")
            if field == "params":
                return name
            if field == "model_state":
                return rest
            owner = _owner(rest, weights) if field == "opt_state" else None
            same = owner is not None and weights[owner][1] == getattr(leaf, "shape", None)
            return weights[owner][0] if same and owner else None

        return places, {name: owner_of(name, leaf) for name, leaf in _by_path(state).items()}

    def rows(self, leaf: Any) -> NamedSharding:
        """Where an array with the batch in front lies: its rows over the devices, if these divide them."""
        count = math.prod(self.mesh.shape[axis] for axis in self.batch_axes)
        shape = np.shape(leaf)
        spread = bool(shape) and shape[0] % count == 0
        return self._sharding(PartitionSpec(self.batch_axes) if spread else PartitionSpec())

    @property
    def batch_axes(self) -> tuple[str, ...]:
        """The axes of the mesh that the rows of a batch are spread over."""
        return self.layout.batch_axes(self.mesh)

    @property
    def everywhere(self) -> NamedSharding:
        """A copy on each device."""
        return self._sharding(PartitionSpec())

    def _sharding(self, spec: PartitionSpec) -> NamedSharding:
        return NamedSharding(self.mesh, spec)

    # ------------------------------------------------------------------ putting
    def put(self, state: Any) -> Any:
        """A state whose arrays lie where they should; those that do already are not copied."""
        return jax.device_put(state, self.shardings(state))

    # ------------------------------------------------------------------ inside a program
    def keep(self, state: Any) -> Any:
        """A state at the beginning of a program, of which XLA is told where its arrays lie.

        What came in the host's memory stays there until it is fetched.
        """
        if not self.offload:
            return jax.lax.with_sharding_constraint(state, self.shardings(state))

        def constrained(leaf: jax.Array, where: NamedSharding) -> jax.Array:
            return leaf if is_on_host(leaf) else jax.lax.with_sharding_constraint(leaf, self._sharding(where.spec))

        return jax.tree.map(constrained, state, self.shardings(state))

    def leave(self, state: PyTree) -> PyTree:
        """A state at the end of a program, whose arrays XLA is told where to leave, in which memory too."""
        kept = self.keep(state)
        if not self.offload:
            return kept
        return jax.tree.map(
            lambda a, where: to_host(a) if where.memory_kind == HOST else a, kept, self.shardings(state)
        )

    def spread(self, batch: Batch) -> Batch:
        """A batch in a program, whose rows XLA is told to spread over the devices; any number of rows."""
        spec = self._sharding(PartitionSpec(self.batch_axes))
        return jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a, spec) if np.ndim(a) else a, batch)


def _remade(
    shape: tuple[int, ...],
    names: tuple[str, ...],
    numbers: tuple[int, ...],
    layout: Layout,
    offload: tuple[str, ...] = (),
    shards: bool = True,
) -> Distribution:
    known = {d.id: d for d in jax.devices()}
    mesh = DeviceMesh(shape, names, [known[n] for n in numbers]).to_jax()
    return Distribution(mesh, layout, offload, auto_shard_dataset=shards)


def _by_path(tree: PyTree) -> dict[str, Any]:
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _owner(path: str, weights: dict[str, Any]) -> str | None:
    """The weight that a slot belongs to: the longest path that the slot's own ends with."""
    parts = path.split("/")
    for begin in range(len(parts)):
        if (tail := "/".join(parts[begin:])) in weights:
            return tail
    return None
