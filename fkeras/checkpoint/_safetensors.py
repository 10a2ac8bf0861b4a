"""Weights as safetensors: named tensors, and nothing that could run.

    __metadata__   "fkeras": format version and each tensor's SHA-256, as JSON
    params/dense/kernel, …

Files of others open too, by the same names or with `rename=`; they have no checksums.
Reference: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import explain, path_name, plain_path_name
from ._files._atomic_file import whole_file
from ._files._json_schema import KindError
from ._files._readable import readable
from ._files._report import LoadReport, Spec, compare
from ._orbax import _directory
from ._orbax._manifest_fields import TENSOR_NOTES

VERSION = 1
_MARK = "fkeras"

_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}


# A hundred thousand tensors have a header of some twenty megabytes, their checksums included.
_MAX_HEADER = 32 << 20
_MAX_TENSORS = 200_000


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name is there twice")
    return made


def _safetensors() -> Any:
    """safetensors, loaded when such a file is."""
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            explain(
                "These files need safetensors.",
                usually="it is an optional dependency.",
                write="pip install 'fkeras[keras]'",
            )
        ) from None
    return safetensors


def save_safetensors(filepath: Any, variables: Any, overwrite: bool) -> None:
    """Write variables as a `.safetensors` file, every dtype as it is.

    Raises:
        FileExistsError: something is there and `overwrite` is false.
        ValueError: an array of a dtype that the format does not have.
    """
    library = _safetensors()
    arrays = {path: _as_numpy(path, leaf) for path, leaf in _directory.flatten(dict(variables)).items()}
    sums = {path: _directory.digest_at(path, array) for path, array in arrays.items()}
    notes = {"format": "flax", _MARK: json.dumps({"version": VERSION, "escaped": True, "sha256": sums})}
    with whole_file(filepath, overwrite) as target:
        library.numpy.save_file(arrays, target, metadata=notes)
        with readable(repr(os.fspath(filepath))), TensorFile(target):
            pass


def _as_numpy(path: str, leaf: Any) -> np.ndarray:
    dtype = jnp.dtype(leaf.dtype).name
    if dtype not in _DTYPES.values():
        raise ValueError(
            explain(
                f"safetensors has no dtype {dtype}.",
                received=path,
                write='model.save_weights("name", variables)   # an Orbax directory',
            )
        )
    return np.asarray(leaf, order="C")


def load_safetensors(filepath: Any, variables: Any, **choice: Any) -> tuple[dict[str, Any], LoadReport]:
    """Variables from a `.safetensors` file, checked against the ones given.

    Args:
        filepath: the file.
        variables: what the model has now.
        **choice: what may differ, see `compare`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, or tensors that do not fit; every mismatch is listed.
    """
    with TensorFile(filepath) as file:
        report = compare(_directory.spec_of(dict(variables), file.name_of), file.specs, **choice)
        report.require(f"{os.fspath(filepath)}")
        found = {here: jax.device_put(file.read(path)) for here, path in report.loaded.items()}
    return _directory.filled(dict(variables), found, file.name_of), report


class TensorFile:
    """The tensors of a `.safetensors` file; the library has compared the header with the file before any is read.

    Attributes:
        specs: shape and dtype of each tensor, by name.
        name_of: what a leaf of a tree is called in it.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, or one of a later version.
    """

    def __init__(self, filepath: Any) -> None:
        self.path = pathlib.Path(os.fspath(filepath))
        if not self.path.is_file():
            raise FileNotFoundError(explain(f"There is no file {str(self.path)!r}.", usually="a wrong path."))
        library = _safetensors()
        self._check_header()
        try:
            self._file = library.safe_open(self.path, framework="np", backend="pread")
            slices = {name: self._file.get_slice(name) for name in self._file.keys()}  # noqa: SIM118 - it is no dict
            self.specs: Spec = {
                name: (tuple(s.get_shape()), _DTYPES.get(s.get_dtype(), s.get_dtype())) for name, s in slices.items()
            }
            self._sums = self._read_sums()
        except (library.SafetensorError, OSError, KeyError, TypeError) as error:
            raise self._damaged(f"{type(error).__name__}: {str(error)[:200]}") from None

    def _check_header(self) -> None:
        """Refuse a header that is longer than any that is known, or names a tensor twice."""
        with self.path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _MAX_HEADER:
                raise self._damaged(f"a header of {size:,} bytes, where at most {_MAX_HEADER:,} are read")
            content = file.read(size)
        if content.count(b"{") > _MAX_TENSORS:
            raise self._damaged(f"more than {_MAX_TENSORS:,} tensors")
        try:
            json.loads(content, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"a header that is none: {type(error).__name__}: {str(error)[:200]}") from None

    def _read_sums(self) -> Mapping[str, str] | None:
        """What fkeras noted of each tensor; `None` in files of others."""
        text = (self._file.metadata() or {}).get(_MARK)
        self.name_of = path_name
        if text is None:
            return None
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"the entry {_MARK!r}: {type(error).__name__}: {str(error)[:200]}") from None
        try:
            TENSOR_NOTES(said, ())
        except KindError as error:
            raise self._damaged(f"the entry {_MARK!r}: {error}") from None
        sums = said["sha256"]
        self.name_of = path_name if said.get("escaped") else plain_path_name
        if said["version"] != VERSION:
            raise ValueError(
                explain(
                    f"{str(self.path)!r} has format version {said['version']}, and this fkeras reads {VERSION}.",
                    write="pip install --upgrade fkeras",
                )
            )
        if set(sums) != set(self.specs):
            raise self._damaged("checksums of other tensors than those it has")
        return sums

    def _damaged(self, received: str) -> ValueError:
        return ValueError(
            explain(
                f"{str(self.path)!r} is no whole .safetensors file.",
                received=received,
                usually="a download that broke off, another format under this name, or an edited file.",
            )
        )

    def read(self, name: str) -> np.ndarray:
        """One tensor.

        Raises:
            ValueError: it is not the one that was saved.
        """
        shape, dtype = self.specs[name]
        array = self._few_bits(name, shape, dtype) if dtype.startswith("float8") else self._file.get_tensor(name)
        if self._sums is not None and self._sums[name] != _directory.digest_at(name, array):
            raise self._damaged(f"{name!r}, whose numbers are not those that were saved")
        return array

    def _few_bits(self, name: str, shape: Any, dtype: str) -> np.ndarray:
        """A tensor of eight-bit floats, which the library checks but numpy's own dtypes do not have."""
        with self.path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            start, _ = json.loads(file.read(size))[name]["data_offsets"]
            return np.fromfile(file, jnp.dtype(dtype), int(np.prod(shape)), offset=start).reshape(shape)

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(self, *details: Any) -> None:
        self._file.__exit__(*details)
