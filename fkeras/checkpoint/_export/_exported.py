"""Exported programs, called without the model that they were made from."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from ...core import explain
from ...core.typing import Array, PyTree
from .._orbax._manifest_types import ArgumentRecord, ProgramManifest


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Exported:
    """A program that `model.export` wrote: a pure function of the model's inputs.

    Attributes:
        program: JAX's own `jax.export.Exported`.
        weights: the arrays that it takes first, by path, where they lie beside it; else `None`.
        manifest: what the directory says of it: names, shapes, dtypes, platforms, versions.
        check_sizes: looks at the program again, for inputs of the sizes that it is given.
    """

    program: export.Exported
    weights: Mapping[str, Array] | None
    manifest: ProgramManifest
    check_sizes: Callable[[PyTree], None]

    @property
    def input_names(self) -> list[str]:
        """The inputs' names, in the order of their leaves."""
        return [record["name"] for record in self.manifest["inputs"]]

    @property
    def output_names(self) -> list[str]:
        """The outputs' names, in the order of their leaves."""
        return [record["name"] for record in self.manifest["outputs"]]

    def __call__(self, inputs: PyTree) -> PyTree:
        """The outputs, as `model.apply(variables, inputs)` gives them.

        Args:
            inputs: arrays in the structure of the model's inputs, or a dict by the inputs' names.

        Returns:
            The outputs, in dicts, lists and tuples.

        Raises:
            ValueError: another structure, or shapes that do not fit.
            TypeError: floats where integers are expected.
            NotImplementedError: it is called under `jax.vmap`.
        """
        arguments = self._matched(inputs)
        try:
            return self._call(*(() if self.weights is None else (self.weights,)), arguments)
        except NotImplementedError as error:
            if "Batching rule" not in str(error):
                raise
            raise NotImplementedError(
                explain(
                    "An exported program does not go under jax.vmap.",
                    usually="JAX has no rule for it, as the program is written for arrays of its own ranks.",
                    write="jax.lax.map(program, x); or program(x.reshape(-1, *x.shape[2:])), as its batch is open",
                )
            ) from None

    @functools.cached_property
    def _call(self) -> Callable[..., PyTree]:
        def call(*arguments: PyTree) -> PyTree:
            self.check_sizes(arguments)  # while this is traced the sizes are known, and nothing is compiled yet
            return self.program.call(*arguments)

        return jax.jit(call)

    def _matched(self, inputs: PyTree) -> PyTree:
        wanted = self._structure
        given = jax.tree.map(lambda a: a if isinstance(a, jax.Array) else np.asarray(a), inputs)
        if jax.tree.structure(given) != wanted:
            named = isinstance(given, Mapping) and set(given) == set(self.input_names)
            if not named:
                raise ValueError(
                    explain(
                        f"{self!r} takes other inputs.",
                        received=f"{jax.tree.structure(given)}, expected {wanted}",
                        usually="inputs are passed in the structure that the model was described with.",
                        write="program({" + ", ".join(f"{n!r}: ..." for n in self.input_names) + "})",
                    )
                )
            given = jax.tree.unflatten(wanted, [given[n] for n in self.input_names])
        leaves = [_fit(a, r) for a, r in zip(jax.tree.leaves(given), self.manifest["inputs"], strict=True)]
        return jax.tree.unflatten(wanted, leaves)

    @property
    def _structure(self) -> jax.tree_util.PyTreeDef:
        """The tree of the program's last argument, the inputs."""
        args, _ = jax.tree.unflatten(self.program.in_tree, range(len(self.program.in_avals)))
        return jax.tree.structure(args[-1])

    def __repr__(self) -> str:
        def written(records: list[ArgumentRecord]) -> str:
            return ", ".join(f"{r['name']}: {r['dtype']}[{', '.join(map(str, r['shape']))}]" for r in records)

        return f"<Exported ({written(self.manifest['inputs'])}) -> ({written(self.manifest['outputs'])})>"


def _fit(array: Array | np.ndarray, record: ArgumentRecord) -> Array | np.ndarray:
    """An input in the dtype that the program takes, if it is of its kind and rank."""
    dtype = jnp.dtype(record["dtype"])
    if jnp.issubdtype(array.dtype, jnp.inexact) and not jnp.issubdtype(dtype, jnp.inexact):
        raise TypeError(
            explain(
                f"The input {record['name']!r} has dtype {dtype.name}, which would cut the fractions off.",
                received=f"dtype {array.dtype}",
                write=f"x.astype({dtype.name!r})",
            )
        )
    shape = record["shape"]
    if len(shape) != array.ndim or any(isinstance(w, int) and w != d for w, d in zip(shape, array.shape, strict=True)):
        raise ValueError(
            explain(
                f"The input {record['name']!r} has the shape ({', '.join(map(str, shape))}).",
                received=f"shape {array.shape}",
                usually="the batch dimension is missing, or the program was exported for another size.",
                write="x[None] for one example",
            )
        )
    return array.astype(dtype)
