"""Writes `docs/from_flax.md`: `python -m tests.conformance.write_from_flax`."""

from __future__ import annotations

import pathlib

from .table_from_flax import GIVEN, TABLE, Row

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "from_flax.md"

HEAD = """# From Flax

What one writes by hand with Flax and optax, and the line for it here. Modules of Linen and of NNX train as they are
([guests](guests.md)); what goes is the loop. Flax's own examples, ported whole, are in
[examples/from_flax](../examples/from_flax/README.md).

Three rules carry over: a model is `init` and `apply`, state goes in and comes out, and any transformation of optax is
an optimizer. What is new: `model.compile(...)` gives a frozen trainer whose steps are pure functions of a `TrainState`
and a batch, and `fit` is a loop around them.

This page is written by `python -m tests.conformance.write_from_flax`, and a test runs both columns from top to bottom.
"""


def page() -> str:
    """The text of the page."""
    sections = [f"## {title}\n\n" + "\n\n".join(_row(row) for row in rows) for title, rows in TABLE.items()]
    given = f"## What the lines begin with\n\n```python\n{GIVEN}```"
    return "\n\n".join([HEAD.strip(), *sections, given]) + "\n"


def _row(row: Row) -> str:
    why = f"\n\n*{row.why}*" if row.why else ""
    if row.flax == row.here:
        return f"```python\n# with both\n{row.here}\n```{why}"
    ends_in_block = row.flax.rpartition("\n")[2].startswith(" ")  # after a function stand two lines, as ruff has them
    between = "\n" * (3 if ends_in_block else 2)
    return f"```python\n# Flax\n{row.flax}{between}# here\n{row.here}\n```{why}"


if __name__ == "__main__":
    PAGE.write_text(page())
