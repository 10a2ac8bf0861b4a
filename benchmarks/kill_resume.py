"""Runs that are killed at random moments and started again: are they the same run, to the bit?

    python benchmarks/kill_resume.py --runs 50

Each run (of an MLP, a CNN or an LSTM, with EarlyStopping and ReduceLROnPlateau) trains in processes of its own and is
killed with SIGKILL after a random time, within steps and within saves alike; the last process is left to end. Its
weights, optimizer state, randomness and history are then compared with those of a run that nobody touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import time
from typing import Any

import _kills

_MODELS = ("MLP with BatchNormalization", "CNN with dropout", "LSTM")
_EPOCHS, _ROWS, _BATCH = 12, 480, 24
#: The environment's variable that tells a training process how many seconds to wait in each step.
_PAUSE = "KILL_RESUME_PAUSE"


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
        time.sleep(float(os.environ[_PAUSE]))
        return state

    plateau = fk.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=0.02)
    stopping = fk.callbacks.EarlyStopping("val_loss", patience=4, min_delta=0.02, restore_best_weights=True)
    backup = fk.callbacks.BackupAndRestore(directory, save_freq=7, double_checkpoint=True, delete_checkpoint=False)
    print(_kills.READY, flush=True)
    state, history = trainer.fit(
        trainer.init(0), x, y, batch_size=_BATCH, epochs=_EPOCHS, validation_split=0.2, verbose=0,
        callbacks=[plateau, stopping, slowly, backup],
    )  # fmt: skip
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(state.replace(rng=jax.random.key_data(state.rng))):
        digest.update(jax.tree_util.keystr(path).encode() + np.asarray(leaf).tobytes())
    pathlib.Path(result).write_text(json.dumps({"state": digest.hexdigest(), "history": history.history}))


def different(found: dict[str, Any], wanted: dict[str, Any]) -> float:
    """0 where two runs are the same to the bit."""
    return 0.0 if found == wanted else float("inf")


def main() -> None:
    parser = _kills.options(__doc__, runs=50)
    parser.add_argument("--kills", type=int, default=1, help="how often each run is killed")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds that each step waits, to be killed in")
    asked = parser.parse_args()
    if asked.train:
        train(*asked.train)
        return
    # on a GPU each process then has the same kernels, and each kernel the same bits
    flags = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true"}
    flags[_PAUSE] = str(asked.pause)
    moments = (0.05 / asked.kills, 0.9 / asked.kills)
    _kills.main(__file__, asked, _kills.Trial(_MODELS, [flags] * (asked.kills + 1), moments, different))


if __name__ == "__main__":
    main()
