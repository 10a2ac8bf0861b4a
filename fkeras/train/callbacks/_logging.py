"""Callbacks that write a run's numbers down, and one that stops a run whose loss is no number."""

from __future__ import annotations

import csv
import os
import pathlib
from typing import Any

import numpy as np

from ...core import explain
from ._base import Callback, Event


class CSVLogger(Callback):
    """A line of numbers an epoch in a CSV file.

    Args:
        filename: the file.
        separator: between the numbers.
        append: whether to go on in a file that is already there.

    >>> import fkeras as fk, tempfile, pathlib, numpy as np
    >>> trainer = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1, kernel_initializer="zeros")]).compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = pathlib.Path(place) / "log.csv"
    ...     data = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    ...     _ = trainer.fit(trainer.init(0), *data, callbacks=[fk.callbacks.CSVLogger(file)], verbose=0)
    ...     file.read_text().split()
    ['epoch,loss', '0,0.0']

    Reference: https://keras.io/api/callbacks/csv_logger/
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = os.fspath(filename), separator, append

    def on_train_begin(self, event: Event) -> Any:
        path = pathlib.Path(self.filename)
        going_on = self.append and path.exists() and path.stat().st_size > 0
        keys = None
        if going_on:
            with path.open(newline="") as file:
                keys = next(csv.reader(file, delimiter=self.separator))[1:]
        else:
            path.write_text("")
        return event.remember(keys=keys)

    def on_epoch_end(self, event: Event) -> Any:
        keys = event.memory.get("keys")
        with open(self.filename, "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator, lineterminator="\n")
            if keys is None:
                # with validation the first line names what later epochs may lack
                keys = list(event.logs)
                writer.writerow(["epoch", *keys])
            values = [event.logs.get(k, "NA") for k in keys]
            shown = [v if np.ndim(v) == 0 else f'"[{", ".join(map(str, np.asarray(v).ravel()))}]"' for v in values]
            writer.writerow([event.epoch, *shown])
        return event.remember(keys=keys)


class TerminateOnNaN(Callback):
    """Ends a run whose loss is NaN or infinite, after the batch in which that happens.

    Args:
        raise_error: whether to raise instead.

    >>> import fkeras as fk
    >>> fk.callbacks.CallbackList([fk.callbacks.TerminateOnNaN()]).hooks("on_train_batch_end")
    1

    Reference: https://keras.io/api/callbacks/terminate_on_nan/
    It reads the loss after every batch, which waits for the device.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, event: Event) -> Any:
        loss = event.logs.get("loss")
        if loss is None or np.isfinite(float(loss)):
            return None
        if self.raise_error:
            raise RuntimeError(
                explain(
                    f"The loss is {float(loss)} after batch {event.batch} of epoch {event.epoch + 1}.",
                    usually="a learning rate that is too large, or data with NaN in it.",
                    write="a smaller learning rate, clipnorm=1.0, or np.isfinite(x).all() on the data",
                )
            )
        print(f"Batch {event.batch}: Invalid loss, terminating training")
        return event.replace(stop=True)


class ProgbarLogger(Callback):
    """Accepted for Keras's sake: `fit(verbose=1)` draws the bar.

    >>> import fkeras as fk
    >>> fk.callbacks.ProgbarLogger().on_epoch_end(None)

    Reference: https://keras.io/api/callbacks/
    """


class TensorBoard(Callback):
    """Event files that TensorBoard reads: losses and metrics of training and validation, weights as histograms.

    Args:
        log_dir: the directory; `train` and `validation` are made in it.
        histogram_freq: every how many epochs the weights are written, 0 for never.
        write_graph: whether the model's summary is written as text.
        write_images, write_steps_per_second, profile_batch, embeddings_freq, embeddings_metadata: accepted for Keras's
            sake; `jax.profiler.trace` writes what TensorBoard's profiler shows.
        update_freq: `"epoch"`, `"batch"`, or a number of batches after which losses are written too.

    Raises:
        ImportError: tensorboardX is not installed (`pip install 'fkeras[tensorboard]'`).

    >>> import fkeras as fk
    >>> fk.callbacks.TensorBoard("logs").log_dir
    'logs'

    Reference: https://keras.io/api/callbacks/tensorboard/
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        self.log_dir, self.histogram_freq, self.write_graph = os.fspath(log_dir), histogram_freq, write_graph
        self._writers: dict[str, Any] = {}
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if self.update_freq != "epoch":
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def on_train_begin(self, event: Event) -> Any:
        if self.write_graph and getattr(event.trainer.model, "graph", None) is not None:
            lines: list[str] = []
            event.trainer.model.summary(print_fn=lines.append)
            text = "\n".join(f"    {line}" for part in lines for line in part.splitlines())
            self._writer("train").add_text("keras", text, 0)
        return None

    def _writer(self, part: str) -> Any:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ImportError(
                explain(
                    "The TensorBoard callback needs tensorboardX.",
                    usually="it is an optional dependency.",
                    write="pip install 'fkeras[tensorboard]'",
                )
            ) from None
        # one open file for each part: a second one made within a second would have the first one's name
        if part not in self._writers:
            self._writers[part] = SummaryWriter(os.path.join(self.log_dir, part))
        return self._writers[part]

    def on_train_end(self, event: Event) -> Any:
        while self._writers:
            self._writers.popitem()[1].close()
        return None

    def on_epoch_end(self, event: Event) -> Any:
        numbers = {k: float(v) for k, v in event.logs.items() if np.ndim(v) == 0}
        train = {k: v for k, v in numbers.items() if not k.startswith("val_")}
        validation = {k.removeprefix("val_"): v for k, v in numbers.items() if k.startswith("val_")}
        rate = event.trainer.get_learning_rate(event.state)
        if rate is not None:
            train["learning_rate"] = float(rate)
        for part, values in (("train", train), ("validation", validation)):
            for name, value in values.items():
                self._writer(part).add_scalar(f"epoch_{name}", value, event.epoch)
        if self.histogram_freq and event.epoch % self.histogram_freq == 0:
            self._histograms(event)
        for writer in self._writers.values():
            writer.flush()
        return None

    def _histograms(self, event: Event) -> None:
        import jax

        for path, leaf in jax.tree_util.tree_leaves_with_path(event.state.params):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            self._writer("train").add_histogram(f"{name}/histogram", np.asarray(leaf, np.float32), event.epoch)

    def _after_batch(self, event: Event) -> Any:
        step = int(event.state.step)
        if step % self.update_freq == 0:
            for name, value in event.logs.items():
                if np.ndim(value) == 0:
                    self._writer("train").add_scalar(f"batch_{name}", float(value), step)
        return None
