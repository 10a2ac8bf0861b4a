"""A tracker's log as a run of MLflow, in a local file."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core import explain
from ._logger import Log


@dataclasses.dataclass(frozen=True)
class MLFlowLogger:
    """A run of MLflow: numbers as metrics, the rest as artifacts; `mlflow ui` shows it.

    MLflow takes nothing out of a run. A run that goes on makes the same steps again, so what is there of them stays,
    and no step is written twice.

    Args:
        experiment: the experiment's name; made where there is none.
        uri: where runs are kept: a database in a local file, or what else MLflow takes.
        name: the run's name; one that is drawn by default.
        artifact_location: a directory for images, texts and histograms, where the experiment is made; MLflow's own by
            default.

    Raises:
        ImportError: MLflow is not installed (`pip install 'fkeras[mlflow]'`).

    >>> import fkeras as fk
    >>> fk.callbacks.MLFlowLogger("digits").uri
    'sqlite:///mlflow.db'
    """

    experiment: str = "fkeras"
    uri: str = "sqlite:///mlflow.db"
    name: str | None = None
    artifact_location: str | None = None

    def check(self) -> None:
        """Raise where MLflow is not installed."""
        _library()

    def open(self, run_id: str | None = None, step: int = 0) -> Log:
        """Begin a run, or go on with one; see `fk.callbacks.Logger`."""
        return _MLFlowLog(self, run_id)


class _MLFlowLog:
    def __init__(self, logger: MLFlowLogger, run_id: str | None) -> None:
        self.client: Any = _library().MlflowClient(tracking_uri=logger.uri)
        self.last: dict[str, int] = {}
        if run_id is not None:
            self.run_id = run_id
            for name in self.client.get_run(run_id).data.metrics:
                self.last[name] = max(m.step for m in self.client.get_metric_history(run_id, name))
            self.client.update_run(run_id, status="RUNNING")
            return
        found = self.client.get_experiment_by_name(logger.experiment)
        place = (
            self.client.create_experiment(logger.experiment, artifact_location=logger.artifact_location)
            if found is None
            else found.experiment_id
        )
        self.run_id = self.client.create_run(place, run_name=logger.name).info.run_id

    def config(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self.client.log_param(self.run_id, name, value)

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        metric, now = _library().entities.Metric, int(time.time() * 1000)
        new = {name: value for name, value in numbers.items() if step > self.last.get(name, -1)}
        if new:
            self.client.log_batch(self.run_id, metrics=[metric(n, float(v), now, step) for n, v in new.items()])

    def histograms(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        for name, values in arrays.items():
            counts, edges = np.histogram(values, bins=64)
            bins = {"counts": counts.tolist(), "edges": edges.tolist()}
            self.client.log_dict(self.run_id, bins, f"histograms/{name}/{step}.json")

    def images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        for name, image in images.items():
            self.client.log_image(self.run_id, image, f"images/{name}/{step}.png")

    def text(self, step: int, texts: Mapping[str, str]) -> None:
        for name, value in texts.items():
            self.client.log_text(self.run_id, value, f"text/{name}/{step}.txt")

    def close(self) -> None:
        self.client.set_terminated(self.run_id)


def _library() -> Any:
    try:
        import mlflow
    except ImportError:
        raise ImportError(
            explain(
                "An MLFlowLogger needs MLflow.",
                usually="it is an optional dependency.",
                write="pip install 'fkeras[mlflow]'",
            )
        ) from None
    return mlflow
