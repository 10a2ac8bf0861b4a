"""A run on disk answers for any step: its state to the bit, its batch, and where something went wrong."""

import functools

import jax
import numpy as np
import optax
import pytest
from flax import linen

import fkeras as fk
from tests.train.test_digest import flipped

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = X[:, :1]


@pytest.fixture(scope="module")
def trainer():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dropout(0.2), fk.nn.Dense(1)])
    optimizer = fk.optimizers.SGD(0.1, momentum=0.9)  # with fewer slots to save than Adam
    return model.compile(optimizer, "mse", metrics=["mae"])


def keep(place, every=7, **others):
    return fk.callbacks.BackupAndRestore(str(place), keep_every=every, delete_checkpoint=False, **others)


class Seen(fk.callbacks.Callback):
    """Notes the state before each step, and what the run's data were."""

    def on_train_batch_begin(self, event):
        return event.remember(states=[*event.memory.get("states", []), jax.device_get(event.state)])

    def on_train_end(self, event):
        STATES[:] = event.memory["states"]


STATES = []


def same(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


def stepwise(trainer, x=X, y=Y, epochs=2, callbacks=(), **arguments):
    """The states before each step of a run, by its own callback, and the last one."""
    start = trainer.init(0)
    end, _ = trainer.fit(start, x, y, epochs=epochs, callbacks=[*callbacks, Seen()], verbose=0, **arguments)
    return list(STATES), end


def test_any_state_is_made_again_to_the_bit(trainer, tmp_path):
    asked = {"batch_size": 4, "epochs": 2, "verbose": 0}
    end, _ = trainer.fit(trainer.init(0), X, Y, callbacks=keep(tmp_path), **asked)
    run = fk.open_run(tmp_path, X, Y)
    assert run.saves == (0, 7, 14, 20)
    states, last = stepwise(trainer, batch_size=4)
    assert len(states) == run.total == 20
    for step in (0, 1, 6, 7, 9, 10, 13, 19):
        found = run.at(step)
        assert same(found.replace(metrics={}), states[step].replace(metrics={})), step
        assert same(found.metrics, states[step].metrics), step
    assert same(run.at(20).params, end.params)
    assert same(end.params, last.params)
    assert run.verify() == []
    assert "saved at 0, 7" in repr(run)
    assert "bytes" in repr(run)


def test_a_batch_is_what_the_step_was_trained_on(trainer, tmp_path):
    weights = {0: 2.0, 1: 1.0}
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    trainer = model.compile("sgd", fk.losses.SparseCategoricalCrossentropy(from_logits=True))
    labels = (X[:, 0] > 0).astype("int32")
    asked = {"batch_size": 6, "epochs": 3, "class_weight": weights, "steps_per_epoch": 5, "validation_split": 0.1}
    trainer.fit(trainer.init(1), X, labels, callbacks=keep(tmp_path, 8), verbose=0, **asked)
    run = fk.open_run(tmp_path, X, labels, batch_size=6, class_weight=weights)
    at = functools.cache(run.at)
    for step in (0, 5, 6, 9, 13):
        (x, y, w), rows = run.batch(step)
        np.testing.assert_array_equal(x, X[rows])
        np.testing.assert_array_equal(y, labels[rows])
        np.testing.assert_array_equal(w, np.where(labels[rows] == 0, 2.0, 1.0))
        after, _ = trainer.train_step(at(step), (x, y, w))
        nearly = jax.tree.map(lambda a, b: np.allclose(a, b, atol=1e-6), after.params, at(step + 1).params)
        assert all(jax.tree.leaves(nearly)), step
    assert sorted(np.concatenate([run.batch(step).rows for step in range(6)])) == list(range(36))
    with pytest.raises(ValueError, match=r"another call of fit[\s\S]*batch_size=8, the run had 6"):
        fk.open_run(tmp_path, X, labels, batch_size=8)
    with pytest.raises(TypeError, match=r"no argument 'batchsize'[\s\S]*batch_size"):
        fk.open_run(tmp_path, X, labels, batchsize=6)


def test_a_poisoned_row_is_found_and_explained(tmp_path):
    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1, name="out")]).compile("sgd", "mse")
    x = RNG.normal(size=(2000, 3)).astype("float32")
    start = trainer.init(0)
    # the row that comes in batch 617 of 1,000
    trainer.fit(start, x, x[:, :1], batch_size=2, callbacks=keep(tmp_path / "clean", 1000), verbose=0)
    row = fk.open_run(tmp_path / "clean", x, x[:, :1]).batch(617).rows[1]
    bad = x.copy()
    bad[row] = np.inf
    trainer.fit(start, bad, x[:, :1], batch_size=2, callbacks=keep(tmp_path / "run", 1000), verbose=0)
    run = fk.open_run(tmp_path / "run", bad, x[:, :1])
    assert run.saves == (0, 1000)
    asked = []

    def test(state):
        asked.append(int(state.step))
        return np.isfinite(state.params["out"]["kernel"]).all()

    found = run.bisect(test)
    assert found.step == 617
    assert found.replays <= 11
    assert len(asked) <= 12
    assert row in run.batch(617).rows
    finding = run.explain(617)
    assert (finding.kind, finding.path) == ("batch", "x")
    table = run.diff(617, 618)
    assert table.rows[0].path == "params/out"
    assert table.rows[0].bad == 4
    assert "not finite" in str(table)
    assert run.diff(3, 3).rows[0].moved == 0
    with pytest.raises(ValueError, match=r"answer differently at the two ends[\s\S]*True before step 0, True"):
        run.bisect(test, 0, 617)
    with pytest.raises(ValueError, match=r"another set of data than the run had"):
        fk.open_run(tmp_path / "run", x, x[:, :1])


