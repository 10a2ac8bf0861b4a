"""Runs that are killed at random moments and go on on fewer devices: do they end where an untouched run does?

    python benchmarks/kill_elastic.py --runs 20

Each run trains on eight devices of a CPU, is killed with SIGKILL after a random time, within steps and within saves
alike, goes on on three, is killed again, and ends on one. Its weights are then compared with those of a run on eight
devices: to 1e-6, as sums over other devices have another order. Losses of epochs and the number of steps are compared
too: a row that is seen twice, or in another order, changes them.
"""

from __future__ import annotations

import json
import pathlib
import tempfile
import time
from typing import Any

import _kills

_LAYOUTS = ("data", "fsdp", "auto")
_DEVICES = (8, 3, 1)
_EPOCHS, _ROWS, _BATCH = 6, 220, 24  # nine batches of 24, and one of 4
_SAME = 1e-6


def train(directory: str, result: str, layout: str) -> None:
    """One process: train, or go on, and write what came out."""
    import jax
    import numpy as np

    import fkeras as fk

    nn = fk.nn
    layers = [nn.Dense(24, "tanh"), nn.BatchNormalization(), nn.Dropout(0.2), nn.Dense(2)]
    rows = np.random.default_rng(0).normal(size=(_ROWS, 8)).astype("float32")
    targets = np.stack([rows[:, 0] * rows[:, 1], rows.sum(-1)], -1)
    trainer = fk.Sequential([fk.Input((8,)), *layers]).compile(fk.optimizers.SGD(0.02, momentum=0.9), "mse")
    trainer = trainer.distribute(None, layout)

    def slowly(trainer: Any, state: Any, logs: Any) -> Any:  # leaves time to be killed in
        time.sleep(0.1)
        return state

    backup = fk.callbacks.BackupAndRestore(directory, save_freq=4, double_checkpoint=True, delete_checkpoint=False)
    print(_kills.READY, flush=True)
    state, history = trainer.fit(
        trainer.init(0), rows, targets, batch_size=_BATCH, epochs=_EPOCHS, verbose=0, callbacks=[slowly, backup]
    )
    weights = {jax.tree_util.keystr(p): np.asarray(a).tolist() for p, a in jax.tree.leaves_with_path(state.variables)}
    said = {"step": int(state.step), "weights": weights, "loss": [float(v) for v in history.history["loss"]]}
    pathlib.Path(result).write_text(json.dumps(said))


def furthest(found: dict[str, Any], wanted: dict[str, Any]) -> float:
    """By how much two runs differ, in any weight or in the loss of any epoch; infinite where one made other steps."""
    import numpy as np

    if found["step"] != wanted["step"] or len(found["loss"]) != len(wanted["loss"]):
        return float("inf")
    pairs = [(found["weights"][path], wanted["weights"][path]) for path in wanted["weights"]]
    return max(float(np.max(np.abs(np.subtract(a, b)))) for a, b in [*pairs, (found["loss"], wanted["loss"])])


def environment(devices: int, programs: str) -> dict[str, str]:
    """What a process on so many devices changes in its environment."""
    return {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu",
        "PYTHONWARNINGS": "ignore", "JAX_COMPILATION_CACHE_DIR": programs,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }  # fmt: skip


def main() -> None:
    asked = _kills.options(__doc__, runs=20).parse_args()
    if asked.train:
        train(*asked.train)
        return
    with tempfile.TemporaryDirectory() as programs:
        stages = [environment(devices, programs) for devices in _DEVICES]
        _kills.main(__file__, asked, _kills.Trial(_LAYOUTS, stages, (0.2, 0.6), furthest, _SAME))


if __name__ == "__main__":
    main()
