"""Runs that are cut off go on as the same run, to the bit: weights, randomness, data, callbacks, history."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

EVERYTHING = os.environ.get("FKERAS_TEST") == "all"
X = np.random.default_rng(0).normal(size=(22, 4)).astype("float32")
Y = (np.arange(22) % 3).astype("int32")
VALIDATION = (X[:4], Y[:4])  # one batch of the size that training has


class CrashError(Exception):
    """What a power cut is to a process."""


class CrashAt(fk.callbacks.Callback):
    """Raises at a step, once."""

    def __init__(self):
        self.step = None

    def on_train_batch_end(self, event):
        if self.step is not None and int(event.state.step) == self.step:
            self.step = None
            raise CrashError


class CrashAtEpoch(CrashAt):
    """Raises at the end of an epoch, once; it does not look at batches, so epochs may run on the device."""

    on_train_batch_end = fk.callbacks.Callback.on_train_batch_end

    def on_epoch_end(self, event):
        if self.step is not None and int(event.state.step) >= self.step:
            self.step = None
            raise CrashError


@pytest.fixture(scope="module")
def trainer():
    inputs = fk.Input((4,))
    x = fk.nn.BatchNormalization()(fk.nn.Dense(5, name="hidden")(inputs))
    model = fk.Model(inputs, fk.nn.Dense(3)(fk.nn.Dropout(0.2)(x)))
    adam = fk.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9)
    return model.compile(adam, fk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])


def same(a, b):
    raw = lambda leaf: jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf  # noqa: E731
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and np.array_equal(raw(x), raw(y))
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


class Dataset:
    """An object with a length and items."""

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]


class Positioned:
    """An endless iterator that knows where it is."""

    def __init__(self):
        self.drawn = 0

    def __iter__(self):
        return self

    def __next__(self):
        rows = np.random.default_rng(self.drawn).permutation(22)[:4]
        self.drawn += 1
        return X[rows], Y[rows]

    def get_state(self):
        return {"drawn": self.drawn}

    def set_state(self, state):
        self.drawn = state["drawn"]


def endless():
    i = 0
    while True:
        yield X[i % 18 : i % 18 + 4], Y[i % 18 : i % 18 + 4]
        i += 3


ARRAYS = {"x": X, "y": Y, "batch_size": 4}
SOURCES = {
    "arrays": lambda: ARRAYS,
    "arrays in their order": lambda: {**ARRAYS, "shuffle": False},
    "arrays cut up by steps_per_epoch": lambda: {**ARRAYS, "steps_per_epoch": 4},
    "a dataset": lambda: {"x": Dataset()},
    "a generator": lambda: {"x": endless(), "steps_per_epoch": 5},
    "an iterator with a position": lambda: {"x": Positioned(), "steps_per_epoch": 5},
}


# `make test` has each source once, among them each pace of saving and both moments of being cut off; epochs of shuffled
# arrays that run on the device go on in `test_a_longer_run_goes_on_from_a_shorter_one` as well.
CUTS = [(CrashAt, 4), (CrashAt, "epoch"), (CrashAt, 1), (CrashAtEpoch, "epoch"), (CrashAtEpoch, 3)]
CASES = [(source, *cut) for source in SOURCES for cut in CUTS]


@pytest.mark.sweep
@pytest.mark.parametrize(("source", "crash", "every"), CASES)
def test_a_run_that_was_cut_off_is_the_same_run(trainer, tmp_path, source, every, crash):
    options = {"epochs": 4, "validation_data": VALIDATION, "verbose": 0}
    start, crash = trainer.init(7), crash()
    wanted, history = trainer.fit(start, **SOURCES[source](), **options, callbacks=[CrashAt()])
    backup = fk.callbacks.BackupAndRestore(tmp_path / "run", save_freq=every)
    for crash.step in (7, 13):
        with pytest.raises(CrashError):
            trainer.fit(start, **SOURCES[source](), **options, callbacks=[crash, backup])
        assert any((tmp_path / "run").iterdir())
    got, resumed = trainer.fit(start, **SOURCES[source](), **options, callbacks=[crash, backup])
    assert same(got, wanted)
    assert resumed.history == history.history
    assert resumed.epoch == history.epoch == [0, 1, 2, 3]
    assert not (tmp_path / "run").exists()  # delete_checkpoint


def test_the_position_of_an_iterator_is_set_not_run_through(trainer, tmp_path):
    crash, backup = CrashAt(), fk.callbacks.BackupAndRestore(tmp_path / "run", save_freq=1)
    crash.step = 7
    with pytest.raises(CrashError):
        trainer.fit(trainer.init(0), Positioned(), steps_per_epoch=5, epochs=2, verbose=0, callbacks=[crash, backup])
    seen = []

    class Watched(Positioned):
        def __next__(self):
            seen.append(self.drawn)
            return super().__next__()

    trainer.fit(trainer.init(0), Watched(), steps_per_epoch=5, epochs=2, verbose=0, callbacks=[crash, backup])
    assert seen == [6, 7, 8, 9]


def test_callbacks_remember(trainer, tmp_path):
    def callbacks():
        return [
            crash,
            fk.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=1.0, cooldown=1),
            fk.callbacks.EarlyStopping("val_loss", patience=5, min_delta=1.0, restore_best_weights=True),
            fk.callbacks.CSVLogger(tmp_path / "log.csv"),
        ]

    crash = CrashAt()
    options = {**ARRAYS, "epochs": 12, "validation_data": VALIDATION, "verbose": 0}
    start = trainer.init(3)
    wanted, history = trainer.fit(start, **options, callbacks=callbacks())
    rows = (tmp_path / "log.csv").read_text()
    assert len(history.epoch) == 6  # stopped early
    assert len(set(history.history["learning_rate"])) > 2
    for crash.step in (9, 15, 27):
        with pytest.raises(CrashError):
            trainer.fit(start, **options, callbacks=callbacks(), checkpoint=tmp_path / "run")
    got, resumed = trainer.fit(start, **options, callbacks=callbacks(), checkpoint=tmp_path / "run")
    assert same(got, wanted)
    assert resumed.history == history.history
    assert (tmp_path / "log.csv").read_text() == rows
    again, once_more = trainer.fit(start, **options, callbacks=callbacks(), checkpoint=tmp_path / "run")
    assert same(again, wanted)  # a run that ended is not trained on
    assert once_more.history == history.history


def test_a_longer_run_goes_on_from_a_shorter_one(trainer, tmp_path):
    start = trainer.init(0)
    trainer.fit(start, **ARRAYS, epochs=2, verbose=0, checkpoint=tmp_path / "run")
    got, history = trainer.fit(start, **ARRAYS, epochs=5, verbose=0, checkpoint=tmp_path / "run")
    wanted, reference = trainer.fit(start, **ARRAYS, epochs=5, verbose=0)
    assert same(got, wanted)
    assert history.history == reference.history


def test_sigterm_saves_and_leaves(trainer, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    assert before is signal.SIG_DFL

    def interrupted():
        for i, batch in enumerate(endless()):
            if i == 7:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    start, options = trainer.init(5), {"steps_per_epoch": 5, "epochs": 3, "verbose": 0}
    with pytest.raises(SystemExit) as left:
        trainer.fit(start, interrupted(), **options, checkpoint=tmp_path / "run")
    assert left.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    assert sorted(p.name for p in (tmp_path / "run").iterdir())[-1] == "000000008"
    got, resumed = trainer.fit(start, endless(), **options, checkpoint=tmp_path / "run")
    wanted, history = trainer.fit(start, endless(), **options)
    assert same(got, wanted)
    assert resumed.history == history.history


def test_ctrl_c_saves_and_hands_back(trainer, tmp_path):
    asked = []

    def interrupt(trainer, state, logs):
        if not asked:
            asked.append(state)
            raise KeyboardInterrupt
        return state

    start = trainer.init(0)
    options = {**ARRAYS, "epochs": 3, "verbose": 0, "callbacks": [interrupt]}
    _, stopped = trainer.fit(start, **options, checkpoint=tmp_path / "run")
    assert stopped.interrupted
    got, history = trainer.fit(start, **options, checkpoint=tmp_path / "run")
    wanted, reference = trainer.fit(start, **options)
    assert same(got, wanted)
    assert not history.interrupted
    assert history.history == reference.history


def test_steps_are_counted_over_interruptions(trainer, tmp_path):
    crash = CrashAt()
    options = {**ARRAYS, "max_steps": 14, "validate_every": 4, "validation_data": VALIDATION, "verbose": 0}
    start = trainer.init(0)
    wanted, history = trainer.fit(start, **options, callbacks=[crash])
    assert int(wanted.step) == 14
    assert len(history.history["val_loss"]) == 4  # after 4, 8 and 12 steps, and at the end
    crash.step = 10
    backup = fk.callbacks.BackupAndRestore(tmp_path / "run", save_freq=3)
    with pytest.raises(CrashError):
        trainer.fit(start, **options, callbacks=[crash, backup])
    got, resumed = trainer.fit(start, **options, callbacks=[crash, backup])
    assert same(got, wanted)
    assert resumed.history == history.history


class Reordered(Dataset):
    """Puts its items in another order when an epoch ends."""

    def __init__(self):
        self.order, self.ended = list(range(5)), 0

    def __getitem__(self, i):
        return super().__getitem__(self.order[i])

    def on_epoch_end(self):
        self.ended += 1
        np.random.default_rng(self.ended).shuffle(self.order)


class InterruptAt(fk.callbacks.Callback):
    """Ctrl-C at a hook, once the state is of a step; what it remembers changes with every hook."""

    def __init__(self, step=None, name="on_epoch_end"):
        self.step, self.name = step, name

    def _at(self, name, event):
        if self.step is not None and name == self.name and int(event.state.step) == self.step:
            self.step = None
            raise KeyboardInterrupt
        return event.remember(**{name: event.memory.get(name, 0) + 1})

    def on_epoch_begin(self, event):
        rate = event.trainer.get_learning_rate(event.state)
        event = event.replace(state=event.trainer.set_learning_rate(event.state, rate * 0.9))
        return self._at("on_epoch_begin", event)

    def on_test_begin(self, event):
        return self._at("on_test_begin", event)

    def on_epoch_end(self, event):
        event = self._at("on_epoch_end", event)
        return event.replace(logs={**event.logs, **event.memory})


@pytest.mark.parametrize("source", ["arrays", "a dataset that reorders itself"])
@pytest.mark.parametrize("name", ["on_epoch_begin", "on_test_begin", "on_epoch_end"])
def test_an_epoch_that_was_stopped_at_its_end_or_beginning_is_the_same_epoch(trainer, tmp_path, source, name):
    given = {**SOURCES, "a dataset that reorders itself": lambda: {"x": Reordered()}}[source]
    options = {"epochs": 3, "validation_data": VALIDATION, "verbose": 0}
    start, length = trainer.init(3), {"arrays": 6}.get(source, 5)
    wanted, history = trainer.fit(start, **given(), **options, callbacks=[InterruptAt()])
    interrupt, place = InterruptAt(2 * length, name), {"checkpoint": tmp_path / "run"}
    _, stopped = trainer.fit(start, **given(), **options, callbacks=[interrupt], **place)
    assert stopped.interrupted
    got, resumed = trainer.fit(start, **given(), **options, callbacks=[interrupt], **place)
    assert same(got, wanted)
    assert resumed.history == history.history


@pytest.mark.parametrize("source", ["arrays", "a generator"])
def test_more_steps_are_the_run_of_so_many_steps(trainer, tmp_path, source):
    start, options = trainer.init(0), {"validation_data": VALIDATION, "verbose": 0}
    wanted, history = trainer.fit(start, **SOURCES[source](), **options, max_steps=17, callbacks=[InterruptAt()])
    for steps in (7, 7, 12, 4, 17):  # fewer than were made are none
        got, resumed = trainer.fit(
            start, **SOURCES[source](), **options, max_steps=steps, callbacks=[InterruptAt()],
            checkpoint=tmp_path / "run",
        )  # fmt: skip
    assert same(got, wanted)
    assert resumed.history == history.history


def test_data_that_ran_out_go_on_where_there_are_more(trainer, tmp_path):
    start, options = trainer.init(0), {"steps_per_epoch": 4, "epochs": 3, "verbose": 0}
    few = lambda n: (batch for _, batch in zip(range(n), endless(), strict=False))  # noqa: E731
    wanted, history = trainer.fit(start, few(12), **options)
    with pytest.warns(UserWarning, match=r"they yielded 2 of 4 batches in epoch 2"):
        trainer.fit(start, few(6), **options, checkpoint=tmp_path / "run")
    got, resumed = trainer.fit(start, few(12), **options, checkpoint=tmp_path / "run")
    assert same(got, wanted)
    assert resumed.history == history.history


def events(place):
    """`(part, tag, step, value)` of each number in the event files below a directory."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = []
    for path in place.rglob("events*"):
        data, at = path.read_bytes(), 0
        while at < len(data):
            size = int.from_bytes(data[at : at + 8], "little")
            event = event_pb2.Event.FromString(data[at + 12 : at + 12 + size])
            at += 12 + size + 4
            found += [(path.parent.name, v.tag, event.step, v.simple_value) for v in event.summary.value]
    return sorted(f for f in found if "epoch_" in f[1] or "batch_" in f[1])


