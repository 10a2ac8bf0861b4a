"""RunningSums: the sums of loss and metrics, with all single numbers in one array."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...core.typing import PyTree


class _Layout(NamedTuple):
    """How the leaves of the tree are spread over the vector (`True`) and the other arrays."""

    treedef: Any
    in_vector: tuple[bool, ...]


@functools.partial(jax.tree_util.register_dataclass, data_fields=["scalars", "arrays"], meta_fields=["layout"])
@dataclasses.dataclass(frozen=True, eq=False)
class RunningSums(Mapping[str, Any]):
    """A mapping `{"losses": …, "added": …, "metrics": …}` whose float32 scalars lie in one vector.

    A step adds to each of a dozen numbers. As arrays of their own they are as many inputs, outputs and pieces of work,
    which on a CPU took as long as all the rest of a small model's step.

    Attributes:
        scalars: float32 of shape (numbers,).
        arrays: the leaves that are no float32 scalars.
        layout: what makes a tree of the two again.

    >>> sums = RunningSums.of({"loss": {"total": jnp.float32(3), "count": jnp.float32(2)}})
    >>> sums.scalars, sums["loss"]["total"]
    (Array([2., 3.], dtype=float32), Array(3., dtype=float32))
    """

    scalars: Any
    arrays: tuple[Any, ...]
    layout: _Layout

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> RunningSums:
        """The sums of a tree of arrays."""
        if isinstance(tree, RunningSums):
            return tree
        leaves, treedef = jax.tree.flatten(dict(tree))
        in_vector = tuple(np.shape(leaf) == () and jnp.result_type(leaf) == jnp.float32 for leaf in leaves)
        numbers = [leaf for leaf, inside in zip(leaves, in_vector, strict=True) if inside]
        stack = np.stack if all(isinstance(n, np.ndarray | np.generic) for n in numbers) else jnp.stack
        arrays = tuple(leaf for leaf, inside in zip(leaves, in_vector, strict=True) if not inside)
        vector = stack(numbers) if numbers else np.zeros((0,), np.float32)
        return cls(vector, arrays, _Layout(treedef, in_vector))

    def tree(self) -> dict[str, Any]:
        """The sums as plain dicts; a stack of sums, as `jax.vmap` makes, gives stacks."""
        return {key: self._taken(part) for key, part in self._places().items()}

    def _places(self) -> dict[str, PyTree]:
        """Where each leaf is: its place in the vector, or, counted from -1 down, among the other arrays."""
        numbers, arrays = itertools.count(), itertools.count(-1, -1)
        places: dict[str, PyTree] = jax.tree.unflatten(
            self.layout.treedef, [next(numbers if inside else arrays) for inside in self.layout.in_vector]
        )
        return places

    # What is asked for is taken out of the vector, and nothing else: on a device each number is a program of its own.
    def __getitem__(self, key: str) -> Any:
        return self._taken(self._places()[key])

    def _taken(self, places: PyTree) -> PyTree:
        return jax.tree.map(lambda i: self.scalars[..., i] if i >= 0 else self.arrays[-1 - i], places)

    def __contains__(self, key: object) -> bool:
        return key in self._places()

    def __iter__(self) -> Iterator[str]:
        return iter(self._places())

    def __len__(self) -> int:
        return len(self._places())
