"""Saving and loading models with their variables."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from ..core import (
    Explanation,
    Model,
    as_path,
    check_named,
    check_variables,
    described,
    door,
    explain,
    model_from_config,
    spec_of,
    to_read,
)
from ..core.typing import CustomObjects, FilePath, PyTree, VariablesLike
from ._files._contents import HDF5, HDF5_SUFFIXES, ZIP, contents_of
from ._files._foreign import foreign
from ._files._loaded_model import LoadedModel
from ._files._plain_weights import check_no_guests, check_plain_weights
from ._files._processes import first_alone
from ._files._readable import readable_config
from ._files._report import compare
from ._files._spread_arrays import for_the_first
from ._files._suffixes import check_is_directory, suffix_of
from ._files._uncalled_hooks import warn_of_uncalled_hooks
from ._hdf5._models import load_hdf5_model
from ._hdf5._write import save_hdf5_model
from ._keras._archive import CONFIG
from ._keras._models import load_keras_model, save_keras_model
from ._keras._weight_files import call_arguments
from ._live_keras._save import has_guests, save_live
from ._orbax._manifest import read_manifest
from ._orbax._manifest_types import Manifest
from ._orbax._numbered import last_of
from ._orbax._read_arrays import read_arrays
from ._orbax._saved_trees import naming, rebuilt
from ._orbax._variables_in import places_of_variables, specs_of_variables
from ._orbax._write_directory import write_directory


def save_model(
    model: Model,
    filepath: FilePath,
    variables: VariablesLike,
    overwrite: bool = True,
    zipped: bool | None = None,
    *,
    x: PyTree = None,
) -> None:
    """Save a model and its variables: a `.keras` or `.h5` file by that suffix, else an Orbax directory.

    Args:
        model: the model.
        filepath: the file or directory to make; `.h5` and `.hdf5` are Keras's old form, which Keras 3 opens.
        variables: the model's variables, or the state of a run.
        overwrite: whether a checkpoint that is already there may be replaced.
        zipped: accepted for Keras's sake; a directory is not zipped.
        x: an example input, for a `.keras` file of a model without a graph.

    Raises:
        ValueError: variables that are not this model's, or a suffix of a format that is not written.
        FileExistsError: something else is at `filepath`, or `overwrite` is false.

    >>> import fkeras as fk, jax, tempfile
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> variables = model.init(jax.random.key(0))
    >>> with tempfile.TemporaryDirectory() as place:
    ...     model.save(f"{place}/model", variables)
    ...     again, restored = fk.load_model(f"{place}/model")
    >>> again == model, bool((restored["params"]["dense"]["kernel"] == variables["params"]["dense"]["kernel"]).all())
    (True, True)
    """
    filepath = as_path(filepath, "model.save", '"model.keras"')
    warn_of_uncalled_hooks(model, "model.save")
    if suffix_of(filepath) == ".keras" and zipped is not False:
        variables = check_variables(model, variables, "save")
        check_plain_weights(model, filepath)
        check_no_guests(model, filepath)
        if has_guests(model):
            first_alone(lambda: save_live(model, filepath, variables, overwrite))
            return
        args = call_arguments(model, x, "model.save(path, variables, x=x)")
        found = for_the_first(variables)
        first_alone(lambda: save_keras_model(model, filepath, found, overwrite, args=args))
        return
    if suffix_of(filepath) in HDF5_SUFFIXES:
        variables = check_variables(model, variables, "save")
        check_plain_weights(model, filepath)
        check_no_guests(model, filepath)
        found = for_the_first(variables)
        first_alone(lambda: save_hdf5_model(model, filepath, found, overwrite))
        return
    check_is_directory(filepath)
    if zipped:
        raise ValueError(explain("An Orbax checkpoint is a directory and is not zipped.", received="zipped=True"))
    variables = check_variables(model, variables, "save")
    if model.graph is None:
        check_named(dict(variables), 'model.save_weights("name", variables)')
    manifest = {"kind": "model", "model": readable_config(model, f"{filepath!r}")}
    write_directory(filepath, manifest, dict(variables), overwrite)


@door
def load_model(
    filepath: FilePath, custom_objects: CustomObjects | None = None, compile: bool = True, safe_mode: bool = True
) -> tuple[Any, dict[str, PyTree]]:
    """A model and its variables from what `model.save` or `trainer.save` wrote, or from a file of real Keras (1 to 3).

    Args:
        filepath: the file or directory.
        custom_objects: the user's own classes and functions by name.
        compile: whether a compile config that could not be used is an error; `fk.load_trainer` is what uses it.
        safe_mode: code in a file is never run; `False` is refused.

    Returns:
        `(model, variables)`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: an unknown class, `safe_mode=False`, or arrays that do not fit the description; every mismatch is
            listed.
    """
    if not safe_mode:
        raise ValueError(
            explain(
                "Code in a file is never run.",
                received="safe_mode=False",
                usually="the file holds a lambda, as Keras's safe_mode=False would run it.",
                write='fk.load_model(path, custom_objects={"my_function": my_function})',
            )
        )
    filepath = to_read(filepath, "fk.load_model", '"model.keras"')
    kind = kind_of(filepath)
    if kind in (HDF5, ZIP):
        read = load_hdf5_model if kind == HDF5 else load_keras_model
        model, variables = read(filepath, custom_objects, compile)
        warn_of_uncalled_hooks(model, "fk.load_model")
        return LoadedModel((model, variables))
    if suffix_of(filepath) in (".safetensors", ".json"):
        if not os.path.isfile(filepath):
            raise FileNotFoundError(explain(f"There is no file {os.fspath(filepath)!r}.", usually="a wrong path."))
        is_description = os.fspath(filepath).endswith(".json") and not os.fspath(filepath).endswith(".weights.json")
        raise ValueError((_describes_alone if is_description else _holds_weights_alone)(filepath))
    check_is_directory(filepath)
    directory = last_of(filepath)
    manifest = read_manifest(directory, ("model", "trainer"))
    model = read_model(manifest, custom_objects)
    if model.graph is not None:
        expected = spec_of(model.abstract_variables(), naming(manifest))
        compare(expected, specs_of_variables(manifest)).require(f"{directory}")
    places = places_of_variables(manifest)
    arrays = read_arrays(directory, manifest, set(places.values()))
    return LoadedModel((model, {"params": {}, **rebuilt(arrays, places, manifest)}))


def kind_of(filepath: FilePath) -> str:
    """Whether a path is read as HDF5 or as a zip, by what the file holds; empty of an Orbax directory.

    Raises:
        FileNotFoundError: there is no file of a suffix that names one.
        ValueError: something that no part of fkeras reads.
    """
    other = foreign(filepath)
    if other is not None:
        raise ValueError(other)
    if (pathlib.Path(filepath) / CONFIG).is_file():
        return ZIP
    found, suffix = contents_of(filepath), suffix_of(filepath)
    if found in (HDF5, ZIP) and suffix != ".safetensors":
        return found
    if suffix in (*HDF5_SUFFIXES, ".keras"):
        if not os.path.exists(filepath):
            raise FileNotFoundError(explain(f"There is no file {os.fspath(filepath)!r}.", usually="a wrong path."))
        return ZIP if suffix == ".keras" else HDF5
    return ""


def _holds_weights_alone(filepath: FilePath) -> Explanation:
    """What is said of a file of weights where a model is asked for."""
    path = os.fspath(filepath)
    return explain(
        "The file holds weights, and no description of a model.",
        received=path,
        usually="it is from `save_weights`; the model is made by the program, and takes them.",
        write=f"variables = model.load_weights({path!r}, model.init(jax.random.key(0)))",
    )


def _describes_alone(filepath: FilePath) -> Explanation:
    """What is said of JSON where a model with its weights is asked for."""
    path = os.fspath(filepath)
    return explain(
        "The file is JSON, which may describe a model, and holds no weights.",
        received=path,
        usually="model.to_json() wrote it, and save_weights another file.",
        write=f"model = fk.model_from_json(open({path!r}).read())\n"
        "variables = model.load_weights(weights, model.init(key))",
    )


def read_model(manifest: Manifest, custom_objects: CustomObjects | None) -> Model:
    """The model that a manifest describes.

    Raises:
        ValueError: it describes none, or one of classes that nobody knows.
    """
    if manifest.get("model") is None:
        why = manifest.get("without_config", {}).get("model")
        raise ValueError(
            explain(
                "The checkpoint holds no model that could be rebuilt.",
                received=why,
                usually="it was saved by a Trainer of a plain Linen module, which has no config."
                if why is None
                else "the model is made by the program, which hands it again.",
                write="fk.load_trainer(path, model=model)",
            )
        )
    with described("the checkpoint"):
        return model_from_config(manifest["model"], custom_objects)
