"""Losses and steps of the user's own: the batch that they get, what evaluate makes of them, and what an epoch shows."""

import pathlib
import re
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

import fkeras as fk

X = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")
Y = X[:, :1]


def compiled(**kwargs):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])
    return model.compile(**{"optimizer": "sgd", **kwargs})


def stream(*arrays):
    return [tuple(a[:4] for a in arrays), tuple(a[4:8] for a in arrays), tuple(a[8:] for a in arrays)]


# ------------------------------------------------------------------ the batch
class Recording(fk.Trainer):
    seen: list | None = None

    def compute_loss(self, params, state, batch, rng):
        self.seen.append((type(batch), len(batch)))
        outputs, _ = self.forward(params, state, batch[0], rng)
        return jnp.mean((outputs - batch[0][:, :1]) ** 2)


@pytest.mark.sweep(5)
@pytest.mark.parametrize("arrays", [(X,), (X, Y), (X, Y, Y[:, 0])], ids=["x", "x and y", "weights"])
@pytest.mark.parametrize("eager", [False, True])
def test_a_loss_gets_the_batch_that_was_given(arrays, eager):
    trainer = compiled(trainer_class=Recording, seen=[], run_eagerly=eager)
    state = trainer.init(0)
    names = dict(zip(("x", "y", "sample_weight"), arrays, strict=False))
    trainer.fit(state, **names, batch_size=4, verbose=0)
    trainer.fit(state, stream(*arrays), validation_data=arrays if len(arrays) > 1 else None, verbose=0)
    trainer.evaluate(state, **names, batch_size=4)
    trainer.evaluate(state, stream(*arrays))
    trainer.train_step(state, arrays)
    trainer.eval_step(state, list(arrays))
    assert set(trainer.seen) == {(tuple, len(arrays))}


def test_a_step_gets_the_batch_that_was_given():
    class Step(fk.Trainer):
        def train_step(self, state, batch):
            x, y = batch
            return super().train_step(state, (x, 2 * y))

    trainer = compiled(loss="mse", trainer_class=Step)
    state = trainer.init(0)
    found, _ = trainer.fit(state, X, Y, batch_size=4, shuffle=False, verbose=0)
    wanted, _ = compiled(loss="mse").fit(state, X, 2 * Y, batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(found.params["dense"]["kernel"], wanted.params["dense"]["kernel"], rtol=1e-6)


@pytest.mark.parametrize(
    ("result", "received"),
    [
        (lambda x: None, "None"),
        (lambda x: x[:, 0], r"shape \(10,\)"),
        (lambda x: (x[:, 0], {"y_pred": x}), r"a loss of shape \(10,\)"),
        (lambda x: (x.mean(), x.mean()), "tuple"),
        (lambda x: (x.mean(), {}, {}), "tuple"),
    ],
    ids=["nothing", "rows", "rows and outputs", "two numbers", "three parts"],
)
def test_a_loss_that_returns_something_else_is_told_what_to_return(result, received):
    class Wrong(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            return result(self.forward(params, state, batch[0], rng)[0])

    trainer = compiled(trainer_class=Wrong)
    with pytest.raises(
        TypeError, match=rf"(?s)Wrong.compute_loss must return a number, .*{received}.*return loss.mean"
    ):
        trainer.train_step(trainer.init(0), (X, Y))


@pytest.mark.parametrize(
    ("extras", "line"),
    [
        (lambda x: {"kl": x.mean()}, r"Known: added, last, logs, .*[\s\S]*loss, \{\"logs\": \{\"kl\": value\}\}"),
        (lambda x: {"batch_stats": {}}, r"return loss, \{\"model_state\": \{\"batch_stats\": updates\}\}"),
    ],
)
def test_what_nothing_takes_beside_a_loss_is_named(extras, line):
    class Wrong(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            return jnp.float32(0), extras(batch[0])

    trainer = compiled(trainer_class=Wrong)
    with pytest.raises(ValueError, match=rf"Wrong.compute_loss returned '\w+' beside the loss[\s\S]*{line}"):
        trainer.train_step(trainer.init(0), (X, Y))


def test_a_batch_is_one_argument_and_no_dict():
    trainer = compiled(loss="mse")
    state = trainer.init(0)
    with pytest.raises(TypeError, match=r"A batch is \(x, y\)[\s\S]*step\(state, \(batch\['x'\], batch\['y'\]\)\)"):
        trainer.train_step(state, {"x": X, "y": Y})
    with pytest.raises(TypeError, match=r"`train_step` takes state and batch[\s\S]*train_step\(state, \(x, y\)\)"):
        trainer.train_step(state, X, Y)


# ------------------------------------------------------------------ what a page says of steps by hand
def test_a_step_by_hand_is_train_step_to_the_bit():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "training.md").read_text()
    block = next(block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "def step_by_hand" in block)
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dropout(0.5), fk.nn.Dense(1)])
    names = {"jax": jax, "optax": optax, "model": model, "tx": optax.adam(0.1), "loss": fk.losses.MeanSquaredError()}
    exec(block, names)
    trainer = model.compile(names["tx"], names["loss"])
    found = wanted = trainer.init(0)
    for _ in range(2):
        found, (wanted, _) = names["step_by_hand"](found, X, Y), trainer.train_step(wanted, (X, Y))
    jax.tree.map(np.testing.assert_array_equal, (found.params, found.opt_state), (wanted.params, wanted.opt_state))


