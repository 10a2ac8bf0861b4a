"""Weights in HDF5 as Keras 3 lays them out: read without following a link out of the file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO, Self

import jax.numpy as jnp
import numpy as np

from ...core import ArraySpec, explain, explanation_of
from .._files._checksums import digest_at
from .._files._claimed_size import check_claimed_size
from .._files._read_errors import FAULTS
from .._files._tree_arrays import ArraySpecs
from ._h5py import DIGEST, h5py_module

if TYPE_CHECKING:
    import h5py

# A model of a thousand layers, with an optimizer's three arrays for each of its weights, has some 20,000.
MAX_OBJECTS = 50_000
_MAX_DEPTH = 64
# Chunks up to this size are read whatever the size of the file.
_SMALL = 64 << 20

# The types that h5py raises for damaged files.
_FAULTS = (*FAULTS, RuntimeError)


class WeightsFile:
    """The datasets of a `.weights.h5`, listed and checked before any of them is read.

    Args:
        file: the file, opened for reading in binary.
        label: what it is called in messages.
        size: how many bytes it has on disk, which bounds what it may unpack to.
        most: how many groups and datasets are looked at.

    Attributes:
        specs: shape and dtype of each dataset, by its path.
        groups: the paths of the groups.
        objects: how many groups and datasets it has.

    Raises:
        ValueError: no HDF5, a damaged one, or one with links and storage outside itself.
    """

    def __init__(self, file: BinaryIO, label: str, size: int, most: int = MAX_OBJECTS) -> None:
        library = h5py_module()
        self.label, self.size = label, size
        self.objects, self._most = 0, most
        try:
            self._file = library.File(file, "r")
            self._datasets: dict[str, h5py.Dataset] = {}
            self.groups: list[str] = []
            self._file.id.links.visit(self._count)
            if self.objects > self._most:
                raise self._refuse(f"more than {self._most:,} groups and datasets")
            self._collect()
            self.specs: ArraySpecs = {path: _spec_of(d) for path, d in self._datasets.items()}
        except (*_FAULTS, ValueError) as error:
            if explanation_of(error) is not None:  # refused here, in words
                raise
            raise self._damaged(error) from None

    def _count(self, name: bytes) -> bool | None:
        """Count a link, and stop where there are too many; nothing that one leads to is opened here."""
        self.objects += 1
        return True if self.objects > self._most else None

    def _damaged(self, error: BaseException) -> ValueError:
        return self._refuse(f"{type(error).__name__}: {str(error)[:200]}", "a damaged file.")

    def _refuse(self, received: str, usually: str = "a file made to harm.") -> ValueError:
        return ValueError(
            explain(
                f"The weights in {self.label} cannot be read.",
                received=received,
                usually=usually,
                write="a file that keras or fkeras wrote",
            )
        )

    def _collect(self) -> None:
        """Look at each group and dataset, none of which may be elsewhere, or in two places."""
        library = h5py_module()
        waiting: list[tuple[str, h5py.Group, int]] = [("", self._file, 0)]
        seen = set()
        while waiting:
            path, group, depth = waiting.pop()
            place = library.h5o.get_info(group.id).addr
            if place in seen:
                raise self._refuse(f"group {path[:200]!r}, which contains itself or is in two places")
            seen.add(place)
            if depth > _MAX_DEPTH:
                raise self._refuse(f"groups {depth} levels deep")
            for name in group:
                full = f"{path}/{name}" if path else name
                link = group.get(name, getlink=True)
                if not isinstance(link, library.HardLink):
                    raise self._refuse(f"{full[:200]!r} is a {type(link).__name__}")
                child = group[name]
                if isinstance(child, library.Group):
                    self.groups.append(full)
                    waiting.append((full, child, depth + 1))
                elif isinstance(child, library.Dataset):
                    self._check_storage(full, child)
                    self._datasets[full] = child

    def _check_storage(self, path: str, dataset: h5py.Dataset) -> None:
        """Refuse a dataset whose numbers lie in another file, or whose filters may unpack to any size."""
        if dataset.external or dataset.is_virtual:
            raise self._refuse(f"{path[:200]!r} keeps its numbers in another file")
        h5z, properties = h5py_module().h5z, dataset.id.get_create_plist()
        filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
        allowed = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF}
        if not set(filters) <= allowed or len(filters) != len(set(filters)):
            raise self._refuse(f"{path[:200]!r} is packed by the HDF5 filters {filters[:8]}")
        chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
        if chunk > max(_SMALL, dataset.nbytes):
            raise self._refuse(f"{path[:200]!r} comes in chunks of {chunk:,} bytes")

    def check_room(self, paths: Iterable[str]) -> None:
        """Refuse datasets that unpack to far more than the file holds, before memory is taken for them.

        Raises:
            ValueError: they would.
        """
        chosen = [self._datasets[path] for path in paths]
        check_claimed_size(sum(d.nbytes for d in chosen), self.size, f"The weights in {self.label}")
        for dataset in chosen:
            missing = _never_written(dataset)
            if missing:
                raise self._refuse(f"{dataset.name[:200]!r}, {missing}", "a damaged file, or a write that broke off.")

    def read(self, path: str) -> np.ndarray:
        """One dataset as an array; its shape was compared with what is expected before.

        Raises:
            ValueError: it is damaged, or not what fkeras wrote.
        """
        dataset = self._datasets[path]
        try:
            array = np.asarray(dataset[()])
            said = _text(dataset, DIGEST)
        except (*_FAULTS, ValueError) as error:
            raise self._refuse(f"{path!r}: {str(error)[:200]}", "a damaged file.") from None
        if said is not None and said != digest_at(path, array):
            raise self._refuse(f"{path!r}, whose numbers are not those that were saved", "a damaged or edited file.")
        # Keras keeps bfloat16 as two raw bytes, and says so in an attribute
        return array.view(jnp.bfloat16) if _dtype_name(dataset) == "bfloat16" else array

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()


def _spec_of(dataset: h5py.Dataset) -> ArraySpec:
    return ((), "empty") if dataset.shape is None else (tuple(dataset.shape), _dtype_name(dataset))


def _never_written(dataset: h5py.Dataset) -> str:
    """Which parts of a dataset were never written, as text; HDF5 reads them as zeros, or as a value of the file."""
    if not dataset.nbytes:
        return ""
    if dataset.chunks is None:
        return "" if dataset.id.get_storage_size() else "whose numbers were never written"
    chunks = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    written = dataset.id.get_num_chunks()
    return "" if written == chunks else f"of which {written:,} of {chunks:,} parts were written"


def _text(dataset: h5py.Dataset, name: str) -> str | None:
    """A short attribute that is text; `None` when there is none."""
    h5a = h5py_module().h5a
    if not h5a.exists(dataset.id, name.encode()):
        return None
    if h5a.open(dataset.id, name.encode()).get_storage_size() > 128:
        raise OSError(f"the attribute {name!r} is longer than any that is known")
    said = dataset.attrs[name]
    return said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)


def _dtype_name(dataset: h5py.Dataset) -> str:
    kind = dataset.dtype
    if kind.itemsize == 2 and kind.kind in "Vu" and kind.fields is None and _text(dataset, "dtype") == "bfloat16":
        return "bfloat16"
    return kind.name if kind.kind in "biuf" else str(kind)
