"""Many models as one run: members are what their solo runs are, whatever stops, groups, spreads or saves them."""

import json
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest

import fkeras as fk
from fkeras.train._loop._histories import Histories
from fkeras.train._loop._members import Member

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = (np.arange(32) % 3).astype("int32")
VALIDATION = (X[:6], Y[:6])
LOSS = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
ARRAYS = {"x": X, "y": Y, "batch_size": 8, "verbose": 0}


@pytest.fixture(scope="module")
def trainer():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dropout(0.2), fk.nn.Dense(3)])
    return model.compile(fk.optimizers.SGD(0.02, weight_decay=0.0), LOSS)


def solo(trainer, member, **options):
    """The run that a member is to be, with its hyperparameters in the optimizer."""
    numbers = dict(member.numbers)
    rate = numbers.pop("learning_rate", None)
    trainer = trainer.replace(optimizer=trainer.optimizer.replace(**numbers)) if numbers else trainer
    state = trainer.init(member.seed)
    state = state if rate is None else trainer.set_learning_rate(state, rate)  # which compiles nothing anew
    return trainer.fit(state, **{**ARRAYS, **options})


def close(state, wanted, atol=1e-5):
    assert jax.tree.structure(state) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=atol)


def same(state, wanted):
    close(state, wanted, 0)
    pairs = zip(jax.tree.leaves(state), jax.tree.leaves(wanted), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("vectorize", [True, False])
def test_members_are_their_solo_runs(trainer, vectorize):
    options = {"epochs": 5, "validation_data": VALIDATION}  # 20 steps
    states, histories = trainer.fit_many(
        **ARRAYS, **options, seeds=[3, 5], over={"learning_rate": [0.02, 0.1]}, vectorize=vectorize
    )
    assert [m.columns for m in histories.members][1] == {"seed": 3, "learning_rate": 0.1}
    for i in (0, 3):
        state, history = solo(trainer, histories.members[i], **options)
        close(fk.train.member(states, i), state)
        if not vectorize:  # by the same programs
            same(fk.train.member(states, i).params, state.params)
        for name, values in history.history.items():
            np.testing.assert_allclose(histories[i].history[name], values, rtol=1e-5, atol=1e-6)


def test_no_epochs_are_the_first_states(trainer):
    states, histories = trainer.fit_many(**ARRAYS, seeds=[3, 5], epochs=0)
    same(fk.train.member(states, 1), trainer.init(5))
    assert [history.history for history in histories] == [{}, {}]
    assert histories.epoch == []
    assert histories.rows() == []
    with pytest.raises(ValueError, match="epochs must be a positive integer"):
        trainer.fit_many(**ARRAYS, epochs=-1)


# ------------------------------------------------------------------ what each member does by itself
def callbacks():
    return [
        fk.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=0.05),
        fk.callbacks.EarlyStopping("val_loss", patience=2, min_delta=0.05, restore_best_weights=True),
    ]


@pytest.mark.parametrize("vectorize", [True, False])
def test_each_member_stops_and_slows_down_by_itself(trainer, vectorize):
    options = {"epochs": 9, "validation_data": VALIDATION}
    over = {"learning_rate": [1e-5, 0.05]}
    seen = {}

    class Watch(fk.callbacks.Callback):
        sees_members = True

        def on_epoch_end(self, event):
            seen[event.epoch] = jax.device_get(event.state), event.logs["loss"]

    states, histories = trainer.fit_many(
        **ARRAYS, **options, seeds=[3, 5], over=over, callbacks=[*callbacks(), Watch()], vectorize=vectorize
    )
    lengths = [len(history.epoch) for history in histories]
    assert min(lengths) < max(lengths)
    for i, member in enumerate(histories.members):
        state, history = solo(trainer, member, **options, callbacks=callbacks())
        assert lengths[i] == len(history.epoch)
        close(fk.train.member(states, i).params, state.params)
        np.testing.assert_allclose(histories[i].history["learning_rate"], history.history["learning_rate"], rtol=1e-6)
        np.testing.assert_allclose(histories[i].history["val_loss"], history.history["val_loss"], rtol=1e-5)
    first = int(np.argmin(lengths))
    last_epoch, (at_end, loss) = lengths[first], seen[max(lengths) - 1]
    stopped = seen[last_epoch - 1][0] if lengths.count(max(lengths)) else None
    assert loss.shape == (4,)
    assert np.isnan(loss[first])
    mine = lambda tree: jax.tree.map(lambda leaf: leaf[first], tree)  # noqa: E731
    same(mine(at_end), mine(stopped))  # not a bit of it has moved since
    assert int(at_end.step[first]) == 4 * last_epoch
    ended = histories.ended_with("val_loss")
    assert histories.best("val_loss") == int(np.argmin(ended))
    np.testing.assert_allclose(trainer.evaluate_many(states, *VALIDATION)["loss"], ended, rtol=1e-5)