def test_logs_of_steps_are_means_since_the_sums_began():
    trainer = compiled(loss="mse", optimizer=fk.optimizers.SGD(0.0))
    state = trainer.init(0)
    first = trainer.train_step(state, (X[:4], Y[:4]))[1]["loss"]
    second = trainer.train_step(state, (X[4:8], Y[4:8]))[1]["loss"]
    state, _ = trainer.train_step(state, (X[:4], Y[:4]))
    after, logs = trainer.train_step(state, (X[4:8], Y[4:8]))
    np.testing.assert_allclose(logs["loss"], (first + second) / 2, rtol=1e-6)
    after = after.replace(metrics=trainer.reset_metrics(after))
    np.testing.assert_array_equal(trainer.train_step(after, (X[4:8], Y[4:8]))[1]["loss"], second)


def test_a_moving_average_is_what_a_run_returns_and_a_scan_is_finalized_to():
    trainer = compiled(loss="mse", optimizer=fk.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    state = trainer.init(0)
    ran, _ = trainer.run(state, (X, Y), steps=2, batch_size=10, shuffle=False)
    scanned, _ = jax.lax.scan(trainer.train_step, state, (np.stack([X, X]), np.stack([Y, Y])))
    average = optax.tree.get(scanned.opt_state, "ema")
    for a, b, c, moved in zip(*map(jax.tree.leaves, (trainer.finalize(scanned).params, average, ran.params,
                                                     scanned.params)), strict=True):  # fmt: skip
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-6)
        assert not np.array_equal(a, moved)
    with pytest.raises(TypeError, match=r"no argument 'use_ema'[\s\S]*optimizer=fk.optimizers.Adam\(use_ema=True\)"):
        compiled(loss="mse", use_ema=True)


# ------------------------------------------------------------------ evaluation
def test_forward_runs_in_inference_mode_without_a_key():
    class Own(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            outputs, updates = self.forward(params, state, batch[0], rng)
            return jnp.mean((batch[1] - outputs) ** 2), {"y_pred": outputs, "model_state": updates}

    model = fk.Sequential([fk.Input((3,)), fk.nn.BatchNormalization(), fk.nn.Dropout(0.5), fk.nn.Dense(1)])
    own, plain = model.compile("sgd", metrics=["mae"], trainer_class=Own), model.compile("sgd", "mse", metrics=["mae"])
    state, _ = plain.fit(plain.init(0), X, Y, batch_size=5, verbose=0)
    found, wanted = own.evaluate(state, X, Y, batch_size=4), plain.evaluate(state, X, Y, batch_size=4, return_dict=True)
    assert found.keys() == wanted.keys()
    np.testing.assert_allclose([found[k] for k in wanted], list(wanted.values()), rtol=1e-5)


class Logging(fk.Trainer):
    """Logs the mean of each batch, both as a number of the epoch and as one of its last step."""

    def compute_loss(self, params, state, batch, rng):
        loss, extras = super().compute_loss(params, state, batch, rng)
        mean = jnp.mean(batch[0])
        return loss, {**extras, "logs": {"mean": mean, "twice": 2 * loss}, "last": {"end": mean}}


MEANS = {"arrays": {"x": X, "y": Y, "batch_size": 4}, "stream": {"x": stream(X, Y)}}


@pytest.mark.sweep
@pytest.mark.parametrize("options", [{}, {"check_nans": True}, {"callbacks": True}], ids=["plain", "nans", "by batch"])
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("data", MEANS)
def test_logs_of_a_loss_are_means_of_the_epoch_by_rows(data, eager, options):
    if "callbacks" in options:
        shown = []
        look = fk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: shown.append(logs["mean"]))
        options = {"callbacks": [look]}
    trainer = compiled(loss="mse", trainer_class=Logging, run_eagerly=eager)
    state = trainer.init(0)
    after, history = trainer.fit(state, **MEANS[data], shuffle=False, epochs=2, verbose=0, **options)
    assert jax.tree.structure(after) == jax.tree.structure(state)  # the room for such numbers is the run's
    for epoch in range(2):
        numbers = {name: values[epoch] for name, values in history.history.items()}
        np.testing.assert_allclose(numbers["mean"], X.mean(), rtol=1e-5)
        np.testing.assert_allclose(numbers["twice"], 2 * numbers["loss"], rtol=1e-5)
        np.testing.assert_allclose(numbers["end"], X[8:].mean(), rtol=1e-5)
    if options.get("callbacks"):
        np.testing.assert_allclose(shown[:3], [X[:4].mean(), X[:8].mean(), X.mean()], rtol=1e-5)


