"""Runs of many models that are killed at random moments and started again: are they the same, to the bit?

    python benchmarks/kill_many.py --runs 20

Each run (of MLPs as one program, of CNNs one after another, or of folds, with EarlyStopping and ReduceLROnPlateau for
each member) trains in processes of its own and is killed with SIGKILL after a random time; the last process is left to
end. States and histories are then compared with those of a run that nobody touched.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import time
from typing import Any

import _kills

_KINDS = ("MLPs", "CNNs", "folds")
_ROWS, _BATCH, _EPOCHS = 240, 24, 10


def train(directory: str, result: str, kind: str) -> None:
    """One process: train, or go on, and write what came out."""
    import jax
    import numpy as np

    import fkeras as fk

    nn = fk.nn
    layers = [nn.Reshape((4, 4, 1)), nn.Conv2D(4, 3), nn.Flatten()] if kind == "CNNs" else [nn.BatchNormalization()]
    model = fk.Sequential([fk.Input((16,)), *layers, nn.Dropout(0.3), nn.Dense(2)])
    x = np.random.default_rng(0).normal(size=(_ROWS, 16)).astype("float32")
    y = (x[:, :4].sum(-1) > 0).astype("int32")
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = model.compile(fk.optimizers.AdamW(1e-3, use_ema=True), loss, metrics=["accuracy"])

    class Slowly(fk.callbacks.Callback):  # leaves time to be killed in
        sees_members = True

        def on_epoch_end(self, event):
            time.sleep(0.1)

    plateau = fk.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=0.02)
    stopping = fk.callbacks.EarlyStopping("val_loss", patience=2, min_delta=0.02, restore_best_weights=True)
    backup = fk.callbacks.BackupAndRestore(directory, save_freq=7, double_checkpoint=True, delete_checkpoint=False)
    over = {"learning_rate": [1e-3, 1e-2], "weight_decay": [0.0, 0.1]}
    rows: dict[str, Any] = {"folds": 3} if kind == "folds" else {"validation_split": 0.2}
    print(_kills.READY, flush=True)
    states, histories = trainer.fit_many(
        x, y, seeds=range(2), over=over, grid=kind != "folds", batch_size=_BATCH, epochs=_EPOCHS, verbose=0,
        callbacks=[plateau, stopping, Slowly(), backup], **rows,
    )  # fmt: skip
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(states):
        digest.update(jax.tree_util.keystr(path).encode() + np.asarray(leaf).tobytes())
    pathlib.Path(result).write_text(json.dumps({"states": digest.hexdigest(), "rows": histories.rows()}))


def different(found: dict[str, Any], wanted: dict[str, Any]) -> float:
    """0 where two runs are the same to the bit."""
    return 0.0 if found == wanted else float("inf")


def main() -> None:
    asked = _kills.options(__doc__, runs=20).parse_args()
    if asked.train:
        train(*asked.train)
        return
    _kills.main(__file__, asked, _kills.Trial(_KINDS, [{}, {}], (0.05, 0.9), different))


if __name__ == "__main__":
    main()
