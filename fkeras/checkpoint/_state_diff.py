"""How far two states of a run are from each other, layer by layer."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np

from ..core import View, Viewed, html_box, html_code, html_table
from ..core.typing import PyTree
from ..train import TrainState


@dataclasses.dataclass(frozen=True)
class LayerMove:
    """How far the variables of a layer moved.

    Attributes:
        path: the layer's, in the variables: `"params/dense"`.
        count: how many numbers it has.
        norm: the Euclidean norm of the first state's.
        moved: that of the difference.
        relative: `moved / norm`; infinite where the first state's are all 0 and the others are not.
        largest: the largest difference of a single number.
        bad: how many numbers of the second state are infinite or NaN.
    """

    path: str
    count: int
    norm: float
    moved: float
    relative: float
    largest: float
    bad: int


@dataclasses.dataclass(frozen=True)
class StateDiff(Viewed):
    """How far two states are from each other: a table as text, and in a notebook.

    Attributes:
        names: what the two are called.
        rows: a line for each layer that has variables.
    """

    names: tuple[str, str]
    rows: tuple[LayerMove, ...]

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (r.path, f"{r.count:,}", f"{r.norm:.4g}", f"{r.moved:.4g}", f"{r.relative:.3g}", f"{r.largest:.4g}",
             str(r.bad or ""))
            for r in self.rows
        ]  # fmt: skip

    def __str__(self) -> str:
        cells = [_TITLES, *self._cells()]
        widths = [max(len(row[i]) for row in cells) for i in range(len(_TITLES))]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
            ).rstrip()
            for row in cells
        ]
        return "\n".join([f"from {self.names[0]} to {self.names[1]}", *lines])

    __repr__ = __str__

    def _view(self) -> View:
        rows = [[html_code(path), *rest] for path, *rest in self._cells()]
        return View(
            str(self), html_box(f"from {self.names[0]} to {self.names[1]}", html_table(_TITLES, rows, "lrrrrrr"))
        )


_TITLES = ("layer", "numbers", "norm", "moved", "relative", "largest", "not finite")


def state_diff(before: TrainState, after: TrainState, names: tuple[str, str]) -> StateDiff:
    """How far the variables of each layer moved.

    Args:
        before, after: two states of one model.
        names: what they are called.
    """
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    old, new = (jax.tree_util.tree_leaves_with_path(_floats(state.variables)) for state in (before, after))
    for (path, a), (_, b) in zip(old, new, strict=True):
        layer = jax.tree_util.keystr(path[:-1], simple=True, separator="/")
        found.setdefault(layer, []).append((a, b))
    return StateDiff(names, tuple(_move(path, leaves) for path, leaves in found.items()))


def _floats(tree: PyTree) -> PyTree:
    """Numbers as float64; a random key as its raw data."""

    def plain(leaf: jax.Array) -> np.ndarray:
        if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        return np.asarray(leaf, np.float64)

    return jax.tree.map(plain, tree)


def _move(path: str, leaves: list[tuple[np.ndarray, np.ndarray]]) -> LayerMove:
    with np.errstate(all="ignore"):
        a = np.concatenate([np.ravel(leaf) for leaf, _ in leaves])
        b = np.concatenate([np.ravel(leaf) for _, leaf in leaves])
        norm, moved = float(np.linalg.norm(a)), float(np.linalg.norm(b - a))
        relative = moved / norm if norm else (0.0 if moved == 0 else float("inf"))
        largest = float(np.abs(b - a).max()) if a.size else 0.0
    return LayerMove(path, a.size, norm, moved, relative, largest, int((~np.isfinite(b)).sum()))
