"""Logs in files of lines: CSV and JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...core import as_path, check_room
from ._logger import Log, no_place
from ._replace_file import replace_file


@dataclasses.dataclass(frozen=True)
class _FileLogger:
    """What writes to one file."""

    path: str | os.PathLike[str]
    append: bool = False

    _EXAMPLE: ClassVar[str]  # a path as a user writes it

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", as_path(self.path, type(self).__name__, self._EXAMPLE))

    def check(self) -> None:
        """Raise where there is no place for the file."""
        check_room(self.path, type(self).__name__, directory=False)

    def _begun(self, run_id: str | None) -> pathlib.Path:
        """The file of a log, empty where a log begins in it."""
        file = pathlib.Path(os.path.realpath(self.path))
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or (run_id is None and not self.append):
            file.write_bytes(b"")
        return file


class CSVFileLogger(_FileLogger):
    """Numbers as lines of a CSV file, one for each step that has some; the first column is the step.

    Args:
        path: the file; directories on the way to it are made.
        append: whether to go on in a file that is there; it is begun anew by default.

    Raises:
        TypeError, ValueError: no path.

    >>> import fkeras as fk, tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as place:
    ...     log = fk.callbacks.CSVFileLogger(pathlib.Path(place) / "log.csv").open()
    ...     log.log(1, {"loss": 0.5})
    ...     log.log(2, {"loss": 0.25, "val_loss": 1.0})
    ...     (pathlib.Path(place) / "log.csv").read_text().split()
    ['step,loss,val_loss', '1,0.5,', '2,0.25,1.0']
    """

    cannot_hold: ClassVar[tuple[str, ...]] = ("histograms", "images", "texts")
    _EXAMPLE = '"log.csv"'

    def open(self, run_id: str | None = None, step: int = 0) -> Log:
        """Begin the file, or go on with it after a step; see `fk.callbacks.Logger`."""
        return _CSVLog(self._begun(run_id), step if run_id else None, run_id)


class JSONLinesLogger(_FileLogger):
    """What a run says as lines of JSON, each `{"step": 8, "loss": 0.5}`, and one of `{"config": ...}`.

    Texts are in the line of their step under `"text"`. Images and histograms are arrays in files `.npy` in a directory
    beside the file, whose names are in the line.

    Args:
        path: the file; directories on the way to it are made.
        append: whether to go on in a file that is there; it is begun anew by default.

    Raises:
        TypeError, ValueError: no path.

    >>> import fkeras as fk, tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as place:
    ...     log = fk.callbacks.JSONLinesLogger(pathlib.Path(place) / "log.jsonl").open()
    ...     log.log(1, {"loss": 0.5})
    ...     log.text(1, {"said": "well"})
    ...     print((pathlib.Path(place) / "log.jsonl").read_text(), end="")
    {"step": 1, "loss": 0.5, "text": {"said": "well"}}
    """

    _EXAMPLE = '"log.jsonl"'

    def open(self, run_id: str | None = None, step: int = 0) -> Log:
        """Begin the file, or go on with it after a step; see `fk.callbacks.Logger`."""
        return JSONLinesLog(self._begun(run_id), step if run_id else None, run_id)


class _CSVLog:
    """The identity of a log is how many lines were there before it."""

    def __init__(self, path: pathlib.Path, after: int | None, run_id: str | None) -> None:
        self.path, (self.keys, rows) = path, _read_csv(path)
        self.run_id = run_id or str(len(rows))
        self.own = int(self.run_id)
        kept = [row for i, row in enumerate(rows) if after is None or i < self.own or int(row["step"]) <= after]
        self.last = kept[-1] if len(kept) > self.own else None
        if len(kept) < len(rows) or after is not None:
            replace_file(path, self._text(kept).encode())

    def config(self, values: Mapping[str, Any]) -> None:
        """A file of numbers has no line for it."""

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        new = [name for name in numbers if name not in self.keys]
        row = {"step": str(step), **{name: repr(value) for name, value in numbers.items()}}
        joins = self.last is not None and self.last["step"] == row["step"]
        if not (new or joins):
            with open(self.path, "a", newline="", encoding="utf-8") as file:
                file.write(self._line(row))
            self.last = row
            return
        _, rows = _read_csv(self.path)
        self.keys = [*(self.keys or ["step"]), *(name for name in new)]
        self.last = {**rows.pop(), **row} if joins else row
        replace_file(self.path, self._text([*rows, self.last]).encode())

    def _line(self, row: Mapping[str, str]) -> str:
        out = io.StringIO()
        csv.DictWriter(out, self.keys, restval="", lineterminator="\n").writerow(row)
        return out.getvalue()

    def _text(self, rows: list[dict[str, str]]) -> str:
        header = self._line({key: key for key in self.keys}) if self.keys else ""
        return header + "".join(map(self._line, rows))

    def histograms(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        raise no_place("CSVFileLogger", "histograms")

    def images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        raise no_place("CSVFileLogger", "images")

    def text(self, step: int, texts: Mapping[str, str]) -> None:
        raise no_place("CSVFileLogger", "texts")

    def close(self) -> None:
        """Each line is on disk when it is written."""


class JSONLinesLog:
    """A log of lines of JSON; its identity is how many lines were there before it.

    Args:
        path: the file.
        after: the step after which lines are taken out; `None` for none.
        run_id: of a log to go on with.
    """

    def __init__(self, path: pathlib.Path, after: int | None, run_id: str | None) -> None:
        self.path, lines = path, read_lines(path)
        self.run_id = run_id or str(len(lines))
        own = int(self.run_id)
        kept = [line for i, line in enumerate(lines) if after is None or i < own or line.get("step", 0) <= after]
        self.last: dict[str, Any] | None = kept[-1] if len(kept) > own else None
        if after is not None:
            replace_file(path, "".join(map(_line, kept)).encode())

    def config(self, values: Mapping[str, Any]) -> None:
        self._put({"config": dict(values)})

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        self._put({"step": step, **numbers})

    def histograms(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays(step, "histograms", arrays)

    def images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        self._arrays(step, "images", images)

    def _arrays(self, step: int, kind: str, arrays: Mapping[str, np.ndarray]) -> None:
        place = self.path.with_name(f"{self.path.name}.arrays")
        place.mkdir(exist_ok=True)
        names = {name: f"{place.name}/{name.replace('/', '.')}.{kind}.{self.run_id}.{step}.npy" for name in arrays}
        for name, file in names.items():
            np.save(self.path.with_name(place.name) / os.path.basename(file), arrays[name])
        self._put({"step": step, kind: names})

    def text(self, step: int, texts: Mapping[str, str]) -> None:
        self._put({"step": step, "text": dict(texts)})

    def _put(self, line: dict[str, Any]) -> None:
        if self.last is not None and line.get("step", -1) == self.last.get("step"):
            lines = read_lines(self.path)[:-1]
            self.last = {
                **self.last,
                **{k: {**self.last.get(k, {}), **v} if isinstance(v, dict) else v for k, v in line.items()},
            }
            replace_file(self.path, "".join(map(_line, [*lines, self.last])).encode())
            return
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(line))
        self.last = line

    def close(self) -> None:
        """Each line is on disk when it is written."""


def _line(line: Mapping[str, Any]) -> str:
    return json.dumps(line, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    """A number of numpy's or JAX's as Python has it, and what JSON has no word for as text."""
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else str(value)


def _read_csv(path: pathlib.Path) -> tuple[list[str], list[dict[str, str]]]:
    """`(columns, rows)`, without a last line that was cut off while it was written."""
    text = path.read_text(encoding="utf-8")
    reader = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1]))
    rows = list(reader)
    return list(reader.fieldnames or ()), rows


def read_lines(path: pathlib.Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON, without a last one that was cut off while it was written."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