@pytest.mark.parametrize("steps", [(5,), (8, 9, 14)])
def test_files_of_a_run_that_was_cut_off_hold_each_epoch_once(trainer, tmp_path, steps):
    options = {**ARRAYS, "epochs": 4, "validation_data": VALIDATION, "validation_freq": 2, "verbose": 0}
    start, crash = trainer.init(7), CrashAt()
    for place in ("whole", "cut"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "log.csv").write_text("epoch,loss\n0,0.5\n1,0.25\n")  # of an earlier run

    def run(place, **more):
        at = tmp_path / place
        files = [
            fk.callbacks.CSVLogger(at / "log.csv", append=True),
            fk.callbacks.CSVLogger(at / "own.csv"),
            fk.callbacks.TensorBoard(at, update_freq=1, write_graph=False),
        ]
        # the files are written before, the run is saved after this one raises
        return trainer.fit(start, **options, callbacks=[*files, crash, after], checkpoint=at / "run", **more)

    after = CrashAtEpoch()
    wanted, _ = run("whole")
    for step in steps:
        crash.step, after.step = step, step + 1
        with pytest.raises(CrashError):
            run("cut")
        after.step = None
    got, _ = run("cut")
    assert same(got, wanted)
    for name in ("log.csv", "own.csv"):
        assert (tmp_path / "cut" / name).read_text() == (tmp_path / "whole" / name).read_text()
    assert events(tmp_path / "cut") == events(tmp_path / "whole")


