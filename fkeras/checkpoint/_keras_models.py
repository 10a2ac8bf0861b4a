"""Models from `.keras` files and variables from `.weights.h5`, as real Keras 3 writes them."""

from __future__ import annotations

import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ..core import TRANSIENT, Layer, explain, model_from_json
from . import _directory
from ._keras_archive import CONFIG, WEIGHTS, Archive
from ._keras_h5 import WeightsFile, read_variables
from ._keras_layout import layout

# What a file holds beside the model's weights: the optimizer's, and the seeds of older versions.
_NOT_THE_MODEL = re.compile(r"(^|/)(optimizer|_?seed_generators?(_\d+)?)/")


def load_keras_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None) -> tuple[Layer, dict[str, Any]]:
    """A model and its variables from a `.keras` file.

    Args:
        filepath: the file, or a directory with the same content.
        custom_objects: the user's own classes and functions by name.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, an unknown class, or weights that do not fit; every mismatch is listed.
    """
    with Archive(filepath) as archive:
        config = archive.json(CONFIG)
        model = model_from_json(json.dumps(config), custom_objects)
        if any(n.startswith("assets/") for n in archive.names):
            model = _with_assets(model, archive.assets())
        spec, args = _expected(model, config)
        if spec is None:
            return model, {"params": {}}
        return model, _read(model, spec, args, archive)


def _expected(model: Any, config: Any) -> tuple[dict[str, Any] | None, tuple[Any, ...]]:
    """The variables that a model should have, as shapes, and the inputs that tell them; `None` if never built."""
    if getattr(model, "graph", None) is not None:
        return model.abstract_variables(), ()
    build = config.get("build_config") or {}
    if not build.get("input_shape") and not build.get("shapes_dict"):
        return None, ()
    args = model.build_inputs(build)
    return model.abstract_variables(*args), args


def _read(model: Any, spec: Any, args: Any, archive: Archive) -> dict[str, Any]:
    name = f"{WEIGHTS}.h5"
    if name not in archive.names:
        raise archive.damaged(f"no {name}")
    with archive.open_seekable(name) as member:
        return _fill(model, spec, args, member, str(archive.path))


def load_h5_weights(model: Any, filepath: Any, variables: Any, skip_mismatch: bool = False) -> dict[str, Any]:
    """Variables from a `.weights.h5` file, checked against the ones given."""
    path = pathlib.Path(os.fspath(filepath))
    if not path.is_file():
        raise FileNotFoundError(explain(f"There is no file {str(path)!r}.", usually="a wrong path."))
    with path.open("rb") as file:
        return _fill(model, variables, (), file, str(path), skip_mismatch)


def _fill(model: Any, spec: Any, args: Any, file: Any, what: str, skip_mismatch: bool = False) -> dict[str, Any]:
    """`spec` with the arrays of an HDF5 file in place of its leaves."""
    kept = {c: t for c, t in spec.items() if c not in TRANSIENT}
    places, _ = layout(model, kept, args)
    expected = _directory.spec_of(kept)
    with WeightsFile(file, what) as weights:
        if skip_mismatch:
            fits = {
                k: v for k, v in places.items() if k in weights.specs and tuple(weights.specs[k][0]) == expected[v][0]
            }
            found = read_variables(weights, fits, expected, what, lambda path: True)
        else:
            found = read_variables(weights, places, expected, what, lambda path: bool(_NOT_THE_MODEL.search(path)))

    def put(path: Any, leaf: Any) -> Any:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name in found:
            return jnp.asarray(found[name])
        return jnp.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf

    return {"params": {}, **jax.tree_util.tree_map_with_path(put, kept)}


def _with_assets(model: Any, assets: Mapping[str, bytes]) -> Any:
    """The model with what its layers keep in files: each gets the files under its own path."""
    _, layers = layout(model, {})
    mine: dict[int, dict[str, bytes]] = {}
    for at, layer in layers.items():
        files = {
            n.removeprefix(f"{at}/"): d for n, d in assets.items() if pathlib.PurePosixPath(n).parent.as_posix() == at
        }
        if files and hasattr(layer, "_with_assets"):
            mine[id(layer)] = files
    return model.map_layers(lambda layer: layer._with_assets(mine[id(layer)]) if id(layer) in mine else layer)
