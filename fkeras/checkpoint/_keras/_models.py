"""Models from `.keras` files, and models as such files, as real Keras 3 reads and writes them."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterable, Mapping

from ...core import Layer, Model, explain, model_record
from ...core.typing import Config, CustomObjects, FilePath, PyTree, Variables
from .._files._atomic_file import whole_file
from .._files._readable import readable
from ._archive import CONFIG, METADATA, WEIGHTS, Archive
from ._h5 import WeightsFile
from ._layout import layout
from ._model_config import build_model, read_config, refuse_code, shapes_of
from ._open_weights import open_weights
from ._quantized import changes_merged
from ._quantized_config import as_the_file_keeps_it, with_policy_maps
from ._weight_files import datasets_of, is_not_the_model, read_weights
from ._write_h5 import Dataset, write_weights
from ._written_out import unstacked, written_out

# The version of Keras whose format is written.
KERAS_VERSION = "3.15.1"


def load_keras_model(
    filepath: FilePath, custom_objects: CustomObjects | None = None, compile: bool = True
) -> tuple[Layer, dict[str, PyTree]]:
    """A model and its variables from a `.keras` file.

    Args:
        filepath: the file, or a directory with the same content.
        custom_objects: the user's own classes and functions by name.
        compile: whether the compile config must be one that could be used.

    Returns:
        `(model, variables)`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, an unknown class, or weights that do not fit; every mismatch is listed.
    """
    with Archive(filepath) as archive:
        config = read_config(archive)
        if compile:
            refuse_code(config.get("compile_config"), filepath)
        model, spec, args = build_model(config, archive, custom_objects)
        with open_weights(archive) as weights:
            if spec is None:
                return model, _no_variables(model, weights)
            model, spec = as_the_file_keeps_it(model, spec, args, weights)
            return model, read_weights(model, spec, args, weights)[0]


def _no_variables(model: Layer, weights: WeightsFile) -> dict[str, PyTree]:
    """The variables of a model that was never built: none.

    Raises:
        ValueError: it has some.
    """
    kept = [path for path in weights.specs if not is_not_the_model(path)]
    if kept:
        raise ValueError(
            explain(
                f"{weights.label} does not say which input {model.path_text()} takes, so its weights have no place.",
                received=f"{len(kept)} weights, and a build_config without a shape",
                usually="a subclassed model whose class has a get_build_config of its own.",
                write="variables = model.init(key, x); model.load_weights(path, variables)",
            )
        )
    return {"params": {}}


def save_keras_model(
    model: Model,
    filepath: FilePath,
    variables: Variables,
    overwrite: bool = True,
    *,
    compile_config: Config | None = None,
    beside: Iterable[Dataset] = (),
    beside_names: Mapping[str, str] | None = None,
    metadata: Config | None = None,
    args: tuple[PyTree, ...] = (),
) -> None:
    """Write a `.keras` file that real Keras 3 opens.

    Args:
        model: the model.
        filepath: the file to make.
        variables: the model's variables.
        overwrite: whether a file that is already there may be replaced.
        compile_config: what Keras compiles the model with when it loads it.
        beside: further datasets, `(path, array)`, and
        beside_names: the names of their groups.
        metadata: what `metadata.json` says beside Keras's own entries.
        args: an example input, for a model without a graph.

    Raises:
        FileExistsError: something is there and `overwrite` is false.
        TypeError: a part of the model that has no config.
    """
    model, variables = written_out(model), unstacked(model, variables)
    variables = changes_merged(model, variables)
    entry = {**with_policy_maps(model_record(model)), "compile_config": dict(compile_config or {})}
    if len(args) == 1 and model.graph is None:
        entry["build_config"] = {"input_shape": shapes_of(args[0])}
    places, layers = layout(model, variables, args)
    names = {**{at: str(la.name) for at, la in layers.items()}, **(beside_names or {})}
    saved = time.strftime("%Y-%m-%d@%H:%M:%S", time.gmtime())
    notes = {"keras_version": KERAS_VERSION, "date_saved": saved, **(metadata or {})}
    with whole_file(filepath, overwrite) as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(METADATA, json.dumps(notes))
            archive.writestr(CONFIG, json.dumps(entry))
            with archive.open(f"{WEIGHTS}.h5", "w", force_zip64=True) as member, tempfile.TemporaryFile() as file:
                write_weights(file, itertools.chain(datasets_of(variables, places, layers), beside), names)
                file.seek(0)
                shutil.copyfileobj(file, member, 1 << 20)
        with readable(repr(os.fspath(filepath))), Archive(target) as written:
            read_config(written)
            with open_weights(written):
                pass
