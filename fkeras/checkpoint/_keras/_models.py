"""Models from `.keras` files and variables from `.weights.h5`, as real Keras 3 writes them."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ...core import TRANSIENT, Budget, Layer, explain, model_from_config, named_leaves
from .._files._atomic_file import whole_file
from .._files._read_errors import described
from .._files._readable import readable
from .._files._report import LoadReport
from .._orbax import _directory
from ._archive import CONFIG, METADATA, WEIGHTS, Archive
from ._h5 import WeightsFile, match_variables, read_variables, write_weights
from ._layout import layers_at, layout, optional
from ._quantized import QuantizedFile, in_plain_policies, refuse_quantized_parts
from ._shards import ShardedWeights, write_shards

# The Keras whose format is written.
KERAS_VERSION = "3.15.1"

# What a file holds beside the model's weights: the optimizer's, and the seeds of older versions.
_NOT_THE_MODEL = re.compile(r"(^|/)((optimizer|_?seed_generators?(_\d+)?)/|vars/idf_weights$)")


def load_keras_model(
    filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> tuple[Layer, dict[str, Any]]:
    """A model and its variables from a `.keras` file.

    Args:
        filepath: the file, or a directory with the same content.
        custom_objects: the user's own classes and functions by name.
        compile: whether the compile config must be one that could be used.

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
                return model, _nothing(model, weights)
            return model, fill(model, spec, args, weights)[0]


def read_config(archive: Archive) -> dict[str, Any]:
    """The record of the model that an archive holds."""
    config = archive.json(CONFIG)
    if not isinstance(config, Mapping) or not isinstance(config.get("config"), Mapping):
        raise archive.damaged(f"a {CONFIG} that describes no model: {str(config)[:80]}")
    if not isinstance(config.get("compile_config", {}), Mapping | None):
        raise archive.damaged(f"a compile_config that is no dict: {config['compile_config']!r:.80}")
    with described(archive.path):
        Budget().examine(config)
        return dict(in_plain_policies(config, str(archive.path)))


def build_model(config: Mapping[str, Any], archive: Archive, custom_objects: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """A model, its variables as shapes (`None` if it was never built), and the inputs that told them."""
    with described(archive.path):
        told = {k: v for k, v in config.items() if k != "compile_config"}
        model = model_from_config(_without_lora(told), custom_objects)
        if not isinstance(model, Layer):
            raise archive.damaged(f"a {CONFIG} that describes a {type(model).__name__}")
        if any(n.startswith("assets/") for n in archive.names):
            model = _with_assets(model, archive)
        return (model, *_expected(model, config))


def _without_lora(config: Any) -> Any:
    """A config without LoRA: Keras saves each weight with its low-rank change added."""
    if isinstance(config, list):
        return [_without_lora(part) for part in config]
    if not isinstance(config, Mapping):
        return config
    return {k: _without_lora(v) for k, v in config.items() if k not in ("lora_rank", "lora_alpha")}


def open_weights(archive: Archive) -> WeightsFile:
    """The weights of an archive."""
    name = f"{WEIGHTS}.h5"
    if f"{WEIGHTS}.npz" in archive.names and name not in archive.names:
        raise archive.damaged(f"{WEIGHTS}.npz, which Keras writes as Python pickles: code, which is never run")
    if name not in archive.names:
        raise archive.damaged(f"no {name}")
    return WeightsFile(archive.open_seekable(name), str(archive.path), archive.size)


def refuse_code(config: Any, filepath: Any) -> None:
    """Refuse bytecode in a compile config, which nobody may want to run."""
    if _holds_lambda(config):
        raise ValueError(
            explain(
                f"The compile config in {os.fspath(filepath)!r} holds a lambda's bytecode, which is never run.",
                usually="in Keras, a lambda was passed to compile as a loss, a metric or a learning rate.",
                write="fk.load_model(path, compile=False)   # and model.compile(...) with a named function",
            )
        )


def _holds_lambda(config: Any) -> bool:
    if isinstance(config, list):
        return any(map(_holds_lambda, config))
    if isinstance(config, Mapping):
        return config.get("class_name") == "__lambda__" or any(map(_holds_lambda, config.values()))
    return False


def _expected(model: Any, config: Any) -> tuple[dict[str, Any] | None, tuple[Any, ...]]:
    """The variables that a model should have, as shapes, and the inputs that tell them; `None` if never built."""
    if getattr(model, "graph", None) is not None:
        return model.abstract_variables(), ()
    args = _recorded(config)
    return (model.abstract_variables(*args), args) if args else (None, ())


def _recorded(config: Any) -> tuple[Any, ...]:
    """The inputs of which a config holds the shapes; none if the model was never built."""
    build = config.get("build_config") or {}
    shapes = build.get("shapes_dict") or build.get("input_shape")
    if not shapes:
        return ()
    return tuple(map(_example, shapes.values() if build.get("shapes_dict") else [shapes]))


def _shapes(example: Any) -> Any:
    """Shapes of an example as a build_config holds them; how many rows it has does not matter."""
    if isinstance(example, Mapping):
        return {k: _shapes(v) for k, v in example.items()}
    if isinstance(example, list | tuple):
        return [_shapes(v) for v in example]
    return [None, *example.shape[1:]]


def _example(shape: Any) -> Any:
    """An input of a recorded shape, or several in lists and dicts, as shapes and dtypes; its unknown sizes are 1."""
    if isinstance(shape, Mapping):
        return {k: _example(v) for k, v in shape.items()}
    if any(isinstance(d, list | Mapping) for d in shape):
        return [_example(d) for d in shape]
    return jax.ShapeDtypeStruct(tuple(1 if d is None else d for d in shape), jnp.float32)


def _nothing(model: Any, weights: WeightsFile) -> dict[str, Any]:
    """The variables of a model that was never built; a file that has some says that it was.

    Raises:
        ValueError: it has some.
    """
    found = [path for path in weights.specs if not _NOT_THE_MODEL.search(path)]
    if found:
        raise ValueError(
            explain(
                f"{weights.what} does not say which input {model.path_text()} takes, so its weights have no place.",
                received=f"{len(found)} weights, and a build_config without a shape",
                usually="a subclassed model whose class has a get_build_config of its own.",
                write="variables = model.init(key, x); model.load_weights(path, variables)",
            )
        )
    return {"params": {}}


def load_h5_weights(
    model: Any, filepath: Any, variables: Any, x: Any = None, **choice: Any
) -> tuple[dict[str, Any], LoadReport]:
    """Variables from a `.weights.h5`, `.weights.json` or `.keras` file, checked against the ones given."""
    path = pathlib.Path(os.fspath(filepath))
    if path.suffix == ".keras":
        with Archive(path) as archive, open_weights(archive) as weights:
            known = getattr(model, "graph", None) is not None or x is not None
            args = call_arguments(model, x) if known else _recorded(read_config(archive))
            return fill(model, variables, args or call_arguments(model, x), weights, **choice)
    args = call_arguments(model, x)
    if path.suffix == ".json":
        with ShardedWeights(path) as weights:
            return fill(model, variables, args, weights, **choice)
    if not path.is_file():
        raise FileNotFoundError(explain(f"There is no file {str(path)!r}.", usually="a wrong path."))
    with path.open("rb") as file, WeightsFile(file, str(path), path.stat().st_size) as weights:
        return fill(model, variables, args, weights, **choice)


def call_arguments(model: Any, x: Any) -> tuple[Any, ...]:
    """What a model without a graph is called with, as shapes: the order in which it makes its weights follows from it.

    Raises:
        ValueError: it has none, and no example was given.
    """
    if getattr(model, "graph", None) is not None:
        return ()
    if x is None:
        raise ValueError(
            explain(
                f"A Keras file keeps the weights of {model.path_text()} in the order in which they are made, "
                "which only a call tells.",
                received="a subclassed model, and no example input",
                write="model.save_weights(path, variables, x=x)   # likewise save, load_weights; any batch",
            )
        )
    return (jax.tree.map(_struct, x),)


def _struct(leaf: Any) -> Any:
    known = hasattr(leaf, "shape") and hasattr(leaf, "dtype")
    return jax.ShapeDtypeStruct(*((leaf.shape, leaf.dtype) if known else (jnp.shape(leaf), jnp.result_type(leaf))))


def fill(model: Any, spec: Any, args: Any, weights: Any, **choice: Any) -> tuple[dict[str, Any], LoadReport]:
    """`spec` with the arrays of a weights file in place of its leaves, and what was loaded."""
    kept = {c: t for c, t in spec.items() if c not in TRANSIENT}
    with described(weights.what):
        places, layers = layout(model, kept, args)
    weights = QuantizedFile(weights, layers)
    expected = _directory.spec_of(kept)
    report = match_variables(weights, places, expected, _not_the_model, optional, **choice)
    refuse_quantized_parts(weights.what, report.faults, report.mismatched)
    report.require(weights.what)
    blank = [s for p, s in named_leaves(kept).items() if isinstance(s, jax.ShapeDtypeStruct) and p not in report.loaded]
    unkept = sum(s.size * s.dtype.itemsize for s in blank)
    _directory.check_claim(unkept, weights.size, f"The weights in {weights.what}")
    filled = _directory.filled(kept, read_variables(weights, report, expected))
    return {"params": {}, **jax.tree.map(_nothing_of, filled)}, report


def _nothing_of(leaf: Any) -> Any:
    """Zeros for what a file may lack."""
    return jnp.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf


def _not_the_model(path: str) -> bool:
    return bool(_NOT_THE_MODEL.search(path))


def save_keras_model(
    model: Any,
    filepath: Any,
    variables: Any,
    overwrite: bool = True,
    *,
    compile_config: Mapping[str, Any] | None = None,
    beside: Iterable[tuple[str, Any]] = (),
    beside_names: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    args: tuple[Any, ...] = (),
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
    entry = {**json.loads(model.to_json()), "compile_config": dict(compile_config or {})}
    if len(args) == 1 and getattr(model, "graph", None) is None:
        entry["build_config"] = {"input_shape": _shapes(args[0])}
    places, layers = layout(model, variables, args)
    names = {**{at: str(la.name) for at, la in layers.items()}, **(beside_names or {})}
    saved = time.strftime("%Y-%m-%d@%H:%M:%S", time.gmtime())
    notes = {"keras_version": KERAS_VERSION, "date_saved": saved, **(metadata or {})}
    with whole_file(filepath, overwrite) as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(METADATA, json.dumps(notes))
            archive.writestr(CONFIG, json.dumps(entry))
            with archive.open(f"{WEIGHTS}.h5", "w", force_zip64=True) as member, tempfile.TemporaryFile() as file:
                write_weights(file, itertools.chain(_datasets(variables, places, layers), beside), names)
                file.seek(0)
                shutil.copyfileobj(file, member, 1 << 20)
        with readable(repr(os.fspath(filepath))), Archive(target) as written:
            read_config(written)
            with open_weights(written):
                pass


def save_h5_weights(
    model: Any, filepath: Any, variables: Any, overwrite: bool, max_shard_size: float | None, x: Any = None
) -> None:
    """Write a `.weights.h5` file, or shards of so many gigabytes, that real Keras 3 loads into the same model."""
    places, layers = layout(model, variables, call_arguments(model, x))
    datasets, names = _datasets(variables, places, layers), {at: str(layer.name) for at, layer in layers.items()}
    if max_shard_size is not None:
        write_shards(filepath, datasets, names, max_shard_size, overwrite)
        return
    with whole_file(filepath, overwrite) as target, target.open("w+b") as file:
        write_weights(file, datasets, names)
        with readable(repr(os.fspath(filepath))), WeightsFile(file, str(target), target.stat().st_size):
            pass


def _datasets(variables: Any, places: Mapping[str, str], layers: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every array with its place, and what layers keep beside their weights.

    Raises:
        ValueError: an array without a place, which would be lost.
    """
    arrays = _directory.flatten({c: t for c, t in variables.items() if c not in TRANSIENT})
    lost = sorted(arrays.keys() - set(places.values()))
    if lost:
        raise ValueError(
            explain(
                f"A Keras file would lack {len(lost)} of {len(arrays)} arrays.",
                received=", ".join(lost[:5]),
                usually="variables of another model, or of another input.",
                write='model.save_weights("name", variables)   # an Orbax directory',
            )
        )
    for at, name in places.items():
        yield at, arrays[name]
    for at, layer in layers.items():
        if hasattr(layer, "_beside_weights"):
            yield from ((f"{at}/{path}", array) for path, array in layer._beside_weights().items())


def _with_assets(model: Any, archive: Archive) -> Any:
    """The model with what its layers keep in files: each gets the files under its own path."""
    assets = archive.assets()
    layers = layers_at(model)
    with open_weights(archive) as weights:
        idf = {at: weights.read(at) for at in weights.specs if at.endswith("/vars/idf_weights")}
    mine: dict[int, dict[str, Any]] = {}
    for at, layer in layers.items():
        files: dict[str, Any] = {
            pathlib.PurePosixPath(n).name: data
            for n, data in assets.items()
            if pathlib.PurePosixPath(n).parent.as_posix() == at
        }
        if files and hasattr(layer, "_with_assets"):
            if f"{at}/vars/idf_weights" in idf:
                files["idf_weights"] = idf[f"{at}/vars/idf_weights"]
            mine[id(layer)] = files
    changed: dict[str, Any] = {str(layer.name): mine[id(layer)] for layer in layers.values() if id(layer) in mine}

    def change(layer: Any) -> Any:
        files = changed.get(str(layer.name)) if hasattr(layer, "_with_assets") else None
        return layer if files is None else layer._with_assets(files)

    return model.map_layers(change)
