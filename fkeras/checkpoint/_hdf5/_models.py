"""Whole models in HDF5, as Keras 1 to 3 wrote them, and weights in that layout for a model that is there."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Unpack, cast

import jax
import jax.numpy as jnp

from ...core import (
    TRANSIENT,
    Budget,
    Layer,
    Model,
    described,
    explain,
    in_keras_3_form,
    model_from_config,
    named_leaves,
    spec_of,
)
from ...core.typing import JSON, Config, CustomObjects, FilePath, PyTree, Variables
from .._files._claimed_size import check_claimed_size
from .._files._read_errors import FAULTS
from .._files._report import LoadReport, MayDiffer
from .._files._tree_arrays import with_arrays
from .._keras._h5py import h5py_module
from .._keras._layer_depths import record_in_order
from .._keras._layer_order import top_layers
from .._keras._layout import weight_order
from .._keras._model_config import recorded_inputs, refuse_code
from .._keras._weight_files import call_arguments
from .._keras._written_out import restacked, unstacked, written_out
from ._input_of_weights import with_input
from ._layers_in_file import layers_in_file
from ._matched import by_name as in_names
from ._matched import by_order, read_matched
from ._old_file import OldFile

WEIGHTS = "model_weights"


@contextlib.contextmanager
def opened(filepath: FilePath) -> Iterator[OldFile]:
    """A file, opened.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: no HDF5, or a file made to harm.
    """
    path = pathlib.Path(os.fspath(filepath))
    if not path.is_file():
        raise FileNotFoundError(explain(f"There is no file {str(path)!r}.", usually="a wrong path."))
    with path.open("rb") as file, OldFile(file, str(path), path.stat().st_size) as old:
        yield old


def has_layer_names(filepath: FilePath) -> bool:
    """Whether a file is in the layout of Keras 1 and 2, in which attributes name the layers."""
    library = h5py_module()
    try:
        with library.File(os.fspath(filepath), "r") as file:
            names = [f"layer_names{part}".encode() for part in ("", 0)]
            return bool(file.id.links.exists(WEIGHTS.encode())) or any(library.h5a.exists(file.id, n) for n in names)
    except (*FAULTS, RuntimeError, ValueError):
        return False  # damaged, as whoever reads it will say


def load_hdf5_model(
    filepath: FilePath, custom_objects: CustomObjects | None = None, compile: bool = True
) -> tuple[Layer, dict[str, PyTree]]:
    """A model and its variables from a whole-model HDF5 file.

    Args:
        filepath: the file.
        custom_objects: the user's own classes and functions by name.
        compile: whether the compile config must be one that could be used.

    Returns:
        `(model, variables)`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, an unknown class, or weights that do not fit; every mismatch is listed.
    """
    with opened(filepath) as file:
        if compile:
            refuse_code(file.json("training_config"), filepath)
        record = record_of(file, custom_objects)
        model, spec, args = build(record, file, custom_objects)
        return model, variables_in(file, model, spec, args, record)


def record_of(file: OldFile, custom_objects: CustomObjects | None) -> Config:
    """The record of the model in a file, in Keras 3's form.

    Raises:
        ValueError: it describes none, or one that costs more to read than any model does.
    """
    if file.texts("", "model_config") is None:
        raise ValueError(_weights_alone(file))
    with described(file.label):
        config = file.config()
        Budget().examine(config)
        return in_keras_3_form(
            cast(Config, config), custom_objects or (), version_of(file, config), file.text("", "keras_version")
        )


def version_of(file: OldFile, config: Mapping[str, JSON]) -> int:
    """The main version of Keras that wrote the description of the model."""
    said = file.text("", "keras_version")
    return int(said[0]) if said and said[0] in "123" else file.version(WEIGHTS)


def _weights_alone(file: OldFile) -> object:
    return explain(
        "The file holds weights, and no description of a model.",
        received=file.label,
        usually="it is from `save_weights`; the model is made by the program, and takes them.",
        write=f"variables = model.load_weights({file.label!r}, model.init(jax.random.key(0)))",
    )


def build(
    record: Config, file: OldFile, custom_objects: CustomObjects | None
) -> tuple[Layer, dict[str, PyTree], tuple[PyTree, ...]]:
    """The model of a record, its variables as shapes, and the inputs that told them.

    Raises:
        ValueError: it cannot be made, or its input is not known.
    """
    with described(file.label):
        model = model_from_config(record, custom_objects)
        if not isinstance(model, Model):
            raise ValueError(
                explain(f"{file.label!r} describes no model.", received=f"a {type(model).__name__}", usually="an edit.")
            )
        if model.graph is not None:
            return model, model.abstract_variables(), ()
        args = recorded_inputs(record) or _told_by_config(record)
        if args:
            return model, model.abstract_variables(*args), args
    arrays = layers_in_file(file, WEIGHTS)
    if any(arrays.values()):
        told = with_input(record, arrays)
        if told is not None:
            with contextlib.suppress(ValueError, TypeError):  # sizes that only data tell; it is said below
                known = model_from_config(told, custom_objects)
                return known, known.abstract_variables(), ()
        raise ValueError(
            explain(
                f"{file.label!r} does not say which input {model.path_text()} takes, so its weights have no place.",
                received="a first layer without input_shape=",
                usually="a Sequential without an input shape, which Keras builds when it is called.",
                write="config = json.loads(h5py.File(path).attrs['model_config'])['config']\n"
                "model = fk.Sequential([fk.Input(input_shape), *fk.Sequential.from_config(config).layers])\n"
                "variables = model.load_weights(path, model.init(jax.random.key(0)))",
            )
        )
    return model, {"params": {}}, ()


def _told_by_config(record: Config) -> tuple[PyTree, ...]:
    config = record.get("config")
    shape = config.get("build_input_shape") if isinstance(config, Mapping) else None
    return recorded_inputs({"build_config": {"input_shape": shape}}) if shape else ()


def variables_in(
    file: OldFile, model: Layer, spec: Variables, args: tuple[PyTree, ...], record: Config
) -> dict[str, PyTree]:
    """The variables of the model that a file describes.

    Raises:
        ValueError: weights that do not fit; every mismatch is listed.
    """
    loaded, report = _read(file, WEIGHTS, model, spec, args, record, None, {})
    report.require(f"The weights in {file.label}")
    return loaded


def load_old_weights(
    model: Model,
    filepath: FilePath,
    variables: Variables,
    x: PyTree = None,
    by_name: bool = False,
    **choice: Unpack[MayDiffer],
) -> tuple[dict[str, PyTree], LoadReport]:
    """Variables from the weights of a file in the layout of Keras 1 and 2.

    Args:
        model: the model.
        filepath: the file: of weights, or of a whole model.
        variables: what the model has now.
        x: an example input, for a model without a graph.
        by_name: whether only layers of the file's names are loaded, and all others stay as they are.
        **choice: what may differ, see `compare`, and then stays as it is.

    Returns:
        The variables, and what was loaded.

    Raises:
        ValueError: a damaged file, or weights that do not fit; every mismatch is listed.
    """
    with opened(filepath) as file:
        group = WEIGHTS if file.has(WEIGHTS) else ""
        args = call_arguments(model, x, "variables = model.load_weights(path, variables, x=x)")
        loaded, report = _read(file, group, model, variables, args, None, by_name, choice)
        report.require(f"The weights in {file.label}")
        return loaded, report


def _read(
    file: OldFile,
    group: str,
    model: Layer,
    spec: Variables,
    args: tuple[PyTree, ...],
    record: Config | None,
    by_name: bool | None,
    choice: MayDiffer,
) -> tuple[dict[str, PyTree], LoadReport]:
    """Variables with the arrays of a file, and what differs.

    `by_name` is `None` of the model that the file itself describes, whose layers have the file's names.
    """
    kept = unstacked(model, {c: t for c, t in spec.items() if c not in TRANSIENT})
    whole = written_out(model)
    known = set(weight_order(whole, kept, args)) - {leaf for leaf in named_leaves(kept) if _is_state(leaf)}
    expected = {leaf: s for leaf, s in spec_of(kept).items() if leaf in known}
    ordered = record_in_order(whole) if record is None and whole.graph is not None else record
    layers = [layer for layer in top_layers(whole, kept, args, ordered) if layer.parts]
    with described(file.label):
        arrays = layers_in_file(file, group)
    if by_name:
        pairs = in_names(arrays, layers)
        wanted = {leaf for layer, _ in pairs for part in layer.parts for leaf in part.leaves}
        expected = {leaf: s for leaf, s in expected.items() if leaf in wanted}
        arrays = {name: arrays[name] for _, name in pairs}
    else:
        pairs = by_order(arrays, layers, file.label)
    version, backend = file.version(group), file.text(group, "backend") or file.text("", "backend")
    loaded, report = read_matched(file, pairs, arrays, expected, version, backend, **choice)
    if report.faults:
        return {}, report
    blank = [s for p, s in named_leaves(kept).items() if isinstance(s, jax.ShapeDtypeStruct) and p not in report.loaded]
    unkept = sum(s.size * s.dtype.itemsize for s in blank)
    check_claimed_size(unkept, file.size, f"The weights in {file.label}")
    filled = jax.tree.map(_zeros_for_shape, with_arrays(kept, loaded))
    return {"params": {}, **restacked(model, filled)}, report


def _is_state(leaf: str) -> bool:
    """Whether a leaf is the state of a stateful layer, which begins at zero: no file of Keras has it."""
    return leaf.startswith("recurrent_state/")


def _zeros_for_shape(leaf: PyTree) -> PyTree:
    return jnp.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf
