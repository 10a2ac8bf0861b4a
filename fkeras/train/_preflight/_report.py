"""The report of a preflight: numbers, and a table of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ...core import View, Viewed, html_box, html_table, html_text
from ._byte_counts import byte_text

if TYPE_CHECKING:
    from .._trainer import Trainer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preflight(Viewed):
    """What a run will take, before it runs; `trainer.preflight` makes it. Bytes are those of each device.

    Attributes:
        trainer: the trainer to go on with: the one that was asked, or one that was made to fit.
        batch_size: rows in a batch.
        accumulate_in_step: in how many parts a step takes them.
        remat: which blocks are computed again in the backward pass.
        devices: what the figures are for, `"cpu"` or `"64 x cpu, {'data': 64}"`.
        parameters: numbers in the weights.
        parameter_bytes, slot_bytes, other_bytes: of weights, of the optimizer's slots, and of the rest of the state.
        batch_bytes: of a batch.
        gradient_bytes: of the gradients.
        activation_bytes: of what is kept for the backward pass, by the trace of the step.
        temporary_bytes: activations, gradients and room to work in, by the compiler.
        peak_bytes: what the program of a step has at once, by the compiler:
            `arguments + outputs - aliased + temporaries + code` of its `memory_analysis()`.
        kept_bytes: the caller's state, of which `fit` trains a copy; 0 with `donate=True`.
        total_bytes: `peak_bytes` and what lies beside the program.
        flops_per_step, flops_per_epoch: floating-point operations by XLA's analysis, each loop as often as it runs.
        steps_per_epoch: batches in an epoch.
        compile_seconds: how long the program took to compile here.
        memory: the limit, if there is one.
        fits: whether `total_bytes` are within it.
        largest_batch_size: the largest batch that fits, by this trainer; its program was compiled.
        choices: what was chosen and assumed, a sentence each.
        compiled: whether bytes come from the very program; else `choices` name the formula.
    """

    trainer: Trainer = dataclasses.field(repr=False)
    batch_size: int
    accumulate_in_step: int
    remat: dict[str, str]
    devices: str
    parameters: int
    parameter_bytes: int
    slot_bytes: int
    other_bytes: int
    batch_bytes: int
    gradient_bytes: int
    activation_bytes: int
    temporary_bytes: int
    peak_bytes: int
    kept_bytes: int
    total_bytes: int
    flops_per_step: float
    flops_per_epoch: float | None
    steps_per_epoch: int | None
    compile_seconds: float
    memory: int | None
    fits: bool | None
    largest_batch_size: int | None
    choices: tuple[str, ...]
    compiled: bool

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, without the trainer: `pandas.Series(report.to_dict())`."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "trainer"}

    @property
    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """The table: what, how much, and where the figure comes from."""
        by = "compiled" if self.compiled else "estimated"
        rows = [
            ("parameters", f"{self.parameters:,}", "shapes"),
            ("weights", byte_text(self.parameter_bytes), "shapes"),
            ("optimizer slots", byte_text(self.slot_bytes), "shapes"),
            ("rest of the state", byte_text(self.other_bytes), "shapes"),
            (f"batch of {self.batch_size:,}", byte_text(self.batch_bytes), "shapes"),
            ("gradients", byte_text(self.gradient_bytes), "shapes"),
            ("kept for the backward pass", byte_text(self.activation_bytes), "trace"),
            ("temporaries", byte_text(self.temporary_bytes), by),
            ("peak of a step", byte_text(self.peak_bytes), by),
            ("the caller's state", byte_text(self.kept_bytes), "shapes"),
            ("in all", byte_text(self.total_bytes), by),
            ("operations a step", f"{self.flops_per_step:.4g}", "XLA, before it compiles"),
        ]
        if self.flops_per_epoch is not None:
            rows.append(
                (f"operations an epoch of {self.steps_per_epoch:,} steps", f"{self.flops_per_epoch:.4g}", "same")
            )
        rows.append(("time to compile", f"{self.compile_seconds:.1f} s", "measured here"))
        if self.memory is not None:
            rows.append(("memory", byte_text(self.memory), "fits" if self.fits else "does not fit"))
            largest = "none" if not self.largest_batch_size else f"{self.largest_batch_size:,}"
            rows.append(("largest batch that fits", largest, by))
        return tuple(rows)

    def __str__(self) -> str:
        widths = [max(len(row[i]) for row in self.rows) for i in range(2)]
        lines = [f"  {a:{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in self.rows]
        return "\n".join([self._title, *lines, *(f"  - {choice}" for choice in self.choices)])

    __repr__ = __str__

    @property
    def _title(self) -> str:
        return f"Before running: bytes of each device, {self.devices}"

    def _view(self) -> View:
        table = html_table(("", "", "from"), [[html_text(cell) for cell in row] for row in self.rows], "lrl")
        said = "".join(f"<li>{html_text(choice)}</li>" for choice in self.choices)
        return View(str(self), html_box(html_text(self._title), table + (f"<ul>{said}</ul>" if said else "")))
