"""Reading variables from Keras's weights, whichever file they are in, and writing them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Unpack

import jax
import jax.numpy as jnp

from ...core import TRANSIENT, Layer, Model, Part, described, explain, flatten, named_leaves, spec_of
from ...core.typing import FilePath, PyTree, Variables
from .._files._atomic_file import whole_file
from .._files._claimed_size import check_claimed_size
from .._files._contents import ZIP, contents_of
from .._files._readable import readable
from .._files._report import LoadReport, MayDiffer
from .._files._tree_arrays import with_arrays
from ._archive import CONFIG, Archive
from ._assets import datasets_beside
from ._h5 import WeightsFile
from ._keras_2_places import Keras2Weights
from ._layout import layout, optional
from ._matching import match_variables, read_variables
from ._model_config import read_config, recorded_inputs
from ._open_weights import open_weights
from ._quantized import WithZeros, changes_merged, with_changes, without_changes
from ._quantized_config import refuse_quantized_parts
from ._shards import ShardedWeights, write_shards
from ._weights_source import WeightsSource
from ._write_h5 import Dataset, write_weights
from ._written_out import restacked, unstacked, written_out

# Datasets that are no weights of the model: the optimizer's variables, and seeds that older versions kept.
_NOT_THE_MODEL = re.compile(
    r"(^|/)((optimizer|_?seed_generators?(_\d+)?|_random_generator)/|vars/idf_weights$)|^(metrics|compiled_metrics|compiled_loss)/"
    r"|(^|/)add_metric(_\d+)?/_metrics/"  # what `model.add_metric(tensor)` of Keras 2 kept
)

# How a user's call has the example input.
_LOADS = "variables = model.load_weights(path, variables, x=x)"


def load_h5_weights(
    model: Model, filepath: FilePath, variables: Variables, x: PyTree = None, **choice: Unpack[MayDiffer]
) -> tuple[dict[str, PyTree], LoadReport]:
    """Variables from a `.weights.h5`, `.weights.json` or `.keras` file, checked against the ones given.

    Args:
        model: the model.
        filepath: the file.
        variables: what the model has now.
        x: an example input, for a model without a graph.
        **choice: what may differ, see `compare`.

    Returns:
        The variables, and what was loaded.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, or weights that do not fit; every mismatch is listed.
    """
    path = pathlib.Path(os.fspath(filepath))
    if contents_of(path) == ZIP or (path / CONFIG).is_file():
        with Archive(path) as archive, open_weights(archive) as weights:
            is_told = model.graph is not None or x is not None
            args = call_arguments(model, x) if is_told else recorded_inputs(read_config(archive))
            return read_weights(model, variables, args or call_arguments(model, x, _LOADS), weights, **choice)
    args = call_arguments(model, x, _LOADS)
    with open_weights_at(path) as weights:
        return read_weights(model, variables, args, weights, **choice)


@contextlib.contextmanager
def open_weights_at(filepath: FilePath) -> Iterator[WeightsSource]:
    """The weights of a `.weights.h5`, `.weights.json` or `.keras` file, opened.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file.
    """
    path = pathlib.Path(os.fspath(filepath))
    if path.suffix == ".keras":
        with Archive(path) as archive, open_weights(archive) as weights:
            yield weights
    elif path.suffix == ".json":
        with ShardedWeights(path) as shards:
            yield shards
    elif not path.is_file():
        raise FileNotFoundError(explain(f"There is no file {str(path)!r}.", usually="a wrong path."))
    else:
        with path.open("rb") as file, WeightsFile(file, str(path), path.stat().st_size) as weights:
            yield weights


def call_arguments(
    model: Model, x: PyTree, call: str = "model.save_weights(path, variables, x=x)"
) -> tuple[PyTree, ...]:
    """What a model without a graph is called with, as shapes: the order in which it makes its weights follows from it.

    Args:
        model: the model.
        x: an example input.
        call: the user's call with the example in it, for the error.

    Returns:
        Shapes of the call's inputs; none for a model with a graph.

    Raises:
        ValueError: it has none, and no example was given.
    """
    if model.graph is not None:
        return ()
    if x is None:
        raise ValueError(
            explain(
                f"A Keras file keeps the weights of {model.path_text()} in the order in which they are made, "
                "which only a call tells.",
                received="a subclassed model, and no example input",
                write=f"{call}   # x: any batch",
            )
        )
    return (jax.tree.map(_struct, x),)


def _struct(leaf: PyTree) -> jax.ShapeDtypeStruct:
    is_array = hasattr(leaf, "shape") and hasattr(leaf, "dtype")
    return jax.ShapeDtypeStruct(*((leaf.shape, leaf.dtype) if is_array else (jnp.shape(leaf), jnp.result_type(leaf))))


def read_weights(
    model: Layer, spec: Variables, args: tuple[PyTree, ...], weights: WeightsSource, **choice: Unpack[MayDiffer]
) -> tuple[dict[str, PyTree], LoadReport]:
    """The variables of a model with the arrays of a weights file.

    Args:
        model: the model.
        spec: its variables, as arrays or shapes.
        args: the call's inputs, for a model without a graph.
        weights: the open file.
        **choice: what may differ, see `compare`, and then stays as it is in `spec`.

    Returns:
        The variables, and what was loaded.

    Raises:
        ValueError: weights that do not fit; every mismatch is listed.
    """
    kept = unstacked(model, {c: t for c, t in spec.items() if c not in TRANSIENT})
    written = written_out(model)
    kept, factors = without_changes(written, kept)
    with described(weights.label):
        places, layers = layout(written, kept, args)
    if isinstance(weights, Keras2Weights):
        weights = weights.placed(layers)
    weights = WithZeros(weights, model)
    expected = spec_of(kept)
    report = match_variables(weights, places, expected, is_not_the_model, optional, **choice)
    refuse_quantized_parts(weights.label, report.faults, report.mismatched)
    report.require(weights.label)
    blank = [s for p, s in named_leaves(kept).items() if isinstance(s, jax.ShapeDtypeStruct) and p not in report.loaded]
    unkept = sum(s.size * s.dtype.itemsize for s in blank)
    check_claimed_size(unkept, weights.size, f"The weights in {weights.label}")
    variables = with_arrays(kept, read_variables(weights, report, expected))
    whole = with_changes(jax.tree.map(_zeros_for_shape, variables), factors)
    return {"params": {}, **restacked(model, whole)}, report


def _zeros_for_shape(leaf: PyTree) -> PyTree:
    """Zeros for what a file may lack."""
    return jnp.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf


def is_not_the_model(path: str) -> bool:
    """Whether a dataset is no weight of the model: the optimizer's, or a seed of older versions."""
    return bool(_NOT_THE_MODEL.search(path))


