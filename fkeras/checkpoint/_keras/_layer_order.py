"""A model's weights, layer by layer, in the order in which Keras's HDF5 files keep them.

A layer's arrays are those that train and then the others, each in the order of the layers inside it. What is frozen
is among the others, so that a file says less than it seems: of two orders that are possible, shapes and names decide.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from ...core import ArraySpec, Layer, spec_of, split_path, walk
from ...core.typing import PyTree, Variables
from ._layout import weight_order

Path = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Part:
    """The weights of a layer that holds no other: a run of them in the file.

    Attributes:
        layer: the layer.
        leaves: the paths of its variables, in Keras's order.
        specs: their shapes and dtypes.
    """

    layer: Layer
    leaves: tuple[str, ...]
    specs: tuple[ArraySpec, ...]

    def of(self, leaves: Sequence[str]) -> Part:
        """The part with some of its leaves."""
        specs = dict(zip(self.leaves, self.specs, strict=True))
        return Part(self.layer, tuple(leaves), tuple(specs[leaf] for leaf in leaves))


@dataclasses.dataclass(frozen=True)
class TopLayer:
    """A layer of the model itself, or all that is the model's own.

    Attributes:
        name: its name; empty for what is the model's own.
        parts: its weights.
        frozen: the leaves of its parts that do not train, as the model has it now.
    """

    name: str
    parts: tuple[Part, ...]
    frozen: frozenset[str]

    def orders(self) -> Iterator[list[Part]]:
        """The orders in which a file may have the weights, the likeliest first, each once."""
        never = frozenset(leaf for part in self.parts for leaf in part.leaves if not leaf.startswith("params/"))
        every = frozenset(leaf for part in self.parts for leaf in part.leaves)
        seen: list[list[Part]] = []
        for frozen in (self.frozen | never, never, every):
            order = [*_chosen(self.parts, every - frozen), *_chosen(self.parts, frozen)]
            if order not in seen:
                seen.append(order)
                yield order


def _chosen(parts: Sequence[Part], wanted: frozenset[str]) -> Iterator[Part]:
    for part in parts:
        leaves = [leaf for leaf in part.leaves if leaf in wanted]
        if leaves:
            yield part.of(leaves)


def top_layers(
    model: Layer, spec: Variables, args: tuple[PyTree, ...] = (), record: Mapping[str, PyTree] | None = None
) -> list[TopLayer]:
    """The layers of a model that have weights, in order.

    Args:
        model: the model.
        spec: its variables, as arrays or shapes.
        args: the call's inputs, for a model without a graph.
        record: the record that the model was made of, whose lists of layers are in the file's order.

    Returns:
        The layers.
    """
    specs = spec_of(spec)
    layers = dict(walk(model))
    by_part: dict[Path, list[str]] = {}
    for leaf in weight_order(model, spec, args):
        by_part.setdefault(split_path(leaf)[1:-1], []).append(leaf)
    top: dict[str, list[Path]] = {}
    for path in by_part:
        top.setdefault(path[0] if path else "", []).append(path)
    order = [str(entry.get("name") or _own_name(entry)) for entry in _entries(record)]
    keys = sorted(top, key=lambda key: order.index(key) if key in order else len(order)) if order else list(top)
    found = []
    for key in keys:
        paths = sorted(top[key], key=lambda path: _rank(path, record)) if record is not None else top[key]
        parts = [_part(layers, model, path, by_part[path], specs) for path in paths]
        frozen = {leaf for path in paths if _rests(layers, path) for leaf in by_part[path]}
        layer = layers.get((key,)) if key else None
        found.append(TopLayer(str(layer.name) if layer is not None else key, tuple(parts), frozenset(frozen)))
    return found


def _part(
    layers: Mapping[Path, Layer], model: Layer, path: Path, leaves: list[str], specs: Mapping[str, ArraySpec]
) -> Part:
    nearest = next((layers[path[:i]] for i in range(len(path), 0, -1) if path[:i] in layers), model)
    return Part(nearest, tuple(leaves), tuple(specs[leaf] for leaf in leaves))


def _rests(layers: Mapping[Path, Layer], path: Path) -> bool:
    return any(not layers[path[:i]].trainable for i in range(1, len(path) + 1) if path[:i] in layers)


def _entries(record: PyTree) -> list[Mapping[str, PyTree]]:
    config = record.get("config") if isinstance(record, Mapping) else None
    layers = config.get("layers") if isinstance(config, Mapping) else None
    return [entry for entry in layers if isinstance(entry, Mapping)] if isinstance(layers, list) else []


def _own_name(entry: Mapping[str, PyTree]) -> PyTree:
    config = entry.get("config")
    return config.get("name") if isinstance(config, Mapping) else None


def _rank(path: Path, record: PyTree) -> tuple[int, ...]:
    """Where the layers on a path stand among those beside them."""
    if not path or not isinstance(record, Mapping):
        return ()
    entries = _entries(record)
    if entries:
        names = [entry.get("name") or _own_name(entry) for entry in entries]
        if path[0] not in names:
            return (len(names),)
        place = names.index(path[0])
        return (place, *_rank(path[1:], entries[place]))
    config = record.get("config")
    inner = config.get("layer") if isinstance(config, Mapping) else None
    return _rank(path[1:], inner)
