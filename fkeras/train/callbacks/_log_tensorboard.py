"""A tracker's log in event files of TensorBoard."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import secrets
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core import as_path, check_room
from ...core.typing import PyTree
from ._logger import Log, check_pillow
from ._model_graph import graph_record
from ._replace_file import replace_file
from ._tensorboard import library, records


@dataclasses.dataclass(frozen=True)
class TensorBoardLogger:
    """Event files that TensorBoard reads: numbers, the model's graph, histograms, images and texts.

    Args:
        log_dir: the directory.
        write_graph: whether the model's graph is written: its layers, what each is given, shapes and weights.

    Raises:
        ImportError: tensorboardX is not installed (`pip install 'fkeras[tensorboard]'`).

    >>> import fkeras as fk
    >>> fk.callbacks.TensorBoardLogger("logs").log_dir
    'logs'

    A run that goes on writes a file of its own, and takes out of its earlier ones what it makes again.
    """

    log_dir: str | os.PathLike[str] = "logs"
    write_graph: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "log_dir", as_path(self.log_dir, "TensorBoardLogger", '"logs"'))

    def check(self) -> None:
        """Raise where tensorboardX is not installed, or where there is no place for the directory."""
        library()
        check_room(self.log_dir, "TensorBoardLogger", directory=True)

    def open(self, run_id: str | None = None, step: int = 0) -> Log:
        """Begin a file, or go on after a step; see `fk.callbacks.Logger`."""
        return _EventLog(pathlib.Path(self.log_dir), run_id, step, self.write_graph)


class _EventLog:
    def __init__(self, place: pathlib.Path, run_id: str | None, step: int, write_graph: bool) -> None:
        self.run_id, self.write_graph = run_id or secrets.token_hex(4), write_graph
        self.step, self.there = step, set[str]()  # what the last step that was kept has already
        files = sorted(place.glob(f"*.{self.run_id}-*")) if run_id else []
        for path in files:
            self._cut(path)
        self.writer = library()(str(place), filename_suffix=f".{self.run_id}-{len(files)}")

    def _cut(self, path: pathlib.Path) -> None:
        """Take out of a file what was written of later steps."""
        from tensorboardX.proto.event_pb2 import Event as Record

        kept, data = [], path.read_bytes()
        for whole, content in records(data):
            record = Record.FromString(content)
            if record.step <= self.step:
                kept.append(whole)
            if record.step == self.step:
                self.there |= {value.tag for value in record.summary.value}
        if sum(map(len, kept)) < len(data):
            replace_file(path, b"".join(kept))

    def _new(self, step: int, tag: str) -> bool:
        return step != self.step or tag not in self.there

    def config(self, values: Mapping[str, Any]) -> None:
        rows = "".join(f"| {name} | {value} |\n" for name, value in values.items())
        self.writer.add_text("config", f"| name | value |\n| --- | --- |\n{rows}", 0)
        self.writer.flush()

    def graph(self, model: Any, variables: PyTree) -> None:
        if self.write_graph:
            self.writer.file_writer.add_event(graph_record(model, variables), 0)
            self.writer.flush()

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            if self._new(step, name):
                self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def histograms(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        for name, values in arrays.items():
            if self._new(step, f"{name}/histogram"):
                self.writer.add_histogram(f"{name}/histogram", values, step)
        self.writer.flush()

    def images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        check_pillow()
        for name, image in images.items():
            if self._new(step, name):
                self.writer.add_image(name, image, step, dataformats="HWC")
        self.writer.flush()

    def text(self, step: int, texts: Mapping[str, str]) -> None:
        for name, value in texts.items():
            if self._new(step, f"{name}/text_summary"):
                self.writer.add_text(name, value, step)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()
