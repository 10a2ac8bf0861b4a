"""What it costs to import fkeras and to describe a model, before any array exists."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

from _measure import interleaved


def _tower(library: Any, parts: Any, layers: int) -> Any:
    """A functional model of so many layers, with a branch that joins again every fourth."""
    inputs = x = library.Input((16,))
    for index in range(layers - 1):
        x = parts.Add()([x, inputs]) if index % 4 == 3 else parts.Dense(16, activation="relu")(x)
    return library.Model(inputs, x)


def graph(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds to build a functional model of 500 layers."""
    import keras

    import fkeras as fk

    layers = 50 if quick else 500
    ways = {
        "fkeras": lambda: _tower(fk, fk.nn, layers),
        "keras": lambda: _tower(keras, keras.layers, layers),
    }
    return interleaved(ways, rounds)


def graph_of_many_kinds(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds to build a functional model of 500 layers of which no two are alike, so that fkeras traces each."""
    import keras

    import fkeras as fk

    def tower(library: Any, parts: Any) -> Any:
        inputs = x = library.Input((16,))
        for index in range(50 if quick else 500):
            x = parts.Dense(16, kernel_regularizer=library.regularizers.L2(1e-6 * (index + 1)))(x)
        return library.Model(inputs, x)

    return interleaved({
        "fkeras": lambda: tower(fk, fk.nn), "keras": lambda: tower(keras, keras.layers),
    }, rounds)  # fmt: skip


def scaling(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds to build 1,000 layers and 100 of them."""
    import fkeras as fk

    small = 10 if quick else 100
    return interleaved({
        "fkeras": lambda: _tower(fk, fk.nn, 10 * small), "a tenth": lambda: _tower(fk, fk.nn, small),
    }, rounds)  # fmt: skip


def imports(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds of a process that imports fkeras too, and of one that imports what it stands on.

    fkeras imports its parts when they are first named, so there is a process that names some, too.
    """
    below = "import jax, flax.linen, optax"
    named = "fk.Sequential([fk.Input((3,)), fk.nn.Dense(4, 'relu'), fk.nn.Dense(1)]).compile('adam', 'mse')"
    programs = {
        "jax, flax.linen, optax": below,
        "fkeras": f"{below}, fkeras",
        "fkeras, and a model compiled": f"{below}; import fkeras as fk; {named}",
    }
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(1 + rounds):  # the first round fills the disk cache
        for name, times in seconds.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", programs[name]], check=True)
            times.append(time.perf_counter() - start)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}