def test_averages_are_each_members_own():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)])
    trainer = model.compile(fk.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.8), LOSS)
    options = {"epochs": 2, "validation_data": VALIDATION, "callbacks": fk.callbacks.SwapEMAWeights()}
    states, histories = trainer.fit_many(**ARRAYS, **options, seeds=[1, 2])
    state, history = solo(trainer, histories.members[1], **options)
    close(fk.train.member(states, 1), state)
    np.testing.assert_allclose(histories[1].history["val_loss"], history.history["val_loss"], rtol=1e-5)


# ------------------------------------------------------------------ folds
@pytest.mark.parametrize("vectorize", [True, False])
def test_folds_are_solo_runs_on_their_rows(trainer, vectorize):
    states, histories = trainer.fit_many(**ARRAYS, epochs=2, folds=4, seeds=[4], vectorize=vectorize)
    rows = [histories.validation_rows(i) for i in range(4)]
    assert sorted(np.concatenate(rows).tolist()) == list(range(32))
    keep = np.setdiff1d(np.arange(32), rows[2])
    data = {"x": X[keep], "y": Y[keep], "validation_data": (X[rows[2]], Y[rows[2]])}
    state, history = solo(trainer, histories.members[2], **data, epochs=2)
    close(fk.train.member(states, 2).params, state.params)
    for name, values in history.history.items():
        np.testing.assert_allclose(histories[2].history[name], values, rtol=1e-5)


def test_folds_that_are_not_equal_have_epochs_of_one_length(trainer):
    parts = (np.arange(32) >= 11).astype(int)  # 11 and 21 rows: there is a short last batch
    states, histories = trainer.fit_many(**ARRAYS, folds=parts, shuffle=False, vectorize=True)
    keep = np.flatnonzero(parts == 1)[:11]
    data = {"x": X[keep], "y": Y[keep], "validation_data": (X[:11], Y[:11]), "shuffle": False}
    state, history = solo(trainer, histories.members[0], **data)
    close(fk.train.member(states, 0).params, state.params)
    np.testing.assert_allclose(histories[0].history["val_loss"], history.history["val_loss"], rtol=1e-5)


# ------------------------------------------------------------------ where and how they run
def test_groups_and_devices_change_no_member(trainer):
    wanted, _ = trainer.fit_many(**ARRAYS, epochs=2, seeds=range(4), vectorize=True)
    grouped, histories = trainer.fit_many(**ARRAYS, epochs=2, seeds=range(4), vectorize=True, members_at_once=2)
    close(grouped, wanted)
    assert histories.how == ("vmap", 2)
    spread = trainer.distribute({"members": 2})
    states, _ = spread.fit_many(**ARRAYS, epochs=2, seeds=range(4))
    close(states, wanted)


def test_one_order_for_all_is_that_of_the_first(trainer):
    states, histories = trainer.fit_many(**ARRAYS, seeds=[7, 8], shared_order=True, vectorize=True)
    state, _ = solo(trainer, histories.members[0])
    close(fk.train.member(states, 0), state)


def test_a_run_is_one_compilation(trainer):
    own = trainer.replace(loss_weights=1.5)  # a trainer that nobody else has compiled
    own.fit_many(X, Y, batch_size=8, epochs=3, verbose=0, seeds=range(3), over={"learning_rate": [0.1, 0.2]})
    assert len(own.programs.traces) == 1
    own.fit_many(X, Y, batch_size=8, epochs=2, verbose=0, seeds=range(6), over={"learning_rate": [0.3]})
    assert len(own.programs.traces) == 1


