"""HDF5 files of Keras 1 to 3 in which attributes name layers and weights, read as carefully as the newer ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from ...core import explanation_of, read_json
from ...core.typing import JSON
from .._files._claimed_size import check_claimed_size
from .._files._read_errors import FAULTS
from .._keras._h5 import WeightsFile
from .._keras._h5py import h5py_module

if TYPE_CHECKING:
    import h5py

_FAULTS = (*FAULTS, RuntimeError, ValueError)
# Keras splits a list of names among attributes of at most 64 kB; no known model has a hundred of them for one list.
_MOST_PARTS = 1_000
_MOST_NAMES = 50_000
# Text of variable length lies in the file's heaps: each begins with this, its version, and its size in eight bytes.
_HEAP = b"GCOL\x01\x00\x00\x00"
_CHUNK = 1 << 24
# As `check_claimed_size` has it for arrays: what may be read from a file of so many bytes.
_SMALL, _MAX_RATIO = 64 << 20, 200


class OldFile(WeightsFile):
    """A file whose attributes name what is in it.

    Attributes:
        file: the file itself, for the size of the texts in it.
    """

    def __init__(self, file: BinaryIO, label: str, size: int) -> None:
        super().__init__(file, label, size)
        self.file = file
        self._longest: int | None = None
        self._spent = 0

    def has(self, path: str) -> bool:
        """Whether there is a group at a path."""
        group: Any = self._file
        return not path or (path in group and isinstance(group[path], h5py_module().Group))

    def json(self, name: str) -> JSON:
        """The JSON in an attribute of the file; `None` where it has none.

        Raises:
            ValueError: no JSON.
        """
        said = self.texts("", name)
        return None if said is None else read_json(said[0] if said else "", f"{name} in {self.label!r}")

    def text(self, group: str, name: str) -> str | None:
        """A text in an attribute; `None` where it has none."""
        said = self.texts(group, name)
        return said[0] if said else None

    def names(self, group: str, name: str) -> list[str] | None:
        """The names in an attribute, or in those into which Keras splits a long list; `None` where there are none."""
        whole = self.texts(group, name)
        if whole is not None:
            return whole
        found: list[str] = []
        for part in range(_MOST_PARTS):
            more = self.texts(group, f"{name}{part}")
            if more is None:
                return found if part else None
            found += more
            if len(found) > _MOST_NAMES:
                raise self._refuse(f"more than {_MOST_NAMES:,} names in {name!r}")
        raise self._refuse(f"{name!r} in more than {_MOST_PARTS:,} parts")

    def texts(self, group: str, name: str) -> list[str] | None:
        """The texts in an attribute, a single one as a list; `None` where there is no such attribute.

        Raises:
            ValueError: something else than text, or more of it than the file could hold.
        """
        try:
            owner: Any = self._file[group] if group else self._file
            h5a = h5py_module().h5a
            if not h5a.exists(owner.id, name.encode()):
                return None
            self._check_text(h5a.open(owner.id, name.encode()), name)
            value = owner.attrs[name]
        except _FAULTS as error:
            if explanation_of(error) is not None:
                raise
            raise self._damaged(error) from None
        values = [value] if isinstance(value, bytes | str) else list(value.ravel() if hasattr(value, "ravel") else [])
        found = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]
        self._spent += sum(map(len, found))
        if self._spent > max(_SMALL, _MAX_RATIO * self.size):
            raise self._refuse(f"{self._spent:,} characters of names")
        return found

    def _check_text(self, attribute: h5py.h5a.AttrID, name: str) -> None:
        """Refuse an attribute that is no text, or more than the file could hold, before it is read."""
        library = h5py_module()
        count = math.prod(attribute.shape)
        kind = attribute.get_type()
        if count == 0:
            return  # Keras writes an empty list as one of numbers
        if not isinstance(kind, library.h5t.TypeStringID) or len(attribute.shape) > 1:
            raise self._refuse(f"the attribute {name[:80]!r}, which is no text", "a damaged file.")
        if not kind.is_variable_str():
            check_claimed_size(attribute.get_storage_size(), self.size, f"The names in {self.label}")
            return
        if count > _MOST_NAMES:
            raise self._refuse(f"more than {_MOST_NAMES:,} names in {name[:80]!r}")
        if count * self.size > max(_SMALL, _MAX_RATIO * self.size):
            check_claimed_size(count * self._longest_text(), self.size, f"The names in {self.label}")

    def _longest_text(self) -> int:
        """The most bytes that one text of variable length may have: those of the largest heap in the file."""
        if self._longest is None:
            largest, before, place = 0, b"", self.file.tell()
            self.file.seek(0)
            while chunk := self.file.read(_CHUNK):
                data = before + chunk
                at = data.find(_HEAP)
                while at >= 0:
                    largest = max(largest, int.from_bytes(data[at + 8 : at + 16], "little"))
                    at = data.find(_HEAP, at + 1)
                before = data[-15:]
            self.file.seek(place)
            self._longest = min(largest, self.size)
        return self._longest

    def version(self, group: str) -> int:
        """The main version of Keras that wrote the weights; files of Keras 1 do not say it."""
        said = self.text(group, "keras_version") or self.text("", "keras_version") or "1"
        return int(said[0]) if said[:1] in ("1", "2", "3") else 3

    def config(self) -> Mapping[str, JSON]:
        """The description of the model.

        Raises:
            ValueError: the file has none.
        """
        found = self.json("model_config")
        if not isinstance(found, Mapping):
            raise self._refuse(f"a model_config that describes no model: {found!r:.80}", "a damaged file.")
        return found
