"""The weights in a `.keras` file of Keras 2, at the places where Keras 3's files have them.

Keras 2.12 and 2.13 kept a model's layers under the name of another attribute, and counted most of them twice; on
Windows the names of groups have backslashes. What lies within a layer lies as in Keras 3, but for the projections of
attention.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ...core import Layer, Part, explain, snake_case
from ...core.typing import PyTree
from .._files._tree_arrays import ArraySpecs
from ._h5 import WeightsFile

_CONTAINERS = ("_layer_checkpoint_dependencies", "layers")
_PROJECTION = re.compile(r"/_(query|key|value|output)_dense/")
_MAX_DEPTH = 32


class Keras2Weights(WeightsFile):
    """The weights in a `.keras` file of Keras 2.

    Attributes:
        record: the record of the model as the file has it.
    """

    record: Mapping[str, PyTree] | None = None

    def placed(self, layers: Mapping[str, Layer | Part]) -> PlacedWeights:
        """The weights by the paths that a model's layers have in files of Keras 3.

        Args:
            layers: the model's layers by the paths of their groups.

        Raises:
            ValueError: the file has other layers than the record of its model says.
        """
        inside: dict[str, dict[str, str]] = {}
        for at, layer in layers.items():
            parent, found, _ = f"/{at}".rpartition("/layers/")
            if found:
                inside.setdefault(parent.removeprefix("/"), {})[str(layer.name)] = at
        groups = {group.replace("\\", "/") for group in self.groups}
        prefixes = dict(self._prefixes("", "", self.record or {}, groups, inside, 0))
        places = {path: _renamed(path.replace("\\", "/"), prefixes) for path in self.specs}
        return PlacedWeights(self, {here: path for path, here in places.items()})

    def _prefixes(
        self,
        old: str,
        new: str,
        record: PyTree,
        groups: set[str],
        inside: Mapping[str, Mapping[str, str]],
        depth: int,
    ) -> Iterator[tuple[str, str]]:
        """`(path in the file, path in Keras 3's files)` of each layer's group."""
        config = record.get("config") if isinstance(record, Mapping) else None
        listed = config.get("layers") if isinstance(config, Mapping) else config
        if depth > _MAX_DEPTH or not isinstance(listed, list):
            wrapped = config.get("layer") if isinstance(config, Mapping) else None
            if isinstance(wrapped, Mapping) and depth <= _MAX_DEPTH:
                yield from self._prefixes(_join(old, "layer"), _join(new, "layer"), wrapped, groups, inside, depth + 1)
            return
        kept = next((c for c in _CONTAINERS if any(g.startswith(_join(old, c) + "/") for g in groups)), _CONTAINERS[0])
        names = [g.removeprefix(_join(old, kept) + "/") for g in groups if g.startswith(_join(old, kept) + "/")]
        by_class: dict[str, list[tuple[int, str]]] = {}
        for name in {n.partition("/")[0] for n in names}:
            stem, _, number = name.rpartition("_")
            is_counted = number.isdecimal() and bool(stem)
            by_class.setdefault(name, []).append((0, name))
            if is_counted:
                by_class.setdefault(stem, []).append((int(number[:9]), name))
        waiting = {stem: [name for _, name in sorted(found)] for stem, found in by_class.items()}
        for entry in listed:
            said = entry.get("config") if isinstance(entry, Mapping) else None
            own: PyTree = entry.get("name") or (said.get("name") if isinstance(said, Mapping) else None)
            group = snake_case(str(entry.get("class_name")).rpartition(">")[2])
            at = inside.get(new, {}).get(str(own).replace("/", "_"))  # Keras 3 takes no slashes
            if not waiting.get(group):
                continue
            here = waiting[group].pop(0)
            if at is None:
                continue
            yield _join(old, kept, here), at
            yield from self._prefixes(_join(old, kept, here), at, entry, groups, inside, depth + 1)


class PlacedWeights:
    """Datasets of a file under other paths: a `WeightsSource`.

    Args:
        file: the file.
        path_of: the file's path of each path here.
    """

    def __init__(self, file: WeightsFile, path_of: Mapping[str, str]) -> None:
        self.file, self._path_of = file, path_of
        self.label, self.size = file.label, file.size
        self.specs: ArraySpecs = {here: file.specs[path] for here, path in path_of.items()}
        if len(path_of) != len(file.specs):
            raise ValueError(
                explain(f"Two arrays in {file.label!r} have one place.", usually="a damaged file, or an edited one.")
            )

    def check_room(self, paths: Iterable[str]) -> None:
        self.file.check_room([self._path_of[path] for path in paths])

    def read(self, path: str) -> np.ndarray:
        return self.file.read(self._path_of[path])


def _renamed(path: str, prefixes: Mapping[str, str]) -> str:
    parts = path.split("/")
    for i in range(len(parts) - 1, 0, -1):
        start = "/".join(parts[:i])
        if start in prefixes:
            path = _join(prefixes[start], *parts[i:])
            break
    return _PROJECTION.sub(r"/\1_dense/", path)


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)
