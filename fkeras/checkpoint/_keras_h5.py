"""Weights in HDF5 as Keras 3 lays them out: read without following a link out of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core import explain
from ._report import Spec

_MAX_OBJECTS = 200_000
_MAX_DEPTH = 64


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
    """The datasets of a `.weights.h5`, listed before any of them is read.

    Attributes:
        specs: shape and dtype of each dataset, by its path.

    Raises:
        ValueError: no HDF5, a damaged one, or one with links and storage outside itself.
    """

    def __init__(self, file: Any, what: str) -> None:
        h5py = _h5py()
        self.what = what
        try:
            self._file = h5py.File(file, "r")
            self._datasets: dict[str, Any] = {}
            self._collect(h5py)
            self.specs: Spec = {path: self._spec(path, d) for path, d in self._datasets.items()}
        except (OSError, RuntimeError, KeyError, TypeError, OverflowError) as error:
            raise self._refuse(f"{type(error).__name__}: {str(error)[:200]}", "a damaged file.") from None

    def _refuse(self, received: str, usually: str) -> ValueError:
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
        seen, count = set(), 0
        while waiting:
            path, group, depth = waiting.pop()
            place = h5py.h5o.get_info(group.id).addr
            if place in seen:
                raise self._refuse(f"group {path!r}, which contains itself", "a file made to harm.")
            seen.add(place)
            if depth > _MAX_DEPTH:
                raise self._refuse(f"groups {depth} levels deep", "a file made to harm.")
            for name in group:
                count += 1
                if count > _MAX_OBJECTS:
                    raise self._refuse(f"more than {_MAX_OBJECTS:,} objects", "a file made to harm.")
                full = f"{path}/{name}" if path else name
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise self._refuse(f"{full!r} is a {type(link).__name__}", "a file made to harm.")
                child = group[name]
                if isinstance(child, h5py.Group):
                    waiting.append((full, child, depth + 1))
                elif isinstance(child, h5py.Dataset):
                    if child.external or child.is_virtual:
                        raise self._refuse(f"{full!r} keeps its numbers in another file", "a file made to harm.")
                    self._datasets[full] = child

    def _spec(self, path: str, dataset: Any) -> tuple[tuple[int, ...], str]:
        if dataset.shape is None:
            return (), "empty"
        return tuple(dataset.shape), _dtype_name(dataset)

    def read(self, path: str) -> np.ndarray:
        """One dataset as an array; its shape was compared with what is expected before."""
        dataset = self._datasets[path]
        try:
            array = np.asarray(dataset[()])
        except (OSError, RuntimeError, ValueError) as error:
            raise self._refuse(f"{path!r}: {str(error)[:200]}", "a damaged file.") from None
        # Keras keeps bfloat16 as two raw bytes, and says so in an attribute
        return array.view(jnp.bfloat16) if _dtype_name(dataset) == "bfloat16" else array

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> WeightsFile:
        return self

    def __exit__(self, *details: Any) -> None:
        self.close()


def _dtype_name(dataset: Any) -> str:
    said = dataset.attrs.get("dtype")
    said = said.decode("ascii", "replace") if isinstance(said, bytes) else said
    if said == "bfloat16" and dataset.dtype.itemsize == 2:
        return "bfloat16"
    kind = dataset.dtype
    return kind.name if kind.kind in "biuf" else str(kind)


def read_variables(
    weights: WeightsFile, places: Mapping[str, str], expected: Spec, what: str, ignore: Any
) -> dict[str, np.ndarray]:
    """Arrays by variables path, after every shape and dtype was compared.

    Args:
        weights: the open file.
        places: the variables path of each dataset path.
        expected: shape and dtype of each variables path.
        what: what the file is called in messages.
        ignore: `(dataset path) -> bool`, for datasets that are not the model's.

    Raises:
        ValueError: listing everything that is missing, unexpected or of another shape or dtype.
    """
    from ._report import compare

    found = {places.get(p, p): s for p, s in weights.specs.items() if p in places or not ignore(p)}
    mapped = set(places.values())
    wanted = {p: s for p, s in expected.items() if p in mapped}
    same_kind = {p: (s[0], _kind(s[1], wanted[p][1])) if p in wanted else s for p, s in found.items()}
    compare(wanted, same_kind).require(what)
    back = {v: k for k, v in places.items()}
    return {p: weights.read(back[p]).astype(jnp.dtype(wanted[p][1])) for p in wanted}


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
    """
    with _h5py().File(file, "w") as h5:
        for at, name in names.items():
            h5.require_group(f"{at}/vars" if at else "vars").attrs["name"] = name
        for path, leaf in datasets:
            array = np.asarray(leaf)
            half = array.dtype == jnp.bfloat16  # HDF5 has no such type: raw bytes, and an attribute that says so
            dataset = h5.create_dataset(path, data=array.view("V2") if half else array)
            if half:
                dataset.attrs["dtype"] = "bfloat16"