def test_evaluate_and_validation_have_the_logs_of_a_loss():
    trainer = compiled(loss="mse", metrics=["mae"], trainer_class=Logging)
    state = trainer.init(0)
    results = trainer.evaluate(state, X, Y, batch_size=4)
    assert results.keys() == {"loss", "mae", "mean", "twice"}
    np.testing.assert_allclose(results["twice"], 2 * results["loss"], rtol=1e-5)
    np.testing.assert_allclose(results["mean"], X.mean(), rtol=1e-5)
    _, history = trainer.fit(state, X, Y, validation_data=(X, Y), verbose=0)
    np.testing.assert_allclose(history.history["val_mean"], [X.mean()], rtol=1e-5)
    # a step by itself shows its own numbers, and its state keeps its structure, so that it goes under scan
    _, logs = trainer.eval_step(state, (X[:4], Y[:4]))
    np.testing.assert_allclose(logs["mean"], X[:4].mean(), rtol=1e-5)
    batches = (X[:8].reshape(2, 4, 3), Y[:8].reshape(2, 4, 1))
    _, logs = jax.lax.scan(trainer.train_step, state, batches)
    np.testing.assert_allclose(logs["mean"], [X[:4].mean(), X[4:8].mean()], rtol=1e-5)


def test_an_epoch_that_was_cut_off_has_the_same_means(tmp_path):
    class Stop(fk.callbacks.Callback):
        def on_train_batch_end(self, event):
            if int(event.state.step) == 5:
                raise OSError("the power is gone")

    trainer = compiled(loss="mse", trainer_class=Logging)
    state = trainer.init(0)
    fit = {"x": X, "y": Y, "batch_size": 4, "epochs": 3, "verbose": 0}
    backup = fk.callbacks.BackupAndRestore(tmp_path / "run", save_freq=1, delete_checkpoint=False)
    wanted_state, wanted = trainer.fit(state, **fit)
    with pytest.raises(OSError, match="the power is gone"):
        trainer.fit(state, **fit, callbacks=[backup, Stop()])
    found_state, found = trainer.fit(state, **fit, callbacks=[backup, fk.callbacks.Callback()])
    assert found.history == wanted.history
    jax.tree.map(np.testing.assert_array_equal, found_state.params, wanted_state.params)


def test_programs_that_are_compiled_ahead_are_those_of_the_run():
    trainer = compiled(loss="mse", trainer_class=Logging)
    trainer.lower((X[:4], Y[:4]), rows=10, verbs=("fit", "evaluate"))
    state, _ = trainer.fit(trainer.init(0), X, Y, batch_size=4, verbose=0)
    assert len(trainer.programs.traces) == 2  # a full batch and the short last one
    trainer.evaluate(state, X, Y, batch_size=4)


