"""Runs that are killed at random moments and go on on fewer devices: do they end where an untouched run does?

    python benchmarks/kill_elastic.py --runs 20

Each run trains on eight devices of a CPU, is killed with SIGKILL after a random time, within steps and within saves
alike, goes on on three, is killed again, and ends on one. Its weights are then compared with those of a run on eight
devices: to 1e-6, as sums over other devices have another order. Losses of epochs and the number of steps are compared
too: a row that is seen twice, or in another order, changes them.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

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
    print("ready", flush=True)
    state, history = trainer.fit(
        trainer.init(0), rows, targets, batch_size=_BATCH, epochs=_EPOCHS, verbose=0, callbacks=[slowly, backup]
    )
    weights = {jax.tree_util.keystr(p): np.asarray(a).tolist() for p, a in jax.tree.leaves_with_path(state.variables)}
    said = {"step": int(state.step), "weights": weights, "loss": [float(v) for v in history.history["loss"]]}
    pathlib.Path(result).write_text(json.dumps(said))


def start(place: pathlib.Path, name: str, layout: str, devices: int) -> subprocess.Popen[str]:
    """A training process that has begun."""
    command = [sys.executable, __file__, "--train", str(place / name), str(place / f"{name}.json"), layout]
    flags = f"--xla_force_host_platform_device_count={devices}"
    env = {
        **os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore",
        "JAX_COMPILATION_CACHE_DIR": str(place / "programs"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(f"the training process ended with {process.wait()}")
    return process


def killed(place: pathlib.Path, name: str, layout: str, devices: int, after: float) -> bool:
    """Whether a training process was killed, so many seconds after it began to train."""
    process = start(place, name, layout, devices)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    code = process.wait()
    if code not in (0, -signal.SIGKILL):  # neither killed nor at its end
        raise RuntimeError(f"the training process ended by itself with {code}")
    return code == -signal.SIGKILL


def untouched(place: pathlib.Path, layout: str) -> tuple[float, dict[str, Any]]:
    """`(seconds, what came out)` of a run on all devices that nobody kills."""
    process, began = start(place, layout, layout, _DEVICES[0]), time.monotonic()
    if process.wait():
        raise RuntimeError("the run that nobody touches failed")
    return time.monotonic() - began, json.loads((place / f"{layout}.json").read_text())


def furthest(found: dict[str, Any], wanted: dict[str, Any]) -> float:
    """By how much two runs differ, in any weight or in the loss of any epoch; infinite where one made other steps."""
    import numpy as np

    if found["step"] != wanted["step"] or len(found["loss"]) != len(wanted["loss"]):
        return float("inf")
    pairs = [(found["weights"][path], wanted["weights"][path]) for path in wanted["weights"]]
    return max(float(np.max(np.abs(np.subtract(a, b)))) for a, b in [*pairs, (found["loss"], wanted["loss"])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="where to write the result")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(*options.train)
        return
    draw, equal, unfinished, most = random.Random(options.seed), 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        wanted = {layout: untouched(place, layout) for layout in _LAYOUTS[: options.runs]}
        for run in range(options.runs):
            layout, name = _LAYOUTS[run % len(_LAYOUTS)], f"run{run}"
            seconds, result = wanted[layout]
            for devices in _DEVICES[:-1]:
                # one that ended before is begun again, from where it was cut off before
                kept = place / f"{name}-before"
                shutil.rmtree(kept, ignore_errors=True)
                if (place / name).exists():
                    shutil.copytree(place / name, kept)
                while not killed(place, name, layout, devices, draw.uniform(0.2, 0.6) * seconds):
                    shutil.rmtree(place / name, ignore_errors=True)
                    if kept.exists():
                        shutil.copytree(kept, place / name)
                unfinished += any(p.name.startswith(".") for p in (place / name).glob("*"))
            if start(place, name, layout, _DEVICES[-1]).wait():
                raise RuntimeError(f"run {run} could not go on")
            apart = furthest(json.loads((place / f"{name}.json").read_text()), result)
            most, equal = max(most, apart), equal + (apart <= _SAME)
            print(f"run {run + 1}, {layout}: {apart:.1e} apart", flush=True)
    found = {"runs": options.runs, "equal": equal, "cut_saves": unfinished, "furthest": most}
    print(f"{equal} of {options.runs} runs the same to {_SAME}, {unfinished} kills within a save, {most:.1e} at most")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found))
    if equal != options.runs:
        sys.exit(1)


if __name__ == "__main__":
    main()
