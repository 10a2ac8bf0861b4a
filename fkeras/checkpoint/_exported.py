"""Exported programs, read back and called without the model that they were made from."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from ..core import explain, to_read
from ._export_files import KIND, PROGRAM, WEIGHTS, missing
from ._manifest import MANIFEST, read_manifest


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Exported:
    """A program that `model.export` wrote: a pure function of the model's inputs.

    Attributes:
        program: JAX's own `jax.export.Exported`.
        weights: the arrays that it takes first, by path, where they lie beside it; else `None`.
        manifest: what the directory says of it: names, shapes, dtypes, platforms, versions.
    """

    program: export.Exported
    weights: Any
    manifest: Mapping[str, Any]

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
        return jax.jit(self.program.call)

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
        ValueError: a file is missing, or its SHA-256 is not the one that the manifest has.

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
    place = pathlib.Path(os.path.abspath(to_read(filepath, "fk.load_exported", '"program"')))
    manifest = read_manifest(place, (KIND,))
    if manifest.get("exported") != "stablehlo":
        raise ValueError(
            explain(
                f"The program at {str(place)!r} is a {manifest.get('exported')}, which TensorFlow reads.",
                write=f"tf.saved_model.load({str(place)!r})",
            )
        )
    files = {name: _checked(place, name, record) for name, record in _records(place, manifest).items()}
    try:
        program = export.deserialize(bytearray(files[PROGRAM]))
    except ImportError:
        raise  # JAX says that it needs flatbuffers
    except Exception as error:  # a reader of another version of JAX, which raises many types
        raise ValueError(
            explain(
                f"This JAX ({jax.__version__}) cannot read the program at {str(place)!r}.",
                received=f"{type(error).__name__}, and a program of JAX {manifest.get('versions', {}).get('jax')}",
                usually="JAX reads programs of the versions of the last months.",
                write="model.export(path, variables) again, from the model's own file",
            )
        ) from error
    return _described(place, program, _weights(files[WEIGHTS]) if WEIGHTS in files else None, manifest)


def _described(place: pathlib.Path, program: Any, weights: Any, manifest: Mapping[str, Any]) -> Exported:
    """The program with what the manifest says of it, if that fits it."""
    taken, given = program.in_avals[len(weights or ()) :], program.out_avals
    try:
        told = [[(len(r["shape"]), r["dtype"], type(r["name"])) for r in manifest[k]] for k in ("inputs", "outputs")]
    except (KeyError, TypeError) as error:
        raise _damaged(place / MANIFEST, f"no description of the inputs and outputs: {error!r}") from None
    if told != [[(a.ndim, jnp.dtype(a.dtype).name, str) for a in avals] for avals in (taken, given)]:
        raise _damaged(place / MANIFEST, "a description of other inputs or outputs than the program has")
    return Exported(program, weights, manifest)


def _records(place: pathlib.Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of each file; names are the two that are written, and no others."""
    wanted = {PROGRAM} | ({WEIGHTS} if manifest.get("weights") == "separate" else set())
    records = dict(manifest.get("files") or {})
    whole = all(isinstance(r, dict) and {"bytes", "sha256"} <= set(r) for r in records.values())
    if not whole or set(records) != wanted:
        raise _damaged(place / MANIFEST, "a list of files that is not the one this fkeras writes")
    return records


def _checked(place: pathlib.Path, name: str, record: Any) -> bytes:
    """A file's content, if it is what was written."""
    path = place / name
    if not path.is_file():
        raise _damaged(path, "no such file")
    if path.stat().st_size != record["bytes"]:
        raise _damaged(path, f"{path.stat().st_size:,} bytes, and {record['bytes']:,} were written")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        raise _damaged(path, "a SHA-256 that is not the one in the manifest")
    return content


def _weights(content: bytes) -> dict[str, jax.Array]:
    try:
        from safetensors.numpy import load
    except ImportError as error:
        raise missing("safetensors", "keras", "A program with separate weights") from error
    return {path: jnp.asarray(array) for path, array in load(content).items()}


def _damaged(path: pathlib.Path, received: str) -> ValueError:
    return ValueError(
        explain(
            f"{str(path)!r} is not what was exported.",
            received=received,
            usually="the file was cut off or damaged on its way, or edited.",
            write="another copy; or model.export(path, variables) again",
        )
    )
