"""Writes `docs/from_keras.md`: `python -m tests.conformance.write_from_keras`.

Every public name of Keras: those that are here under the same path, and of the others what to write.
"""

from __future__ import annotations

import collections
import inspect
import pathlib
from collections.abc import Iterable

from fkeras._keras_api import look_up
from fkeras.core import KERAS_NAMES

from .keras_names import every_name, keras_names, older_names, oldest_names, ours

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "from_keras.md"

HEAD = """# Keras's names

Every public name of Keras 3.15, room by room: of {every:,} names {works:,} are here under the same path, `keras.…` as
`fk.…`. Each of the others is answered with what to write, by an AttributeError, or by an ImportError where it is
imported. `from fkeras import layers`, `from fkeras.layers import Dense` and `import fkeras.layers as L` work. Names of
Keras 2 that only TensorFlow's Keras still has are answered too, and those that
[Keras 1 and 2](#keras-1-and-2) had.

There is no switch for all of a program: what Keras keeps there (a seed, a dtype, a device, a session) is an argument.

What objects of Keras have, `model.weights`, `layer.kernel`, `callback.model`, is [at the end](#what-objects-have).

This page is written by `python -m tests.conformance.write_from_keras`, and a test holds it.
"""


def page() -> str:
    """The text of the page."""
    rooms: dict[str, list[str]] = collections.defaultdict(list)
    for path in every_name():
        rooms[path.rpartition(".")[0]].append(path)
    works = sum(_works(path) for path in keras_names())
    head = HEAD.format(every=len(keras_names()), works=works)
    sections = [_section(room, rooms[room]) for room in sorted(rooms, key=lambda r: (r.count("."), r))]
    return "\n".join([head, *sections, _oldest(), OBJECTS, *(_object(kind) for kind in TITLES)])


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


#: Whose attributes are answered: the class in Keras, and a title.
TITLES = {
    "Model": ("models.Model", "A model, beside what a layer has"),
    "Layer": ("layers.Layer", "A layer"),
    "SomeLayers": (None, "Layers of one kind"),
    "Metric": ("metrics.Metric", "A metric"),
    "Loss": ("losses.Loss", "A loss"),
    "Optimizer": ("optimizers.Optimizer", "An optimizer"),
    "Callback": ("callbacks.Callback", "A callback"),
}

OBJECTS = """## What objects have

Attributes and methods of Keras's objects: those that are here, and of the others what is written for them. Names in
italics are of older Keras.
"""


def _object(kind: str) -> str:
    answered = collections.defaultdict(list)
    for name, row in KERAS_NAMES[kind].items():
        answered[row.usually, row.write].append(f"*`{name}`*" if row.older else f"`{name}`")
    rows = [f"| {', '.join(sorted(names))} | {why} | {_code(line)} |" for (why, line), names in answered.items()]
    path, title = TITLES[kind]
    # `test_keras_attributes.py` holds that what has no row is here.
    theirs = set(dir(keras_names()[path])) if path else set()
    around = {*KERAS_NAMES[kind], *(dir(keras_names()["layers.Layer"]) if kind == "Model" else ())}
    here = [name for name in theirs - around if not name.startswith("_")]
    same = [f"Under the same names: {_names(here)}.", ""] if here else []
    return "\n".join([f"### {title}", "", *same, "| Keras | what it is | write |", "| --- | --- | --- |", *rows, ""])


def _oldest() -> str:
    """What Keras 1 and 2 had, and Keras 3 has not."""
    answered = collections.defaultdict(list)
    for path in oldest_names():
        row = look_up(path)
        if row is not None and not _works(path):
            answered[row].append(f"`{path}`")
    lines = ["## Keras 1 and 2", "", "| Keras | what it is | write |", "| --- | --- | --- |"]
    lines += [f"| {', '.join(names)} | {why} | {_code(line)} |" for (why, line), names in answered.items()]
    return "\n".join([*lines, ""])


def _names(paths: Iterable[str]) -> str:
    return ", ".join(f"`{path.rpartition('.')[2]}`" for path in sorted(paths))


def _code(line: str) -> str:
    """A line as code in a cell of a table."""
    return f"`{line}`".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
