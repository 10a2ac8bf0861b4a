"""A run as programs: init, train step, eval step and prediction as StableHLO, which JAX alone trains from.

run/
  fkeras.json            what the batch is, the logs, versions, and the SHA-256 of each file
  init.stablehlo         seed (int32) -> state
  train_step.stablehlo   (state, batch) -> (state, logs)
  eval_step.stablehlo    (state, batch) -> (state, logs)
  predict.stablehlo      (state, x) -> outputs
  state.safetensors      the state to begin with

A state is a dict of arrays by path, `"params/dense/kernel"`.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import export

from ...core import Model, as_path, describe, explain, plain_path_name
from ...core.typing import Array, Batch, Config, FilePath, PyTree
from ...train import Trainer, TrainState
from .._files._checksums import digest
from .._files._export_names import KIND, PROGRAMS, STATE
from .._orbax._manifest import MANIFEST, seal
from .._orbax._whole_directory import whole_directory
from ._formats import on_any_device
from ._signature_of import plain
from ._stablehlo import check_platforms, safetensors_of


def export_trainer(
    trainer: Trainer,
    directory: FilePath,
    batch: Batch,
    *,
    state: TrainState | None = None,
    platforms: Sequence[str] = ("cpu", "cuda", "tpu"),
    verify: bool = True,
    overwrite: bool = True,
) -> None:
    """Write a trainer as programs that JAX alone trains from: see `Trainer.export`."""
    check_platforms(platforms)
    place = as_path(directory, "trainer.export", '"run_programs"')
    trainer = trainer.replace(distribution=None)
    if isinstance(trainer.model, Model):
        trainer = trainer.replace(model=on_any_device(trainer.model))
    given = _parts(batch)
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, jax.dtypes.canonicalize_dtype(a.dtype)), given)
    example = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes[0])
    first = trainer.init(0, example) if state is None else state
    run = _Run(trainer, example, jax.tree.structure(first))
    leaves = {name: jnp.asarray(jax.device_get(leaf)) for name, leaf in run.by_path(first).items()}
    struct = {name: jax.ShapeDtypeStruct(a.shape, a.dtype) for name, a in leaves.items()}
    arguments: dict[str, tuple[Callable[..., PyTree], tuple[PyTree, ...]]] = {
        "init": (run.init, (jax.ShapeDtypeStruct((), np.int32),)),
        "train_step": (run.train_step, (struct, shapes)),
        "eval_step": (run.eval_step, (struct, shapes)),
        "predict": (run.predict, (struct, shapes[0])),
    }
    programs = {
        name: export.export(jax.jit(function), platforms=tuple(platforms))(*args)
        for name, (function, args) in arguments.items()
    }
    files = {PROGRAMS[name]: bytes(program.serialize()) for name, program in programs.items()}
    files[STATE] = safetensors_of(leaves, "trainer.export(...)")
    with whole_directory(place, overwrite) as beside:
        for name, content in files.items():
            (beside / name).write_bytes(content)
        (beside / MANIFEST).write_text(
            seal({**_described(trainer, files, given, programs["train_step"]), "arrays": _arrays(leaves)})
        )
        if verify:
            _verify(beside, run, first, leaves, shapes)


def _parts(batch: Batch) -> Batch:
    """`(x, y, sample_weight)` without what is missing at its end."""
    leaves = jax.tree.leaves(batch)
    told = isinstance(batch, tuple | list) and bool(leaves)
    if not told or not all(hasattr(leaf, "dtype") and 0 not in getattr(leaf, "shape", (0,)) for leaf in leaves):
        raise ValueError(
            explain(
                "trainer.export needs a batch: a tuple (x, y) or (x, y, sample_weight) of arrays with rows.",
                received=describe(batch),
                usually="lists of numbers, a slice that took no rows, or x without its targets.",
                write='trainer.export("run_programs", (x[:32], y[:32]))',
            )
        )
    parts = tuple(batch)
    while parts[-1] is None:
        parts = parts[:-1]
    return parts


class _Run:
    """The functions of a run, over states as dicts by path."""

    def __init__(self, trainer: Trainer, example: PyTree, treedef: jax.tree_util.PyTreeDef) -> None:
        self.trainer, self.example, self.treedef = trainer, example, treedef

    def by_path(self, state: TrainState) -> dict[str, Array]:
        """A state's arrays by path."""
        return {plain_path_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}

    def state_of(self, leaves: dict[str, Array]) -> TrainState:
        """The state of arrays by path."""
        paths = jax.tree_util.tree_leaves_with_path(jax.tree.unflatten(self.treedef, range(self.treedef.num_leaves)))
        found: TrainState = jax.tree.unflatten(self.treedef, [leaves[plain_path_name(path)] for path, _ in paths])
        return found

    def init(self, seed: Array) -> dict[str, Array]:
        """The state at the beginning of a run."""
        return self.by_path(self.trainer.init(jax.random.key(seed), self.example))

    def train_step(self, leaves: dict[str, Array], batch: Batch) -> tuple[dict[str, Array], dict[str, Array]]:
        """One step."""
        state, logs = self.trainer.train_step(self.state_of(leaves), batch)
        return self.by_path(state), dict(logs)

    def eval_step(self, leaves: dict[str, Array], batch: Batch) -> tuple[dict[str, Array], dict[str, Array]]:
        """The sums and the logs after a batch that is not trained on."""
        state, logs = self.trainer.eval_step(self.state_of(leaves), batch)
        return self.by_path(state), dict(logs)

    def predict(self, leaves: dict[str, Array], x: PyTree) -> PyTree:
        """The model's outputs."""
        return plain(self.trainer.predict_step(self.state_of(leaves).variables, x))