def test_a_save_that_fails_is_told_and_tried_again(trainer, tmp_path, monkeypatch):
    write, left = fk.checkpoint._runs.write_directory, []

    def sometimes(*args, **kwargs):
        if left:
            raise OSError(left.pop())
        write(*args, **kwargs)

    monkeypatch.setattr(fk.checkpoint._runs, "write_directory", sometimes)
    start, options = trainer.init(0), {**ARRAYS, "epochs": 4, "verbose": 0}
    for background in (True, False):
        kept = {"delete_checkpoint": False, "background": background}
        patient = fk.callbacks.BackupAndRestore(tmp_path / f"patient {background}", on_error="warn", **kept)
        left += ["No space left on device"] * 2
        with pytest.warns(RuntimeWarning, match=r"could not be saved[\s\S]*No space left on device") as told:
            trainer.fit(start, **options, callbacks=[patient])
        assert len([w for w in told if "could not be saved" in str(w.message)]) == 2
        assert [p.name for p in sorted((tmp_path / f"patient {background}").iterdir())] == ["000000018", "000000024"]
        strict = fk.callbacks.BackupAndRestore(tmp_path / "strict", **kept)
        left += ["No space left on device"]
        with pytest.raises(OSError, match="No space left") as caught:
            trainer.fit(start, **options, callbacks=[strict])
        state, history = caught.value.fkeras_run
        assert int(state.step) == 6 * len(history.epoch) > 0
    with pytest.raises(ValueError, match=r"`on_error` is 'raise' or 'warn'"):
        fk.callbacks.BackupAndRestore(tmp_path, on_error="ignore")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match=r"The backup of a run makes a directory"):
        trainer.fit(start, **options, checkpoint=tmp_path / "file")


