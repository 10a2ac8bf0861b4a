"""Callbacks beside real Keras's, and what they leave behind."""

import csv
import sys

import jax
import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = (X @ RNG.normal(size=(3, 1)) + RNG.normal(size=(24, 1))).astype("float32")
VALIDATION = (X[:8], Y[:8] + 1)


def model():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1, name="a")])


def both(tmp_path, optimizer, ours, theirs, epochs=5, **fit):
    """The same run here and in Keras, from the same weights: `(state, history, Keras's model, its history)`."""
    trainer = model().compile(fk.optimizers.get(optimizer), "mse")
    state = trainer.init(0)
    trainer.model.save(tmp_path / "start.keras", state.variables)
    reference = keras.saving.load_model(tmp_path / "start.keras")
    reference.compile(keras.optimizers.get(optimizer), "mse", jit_compile=False)
    options = {"batch_size": 8, "epochs": epochs, "shuffle": False, "verbose": 0, "validation_data": VALIDATION, **fit}
    with jax.numpy_rank_promotion("allow"):
        want = reference.fit(X, Y, callbacks=theirs(keras.callbacks), **options).history
    state, history = trainer.fit(state, X, Y, callbacks=ours(fk.callbacks), **options)
    return trainer, state, history.history, reference, want


def same_history(got, want):
    assert set(got) == set(want)
    for name, values in want.items():
        np.testing.assert_allclose(got[name], values, rtol=1e-4, atol=1e-6)  # float32 over a few dozen steps


@pytest.mark.parametrize(
    "kwargs",
    [
        {"factor": 0.5, "patience": 1, "min_delta": 0.05},
        {"factor": 0.1, "patience": 2, "min_delta": 10.0, "cooldown": 2, "min_lr": 0.02},
        {"monitor": "loss", "factor": 0.5, "patience": 1, "mode": "max"},
    ],
    ids=["plain", "cooldown", "max"],
)
def test_reduce_lr_on_plateau_is_keras_s(kwargs, tmp_path):
    make = lambda ns: [ns.ReduceLROnPlateau(**kwargs)]  # noqa: E731
    sgd = {"class_name": "SGD", "config": {"learning_rate": 0.3}}
    _, _, got, _, want = both(tmp_path, sgd, make, make, epochs=8)
    same_history(got, want)
    assert len(set(got["learning_rate"])) > 1


def test_a_learning_rate_that_changes_compiles_nothing(tmp_path):
    trainer = model().compile(fk.optimizers.SGD(0.3), "mse")
    plateau = fk.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=10.0)
    arguments = {"batch_size": 8, "epochs": 6, "callbacks": [plateau], "verbose": 0, "max_compiles": 1}
    _, history = trainer.fit(trainer.init(0), X, Y, **arguments)
    assert len(set(history.history["learning_rate"])) > 2


def test_ema_ends_as_in_keras_and_is_swapped_in_for_evaluation(tmp_path):
    adam = {"class_name": "Adam", "config": {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}}
    swap = lambda ns: [ns.SwapEMAWeights()]  # noqa: E731
    _, state, got, reference, want = both(tmp_path, adam, swap, swap)
    same_history(got, want)
    for ours, theirs in zip((state.params["a"][w] for w in ("kernel", "bias")), reference.weights, strict=True):
        np.testing.assert_allclose(ours, np.asarray(theirs.value), atol=1e-5)
    trainer = model().compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"needs an optimizer that keeps moving averages"):
        trainer.fit(trainer.init(0), X, Y, callbacks=swap(fk.callbacks), verbose=0)


def test_csv_files_are_keras_s(tmp_path):
    sgd = {"class_name": "SGD", "config": {"learning_rate": 0.1}}
    both(
        tmp_path, sgd,
        lambda ns: [ns.CSVLogger(tmp_path / "ours.csv")], lambda ns: [ns.CSVLogger(tmp_path / "theirs.csv")],
    )  # fmt: skip
    rows = [list(csv.DictReader((tmp_path / n).read_text().splitlines())) for n in ("ours.csv", "theirs.csv")]
    assert len(rows[0]) == len(rows[1]) == 5
    for ours, theirs in zip(*rows, strict=True):
        assert set(ours) == set(theirs)
        for name, value in theirs.items():
            np.testing.assert_allclose(float(ours[name]), float(value), rtol=1e-4)


