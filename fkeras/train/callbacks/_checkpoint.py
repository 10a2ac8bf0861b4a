"""ModelCheckpoint: the model, or its weights, saved while a run goes on."""

from __future__ import annotations

import math
import os
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ...core import as_path, checked_by_name, did_you_mean, explain
from ...core.typing import PyTree
from .._step._learner import Learner
from .._step._state import TrainState
from ..distribution._processes import is_first
from ._base import CallbackResult, Event
from ._frequency import check_max_to_keep, check_numbers, check_save_freq
from ._monitor import Monitoring, improves
from ._saved_model import example_of, save_model, warn_if_alone, why_alone
from ._say import say

#: A file that was saved, and the number that was watched then.
Kept: TypeAlias = list[Any]
# Endings of files: of whole models, of weights, and of formats that fkeras does not write.
_WHOLE = (".keras",)
_WEIGHTS = (".h5", ".safetensors")
_NONE = (".json", ".hdf5", ".ckpt", ".pt", ".pth", ".npz", ".pkl", ".onnx", ".tflite")


class ModelCheckpoint(Monitoring):
    """Saves the model after epochs, or after so many batches, with what training needs to go on from there.

    Args:
        filepath: where; may hold `{epoch:02d}`, `{batch}` and the names of logs, `{val_loss:.2f}`. The suffix picks the
            format: `.keras` for a file that Keras opens; `.weights.h5` or `.safetensors` with `save_weights_only`; else
            a directory.
        monitor: the number's name in the logs, for `save_best_only`.
        verbose: 1 prints each save.
        save_best_only: whether to save only what beats the best so far.
        save_weights_only: whether to save the weights alone.
        mode: `"min"`, `"max"`, or `"auto"`: the metric says which way is better.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: what the first save has to beat.
        max_to_keep: how many of the files of this run stay, the newest ones; all by default.
        keep_best: whether those that stay are the best by `monitor` instead.

    Raises:
        TypeError, ValueError, OSError: what could not be saved later: no path, a suffix of another kind of file, a name
            with a number that nothing logs, a model without a config, a place where nothing can be written. Said when
            the callback is made, or at the latest before the first step.

    >>> import fkeras as fk, numpy as np, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     keep = fk.callbacks.ModelCheckpoint(f"{place}/best.keras", "loss", save_best_only=True)
    ...     state, _ = trainer.fit(trainer.init(0), x, y, epochs=2, callbacks=keep, verbose=0)
    ...     again, best = fk.load_trainer(f"{place}/best.keras")
    >>> type(again.optimizer).__name__, int(best.step)
    ('Adam', 2)

    A `.keras` file cannot hold an optimizer of optax, or a loss without a config: it gets the model alone then, and a
    warning before the first step says so.

    Reference: https://keras.io/api/callbacks/model_checkpoint/
    After an epoch that was not validated (`validation_freq`), nothing that needs a `val_…` is saved.
    Unlike Keras it can keep the last few files, or the best few: `ModelCheckpoint("m-{epoch}.keras", max_to_keep=3)`.
    """

    _writes_files = True

    @checked_by_name("fk.callbacks", "ModelCheckpoint")
    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        *,
        max_to_keep: int | None = None,
        keep_best: bool = False,
    ) -> None:
        check_save_freq("ModelCheckpoint", save_freq, "batches")
        if max_to_keep is not None:
            check_max_to_keep("ModelCheckpoint", max_to_keep)
        self.max_to_keep, self.keep_best = max_to_keep, keep_best
        super().__init__(monitor, mode)
        check_numbers(type(self).__name__, initial_value_threshold=initial_value_threshold)
        self.filepath, self.verbose = as_path(filepath, type(self).__name__, '"best.keras"'), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq, self.threshold = save_freq, initial_value_threshold
        self._check_template()
        self._check_suffix()

    @property
    def watches(self) -> bool:
        return self.save_best_only or self.keep_best

    def on_train_begin(self, event: Event) -> CallbackResult:
        memory: dict[str, Any] = {"best": self.threshold, "batches": 0, "kept": []}
        if self._kind() == "model":  # what was said before the run is not said again
            memory["alone"] = bool(why_alone(event.trainer, event.state, self._first_path()))
        return event.replace(memory=memory)

    def on_epoch_end(self, event: Event) -> CallbackResult:
        return self._save(event, dict(event.memory)) if self.save_freq == "epoch" else None

    def _has_hook(self, name: str) -> bool:
        # A hook after each batch costs a copy of the state a step, and is there only for a run that saves by batches.
        own = name == "on_train_batch_end" and type(self).on_train_batch_end is ModelCheckpoint.on_train_batch_end
        return super()._has_hook(name) and not (own and self.save_freq == "epoch")

    def on_train_batch_end(self, event: Event) -> CallbackResult:
        if self.save_freq == "epoch":
            return None
        memory = {**event.memory, "batches": event.memory["batches"] + 1}
        if memory["batches"] < self.save_freq:
            return event.replace(memory=memory)
        return self._save(event, {**memory, "batches": 0})

    def _save(self, event: Event, memory: dict[str, PyTree]) -> Event:
        logs = {k: float(v) for k, v in event.logs.items() if getattr(v, "ndim", 0) == 0}
        later = [n for n in self._names() if n.startswith("val_") and n not in logs] if event.validates else []
        value = self.watched(event) if self.watches else None
        if later or (self.watches and value is None):  # this epoch was not validated
            return event.replace(memory=memory)
        if self.save_best_only:
            if not improves(value, memory["best"], self.goal(event.goals), 0.0):  # type: ignore[arg-type]
                return event.replace(memory=memory)
            memory["best"] = value
        path = self.path(event.epoch, event.batch, {**logs, **self._numbers(event)})
        self._write(event, path)
        if self.verbose:
            say(f"\nEpoch {event.epoch + 1}: saving model to {path}")
        if self.max_to_keep is not None:
            goal = self.goal(event.goals) if self.keep_best else "min"
            memory["kept"] = self._kept(memory.get("kept", ()), path, value, goal)
        return event.replace(memory=memory)

    def _numbers(self, event: Event) -> dict[str, int]:
        """What the name may hold beside epoch, batch and logs."""
        return {}

    def _write(self, event: Event, path: str) -> None:
        if self.save_weights_only:
            event.trainer.model.save_weights(path, event.state.variables, **example_of(event.state))
        else:
            save_model(event.trainer, event.state, path, known=event.memory.get("alone", False))

    def _kept(self, before: Iterable[Kept], path: str, value: float | None, goal: str = "min") -> list[Kept]:
        """The files that stay, as `[path, value]`, oldest first; the others of this run are deleted."""
        kept = [*(entry for entry in before if entry[0] != path), [path, value]]
        while len(kept) > (self.max_to_keep or 0):
            worst = min(kept, key=lambda entry: _merit(entry[1], goal)) if self.keep_best else kept[0]
            kept.remove(worst)
            self._delete(worst[0])
        return kept

    def _delete(self, path: str) -> None:
        """Delete one of this callback's files; what its template would not make is not one, whatever a memory says."""
        parts = string.Formatter().parse(self.filepath)
        pattern = "".join(re.escape(text) + ("" if name is None else r"[^/\\]*") for text, name, _, _ in parts)
        if not re.fullmatch(pattern, path) or not is_first():
            return
        from ...checkpoint import delete_checkpoint

        if os.path.isdir(path):
            delete_checkpoint(path)  # only the files of the checkpoint
        elif os.path.isfile(path):
            os.unlink(path)

    def path(self, epoch: int, batch: int, logs: Mapping[str, float]) -> str:
        """The file of an epoch.

        >>> ModelCheckpoint("m-{epoch:02d}-{loss:.1f}.keras").path(0, 0, {"loss": 0.25})
        'm-01-0.2.keras'
        """
        try:
            return self.filepath.format(**{**logs, "epoch": epoch + 1, "batch": batch + 1})
        except KeyError as error:
            raise self._unfillable(f"{error} is not known", logs) from None

    # ------------------------------------------------------------------ before the run
    def _names(self) -> list[str]:
        """The numbers in the name."""
        return [name for _, name, _, _ in string.Formatter().parse(self.filepath) if name is not None]

    def _check_template(self) -> None:
        try:
            names = self._names()
            wrong = [name for name in names if not name.isidentifier()]
            if wrong:
                raise self._unfillable(f"{{{wrong[0]}}} is no number's name", ())
            self.path(0, 0, {**dict.fromkeys(names, 0.5), **self._known()})
        except (ValueError, TypeError) as error:
            if str(error).startswith(type(self).__name__):
                raise
            raise self._unfillable(str(error), ()) from None

    def _known(self) -> dict[str, int]:
        """What the name may hold beside logs, with values of the right kind; epoch and batch are there always."""
        return {}

    def _unfillable(self, why: str, logs: Iterable[str]) -> ValueError:
        names = re.findall(r"{(\w*)", self.filepath)
        return ValueError(
            explain(
                f"{type(self).__name__} cannot fill in {self.filepath!r}: {why}.",
                received=f"names {names}, logs {sorted(logs)}" if logs else self.filepath,
                usually="a number that is only there with validation data." if logs else "a misspelt format.",
                write='"model-{epoch:02d}.keras"',
            )
        )

    def _check_suffix(self) -> None:
        """Refuse what `model.save` or `model.save_weights` does not write."""
        name = os.path.basename(self.filepath.rstrip(os.sep))
        other = _WHOLE if self.save_weights_only else _WEIGHTS
        if not name.endswith((*other, *_NONE)):
            return
        options = 'ModelCheckpoint("best.weights.h5", save_weights_only=True)'
        raise ValueError(
            explain(
                f"ModelCheckpoint cannot save {'weights alone' if self.save_weights_only else 'a whole model'} "
                f"as {name!r}.",
                received=f"filepath={self.filepath!r}, save_weights_only={self.save_weights_only}",
                usually="the suffix picks the format: .keras is a model; .weights.h5 and .safetensors are weights.",
                write=f'{options}, or ModelCheckpoint("best.keras")',
            )
        )

    def _refuse_before_run(self, trainer: Learner, state: TrainState, names: Sequence[str] | None) -> None:
        from ...checkpoint import check_save

        by_batch = [n for n in (*self._names(), self.monitor * self.watches) if n.startswith("val_")]
        if self.save_freq != "epoch" and by_batch:
            raise ValueError(
                explain(
                    f"ModelCheckpoint saves after {self.save_freq} batches, when there is no {by_batch[0]!r}.",
                    received=f"save_freq={self.save_freq}",
                    usually="validation comes at the end of an epoch.",
                    write='save_freq="epoch", or monitor="loss"',
                )
            )
        fillable = (*(names or self._names()), "epoch", "batch", *self._known())
        unknown = [n for n in self._names() if n not in fillable]
        if unknown:
            raise self._unfillable(f"{unknown[0]!r} is not known; {did_you_mean(unknown[0], fillable)}", fillable)
        first = self._first_path()
        check_save(trainer, state, first, self._kind(), **example_of(state))  # type: ignore[arg-type]
        if self._kind() == "model":
            warn_if_alone(trainer, state, first, stacklevel=6)

    def _first_path(self) -> str:
        """A file as the first epoch makes it."""
        return self.path(0, 0, {**dict.fromkeys(self._names(), 0.0), **self._known()})

    def _kind(self) -> str:
        """What is saved: `"model"` in a file, the whole `"trainer"` in a directory, or `"weights"`."""
        file = self.filepath.endswith(_WHOLE)
        return "weights" if self.save_weights_only else "model" if file else "trainer"


def _merit(value: float, goal: str) -> float:
    """The larger, the better; what is no number is worst."""
    return -math.inf if math.isnan(value) else -value if goal == "min" else value
