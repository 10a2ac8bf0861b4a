"""Writes `docs/from_keras.md`: `python -m tests.conformance.write_from_keras`.

Every public name of Keras: those that are here under the same path, and of the others what to write.
"""

from __future__ import annotations

import collections
import inspect
import pathlib
from collections.abc import Iterable

from fkeras._keras_api import look_up

from .keras_names import every_name, keras_names, older_names, ours

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "from_keras.md"

HEAD = """# Keras's names

Every public name of Keras 3.15, room by room: of {every:,} names {works:,} are here under the same path, `keras.…` as
`fk.…`. Each of the others is answered with what to write, by an AttributeError, or by an ImportError where it is
imported. `from fkeras import layers`, `from fkeras.layers import Dense` and `import fkeras.layers as L` work. Names of
Keras 2 that only TensorFlow's Keras still has are answered too.

There is no switch for all of a program: what Keras keeps there (a seed, a dtype, a device, a session) is an argument.

This page is written by `python -m tests.conformance.write_from_keras`, and a test holds it.
"""


def page() -> str:
    """The text of the page."""
    rooms: dict[str, list[str]] = collections.defaultdict(list)
    for path in every_name():
        rooms[path.rpartition(".")[0]].append(path)
    works = sum(_works(path) for path in keras_names())
    head = HEAD.format(every=len(keras_names()), works=works)
    return "\n".join([head, *(_section(room, rooms[room]) for room in sorted(rooms, key=lambda r: (r.count("."), r)))])


def _works(path: str) -> bool:
    return not isinstance(ours(path), AttributeError)


def _section(room: str, paths: list[str]) -> str:
    lines = [f"## `keras{'.' + room if room else ''}`", ""]
    here = [path for path in paths if _works(path) and not inspect.ismodule(every_name()[path])]
    inner = [path for path in paths if inspect.ismodule(every_name()[path])]
    if inner:
        lines += [f"Rooms: {_names(inner)}.", ""]
    if here:
        lines += [f"Under the same names: {_names(here)}.", ""]
    missing = [path for path in paths if path not in here and path not in inner]
    answered = collections.defaultdict(list)
    for path in missing:
        row = look_up(path)
        assert row is not None, path
        why, line = row
        is_op = line == f"fk.ops.{path.rpartition('.')[2]}"
        answered[why, "fk.ops, under the same name" if is_op else line].append(path)
    if answered:
        lines += ["| Keras | what it is | write |", "| --- | --- | --- |"]
        lines += [f"| {_names(names)} | {why} | {_code(line)} |" for (why, line), names in answered.items()]
        lines += [""]
    if all(path in older_names() for path in missing) and missing:
        lines.insert(2, "Of TensorFlow's Keras.\n")
    return "\n".join(lines)


def _names(paths: Iterable[str]) -> str:
    return ", ".join(f"`{path.rpartition('.')[2]}`" for path in sorted(paths))


def _code(line: str) -> str:
    """A line as code in a cell of a table."""
    return f"`{line}`".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
