"""What a second process compiles when the first one kept its programs."""

from __future__ import annotations

import collections
import tempfile

import numpy as np
from _child import in_child


def compile_and_count(directory: str) -> dict[str, int]:
    """Run a small program that keeps its compilations in a directory; how many XLA made and how many were found."""
    import jax

    import fkeras as fk

    counts: collections.Counter[str] = collections.Counter()
    jax.monitoring.register_event_listener(lambda event, **_: counts.update([event.rpartition("/")[2]]))
    fk.compile_cache(directory)
    x, y = np.zeros((80, 8, 8, 3), "float32"), np.zeros(80, "int32")
    model = fk.Sequential([
        fk.Input((8, 8, 3)), fk.nn.Conv2D(4, 3), fk.nn.BatchNormalization(), fk.nn.Flatten(), fk.nn.Dropout(0.5),
        fk.nn.Dense(10),
    ])  # fmt: skip
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = model.compile("adam", loss, metrics=["accuracy"])
    state, _ = trainer.fit(trainer.init(0), x, y, batch_size=32, epochs=2, validation_split=0.2, verbose=0)
    trainer.evaluate(state, x, y)
    trainer.predict(state, x, verbose=0)
    return {"made": counts["cache_misses"], "found": counts["cache_hits"]}


def second_process(rounds: int, quick: bool) -> dict[str, float]:
    """Compilations of a program in the process that runs it first, and in the one after it."""
    with tempfile.TemporaryDirectory() as directory:
        first, second = (in_child(compile_and_count, directory) for _ in range(2))
    if not second["found"]:
        raise RuntimeError("the second process found nothing in the cache")
    return {"first process": first["made"], "fkeras": second["made"], "found": second["found"]}
