"""A `.safetensors` file opened for reading: its tensors by name, each compared with the checksum that fkeras noted.

    __metadata__   "fkeras": format version and each tensor's SHA-256, as JSON
    params/dense/kernel, …

Files of other programs have no checksums. Reference: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import os
import pathlib
import types
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core import explain, path_name, plain_path_name
from ...core.typing import FilePath
from .._files._array_schema import SHA256
from .._files._checksums import digest_at
from .._files._json_schema import KindError, named, record, truth, whole
from .._files._tree_arrays import ArraySpecs, NameOf

VERSION = 1
# The entry of a file's metadata that fkeras writes, and what it has to say.
MARK = "fkeras"
_NOTES = record({"version": whole(), "sha256": named(SHA256)}, {"escaped": truth})

# The format's names of dtypes.
DTYPES = {
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


class TensorFile:
    """The tensors of a `.safetensors` file; the library has compared the header with the file before any is read.

    Attributes:
        specs: shape and dtype of each tensor, by name.
        name_of: what a leaf of a tree is called in it.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, or one of a later version.
    """

    def __init__(self, filepath: FilePath) -> None:
        self.path = pathlib.Path(os.fspath(filepath))
        if not self.path.is_file():
            raise FileNotFoundError(explain(f"There is no file {str(self.path)!r}.", usually="a wrong path."))
        safetensors = library()
        self._check_header()
        try:
            self._file = safetensors.safe_open(self.path, framework="np", backend="pread")
            slices = {name: self._file.get_slice(name) for name in self._file.keys()}  # noqa: SIM118 - it is no dict
            self.specs: ArraySpecs = {
                name: (tuple(s.get_shape()), DTYPES.get(s.get_dtype(), s.get_dtype())) for name, s in slices.items()
            }
            self._sums = self._read_sums()
        except (safetensors.SafetensorError, OSError, KeyError, TypeError) as error:
            raise self._damaged(f"{type(error).__name__}: {str(error)[:200]}") from None

    def _check_header(self) -> None:
        """Refuse a header that is longer than any real one, or that names a tensor twice."""
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
        text = (self._file.metadata() or {}).get(MARK)
        self.name_of: NameOf = path_name
        if text is None:
            return None
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"the entry {MARK!r}: {type(error).__name__}: {str(error)[:200]}") from None
        try:
            _NOTES(said, ())
        except KindError as error:
            raise self._damaged(f"the entry {MARK!r}: {error}") from None
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
        array = (
            self._eight_bit_floats(name, shape, dtype) if dtype.startswith("float8") else self._file.get_tensor(name)
        )
        if self._sums is not None and self._sums[name] != digest_at(name, array):
            raise self._damaged(f"{name!r}, whose numbers are not those that were saved")
        return array

    def _eight_bit_floats(self, name: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """A tensor of eight-bit floats, which the library checks but numpy's own dtypes do not have."""
        with self.path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            start, _ = json.loads(file.read(size))[name]["data_offsets"]
            return np.fromfile(file, jnp.dtype(dtype), int(np.prod(shape)), offset=start).reshape(shape)

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(self, *details: object) -> None:
        self._file.__exit__(*details)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    by_name = dict(pairs)
    if len(by_name) < len(pairs):
        raise ValueError("a name is there twice")
    return by_name


def library() -> types.ModuleType:
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