def test_a_loss_that_needs_more_than_the_batch_is_not_called_on_the_side():
    class Module(linen.Module):
        @linen.compact
        def __call__(self, x, key):
            return linen.Dense(3)(x + jax.random.normal(key, x.shape))

    class Reconstruct(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            key = state.rng if rng is None else rng
            return jnp.mean((self.model.apply({"params": params}, batch[0], key) - batch[0]) ** 2)

    trainer = Reconstruct(Module(), "sgd")
    state = trainer.init(0, (X, jax.random.key(0)))
    _, history = trainer.fit(state, X, validation_data=(X,), verbose=0)
    assert trainer.evaluate(state, X)["loss"] > 0
    assert history.history["val_loss"][0] > 0


# ------------------------------------------------------------------ an evaluation step of one's own
def test_evaluate_runs_an_evaluation_step_of_ones_own():
    class Own(fk.Trainer):
        def eval_step(self, state, batch):
            x, y = batch
            state, logs = super().eval_step(state, (x, y))
            return state, {**logs, "rows": jnp.float32(len(x)), "thrice": 3 * logs["loss"]}

    own, plain = compiled(loss="mse", metrics=["mae"], trainer_class=Own), compiled(loss="mse", metrics=["mae"])
    state, seen = own.init(0), []
    look = fk.callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: seen.append(float(logs["rows"])))
    found, wanted = own.evaluate(state, X, Y, batch_size=4, callbacks=[look]), plain.evaluate(state, X, Y)
    for name, number in wanted.items():  # what it keeps from batch to batch is in the state
        assert found[name] == pytest.approx(number, rel=1e-5)
    assert found["thrice"] == pytest.approx(3 * wanted["loss"], rel=1e-5)
    assert (found["rows"], seen) == (2.0, [4.0, 4.0, 2.0])  # no row is added
    _, history = own.fit(state, X, Y, validation_data=(X, Y), verbose=0)
    assert history.history["val_thrice"][0] == pytest.approx(3 * history.history["val_loss"][0], rel=1e-5)
    assert set(own.lower((X, Y), verbs="evaluate")) == {"evaluate"}


def test_metrics_of_a_whole_set_beside_an_evaluation_step_are_named():
    class Own(fk.Trainer):
        def eval_step(self, state, batch):
            return state, {"loss": jnp.float32(1)}

    whole = fk.metrics.OnHost(lambda y, p: 0.5, name="whole")
    trainer = compiled(loss="mse", metrics=[whole], trainer_class=Own)
    with pytest.warns(UserWarning, match=r"(?s)leaves out metrics that need a whole set.*Own.eval_step"):
        assert trainer.evaluate(trainer.init(0), X, Y) == {"loss": 1.0}


# ------------------------------------------------------------------ Keras's own forms
def _train_step(self, data): ...
def _test_step(self, data): ...
def _compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True): ...
def _compute_metrics(self, x, y, y_pred, sample_weight=None): ...
def _predict_step(self, data): ...


@pytest.mark.parametrize(
    ("name", "value", "write"),
    [
        ("train_step", _train_step, r"def train_step\(self, state, batch\)"),
        ("test_step", _test_step, r"here it is called eval_step.*def eval_step\(self, state, batch\)"),
        ("compute_loss", _compute_loss, r"def compute_loss\(self, params, state, batch, rng\)"),
        ("predict_step", _predict_step, r"def predict_step\(self, variables, x\)"),
        ("compute_metrics", _compute_metrics, r"\"logs\": \{\"kl\": kl\}"),
        ("metrics", property(lambda self: []), r"running sums are in the state"),
        ("make_train_function", lambda self: None, r"nothing here calls it"),
        ("training_step", lambda self, batch, idx: None, r"Lightning's.*def compute_loss\(self, params"),
        ("validation_step", lambda self, batch, idx: None, r"Lightning's.*def eval_step\(self, state, batch\)"),
        ("configure_optimizers", lambda self: None, r"model.compile\(optimizer="),
        ("forward", lambda self, x: x, r"def forward\(self, params, state, x, rng, training\)"),
    ],
)
def test_methods_as_keras_has_them_are_refused_where_the_class_is_made(name, value, write):
    with pytest.raises(TypeError, match=rf"(?s)The Trainer 'Mine' cannot have this {name}.*{write}"):
        type("Mine", (fk.Trainer,), {name: value})


