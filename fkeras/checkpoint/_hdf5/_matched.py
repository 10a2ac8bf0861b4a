"""Which array of an old file each variable of a model is, and what differs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Unpack

import numpy as np

from ...core import ArraySpec, explain
from ...core.typing import Array
from .._files._report import LoadReport, MayDiffer, compare
from .._keras._layer_order import Part, TopLayer
from .._keras._matching import as_kept
from .._keras._optimizer_arrays import ArrayInFile
from ._layers_in_file import TOP
from ._old_arrays import converted, count_in_file
from ._old_file import OldFile

# What Keras calls a weight that has another name here.
_LEAVES = {
    "gamma": "scale",
    "beta": "bias",
    "moving_mean": "mean",
    "moving_variance": "var",
    "running_mean": "mean",
    "running_std": "var",
    "embeddings": "embedding",
    "W": "kernel",
    "b": "bias",
    "U": "recurrent_kernel",
}


@dataclasses.dataclass(frozen=True)
class Matched:
    """The arrays of one part of a layer.

    Attributes:
        part: the part.
        arrays: what the file has for it.
    """

    part: Part
    arrays: tuple[ArrayInFile, ...]


def by_name(file: Mapping[str, list[ArrayInFile]], layers: Sequence[TopLayer]) -> list[tuple[TopLayer, str]]:
    """The layers of a model that a file has under their names."""
    return [(layer, layer.name or TOP) for layer in layers if (layer.name or TOP) in file]


def by_order(
    file: Mapping[str, list[ArrayInFile]], layers: Sequence[TopLayer], label: str
) -> list[tuple[TopLayer, str]]:
    """The layers of a model with those of a file in their order; by name, where all names are the same.

    Raises:
        ValueError: another number of layers.
    """
    if {layer.name or TOP for layer in layers} == set(file):
        return by_name(file, layers)
    if len(layers) == len(file):
        return list(zip(layers, file, strict=True))
    rows = [f"{mine.name or TOP if mine else 'nothing'}: {theirs or 'nothing'}" for mine, theirs in _rows(layers, file)]
    raise ValueError(
        explain(
            f"The file {label!r} has weights for {len(file)} layers, and the model has {len(layers)} with weights.",
            received="\nmodel: file\n" + "\n".join(rows),
            usually="another model; a part of one is loaded by the names of its layers.",
            write="model.load_weights(path, variables, by_name=True)",
        )
    )


def _rows(layers: Sequence[TopLayer], file: Mapping[str, object]) -> list[tuple[TopLayer | None, str | None]]:
    return list(itertools.zip_longest(layers, file))[:8]


def match_layer(layer: TopLayer, arrays: Sequence[ArrayInFile], version: int) -> list[Matched] | None:
    """The parts of a layer with their arrays; `None` where the file has another number of them."""
    best: tuple[int, list[Matched]] | None = None
    for order in layer.orders():
        counts = [count_in_file(part, version) for part in order]
        if sum(counts) != len(arrays):
            continue
        ends = list(itertools.accumulate(counts))
        found = [
            Matched(part, tuple(arrays[end - count : end]))
            for part, count, end in zip(order, counts, ends, strict=True)
        ]
        score = sum(map(_alike, found))
        if best is None or score > best[0]:
            best = (score, found)
    return None if best is None else best[1]


def _alike(matched: Matched) -> int:
    """How many arrays of a part have the shape, and the name, of a leaf."""
    if len(matched.arrays) != len(matched.part.leaves):
        return 0
    pairs = zip(matched.arrays, matched.part.leaves, matched.part.specs, strict=True)
    return sum(2 * (array.spec[0] == spec[0]) + _same_name(array, leaf) for array, leaf, spec in pairs)


def _same_name(array: ArrayInFile, leaf: str) -> bool:
    theirs, mine = array.leaf, leaf.rpartition("/")[2]
    return _LEAVES.get(theirs, theirs) == mine or _LEAVES.get(theirs.rpartition("_")[2]) == mine


def read_matched(
    file: OldFile,
    pairs: Sequence[tuple[TopLayer, str]],
    arrays: Mapping[str, list[ArrayInFile]],
    expected: Mapping[str, ArraySpec],
    version: int,
    backend: str | None,
    **choice: Unpack[MayDiffer],
) -> tuple[dict[str, Array], LoadReport]:
    """The arrays of a model from a file, and the report of what differs.

    Args:
        file: the file.
        pairs: each layer of the model with the file's name of it.
        arrays: the file's layers.
        expected: shape and dtype of each variable.
        version: the version of Keras that wrote the file.
        backend: the library that it computed with.
        **choice: what may differ, see `compare`.

    Returns:
        The arrays by the path of their variables, and the report; nothing is loaded that it calls a fault.

    Raises:
        ValueError: arrays that the file claims and cannot hold, or damaged ones.
    """
    found: dict[str, ArraySpec] = {}
    matched: list[Matched] = []
    taken: set[str] = set()
    for layer, name in pairs:
        parts = match_layer(layer, arrays[name], version)
        if parts is not None:
            matched += parts
            taken.add(name)
    for name, listed in arrays.items():
        if name not in taken:
            found.update({array.path: array.spec for array in listed})
    file.check_room([array.path for m in matched for array in m.arrays])
    values: dict[str, np.ndarray] = {}
    for m in matched:
        shapes = [array.spec[0] for array in m.arrays]
        is_plain = version > 1 and backend != "theano" and shapes == [spec[0] for spec in m.part.specs]
        if is_plain:
            found.update(
                {leaf: _as_wanted(a.spec, expected[leaf]) for leaf, a in zip(m.part.leaves, m.arrays, strict=True)}
            )
            continue
        read = converted(m.part, [file.read(array.path) for array in m.arrays], version, backend)
        for leaf, value in itertools.zip_longest(m.part.leaves, read):
            if leaf is not None and value is not None:
                values[leaf] = value
                found[leaf] = _as_wanted((value.shape, value.dtype.name), expected[leaf])
    report = compare(expected, found, **choice)
    if report.faults:
        return {}, report
    places = {leaf: array.path for m in matched for leaf, array in zip(m.part.leaves, m.arrays, strict=False)}
    loaded = {
        leaf: as_kept(leaf, values[leaf] if leaf in values else file.read(places[leaf]), expected[leaf][1])
        for leaf in report.loaded
    }
    return loaded, report


def _as_wanted(found: ArraySpec, wanted: ArraySpec) -> ArraySpec:
    """Numbers of another width are converted, as Keras does; a float is no whole number."""
    kinds = [np.dtype(d).kind if d != "bfloat16" else "f" for d in (found[1], wanted[1]) if _is_dtype(d)]
    if len(kinds) == 2 and (kinds[0] == kinds[1] or set(kinds) <= {"i", "u"}):
        return found[0], wanted[1]
    return found


def _is_dtype(name: str) -> bool:
    try:
        np.dtype(name)
    except TypeError:
        return name == "bfloat16"
    return True
