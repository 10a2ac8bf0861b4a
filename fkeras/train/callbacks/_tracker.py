"""Tracker: what a run says, written to the loggers of experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np

from ...core import explain, plain_path_name
from .._step._learner import Learner
from .._step._state import TrainState
from ..distribution._processes import is_first
from ..optimizers._rates import only_rate
from ._base import Callback, CallbackResult, Event
from ._logger import Log, Logger, no_place
from ._tensorboard import on_host


class Tracker(Callback):
    """Writes what a run says to one logger, or several: numbers by step, pictures, texts, histograms of weights.

    The step is that of the optimizer, `state.step`. At the end of an epoch it has the epoch, its logs and the learning
    rate; of single steps the logs so far, as `batch_loss`. A run that goes on by `checkpoint=` after it was killed has
    one log: what was written of steps that it makes again is taken out.

    Args:
        logger: a `Logger`, or several of them.
        every: `"epoch"`, or a number of steps after which numbers are written too.
        config: what to write down once, beside the model's name and its number of weights.
        histograms: every how many epochs the weights are written as histograms, 0 for never.
        images: a function of the `Event` at an epoch's end that returns pictures by name.
        text: the same for texts.

    Raises:
        TypeError, ValueError: no logger; `every` is no number of steps; a run of `fit_many`, which has many logs.

    >>> import fkeras as fk, numpy as np, pathlib, tempfile
    >>> trainer = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1, kernel_initializer="zeros")]).compile("sgd", "mse")
    >>> data = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = pathlib.Path(place) / "log.csv"
    ...     tracker = fk.callbacks.Tracker(fk.callbacks.CSVFileLogger(file))
    ...     _ = trainer.fit(trainer.init(0), *data, epochs=2, callbacks=[tracker], verbose=0)
    ...     print(file.read_text(), end="")
    step,epoch,loss,learning_rate
    1,0,0.0,0.009999999776482582
    2,1,0.0,0.009999999776482582

    Of several processes that make one run the first one writes.
    """

    _leaves_files = True
    _writes_files = True
    _held_by_a_run = {"_logs": list}  # noqa: RUF012 - a constant of the class

    def __init__(
        self,
        logger: Logger | Sequence[Logger],
        every: Literal["epoch"] | int = "epoch",
        config: Mapping[str, Any] | None = None,
        histograms: int = 0,
        images: Callable[[Event], Mapping[str, Any]] | None = None,
        text: Callable[[Event], Mapping[str, str]] | None = None,
    ) -> None:
        self.logger: tuple[Logger, ...] = (
            tuple(logger) if isinstance(logger, Sequence) and not isinstance(logger, str) else (logger,)
        )
        for given in self.logger or (None,):
            if isinstance(given, type) or not isinstance(given, Logger):
                raise TypeError(
                    explain(
                        "A Tracker takes loggers, which have a method `open`.",
                        received=repr(given),
                        usually="a callback, such as CSVLogger, is given to fit; a class was not called.",
                        write='fk.callbacks.Tracker(fk.callbacks.JSONLinesLogger("log.jsonl"))',
                    )
                )
        for at, given in enumerate(self.logger):
            if given in self.logger[:at]:
                raise ValueError(
                    explain(
                        "Two loggers of a Tracker write to one place.",
                        received=repr(given),
                        usually="a line that was copied.",
                        write="another path, or one logger",
                    )
                )
        if every != "epoch" and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
            raise ValueError(
                explain(
                    "Tracker: `every` is a number of steps.", received=repr(every), write='every="epoch", every=100'
                )
            )
        self.every, self.config, self.histograms = every, None if config is None else dict(config), histograms
        self.images, self.text = images, text
        self._logs: list[Log] = []

    def _refuse_before_run(self, trainer: Learner, state: TrainState, names: Sequence[str] | None) -> None:
        for logger in self.logger:
            check = getattr(logger, "check", None)
            if check is not None:
                check()
            for what, asked in {"histograms": self.histograms, "images": self.images, "texts": self.text}.items():
                if asked and what in getattr(logger, "cannot_hold", ()):
                    raise no_place(type(logger).__name__, what)

    def on_train_begin(self, event: Event) -> CallbackResult:
        if event.member is not None:
            raise TypeError(
                explain(
                    "A Tracker writes the log of one run.",
                    received="a run of fit_many, which has a log for each member",
                    usually="the callback of a run of one model was kept.",
                    write="states, history = trainer.fit_many(...)   # history has the numbers of all",
                )
            )
        if not is_first():
            return None
        self._logs.clear()
        self._logs.extend(logger.open() for logger in self.logger)
        weights = sum(leaf.size for leaf in jax.tree_util.tree_leaves(event.state.params))
        name = getattr(event.trainer.model, "name", None) or type(event.trainer.model).__name__
        for log in self._logs:
            log.config({"model": name, "weights": weights, **(self.config or {})})
            draw = getattr(log, "graph", None)
            if draw is not None:
                draw(event.trainer.model, event.state.variables)
        return event.remember(runs=[log.run_id for log in self._logs])

    def _on_run_resumed(self, event: Event) -> CallbackResult:
        """Go on with the logs, after the step that was saved."""
        runs = event.memory.get("runs")
        if not is_first():
            return None
        if runs is None or len(runs) != len(self.logger):
            return self.on_train_begin(event)
        self._logs.clear()
        step = int(event.state.step)
        self._logs.extend(logger.open(str(run), step) for logger, run in zip(self.logger, runs, strict=True))
        return None

    def on_epoch_end(self, event: Event) -> CallbackResult:
        step = int(event.state.step)
        numbers = {"epoch": event.epoch, **_scalars(event.logs)}
        rate = only_rate(event.state.opt_state)
        if rate is not None:
            numbers["learning_rate"] = float(rate)
        shown = {name: _picture(name, image) for name, image in _by_name("images", self.images, event).items()}
        texts = {name: str(text) for name, text in _by_name("text", self.text, event).items()}
        weights = self._weights(event) if self.histograms and event.epoch % self.histograms == 0 else {}
        for log in self._logs:
            log.log(step, numbers)
            if weights:
                log.histograms(step, weights)
            if shown:
                log.images(step, shown)
            if texts:
                log.text(step, texts)
        return None

    def _weights(self, event: Event) -> dict[str, np.ndarray]:
        leaves = jax.tree_util.tree_leaves_with_path(event.state.params)
        return {plain_path_name(path): np.asarray(on_host(leaf), np.float32) for path, leaf in leaves}

    def _has_hook(self, name: str) -> bool:
        # A hook after each batch costs a copy of the state a step, and is there only where steps are written.
        own = name == "on_train_batch_end" and type(self).on_train_batch_end is Tracker.on_train_batch_end
        return super()._has_hook(name) and not (own and self.every == "epoch")

    def on_train_batch_end(self, event: Event) -> CallbackResult:
        if self.every == "epoch":
            return None
        step = int(event.state.step)
        if step % self.every < event.trainer.steps_per_execution:  # or a dispatch of several steps went past it
            numbers = {f"batch_{name}": value for name, value in _scalars(event.logs).items()}
            for log in self._logs:
                log.log(step, numbers)
        return None

    def on_train_end(self, event: Event) -> None:
        self._on_run_over()

    def _on_run_over(self) -> None:
        while self._logs:
            self._logs.pop().close()


def _scalars(logs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(value) for name, value in logs.items() if np.ndim(value) == 0}


def _by_name(what: str, function: Callable[[Event], Mapping[str, Any]] | None, event: Event) -> Mapping[str, Any]:
    """What a function of the event returns, by name."""
    found = {} if function is None else function(event)
    if isinstance(found, Mapping):
        return found
    raise TypeError(
        explain(
            f"Tracker: the function of {what}= returns a dict, by name.",
            received=repr(found)[:80],
            write=f'{what}=lambda event: {{"first": ...}}',
        )
    )


def _picture(name: str, image: Any) -> np.ndarray:
    """An array of an image, (height, width, channels)."""
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[-1] in (1, 3, 4) and array.dtype.kind in "buif":
        return array
    raise ValueError(
        explain(
            f"Tracker: the image {name!r} is no array of (height, width, channels), with 1, 3 or 4 channels.",
            received=f"shape {array.shape}, {array.dtype}",
            usually="a batch of images, or one without its axis of channels.",
            write='images=lambda event: {"first": images[0]}, or image[..., None] of a grey one',
        )
    )
