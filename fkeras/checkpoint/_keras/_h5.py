"""Weights in HDF5 as Keras 3 lays them out: read without following a link out of the file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from .._files._read_errors import FAULTS
from .._files._report import LoadReport, Spec, compare
from .._orbax import _directory

# Models of a thousand layers, with an optimizer's three arrays for each of their weights, have some 20,000; looking at
# as many as are allowed takes about five seconds.
MAX_OBJECTS = 50_000
_MAX_DEPTH = 64
# What may be taken of memory without a look at the size of the file.
_SMALL = 64 << 20

# Beside each dataset that fkeras writes: a checksum, which HDF5 has none of. Keras does not look at it.
DIGEST = "fkeras_sha256"

# What h5py raises for files that are not whole.
_FAULTS = (*FAULTS, RuntimeError)


def _h5py() -> Any:
    """h5py, loaded when a Keras file is."""
    try:
        import h5py
    except ImportError:
        raise ImportError(
            explain(
                "Keras files need h5py.",
                usually="it is an optional dependency.",
                write="pip install 'fkeras[keras]'",
            )
        ) from None
    return h5py


class WeightsFile:
    """The datasets of a `.weights.h5`, listed and checked before any of them is read.

    Args:
        file: the file, opened for reading in binary.
        what: what it is called in messages.
        size: how many bytes it has on disk, which bounds what it may unpack to.
        most: how many groups and datasets are looked at.

    Attributes:
        specs: shape and dtype of each dataset, by its path.
        objects: how many groups and datasets it has.

    Raises:
        ValueError: no HDF5, a damaged one, or one with links and storage outside itself.
    """

    def __init__(self, file: Any, what: str, size: int, most: int = MAX_OBJECTS) -> None:
        h5py = _h5py()
        self.what, self.size = what, size
        self.objects, self._most = 0, most
        try:
            self._file = h5py.File(file, "r")
            self._datasets: dict[str, Any] = {}
            self._file.id.links.visit(self._count)
            if self.objects > self._most:
                raise self._refuse(f"more than {self._most:,} groups and datasets")
            self._collect(h5py)
            self.specs: Spec = {path: self._spec(path, d) for path, d in self._datasets.items()}
        except ValueError as error:
            raise error if str(error).startswith("The weights in") else self._damaged(error) from None
        except _FAULTS as error:
            raise self._damaged(error) from None

    def _count(self, name: Any) -> bool | None:
        """Count a link, and stop where there are too many: ten times quicker than to look at what it leads to."""
        self.objects += 1
        return True if self.objects > self._most else None

    def _damaged(self, error: BaseException) -> ValueError:
        return self._refuse(f"{type(error).__name__}: {str(error)[:200]}", "a damaged file.")

    def _refuse(self, received: str, usually: str = "a file made to harm.") -> ValueError:
        return ValueError(
            explain(
                f"The weights in {self.what} cannot be read.",
                received=received,
                usually=usually,
                write="a file that keras or fkeras wrote",
            )
        )

    def _collect(self, h5py: Any) -> None:
        waiting: list[tuple[str, Any, int]] = [("", self._file, 0)]
        seen = set()
        while waiting:
            path, group, depth = waiting.pop()
            place = h5py.h5o.get_info(group.id).addr
            if place in seen:
                raise self._refuse(f"group {path[:200]!r}, which contains itself or is in two places")
            seen.add(place)
            if depth > _MAX_DEPTH:
                raise self._refuse(f"groups {depth} levels deep")
            for name in group:
                full = f"{path}/{name}" if path else name
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise self._refuse(f"{full[:200]!r} is a {type(link).__name__}")
                child = group[name]
                if isinstance(child, h5py.Group):
                    waiting.append((full, child, depth + 1))
                elif isinstance(child, h5py.Dataset):
                    self._check_storage(h5py, full, child)
                    self._datasets[full] = child

    def _check_storage(self, h5py: Any, path: str, dataset: Any) -> None:
        """Refuse a dataset whose numbers are elsewhere, or come through filters that unpack without bound."""
        if dataset.external or dataset.is_virtual:
            raise self._refuse(f"{path[:200]!r} keeps its numbers in another file")
        made = dataset.id.get_create_plist()
        filters = [made.get_filter(i)[0] for i in range(made.get_nfilters())]
        known = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF)
        if not set(filters) <= set(known) or len(filters) != len(set(filters)):
            raise self._refuse(f"{path[:200]!r} is packed by the HDF5 filters {filters[:8]}")
        chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
        if chunk > max(_SMALL, dataset.nbytes):
            raise self._refuse(f"{path[:200]!r} comes in chunks of {chunk:,} bytes")

    def _spec(self, path: str, dataset: Any) -> tuple[tuple[int, ...], str]:
        if dataset.shape is None:
            return (), "empty"
        return tuple(dataset.shape), _dtype_name(dataset)

    def check_room(self, paths: Iterable[str]) -> None:
        """Refuse datasets that unpack to far more than the file holds, before memory is taken for them.

        Raises:
            ValueError: they would.
        """
        chosen = [self._datasets[path] for path in paths]
        _directory.check_claim(sum(d.nbytes for d in chosen), self.size, f"The weights in {self.what}")
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
        if said is not None and said != _directory.digest_at(path, array):
            raise self._refuse(f"{path!r}, whose numbers are not those that were saved", "a damaged or edited file.")
        # Keras keeps bfloat16 as two raw bytes, and says so in an attribute
        return array.view(jnp.bfloat16) if _dtype_name(dataset) == "bfloat16" else array

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> WeightsFile:
        return self

    def __exit__(self, *details: Any) -> None:
        self.close()


def _never_written(dataset: Any) -> str:
    """What of a dataset has no place in the file, and would be read as zeros, or as whatever the file says."""
    if not dataset.nbytes:
        return ""
    if dataset.chunks is None:
        return "" if dataset.id.get_storage_size() else "whose numbers were never written"
    chunks = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    written = dataset.id.get_num_chunks()
    return "" if written == chunks else f"of which {written:,} of {chunks:,} parts were written"


def _text(dataset: Any, name: str) -> str | None:
    """A short attribute that is text; `None` when there is none."""
    h5a = _h5py().h5a
    if not h5a.exists(dataset.id, name.encode()):
        return None
    if h5a.open(dataset.id, name.encode()).get_storage_size() > 128:
        raise OSError(f"the attribute {name!r} is longer than any that is known")
    said = dataset.attrs[name]
    return said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)


def _dtype_name(dataset: Any) -> str:
    kind = dataset.dtype
    if kind.itemsize == 2 and kind.kind in "Vu" and kind.fields is None and _text(dataset, "dtype") == "bfloat16":
        return "bfloat16"
    return kind.name if kind.kind in "biuf" else str(kind)


def match_variables(
    weights: Any, places: Mapping[str, str], expected: Spec, ignore: Any, optional: Any, **choice: Any
) -> LoadReport:
    """How the datasets of a weights file compare with a model's variables.

    Args:
        weights: the open file.
        places: the variables path of each dataset path; each variable has one.
        expected: shape and dtype of each variables path.
        ignore: `(dataset path) -> bool`, for datasets that are not the model's.
        optional: `(dataset path) -> bool`, for those that a file may lack.
        **choice: what may differ, see `compare`.
    """
    absent = {here for path, here in places.items() if optional(path) and path not in weights.specs}
    wanted = {p: s for p, s in expected.items() if p not in absent}
    found, taken = {}, set()
    for path, (shape, dtype) in weights.specs.items():
        here = places.get(path)
        if here in taken or (here is None and ignore(path)):
            continue
        if here is not None:
            taken.add(here)  # Keras saves a weight that two of its objects share under both
        like = wanted.get(here or path)
        found[path] = (shape, dtype if like is None else _kind(dtype, like[1]))
    return compare(wanted, found, place_of=lambda path: places.get(path, path), **choice)


def read_variables(weights: Any, report: LoadReport, expected: Spec) -> dict[str, jax.Array]:
    """The arrays that a report says are to be loaded, by variables path.

    Raises:
        ValueError: damaged ones, or integers that do not fit.
    """
    weights.check_room(report.loaded.values())
    arrays = {}
    for here, path in report.loaded.items():
        arrays[here] = as_kept(path, weights.read(path), expected[here][1])
    return arrays


def as_kept(path: str, array: np.ndarray, dtype: Any) -> jax.Array:
    """A dataset in the dtype that it has here.

    Raises:
        ValueError: integers that do not fit.
    """
    made = array.astype(jnp.dtype(dtype), copy=False)
    if array.dtype.kind in "iu" and not np.array_equal(made, array):
        raise ValueError(explain(f"{path!r} holds integers that do not fit into {jnp.dtype(dtype).name}."))
    return jax.device_put(made)  # `jnp.asarray` compiles a program for each shape


def _kind(found: str, wanted: str) -> str:
    """Floats of another width are converted, as Keras does; a float for an integer is a mismatch."""
    floats = ("float16", "float32", "float64", "bfloat16")
    integers = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    for kinds in (floats, integers):
        if found in kinds and wanted in kinds:
            return wanted
    return found


def write_weights(file: Any, datasets: Iterable[tuple[str, Any]], names: Mapping[str, str]) -> None:
    """Write a `.weights.h5`.

    Args:
        file: a file opened for reading and writing in binary.
        datasets: `(dataset path, array)`; each array is fetched from its device when its turn comes.
        names: the layer's name for the path of each layer's group.

    Raises:
        ValueError: two datasets for one path.
    """
    written: set[str] = set()
    # this form of the file keeps checksums of its own structure, and is read by HDF5 1.10 and later
    with _h5py().File(file, "w", libver=("v110", "v110")) as h5:
        for at, name in names.items():
            h5.require_group(f"{at}/vars" if at else "vars").attrs["name"] = name
        for path, leaf in datasets:
            if path in written:
                raise ValueError(
                    explain(
                        f"Two arrays would be {path!r} in the file.",
                        usually="a layer is an attribute of a name that Keras uses itself.",
                        write="another name of the attribute, or an Orbax directory: a path without a suffix",
                    )
                )
            written.add(path)
            array = np.asarray(leaf)
            half = array.dtype == jnp.bfloat16  # HDF5 has no such type: raw bytes, and an attribute that says so
            array = array.view("V2") if half else array
            dataset = h5.create_dataset(path, data=array)
            dataset.attrs[DIGEST] = np.bytes_(_directory.digest_at(path, array))
            if half:
                dataset.attrs["dtype"] = "bfloat16"
