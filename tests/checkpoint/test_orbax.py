"""The native format: any number of devices, in the background, the last few or the best, in part, and quietly."""

import os
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(16, 2)).astype("float32")
FIT = {"batch_size": 8, "verbose": 0}


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((4,)), fk.nn.Dense(6, name="body"), fk.nn.Dense(2, name="head")]).compile(
        "adam", "mse"
    )


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


# ------------------------------------------------------------------ devices
SAVE = """
import jax, numpy as np, fkeras as fk
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
mesh = Mesh(np.array(jax.devices()[:3]), ("d",))
trainer = fk.Sequential([fk.Input((6,)), fk.nn.Dense(12), fk.nn.Dense(5)]).compile("adam", "mse")
def place(leaf):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return leaf
    rows = leaf.ndim > 0 and leaf.shape[0] % 3 == 0
    return jax.device_put(leaf, NamedSharding(mesh, P("d") if rows else P()))
state, _ = trainer.train_step(trainer.init(0), (np.ones((4, 6), "float32"), np.ones((4, 5), "float32")))
np.save("y.npy", np.asarray(trainer.predict(state, np.ones((2, 6), "float32"))))
state = jax.tree.map(place, state)
assert len(state.params["dense"]["kernel"].sharding.device_set) == 3
trainer.save("run", state)
np.save("kernel.npy", np.asarray(state.params["dense"]["kernel"]))
"""
OPEN = """
import jax, numpy as np, fkeras as fk
trainer, state = fk.load_trainer("run")
kernel = state.params["dense"]["kernel"]
assert np.array_equal(kernel, np.load("kernel.npy"))
np.testing.assert_allclose(trainer.predict(state, np.ones((2, 6), "float32")), np.load("y.npy"), rtol=1e-6)
print(len(jax.devices()), len(kernel.sharding.device_set))
"""


