"""Runs that are killed at random moments and started again: are they the same run, to the bit?

    python benchmarks/kill_resume.py --runs 50

Each run trains in processes of its own and is killed with SIGKILL after random times, within steps and within saves
alike; the last process is left to end. Its weights, optimizer state, randomness and history are then compared with
those of a run that nobody touched.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

_EPOCHS, _ROWS, _BATCH = 12, 1_200, 24


def train(directory: str, result: str) -> None:
    """One process: train, or go on, and write what came out."""
    import jax
    import numpy as np

    import fkeras as fk

    rng = np.random.default_rng(0)
    x = rng.normal(size=(_ROWS, 16)).astype("float32")
    y = (x[:, :4].sum(-1) > 0).astype("int32")
    model = fk.Sequential([
        fk.Input((16,)), fk.nn.Dense(32, activation="relu"), fk.nn.BatchNormalization(), fk.nn.Dropout(0.3),
        fk.nn.Dense(2),
    ])  # fmt: skip
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = model.compile(fk.optimizers.Adam(1e-3, use_ema=True), loss, metrics=["accuracy"])

    def slowly(trainer, state, logs):  # leaves time to be killed in
        time.sleep(0.05)
        return state

    plateau = fk.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=2)
    backup = fk.callbacks.BackupAndRestore(directory, save_freq=7, double_checkpoint=True, delete_checkpoint=False)
    print("ready", flush=True)
    state, history = trainer.fit(
        trainer.init(0), x, y, batch_size=_BATCH, epochs=_EPOCHS, validation_split=0.2, verbose=0,
        callbacks=[plateau, slowly, backup],
    )  # fmt: skip
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(state.replace(rng=jax.random.key_data(state.rng))):
        digest.update(jax.tree_util.keystr(path).encode() + np.asarray(leaf).tobytes())
    pathlib.Path(result).write_text(json.dumps({"state": digest.hexdigest(), "history": history.history}))


def start(directory: pathlib.Path, result: pathlib.Path) -> subprocess.Popen[str]:
    """A training process that has begun."""
    command = [sys.executable, __file__, "--train", str(directory), str(result)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(f"the training process ended with {process.wait()}")
    return process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--kills", type=int, default=4, help="how often each run is killed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="where to write the result")
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(*options.train)
        return
    draw, equal, kills, unfinished = random.Random(options.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        process, began = start(place / "untouched", place / "untouched.json"), time.monotonic()
        if process.wait():
            raise RuntimeError("the run that nobody touches failed")
        seconds = time.monotonic() - began
        wanted = json.loads((place / "untouched.json").read_text())
        for run in range(options.runs):
            directory, result = place / f"run{run}", place / f"run{run}.json"
            for _ in range(options.kills):
                process = start(directory, result)
                time.sleep(draw.uniform(0.3, 1.2) * seconds / options.kills)
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
                unfinished += any(p.name.startswith(".") for p in directory.glob("*"))
            if start(directory, result).wait():
                raise RuntimeError(f"run {run} could not go on")
            same = json.loads(result.read_text()) == wanted
            equal += same
            print(f"run {run + 1}: {'the same to the bit' if same else 'DIFFERENT'}", flush=True)
    found = {"runs": options.runs, "equal": equal, "kills": kills, "cut_saves": unfinished}
    print(f"{equal} of {options.runs} runs the same to the bit, after {kills} kills, {unfinished} within a save")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found))
    if equal != options.runs:
        sys.exit(1)


if __name__ == "__main__":
    main()