def test_the_method_that_the_error_shows_is_one_that_works():
    with pytest.raises(TypeError) as caught:
        type("Mine", (fk.Trainer,), {"compute_loss": _compute_loss})
    source = textwrap.indent(textwrap.dedent(" " * 12 + str(caught.value).partition("Write:    ")[2]), " " * 4)
    space = {"my_loss": lambda y, y_pred: jnp.mean((y - y_pred) ** 2), "fk": fk}
    exec("class Mine(fk.Trainer):\n" + source, space)
    trainer = compiled(metrics=["mae"], trainer_class=space["Mine"])
    assert trainer.evaluate(trainer.init(0), X, Y).keys() == {"loss", "mae"}


# ------------------------------------------------------------------ targets of a loss of one's own
LABELS = np.arange(10) % 4


@pytest.mark.sweep
@pytest.mark.parametrize(
    "loss",
    [
        lambda y, p: optax.softmax_cross_entropy_with_integer_labels(p, y),
        lambda y, p: -jax.nn.log_softmax(p)[jnp.arange(len(y)), y],
        lambda y, p: -jnp.take_along_axis(jax.nn.log_softmax(p), y[:, None], axis=-1)[:, 0],
    ],
    ids=["optax", "indexing", "take_along_axis"],
)
@pytest.mark.parametrize("weights", [None, np.arange(10.0)], ids=["plain", "weighted"])
def test_labels_reach_a_loss_that_indexes_with_them_as_integers(loss, weights):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4)])
    own, known = (
        model.compile("sgd", loss),
        model.compile("sgd", fk.losses.SparseCategoricalCrossentropy(from_logits=True)),
    )
    state = own.init(0)
    found = own.evaluate(state, X, LABELS, sample_weight=weights, batch_size=4)
    assert found["loss"] == pytest.approx(known.evaluate(state, X, LABELS, sample_weight=weights)["loss"], rel=1e-5)
    own.fit(state, X, LABELS, verbose=0)


def test_other_losses_get_floats_as_in_keras():
    seen = []
    trainer = compiled(loss=lambda y, p: seen.append(y.dtype) or jnp.mean((y - p) ** 2, axis=-1))
    trainer.train_step(trainer.init(0), (X, np.arange(10)[:, None]))
    assert set(seen) == {np.dtype("float32")}


def test_a_loss_that_takes_neither_says_what_it_was_given():
    def loss(y, p):
        raise TypeError(f"no {y.dtype}")

    trainer = compiled(loss=loss)
    with pytest.raises(TypeError, match="no int32") as caught:
        trainer.train_step(trainer.init(0), (X, np.arange(10)[:, None]))
    assert "The targets came as int32" in caught.value.__notes__[0]
    assert "raised TypeError: no float32" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "name", ["softmax_cross_entropy_with_integer_labels", "sigmoid_binary_cross_entropy", "l2_loss"]
)
def test_a_loss_of_optax_takes_its_arguments_in_the_other_order(name):
    function = getattr(optax, name)
    with pytest.raises(
        ValueError, match=rf"(?s)predictions first.*lambda y_true, y_pred: optax.{name}\(y_pred, y_true\)"
    ):
        compiled(loss=function)


# ------------------------------------------------------------------ sums of one's own
class OwnSums(fk.Trainer):
    """Keeps a metric of its own among the running sums, as Keras's guide to custom steps does."""

    def reset_metrics(self, state=None, x=None):
        return {**super().reset_metrics(state, x), "distance": fk.metrics.MeanAbsoluteError().empty()}

    def eval_step(self, state, batch):
        x, y = batch
        metric = fk.metrics.MeanAbsoluteError()
        y_pred, _ = self.forward(state.params, state, x, None)
        distance = metric.update(state.metrics["distance"], y, y_pred)
        state = state.replace(metrics={**state.metrics, "distance": distance})
        return state, {"loss": metric.compute(distance)}

    def train_step(self, state, batch):
        state, logs = super().train_step(state, batch)
        return self.eval_step(state, batch)[0], logs


