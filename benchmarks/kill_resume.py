"""Runs that are killed at random moments and started again: are they the same run, to the bit?

    python benchmarks/kill_resume.py --runs 50

Each run (of an MLP, a CNN or an LSTM, with EarlyStopping and ReduceLROnPlateau) trains in processes of its own and is
killed with SIGKILL after a random time, within steps and within saves alike; the last process is left to end. Its
weights, optimizer state, randomness and history are then compared with those of a run that nobody touched.
"""

from __future__ import annotations

import argparse
import hashlib
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

_MODELS = ("MLP with BatchNormalization", "CNN with dropout", "LSTM")
_EPOCHS, _ROWS, _BATCH = 12, 480, 24


def describe(kind: str) -> Any:
    """One of the models, and the shape of its input."""
    import fkeras as fk

    nn = fk.nn
    if kind == _MODELS[0]:
        shape, layers = (16,), [nn.Dense(32, "relu"), nn.BatchNormalization(), nn.Dropout(0.3)]
    elif kind == _MODELS[1]:
        shape, layers = (4, 4, 1), [nn.Conv2D(4, 3, activation="relu"), nn.Flatten(), nn.Dropout(0.3)]
    else:
        shape, layers = (8, 2), [nn.LSTM(8, recurrent_dropout=0.1)]
    return fk.Sequential([fk.Input(shape), *layers, nn.Dense(2)]), shape


def train(directory: str, result: str, kind: str) -> None:
    """One process: train, or go on, and write what came out."""
    import jax
    import numpy as np

    import fkeras as fk

    model, shape = describe(kind)
    x = np.random.default_rng(0).normal(size=(_ROWS, 16)).astype("float32")
    y = (x[:, :4].sum(-1) > 0).astype("int32")
    x = x.reshape(_ROWS, *shape)
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = model.compile(fk.optimizers.Adam(1e-3, use_ema=True), loss, metrics=["accuracy"])

    def slowly(trainer, state, logs):  # leaves time to be killed in
        time.sleep(0.05)
        return state

    plateau = fk.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=0.02)
    stopping = fk.callbacks.EarlyStopping("val_loss", patience=4, min_delta=0.02, restore_best_weights=True)
    backup = fk.callbacks.BackupAndRestore(directory, save_freq=7, double_checkpoint=True, delete_checkpoint=False)
    print("ready", flush=True)
    state, history = trainer.fit(
        trainer.init(0), x, y, batch_size=_BATCH, epochs=_EPOCHS, validation_split=0.2, verbose=0,
        callbacks=[plateau, stopping, slowly, backup],
    )  # fmt: skip
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(state.replace(rng=jax.random.key_data(state.rng))):
        digest.update(jax.tree_util.keystr(path).encode() + np.asarray(leaf).tobytes())
    pathlib.Path(result).write_text(json.dumps({"state": digest.hexdigest(), "history": history.history}))


def start(place: pathlib.Path, name: str, kind: str) -> subprocess.Popen[str]:
    """A training process that has begun."""
    command = [sys.executable, __file__, "--train", str(place / name), str(place / f"{name}.json"), kind]
    # on a GPU each process then has the same kernels, and each kernel the same bits
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "XLA_FLAGS": flags})
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(f"the training process ended with {process.wait()}")
    return process


def killed(place: pathlib.Path, name: str, kind: str, after: float) -> bool:
    """Whether a training process was killed, so many seconds after it began to train."""
    process = start(place, name, kind)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    code = process.wait()
    if code not in (0, -signal.SIGKILL):  # neither killed nor at its end
        raise RuntimeError(f"the training process ended by itself with {code}")
    return code == -signal.SIGKILL


def untouched(place: pathlib.Path, kind: str) -> tuple[float, dict[str, Any]]:
    """`(seconds, what came out)` of a run that nobody kills."""
    process, began = start(place, kind, kind), time.monotonic()
    if process.wait():
        raise RuntimeError("the run that nobody touches failed")
    return time.monotonic() - began, json.loads((place / f"{kind}.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--kills", type=int, default=1, help="how often each run is killed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="where to write the result")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(*options.train)
        return
    draw, equal, kills, unfinished = random.Random(options.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        wanted = {kind: untouched(place, kind) for kind in _MODELS[: options.runs]}
        for run in range(options.runs):
            kind, name = _MODELS[run % len(_MODELS)], f"run{run}"
            seconds, result = wanted[kind]
            for _ in range(options.kills):
                while not killed(place, name, kind, draw.uniform(0.05, 0.9) * seconds / options.kills):
                    shutil.rmtree(place / name, ignore_errors=True)  # it ended before: once more, from its start
                kills += 1
                unfinished += any(p.name.startswith(".") for p in (place / name).glob("*"))
            if start(place, name, kind).wait():
                raise RuntimeError(f"run {run} could not go on")
            same = json.loads((place / f"{name}.json").read_text()) == result
            equal += same
            print(f"run {run + 1}, {kind}: {'the same to the bit' if same else 'DIFFERENT'}", flush=True)
    found = {"runs": options.runs, "equal": equal, "kills": kills, "cut_saves": unfinished}
    print(f"{equal} of {options.runs} runs the same to the bit, after {kills} kills, {unfinished} within a save")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found))
    if equal != options.runs:
        sys.exit(1)


if __name__ == "__main__":
    main()
