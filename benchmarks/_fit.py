"""`fit` on arrays, beside Keras and two loops written by hand."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from _handwritten import Loop
from _measure import interleaved
from _workloads import WORKLOADS


def compiled(name: str) -> tuple[Any, Any, Any]:
    """`(workload, trainer, function from steps_per_execution to a compiled Keras model)`."""
    import keras

    import fkeras as fk

    work = WORKLOADS[name]

    def arguments(library: Any) -> dict[str, Any]:
        if not work.classes:
            return {"loss": "mse", "metrics": ["mae"]}
        return {"loss": library.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}

    def peer(steps: int) -> Any:
        model = work.build(keras, keras.layers)
        model.compile("adam", steps_per_execution=steps, **arguments(keras))
        return model

    return work, work.build(fk, fk.nn).compile("adam", **arguments(fk)), peer


def fit(name: str, rounds: int, quick: bool) -> dict[str, float]:
    """Seconds a step of a warm `fit`, by who runs it."""
    work, trainer, peer = compiled(name)
    if quick:
        work = dataclasses.replace(work, steps=min(work.steps, 4), epochs=1)
    x, y = work.data()
    state, loop = trainer.init(0, x[:1]), Loop(work.linen(), x, y, work.classes, work.batch).begin()
    arguments = {"batch_size": work.batch, "epochs": work.epochs, "verbose": 0}
    ways = {
        "fkeras": lambda: trainer.fit(state, x, y, **arguments),
        "loop": lambda: loop.by_step(work.epochs),
        "scan": lambda: loop.by_scan(work.epochs),
    }
    for steps in (1,) if quick else (1, 16, 64):
        if steps <= work.steps:
            ways[f"keras/{steps}"] = functools.partial(peer(steps).fit, x, y, **arguments)
    return interleaved(ways, rounds, work.steps * work.epochs)
