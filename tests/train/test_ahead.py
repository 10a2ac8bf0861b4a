"""Programs compiled before there is data, and found again by another process."""

import subprocess
import sys

import jax
import numpy as np
import pytest
from jax import monitoring

import fkeras as fk

ROWS, SIZE = 44, 8  # five whole batches and one of four
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def trainer_of(kind):
    layers = {
        "dense": [fk.Input((3,)), fk.nn.Dense(4), fk.nn.BatchNormalization(), fk.nn.Dense(1)],
        "conv": [fk.Input((3,)), fk.nn.Reshape((3, 1)), fk.nn.Conv1D(2, 2), fk.nn.Flatten(), fk.nn.Dense(1)],
    }
    return fk.Sequential(layers[kind]).compile("adam", "mse", metrics=["mae"])


class Compilations:
    """The names of what is compiled from now on."""

    def __init__(self):
        self.names, self.on = [], False
        monitoring.register_event_duration_secs_listener(self.note)

    def note(self, event, seconds, **parts):
        if self.on and event == "/jax/core/compile/backend_compile_duration":
            self.names.append(parts.get("fun_name", ""))

    def during(self, call):
        self.names, self.on = [], True
        try:
            call()
        finally:
            self.on = False
        return self.names


@pytest.fixture(scope="module")
def compilations():
    return Compilations()


def specs(rows):
    return tuple(jax.ShapeDtypeStruct((rows, *a.shape[1:]), a.dtype) for a in (X, Y))


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_a_run_finds_its_programs_compiled(kind, compilations):
    trainer = trainer_of(kind)
    found = trainer.lower(specs(SIZE), rows=ROWS)
    assert set(found) == {"fit", "fit, last batch", "evaluate", "predict"}
    assert found["fit"].as_text()

    def run():
        state, _ = trainer.fit(trainer.init(0), X, Y, batch_size=SIZE, epochs=2, verbose=0, validation_data=(X, Y))
        trainer.evaluate(state, X, Y, batch_size=SIZE)
        trainer.predict(state, X, batch_size=SIZE)

    before = len(trainer.programs.traces)
    names = compilations.during(run)
    assert len(trainer.programs.traces) == before
    # What is left are single operations of the set-up; a step would carry one of these names.
    assert not [n for n in names if any(w in n for w in ("step", "many", "one", "advance", "_evaluate_batch"))], names


def test_streams_and_the_users_own_loop(compilations):
    trainer = trainer_of("dense")
    state = trainer.init(0)
    trainer.lower(specs(SIZE), verbs=["fit", "train_step", "eval_step", "predict_step"], state=state)
    batch = (X[:SIZE], Y[:SIZE])

    def run():
        trainer.fit(state, iter([batch]), verbose=0)
        trainer.train_step(state, batch)
        trainer.eval_step(state, batch)
        trainer.predict_step(state.variables, batch[0])

    names = compilations.during(run)
    assert not [n for n in names if "step" in n], names


def test_what_cannot_be_lowered():
    trainer = trainer_of("dense")
    with pytest.raises(ValueError, match=r"unknown verb 'evaluat'(?s:.*)evaluate"):
        trainer.lower(specs(SIZE), verbs=["evaluat"])
    with pytest.raises(ValueError, match="this trainer runs eagerly"):
        trainer.replace(run_eagerly=True).lower(specs(SIZE))


def test_a_run_on_several_devices_finds_its_programs_compiled(compilations):
    trainer = trainer_of("dense").distribute(4, "fsdp")
    state = trainer.init(0)
    trainer.lower(specs(SIZE), rows=ROWS, verbs="fit")
    names = compilations.during(lambda: trainer.fit(state, X, Y, batch_size=SIZE, verbose=0))
    assert not [name for name in names if "step" in name]


def test_programs_that_are_not_those_that_were_written(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no programs[\s\S]*trainer\.lower"):
        fk.train.load_lowered(tmp_path)
    trainer_of("dense").lower((X[:SIZE], Y[:SIZE]), verbs="eval_step").save(tmp_path)
    assert list(fk.train.load_lowered(tmp_path)) == ["eval_step"]
    path = tmp_path / "programs.json"
    told = path.read_text()
    path.write_text(told.replace(f'"jax": "{jax.__version__}"', '"jax": "0.4.1"'))
    with pytest.raises(ValueError, match=r"made for another machine[\s\S]*jax: '0\.4\.1', here"):
        fk.train.load_lowered(tmp_path)
    path.write_text(told)
    (tmp_path / "eval_step.program").write_bytes(b"")
    with pytest.raises(ValueError, match="not the program that was written"):
        fk.train.load_lowered(tmp_path)


# ------------------------------------------------------------------ another process
_RUN = """
import sys, jax, numpy as np, fkeras as fk
from jax import monitoring
made, events = [], []
monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **told: made.append(event) if "compile" in event or "trace" in event else None)
monitoring.register_event_listener(lambda event, **_: events.append(event))
"""
#: Takes a step with programs that were written.
_GOES_ON = """
programs = fk.train.load_lowered(sys.argv[2])
batch = np.load(sys.argv[3])
state, logs = programs["train_step"](programs["init"](np.int32(3)), (batch["x"], batch["y"]))
np.savez(sys.argv[4], *jax.tree.leaves((state, logs)))
print(made)
"""
#: A whole run with a cache on the disk.
_CACHED = """
fk.compile_cache(sys.argv[1])
trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4), fk.nn.Dense(1)]).compile("adam", "mse", metrics=["mae"])
x, y = np.ones((20, 3), "float32"), np.ones((20, 1), "float32")
state, _ = trainer.fit(trainer.init(0), x, y, batch_size=8, epochs=2, verbose=0)
print(trainer.evaluate(state, x, y), trainer.predict(state, x).sum())
print(events.count("/jax/compilation_cache/cache_misses"))
"""
#: Ends while the program of the short last batch may still be compiled in a thread of its own.
_ENDS = """
x, y = np.ones((44, 3), "float32"), np.ones((44, 1), "float32")
trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse").distribute()
trainer.fit(trainer.init(0), x, y, batch_size=8, verbose=0)
"""


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Two processes that run with one cache, of which the second one first goes on with programs of this one."""
    place = tmp_path_factory.mktemp("ahead")
    trainer_of("dense").lower((X[:SIZE], Y[:SIZE]), verbs=("init", "train_step")).save(place / "programs")
    np.savez(place / "batch.npz", x=X[:SIZE], y=Y[:SIZE])
    arguments = [str(place / name) for name in ("cache", "programs", "batch.npz", "out.npz")]
    scripts = (_RUN + _CACHED, _RUN + _GOES_ON + _CACHED + _ENDS)
    return [
        subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
        for script in scripts
    ], place


def test_a_second_process_compiles_nothing(processes):
    first, second = (done.stdout.splitlines()[-2:] for done in processes[0])
    assert int(first[1]) > 5
    assert int(second[1]) == 0
    assert first[0] == second[0]


def test_a_process_that_ends_right_after_a_run_ends_well(processes):
    for done in processes[0]:
        assert done.returncode == 0, done.stderr[-2000:]


def test_another_process_takes_a_step_and_traces_and_compiles_nothing(processes):
    (_, done), place = processes
    assert done.stdout.splitlines()[0] == "[]", done.stderr[-2000:]
    trainer = trainer_of("dense")
    wanted = jax.tree.leaves(trainer.train_step(trainer.init(3), (X[:SIZE], Y[:SIZE])))
    found = np.load(place / "out.npz")
    for key, leaf in zip(found.files, wanted, strict=True):
        np.testing.assert_array_equal(found[key], leaf)
