"""Keras's weights in several files: `x.weights.json` says which of `x_00000.weights.h5`, … has which layer.

Reference: https://keras.io/api/models/model_saving_apis/weights_saving_and_loading/ (`max_shard_size`)
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pathlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ...core import explain, follow, read_json
from ...core.typing import FilePath
from .._files._atomic_file import whole_file
from .._files._json_schema import KindError, either, listed, named, record, text
from .._files._tree_arrays import ArraySpecs
from ._h5 import MAX_OBJECTS, WeightsFile
from ._write_h5 import Dataset, write_weights

SUFFIX = ".weights.json"
# The fields of the map of shards.
_FIELDS = record({"weight_map": named(either(text(), listed(text()), says="a file's name, or a list of them"))})
_MAX_MAP = 64 << 20
# Each shard is an open file, of which a process may have 1,024.
_MAX_SHARDS = 500
_SHARD = re.compile(r"[^/\\\0]+\.weights\.h5")


class ShardedWeights:
    """The datasets of all shards, as if they were in one file.

    Args:
        filepath: the `.weights.json`.

    Attributes:
        specs: shape and dtype of each dataset, by its path.
        label: what the weights are called in messages.
        size: how many bytes the shards have on disk.
        shards: the open shards by file name.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged map, a shard that is missing, or one that is not beside it.
    """

    def __init__(self, filepath: FilePath) -> None:
        self.path = pathlib.Path(os.fspath(filepath))
        self.label = str(self.path)
        if not self.path.is_file():
            raise FileNotFoundError(explain(f"There is no file {self.label!r}.", usually="a wrong path."))
        self._stack = contextlib.ExitStack()
        self._left = MAX_OBJECTS  # how many objects all shards together may still have
        with self._stack:
            self.shards = {name: self._open(name) for name in self._named()}
            self.size = sum(shard.size for shard in self.shards.values())
            self._home = self._homes()
            self.specs: ArraySpecs = {path: shard.specs[path] for path, shard in self._home.items()}
            self._stack = self._stack.pop_all()

    def _refuse(self, received: str, usually: str = "a damaged or edited file.") -> ValueError:
        return ValueError(
            explain(
                f"The map of shards {self.label!r} cannot be used.",
                received=received,
                usually=usually,
                write="the whole folder that save_weights(..., max_shard_size=) wrote",
            )
        )

    def _named(self) -> list[str]:
        """The shards that the map names, each a plain file name."""
        if self.path.stat().st_size > _MAX_MAP:
            raise self._refuse(f"{self.path.stat().st_size:,} bytes")
        said = read_json(self.path.read_bytes(), repr(self.label), _MAX_MAP)
        try:
            _FIELDS(said, ())
        except KindError as error:
            raise self._refuse(str(error)) from None
        self._map = {k: [v] if isinstance(v, str) else v for k, v in said["weight_map"].items()}
        names = sorted({name for names in self._map.values() for name in names})
        strange = [name for name in names if not _SHARD.fullmatch(name)]
        if strange:
            raise self._refuse(f"the shard {strange[0][:200]!r}, which is no file beside it", "a file made to harm.")
        if len(names) > _MAX_SHARDS:
            raise self._refuse(f"{len(names)} shards")
        return names

    def _open(self, name: str) -> WeightsFile:
        place = self.path.with_name(name)
        if place.is_symlink() or not place.is_file():
            usually = "not all files were copied."
            raise self._refuse(f"{name!r} is " + ("a link" if place.is_symlink() else "not there"), usually)
        file = self._stack.enter_context(place.open("rb"))
        shard = WeightsFile(file, str(place), place.stat().st_size, self._left)
        self._left -= shard.objects
        return self._stack.enter_context(shard)

    def _homes(self) -> dict[str, WeightsFile]:
        """The shard of each dataset, which has to be one that the map names for its group."""
        homes: dict[str, WeightsFile] = {}
        for name, shard in self.shards.items():
            for path in shard.specs:
                if name not in self._map.get(f"/{path.rpartition('/')[0]}", ()):
                    raise self._refuse(f"{path[:200]!r} is in {name!r}, which the map does not know")
                if path in homes:
                    raise self._refuse(f"{path[:200]!r} is in two shards")
                homes[path] = shard
        return homes

    def check_room(self, paths: Iterable[str]) -> None:
        """Refuse datasets that unpack to far more than the shards hold, before memory is taken for them."""
        chosen = list(paths)
        for shard in self.shards.values():
            shard.check_room(path for path in chosen if self._home[path] is shard)

    def read(self, path: str) -> np.ndarray:
        """One dataset as an array."""
        return self._home[path].read(path)

    def __enter__(self) -> ShardedWeights:
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()


def write_shards(
    filepath: FilePath,
    datasets: Iterable[Dataset],
    names: Mapping[str, str],
    gigabytes: float,
    overwrite: bool,
) -> None:
    """Write a `.weights.json` and its shards; the map comes last, so what was cut off has none.

    Args:
        filepath: the `.weights.json`.
        datasets: `(dataset path, array)`.
        names: the layer's name for the path of each layer's group.
        gigabytes: the most that a shard holds, 1024³ bytes each, as Keras counts.

    Raises:
        FileExistsError: something is there and `overwrite` is false.
        ValueError: an array that is larger than a shard, or more shards than are read.
    """
    target = follow(filepath, "Weights in shards")
    base = target.name.removesuffix(SUFFIX)
    weight_map: dict[str, list[str]] = {}
    total, shards, old = 0, list[str](), _shards_of(target)
    with whole_file(target, overwrite) as map_file, tempfile.TemporaryDirectory(dir=target.parent) as beside:
        for number, shard in enumerate(_divided(datasets, int(gigabytes * 1024**3))):
            name = f"{base}_{number:05}.weights.h5"
            shards.append(name)
            if number >= _MAX_SHARDS:
                raise ValueError(
                    explain(
                        f"The weights would be in more than {_MAX_SHARDS} shards, all of which a reader opens.",
                        received=f"max_shard_size={gigabytes!r}, in gigabytes",
                        write="a larger max_shard_size",
                    )
                )
            with (pathlib.Path(beside) / name).open("w+b") as file:
                write_weights(file, shard, names if number == 0 else {})
            for path, array in shard:
                total += array.nbytes
                files = weight_map.setdefault(f"/{path.rpartition('/')[0]}", [])
                files += [name] if name not in files else []
        map_file.write_text(json.dumps({"metadata": {"total_size": float(total)}, "weight_map": weight_map}, indent=4))
        target.unlink(missing_ok=True)  # until the new map is there, the old shards have none
        for name in shards:
            os.replace(pathlib.Path(beside) / name, target.with_name(name))
        for name in old.difference(shards):
            target.with_name(name).unlink(missing_ok=True)


def _shards_of(target: pathlib.Path) -> set[str]:
    """The shards of the map that is to be replaced, if it is one."""
    with contextlib.suppress(ValueError, FileNotFoundError), ShardedWeights(target) as weights:
        return set(weights.shards)
    return set()


def _divided(datasets: Iterable[Dataset], most: int) -> Iterator[list[Dataset]]:
    """The datasets shard by shard, as Keras fills them."""
    shard: list[Dataset] = []
    size = 0
    for path, array in datasets:
        own = math.prod(array.shape) * array.dtype.itemsize
        if own > most:
            raise ValueError(
                explain(
                    f"{path!r} is larger than a shard.",
                    received=f"{own:,} bytes, with max_shard_size={most / 1024**3:g} (gigabytes)",
                    write="a larger max_shard_size",
                )
            )
        if shard and size + own > most:
            yield shard
            shard, size = [], 0
        shard.append((path, array))
        size += own
    yield shard
