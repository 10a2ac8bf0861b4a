"""What a run holds in memory: at its peak, and after many runs."""

from __future__ import annotations

import functools
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


def beside_the_state(donate: bool, width: int) -> float:
    """Bytes at the peak of a second `fit`, beside the state that it is given; all of one process."""
    import jax

    import fkeras as fk

    layers = [fk.Input((width,)), *[fk.nn.Dense(width, activation="relu") for _ in range(2)]]
    trainer, batch = fk.Sequential(layers).compile("adam", "mse"), 8
    x = np.zeros((2 * batch, width), "float32")
    run = functools.partial(trainer.fit, x=x, y=x, batch_size=batch, verbose=0, donate=donate)
    state, _ = run(trainer.init(0))  # compiles
    jax.block_until_ready(state.params)
    gc.collect()
    device = jax.devices()[0].memory_stats()
    if device:  # its peak is that of both runs, which hold the same
        weights = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
        jax.block_until_ready(run(state)[0].params)
        return jax.devices()[0].memory_stats()["peak_bytes_in_use"] - weights
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins again here
    before = _peak()
    jax.block_until_ready(run(state)[0].params)
    return _peak() - before


def donated(rounds: int, quick: bool) -> dict[str, float]:
    """Peak bytes of `fit(donate=True)` and of `fit`, each beside the state that it is given."""
    width = 256 if quick else 4096  # two such layers and Adam's numbers: 400 MB

    def seen(donate: bool) -> float:
        return float(np.median([in_child(beside_the_state, donate, width) for _ in range(rounds)]))

    return {"fkeras": seen(True), "fit": seen(False)}


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
