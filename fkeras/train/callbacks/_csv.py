"""CSVLogger: a line of numbers an epoch."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from ...core import as_path, check_room, explain
from ...core.typing import ArrayLike
from .._step._learner import Learner
from .._step._state import TrainState
from ..distribution._processes import is_first
from ._base import Callback, CallbackResult, Event
from ._replace_file import replace_file


class CSVLogger(Callback):
    """A line of numbers an epoch in a CSV file.

    Args:
        filename: the file; directories on the way to it are made.
        separator: between the numbers; one character.
        append: whether to go on in a file that is already there.

    Raises:
        TypeError, ValueError, OSError: no path, no separator; from `fit`, before the training: no place for a file.

    >>> import fkeras as fk, tempfile, pathlib, numpy as np
    >>> trainer = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1, kernel_initializer="zeros")]).compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = pathlib.Path(place) / "log.csv"
    ...     data = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    ...     _ = trainer.fit(trainer.init(0), *data, callbacks=[fk.callbacks.CSVLogger(file)], verbose=0)
    ...     file.read_text().split()
    ['epoch,loss', '0,0.0']

    Reference: https://keras.io/api/callbacks/csv_logger/
    Epochs that lack a number have `NA`. A run that goes on after it was cut off takes out the lines of epochs that it
    makes again, so that the file holds each epoch once. Unlike in Keras there are columns for validation only in a run
    that has validation data, and a number that comes up later gets a column then. Of several processes that make one
    run the first one writes.
    """

    _writes_files = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = as_path(filename, "CSVLogger", '"log.csv"'), separator, append
        if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
            raise ValueError(
                explain("CSVLogger: `separator` is one character.", received=repr(separator), write='separator=";"')
            )
        self._leaves_files = append

    def _refuse_before_run(self, trainer: Learner, state: TrainState, names: Sequence[str] | None) -> None:
        check_room(self.filename, "CSVLogger", directory=False)

    def on_train_begin(self, event: Event) -> CallbackResult:
        if not is_first():
            return None
        os.makedirs(os.path.dirname(os.path.abspath(self.filename)), exist_ok=True)
        header, rows = self._read() if self.append else ([], [])
        if not header:
            with open(self.filename, "w", encoding="utf-8"):
                pass
        return event.remember(keys=header[1:] or None, rows=len(rows))

    def _on_run_resumed(self, event: Event) -> CallbackResult:
        """Take out the lines of the epochs that come again."""
        if not is_first():
            return None
        header, rows = self._read()
        written = event.memory.get("rows", 0)
        kept, epoch = rows[:written], event.epoch
        for row in rows[written:]:  # another run may have written lines of its own since
            again = row[:1] == [str(epoch)]
            epoch += again
            kept += [] if again else [row]
        if len(kept) < len(rows):
            self._write(header, kept)
        return event.remember(keys=header[1:] or None, rows=min(written, len(kept)))

    def on_epoch_end(self, event: Event) -> CallbackResult:
        if not is_first():
            return None
        keys, rows = list(event.memory.get("keys") or ()), event.memory.get("rows", 0)
        new = [k for k in event.logs if k not in keys]
        if not keys and event.validates and not any(k.startswith("val_") for k in new):
            # columns for later epochs, which are validated: the numbers of a step, measured on the validation data
            new += [f"val_{k}" for k in new if event.goals.get(k) is not None and k not in event.trainer.log]
        if new:
            keys += new
            _, before = self._read()
            self._write(["epoch", *keys], [row + ["NA"] * (1 + len(keys) - len(row)) for row in before])
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            self._writer(file).writerow([event.epoch, *(_shown(event.logs.get(k, "NA")) for k in keys)])
        return event.remember(keys=keys, rows=rows + 1)

    def _writer(self, file: IO[str]) -> Any:
        return csv.writer(file, delimiter=self.separator, lineterminator="\n")

    def _read(self) -> tuple[list[str], list[list[str]]]:
        """`(header, rows)`; without a last line that was cut off while it was written."""
        if not os.path.exists(self.filename):
            return [], []
        with open(self.filename, newline="", encoding="utf-8") as file:
            text = file.read()
        rows = list(csv.reader(io.StringIO(text), delimiter=self.separator))
        rows = [row for row in (rows if text.endswith("\n") else rows[:-1]) if row]
        return (rows[0], rows[1:]) if rows else ([], [])

    def _write(self, header: list[str], rows: list[list[str]]) -> None:
        """Write the file anew; it is whole at every moment."""
        text = io.StringIO(newline="")
        self._writer(text).writerows([header, *rows] if header else rows)
        replace_file(self.filename, text.getvalue().encode())


def _shown(value: ArrayLike) -> ArrayLike | str:
    """A number as it is, several as Keras writes them."""
    return value if np.ndim(value) == 0 else f'"[{", ".join(map(str, np.asarray(value).ravel()))}]"'
