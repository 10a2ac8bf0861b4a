"""The places of the arrays in an optimizer's state: the rule that each belongs to, and the classes on the way to it."""

from __future__ import annotations

from typing import NamedTuple

import jax

from ...core import spec_of
from ...core.typing import PyTree
from ...train.optimizers import OptimizerState

# Fields of fkeras's own states are parts of a path that begin so.
OURS = "OptimizerState."


class Place(NamedTuple):
    """Where an array is.

    Attributes:
        parts: the keys on the way to it, each with the class that it is a field of.
        begins: how many of them lead to the rule that the array belongs to.
        scheduled: whether the rule's rate is a schedule.
    """

    parts: tuple[str, ...]
    begins: int = 0
    scheduled: bool = False

    @property
    def rule(self) -> tuple[str, ...]:
        """The parts that lead to the rule that the array belongs to."""
        return self.parts[: self.begins]

    @property
    def is_ours(self) -> bool:
        """Whether the rule is an optimizer of fkeras."""
        return self.parts[self.begins].startswith(OURS)

    @property
    def is_average(self) -> bool:
        """Whether the array is a moving average of a weight, which does not depend on the rule."""
        return f"{OURS}ema" in self.parts


def places(state: PyTree, by_class: bool) -> dict[str, Place]:
    """Where each array of a state is, by its path.

    Args:
        state: the state, as arrays or shapes.
        by_class: whether places say the classes that a path leads through; else they are names alone, to compare with a
            state of which nothing more is known.

    Returns:
        The places.
    """
    leaves = jax.tree_util.tree_leaves_with_path(state)
    by_path = {}
    for name, (path, _) in zip(spec_of(state), leaves, strict=True):
        node, parts, begins, within, scheduled = state, [], 0, False, False
        for i, key in enumerate(path):
            text = jax.tree_util.keystr((key,), simple=True)
            if isinstance(node, tuple) and hasattr(node, "_fields"):
                begins = (
                    begins if within else i
                )  # all that is inside a state of fkeras's own belongs to that state's rule
                within = within or isinstance(node, OptimizerState)
                scheduled = scheduled or type(node).__name__ == "ScheduledState"
                text = f"{'OptimizerState' if isinstance(node, OptimizerState) else type(node).__name__}.{text}"
            parts.append(text)
            node = _inside(node, key)
        by_path[name] = Place(tuple(parts), begins, scheduled) if by_class else Place(tuple(name.split("/")))
    return by_path


def _inside(node: PyTree, key: PyTree) -> PyTree:
    if isinstance(key, jax.tree_util.GetAttrKey):
        return getattr(node, key.name)
    if isinstance(key, jax.tree_util.DictKey | jax.tree_util.SequenceKey):
        return node[key.key if isinstance(key, jax.tree_util.DictKey) else key.idx]
    return None  # the key does not say how this class's part is reached
