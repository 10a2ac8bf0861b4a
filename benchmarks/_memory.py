"""What a run holds in memory: at its peak, and after many runs."""

from __future__ import annotations

import gc
import pathlib
import resource
from typing import Any

import numpy as np
from _child import in_child
from _handwritten import Loop
from _measure import median_of

_BATCH, _FEATURES = 256, 1024


def _large(megabytes: int) -> tuple[np.ndarray, np.ndarray]:
    rows = megabytes * 2**20 // (4 * _FEATURES)
    x = np.empty((rows, _FEATURES), "float32")
    x[...] = np.linspace(-1, 1, _FEATURES, dtype="float32")  # written, so that it is there
    return x, np.zeros((rows, 1), "float32")


def _peak() -> int:
    # Not getrusage's, which a process inherits from the one that started it.
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def peak_by_hand(megabytes: int) -> int:
    """Bytes at the peak of the loop written by hand."""
    import flax.linen as nn

    x, y = _large(megabytes)
    Loop(nn.Sequential([nn.Dense(16), nn.relu, nn.Dense(1)]), x, y, 0, _BATCH).begin().by_step(1)
    return _peak()


def peak_of_fit(megabytes: int) -> int:
    """Bytes at the peak of `fit`."""
    import fkeras as fk

    x, y = _large(megabytes)
    layers = [fk.Input((_FEATURES,)), fk.nn.Dense(16, activation="relu"), fk.nn.Dense(1)]
    trainer = fk.Sequential(layers).compile("adam", "mse", metrics=["mae"])
    trainer.fit(trainer.init(0), x, y, batch_size=_BATCH, verbose=0)
    return _peak()


def peak(rounds: int, quick: bool) -> dict[str, float]:
    """Peak bytes of one epoch over a gigabyte."""
    size = 16 if quick else 1024
    return median_of(
        [{"fkeras": in_child(peak_of_fit, size), "by hand": in_child(peak_by_hand, size)} for _ in range(rounds)]
    )


def _resident() -> int:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _slope(run: Any, rounds: int) -> float:
    """Bytes a round that stay, over the second half of the rounds; the first fills caches of fixed size."""
    held = []
    for _ in range(rounds):
        run()
        gc.collect()
        held.append(_resident())
    late = held[rounds // 2 :]
    return float(np.polyfit(np.arange(len(late)), late, 1)[0]) if len(late) > 1 else 0.0


def slope_of_fkeras(rounds: int) -> float:
    """Bytes that stay of each model that was built, trained and dropped."""
    import fkeras as fk

    x, y = np.zeros((64, 8), "float32"), np.zeros((64, 1), "float32")

    def run() -> None:
        layers = [fk.Input((8,)), fk.nn.Dense(16, activation="relu"), fk.nn.Dense(1)]
        trainer = fk.Sequential(layers).compile("adam", "mse", metrics=["mae"])
        trainer.fit(trainer.init(0), x, y, verbose=0)

    return _slope(run, rounds)


def slope_by_hand(rounds: int) -> float:
    """The same of loops written by hand, whose programs JAX keeps and drops alike."""
    import flax.linen as nn

    x, y = np.zeros((64, 8), "float32"), np.zeros((64, 1), "float32")

    def run() -> None:
        Loop(nn.Sequential([nn.Dense(16), nn.relu, nn.Dense(1)]), x, y, 0, 32).begin().by_step(1)

    return _slope(run, rounds)


def drops(rounds: int, quick: bool) -> dict[str, float]:
    """Bytes a round that stay after a model was built, fitted and dropped."""
    return {"fkeras": in_child(slope_of_fkeras, 2 if quick else 300),
            "by hand": in_child(slope_by_hand, 2 if quick else 60)}  # fmt: skip
