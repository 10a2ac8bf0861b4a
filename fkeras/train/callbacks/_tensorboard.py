"""TensorBoard: the numbers of a run, and its weights, in event files."""

from __future__ import annotations

import os
import pathlib
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from jax.experimental import multihost_utils

from ...core import as_path, check_room, explain, plain_path_name
from .._step._forward import graph_of
from .._step._learner import Learner
from .._step._state import TrainState
from ..distribution._processes import is_first
from ..optimizers._rates import only_rate
from ._base import Callback, CallbackResult, Event
from ._model_graph import graph_record
from ._profile_range import profile_range
from ._replace_file import replace_file


class TensorBoard(Callback):
    """Event files that TensorBoard reads: losses and metrics of training and validation, weights as histograms.

    Args:
        log_dir: the directory; `train` and `validation` are made in it.
        histogram_freq: every how many epochs the weights are written, 0 for never.
        write_graph: whether the model's graph is written, and its summary as text.
        write_images, write_steps_per_second, embeddings_freq, embeddings_metadata: accepted for Keras's sake.
        update_freq: `"epoch"`, `"batch"`, or a number of batches after which losses are written too.
        profile_batch: the batches of the run to profile, counted from 1: one, the first and the last one `(10, 15)`, or
            the text `"10,15"`; 0 for none. The profile is in `train`, as what `fit(profile=…)` writes.

    Raises:
        ImportError: tensorboardX is not installed (`pip install 'fkeras[tensorboard]'`).
        TypeError, ValueError, OSError: no path; from `fit`, before the training: no place for a directory.

    >>> import fkeras as fk
    >>> fk.callbacks.TensorBoard("logs").log_dir
    'logs'

    Reference: https://keras.io/api/callbacks/tensorboard/
    A run that goes on after it was cut off writes a file of its own, and takes out of its earlier ones what it makes
    again. Of several processes that make one run the first one writes.
    """

    _leaves_files = True
    _writes_files = True
    _held_by_a_run = {"_writers": dict}  # noqa: RUF012 - a constant of the class

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Literal["epoch", "batch"] | int = "epoch",
        profile_batch: int | str | Sequence[int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: object = None,
    ) -> None:
        self.log_dir = as_path(log_dir, "TensorBoard", '"logs"')
        self.histogram_freq, self.write_graph = histogram_freq, write_graph
        self._writers: dict[str, Any] = {}
        self.update_freq: Literal["epoch"] | int = 1 if update_freq == "batch" else update_freq
        self.profile_batch = profile_batch
        profile_range("profile_batch", profile_batch)

    @property
    def profile_steps(self) -> tuple[int, int] | None:
        """The first and the last batch to profile, counted from 1 in a run; `None` for none."""
        return profile_range("profile_batch", self.profile_batch)

    def _refuse_before_run(self, trainer: Learner, state: TrainState, names: Sequence[str] | None) -> None:
        library()
        check_room(self.log_dir, "TensorBoard", directory=True)

    def on_train_begin(self, event: Event) -> CallbackResult:
        event = event.remember(run=secrets.token_hex(4))
        if self.write_graph:
            self._writer(event, "train").file_writer.add_event(
                graph_record(event.trainer.model, event.state.variables), 0
            )
        if self.write_graph and graph_of(event.trainer.model) is not None:
            lines: list[str] = []
            event.trainer.model.summary(print_fn=lines.append)
            text = "\n".join(f"    {line}" for part in lines for line in part.splitlines())
            self._writer(event, "train").add_text("keras", text, 0)
        return event

    def _on_run_resumed(self, event: Event) -> None:
        """Take out of the run's files what it makes again."""
        if not is_first():
            return
        from tensorboardX.proto.event_pb2 import Event as Record

        def comes_again(record: bytes) -> bool:
            parsed = Record.FromString(record)
            return any(_comes_again(v.tag, parsed.step, event) for v in parsed.summary.value)

        for part in ("train", "validation"):
            for path in self._files(event, part):
                written = list(records(path.read_bytes()))
                kept = [whole for whole, content in written if not comes_again(content)]
                if len(kept) < len(written):
                    replace_file(path, b"".join(kept))

    def _files(self, event: Event, part: str) -> list[pathlib.Path]:
        """The files that this run has written, in this process and before."""
        run = event.memory.get("run")
        return sorted(pathlib.Path(self.log_dir, part).glob(f"*.{run}-*")) if run else []

    def _writer(self, event: Event, part: str) -> Any:
        # one open file for each part: the names of files have a resolution of one second
        if part not in self._writers:
            suffix = f".{event.memory.get('run', 'run')}-{len(self._files(event, part))}"
            place = os.path.join(self.log_dir, part)
            self._writers[part] = library()(place, filename_suffix=suffix, write_to_disk=is_first())
        return self._writers[part]

    def on_train_end(self, event: Event) -> None:
        self._on_run_over()

    def _on_run_over(self) -> None:
        while self._writers:
            self._writers.popitem()[1].close()

    def on_epoch_end(self, event: Event) -> CallbackResult:
        numbers = {k: float(v) for k, v in event.logs.items() if np.ndim(v) == 0}
        train = {k: v for k, v in numbers.items() if not k.startswith("val_")}
        validation = {k.removeprefix("val_"): v for k, v in numbers.items() if k.startswith("val_")}
        rate = only_rate(event.state.opt_state)
        if rate is not None:
            train["learning_rate"] = float(rate)
        for part, values in (("train", train), ("validation", validation)):
            for name, value in values.items():
                self._writer(event, part).add_scalar(f"epoch_{name}", value, event.epoch)
        if self.histogram_freq and event.epoch % self.histogram_freq == 0:
            self._histograms(event)
        for writer in self._writers.values():
            writer.flush()
        return None

    def _histograms(self, event: Event) -> None:
        import jax

        for path, leaf in jax.tree_util.tree_leaves_with_path(event.state.params):
            name = plain_path_name(path)
            writer = self._writer(event, "train")
            writer.add_histogram(f"{name}/histogram", np.asarray(on_host(leaf), np.float32), event.epoch)

    def _has_hook(self, name: str) -> bool:
        # A hook after each batch costs a copy of the state a step, and is there only where losses are written by batch.
        own = name == "on_train_batch_end" and type(self).on_train_batch_end is TensorBoard.on_train_batch_end
        return super()._has_hook(name) and not (own and self.update_freq == "epoch")

    def on_train_batch_end(self, event: Event) -> CallbackResult:
        if self.update_freq == "epoch":
            return None
        step = int(event.state.step)
        if step % self.update_freq == 0:
            for name, value in event.logs.items():
                if np.ndim(value) == 0:
                    self._writer(event, "train").add_scalar(f"batch_{name}", float(value), step)
        return None


def library() -> Any:
    """The class of tensorboardX that writes event files."""
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
    return SummaryWriter


def on_host(leaf: Any) -> Any:
    """A weight that this process can read: what others have a part of is sent to all."""
    return leaf if leaf.is_fully_addressable else multihost_utils.process_allgather(leaf, tiled=True)


def _comes_again(tag: str, step: int, event: Event) -> bool:
    """Whether a number is of an epoch, or a step, after the one at which a run goes on."""
    if tag.startswith("batch_"):
        return step > int(event.state.step)
    return (tag.startswith("epoch_") or tag.endswith("/histogram")) and step >= event.epoch


def records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """`(the whole record, its content)` of each record of a TFRecord file, but for a last one that was cut off.

    A record is its length (8 bytes), a checksum of that (4), the content, and a checksum of that (4).
    """
    at = 0
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 8], "little")
        end = at + 12 + size + 4
        if end > len(data):
            return
        yield data[at:end], data[at + 12 : end - 4]
        at = end
