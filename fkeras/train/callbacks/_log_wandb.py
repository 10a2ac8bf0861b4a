"""A tracker's log as an offline run of Weights & Biases."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import secrets
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core import as_path, explain
from ._log_files import JSONLinesLog, read_lines
from ._logger import Log, check_pillow


@dataclasses.dataclass(frozen=True)
class WandbLogger:
    """An offline run of Weights & Biases: `wandb sync` sends it when it is over.

    Its library loses what it had not written when a process is killed, and cannot take out what comes again. So a
    journal of JSON lines is kept beside the run, `fkeras-ID.jsonl`, and a run that goes on is written anew out of it:
    there is one directory `offline-run-*-ID`, with one line of steps.

    Args:
        project: the project.
        name: the run's name; one that is drawn by default.
        dir: where the directory `wandb` is made.
        settings: further arguments of `wandb.init`, such as `{"tags": ["small"]}`.

    Raises:
        ImportError: wandb is not installed (`pip install 'fkeras[wandb]'`).

    >>> import fkeras as fk
    >>> fk.callbacks.WandbLogger("digits").project
    'digits'
    """

    project: str | None = None
    name: str | None = None
    dir: str | os.PathLike[str] = "."
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dir", as_path(self.dir, "WandbLogger", 'dir="logs"'))

    def check(self) -> None:
        """Raise where wandb is not installed."""
        _library()

    def open(self, run_id: str | None = None, step: int = 0) -> Log:
        """Begin a run, or go on after a step; see `fk.callbacks.Logger`."""
        return _WandbLog(self, run_id, step)


class _WandbLog:
    def __init__(self, logger: WandbLogger, run_id: str | None, step: int) -> None:
        wandb = _library()
        self.run_id = run_id or secrets.token_hex(4)
        place = pathlib.Path(os.path.realpath(logger.dir))
        (place / "wandb").mkdir(parents=True, exist_ok=True)
        path = place / "wandb" / f"fkeras-{self.run_id}.jsonl"
        path.touch()
        self.journal = JSONLinesLog(path, step if run_id else None, "0")
        for cut in (place / "wandb").glob(f"offline-run-*-{self.run_id}"):
            shutil.rmtree(cut)  # the journal has what is in it
        self.run: Any = wandb.init(
            project=logger.project,
            name=logger.name,
            dir=str(place),
            id=self.run_id,
            mode="offline",
            reinit="create_new",
            **(logger.settings or {}),
        )
        for line in read_lines(path):
            self._send(path, line)

    def _send(self, path: pathlib.Path, line: Mapping[str, Any]) -> None:
        """One line of the journal to the run."""
        if "config" in line:
            self.run.config.update(line["config"])
            return
        wandb, parts = _library(), dict(line)
        step, arrays = parts.pop("step"), {k: parts.pop(k, {}) for k in ("images", "histograms")}
        read = {k: {name: np.load(path.parent / file) for name, file in v.items()} for k, v in arrays.items()}
        images = {name: wandb.Image(_shown(image)) for name, image in read["images"].items()}
        bins = {f"{name}/histogram": wandb.Histogram(v) for name, v in read["histograms"].items()}
        self.run.log({**parts.pop("text", {}), **parts, **images, **bins}, step=step)

    def config(self, values: Mapping[str, Any]) -> None:
        self.journal.config(values)
        self.run.config.update(dict(values))

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        self.journal.log(step, numbers)
        self.run.log(dict(numbers), step=step)

    def histograms(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        self.journal.histograms(step, arrays)
        made = _library().Histogram
        self.run.log({f"{name}/histogram": made(values) for name, values in arrays.items()}, step=step)

    def images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        check_pillow()
        self.journal.images(step, images)
        made = _library().Image
        self.run.log({name: made(_shown(image)) for name, image in images.items()}, step=step)

    def text(self, step: int, texts: Mapping[str, str]) -> None:
        self.journal.text(step, texts)
        self.run.log(dict(texts), step=step)

    def close(self) -> None:
        self.run.finish()


def _shown(image: np.ndarray) -> np.ndarray:
    """A picture in bytes."""
    floats = np.issubdtype(image.dtype, np.floating)
    return (np.clip(image, 0, 1) * 255).round().astype(np.uint8) if floats else image.astype(np.uint8)


def _library() -> Any:
    try:
        import wandb
    except ImportError:
        raise ImportError(
            explain(
                "A WandbLogger needs wandb.",
                usually="it is an optional dependency.",
                write="pip install 'fkeras[wandb]'",
            )
        ) from None
    return wandb
