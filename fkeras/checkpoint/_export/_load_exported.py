"""Exported programs read back: their files compared with the manifest, and the program looked at before it may run."""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import cast

import jax
import jax.numpy as jnp
from jax import export

from ...core import explain, to_read
from ...core.typing import Array, FilePath
from .._files._checksums import digest
from .._files._export_names import KIND, PROGRAM, WEIGHTS
from .._files._report import compare
from .._orbax._manifest import MANIFEST, read_manifest, specs
from .._orbax._manifest_types import ProgramManifest
from .._safetensors._tensor_file import TensorFile
from ._exported import Exported
from ._program import read_program


def load_exported(filepath: FilePath) -> Exported:
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


def read_exported(filepath: FilePath, own: bool = False) -> Exported:
    """`load_exported`; `own` says that this process has just written the program and need not try it in another."""
    place = pathlib.Path(os.path.abspath(to_read(filepath, "fk.load_exported", '"program"')))
    manifest = cast(ProgramManifest, read_manifest(place, (KIND,)))
    if manifest["exported"] == "training":
        raise ValueError(
            explain(
                f"The programs at {str(place)!r} train a model, and there is no one function of its inputs.",
                received="what trainer.export wrote",
                write="jax.export.deserialize(bytearray((place / 'train_step.stablehlo').read_bytes())).call",
            )
        )
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


def _check_files(place: pathlib.Path, manifest: ProgramManifest) -> None:
    """Refuse files other than the one or two that an export writes, or with other bytes than it wrote."""
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


def _arguments(
    place: pathlib.Path, program: export.Exported, manifest: ProgramManifest
) -> tuple[dict[str, Array] | None, list[jax.core.ShapedArray]]:
    """The weights that the program takes first (`None` if they are in it), and the types of its inputs."""
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
        for label, actual in (("The program's weights", specs(manifest)), (f"{str(place / WEIGHTS)!r}", file.specs)):
            compare(taken, actual).require(label)
        arrays = {path: file.read(path) for path in taken}
    for path, array in arrays.items():
        if digest(array) != manifest["arrays"][path]["sha256"]:
            raise _damaged(place / WEIGHTS, f"{path!r}, whose numbers are not those that were saved")
    return {path: jax.device_put(array) for path, array in arrays.items()}, inputs


def _check_described(
    place: pathlib.Path,
    inputs: Sequence[jax.core.ShapedArray],
    outputs: Sequence[jax.core.ShapedArray],
    manifest: ProgramManifest,
) -> None:
    """Refuse a manifest that describes other inputs or outputs than the program has."""
    for kind, records, avals in (
        ("inputs", manifest["inputs"], inputs),
        ("outputs", manifest["outputs"], outputs),
    ):
        described = [(r["shape"], r["dtype"]) for r in records]
        actual = [([d if isinstance(d, int) else str(d) for d in a.shape], jnp.dtype(a.dtype).name) for a in avals]
        if described != actual:
            raise _damaged(place / MANIFEST, f"a description of other {kind} than the program has: {described}"[:300])


def _damaged(path: pathlib.Path, received: str) -> ValueError:
    return ValueError(
        explain(
            f"{str(path)!r} is not what was exported.",
            received=received,
            usually="the file was cut off or damaged on its way, or edited; or a cache keeps it as a link.",
            write="another copy (cp -rL); or model.export(path, variables) again",
        )
    )
