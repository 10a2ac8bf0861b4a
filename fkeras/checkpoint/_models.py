"""Saving and loading models and their variables."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..core import (
    NAMED_CONTAINERS,
    as_path,
    check_named,
    check_variables,
    explain,
    model_from_config,
    to_read,
    walk,
)
from ._files._read_errors import described
from ._files._readable import check_config
from ._files._report import LoadReport, chosen_paths, compare
from ._keras._archive import CONFIG
from ._keras._models import call_arguments, load_h5_weights, load_keras_model, save_h5_weights, save_keras_model
from ._orbax import _directory
from ._safetensors import load_safetensors, save_safetensors

# Suffixes that name a file format, some of which some functions do not write; anything else is an Orbax directory.
_FILES = (".keras", ".h5", ".json", ".safetensors")


def save_model(
    model: Any, filepath: Any, variables: Any, overwrite: bool = True, zipped: bool | None = None, *, x: Any = None
) -> None:
    """Save a model and its variables: a `.keras` file by that suffix, else an Orbax directory.

    Args:
        model: the model.
        filepath: the file or directory to make.
        variables: the model's variables.
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
    if _suffix(filepath) == ".keras" and zipped is not False:
        check_variables(model, variables, "save")
        _check_plain(model, filepath)
        save_keras_model(model, filepath, variables, overwrite, args=call_arguments(model, x))
        return
    _check_suffix(filepath)
    if zipped:
        raise ValueError(explain("An Orbax checkpoint is a directory and is not zipped.", received="zipped=True"))
    check_variables(model, variables, "save")
    if getattr(model, "graph", None) is None:
        check_named(dict(variables), 'model.save_weights("name", variables)')
    manifest = {"kind": "model", "model": json.loads(model.to_json())}
    check_config(manifest["model"], f"{filepath!r}")
    _directory.write(filepath, manifest, dict(variables), overwrite)


