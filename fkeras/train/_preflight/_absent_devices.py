"""What each of several devices will hold that this machine does not have."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import jax
from jax.sharding import AbstractMesh, AxisType, Mesh

from ...core import Model, walk
from ...core.typing import Batch
from .._loop._device_memory import nbytes
from .._step._learner import Learner
from .._step._state import TrainState, example_of
from ..distribution._layout_arguments import as_layout
from ..distribution._mesh import DATA, DeviceMesh
from ..distribution._placement import Distribution
from ._needs import Needs

if TYPE_CHECKING:
    from .._trainer import Trainer

#: How what is not compiled is estimated, in words.
FORMULA = (
    "temporaries = those of one device's program for its rows (not cut along other axes of the mesh), less the whole "
    "gradients, plus the gradients as the layout cuts them, plus the largest layer's weights where they are gathered"
)


def sizes_of(mesh: object) -> dict[str, int] | None:
    """The axes of a mesh that may be larger than this machine: a mapping, a number or `AbstractMesh`."""
    if isinstance(mesh, AbstractMesh):
        return {str(name): int(size) for name, size in mesh.shape.items()}
    if isinstance(mesh, int) and not isinstance(mesh, bool):
        return {DATA: mesh}
    if isinstance(mesh, dict) and mesh and all(isinstance(n, int) and n > 0 for n in mesh.values()):
        return dict(mesh)
    return None


def is_absent(mesh: object) -> bool:
    """Whether a mesh has more devices than there are here, or none at all."""
    if isinstance(mesh, Mesh | DeviceMesh):
        return False
    sizes = sizes_of(mesh)
    return sizes is not None and (isinstance(mesh, AbstractMesh) or math.prod(sizes.values()) > jax.device_count())


def placed_abstractly(trainer: Trainer, mesh: object, layout: object) -> Distribution:
    """Where the arrays of a run will lie, over devices that need not be here.

    Args:
        trainer: the trainer.
        mesh: the axes and their sizes.
        layout: what `trainer.distribute` takes.
    """
    sizes = sizes_of(mesh) or {}
    abstract: Any = AbstractMesh(tuple(sizes.values()), tuple(sizes), (AxisType.Auto,) * len(sizes))
    found = Distribution(abstract, as_layout(layout)).of_model(trainer.model)
    found.layout.batch_axes(abstract)
    return found


def shared_out(needs: Needs, trainer: Learner, where: Distribution, state: TrainState, batch: Batch) -> Needs:
    """What each of the devices needs, of what one device needs for its share of the rows: see `FORMULA`.

    Args:
        needs: those of the program of one device.
        trainer: the trainer, without devices.
        where: where its arrays will lie.
        state: the shapes of a state.
        batch: the shapes of one device's rows.
    """
    whole, own = nbytes(state), share(where, state, state)
    moving, _ = trainer.partition(example_of(state, batch[0])).split(state.params)
    gradients = nbytes(moving)
    weights = nbytes(state.params)
    own_gradients = math.ceil(gradients * share(where, state, state, "params") / max(1, weights))
    temporaries = max(0, needs.temporaries - gradients) + own_gradients + _gathered(trainer, where, state)
    return dataclasses.replace(
        needs,
        arguments=needs.arguments - whole + own,
        outputs=max(0, needs.outputs - whole) + own,
        aliased=min(needs.aliased, own),
        temporaries=temporaries,
        kept=own if needs.kept else 0,
    )


def share(where: Distribution, state: Any, part: Any, field: str = "") -> int:
    """The bytes of a state that each device holds; of one of its fields alone, where that is named."""
    shardings = where.shardings(state)
    if field:
        part, shardings = getattr(part, field), getattr(shardings, field)
    return nbytes(jax.tree.map(lambda a, s: jax.ShapeDtypeStruct(s.shard_shape(a.shape), a.dtype), part, shardings))


def _gathered(trainer: Learner, where: Distribution, state: TrainState) -> int:
    """The weights of the largest layer, where a device has to gather them from those that share the batch's rows."""
    rows = set(where.batch_axes)
    specs = [s.spec for s in jax.tree.leaves(where.shardings(state).params)]
    cut = {axis for spec in specs for part in spec for axis in (part if isinstance(part, tuple) else (part,))}
    if not rows & cut or not isinstance(trainer.model, Model):
        return 0
    blocks = {path[0]: layer._stacked_blocks or 1 for path, layer in walk(trainer.model) if len(path) == 1}
    return max((nbytes(tree) // blocks.get(name, 1) for name, tree in state.params.items()), default=0)
