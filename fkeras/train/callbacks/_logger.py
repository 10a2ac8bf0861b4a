"""What a tracker writes to: a logger opens a log, and a log takes numbers, pictures and texts by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...core import explain


class Log(Protocol):
    """The open log of one run.

    One that has a method `graph(model, variables)` too is given the model when a run begins.

    Attributes:
        run_id: what `Logger.open` takes to go on with this log; a text that is saved with the run.
    """

    run_id: str

    def config(self, values: Mapping[str, Any]) -> None:
        """What the run was asked for, once."""

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Numbers at a step; on disk when this returns. Those of a step that has some already join them."""

    def histograms(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Arrays whose values' distribution is shown."""

    def images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        """Pictures, (height, width, channels): floats from 0 to 1, or integers from 0 to 255."""

    def text(self, step: int, texts: Mapping[str, str]) -> None:
        """Texts."""

    def close(self) -> None:
        """The run is over, or was cut off."""


@runtime_checkable
class Logger(Protocol):
    """Where a `Tracker` writes to. It is a description: what is open is the `Log` that `open` returns.

    One that has no place for histograms, images or texts may say so, `cannot_hold = ("histograms", "images")`, and is
    then refused before the run that asks for them. A logger of one's own has this one method, and may return itself:

    >>> class Printed:
    ...     run_id = ""
    ...
    ...     def open(self, run_id=None, step=0):
    ...         return self
    ...
    ...     def log(self, step, numbers):
    ...         print(step, sorted(numbers))
    ...
    ...     def config(self, values): ...
    ...     def close(self): ...
    >>> import fkeras as fk, numpy as np
    >>> trainer = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> data = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    >>> _ = trainer.fit(trainer.init(0), *data, callbacks=[fk.callbacks.Tracker(Printed())], verbose=0)
    1 ['epoch', 'learning_rate', 'loss']
    """

    def open(self, run_id: str | None = None, step: int = 0) -> Log:
        """Begin a log, or go on with one.

        Args:
            run_id: the `run_id` of a log to go on with; `None` begins one.
            step: the step at which the run goes on. What the log has of later ones comes again.

        Returns:
            The open log.
        """


def no_place(logger: str, what: str) -> TypeError:
    """The error of a log that cannot hold what it is to hold."""
    return TypeError(
        explain(
            f"{logger} has no place for {what}.",
            usually="it writes numbers alone.",
            write="fk.callbacks.Tracker(fk.callbacks.JSONLinesLogger(...)), or TensorBoardLogger, WandbLogger, "
            "MLFlowLogger",
        )
    )


def check_pillow() -> None:
    """Raise where Pillow, which writes pictures, is not installed."""
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise ImportError(
            explain(
                "Images in a log need Pillow.",
                usually="it is an optional dependency.",
                write="pip install pillow",
            )
        ) from None