def load_model(
    filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> tuple[Any, dict[str, Any]]:
    """A model and its variables from what `model.save` or `trainer.save` wrote, or from real Keras's `.keras` file.

    Args:
        filepath: the file or directory.
        custom_objects: the user's own classes and functions by name.
        compile: whether a compile config that could not be used is an error; `fk.load_trainer` is what uses it.

    Returns:
        `(model, variables)`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: an unknown class, or arrays that do not fit the description; every mismatch is listed.
    """
    filepath = to_read(filepath, "fk.load_model", '"model.keras"')
    if _suffix(filepath) == ".keras" or (pathlib.Path(filepath) / CONFIG).is_file():
        return load_keras_model(filepath, custom_objects, compile)
    _check_suffix(filepath)
    filepath = _directory.last_of(filepath)
    manifest = _directory.read_manifest(filepath, ("model", "trainer"))
    model = read_model(manifest, custom_objects)
    places = _places(manifest)
    if getattr(model, "graph", None) is not None:
        expected = _directory.spec_of(model.abstract_variables(), _directory.naming(manifest))
        found = {here: _directory.specs(manifest)[at] for here, at in places.items()}
        compare(expected, found).require(f"{filepath}")
    arrays = _directory.read_arrays(filepath, manifest, set(places.values()))
    return model, {"params": {}, **_directory.rebuilt(arrays, places, manifest)}


def read_model(manifest: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """The model that a manifest describes."""
    if manifest.get("model") is None:
        raise ValueError(
            explain(
                "The checkpoint holds no model that could be rebuilt.",
                usually="it was saved by a Trainer of a plain Linen module, which has no config.",
                write="fk.load_trainer(path, model=module)",
            )
        )
    with described("the checkpoint"):
        return model_from_config(manifest["model"], custom_objects)


def save_weights(
    model: Any,
    filepath: Any,
    variables: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    *,
    x: Any = None,
) -> None:
    """Save a model's variables alone; the suffix picks the format.

    Args:
        model: the model.
        filepath: the file or directory to make: `.weights.h5` as real Keras 3 reads it, `.weights.json` with shards
            beside it, `.safetensors`, else an Orbax directory.
        variables: the model's variables.
        overwrite: whether a checkpoint that is already there may be replaced.
        max_shard_size: the most that a shard of a `.weights.json` holds, in gigabytes.
        x: an example input, for a Keras file of a model without a graph.

    Raises:
        ValueError: variables that are not the model's, or `max_shard_size` with another suffix.
        FileExistsError: something is there and `overwrite` is false.

    >>> import fkeras as fk, jax, os, tempfile
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as place:
    ...     model.save_weights(f"{place}/m.weights.json", model.init(jax.random.key(0)), max_shard_size=2.5e-8)
    ...     sorted(os.listdir(place))
    ['m.weights.json', 'm_00000.weights.h5', 'm_00001.weights.h5']
    """
    filepath = as_path(filepath, "model.save_weights", '"model.weights.h5"')
    _check_shard_size(filepath, max_shard_size)
    suffix = _suffix(filepath)
    if suffix not in (".h5", ".json", ".safetensors"):
        _check_suffix(filepath)
    check_variables(model, variables, "save_weights")
    if suffix in (".h5", ".json"):
        _check_plain(model, filepath)
        save_h5_weights(model, filepath, variables, overwrite, max_shard_size, x)
    elif suffix == ".safetensors":
        save_safetensors(filepath, variables, overwrite)
    else:
        _directory.write(filepath, {"kind": "weights"}, dict(variables), overwrite)


def _check_shard_size(filepath: Any, gigabytes: Any) -> None:
    sharded = os.fspath(filepath).endswith(".weights.json")
    if sharded != (gigabytes is not None) or (sharded and not gigabytes > 0):
        raise ValueError(
            explain(
                "Weights in shards have the suffix .weights.json and a positive max_shard_size.",
                received=f"{os.fspath(filepath)!r}, max_shard_size={gigabytes!r}",
                write='model.save_weights("name.weights.json", variables, max_shard_size=5)   # gigabytes',
            )
        )


def load_weights(
    model: Any,
    filepath: Any,
    variables: Any,
    skip_mismatch: bool = False,
    *,
    rename: Mapping[str, str] | None = None,
    allow: Sequence[str] | str = (),
    report: bool = False,
    x: Any = None,
) -> Any:
    """Variables from a file, checked against the ones given.

    Args:
        model: the model.
        filepath: what `save_weights`, `save` or a trainer's `save` wrote, a `.safetensors` file, or real Keras's
            `.weights.h5`, `.weights.json` or `.keras`.
        variables: what the model has now; tells the paths, shapes and dtypes to expect.
        skip_mismatch: whether to keep the given values wherever the file has none that fits.
        rename: `{regular expression: replacement}` for the paths in the file, as `re.sub` takes them; the first one
            that is found in a path counts.
        allow: regular expressions of whole paths that may differ and then keep the given values, with or without
            the collection: `["head/.*"]`.
        report: whether to return `(variables, LoadReport)`.
        x: an example input, for a Keras file of weights and a model without a graph.

    Returns:
        New variables of the same structure; with `report=True` also what was loaded, skipped and renamed.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a path, shape or dtype that differs and was not allowed to, or a pattern that matches nothing;
            every mismatch is listed, and nothing is loaded.

    >>> import fkeras as fk, jax, tempfile
    >>> old = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="body"), fk.nn.Dense(5, name="head")])
    >>> new = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="trunk"), fk.nn.Dense(1, name="head")])
    >>> variables = new.init(jax.random.key(1))
    >>> with tempfile.TemporaryDirectory() as place:
    ...     old.save_weights(f"{place}/w", old.init(jax.random.key(0)))
    ...     variables, report = new.load_weights(
    ...         f"{place}/w", variables, rename={"body/": "trunk/"}, allow=["head/.*"], report=True)
    >>> print(report)
    loaded 2, skipped 2, ignored 0
    renamed     params/body/bias -> params/trunk/bias
    renamed     params/body/kernel -> params/trunk/kernel
    mismatched  params/head/bias float32(5,) in the file, float32(1,) expected
    mismatched  params/head/kernel float32(2, 5) in the file, float32(2, 1) expected
    """
    filepath = to_read(filepath, "model.load_weights", '"model.weights.h5"')
    choice = {"skip_mismatch": skip_mismatch, "rename": rename, "allow": allow}
    if _suffix(filepath) in (".h5", ".keras", ".json"):
        loaded, found = load_h5_weights(model, filepath, variables, x, **choice)
    elif _suffix(filepath) == ".safetensors":
        loaded, found = load_safetensors(filepath, variables, **choice)
    else:
        loaded, found = _load_directory(filepath, variables, choice)
    return (loaded, found) if report else loaded


def _load_directory(filepath: Any, variables: Any, choice: Mapping[str, Any]) -> tuple[dict[str, Any], LoadReport]:
    """Variables from an Orbax directory, and what was loaded; only the arrays that are taken are read."""
    _check_suffix(filepath)
    filepath = _directory.last_of(filepath)
    manifest = _directory.read_manifest(filepath, ("weights", "model", "trainer"))
    places = _places(manifest)
    found = {here: _directory.specs(manifest)[at] for here, at in places.items()}
    report = compare(_directory.spec_of(dict(variables), _directory.naming(manifest)), found, **choice)
    report.require(f"{filepath}")
    wanted = {here: places[path] for here, path in report.loaded.items()}
    arrays = _directory.read_arrays(filepath, manifest, set(wanted.values()))
    loaded = {here: arrays[at] for here, at in wanted.items()}
    return _directory.filled(dict(variables), loaded, _directory.naming(manifest)), report


def load_arrays(directory: Any, paths: Sequence[str] | str = ".*") -> dict[str, Any]:
    """Some arrays of an Orbax directory, without a model to compare them with; no others are read.

    Args:
        directory: what `model.save`, `model.save_weights`, `trainer.save` or `fit(checkpoint=...)` wrote.
        paths: regular expressions of whole paths, `"params/body/.*"` or `"opt_state/.*"`; all by default.

    Returns:
        Nested dicts of arrays, and lists where all of one is read; random keys as their raw data.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a pattern that matches nothing, or a damaged array.

    >>> import fkeras as fk, jax, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)]).compile("adam", "mse")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     trainer.save(f"{place}/run", trainer.init(0))
    ...     found = fk.checkpoint.load_arrays(f"{place}/run", "params/.*kernel")
    >>> jax.tree.map(lambda a: a.shape, found)
    {'params': {'dense': {'kernel': (3, 2)}}}
    """
    directory = to_read(directory, "fk.checkpoint.load_arrays")
    _check_suffix(directory)
    place = _directory.last_of(directory)
    manifest = _directory.read_manifest(place, ("weights", "model", "trainer"))
    patterns = (paths,) if isinstance(paths, str) else tuple(paths)
    wanted = chosen_paths(patterns, list(manifest["arrays"]), "paths")
    found = _directory.read_arrays(place, manifest, wanted)
    known = {at: kind for at, kind in _directory.kinds_in(manifest).items() if kind in NAMED_CONTAINERS}
    return _directory.nest(found, known)


def _places(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Where a directory keeps each of a model's variables: paths in the manifest by paths in the variables."""
    if manifest["kind"] != "trainer":
        return {p: p for p in manifest["arrays"]}
    kept = [p for p in manifest["arrays"] if p.startswith(("params/", "model_state/"))]
    return {p.removeprefix("model_state/"): p for p in kept}


def _suffix(filepath: Any) -> str:
    return pathlib.Path(os.fspath(filepath)).suffix


def _check_plain(model: Any, filepath: Any) -> None:
    """Refuse to write weights as a Keras file that Keras would keep in another form."""
    if any(layer._weights_as is not None for _, layer in walk(model)):
        raise ValueError(
            explain(
                f"{model.path_text()} keeps weights in a form that Keras files do not have.",
                received=os.fspath(filepath),
                usually="the model was quantised, or has low-rank changes.",
                write='model.save("name", variables)   # an Orbax directory; or merge_lora(variables) first',
            )
        )


def _check_suffix(filepath: Any) -> None:
    if _suffix(filepath) in _FILES:
        raise ValueError(
            explain(
                f"This version of fkeras does not do this with {_suffix(filepath)} files.",
                received=os.fspath(filepath),
                write="a path without that suffix: an Orbax directory",
            )
        )