def _described(trainer: Trainer, files: dict[str, bytes], batch: Batch, step: export.Exported) -> Config:
    from ... import __version__

    parts = jax.tree_util.tree_leaves_with_path(dict(zip(("x", "y", "sample_weight"), batch, strict=False)))
    return {
        "kind": KIND,
        "exported": "training",
        "name": str(getattr(trainer.model, "name", None) or type(trainer.model).__name__),
        "batch": [
            {"name": plain_path_name(path), "shape": list(a.shape), "dtype": jnp.dtype(a.dtype).name}
            for path, a in parts
        ],
        "platforms": list(step.platforms),
        "calling_convention": step.calling_convention_version,
        "versions": {"fkeras": __version__, "jax": jax.__version__, "jaxlib": jaxlib.__version__},
        "files": {n: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in files.items()},
    }


def _arrays(leaves: dict[str, Array]) -> Config:
    """The records of the state's arrays."""
    return {
        name: {"shape": list(a.shape), "dtype": jnp.dtype(a.dtype).name, "sha256": digest(a)}
        for name, a in leaves.items()
    }


def _verify(place: pathlib.Path, run: _Run, state: TrainState, leaves: dict[str, Array], shapes: Batch) -> None:
    """Take a step by the file that was written, and compare it with the trainer's own.

    Raises:
        RuntimeError: they differ.
        ValueError: the programs are for other devices than those that are here.
    """
    program = export.deserialize(bytearray((place / PROGRAMS["train_step"]).read_bytes()))
    here = export.default_export_platform()
    if here not in program.platforms:
        raise ValueError(
            explain(
                f"The programs for {', '.join(program.platforms)} cannot be checked here.",
                received=f"a machine that computes on {here}",
                write=f"platforms={(*program.platforms, here)!r}; or verify=False",
            )
        )
    batch = jax.tree.map(lambda a: jnp.ones(a.shape, a.dtype) if a.dtype.kind == "f" else jnp.zeros(a.shape, a.dtype),
                         shapes)  # fmt: skip
    found, wanted = program.call(leaves, batch), run.trainer.train_step(state, batch)
    wanted_leaves = run.by_path(wanted[0])
    differing = [
        name
        for name, leaf in found[0].items()
        if not np.allclose(np.asarray(leaf), np.asarray(wanted_leaves[name]), rtol=1e-5, atol=1e-6, equal_nan=True)
    ]
    if differing:
        raise RuntimeError(
            explain(
                "The train step that was written computes something else than the trainer's.",
                received=f"other numbers at {', '.join(differing[:5])}",
                write="a report, with the model; and verify=False to write it all the same",
            )
        )
