"""StableHLO, the program that JAX compiles: one file for CPU, GPU and TPU, which only JAX reads.

digits/
  fkeras.json          inputs, outputs, versions, and the SHA-256 of each file
  model.stablehlo      what `jax.export.deserialize` reads
  weights.safetensors  the variables by path, with `weights="separate"`: the program's first argument
"""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import export, lax

from ...core import explain
from ...core.typing import Array, Config, DTypeLike, PyTree
from .._files._checksums import digest
from .._files._export_names import KIND, PROGRAM, WEIGHTS
from .._files._missing_library import missing
from .._orbax._manifest import MANIFEST, seal
from ._load_exported import read_exported
from ._signature import Signature
from ._signature_of import plain
from ._sizes import open_sizes, with_conditions
from ._task import Run, Task

_PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def write_stablehlo(
    task: Task,
    place: pathlib.Path,
    weights: str = "embedded",
    vjp_order: int = 0,
    platforms: Sequence[str] = ("cpu", "cuda", "tpu"),
) -> tuple[Signature, Run]:
    """Write the program into `place`; returns the signature that it has, and what runs it from there."""
    _check_options(weights, vjp_order, platforms)
    separate = weights == "separate"
    make = _Maker(task, separate, tuple(platforms), vjp_order)
    program, signature = open_sizes(task, make, "StableHLO", with_conditions)
    files = {PROGRAM: program.content}
    kept = _kept(task.weights) if separate else {}
    if separate:
        files[WEIGHTS] = safetensors_of(kept, 'export(..., weights="separate")')
    for name, content in files.items():
        (place / name).write_bytes(content)
    described = {"weights": weights, "vjp_order": vjp_order, **_described(task, program.exported, signature)}
    (place / MANIFEST).write_text(seal({**described, **_listed(files, kept)}))
    return signature, lambda leaves: _run(place, signature.pack(leaves), platforms)


def _run(place: pathlib.Path, inputs: PyTree, platforms: Sequence[str]) -> list[Array]:
    here = export.default_export_platform()
    if here not in platforms:
        raise ValueError(
            explain(
                f"The program for {', '.join(platforms)} cannot be checked here.",
                received=f"a machine that computes on {here}",
                write=f"platforms={(*platforms, here)!r}; or verify=False",
            )
        )
    return jax.tree.leaves(read_exported(place, own=True)(inputs))


def check_platforms(platforms: Sequence[str]) -> None:
    """Refuse what is no list of kinds of devices."""
    if isinstance(platforms, str) or not platforms or not set(platforms) <= set(_PLATFORMS):
        raise ValueError(
            explain(
                "platforms= are the kinds of devices that the program can run on.",
                received=repr(platforms),
                usually=f"Known: {', '.join(_PLATFORMS)}.",
                write='model.export(path, variables, platforms=("cpu", "cuda", "tpu"))',
            )
        )


def _check_options(weights: object, vjp_order: object, platforms: Sequence[str]) -> None:
    check_platforms(platforms)
    if weights not in ("embedded", "separate"):
        raise ValueError(
            explain(
                'weights= is "embedded" (in the program) or "separate" (a safetensors file beside it).',
                received=repr(weights),
                write='model.export(path, variables, weights="separate")',
            )
        )
    if isinstance(vjp_order, bool) or not isinstance(vjp_order, int) or vjp_order < 0:
        raise ValueError(
            explain(
                "vjp_order= is how many times the program can be differentiated.",
                received=repr(vjp_order),
                write="model.export(path, variables, vjp_order=1)",
            )
        )


# ------------------------------------------------------------------ the program
class _Program(NamedTuple):
    exported: export.Exported
    content: bytes


@dataclasses.dataclass(frozen=True)
class _Maker:
    """Makes the model's program for the sizes of a signature."""

    task: Task
    separate: bool
    platforms: tuple[str, ...]
    vjp_order: int

    def __call__(self, signature: Signature) -> _Program:
        inputs = signature.pack(signature.structs())
        program, weights = self._with_weights() if self.separate else (self._closed, ())
        exported = export.export(jax.jit(program), platforms=self.platforms)(*weights, inputs)
        return _Program(exported, bytes(exported.serialize(vjp_order=self.vjp_order)))

    def _closed(self, inputs: PyTree) -> PyTree:
        return plain(self.task.model.apply(self.task.variables, inputs))

    def _with_weights(self) -> tuple[Callable[..., PyTree], tuple[PyTree]]:
        weights = self.task.weights
        dtypes = {path: a.dtype for path, a in weights.items()}

        def program(kept: Mapping[str, Array], inputs: PyTree) -> PyTree:
            variables = self.task.with_weights({path: _as(a, dtypes[path]) for path, a in kept.items()})
            return plain(self.task.model.apply(variables, inputs))

        return program, ({p: jax.ShapeDtypeStruct(a.shape, a.dtype) for p, a in _kept(weights).items()},)


# ------------------------------------------------------------------ the weights
def _kept(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays as the safetensors file keeps them: eight-bit floats as bytes, which the program casts back."""
    return {p: _as(a, "uint8") if _is_float8(a) else a for p, a in weights.items()}


def _is_float8(array: Array) -> bool:
    return array.dtype.itemsize == 1 and jnp.issubdtype(array.dtype, jnp.floating)


def _as(array: Array, dtype: DTypeLike) -> Array:
    return array if array.dtype == dtype else lax.bitcast_convert_type(array, dtype)


def safetensors_of(arrays: Mapping[str, Array], asked: str) -> bytes:
    """The content of a safetensors file of these arrays.

    Raises:
        ImportError: safetensors is not installed, which what was `asked` for needs.
    """
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise missing("safetensors", "keras", asked) from error
    return save({path: np.ascontiguousarray(np.asarray(a)).reshape(a.shape) for path, a in arrays.items()})


# ------------------------------------------------------------------ the manifest
def _described(task: Task, exported: export.Exported, signature: Signature) -> Config:
    from ... import __version__

    shapes = [[int(d) if isinstance(d, int) else str(d) for d in a.shape] for a in exported.out_avals]
    dtypes = [jnp.dtype(a.dtype).name for a in exported.out_avals]
    outputs = zip(task.output_names, shapes, dtypes, strict=True)
    return {
        "kind": KIND,
        "exported": "stablehlo",
        "name": str(task.model.name),
        "inputs": [{"name": a.name, "shape": list(a.dims), "dtype": a.dtype.name} for a in signature.arguments],
        "outputs": [{"name": name, "shape": shape, "dtype": dtype} for name, shape, dtype in outputs],
        "constraints": list(signature.constraints),
        "platforms": list(exported.platforms),
        "calling_convention": exported.calling_convention_version,
        "versions": {"fkeras": __version__, "jax": jax.__version__, "jaxlib": jaxlib.__version__},
    }


def _listed(files: Mapping[str, bytes], kept: Mapping[str, Array]) -> Config:
    """The records of the files, and of the arrays in that of the weights."""
    return {
        "files": {n: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in files.items()},
        "arrays": {
            path: {"shape": list(a.shape), "dtype": jnp.dtype(a.dtype).name, "sha256": digest(a)}
            for path, a in kept.items()
        },
    }
