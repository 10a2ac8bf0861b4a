"""Text that a model takes: its layers read it on the host, before arrays are cut into batches, or batch by batch."""

from __future__ import annotations

from flax import linen

from ...core import read_text, takes_text
from ...core.typing import PyTree


def read(model: linen.Module, x: PyTree) -> PyTree:
    """A model's inputs as its steps take them: what its text layers make of text, and numbers as they are.

    All rows that are given are read at once, so sentences are as long as the longest one, as in `model.apply`.
    """
    return read_text(model, x) if takes_text(model) else x  # type: ignore[arg-type]
