"""What is shown of a state: its parts as a folded tree of shapes, dtypes and bytes, and never its numbers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax

from ...core import Branch, View, branch_of, html_box, html_code, html_faint, html_of, html_text, size_text, text_lines

if TYPE_CHECKING:
    from ._state import TrainState


def state_text(state: TrainState) -> str:
    """A state in lines: the weights by layer, the rest by size."""
    parts = _parts(state)
    lines = [_title(state, parts)]
    for name, part in parts.items():
        inner = text_lines(part, "    ") if name in ("params", "model_state") and part.arrays else []
        lines += [f"  {name}: {part.told}", *inner]
    return "\n".join(lines)


def state_view(state: TrainState) -> View:
    """A state where it is the last line of a cell."""
    parts = _parts(state)
    body = [html_of(part, name, opened=name == "params") for name, part in parts.items()]
    if state.example_spec is not None:
        specs = ", ".join(f"{leaf.dtype}{leaf.shape}" for leaf in state.example_spec[1])
        body.append(f"<div>{html_code('example')} {html_faint(html_code(specs))}</div>")
    return View(state_text(state), html_box(html_text(_title(state, parts)), "".join(body)))


def _parts(state: TrainState) -> dict[str, Branch]:
    """The parts of a state by name; fields that are no arrays are left out."""
    fields = [f.name for f in dataclasses.fields(state) if f.name not in ("step", "rng_impl", "example_spec")]
    names = {"rng_data": "rng"}
    return {names.get(name, name): branch_of(getattr(state, name)) for name in fields}


def _title(state: TrainState, parts: dict[str, Branch]) -> str:
    weights, whole = parts["params"], sum(part.nbytes for part in parts.values())
    return (
        f"{type(state).__name__} at step {_step(state.step)}: {weights.numbers:,} parameters, "
        f"{size_text(weights.nbytes)}; {size_text(whole)} in all"
    )


def _step(step: object) -> str:
    """How many steps were made; of states in a stack, of tracers, of what was given away, that it is not known."""
    known = isinstance(step, jax.Array) and not isinstance(step, jax.core.Tracer) and step.is_fully_addressable
    if not known and not isinstance(step, int):
        return "?"
    if isinstance(step, jax.Array) and (step.is_deleted() or step.shape != ()):
        return f"? ({step.shape[0]} states)" if step.ndim else "?"
    return f"{int(step):,}"  # type: ignore[call-overload]