# ------------------------------------------------------------------ what is on disk
def test_an_unfinished_save_is_not_taken_for_a_finished_one(trainer, tmp_path):
    place, start = tmp_path / "run", trainer.init(0)
    options = {**ARRAYS, "verbose": 0, "checkpoint": place}
    trainer.fit(start, **options, epochs=2)
    assert [p.name for p in sorted(place.iterdir())] == ["000000006", "000000012"]
    # A save that was cut off: its temporary directory is there, its name is not.
    left = place / ".000000018-cut"
    left.mkdir()
    (left / "manifest.json").write_text("{")
    got, _ = trainer.fit(start, **options, epochs=3)
    wanted, _ = trainer.fit(start, **ARRAYS, verbose=0, epochs=3)
    assert same(got, wanted)
    assert not left.exists()
    assert len(list(place.iterdir())) == 2


def test_a_run_opens_as_a_trainer(trainer, tmp_path):
    start = trainer.init(0)
    state, _ = trainer.fit(start, **ARRAYS, epochs=2, verbose=0, checkpoint=tmp_path / "run")
    again, found = fk.load_trainer(tmp_path / "run")
    assert again.get_config() == trainer.get_config()
    assert same(again.finalize(found), state)


def test_what_does_not_fit_is_refused(trainer, tmp_path):
    start = trainer.init(0)
    options = {**ARRAYS, "verbose": 0, "checkpoint": tmp_path / "run"}
    trainer.fit(start, **options)
    with pytest.raises(ValueError, match=r"had other callbacks[\s\S]*0 callbacks|1 callbacks"):
        trainer.fit(start, **options, callbacks=[CrashAt()])
    other = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)]).compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"missing|unexpected"):
        other.fit(other.init(0), **options)
    with pytest.raises(ValueError, match=r"backed up at one place"):
        trainer.fit(start, **options, callbacks=[fk.callbacks.BackupAndRestore(tmp_path / "other")])
    with pytest.raises(ValueError, match=r"'epoch' or a number of steps"):
        fk.callbacks.BackupAndRestore("run", save_freq=0)
    with pytest.raises(ValueError, match=r"needs a directory"):
        fk.callbacks.BackupAndRestore("")