def test_callbacks_that_change_the_state_are_called_again(trainer, tmp_path):
    def halved(trainer, state, logs):
        return state.replace(params=jax.tree.map(lambda w: w * 0.5, state.params))

    def callbacks():
        plateau = fk.callbacks.ReduceLROnPlateau("val_loss", patience=1, factor=0.5, min_delta=10.0)
        return [plateau, fk.callbacks.CSVLogger(str(tmp_path / "log.csv")), halved]

    asked = {"batch_size": 8, "validation_data": (X[:8], Y[:8])}
    states, _ = stepwise(trainer, epochs=4, callbacks=callbacks(), **asked)
    trainer.fit(
        trainer.init(0), X, Y, epochs=4, callbacks=[*callbacks(), keep(tmp_path / "run", 1000)], verbose=0, **asked
    )
    table = (tmp_path / "log.csv").read_bytes()
    given = {"callbacks": callbacks(), "validation_data": asked["validation_data"]}
    run = fk.open_run(tmp_path / "run", X, Y, **given)
    found = {step: run.at(step) for step in (4, 5, 16)}
    assert float(trainer.get_learning_rate(found[16])) < float(trainer.get_learning_rate(found[5]))
    for step, state in found.items():
        assert same(state, states[step]), step
    assert (tmp_path / "log.csv").read_bytes() == table  # what only writes is not called
    with pytest.raises(ValueError, match=r"may change what trains: ReduceLROnPlateau, _Reducer"):
        fk.open_run(tmp_path / "run", X, Y)
    with pytest.raises(ValueError, match=r"another list of callbacks[\s\S]*the run had ReduceLROnPlateau, CSVLogger"):
        fk.open_run(tmp_path / "run", X, Y, callbacks=halved)
    with pytest.raises(ValueError, match=r"was validated, and its callbacks see the numbers"):
        fk.open_run(tmp_path / "run", X, Y, callbacks=callbacks())
    with pytest.raises(ValueError, match=r"another set of validation data"):
        fk.open_run(tmp_path / "run", X, Y, callbacks=callbacks(), validation_data=(X, Y))
    given["callbacks"][0] = fk.callbacks.ReduceLROnPlateau("val_loss", patience=9, factor=0.5, min_delta=10.0)
    with pytest.raises(
        ValueError, match=r"another ReduceLROnPlateau[\s\S]*patience=9[\s\S]*the run had[\s\S]*patience=1"
    ):
        fk.open_run(tmp_path / "run", X, Y, **given)


class Sequence:
    def __len__(self):
        return 10

    def __getitem__(self, i):
        return X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]


class Shuffled(Sequence):
    def on_epoch_end(self):
        pass


@pytest.mark.parametrize("kind", ["list", "sequence", "iterator"])
def test_batches_that_can_be_read_again(trainer, tmp_path, kind):
    class Positioned:
        """As Grain's iterators, which say where they are."""

        def __init__(self):
            self.at = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.at += 1
            return Sequence()[(self.at * 7) % 10]

        def get_state(self):
            return self.at

        def set_state(self, state):
            self.at = state

    made = {"list": lambda: [Sequence()[i] for i in range(10)], "sequence": Sequence, "iterator": Positioned}[kind]
    steps = {"steps_per_epoch": 10} if kind == "iterator" else {}
    states, _ = stepwise(trainer, made(), None, **steps)
    trainer.fit(trainer.init(0), made(), epochs=2, callbacks=keep(tmp_path, 8), verbose=0, **steps)
    run = fk.open_run(tmp_path, made())
    for step in (0, 5, 8, 13):
        found = run.at(step)
        assert same(found, states[step]), step
        (x, y, _), index = run.batch(step)
        after, _ = trainer.train_step(found, (x, y))
        wanted = states[step + 1]
        assert all(
            np.allclose(a, b, atol=1e-6) for a, b in zip(*map(jax.tree.leaves, (after, wanted)), strict=True)
        ) or (step + 1 == 10)
        if kind == "sequence":
            np.testing.assert_array_equal(x, X[4 * index : 4 * index + 4])


