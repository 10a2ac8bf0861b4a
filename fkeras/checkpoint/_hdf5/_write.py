"""Whole models as HDF5 files that real Keras 3 opens, and from which every Keras takes the weights."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from ...core import TRANSIENT, Layer, Model, explain, flatten, model_record
from ...core.typing import Array, Config, FilePath, Variables
from ...train import Trainer, TrainState
from .._files._atomic_file import whole_file
from .._files._readable import readable
from .._keras._h5py import h5py_module
from .._keras._layer_depths import in_order
from .._keras._layer_order import TopLayer, top_layers
from .._keras._layout import TREE, layout, optional
from .._keras._models import KERAS_VERSION
from .._keras._optimizer_state import weights_that_train
from .._keras._optimizers import check_whole_step, optimizer_places, to_keras
from .._keras._trainers import cannot_hold
from .._keras._written_out import unstacked, written_out
from .._training._trainer_config import trainer_config
from ._layers_in_file import TOP, arrays_in_group, layers_in_file
from ._models import WEIGHTS, opened

if TYPE_CHECKING:
    import h5py

# HDF5 keeps no attribute that is longer, so that Keras splits a list of names.
_LONGEST = 64512
# What Keras calls a weight that has another name here.
_KERAS_NAMES = {
    "batch_stats/mean": "moving_mean",
    "batch_stats/var": "moving_variance",
    "params/scale": "gamma",
    "params/embedding": "embeddings",
}


def save_hdf5_model(
    model: Model, filepath: FilePath, variables: Variables, overwrite: bool = True, training: Config | None = None
) -> None:
    """Write a whole-model HDF5 file.

    Args:
        model: the model.
        filepath: the file to make.
        variables: the model's variables.
        overwrite: whether a file that is already there may be replaced.
        training: the attributes and arrays of a run, see `save_hdf5_trainer`.

    Raises:
        ValueError: a model that HDF5 files of Keras cannot hold: a subclassed one, or one with other weights.
        FileExistsError: something is there and `overwrite` is false.
    """
    model, variables = written_out(model), unstacked(model, variables)
    _check(model, filepath, variables)
    record = in_order(model_record(model))
    arrays = flatten({c: t for c, t in variables.items() if c not in TRANSIENT})
    with whole_file(filepath, overwrite) as target:
        with h5py_module().File(target, "w") as file:
            file.attrs["keras_version"], file.attrs["backend"] = KERAS_VERSION, "jax"
            file.attrs["model_config"] = json.dumps({"class_name": record["class_name"], "config": record["config"]})
            group = file.create_group(WEIGHTS)
            group.attrs["keras_version"], group.attrs["backend"] = KERAS_VERSION, "jax"
            _write_layers(group, record, top_layers(model, variables, (), record), arrays)
            if training is not None:
                file.attrs["training_config"] = json.dumps(training["config"])
                _write_arrays(file.create_group("optimizer_weights"), training["arrays"])
        with readable(repr(os.fspath(filepath))), opened(target) as written:
            layers_in_file(written, WEIGHTS)
            if training is not None:
                arrays_in_group(written, "optimizer_weights")


def save_hdf5_trainer(trainer: Trainer, filepath: FilePath, state: TrainState, overwrite: bool = True) -> None:
    """Write a whole-model HDF5 file with the compile config and the optimizer's variables.

    Args:
        trainer: the trainer; every part of it must have a config.
        filepath: the file to make.
        state: the state. What Keras does not have, the random key above all, is in no such file.
        overwrite: whether a file that is already there may be replaced.

    Raises:
        ValueError: a part without a config, or an optimizer that Keras's files cannot hold.
        FileExistsError: something is there and `overwrite` is false.
    """
    said, model = trainer_config(trainer), trainer.model
    if said.without_config or not isinstance(model, Model) or type(state) is not TrainState:
        raise cannot_hold(said.without_config or {"model or state": "of a class that Keras does not have"})
    _check(model, filepath, state.variables)
    whole = written_out(model)
    if whole is not model:
        raise ValueError(
            explain(
                "An HDF5 file holds no run of a model with a Repeat.",
                write='trainer.save("run.keras", state)   # or an Orbax directory; model.save("x.h5", state.variables)',
            )
        )
    record = in_order(model_record(model))
    ours = set(weights_that_train(trainer, state.variables, ()))
    order = [
        leaf.removeprefix("params/")
        for layer in top_layers(model, state.variables, (), record)
        for part in layer.parts
        for leaf in part.leaves
    ]
    opt_state = flatten(state.opt_state)
    check_whole_step(trainer.optimizer, state.step)
    slots = optimizer_places(trainer.optimizer, opt_state, [leaf for leaf in order if leaf in ours])
    numbered = [slots[f"optimizer/vars/{i}"] for i in range(sum(p.startswith("optimizer/vars/") for p in slots))]
    arrays = [(_slot_name(slot.path, i), to_keras(slot, opt_state)) for i, slot in enumerate(numbered)]
    optimizer = said.compile_config.get("optimizer")
    config = {k: v for k, v in said.compile_config.items() if k != "optimizer"}
    config["optimizer_config"] = {k: v for k, v in (optimizer or {}).items() if k in ("class_name", "config")}
    save_hdf5_model(model, filepath, state.variables, overwrite, {"config": config, "arrays": arrays})


def _slot_name(path: str | None, place: int) -> str:
    name = f"unused_{place}" if path is None else path.removeprefix("inner/")
    return f"optimizer/{'iteration' if name == 'iterations' else name}"


def _check(model: Layer, filepath: FilePath, variables: Variables) -> None:
    """Refuse what an HDF5 file of Keras cannot hold.

    Raises:
        ValueError: a subclassed model, a name for weights alone, or weights that Keras has no place for.
    """
    path = os.fspath(filepath)
    if path.endswith(".weights.h5"):
        raise ValueError(
            explain(
                "A path that ends in .weights.h5 is for weights alone.",
                received=path,
                write=f'model.save_weights({path!r}, variables); model.save("model.h5", variables)',
            )
        )
    if model.graph is None:
        raise ValueError(
            explain(
                f"An HDF5 file holds no subclassed model, as {model.path_text()} is.",
                usually="Keras writes functional and sequential models there alone.",
                write='model.save("model.keras", variables, x=batch)',
            )
        )
    beside = [place for place in layout(model, variables)[0] if place.startswith(TREE) and not optional(place)]
    if beside:
        raise ValueError(
            explain(
                f"An HDF5 file of Keras would lack {len(beside)} arrays.",
                received=", ".join(beside[:5]),
                usually="weights that only fkeras keeps: of Linen modules, or of layers made in `call`.",
                write='model.save("model.keras", variables)',
            )
        )


def _write_layers(group: h5py.Group, record: Config, layers: Sequence[TopLayer], arrays: dict[str, Array]) -> None:
    listed = [entry for entry in record["config"]["layers"] if not str(entry.get("module")).startswith("keras.src.ops")]
    names = [str(entry.get("name") or entry["config"]["name"]) for entry in listed]
    _write_names(group, "layer_names", names)
    found = {layer.name or TOP: layer for layer in layers}
    for name in [*sorted(names), TOP]:
        order = next(found[name].orders(), []) if name in found else []
        leaves = [leaf for part in order for leaf in part.leaves]
        _write_arrays(group.create_group(name), [(_keras_name(leaf), np.asarray(arrays[leaf])) for leaf in leaves])


def _keras_name(leaf: str) -> str:
    """What Keras would call a variable: `params/dense/kernel` is `dense/kernel`."""
    collection, _, rest = leaf.partition("/")
    path, _, last = rest.rpartition("/")
    return f"{path}/{_KERAS_NAMES.get(f'{collection}/{last}', last)}"


def _write_arrays(group: h5py.Group, arrays: Iterable[tuple[str, np.ndarray]]) -> None:
    listed = list(arrays)
    _write_names(group, "weight_names", [name for name, _ in listed])
    for name, value in listed:
        # HDF5 has no bfloat16; Keras reads floats of any width into the weight's
        group.create_dataset(name, data=value.astype(np.float32) if value.dtype == jnp.bfloat16 else value)


def _write_names(group: h5py.Group, attribute: str, names: Sequence[str]) -> None:
    data = np.asarray([name.encode() for name in names])
    parts = [data]
    while any(part.nbytes > _LONGEST for part in parts):
        parts = np.array_split(data, len(parts) + 1)
    for i, part in enumerate(parts):
        group.attrs[attribute if len(parts) == 1 else f"{attribute}{i}"] = part
