"""The table of callbacks: every class of `fk.callbacks`, with arguments to try away from their defaults."""

import functools

import fkeras as fk


def halved(epoch, rate):
    return rate / 2


def show(index, logs):
    return None


# Each row: what makes the callback, and how many of the hooks of a batch it has (batches are copied for those that do).
TABLE = {
    "BackupAndRestore": [({"backup_dir": "runs/a"}, 0), ({"backup_dir": "runs/a", "save_freq": 3}, 0)],
    "CSVLogger": [({"filename": "log.csv"}, 0), ({"filename": "log.csv", "separator": ";", "append": True}, 0)],
    "Callback": [({}, 0)],
    "Digests": [({}, 0), ({"every": 3}, 0)],
    "EarlyStopping": [({}, 0), ({"monitor": "loss", "patience": 3, "baseline": 0.5}, 0)],
    "History": [({"epochs": 3, "steps": None}, 0)],
    "LambdaCallback": [({"on_epoch_end": show}, 0), ({"on_train_batch_end": functools.partial(show)}, 1)],
    "LearningRateScheduler": [
        ({"schedule": halved}, 0),
        ({"schedule": fk.optimizers.schedules.CosineDecay(0.1, 5)}, 0),
    ],
    "ModelCheckpoint": [({"filepath": "m.keras"}, 0), ({"filepath": "m-{batch}.keras", "save_freq": 2}, 1)],
    "OrbaxCheckpoint": [({"directory": "runs/b"}, 0), ({"directory": "runs/b", "save_freq": 2, "max_to_keep": 3}, 1)],
    "ProgbarLogger": [({}, 0)],
    "ReduceLROnPlateau": [({}, 0), ({"monitor": "loss", "factor": 0.5, "min_lr": 1e-3}, 0)],
    "SwapEMAWeights": [({}, 0), ({"swap_on_epoch": True}, 0)],
    "TensorBoard": [({"log_dir": "logs"}, 0), ({"log_dir": "logs", "update_freq": 5}, 1)],
    "TerminateOnNaN": [({}, 1), ({"raise_error": True}, 1)],
    "Tracker": [
        ({"logger": fk.callbacks.CSVFileLogger("log.csv")}, 0),
        ({"logger": fk.callbacks.JSONLinesLogger("log.jsonl"), "every": 5}, 1),
    ],
}
# What a Tracker writes to: tests/train/test_trackers.py has what holds for all of them.
LOGGERS = ("CSVFileLogger", "JSONLinesLogger", "Logger", "MLFlowLogger", "TensorBoardLogger", "WandbLogger")
EXCEPTIONS = {  # reason
    "CallbackList": "holds callbacks and what they remember of one run",
    "Event": "what a callback is given; it holds the state of a run",
    **dict.fromkeys(LOGGERS, "what a Tracker writes to, and no callback"),
}


def make(name, kwargs):
    return getattr(fk.callbacks, name)(**kwargs)
