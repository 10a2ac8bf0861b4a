"""One of two processes, each with two devices, that train, save and load together; started by `test_processes.py`.

python -m tests.train.two_processes PROCESS PORT DIRECTORY
"""

import faulthandler
import pathlib
import sys

import numpy as np

import fkeras as fk

EPOCHS, BATCH = 3, 8
X = np.random.default_rng(0).normal(size=(52, 8)).astype("float32")  # six batches of 8, and one of 4
Y = np.random.default_rng(1).normal(size=(52, 4)).astype("float32")
#: The files that every process helps to write.
FILES = ("saved", "saved.keras", "model", "weights", "model.weights.h5", "model.safetensors")


def trainer():
    layers = [fk.Input((8,)), fk.nn.Dense(16, activation="relu"), fk.nn.BatchNormalization(), fk.nn.Dropout(0.25)]
    return fk.Sequential([*layers, fk.nn.Dense(4)]).compile(
        fk.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"]
    )


def fit(trainer, place, **options):
    backup = fk.callbacks.BackupAndRestore(place, save_freq=3, delete_checkpoint=False, save_seconds=2)
    return trainer.fit(trainer.init(0), X, Y, batch_size=BATCH, checkpoint=backup, **options)


def main(process, port, place):
    faulthandler.dump_traceback_later(90, exit=True)  # it never hangs
    fk.distribution.initialize(f"127.0.0.1:{port}", 2, process, heartbeat_timeout_seconds=4)
    spread = trainer().distribute(None, "fsdp")
    keep = fk.callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
    callbacks = [keep, fk.callbacks.CSVLogger(place / f"{process}.csv"), fk.callbacks.LambdaCallback(on_epoch_end=cut)]

    def save(trainer, state, logs):
        if int(state.step) == 7:
            save_all(trainer, state, place)
        return state

    fit(spread, place / "run", epochs=EPOCHS, verbose=2, callbacks=[*callbacks, save])


def save_all(trainer, state, place):
    """Write each kind of file, and read the run again."""
    model = trainer.model
    trainer.save(place / "saved", state)
    trainer.save(place / "saved.keras", state)
    model.save(place / "model", state)
    for name in FILES[3:]:
        model.save_weights(place / name, state)
    again, read = fk.load_trainer(place / "saved", layout="fsdp")
    assert not read.params["dense"]["kernel"].is_fully_addressable
    assert dict(again.evaluate(read, X, Y, verbose=0)) == dict(trainer.evaluate(state, X, Y, verbose=0))


def cut(epoch, logs):
    print(f"loss {logs['loss']!r}", flush=True)
    if epoch == 1:
        print("ready", flush=True)
        if sys.argv[1] == "1":
            sys.stdin.read()  # until it is killed


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]))