def test_csv_files_have_every_number_that_comes(tmp_path):
    class Late(fk.callbacks.Callback):
        def on_epoch_end(self, event):
            return event.replace(logs={**event.logs, "late": 0.5}) if event.epoch == 2 else None

    trainer = model().compile("sgd", "mse", metrics=["mae"])
    log = fk.callbacks.CSVLogger(tmp_path / "made" / "log.csv", separator=";")
    _, history = trainer.fit(
        trainer.init(0), X, Y, epochs=4, callbacks=[Late(), log], verbose=0, validation_data=VALIDATION,
        validation_freq=2,
    )  # fmt: skip
    lines = (tmp_path / "made" / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch;loss;mae;val_loss;val_mae;late"
    rows = list(csv.DictReader(lines, delimiter=";"))
    assert [r["val_loss"] for r in rows] == ["NA", str(history.history["val_loss"][0]), "NA", lines[4].split(";")[3]]
    assert [r["late"] for r in rows] == ["NA", "NA", "0.5", "NA"]
    with pytest.raises(ValueError, match=r"`separator` is one character"):
        fk.callbacks.CSVLogger("x", separator=", ")


def test_csv_append_goes_on(tmp_path):
    trainer = model().compile("sgd", "mse")
    for append in (False, True):
        logger = fk.callbacks.CSVLogger(tmp_path / "log.csv", append=append)
        trainer.fit(trainer.init(0), X, Y, epochs=2, callbacks=[logger], verbose=0)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch,loss"
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "0", "1"]


def test_model_checkpoint_keeps_the_best(tmp_path):
    trainer = model().compile(fk.optimizers.SGD(0.5), "mse")
    seen = []

    def watch(trainer, state, logs):
        seen.append((logs["val_loss"], state.variables))
        return state

    best = fk.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    each = fk.callbacks.ModelCheckpoint(tmp_path / "w-{epoch:02d}-{val_loss:.3f}.weights.h5", save_weights_only=True)
    trainer.fit(
        trainer.init(0), X, Y, batch_size=8, epochs=4, callbacks=[watch, best, each], validation_data=VALIDATION,
        verbose=0,
    )  # fmt: skip
    _, variables = fk.load_model(tmp_path / "best.keras")
    _, wanted = min(seen, key=lambda pair: pair[0])
    assert jax.tree.all(jax.tree.map(np.array_equal, variables, wanted))
    names = sorted(p.name for p in tmp_path.glob("w-*"))
    assert names == [f"w-{i + 1:02d}-{loss:.3f}.weights.h5" for i, (loss, _) in enumerate(seen)]


def test_model_checkpoint_every_few_batches(tmp_path):
    trainer = model().compile("sgd", "mse")
    save = fk.callbacks.ModelCheckpoint(str(tmp_path / "e{epoch}-b{batch}.keras"), save_freq=2)
    trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=2, callbacks=[save], verbose=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e1-b2.keras", "e2-b1.keras", "e2-b3.keras"]


@pytest.mark.parametrize(
    ("name", "library"), [("m.keras", "h5py"), ("m.weights.h5", "h5py"), ("m.safetensors", "safetensors")]
)
def test_model_checkpoint_needs_its_library_before_the_run(tmp_path, monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)
    trainer, epochs = model().compile("sgd", "mse"), []
    save = fk.callbacks.ModelCheckpoint(tmp_path / name, save_weights_only=name != "m.keras")
    count = fk.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    with pytest.raises(ImportError, match=r"pip install 'fkeras\[keras\]'"):
        trainer.fit(trainer.init(0), X, Y, callbacks=[count, save], verbose=0)
    assert epochs == []


