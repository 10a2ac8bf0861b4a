"""ModelCheckpoint: the model, or its weights, saved while a run goes on."""

from __future__ import annotations

import math
import os
import re
import shutil
import string
from typing import Any

from ...core import explain
from ._base import Callback, Event
from ._frequency import check_max_to_keep, check_save_freq
from ._stopping import direction, improves


class ModelCheckpoint(Callback):
    """Saves the model after epochs, or after so many batches.

    Args:
        filepath: where; may hold `{epoch:02d}` and the names of logs, `{val_loss:.2f}`. The suffix picks the format as
            in `model.save`: `.keras`, `.weights.h5`, else a directory.
        monitor: the number's name in the logs, for `save_best_only`.
        verbose: 1 prints each save.
        save_best_only: whether to save only what beats the best so far.
        save_weights_only: whether to save the weights alone.
        mode: `"min"`, `"max"`, or `"auto"`: by the number's name.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: what the first save has to beat.
        max_to_keep: how many of the files of this run stay, the newest ones; all by default.
        keep_best: whether those that stay are the best by `monitor` instead.

    Raises:
        ValueError: a frequency that is neither, or a template with a number the logs do not have.

    >>> import fkeras as fk
    >>> fk.callbacks.ModelCheckpoint("best.keras", "val_accuracy", save_best_only=True).goal
    'max'

    Reference: https://keras.io/api/callbacks/model_checkpoint/
    Unlike Keras it can keep the last few files, or the best few: `ModelCheckpoint("m-{epoch}.keras", max_to_keep=3)`.
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        *,
        max_to_keep: int | None = None,
        keep_best: bool = False,
    ) -> None:
        check_save_freq("ModelCheckpoint", save_freq, "batches")
        if max_to_keep is not None:
            check_max_to_keep("ModelCheckpoint", max_to_keep)
        self.max_to_keep, self.keep_best = max_to_keep, keep_best
        self.filepath, self.monitor, self.verbose = os.fspath(filepath), monitor, verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq, self.threshold = save_freq, initial_value_threshold
        self.goal = direction(monitor, mode)
        if save_freq != "epoch":  # only then are batches looked at: it costs a copy of the state a step
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def on_train_begin(self, event: Event) -> Any:
        return event.replace(memory={"best": self.threshold, "batches": 0, "kept": []})

    def on_epoch_end(self, event: Event) -> Any:
        return self._save(event, dict(event.memory)) if self.save_freq == "epoch" else None

    def _after_batch(self, event: Event) -> Any:
        memory = {**event.memory, "batches": event.memory["batches"] + 1}
        if memory["batches"] < self.save_freq:
            return event.replace(memory=memory)
        return self._save(event, {**memory, "batches": 0})

    def _save(self, event: Event, memory: dict[str, Any]) -> Event:
        logs = {k: float(v) for k, v in event.logs.items() if getattr(v, "ndim", 0) == 0}
        if (self.save_best_only or self.keep_best) and self.monitor not in logs:
            raise ValueError(
                explain(
                    f"ModelCheckpoint watches {self.monitor!r}, which the logs do not have.",
                    received=sorted(logs),
                    usually="no validation data was given.",
                    write='ModelCheckpoint(path, monitor="loss", save_best_only=True)',
                )
            )
        if self.save_best_only:
            if not improves(logs[self.monitor], memory["best"], self.goal, 0.0):
                return event.replace(memory=memory)
            memory["best"] = logs[self.monitor]
        path = self.path(event.epoch, event.batch, {**logs, **self._numbers(event)})
        self._write(event, path)
        if self.verbose:
            print(f"\nEpoch {event.epoch + 1}: saving model to {path}")
        if self.max_to_keep is not None:
            memory["kept"] = self._kept(memory.get("kept", ()), path, logs.get(self.monitor))
        return event.replace(memory=memory)

    def _numbers(self, event: Event) -> dict[str, Any]:
        """What the name may hold beside epoch, batch and logs."""
        return {}

    def _write(self, event: Event, path: str) -> None:
        model, variables = event.trainer.model, event.state.variables
        save = model.save_weights if self.save_weights_only else model.save
        save(path, variables, **_example(event.state))

    def _kept(self, before: Any, path: str, value: float | None) -> list[list[Any]]:
        """The files that stay, as `[path, value]`, oldest first; the others of this run are deleted."""
        kept = [*(entry for entry in before if entry[0] != path), [path, value]]
        while len(kept) > (self.max_to_keep or 0):
            worst = min(kept, key=lambda entry: self._merit(entry[1])) if self.keep_best else kept[0]
            kept.remove(worst)
            self._delete(worst[0])
        return kept

    def _merit(self, value: float) -> float:
        """The larger, the better; what is no number is worst."""
        return -math.inf if math.isnan(value) else -value if self.goal == "min" else value

    def _delete(self, path: str) -> None:
        """Delete one of this callback's files; what its template would not make is not one, whatever a memory says."""
        parts = string.Formatter().parse(self.filepath)
        pattern = "".join(re.escape(text) + ("" if name is None else r"[^/\\]*") for text, name, _, _ in parts)
        if not re.fullmatch(pattern, path):
            return
        if os.path.isfile(os.path.join(path, "fkeras.json")):
            shutil.rmtree(path)
        elif os.path.isfile(path):
            os.unlink(path)

    def path(self, epoch: int, batch: int, logs: dict[str, float]) -> str:
        """The file of an epoch.

        >>> ModelCheckpoint("m-{epoch:02d}-{loss:.1f}.keras").path(0, 0, {"loss": 0.25})
        'm-01-0.2.keras'
        """
        try:
            return self.filepath.format(epoch=epoch + 1, batch=batch + 1, **logs)
        except (KeyError, IndexError) as error:
            names = re.findall(r"{(\w+)", self.filepath)
            raise ValueError(
                explain(
                    f"ModelCheckpoint cannot fill in {self.filepath!r}: {error} is not known.",
                    received=f"names {names}, logs {sorted(logs)}",
                    usually="a number that is only there with validation data.",
                    write='"model-{epoch:02d}.keras"',
                )
            ) from None


def _example(state: Any) -> dict[str, Any]:
    """What a model without a graph was called with, as a Keras file of it has to know."""
    return {} if state.example is None else {"x": state.example}
