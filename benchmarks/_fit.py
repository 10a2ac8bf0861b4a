"""`fit` beside Keras and loops written by hand, and beside itself with more to show."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import io
import tempfile
from collections.abc import Iterator
from typing import Any

import _nnx
from _child import in_interpreter
from _handwritten import Loop
from _measure import interleaved
from _peers import MissingError, interpreter
from _workloads import WORKLOADS, Workload


def compiled(name: str) -> tuple[Any, Any, Any]:
    """`(workload, trainer, function from steps_per_execution to a compiled Keras model)`."""
    import keras

    import fkeras as fk

    work = WORKLOADS[name]

    def peer(steps: int) -> Any:
        model = work.build(keras, keras.layers)
        model.compile("adam", steps_per_execution=steps, **work.arguments(keras))
        return model

    return work, work.build(fk, fk.nn).compile("adam", **work.arguments(fk)), peer


def fit(name: str, rounds: int, quick: bool) -> dict[str, float]:
    """Seconds a step of a warm `fit`, by who runs it."""
    (_, trainer, peer), work = compiled(name), _shortened(name, quick)
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
    found = interleaved(ways, rounds, work.steps * work.epochs)
    if work.nnx:
        # after the others: its thousands of dispatches between them made a tiny network's `fit` a fifth slower
        by_step = _nnx.by_step(work.nnx, x, y, work.classes, work.batch)
        found |= interleaved({"nnx": lambda: by_step(work.epochs)}, min(rounds, 5), work.steps * work.epochs)
    return {**found, **_elsewhere(name, work, rounds)} if work.elsewhere else found


def _elsewhere(name: str, work: Workload, rounds: int) -> dict[str, float]:
    """Those who live in other interpreters, one after the other: what is not there is left out."""
    found, rounds = {}, min(rounds, 5)
    with contextlib.suppress(MissingError):
        python, variables = interpreter("torch")
        sizes = work.shape, work.classes, work.batch, work.steps, rounds
        found |= in_interpreter(python, "_torch", "fit", name, *sizes, **variables)
    with contextlib.suppress(MissingError):
        python, variables = interpreter("nightly")
        sizes = work.batch, work.steps, work.epochs, rounds
        found |= in_interpreter(python, "_fit", "nightly", name, *sizes, **variables)
    return found


def nightly(name: str, batch: int, steps: int, epochs: int, rounds: int) -> dict[str, float]:
    """Seconds a step of the Keras that is imported here, several steps a dispatch."""
    import keras

    work = dataclasses.replace(WORKLOADS[name], batch=batch, steps=steps, epochs=epochs)
    x, y = work.data()
    ways = {}
    for count in (16, 64):
        if count <= max(steps, 16):
            model = work.build(keras, keras.layers)
            model.compile("adam", steps_per_execution=min(count, steps), **work.arguments(keras))
            ways[f"nightly/{count}"] = functools.partial(model.fit, x, y, batch_size=batch, epochs=epochs, verbose=0)
    return interleaved(ways, rounds, steps * epochs)


def _shortened(name: str, quick: bool) -> Any:
    work = WORKLOADS[name]
    return dataclasses.replace(work, batch=min(work.batch, 8), steps=2, epochs=1) if quick else work


def generator(name: str, rounds: int, quick: bool) -> dict[str, float]:
    """Seconds a step of a warm `fit` from a Python generator of numpy batches, by who runs it."""
    (_, trainer, peer), work = compiled(name), _shortened(name, quick)
    x, y = work.data()
    state, loop, model = trainer.init(0, x[:1]), Loop(work.linen(), x, y, work.classes, work.batch).begin(), peer(1)

    def batches() -> Iterator[Any]:
        for start in range(0, len(x), work.batch):
            yield x[start : start + work.batch], y[start : start + work.batch]

    ways = {
        "fkeras": lambda: trainer.fit(state, batches(), verbose=0),
        "loop": lambda: loop.by_batch(batches()),
        "keras": lambda: model.fit(batches(), verbose=0),
    }
    return interleaved(ways, rounds, work.steps)


class _Terminal(io.StringIO):
    """Where a bar is drawn; on what is none there is a line an epoch."""

    def isatty(self) -> bool:
        return True


def shown(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds a step of a `fit` that draws its progress, and of one that is silent."""
    (_, trainer, _), work = compiled("MLP 784"), _shortened("MLP 784", quick)
    x, y = work.data()
    state = trainer.init(0, x[:1])

    def run(verbose: int) -> None:
        with contextlib.redirect_stdout(_Terminal()):
            trainer.fit(state, x, y, batch_size=work.batch, epochs=work.epochs, verbose=verbose)

    return interleaved({"fkeras": lambda: run(1), "silent": lambda: run(0)}, rounds, work.steps * work.epochs)


def profile_over(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds a step of a `fit` before any profile was taken in the process, and after one was."""
    (_, trainer, _), work = compiled("tiny MLP"), _shortened("tiny MLP", quick)
    if "profile" not in inspect.signature(trainer.fit).parameters:
        raise MissingError("fit has no profile=")
    x, y = work.data()
    state = trainer.init(0, x[:1])
    run = functools.partial(trainer.fit, state, x, y, batch_size=work.batch, epochs=work.epochs, verbose=0)
    before = interleaved({"before": run}, rounds)["before"]
    with tempfile.TemporaryDirectory() as directory:
        run(profile=(1, 2), profile_dir=directory)
    after = interleaved({"after": run}, rounds)["after"]
    return {"fkeras": after / (work.steps * work.epochs), "before": before / (work.steps * work.epochs)}


def measured(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds a step of a `fit` with three metrics and the gradient's norm, and of one with the loss alone."""
    import fkeras as fk

    work = _shortened("MLP 784", quick)
    x, y = work.data()
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    metrics = [
        "accuracy",
        "sparse_top_k_categorical_accuracy",
        fk.metrics.SparseCategoricalCrossentropy("nll", from_logits=True),
    ]
    model = work.build(fk, fk.nn)
    trainers = {
        "fkeras": model.compile("adam", loss, metrics=metrics, log=["grad_norm"]),
        "the loss alone": model.compile("adam", loss),
    }
    arguments = {"batch_size": work.batch, "epochs": work.epochs, "verbose": 0}
    ways = {
        who: functools.partial(trainer.fit, trainer.init(0, x[:1]), x, y, **arguments)
        for who, trainer in trainers.items()
    }
    return interleaved(ways, rounds, work.steps * work.epochs)