def test_model_checkpoint_bad_input(tmp_path):
    with pytest.raises(ValueError, match=r"`save_freq` is 'epoch' or a number of batches"):
        fk.callbacks.ModelCheckpoint("x", save_freq="day")
    trainer = model().compile("sgd", "mse")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "own.txt").write_text("mine")
    for make in (
        lambda: fk.callbacks.ModelCheckpoint("best.weights.h5"),
        lambda: fk.callbacks.ModelCheckpoint("best.keras", save_weights_only=True),
        lambda: fk.callbacks.ModelCheckpoint("best.pt"),
        lambda: fk.callbacks.ModelCheckpoint("{epoch:zz}.keras"),
        lambda: fk.callbacks.ModelCheckpoint("{}.keras"),
        lambda: fk.callbacks.ModelCheckpoint("{epoch.keras"),
        lambda: fk.callbacks.ModelCheckpoint(""),
    ):
        with pytest.raises(ValueError, match=r"cannot save|cannot fill in|names a place"):
            make()
    for wrong in (None, b"best.keras", 3):
        with pytest.raises(TypeError, match=r"ModelCheckpoint needs a path[\s\S]*Received"):
            fk.callbacks.ModelCheckpoint(wrong)
    late = []
    count = fk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: late.append(epoch))
    for path, kwargs, text in (
        ("file/best.keras", {}, r"leads nowhere"),
        ("folder", {}, r"is no checkpoint"),
        ("file", {}, r"makes a directory, and .* is a file"),
        ("{los}.keras", {}, r"'los' is not known; Did you mean 'loss'"),
        ("{val_loss}.keras", {"save_freq": 2}, r"after 2 batches, when there is no 'val_loss'"),
    ):
        save = fk.callbacks.ModelCheckpoint(tmp_path / path, **kwargs)
        with pytest.raises((ValueError, OSError), match=text):
            trainer.fit(trainer.init(0), X, Y, callbacks=[count, save], verbose=0)
    assert late == []
    for name in ("file", "folder/own.txt"):
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    (tmp_path / "folder").rmdir()
    for callback, text in (
        (fk.callbacks.ModelCheckpoint(tmp_path / "{val_loss}.keras"), r"cannot fill in"),
        (fk.callbacks.ModelCheckpoint(tmp_path / "m.keras", save_best_only=True), r"watches 'val_loss'"),
    ):
        with pytest.raises(ValueError, match=text):
            trainer.fit(trainer.init(0), X, Y, callbacks=[callback], verbose=0)
    assert list(tmp_path.iterdir()) == []


def test_terminate_on_nan(capsys):
    trainer = model().compile("sgd", "mse")
    bad = X.copy()
    bad[8:16] = np.nan
    state, history = trainer.fit(
        trainer.init(0), bad, Y, batch_size=8, epochs=3, shuffle=False, callbacks=[fk.callbacks.TerminateOnNaN()],
        verbose=0,
    )  # fmt: skip
    assert int(state.step) == 2
    assert len(history.epoch) == 1
    assert "Batch 1: Invalid loss, terminating training" in capsys.readouterr().out
    callback = fk.callbacks.TerminateOnNaN(raise_error=True)
    with pytest.raises(RuntimeError, match=r"The loss is nan after batch 1 of epoch 1"):
        trainer.fit(trainer.init(0), bad, Y, batch_size=8, shuffle=False, callbacks=[callback], verbose=0)


def test_tensorboard_writes_event_files(tmp_path):
    loader = pytest.importorskip("tensorboardX.proto.event_pb2")
    trainer = model().compile("sgd", "mse")
    board = fk.callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq=2)
    _, history = trainer.fit(
        trainer.init(0), X, Y, batch_size=8, epochs=2, callbacks=[board], validation_data=VALIDATION, verbose=0
    )
    found = {}
    for path in tmp_path.rglob("events*"):
        data, at = path.read_bytes(), 0
        while at < len(data):  # TFRecord: length, its checksum, the record, its checksum
            size = int.from_bytes(data[at : at + 8], "little")
            event = loader.Event.FromString(data[at + 12 : at + 12 + size])
            at += 12 + size + 4
            for value in event.summary.value:
                found[path.parent.name, value.tag, event.step] = value
    for epoch, loss in enumerate(history.history["loss"]):
        np.testing.assert_allclose(found["train", "epoch_loss", epoch].simple_value, loss, rtol=1e-6)
        np.testing.assert_allclose(
            found["validation", "epoch_loss", epoch].simple_value, history.history["val_loss"][epoch], rtol=1e-6
        )
    assert {step for part, tag, step in found if tag == "batch_loss"} == {2, 4, 6}
    assert found["train", "a/kernel/histogram", 0].histo.num == 3


# ------------------------------------------------------------------ what is watched
def own(y_true, y_pred):
    return (y_true - y_pred) ** 2


WATCHING = {
    "EarlyStopping": lambda monitor, **kw: fk.callbacks.EarlyStopping(monitor, **kw),
    "ReduceLROnPlateau": lambda monitor, **kw: fk.callbacks.ReduceLROnPlateau(monitor, **kw),
    "ModelCheckpoint": lambda monitor, **kw: fk.callbacks.ModelCheckpoint("x", monitor, save_best_only=True, **kw),
    "OrbaxCheckpoint": lambda monitor, **kw: fk.callbacks.OrbaxCheckpoint("x", monitor, save_best_only=True, **kw),
}


