"""A model's outputs as a step knows them while it is traced, and their targets beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ...core import did_you_mean, explain
from ...core.typing import PyTree


class Outputs(NamedTuple):
    """The structure of a model's outputs.

    Attributes:
        names: a name for each output leaf.
        shapes: the shape and dtype of each.
    """

    names: tuple[str, ...]
    shapes: tuple[jax.ShapeDtypeStruct, ...]

    @classmethod
    def of(cls, y_pred: PyTree, names: Sequence[str] | None = None) -> Outputs:
        """The structure of these outputs.

        Args:
            y_pred: arrays, or shapes and dtypes, in the model's structure.
            names: the model's own names for them.

        >>> Outputs.of({"left": jnp.zeros((8, 2)), "right": jnp.zeros((8, 3))}).names
        ('left', 'right')
        """
        leaves = jax.tree.leaves(y_pred)
        shapes = (jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in map(_shaped, leaves))
        return cls(tuple(output_names(y_pred, names)), tuple(shapes))


def _shaped(leaf: Any) -> Any:
    return leaf if hasattr(leaf, "shape") and hasattr(leaf, "dtype") else jnp.asarray(leaf)


def output_names(y_pred: PyTree, names: Sequence[str] | None = None) -> list[str]:
    """A name for each output leaf: dict keys, the model's own names, or `output_1`, …; each of them once."""
    leaves = jax.tree_util.tree_leaves_with_path(y_pred)
    if isinstance(y_pred, Mapping):
        return [jax.tree_util.keystr(path, simple=True, separator="_") for path, _ in leaves]
    if names and len(names) == len(leaves):
        return _told_apart(names)
    return ["output"] if len(leaves) == 1 else [f"output_{i + 1}" for i in range(len(leaves))]


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names with numbers behind those that come again, as of the outputs of one layer.

    >>> _told_apart(["lstm", "lstm", "dense"])
    ['lstm', 'lstm_1', 'dense']
    """
    found: dict[str, None] = {}
    for i, name in enumerate(names):
        taken = {*found, *names[i + 1 :]} if name in found else set()
        others = (f"{name}_{k}" for k in range(1, len(names) + 1))
        found[next(other for other in others if other not in taken) if taken else name] = None
    return list(found)


class Comparison(NamedTuple):
    """A batch's targets beside the model's outputs, one entry for each output leaf.

    Attributes:
        y_true: the targets; `None` for an output without.
        y_pred: the outputs.
        weights: the sample weights; `None` where there are none.
        masks: which steps of a sequence count; `None` where all do.
    """

    y_true: list[Any]
    y_pred: list[Any]
    weights: list[Any]
    masks: list[Any]

    @classmethod
    def of(cls, y_pred: PyTree, names: Sequence[str], y: PyTree, sample_weight: PyTree, masks: list[Any]) -> Comparison:
        """Outputs beside what a batch has for them.

        Raises:
            ValueError: keys or lengths that do not fit the outputs.
        """
        y_true, weights = targets(y, y_pred, names), targets(sample_weight, y_pred, names, "sample_weight")
        return cls(y_true, jax.tree.leaves(y_pred), weights, masks)


def by_output(spec: Any, names: Sequence[str], what: str) -> list[Any]:
    """One entry of `spec` for each output.

    Args:
        spec: one value, a list of one for each output, or a dict by output's name.
        names: the outputs' names.
        what: what `spec` is called in messages.

    Raises:
        ValueError: a key that is no output's name, or a list of another length.
    """
    if spec is None:
        return [None] * len(names)
    if isinstance(spec, Mapping):
        check_output_keys(spec, names, what, "...")
        return [spec.get(n) for n in names]
    if isinstance(spec, list | tuple):
        if len(spec) != len(names):
            raise ValueError(
                explain(
                    f"{what} has {len(spec)} entries, but the model has {len(names)} outputs.",
                    received=str(spec)[:80],
                    usually=f"the outputs are {list(names)}.",
                    write=f"{what}=[...] with one entry an output, or a dict by output name",
                )
            )
        return list(spec)
    return [spec] * len(names)


def check_output_keys(spec: Mapping[str, Any], names: Sequence[str], what: str, entry: str) -> None:
    """Refuse keys that are no output's name.

    Args:
        spec: a dict by output's name.
        names: the outputs' names.
        what: what it is called.
        entry: what an entry looks like, for the line to write.

    Raises:
        ValueError: naming the nearest output.
    """
    unknown = sorted(set(spec) - set(names))
    if unknown:
        raise ValueError(
            explain(
                f"{what} has the key {unknown[0]!r}, which is no output of the model.",
                received=f"keys {sorted(spec)}",
                usually=did_you_mean(unknown[0], names),
                write=f"{what}={{{', '.join(f'{n!r}: {entry}' for n in names)}}}",
            )
        )


def targets(y: PyTree, y_pred: PyTree, names: Sequence[str], what: str = "y") -> list[Any]:
    """`y` (or sample weights) as one entry for each output leaf.

    Raises:
        ValueError: keys or lengths that do not fit the outputs.
    """
    if y is None:
        return [None] * len(names)
    if len(names) == 1 and not isinstance(y_pred, Mapping):
        if isinstance(y, list | tuple) and len(y) == 1:
            y = y[0]
        if isinstance(y, Mapping) and set(y) == set(names):
            y = y[names[0]]
        return [y]
    if isinstance(y, Mapping):
        if (
            isinstance(y_pred, Mapping)
            and set(y) == set(y_pred)
            and any(isinstance(v, Mapping | list) for v in y.values())
        ):
            return jax.tree.leaves(y)
        return by_output(y, names, what)
    if isinstance(y, list | tuple):
        leaves = jax.tree.leaves(y, is_leaf=lambda v: v is None)
        return by_output(leaves, names, what)
    return [y] * len(names) if what != "y" else by_output([y], names, what)
