"""Exported programs, read back and called without the model that they were made from."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from ...core import explain, to_read
from .._files._export_names import KIND, PROGRAM, WEIGHTS
from .._files._report import compare
from .._orbax._directory import digest
from .._orbax._manifest import MANIFEST, read_manifest, specs
from .._safetensors import TensorFile
from ._program import read_program


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
    weights: Any
    manifest: Mapping[str, Any]
    check_sizes: Callable[[Any], None]

    @property
    def input_names(self) -> list[str]:
        """The inputs' names, in the order of their leaves."""
        return [record["name"] for record in self.manifest["inputs"]]

    @property
    def output_names(self) -> list[str]:
        """The outputs' names, in the order of their leaves."""
        return [record["name"] for record in self.manifest["outputs"]]

    def __call__(self, inputs: Any) -> Any:
        """The outputs, as `model.apply(variables, inputs)` gives them.

        Args:
            inputs: arrays in the structure of the model's inputs, or a dict by the inputs' names.

        Raises:
            ValueError: another structure, or shapes that do not fit.
            TypeError: floats where integers are expected.
        """
        arguments = self._matched(inputs)
        return self._call(*(() if self.weights is None else (self.weights,)), arguments)

    @functools.cached_property
    def _call(self) -> Any:
        def call(*arguments: Any) -> Any:
            self.check_sizes(arguments)  # here the sizes are known, and nothing is compiled yet
            return self.program.call(*arguments)

        return jax.jit(call)

    def _matched(self, inputs: Any) -> Any:
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
    def _structure(self) -> Any:
        """The tree of the program's last argument, the inputs."""
        args, _ = jax.tree.unflatten(self.program.in_tree, range(len(self.program.in_avals)))
        return jax.tree.structure(args[-1])

    def __repr__(self) -> str:
        def written(records: Any) -> str:
            return ", ".join(f"{r['name']}: {r['dtype']}[{', '.join(map(str, r['shape']))}]" for r in records)

        return f"<Exported ({written(self.manifest['inputs'])}) -> ({written(self.manifest['outputs'])})>"


def _fit(array: Any, record: Mapping[str, Any]) -> Any:
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


def load_exported(filepath: Any) -> Exported:
    """A program that `model.export(path, variables)` wrote, as a function of the model's inputs.

    Args:
        filepath: the directory.

    Returns:
        An `Exported`: call it, under `jax.jit` and `jax.vmap` too, and under `jax.grad` when it was exported with
        `vjp_order=1`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a file is missing, a link, or not the one that the manifest describes; a program that does more
            than compute (it may call only what `jax.export` takes for stable, and nothing outside XLA), or one
            outside the versions that this JAX reads.

    >>> import fkeras as fk, jax, jax.numpy as jnp, tempfile
    >>> model = fk.Sequential([fk.Input((3,), name="x"), fk.nn.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as place:
    ...     model.export(f"{place}/program", model.init(jax.random.key(0)))
    ...     program = fk.load_exported(f"{place}/program")
    >>> program
    <Exported (x: float32[batch, 3]) -> (dense: float32[batch, 2])>
    >>> program(jnp.ones((5, 3))).shape
    (5, 2)
    """
    return read_exported(filepath)


def read_exported(filepath: Any, own: bool = False) -> Exported:
    """The same; `own` says that this process has just written it, which spares trying it in another one."""
    place = pathlib.Path(os.path.abspath(to_read(filepath, "fk.load_exported", '"program"')))
    manifest = read_manifest(place, (KIND,))
    if manifest["exported"] != "stablehlo":
        raise ValueError(
            explain(
                f"The program at {str(place)!r} is a {manifest['exported']}, which TensorFlow reads.",
                write=f"tf.saved_model.load({str(place)!r})",
            )
        )
    _check_files(place, manifest)
    program = read_program((place / PROGRAM).read_bytes(), str(place / PROGRAM), manifest["versions"], own)
    weights, inputs = _arguments(place, program.exported, manifest)
    _check_described(place, inputs, program.exported.out_avals, manifest)
    return Exported(program.exported, weights, manifest, program.check_sizes)


def _check_files(place: pathlib.Path, manifest: Mapping[str, Any]) -> None:
    """Refuse files that are not those that were written; names are the two that are, and no others."""
    wanted = {PROGRAM} | ({WEIGHTS} if manifest["weights"] == "separate" else set())
    if set(manifest["files"]) != wanted:
        raise _damaged(place / MANIFEST, "a list of files that is not the one this fkeras writes")
    for name, record in manifest["files"].items():
        path = place / name
        if path.is_symlink() or not path.is_file():
            raise _damaged(path, "a link, which is not followed" if path.is_symlink() else "no such file")
        if path.stat().st_size != record["bytes"]:
            raise _damaged(path, f"{path.stat().st_size:,} bytes, and {record['bytes']:,} were written")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != record["sha256"]:
                raise _damaged(path, "a SHA-256 that is not the one in the manifest")


def _arguments(place: pathlib.Path, program: export.Exported, manifest: Mapping[str, Any]) -> tuple[Any, list[Any]]:
    """The arrays that the program takes first, `None` if they are in it, and what its inputs are."""
    args, kwargs = jax.tree.unflatten(program.in_tree, program.in_avals)
    separate = manifest["weights"] == "separate"
    if kwargs or len(args) != 1 + separate:
        raise _damaged(place / PROGRAM, f"a program of {len(args)} arguments and {len(kwargs)} named ones")
    inputs = jax.tree.leaves(args[-1])
    if not separate:
        return None, inputs
    if not isinstance(args[0], dict) or not all(isinstance(a, jax.core.ShapedArray) for a in args[0].values()):
        raise _damaged(place / PROGRAM, "a program whose first argument are no weights by path")
    taken = {path: (tuple(a.shape), jnp.dtype(a.dtype).name) for path, a in args[0].items()}
    with TensorFile(place / WEIGHTS) as file:
        for what, found in (("The program's weights", specs(manifest)), (f"{str(place / WEIGHTS)!r}", file.specs)):
            compare(taken, found).require(what)
        arrays = {path: file.read(path) for path in taken}
    for path, array in arrays.items():
        if digest(array) != manifest["arrays"][path]["sha256"]:
            raise _damaged(place / WEIGHTS, f"{path!r}, whose numbers are not those that were saved")
    return {path: jax.device_put(array) for path, array in arrays.items()}, inputs


def _check_described(place: pathlib.Path, inputs: Any, outputs: Any, manifest: Mapping[str, Any]) -> None:
    """Refuse a manifest that describes other inputs or outputs than the program has."""
    for kind, avals in (("inputs", inputs), ("outputs", outputs)):
        told = [(r["shape"], r["dtype"]) for r in manifest[kind]]
        found = [([d if isinstance(d, int) else str(d) for d in a.shape], jnp.dtype(a.dtype).name) for a in avals]
        if told != found:
            raise _damaged(place / MANIFEST, f"a description of other {kind} than the program has: {told}"[:300])


def _damaged(path: pathlib.Path, received: str) -> ValueError:
    return ValueError(
        explain(
            f"{str(path)!r} is not what was exported.",
            received=received,
            usually="the file was cut off or damaged on its way, or edited; or a cache keeps it as a link.",
            write="another copy (cp -rL); or model.export(path, variables) again",
        )
    )