@pytest.mark.parametrize("name", WATCHING)
def test_what_cannot_be_watched_is_refused_before_the_training(name):
    trainer, make = model().compile("sgd", "mse", metrics=["mae", own]), WATCHING[name]
    steps = []
    count = fk.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: steps.append(epoch))
    for callback, validation, text in (
        (make("val_loss"), None, r"watches 'val_loss', which the logs do not have[\s\S]*no validation data"),
        (make("val_maee"), VALIDATION, r"watches 'val_maee'[\s\S]*Did you mean 'val_mae'"),
        (make("own"), None, r"watches 'own', and nobody can tell[\s\S]*mode=\"max\""),
    ):
        with pytest.raises(ValueError, match=text):
            trainer.fit(trainer.init(0), X, Y, callbacks=[count, callback], validation_data=validation, verbose=0)
    assert steps == []
    with pytest.raises(ValueError, match=r"`mode` must be 'auto', 'min' or 'max'[\s\S]*Did you mean 'max'"):
        make("loss", mode="maxx")
    with pytest.raises(ValueError, match=r"`monitor` is the name of a number"):
        make(fk.metrics.MeanAbsoluteError())


def test_the_metric_says_which_way_is_better():
    class Rise(fk.callbacks.Callback):
        def on_epoch_end(self, event):
            rising = 0.1 * (event.epoch + 1)
            return event.replace(logs={**event.logs, "similar": rising, "mine": rising, "own": rising})

    class Mine(fk.metrics.MeanAbsoluteError):
        goal = "max"

    similar = fk.metrics.CosineSimilarity(name="similar")
    trainer = model().compile("sgd", "mse", metrics=[similar, Mine(name="mine"), own])
    for monitor, mode, epochs in (("similar", "auto", 4), ("mine", "auto", 4), ("own", "max", 4), ("own", "min", 2)):
        stop = fk.callbacks.EarlyStopping(monitor, patience=1, mode=mode)
        _, history = trainer.fit(trainer.init(0), X, Y, epochs=4, callbacks=[Rise(), stop], verbose=0)
        assert len(history.epoch) == epochs


def test_epochs_that_are_not_validated_are_passed_over(tmp_path):
    trainer = model().compile(fk.optimizers.SGD(0.1), "mse")
    callbacks = [
        fk.callbacks.EarlyStopping("val_loss", patience=5),
        fk.callbacks.ReduceLROnPlateau("val_loss", patience=5),
        fk.callbacks.ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.1f}.keras"),
    ]
    options = {"epochs": 4, "validation_data": VALIDATION, "validation_freq": 2, "verbose": 0, "callbacks": callbacks}
    _, history = trainer.fit(trainer.init(0), X, Y, **options)
    assert len(history.history["val_loss"]) == 2
    assert sorted(p.name[:2] for p in tmp_path.iterdir()) == ["2-", "4-"]


def test_every_callback_of_keras_is_here():
    theirs = {n for n in dir(keras.callbacks) if not n.startswith("_")}
    left_out = {"RemoteMonitor"}  # HTTP posts
    assert theirs - set(dir(fk.callbacks)) <= left_out | {"BackupAndRestore", "MonitorCallback"}


@pytest.mark.parametrize("background", [True, False])
def test_orbax_checkpoints_hold_the_whole_run(tmp_path, background):
    trainer = model().compile("adam", "mse")
    options = {"max_to_keep": None, "save_on_background": background, "save_freq": 2}
    save = fk.callbacks.OrbaxCheckpoint(tmp_path, **options)
    state, _ = trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=2, callbacks=save, verbose=0)
    steps = sorted(int(p.name) for p in tmp_path.iterdir())
    assert steps == list(range(2, int(state.step) + 1, 2))
    again, middle = fk.load_trainer(tmp_path / "2")
    assert int(middle.step) == 2
    assert again.optimizer == trainer.optimizer
    _, last = fk.load_trainer(tmp_path / str(steps[-1]))
    jax.tree.map(np.testing.assert_array_equal, last.params, state.params)


def test_orbax_checkpoints_keep_the_best_weights(tmp_path):
    trainer = model().compile("adam", "mse")
    save = fk.callbacks.OrbaxCheckpoint(tmp_path, "loss", save_best_only=True, save_weights_only=True)
    state, history = trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=3, callbacks=save, verbose=0)
    best = int(np.argmin(history.history["loss"])) + 1
    (left,) = tmp_path.iterdir()
    assert int(left.name) == best * int(state.step) // 3
    trainer.model.load_weights(left, state.variables)