def python(code, devices, place):
    """Run code in a process with so many devices; what it wrote, to both streams."""
    flags = f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
    root = str(os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, env={**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": root},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_what_three_devices_saved_one_and_four_open_without_a_word(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    exec(SAVE, {})
    assert capfd.readouterr() == ("", "")  # relative paths, and nothing of Orbax's in the terminal
    assert python(OPEN, 1, tmp_path) == "1 1\n"
    exec(OPEN, {})  # here, where there are more
    assert capfd.readouterr() == (f"{jax.device_count()} 1\n", "")


# ------------------------------------------------------------------ in the background
def test_a_run_saved_in_the_background_is_the_run(trainer, tmp_path):
    state = trainer.init(0)
    for background in (True, False):
        kept = fk.callbacks.BackupAndRestore(
            tmp_path / str(background), save_freq=1, delete_checkpoint=False, background=background, max_to_keep=9
        )
        trainer.fit(state, X, Y, epochs=3, callbacks=[kept], **FIT)
    names = [f"{i:09d}" for i in range(1, 7)]
    assert sorted(p.name for p in (tmp_path / "True").iterdir()) == names
    for name in names:
        one, two = (fk.load_trainer(tmp_path / b / name)[1] for b in ("True", "False"))
        assert int(one.step) == int(two.step) == int(name)
        assert same(one.params, two.params)
        assert same(one.opt_state, two.opt_state)


def test_the_arrays_are_written_by_another_thread(trainer, tmp_path, monkeypatch):
    seen = []
    write = fk.checkpoint._runs.write_directory
    monkeypatch.setattr(
        fk.checkpoint._runs,
        "write_directory",
        lambda *a, **k: (seen.append(threading.current_thread().name), write(*a, **k)),
    )
    trainer.fit(trainer.init(0), X, Y, checkpoint=tmp_path / "run", **FIT)
    assert seen
    assert all(name.startswith("fkeras-backup") for name in seen)
    assert not [t for t in threading.enumerate() if t.name.startswith("fkeras-backup")]


def test_a_save_that_fails_in_the_background_ends_the_run(trainer, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(fk.checkpoint._runs, "write_directory", full)
    with pytest.raises(OSError, match="disk full"):
        trainer.fit(trainer.init(0), X, Y, epochs=2, checkpoint=tmp_path / "run", **FIT)


# ------------------------------------------------------------------ the last few, or the best
def test_the_last_few_are_kept(trainer, tmp_path):
    run = fk.callbacks.BackupAndRestore(tmp_path / "run", delete_checkpoint=False, max_to_keep=1)
    last = fk.callbacks.ModelCheckpoint(str(tmp_path / "m-{epoch}.keras"), max_to_keep=2)
    folders = fk.callbacks.ModelCheckpoint(str(tmp_path / "d-{epoch}"), max_to_keep=1)
    (tmp_path / "m-0.keras").write_bytes(b"of another run")
    trainer.fit(trainer.init(0), X, Y, epochs=4, callbacks=[run, last, folders], **FIT)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d-4", "m-0.keras", "m-3.keras", "m-4.keras", "run"]
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["000000008"]


def test_the_best_are_kept(trainer, tmp_path):
    losses = iter([3.0, 1.0, float("nan"), 2.0, 5.0])

    class Loss(fk.callbacks.Callback):
        def on_epoch_end(self, event):
            return event.replace(logs={**event.logs, "loss": next(losses)})

    best = fk.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.weights.h5"), "loss", max_to_keep=2, keep_best=True,
                                        save_weights_only=True)  # fmt: skip
    trainer.fit(trainer.init(0), X, Y, epochs=5, callbacks=[Loss(), best], **FIT)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2.weights.h5", "4.weights.h5"]


def test_only_a_callback_s_own_files_are_deleted(tmp_path):
    saves = fk.callbacks.ModelCheckpoint(str(tmp_path / "m-{epoch}.keras"), max_to_keep=1)
    (tmp_path / "thesis.txt").write_text("text")
    (tmp_path / "m-x").mkdir()
    (tmp_path / "m-x" / "fkeras.json").write_text("{}")
    for path in ("thesis.txt", "m-x", "m-1/../thesis.txt", "m-.keras/../../x"):
        saves._kept([[str(tmp_path / path), None]], str(tmp_path / "m-2.keras"), None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m-x", "thesis.txt"]


# ------------------------------------------------------------------ what is not ours
def test_what_others_keep_in_a_checkpoint_stays(trainer, tmp_path):
    state, place = trainer.init(0), tmp_path / "run"
    save = {
        "trainer": lambda: trainer.save(place, state),
        "model": lambda: trainer.model.save(place, state.variables),
        "weights": lambda: trainer.model.save_weights(place, state.variables),
        "exported": lambda: trainer.model.export(place, state.variables, verify=False),
    }
    save["trainer"]()
    (place / "notes").mkdir()
    (place / "notes" / "a.txt").write_text("mine")
    (place / "log.csv").write_text("epoch\n")
    os.chmod(place, 0o750)
    for write in save.values():
        write()
        assert (place / "notes" / "a.txt").read_text() == "mine"
        assert (place / "log.csv").read_text() == "epoch\n"
        assert (place / "log.csv").exists()
        assert place.stat().st_mode & 0o777 == 0o750
    assert not (place / "arrays").exists()  # an exported program has none
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    save["model"]()
    (place / "arrays" / "why.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"why.txt' lies among a checkpoint's files and is not one of them"):
        save["model"]()
    fk.load_model(place)


def test_pruning_leaves_what_others_keep(trainer, tmp_path):
    kept = fk.callbacks.BackupAndRestore(tmp_path / "run", delete_checkpoint=False)
    trainer.fit(trainer.init(0), X, Y, callbacks=[kept], **FIT)
    (tmp_path / "run" / "000000002" / "notes.txt").write_text("mine")
    (tmp_path / "run" / "000000002" / "arrays" / "more.txt").write_text("mine")
    trainer.save(tmp_path / "run" / "000000001", trainer.init(0))  # a save of one's own under such a name
    trainer.fit(trainer.init(0), X, Y, epochs=4, callbacks=[kept], **FIT)
    fk.checkpoint.delete_runs(tmp_path / "run")
    left = sorted(
        str(p.relative_to(tmp_path / "run" / "000000002")) for p in (tmp_path / "run" / "000000002").rglob("*")
    )
    assert left == ["arrays", "arrays/more.txt", "notes.txt"]
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["000000001", "000000002"]
    assert int(fk.load_trainer(tmp_path / "run" / "000000001")[1].step) == 0


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.safetensors", "folder"])
def test_a_link_is_followed_and_stays(trainer, tmp_path, name):
    state, (there, here) = trainer.init(0), (tmp_path / "there", tmp_path / "here")
    here.mkdir()
    link, target = here / name, there / name
    link.symlink_to(target)

    def save():
        trainer.model.save(link, state.variables) if name in ("m.keras", "folder") else trainer.model.save_weights(
            link, state.variables
        )

    for _ in range(2):  # to where nothing is yet, and over what is there
        save()
        assert link.is_symlink()
        assert not target.is_symlink()
        assert [p.name for p in here.iterdir()] == [p.name for p in there.iterdir()] == [name]


VERBS = {
    "model.save": lambda t, s, p: t.model.save(p, s.variables),
    "model.save_weights": lambda t, s, p: t.model.save_weights(p, s.variables),
    "model.export": lambda t, s, p: t.model.export(p, s.variables),
    "model.load_weights": lambda t, s, p: t.model.load_weights(p, s.variables),
    "trainer.save": lambda t, s, p: t.save(p, s),
    "fk.load_model": lambda t, s, p: fk.load_model(p),
    "fk.load_trainer": lambda t, s, p: fk.load_trainer(p),
    "fk.load_exported": lambda t, s, p: fk.load_exported(p),
    "BackupAndRestore": lambda t, s, p: t.fit(s, X, Y, callbacks=fk.callbacks.BackupAndRestore(p), **FIT),
    "OrbaxCheckpoint": lambda t, s, p: t.fit(s, X, Y, callbacks=fk.callbacks.OrbaxCheckpoint(p), **FIT),
    "ModelCheckpoint": lambda t, s, p: t.fit(s, X, Y, callbacks=fk.callbacks.ModelCheckpoint(p), **FIT),
    "CSVLogger": lambda t, s, p: t.fit(s, X, Y, callbacks=fk.callbacks.CSVLogger(p), **FIT),
    "TensorBoard": lambda t, s, p: t.fit(s, X, Y, callbacks=fk.callbacks.TensorBoard(p), **FIT),
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_path_is_answered_in_words(trainer, tmp_path, monkeypatch, verb):
    monkeypatch.chdir(tmp_path)
    os.symlink("a", "b")
    os.symlink("b", "a")
    (tmp_path / "file").write_text("mine")
    state = trainer.init(0)
    for given in (None, b"run", 3, "", " ", "a\0b", "a", "a/x.keras", "file/x", "n" * 300):
        with pytest.raises((TypeError, ValueError, OSError), match=r"\n  (Received|Usually|Write)") as caught:
            VERBS[verb](trainer, state, given)
        assert not hasattr(caught.value, "fkeras_run"), given  # before the training
    assert sorted(os.listdir()) == ["a", "b", "file"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("wrong", [0, True, 1.5])
def test_how_many_to_keep_is_a_number(wrong):
    for make in (lambda n: fk.callbacks.BackupAndRestore("run", max_to_keep=n),
                 lambda n: fk.callbacks.ModelCheckpoint("m", max_to_keep=n)):  # fmt: skip
        with pytest.raises(ValueError, match=r"`max_to_keep` is how many checkpoints stay"):
            make(wrong)
    fk.callbacks.ModelCheckpoint("m", max_to_keep=None)


# ------------------------------------------------------------------ in part
def test_a_run_s_directory_gives_its_last_weights(trainer, tmp_path):
    state, _ = trainer.fit(trainer.init(0), X, Y, epochs=2, checkpoint=tmp_path / "run", **FIT)
    model, variables = fk.load_model(tmp_path / "run")
    assert model == trainer.model
    assert same(variables, state.variables)
    blank = jax.tree.map(np.zeros_like, state.variables)
    assert same(model.load_weights(tmp_path / "run", blank), state.variables)


def test_some_arrays_are_read_and_no_others(trainer, tmp_path):
    state = trainer.init(0)
    trainer.save(tmp_path / "run", state)
    found = fk.checkpoint.load_arrays(tmp_path / "run", ["params/body/.*", "opt_state/inner/momentum/head/bias"])
    assert set(found) == {"opt_state", "params"}
    assert same(found["params"], {"body": state.params["body"]})
    assert jax.tree.map(np.shape, found["opt_state"]) == {"inner": {"momentum": {"head": {"bias": (2,)}}}}
    with pytest.raises(ValueError, match=r"matches no array[\s\S]*params/body/kernel"):
        fk.checkpoint.load_arrays(tmp_path / "run", "params/body/kernal")
    other = fk.Sequential([fk.Input((4,)), fk.nn.Dense(6, name="body"), fk.nn.Dense(7, name="top")])
    start = other.init(jax.random.key(5))
    loaded, report = other.load_weights(tmp_path / "run", start, allow=["head/.*", "top/.*"], report=True)
    assert same(loaded["params"]["body"], state.params["body"])
    assert same(loaded["params"]["top"], start["params"]["top"])
    assert sorted(report.loaded) == ["params/body/bias", "params/body/kernel"]


def test_a_state_of_zeros_can_be_opened_again(tmp_path):
    model = fk.Sequential(
        [fk.Input((4200,)), fk.nn.Dense(4200, use_bias=False)]
    )  # 70 MB, which would compress to nothing
    variables = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), model.abstract_variables())
    model.save(tmp_path / "zeros", variables)
    assert not np.any(fk.load_model(tmp_path / "zeros")[1]["params"]["dense"]["kernel"])


def test_arrays_elsewhere_are_refused(trainer, tmp_path):
    trainer.save(tmp_path / "run", trainer.init(0))
    (tmp_path / "run" / "arrays").rename(tmp_path / "elsewhere")
    (tmp_path / "run" / "arrays").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is a link"):
        fk.load_trainer(tmp_path / "run")