def test_what_cannot_be_replayed_is_said(trainer, tmp_path):
    batches = [Sequence()[i] for i in range(10)]
    trainer.fit(trainer.init(0), batches, callbacks=keep(tmp_path, 4), verbose=0)
    said = {
        "generator": (batch for batch in batches),
        "begins a pass anew": lambda: iter(batches),
        "its on_epoch_end may change": Shuffled(),
    }
    for words, data in said.items():
        with pytest.raises(ValueError, match=rf"cannot be made again from this[\s\S]*{words}"):
            fk.open_run(tmp_path, data)
    with pytest.raises(ValueError, match=r"does not hold its data"):
        fk.open_run(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no run in[\s\S]*delete_checkpoint=True"):
        fk.open_run(tmp_path / "nothing", X, Y)
    for other in (batches[::-1], batches[:-1]):
        with pytest.raises(ValueError, match=r"another set of data than the run had"):
            fk.open_run(tmp_path, other)
    run = fk.open_run(tmp_path, batches)
    with pytest.raises(ValueError, match=r"cannot be asked for step 11[\s\S]*steps 0 to 10"):
        run.at(11)
    with pytest.raises(TypeError, match=r"A step is a whole number"):
        run.batch(1.5)
    with pytest.raises(ValueError, match=r"another trainer than the run had[\s\S]*optimizer"):
        fk.open_run(tmp_path, batches, trainer=trainer.replace(optimizer=fk.optimizers.SGD(0.5, momentum=0.9)))


def test_what_is_handed_and_was_not_there_is_refused(trainer, tmp_path):
    trainer.fit(trainer.init(0), Sequence(), callbacks=keep(tmp_path / "batches", 5), verbose=0)
    with pytest.raises(ValueError, match=r"another kind of data than the run had"):
        fk.open_run(tmp_path / "batches", X, Y)
    trainer.fit(trainer.init(0), X, Y, batch_size=8, callbacks=keep(tmp_path / "rows", 5), verbose=0)
    with pytest.raises(ValueError, match=r"another set of validation data than the run had"):
        fk.open_run(tmp_path / "rows", X, Y, validation_data=(X, Y))


def test_a_run_without_a_save_at_its_beginning_is_given_its_start(trainer, tmp_path):
    trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=2, checkpoint=str(tmp_path), verbose=0)
    run = fk.open_run(tmp_path, X, Y)
    assert run.steps[0] == 10
    with pytest.raises(ValueError, match=r"step 3[\s\S]*state=trainer.init\(0\)[\s\S]*\(.*keep_every=100"):
        run.at(3)
    run = fk.open_run(tmp_path, X, Y, state=trainer.init(0))
    states, _ = stepwise(trainer, batch_size=4)
    assert same(run.at(3), states[3])
    with pytest.raises(ValueError, match=r"another beginning"):
        fk.open_run(tmp_path, X, Y, state=trainer.init(1))


def test_an_optax_optimizer_is_handed_with_the_trainer(tmp_path):
    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile(optax.adam(1e-2), "mse")
    trainer.fit(trainer.init(0), X, Y, batch_size=8, callbacks=keep(tmp_path), verbose=0)
    with pytest.raises(ValueError, match=r"optimizer could not be written down[\s\S]*trainer=model.compile"):
        fk.open_run(tmp_path, X, Y)
    assert int(fk.open_run(tmp_path, X, Y, trainer=trainer).at(3).step) == 3


def test_a_model_without_a_config_is_handed_with_the_trainer(tmp_path):
    trainer = fk.Trainer(linen.Dense(1), optimizer="sgd", loss="mse")
    trainer.fit(trainer.init(0, X[:1]), X, Y, batch_size=8, callbacks=keep(tmp_path), verbose=0)
    with pytest.raises(ValueError, match=r"model could not be written down[\s\S]*open_run\(directory, x, y, trainer="):
        fk.open_run(tmp_path, X, Y)
    assert int(fk.open_run(tmp_path, X, Y, trainer=trainer).at(3).step) == 3


def test_a_run_that_went_on_with_other_arguments_answers_from_there(trainer, tmp_path):
    asked = {"callbacks": keep(tmp_path, 5), "verbose": 0}
    trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=1, **asked)
    with pytest.warns(UserWarning, match=r"other arguments of fit[\s\S]*batch_size=8, the run had 4"):
        trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=2, **asked)
    run = fk.open_run(tmp_path, X, Y)
    assert (run.since, run.total, run.saves) == (10, 15, (10, 15))
    with pytest.raises(ValueError, match=r"cannot be asked for step 5[\s\S]*had other arguments"):
        run.at(5)
    assert len(run.batch(12).rows) == 8


def test_saves_that_are_kept(trainer, tmp_path):
    with pytest.raises(ValueError, match=r"kept cannot be deleted[\s\S]*delete_checkpoint=False"):
        fk.callbacks.BackupAndRestore("run", keep_every=5)
    with pytest.raises(ValueError, match=r"`keep_every` is a number of steps"):
        keep(tmp_path, 0)
    trainer.fit(trainer.init(0), X, Y, batch_size=2, epochs=1, callbacks=keep(tmp_path, 6, max_to_keep=1), verbose=0)
    assert sorted(int(p.name) for p in tmp_path.iterdir()) == [0, 6, 12, 18, 20]
    damaged = flipped(X, 5, 3)
    with pytest.raises(ValueError, match=r"another set of data"):
        fk.open_run(tmp_path, np.asarray(damaged), Y)