def test_callbacks_do_not_compile_the_steps_again(trainer, caplog):
    own = trainer.replace(loss_weights=2.0)
    slower = fk.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    with jax.log_compiles():
        own.fit_many(**ARRAYS, epochs=3, seeds=range(2), vectorize=True, validation_data=VALIDATION, callbacks=slower)
    for program in ("_steps_of_members", "_sums_of_members", "_logs_of_members"):
        assert caplog.text.count(f"Finished XLA compilation of jit({program})") == 1


def test_convolutions_on_a_cpu_run_one_after_another():
    layers = [fk.nn.Reshape((2, 2, 1)), fk.nn.Conv2D(2, 2), fk.nn.Flatten(), fk.nn.Dense(3)]
    trainer = fk.Sequential([fk.Input((4,)), *layers]).compile("sgd", LOSS)
    states, histories = trainer.fit_many(**ARRAYS, seeds=range(2), validation_data=VALIDATION)
    assert histories.how[0] == "loop"
    state, history = solo(trainer, histories.members[1], validation_data=VALIDATION)
    same(fk.train.member(states, 1), state)
    assert histories[1].history == history.history
    assert trainer.predict_many(states, X).shape == (2, 32, 3)


def test_members_of_private_training_have_noise_of_their_own_run():
    clipped = optax.contrib.differentially_private_aggregate(1.0, 1.0, key=jax.random.key(0))  # in its state
    private = optax.chain(clipped, optax.sgd(0.1))
    trainer = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)]).compile(private, LOSS)
    states, histories = trainer.fit_many(**ARRAYS, seeds=range(2), vectorize=True)
    close(fk.train.member(states, 1).params, solo(trainer, histories.members[1])[0].params)


def test_members_whose_step_calls_python_run_one_after_another():
    def on_host(y_true, y_pred):  # without a rule for vmap
        return jax.pure_callback(lambda y: np.float32(y.mean()), jax.ShapeDtypeStruct((), "float32"), y_pred)

    trainer = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)]).compile("sgd", LOSS, metrics=[on_host])
    _, histories = trainer.fit_many(**ARRAYS, seeds=range(2))
    assert histories.how[0] == "loop"
    assert histories[1].history == solo(trainer, histories.members[1])[1].history


# ------------------------------------------------------------------ what goes on
def test_a_run_that_was_cut_off_is_the_same_run(trainer, tmp_path):
    class Crash(fk.callbacks.Callback):
        at = None

        def on_epoch_end(self, event):
            if event.epoch == self.at and event.member == 1:
                self.at = None
                raise RuntimeError

    crash = Crash()
    options = {"epochs": 5, "seeds": [1, 2], "over": {"weight_decay": [0.0, 0.2]}, "validation_data": VALIDATION}
    options |= ARRAYS
    wanted, histories = trainer.fit_many(**options, callbacks=[*callbacks(), crash])
    for crash.at in (1, 2):
        with pytest.raises(RuntimeError):
            trainer.fit_many(
                **options, callbacks=[*callbacks(), crash],
                checkpoint=fk.callbacks.BackupAndRestore(tmp_path / "run", save_freq=3, delete_checkpoint=False),
            )  # fmt: skip
    states, resumed = trainer.fit_many(**options, callbacks=[*callbacks(), crash], checkpoint=tmp_path / "run")
    same(states, wanted)
    assert resumed.history == histories.history
    again, _ = trainer.fit_many(**options, callbacks=[*callbacks(), crash], checkpoint=tmp_path / "run")
    same(again, wanted)


def test_a_member_goes_on_in_fit(trainer):
    states, histories = trainer.fit_many(**ARRAYS, seeds=[3], over={"weight_decay": [0.0, 0.2]})
    state = fk.train.member(states, -1)
    tuned = histories.trainer(1)
    assert tuned.optimizer.weight_decay == 0.2
    got, _ = tuned.fit(state, **ARRAYS)
    wanted, _ = solo(trainer, histories.members[1], epochs=2)
    close(got.params, wanted.params)


