"""The bytes of an exported program, checked before JAX reads them, as JAX trusts what it reads.

They are one FlatBuffers table. Its offsets may point anywhere, so a small file can hold a tree that doubles at every
level, lists that are longer than the file, and sizes whose expansion never ends. Every table that JAX would visit is
visited here first, as often as JAX would, and what that costs is bounded.
Reference: https://flatbuffers.dev/internals/; https://docs.jax.dev/en/latest/export/export.html
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flatbuffers.table import Table

# The most visits of tables, texts counted by their length; a model with 5,000 weights and its gradient needs 60,000.
_MOST = 200_000
# How deep containers, and gradients of gradients, may lie in each other.
_DEPTH = 64
# JAX writes a size as a sum of products: brackets only after a function's name, and exponents that stay small.
_LONGEST = 1_000
_BRACKETS = 32
_SIZE = re.compile(r"[A-Za-z0-9_ ,*+()^-]*")
_GROWS = re.compile(r"(?<![A-Za-z0-9_])\(|(?<![A-Za-z0-9_])\d+ *\^|\^ *\d{3}|\^ *[^ 0-9]|\d{16}")


class _Field(NamedTuple):
    """What a slot of a table holds: `kind` is a table's name, "text", "size", "bytes" or "numbers" of four bytes."""

    kind: str
    many: bool = False


# The tables that JAX's reader goes into, by slot; slots keep their meaning in every version of a format.
_TREE = {6: _Field("tree", True), 8: _Field("text", True), 10: _Field("text"), 12: _Field("bytes")}
_MESH = {4: _Field("numbers"), 6: _Field("text", True), 8: _Field("bytes"), 10: _Field("device")}
_TABLES: dict[str, dict[int, _Field]] = {
    "program": {
        6: _Field("text"),
        8: _Field("tree"),
        10: _Field("array", True),
        12: _Field("tree"),
        14: _Field("array", True),
        18: _Field("sharding", True),
        20: _Field("sharding", True),
        22: _Field("text", True),
        24: _Field("effect", True),
        26: _Field("effect", True),
        28: _Field("check", True),
        30: _Field("bytes"),
        38: _Field("program"),
        42: _Field("array", True),
        44: _Field("mesh", True),
        46: _Field("named", True),
        48: _Field("numbers"),
        50: _Field("numbers"),
        52: _Field("numbers"),
        54: _Field("numbers"),
        56: _Field("text"),
    },
    "tree": _TREE,
    "array": {6: _Field("size", True)},
    "sharding": {6: _Field("bytes"), 8: _Field("named")},
    "named": {4: _Field("mesh"), 6: _Field("partition"), 8: _Field("text")},
    "partition": {4: _Field("axes", True), 6: _Field("text", True), 8: _Field("text", True)},
    "axes": {4: _Field("text", True)},
    "mesh": _MESH,
    "device": {4: _Field("text"), 8: _Field("text")},
    "effect": {4: _Field("text")},
    "check": {6: _Field("text")},
}


def check_bytes(content: bytes) -> None:
    """Refuse bytes that JAX could not read, or could not read in bounded time.

    Raises:
        ValueError: in one line, what is the matter with them.
        ImportError: `flatbuffers` is not installed.
    """
    from flatbuffers.table import Table

    try:
        (root,) = struct.unpack_from("<I", content)
        _Visit(Table, content).table(root, "program", 0)
    except (struct.error, IndexError, OverflowError, TypeError) as error:
        raise ValueError(f"an offset that leaves the file: {error}") from None


class _Visit:
    """One visit of all tables, and what it has cost."""

    def __init__(self, table: type[Table], content: bytes) -> None:
        self._make, self._content, self._spent = table, content, 0

    def _spend(self, cost: int) -> None:
        self._spent += cost
        if self._spent > _MOST:
            raise ValueError(f"a description of more than {_MOST:,} parts")

    def table(self, at: int, kind: str, depth: int) -> None:
        """Visit the table of a kind that lies at an offset, and all that lie below it."""
        self._spend(1)
        if depth > _DEPTH:
            raise ValueError(f"containers {depth} levels deep")
        if not 0 <= at <= len(self._content) - 4:
            raise ValueError("an offset that leaves the file")
        table = self._make(self._content, at)
        for slot, (part, many) in _TABLES[kind].items():
            offset = table.Offset(slot)
            if not offset:
                continue
            if part in ("bytes", "numbers"):
                self._fits(table.Vector(offset), table.VectorLen(offset) * (4 if part == "numbers" else 1))
                self._spend(table.VectorLen(offset) // 1_024 if part == "bytes" else table.VectorLen(offset))
            elif many:
                start, count = table.Vector(offset), table.VectorLen(offset)
                self._fits(start, count * 4)
                for i in range(count):
                    self._visit(table, start + 4 * i, part, depth + 1)
            else:
                self._visit(table, table.Pos + offset, part, depth + 1)

    def _fits(self, start: int, size: int) -> None:
        if not 0 <= start <= start + size <= len(self._content):
            raise ValueError("a list that is longer than the file")

    def _visit(self, table: Table, at: int, part: str, depth: int) -> None:
        """Visit what the offset at a place leads to."""
        if part not in ("text", "size"):
            self.table(table.Indirect(at), part, depth)
            return
        text = bytes(table.String(at))
        self._spend(1 + len(text) // 16)
        if part == "size" and (
            len(text) > _LONGEST
            or text.count(b"(") > _BRACKETS
            or not _SIZE.fullmatch(plain := text.decode("latin-1"))
            or _GROWS.search(plain)
        ):
            raise ValueError(f"the size {text[:80]!r}, which JAX does not write")