def test_steps_of_ones_own_keep_sums_of_their_own(tmp_path):
    own, plain = compiled(loss="mse", trainer_class=OwnSums), compiled(loss="mse", metrics=["mae"])
    state, history = own.fit(own.init(0), X, Y, batch_size=4, epochs=2, validation_data=(X, Y), verbose=0)
    assert (
        history.history["loss"] == plain.fit(plain.init(0), X, Y, batch_size=4, epochs=2, verbose=0)[1].history["loss"]
    )
    wanted = plain.evaluate(state.replace(metrics=plain.init(0).metrics), X, Y)["mae"]
    assert own.evaluate(state, X, Y, batch_size=4)["loss"] == pytest.approx(wanted, rel=1e-5)
    own.save(tmp_path / "run", state)
    _, loaded = fk.load_trainer(tmp_path / "run", trainer_class=OwnSums)
    assert loaded.metrics["distance"].keys() == state.metrics["distance"].keys()


def test_the_step_that_the_documentation_writes_out_runs():
    page = (pathlib.Path(__file__).parents[2] / "docs" / "training.md").read_text()
    (block,) = [code for code in re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S) if "WrittenOut" in code]
    names = {"fk": fk, "jax": jax, "optax": optax, "model": compiled().model}
    exec(block, names)
    trainer = names["trainer"]
    state, history = trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=2, validation_data=(X, Y), verbose=0)
    assert set(history.history) == {"loss", "distance", "val_distance"}
    wanted = np.abs(trainer.predict(state, X) - Y).mean()
    assert history.history["val_distance"][-1] == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(AttributeError, match=r"opt_state = trainer\.optimizer\.update\([\s\S]*docs/training\.md"):
        state.apply_gradients(grads=state.params)


def test_a_class_with_a_step_of_its_own_has_methods_of_any_name():
    class Guide(fk.Trainer):
        def compute_loss_and_updates(self, params, state, x, y, rng):
            y_pred, updates = self.forward(params, state, x, rng)
            return jnp.mean((y - y_pred) ** 2), updates

        def train_step(self, state, batch):
            x, y = batch
            grads, _ = jax.grad(self.compute_loss_and_updates, has_aux=True)(state.params, state, x, y, state.rng)
            updates, opt_state = self.optimizer.update(grads, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            return state.replace(params=params, opt_state=opt_state, step=state.step + 1), {"loss": jnp.float32(0)}

    trainer = compiled(optimizer=optax.sgd(0.1), trainer_class=Guide)
    state, _ = trainer.fit(trainer.init(0), X, Y, verbose=0)
    assert int(state.step) == 1


# ------------------------------------------------------------------ losses of no one output
def test_a_loss_of_ones_own_of_two_outputs_is_one_number():
    class Apart(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            outputs, _ = self.forward(params, state, batch[0], rng)
            return jnp.mean((outputs[0] - outputs[1]) ** 2), {"y_pred": outputs}

    x = fk.Input((3,))
    model = fk.Model(x, [fk.nn.Dense(1, name="a")(x), fk.nn.Dense(1, name="b")(x)])
    trainer = model.compile("sgd", trainer_class=Apart)
    state, history = trainer.fit(trainer.init(0), X, validation_data=(X,), verbose=0)
    assert set(history.history) == {"loss", "val_loss"}
    assert set(trainer.evaluate(state, X).keys()) == {"loss"}


def test_a_loss_that_draws_without_a_key_is_told_what_to_write():
    class Draws(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            key, _ = jax.random.split(rng)
            return jnp.mean(jax.random.normal(key, (3,))) + 0 * params["dense"]["bias"].sum()

    trainer = compiled(trainer_class=Draws)
    state, _ = trainer.fit(trainer.init(0), X, verbose=0)
    with pytest.raises(TypeError) as caught:
        trainer.evaluate(state, X)
    assert any("key = state.rng if rng is None else rng" in note for note in caught.value.__notes__)


def test_a_module_that_takes_more_than_its_input_is_called_by_the_loss_alone():
    class Module(linen.Module):
        @linen.compact
        def __call__(self, x, scale):
            return linen.Dense(1)(x) * scale

    class Scaled(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            scale = 1.0 if rng is None else 2.0
            return jnp.mean((self.model.apply({"params": params}, batch[0], scale) - batch[1]) ** 2)

    trainer = Scaled(Module(), "sgd")
    state = trainer.init(0, X, variables=Module().init(jax.random.key(0), X, 1.0))
    state, history = trainer.fit(state, X, Y, validation_data=(X, Y), verbose=0)
    assert set(history.history) == {"loss", "val_loss"}
    assert set(trainer.evaluate(state, X, Y).keys()) == {"loss"}