# ------------------------------------------------------------------ tables and words
def test_histories_are_a_table(trainer):
    pandas = pytest.importorskip("pandas")
    _, histories = trainer.fit_many(**ARRAYS, epochs=2, seeds=[3, 4], over={"learning_rate": [0.1, 0.2]})
    table = histories.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert list(table.columns) == ["member", "seed", "learning_rate", "epoch", "loss"]
    assert len(table) == 8
    assert histories.values("loss").shape == (4, 2)
    assert "4 members" in repr(histories)


@pytest.mark.parametrize(
    ("callback", "text"),
    [
        (fk.callbacks.CSVLogger("log.csv"), r"CSVLogger writes the files of one model[\s\S]*to_pandas\(\)\.to_csv"),
        (fk.callbacks.ModelCheckpoint("a.keras"), r"ModelCheckpoint writes[\s\S]*restore_best_weights=True"),
        (fk.callbacks.TerminateOnNaN(), r"TerminateOnNaN looks at each batch"),
        (fk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None), r"hooks in Keras's form[\s\S]*event.mem"),
    ],
)
def test_callbacks_of_one_model_are_refused_in_words(trainer, callback, text):
    with pytest.raises(TypeError, match=text):
        trainer.fit_many(**ARRAYS, seeds=range(2), callbacks=callback)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"seeds": 8}, r"seeds is a list[\s\S]*seeds=range\(8\)"),
        ({"over": {"learning_rate": 0.1}}, r"takes a list of numbers"),
        ({"over": {"lr": [0.1]}}, r"no hyperparameter 'lr'"),
        ({"over": {"learning_rate": [0.1], "weight_decay": [0.1, 0.2]}, "grid": False}, r"one length"),
        ({"folds": 5, "validation_split": 0.2}, r"validated on the rows that it does not train on"),
        ({"folds": 1}, r"folds says how 32 rows are parted"),
        ({"over": {"learning_rate": [0.1, None]}}, r"takes a list of numbers[\s\S]*None or a flag"),
        ({"over": {"learning_rate": [True]}}, r"takes a list of numbers[\s\S]*None or a flag"),
        ({"folds": np.arange(32) % 3 - 1}, r"numbered from 0[\s\S]*PredefinedSplit"),
        ({"on_interrupt": "stop"}, r"`on_interrupt` is 'return' or 'raise'"),
        ({"vectorize": "fast"}, r"vectorize is True"),
        ({"x": iter([(X, Y)]), "y": None, "batch_size": None}, r"fit_many takes arrays"),
    ],
)
def test_what_cannot_be_is_refused_in_words(trainer, options, text):
    with pytest.raises((TypeError, ValueError), match=text):
        trainer.fit_many(**{**ARRAYS, **options})


def test_states_of_many_and_of_one_are_told_apart(trainer, tmp_path):
    states, _ = trainer.fit_many(**ARRAYS, seeds=range(2))
    with pytest.raises(IndexError, match="There are 2 members"):
        fk.train.member(states, 2)
    with pytest.raises(TypeError, match=r"leading axis of members"):
        trainer.predict_many(trainer.init(0), X)
    with pytest.raises(TypeError, match=r"states of 2 members[\s\S]*fk.train.member\(states, 0\)"):
        trainer.fit(states, **ARRAYS)
    for call in (
        lambda: trainer.predict(states, X),
        lambda: trainer.predict_on_batch(states, X),
        lambda: trainer.save(tmp_path / "run", states),
    ):
        with pytest.raises(TypeError, match=r"states of 2 members[\s\S]*fk.train.member\(states, 0\)"):
            call()
    assert not (tmp_path / "run").exists()
    for rates in (0.5, [0.25, 0.5]):
        faster = trainer.set_learning_rate(states, rates)
        assert float(trainer.get_learning_rate(fk.train.member(faster, 1))) == 0.5
    with pytest.raises(ValueError, match="learning rate is one number"):
        trainer.set_learning_rate(states, [0.1, 0.2, 0.3])


def test_numbers_that_a_loss_logs_are_each_members_own():
    class Own(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            outputs, _ = self.forward(params, state, batch[0], rng)
            loss = ((outputs[:, 0] - batch[1]) ** 2).mean()
            return loss, {"logs": {"twice": 2 * loss}}

    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)])
    trainer = model.compile("sgd", trainer_class=Own)
    states, histories = trainer.fit_many(**ARRAYS, seeds=[1, 2])
    state, history = solo(trainer, histories.members[1])
    close(fk.train.member(states, 1), state)
    np.testing.assert_allclose(histories[1].history["twice"], history.history["twice"], rtol=1e-6)