def save_h5_weights(
    model: Model,
    filepath: FilePath,
    variables: Variables,
    overwrite: bool,
    max_shard_size: float | None,
    x: PyTree = None,
) -> None:
    """Write a `.weights.h5` file, or shards of so many gigabytes, that real Keras 3 loads into the same model."""
    model, variables = written_out(model), unstacked(model, variables)
    variables = changes_merged(model, variables)
    places, layers = layout(model, variables, call_arguments(model, x))
    datasets, names = datasets_of(variables, places, layers), {at: str(layer.name) for at, layer in layers.items()}
    if max_shard_size is not None:
        write_shards(filepath, datasets, names, max_shard_size, overwrite)
        return
    with whole_file(filepath, overwrite) as target, target.open("w+b") as file:
        write_weights(file, datasets, names)
        with readable(repr(os.fspath(filepath))), WeightsFile(file, str(target), target.stat().st_size):
            pass


def datasets_of(
    variables: Variables, places: Mapping[str, str], layers: Mapping[str, Layer | Part]
) -> Iterator[Dataset]:
    """Every array with its place, and what layers keep beside their weights.

    Raises:
        ValueError: an array without a place, which would be lost.
    """
    arrays = flatten({c: t for c, t in variables.items() if c not in TRANSIENT})
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
    yield from datasets_beside(layers)
