"""One of two processes, each with two devices and rows of its own; started by `test_own_rows.py`.

python -m tests.train.own_rows PROCESS PORT DIRECTORY
"""

import faulthandler
import hashlib
import json
import os
import pathlib
import signal
import sys
import warnings

import grain
import jax
import numpy as np

import fkeras as fk

BATCH, EPOCHS = 8, 2
#: Of a run that is stopped after two of its epochs.
STEPS, TURNS = 5, 4
X = np.random.default_rng(0).normal(size=(36, 6)).astype("float32")
Y = X[:, :3] * 2
W = np.linspace(0.1, 3, len(X)).astype("float32")


def trainer():
    layers = [fk.Input((6,)), fk.nn.Dense(8, activation="tanh"), fk.nn.Dropout(0.2), fk.nn.Dense(3)]
    return fk.Sequential(layers).compile(fk.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"])


def mine(array, process):
    """The rows of a process: of each batch a half."""
    halves = [half for i in range(0, len(array), BATCH) for half in np.array_split(array[i : i + BATCH], 2)]
    return np.concatenate(halves[process::2])


def shard(process):
    """Grain's rows of a process, as batches."""
    rows = grain.MapDataset.range(len(X)).seed(3).shuffle()
    return iter(
        rows[process::2].map(lambda i: (X[i], Y[i], W[i])).repeat().to_iter_dataset().batch(4, drop_remainder=True)
    )


def digest(state):
    """The bits of this process's parts of a state."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves((state.params, state.opt_state)):
        for part in sorted(leaf.addressable_shards, key=lambda part: str(part.index)):
            digest.update(np.asarray(part.data).tobytes())
    return digest.hexdigest()


def main(process, port, place):
    faulthandler.dump_traceback_later(170, exit=True)  # it never hangs
    # a shell that runs the tests in the background lets their processes ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fk.distribution.initialize(f"127.0.0.1:{port}", 2, process, heartbeat_timeout_seconds=10)
    own = trainer().distribute(layout=fk.distribution.DataParallel(auto_shard_dataset=False))
    x, y, w = (mine(a, process) for a in (X, Y, W))
    said = {**numbers(own, x, y, w), **refusals(own, x, y, w, process), **stopped(own, process, place)}
    print(json.dumps(said), flush=True)
    terminated(own, process, place)


def numbers(own, x, y, w):
    """What comes out of arrays and of a generator."""
    # as the runs below, so that programs are shared
    options = {"epochs": EPOCHS, "verbose": 0, "callbacks": [each_step]}
    state, history = own.fit(
        own.init(0), x, y, batch_size=BATCH, sample_weight=w, shuffle=False, validation_data=(x, y), **options
    )

    def batches():
        for i in range(0, len(x), BATCH // 2):
            yield x[i : i + BATCH // 2], y[i : i + BATCH // 2], w[i : i + BATCH // 2]

    return {
        "history": history.history, "streamed": own.fit(own.init(0), batches, **options)[1].history,
        "on_batch": dict(own.test_on_batch(own.init(0), x[:4], y[:4])),
        "predicted": [
            own.predict(state, x, batch_size=BATCH, verbose=0).tolist(),
            own.predict(state, (batch[0] for batch in batches()), verbose=0).tolist(),
            own.predict(state, x[:4]).tolist(), own.predict_on_batch(state, x[:3]).tolist(),
        ],
    }  # fmt: skip


def refusals(own, x, y, w, process):
    """What is said where the processes' data do not go together; and what happens to rows that one has more."""
    state, few = own.init(0), 4 if process else 12
    with warnings.catch_warnings(record=True) as uneven:
        warnings.simplefilter("always")
        arrays = {"x": x[:few], "y": y[:few], "batch_size": BATCH, "verbose": 0}
        trained, _ = own.fit(state, **arrays, sample_weight=w[:few], callbacks=[each_step])
        stream = ((x[:4], y[:4], w[:4]) for _ in range(2 + process))
        own.fit(state, stream, verbose=0, callbacks=[each_step])
    said = {
        "uneven": [str(each.message) for each in uneven if "process" in str(each.message)],
        "steps": int(trained.step), "counted": own.evaluate(state, **arrays)["loss"],
    }  # fmt: skip
    everywhere = trainer().distribute()
    across = trainer().distribute({"data": 1, "model": 4}, "auto", auto_shard_dataset=False)
    cases = {
        "share": lambda: own.fit(state, x, y, batch_size=7),
        "form": lambda: own.fit(state, x, y[:, : 3 - process]),
        "steps_per_epoch": lambda: own.fit(state, x, y, steps_per_epoch=2 + process),
        "fails": lambda: own.fit(state, failing(x, y, w, process), verbose=0, callbacks=[each_step]),
        "whole": lambda: everywhere.fit(state, x[process:], y[process:]),
        "whole later": lambda: everywhere.predict(state, (X[i * process :][:4] for i in range(3)), verbose=0),
        "mesh": lambda: across.predict(state, x),
    }
    for name, case in cases.items():
        try:
            said[name] = str(case())
        except Exception as error:
            said[name] = f"{type(error).__name__}: {error}"
    return said


def failing(x, y, w, process):
    for i in range(4):
        if process and i == 2:
            raise OSError("the disk is gone")
        yield x[:4], y[:4], w[:4]


def told(number, process):
    """A callback by which the second process is sent a signal, at a step: a clock would ask how quick a machine is."""

    def send(epoch, logs):
        if process == 1 and epoch == 1:
            os.kill(os.getpid(), number)

    return fk.callbacks.LambdaCallback(on_epoch_end=send)


def each_step(trainer, state, logs):
    return state


def stopped(own, process, place):
    """A run that one process is told to stop, and that goes on."""
    untouched, _ = own.fit(
        own.init(0), shard(process), steps_per_epoch=STEPS, epochs=TURNS, verbose=0, callbacks=[each_step]
    )
    cut: list[object] = []
    for begin in (told(signal.SIGINT, process), fk.callbacks.LambdaCallback()):  # the second time it goes on
        state, history = own.fit(
            own.init(0), shard(process), steps_per_epoch=STEPS, epochs=TURNS, verbose=0, checkpoint=place / "run",
            callbacks=[begin, each_step],
        )  # fmt: skip
        cut += [int(state.step), history.interrupted]
    return {"cut": cut, "exact": digest(state) == digest(untouched)}


def terminated(own, process, place):
    """A run of a process that is told to end: the others end with it, at the same step."""
    x, y, w = (mine(a, process) for a in (X, Y, W))
    own.fit(
        own.init(0), x, y, sample_weight=w, batch_size=BATCH, epochs=10_000, verbose=0, checkpoint=place / "arrays",
        callbacks=[told(signal.SIGTERM, process), each_step],
    )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]))