# ------------------------------------------------------------------ ensembles
@pytest.fixture(scope="module")
def classifier():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3, "softmax")])
    states, _ = model.compile("sgd", "sparse_categorical_crossentropy").fit_many(**ARRAYS, seeds=range(3))
    return model, states, model.compile("sgd", "sparse_categorical_crossentropy").predict_many(states, X)


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("mean", lambda p: p.mean(0)),
        ("variance", lambda p: p.var(0)),
        ("vote", lambda p: np.eye(3)[p.argmax(-1)].mean(0)),
    ],
)
def test_an_ensemble_is_a_model(classifier, tmp_path, how, wanted):
    model, states, parts = classifier
    together, variables = fk.ensemble(model, states, how)
    np.testing.assert_allclose(together.predict(variables, X), wanted(parts), atol=1e-6)
    together.save(tmp_path / "together.keras", variables)
    loaded, its = fk.load_model(tmp_path / "together.keras")
    np.testing.assert_array_equal(loaded.predict(its, X), together.predict(variables, X))


def test_an_ensemble_has_layers_that_no_config_could_hold():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3), fk.nn.Lambda(lambda x: 2 * x)])
    trainer = model.compile("sgd", LOSS)
    states = jax.tree.map(lambda *leaves: np.stack(leaves), trainer.init(0), trainer.init(1))
    together, variables = fk.ensemble(model, states)
    wanted = np.mean([model.apply(fk.train.member(states, i).variables, X) for i in range(2)], 0)
    np.testing.assert_allclose(together.apply(variables, X), wanted, atol=1e-6)  # a mean of two sums in float32


def test_what_is_no_ensemble_is_refused_in_words(classifier):
    model, states, parts = classifier
    one, variables = fk.ensemble(model, states, members=[1])
    np.testing.assert_allclose(one.predict(variables, X), parts[1], atol=1e-6)
    with pytest.raises(ValueError, match="how is 'mean', 'vote' or 'variance'"):
        fk.ensemble(model, states, "median")
    with pytest.raises(TypeError, match="leading axis of members"):
        fk.ensemble(model, fk.train.member(states, 0))
    with pytest.raises(ValueError, match="An ensemble is made of a model with a graph"):
        fk.ensemble(fk.Sequential([fk.nn.Dense(3)]), states)


# ------------------------------------------------------------------ killed
@pytest.mark.skipif(os.environ.get("FKERAS_TEST") != "all", reason="runs of one that are killed: test_resume.py")
def test_processes_that_are_killed_go_on(tmp_path):
    """SIGKILL at a random moment; the run of many that is started again is the same run, to the bit."""
    script = pathlib.Path(__file__).parents[2] / "benchmarks" / "kill_many.py"
    out = tmp_path / "result.json"
    command = [sys.executable, str(script), "--runs", "1", "--seed", "0", "--json", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=1500)
    result = json.loads(out.read_text())
    assert result["equal"] == result["runs"] == result["kills"] == 1


def test_histories_are_curves_of_members():
    members = [Member(seed, {"learning_rate": 0.1}) for seed in (3, 5)]
    histories = Histories(members, None)
    with pytest.raises(ValueError, match="A curve needs two epochs or more"):
        histories.plot()
    for epoch in range(3):
        active = [True, epoch < 2]
        histories.add(epoch, {"loss": [0.5**epoch, 0.25], "cells": [np.ones(2), np.ones(2)]}, active)
    picture = histories.to_picture()
    assert "loss by epoch: seed 3 from 1 to 0.25, seed 5 from 0.25 to 0.25" in picture.svg
    assert "nan" not in picture.svg
    with pytest.raises(ValueError, match=r"histories\.plot\(\)\.savefig"):
        histories.plot("h.png")
    many = Histories([Member(seed) for seed in range(6)], None)
    for epoch in range(2):
        many.add(epoch, {"loss": [0.5] * 6}, [True] * 6)
    assert many.to_picture("loss").svg.count("<polyline") == 6
