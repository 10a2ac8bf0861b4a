"""preflight: what a run will take, from shapes alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax

from ...core import explain
from ...core.typing import Batch, PyTree
from .._loop._device_memory import nbytes
from .._loop._run_arguments import check_counts, named
from .._lower import shapes_of_a_run
from .._step._state import TrainState, example_of
from .._step._step_flops import step_flops
from ..distribution._mesh import MeshLike
from ._absent_devices import FORMULA, is_absent, placed_abstractly, share, shared_out
from ._batch_shapes import batch_shapes
from ._byte_counts import as_bytes
from ._kept_values import kept_bytes
from ._largest import largest
from ._needs import Needs, needs_of
from ._plan import Plan, plan_for
from ._report import Preflight

if TYPE_CHECKING:
    from .._trainer import Trainer


@named
def preflight(
    trainer: Trainer,
    x: PyTree = None,
    y: PyTree = None,
    sample_weight: PyTree = None,
    *,
    batch_size: int | None = 32,
    rows: int | None = None,
    memory: int | float | str | None = None,
    mesh: MeshLike = None,
    layout: object = None,
    donate: bool = False,
) -> Preflight:
    """What a run will take, before it runs: from shapes, with nothing allocated on a device.

    Args:
        trainer: the trainer.
        x, y, sample_weight: examples of any number of rows, arrays or `jax.ShapeDtypeStruct`. A model with an `Input`
            needs no `x`; targets that are not given are assumed as the loss takes them, which the report says.
        batch_size: rows in a batch. With `memory`, `None` takes the largest batch that fits.
        rows: how many rows the run's arrays have; without it the data is taken for a stream of batches.
        memory: what each device has: `"80GB"` (10⁹ bytes each), `"16GiB"` (2³⁰ each), a number of bytes, or `"device"`.
            Where the batch does not fit, the step is taken in parts (`accumulate_in_step`), then blocks are computed
            again (`model.with_remat`): `report.choices` say what was done and why, and `report.trainer` is the result.
        mesh: devices, as `trainer.distribute` takes them. More than there are here are taken as shapes alone: weights
            and slots are then exact, and the rest is estimated by a formula that the report names.
        layout: where weights and slots lie, as for `trainer.distribute`; `"data"` by default.
        donate: whether the run will be `fit(..., donate=True)`, which has one state in memory and not two.

    Returns:
        A `Preflight`: `print(report)` is a table, `report.peak_bytes` and its like are numbers.

    Raises:
        ValueError: the model does not know its input's shape and there is no `x`; `batch_size=None` without `memory`;
            a trainer that runs eagerly.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse")
    >>> report = trainer.preflight(batch_size=8, rows=100)
    >>> report.parameters, report.parameter_bytes, report.batch_bytes, report.steps_per_epoch
    (4, 16, 128, 13)

    Reference: https://docs.jax.dev/en/latest/aot.html. Keras has none.
    """
    check_counts(batch_size=batch_size, rows=rows)
    if trainer.run_eagerly:
        raise ValueError(
            explain(
                "preflight asks compiled programs, and this trainer runs eagerly.",
                received="run_eagerly=True",
                write="trainer.replace(run_eagerly=False).preflight()",
            )
        )
    limit = as_bytes(memory)
    if batch_size is None and limit is None:
        raise ValueError(
            explain(
                "The largest batch is asked for, and there is no limit.",
                received="batch_size=None, memory=None",
                write='trainer.preflight(batch_size=None, memory="20GB")',
            )
        )
    return _Asked(trainer, (x, y, sample_weight), rows, mesh, layout, donate).report(batch_size, limit)


class _Asked:
    """One question: it knows which programs it has compiled."""

    def __init__(
        self,
        trainer: Trainer,
        example: tuple[PyTree, PyTree, PyTree],
        rows: int | None,
        mesh: MeshLike,
        layout: object,
        donate: bool,
    ) -> None:
        self.example, self.rows, self.donate = example, rows, donate
        self.known: dict[tuple[Trainer, int], Needs] = {}
        self.told = ""
        given = trainer.distribution
        self.absent = is_absent(mesh)
        if self.absent:
            chosen = ("data" if given is None else given.layout) if layout is None else layout
            self.where: Any = placed_abstractly(trainer, mesh, chosen)
            trainer = trainer.replace(distribution=None)
        else:
            if mesh is not None or layout is not None:
                kept = ("data" if given is None else given.layout) if layout is None else layout
                trainer = trainer.distribute(given.mesh if mesh is None and given is not None else mesh, kept)
            self.where = trainer.distribution
        self.trainer = trainer

    # ------------------------------------------------------------------ what is asked
    def needs(self, trainer: Trainer, size: int) -> Needs:
        """What the step of so many rows needs, compiled once."""
        if (trainer, size) not in self.known:
            own = -(-size // self.row_devices) if self.absent else size
            batch = self.batch(trainer, own)
            found = needs_of(trainer, batch, None if self.absent else self.rows, self.donate)
            if self.absent:
                found = shared_out(found, trainer, self.where, self.state(trainer, batch), batch)
            self.known[trainer, size] = found
        return self.known[trainer, size]

    def batch(self, trainer: Trainer, size: int) -> Batch:
        """The shapes of a batch."""
        x, y, weight = self.example
        found, self.told = batch_shapes(trainer, x, y, weight, size)
        return found

    def state(self, trainer: Trainer, batch: Batch) -> TrainState:
        """The shapes of a state."""
        return shapes_of_a_run(trainer, batch, None, None)[0]

    @property
    def row_devices(self) -> int:
        """Over how many devices the rows of a batch are spread."""
        return 1 if self.where is None else math.prod(self.where.mesh.shape[axis] for axis in self.where.batch_axes)

    @property
    def devices(self) -> str:
        """What the figures are for."""
        kind = jax.local_devices()[0].device_kind
        if self.where is None:
            return kind
        sizes = dict(self.where.mesh.shape)
        return f"{math.prod(sizes.values())} x {'a device that is not here' if self.absent else kind}, {sizes}"

    # ------------------------------------------------------------------ the answer
    def report(self, size: int | None, limit: int | None) -> Preflight:
        """The report for a batch of so many rows, `None` for the largest, and a limit in bytes, if there is one."""
        trainer, most = self.trainer, None
        if limit is not None:
            start, each = self._likely(limit), self.row_devices
            most = largest(lambda n: self.needs(trainer, n).total, limit, start, each, self.rows)
        said: tuple[str, ...] = ()
        if size is None:
            size = most or self.row_devices
            said = (f"batch_size={size}: the largest that fits, by a program that was compiled.",) if most else ()
        if limit is None or most == size:
            plan = Plan(trainer, self.needs(trainer, size), {}, said)
        else:
            plan = plan_for(trainer, size, limit, self.needs)
        return self._told(plan, size, limit, most)

    def _likely(self, limit: int) -> int:
        """About how many rows fit, by the bytes that the trace of a step keeps of each."""
        plain = self.trainer.replace(distribution=None)
        few, many = (self.batch(plain, n) for n in (8, 16))
        state = self.state(plain, few)
        each = (kept_bytes(plain, state, many) - kept_bytes(plain, state, few)) / 8
        each = max(1.0, each / self.trainer.accumulate_in_step + nbytes(few) / 8)
        left = limit - self._bytes(state, "") * (1 if self.donate else 2)
        return max(1, int(left / each)) * self.row_devices if left > 0 else 1

    def _told(self, plan: Plan, size: int, limit: int | None, most: int | None) -> Preflight:
        trainer, needs = plan.trainer, plan.needs
        part = self.batch(trainer, -(-size // (trainer.accumulate_in_step * self.row_devices)))
        batch = self.batch(trainer, size)
        state = self.state(trainer, batch)
        moving, _ = trainer.partition(example_of(state, batch[0])).split(state.params)
        weights, slots, whole = (self._bytes(state, field) for field in ("params", "opt_state", ""))
        flops = step_flops(trainer, state, batch)
        steps = None if self.rows is None else -(-self.rows // size)
        said = [*plan.choices, *([self.told] if self.told else []), *([FORMULA] if self.absent else [])]
        count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state.params))
        return Preflight(
            trainer=trainer,
            batch_size=size,
            accumulate_in_step=trainer.accumulate_in_step,
            remat=plan.policies,
            devices=self.devices,
            parameters=count,
            parameter_bytes=weights,
            slot_bytes=slots,
            other_bytes=whole - weights - slots,
            batch_bytes=nbytes(batch) // self.row_devices,
            gradient_bytes=math.ceil(nbytes(moving) * weights / max(1, nbytes(state.params))),
            activation_bytes=kept_bytes(trainer.replace(distribution=None), state, part),
            temporary_bytes=needs.temporaries,
            peak_bytes=needs.peak,
            kept_bytes=needs.kept,
            total_bytes=needs.total,
            flops_per_step=flops,
            flops_per_epoch=None if self.rows is None else flops * self.rows / size,
            steps_per_epoch=steps,
            compile_seconds=needs.seconds,
            memory=limit,
            fits=None if limit is None else needs.total <= limit,
            largest_batch_size=None if limit is None else most,
            choices=tuple(said),
            compiled=not self.absent,
        )

    def _bytes(self, state: TrainState, field: str) -> int:
        """The bytes of a state on each device, or of one of its fields."""
        if self.where is not None:
            return share(self.where, state, state, field)
        return nbytes(getattr(state, field) if field else state)