def test_what_was_changed_between_two_runs_is_named(tmp_path):
    adam = fk.optimizers.Adam

    def run(optimizer=None, loss="mse", activation=None, epochs=1, batch_size=11, **arguments):
        model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(1, activation=activation)])
        trainer = model.compile(optimizer or adam(1e-3), loss, **arguments)
        trainer.fit(trainer.init(0), X, X[:, :1], batch_size, epochs, verbose=0, checkpoint=tmp_path / "run")

    run()
    for changed, said in (
        (
            {"optimizer": adam(0.5)},
            r"resumes at learning_rate 0\.001, not 0\.5\.[\s\S]*optimizer\.learning_rate: 0\.001, now 0\.5"
            r"[\s\S]*set_learning_rate\(state, 0\.5\)",
        ),
        ({"optimizer": adam(1e-3, beta_1=0.5)}, r"program says counts[\s\S]*optimizer\.beta_1: 0\.9, now 0\.5"),
        ({"loss": "mae"}, r"loss: mean_squared_error, now mean_absolute_error"),
        ({"activation": "relu"}, r"activation: linear, now relu"),
        ({"batch_size": 8}, r"other arguments of fit[\s\S]*batch_size=8, the run had 11"),
    ):
        with pytest.warns(UserWarning, match=said):
            run(**changed)  # the run has ended, so it is not saved again
    with pytest.warns(UserWarning, match="Adam, now AdamW"), pytest.warns(UserWarning, match=r"rate 0\.001, not 0\.5"):
        run(fk.optimizers.AdamW(0.5))  # which has the state of an Adam
    for changed, said in (({"optimizer": "sgd"}, "optimizer: Adam, now SGD"), ({"metrics": ["mae"]}, "metrics: None")):
        with pytest.raises(ValueError, match=rf"saved by another trainer[\s\S]*{said}"):
            run(**changed)
    run(epochs=2, run_eagerly=True)  # nothing is said of these


def test_a_callback_s_memory_that_cannot_be_saved_is_named(trainer, tmp_path):
    class Remembers(fk.callbacks.Callback):
        def on_epoch_end(self, event):
            return event.remember(file=pathlib.Path("x"))

    with pytest.raises(TypeError, match=r"memory/0/file: \w*Path"):
        trainer.fit(trainer.init(0), **ARRAYS, verbose=0, callbacks=[Remembers()], checkpoint=tmp_path / "run")
    assert not list((tmp_path / "run").glob("*")) if (tmp_path / "run").exists() else True


def test_processes_that_are_killed_go_on(tmp_path):
    """SIGKILL at random moments, also within a save; the run that is started again is the same run."""
    script = pathlib.Path(__file__).parents[2] / "benchmarks" / "kill_resume.py"
    out = tmp_path / "result.json"
    # one run that waits less in each step, killed in its middle: at its end it may be over before
    runs, *options = (3, "--seed", "0") if EVERYTHING else (1, "--seed", "5", "--pause", "0.01")
    command = [sys.executable, str(script), "--runs", str(runs), *options, "--json", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=1500)
    result = json.loads(out.read_text())
    assert result["equal"] == result["runs"] == result["kills"] == runs
