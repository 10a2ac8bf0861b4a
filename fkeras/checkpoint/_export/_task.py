"""A model to export, as a function of arrays in order."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import jax
import numpy as np

from ...core import Model, flatten
from ...core.typing import Array, PyTree, Variables
from .._files._tree_arrays import unflatten
from ._signature import Signature, unique
from ._signature_of import plain, word

#: What runs a program that was written: its inputs in order to its outputs in order.
Run: TypeAlias = Callable[[list[np.ndarray]], "list[Array] | list[np.ndarray]"]


@dataclasses.dataclass(frozen=True)
class Task:
    """A model to export.

    Attributes:
        model, variables: the model.
        signature: what the program takes.
    """

    model: Model
    variables: Variables
    signature: Signature

    @property
    def weights(self) -> dict[str, Array]:
        """The variables by path; keys of PRNG arrays as their raw data."""
        return flatten(dict(self.variables))

    def with_weights(self, weights: Mapping[str, PyTree]) -> Variables:
        """The variables with other arrays, by path."""
        return unflatten(dict(self.variables), weights)

    def apply(self, variables: Variables, leaves: Iterable[PyTree]) -> list[PyTree]:
        """The model's outputs, in order, for its inputs in order."""
        return jax.tree.leaves(self.model.apply(variables, self.signature.pack(leaves)))

    def run(self, *leaves: PyTree) -> tuple[PyTree, ...]:
        """The same with the variables inside: a function of the inputs alone."""
        return tuple(self.apply(self.variables, leaves))

    @functools.cached_property
    def outputs(self) -> PyTree:
        """The outputs as `jax.ShapeDtypeStruct`s, in dicts, lists and tuples."""
        return plain(jax.eval_shape(lambda x: self.model.apply(self.variables, x), self.example))

    @functools.cached_property
    def example(self) -> PyTree:
        """A random batch of three."""
        return self.signature.pack(self.signature.random(self.run, 3))

    @property
    def output_names(self) -> list[str]:
        """A name for each output: a dict's keys, or the layers that make them."""
        leaves_with_path = jax.tree_util.tree_leaves_with_path(self.outputs)
        names = self.model.output_names
        if len(names) != len(leaves_with_path):
            keys = [jax.tree_util.keystr(path, simple=True, separator="_") for path, _ in leaves_with_path]
            names = [f"output_{k}" if not k or k[0].isdigit() else k for k in keys]
        return unique([word(n) for n in names])
