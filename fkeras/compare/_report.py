"""DiffReport: two models layer by layer, as a table, and why the first layer that differs does."""

from __future__ import annotations

import dataclasses

from ..core import View, Viewed, html_box, html_code, html_table, html_text


@dataclasses.dataclass(frozen=True)
class DiffRow:
    """One layer of `a` beside one of `b`.

    Attributes:
        a: the layer's path in `a`; `""` where it has no partner.
        b: the layer's path in `b`; `""` where it has no partner.
        kind: what it is, `"conv"`.
        status: `"same"`; `"differs"` by itself, or `"differs before"`, in what reaches it; `"inherited"`, where only
            its inputs differ; `"random"`; `"only in a"`, `"only in b"`.
        difference: the largest difference of their outputs as the models run; infinite for other shapes.
        by_itself: the same, of the two layers on the same inputs; NaN where that was not computed.
        largest: the largest number of `a`'s output, beside which a difference is seen.
        gradient: the largest difference of the gradients of output and weights; NaN where they were not asked for.
        cause: why it differs, in words; `""` where it does not.
        note: what else was seen, such as channels on another axis.
    """

    a: str
    b: str
    kind: str
    status: str
    difference: float = float("nan")
    by_itself: float = float("nan")
    largest: float = float("nan")
    gradient: float = float("nan")
    cause: str = ""
    note: str = ""

    @property
    def differs(self) -> bool:
        """Whether the fault is here, rather than before it."""
        return self.status.startswith("differs")


@dataclasses.dataclass(frozen=True, repr=False)
class DiffReport(Viewed):
    """What `fk.diff` found.

    Attributes:
        rows: a row for each layer, in the order in which they run.
        with_gradients: whether gradients were compared.
    """

    rows: tuple[DiffRow, ...]
    with_gradients: bool = False

    @property
    def faults(self) -> tuple[DiffRow, ...]:
        """The layers that differ by themselves, each with its cause."""
        return tuple(row for row in self.rows if row.differs)

    @property
    def first(self) -> DiffRow | None:
        """The first layer that differs, of gradients the last; `None` where the models are the same."""
        found = self.faults
        if not found:
            return None
        return found[-1] if all(row.status == "differs in its gradient" for row in found) else found[0]

    @property
    def cause(self) -> str:
        """Why the first layer that differs does, in words; `""` where the models are the same."""
        return "" if self.first is None else self.first.cause

    @property
    def same(self) -> bool:
        """Whether the models are the same within rounding."""
        return self.first is None

    def __str__(self) -> str:
        heads = ("a", "b", "kind", "differ by", "by itself", "numbers to", *(["gradient"] * self.with_gradients), "")
        cells = [heads, *(self._cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
        left = (0, 1, 2, len(heads) - 1)
        lines = [
            "  ".join(
                f"{c:{w}}" if i in left else f"{c:>{w}}" for i, (c, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in cells
        ]
        return "\n".join([line.rstrip() for line in lines] + [self.summary])

    __repr__ = __str__

    def _cells(self, row: DiffRow) -> tuple[str, ...]:
        numbers = [_number(row.difference), _number(row.by_itself), _number(row.largest)]
        gradient = [_number(row.gradient)] if self.with_gradients else []
        note = f" ({row.note})" if row.note else ""
        return (row.a, row.b, row.kind, *numbers, *gradient, ("" if row.status == "same" else row.status) + note)

    @property
    def summary(self) -> str:
        """The first layer that differs and its cause, then the others."""
        if self.first is None:
            paired = [row for row in self.rows if row.a and row.b]
            if not paired:
                return "No layer of one has a partner in the other: nothing was compared."
            return f"The same within rounding: {len(paired)} layers were compared."
        first = self.first
        before = "What reaches " if first.status == "differs before" else ""
        how = " in its gradient" if first.gradient == first.gradient and "gradient" in first.status else ""
        lines = [f"{before}{_place(first)} is the first that differs{how}.", f"Cause: {first.cause}"]
        lines += [f"Then {_place(row)} {row.status}: {row.cause}" for row in self.faults if row is not first]
        return "\n".join(lines)

    def _view(self) -> View:
        heads = ("a", "b", "kind", "differ by", "by itself", "numbers to", *(["gradient"] * self.with_gradients), "")
        rows = [[html_code(c) if i < 2 else html_text(c) for i, c in enumerate(self._cells(row))] for row in self.rows]
        table = html_table(heads, rows, "lllrrr" + "r" * self.with_gradients + "l")
        lines = "".join(f"<p>{html_text(line)}</p>" for line in self.summary.splitlines())
        return View(str(self), html_box("diff", table + lines))


def _place(row: DiffRow) -> str:
    return " / ".join(f"{path!r} of {side}" for path, side in ((row.a, "a"), (row.b, "b")) if path)


def _number(value: float) -> str:
    return "" if value != value else "shape" if value == float("inf") else "0" if value == 0 else f"{value:.2g}"
