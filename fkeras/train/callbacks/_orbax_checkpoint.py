"""OrbaxCheckpoint: whole runs in numbered directories, written while training goes on."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor

import jax

from ...core import as_path
from ._base import Event
from ._checkpoint import ModelCheckpoint


class OrbaxCheckpoint(ModelCheckpoint):
    """Saves trainer and state in a directory of their own for each save, named by the step: `directory/120`.

    Args:
        directory: where; made if it is not there.
        monitor, verbose, save_best_only, mode, save_freq, initial_value_threshold: as for `ModelCheckpoint`.
        max_to_keep: how many checkpoints stay, the newest ones; `None` for all.
        save_on_background: whether training goes on while one is written. The next save, and the end of training, wait
            for it. Several processes that make one run save together, and wait for each save.
        save_weights_only: whether to leave out all but the model's variables.

    Raises:
        TypeError, ValueError, OSError: a frequency or number to keep that is none, and what `ModelCheckpoint` refuses.

    >>> import fkeras as fk, numpy as np, os, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     save = fk.callbacks.OrbaxCheckpoint(place, max_to_keep=2)
    ...     state, _ = trainer.fit(trainer.init(0), x, y, epochs=3, callbacks=save, verbose=0)
    ...     again, last = fk.load_trainer(f"{place}/3")
    ...     sorted(os.listdir(place)), int(last.step)
    (['2', '3'], 3)

    Reference: https://keras.io/api/callbacks/
    Unlike Keras a checkpoint holds the whole state of the run, and `fk.load_trainer` opens it.
    """

    _held_by_a_run = {"_pool": type(None), "_pending": type(None)}  # noqa: RUF012 - a constant of the class

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        directory = as_path(directory, "OrbaxCheckpoint", '"runs/model"')
        super().__init__(
            os.path.join(directory.replace("{", "{{").replace("}", "}}"), "{step}"),
            monitor,
            verbose,
            save_best_only,
            save_weights_only,
            mode,
            save_freq,
            initial_value_threshold,
            max_to_keep=max_to_keep,
        )
        self.save_on_background = save_on_background
        self._pool: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    def on_train_end(self, event: Event) -> None:
        self._on_run_over()

    def _on_run_over(self) -> None:
        try:
            self._wait()
        finally:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None

    def _numbers(self, event: Event) -> dict[str, int]:
        return {"step": int(event.state.step)}

    def _known(self) -> dict[str, int]:
        return {"step": 1}

    def _kind(self) -> str:
        return "weights" if self.save_weights_only else "trainer"

    def _check_suffix(self) -> None:
        """What it makes are directories named by a number."""

    def _write(self, event: Event, path: str) -> None:
        self._wait()
        if not self.save_on_background or self._together():
            self._to(event, path)
            return
        self._pool = self._pool or ThreadPoolExecutor(1, "fkeras-checkpoint")
        # the state of an event is never donated, so another thread may read it
        self._pending = self._pool.submit(self._to, event, path)

    @staticmethod
    def _together() -> bool:
        """Whether several processes save; what they send each other has one order, so none does it on the side."""
        return jax.distributed.is_initialized() and jax.process_count() > 1

    def _to(self, event: Event, path: str) -> None:
        if self.save_weights_only:
            event.trainer.model.save_weights(path, event.state.variables)
        else:
            event.trainer.save(path, event.state)

    def _wait(self) -> None:
        """Wait for the save that is under way, and raise what it raised."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()
