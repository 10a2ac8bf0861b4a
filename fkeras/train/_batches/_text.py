"""Text that a model takes: its layers read it on the host, before it is cut into batches or batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flax import linen

from ...core import read_text, takes_text
from ...core.typing import PyTree
from .._step._batch import Batch


def read(model: linen.Module, x: PyTree) -> PyTree:
    """A model's inputs as its steps take them: what its text layers make of text, and numbers as they are.

    All rows are read at once, so sentences are as long as the longest one, as in `model.apply`.
    """
    return read_text(model, x) if takes_text(model) else x  # type: ignore[arg-type]


def read_each(model: linen.Module, passes: Callable[[], Iterator[Batch]]) -> Callable[[], Iterator[Batch]]:
    """Passes over batches whose text is read batch by batch."""
    if not takes_text(model):
        return passes
    return lambda: ((read(model, x), y, sample_weight) for x, y, sample_weight in passes())
