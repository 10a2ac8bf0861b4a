"""A trainer is a value: what it did before decides on nothing, and two equal ones are one."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 3)).astype("float32")
Y = RNG.normal(size=(10, 2)).astype("float32")


class Net(fk.Model):
    """A model that does not know its input's shape, with a part that rests."""

    def __init__(self):
        super().__init__()
        self.base = fk.nn.Dense(4, trainable=False)
        self.head = fk.nn.Dense(2, kernel_constraint="non_neg")

    def call(self, x):
        return self.head(self.base(x))


class OnDicts(fk.Trainer):
    """Batches that are no input of the model."""

    def compute_loss(self, params, state, batch, rng):
        y_pred = self.model.apply({"params": params}, batch["features"])
        return ((y_pred - batch["target"]) ** 2).mean()


class Bare(fk.Trainer):
    """Outputs are handed to the metrics in training alone."""

    def compute_loss(self, params, state, batch, rng):
        loss, extras = super().compute_loss(params, state, batch, rng)
        return loss, extras if rng is not None else {k: v for k, v in extras.items() if k != "y_pred"}


class Look(fk.callbacks.Callback):
    """One dispatch a step."""

    def on_train_batch_end(self, event):
        return None


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def test_equal_trainers_make_the_same_step_where_the_batch_is_no_input():
    trainer = Net().compile("adam", None, trainer_class=OnDicts)
    state = trainer.init(0, X)
    batch = {"features": X, "target": Y}
    one, logs = trainer.train_step(state, batch)
    two, others = trainer.replace(log=["grad_norm"]).train_step(state, batch)
    assert same(one.params, two.params)
    assert same(one.params["base"], state.params["base"])
    assert float(one.params["head"]["kernel"].min()) >= 0
    assert logs["loss"] == others["loss"]
    assert set(others) == {"loss", "grad_norm"}


USES = {
    "nothing": lambda trainer, state: None,
    "fit": lambda trainer, state: trainer.fit(state, X, Y, batch_size=4, verbose=0),
    "evaluate": lambda trainer, state: trainer.evaluate(state, X, Y, batch_size=4, verbose=0),
    "predict": lambda trainer, state: trainer.predict(state, X, verbose=0),
    "on batches": lambda trainer, state: (
        trainer.train_on_batch(state, X, Y), trainer.test_on_batch(state, X[:3], Y[:3])
    ),
    "other shapes": lambda trainer, state: trainer.test_on_batch(state, X[:1], Y[:1]),
    "lower": lambda trainer, state: trainer.lower((X, Y)),
}  # fmt: skip


@pytest.fixture(scope="module")
def fresh():
    return {name: _history(name, "nothing") for name in ("arrays", "callback")}


def _history(kind, use):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    trainer = model.compile("sgd", "mse", metrics=["mae"], trainer_class=Bare)
    state = trainer.init(0)
    calls = [Look()] if kind == "callback" else None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "evaluate leaves out metrics")
        USES[use](trainer, state)
        trained, history = trainer.fit(
            state, X, Y, batch_size=4, verbose=0, callbacks=calls, validation_data=(X, Y), epochs=2
        )
    return history.history, trained


@pytest.mark.parametrize("kind", ["arrays", "callback"])
@pytest.mark.parametrize("use", [use for use in USES if use != "nothing"])
def test_history_does_not_depend_on_what_was_called_before(kind, use, fresh):
    history, trained = _history(kind, use)
    expected, alone = fresh[kind]
    assert history == expected
    assert list(history) == list(expected)
    assert same(trained.params, alone.params)


def test_a_trainer_that_made_no_state_saves_it(tmp_path):
    """A `.keras` file of a model without a graph has to know its input's shape: the state does."""
    trainer = Net().compile("adam", "mse")
    state, _ = trainer.fit(trainer.init(0, X), X, Y, verbose=0)
    classes = {"Net": Net}
    for name in ("run", "run.keras"):
        trainer.replace().save(tmp_path / name, state)
        again, loaded = fk.load_trainer(tmp_path / name, custom_objects=classes)
        assert same(loaded.params, state.params)
        assert loaded.example.shape[1:] == state.example.shape[1:]
        one, _ = trainer.train_step(state, (X, Y))
        two, _ = again.train_step(loaded, (X, Y))
        assert same(one.params, two.params)


def test_steps_are_programs_before_their_first_call():
    trainer = Net().compile("sgd", "mse")
    state = jax.eval_shape(trainer.init, 0, X)
    for step, args in ((trainer.train_step, (X, Y)), (trainer.eval_step, (X, Y))):
        assert step.lower(state, args).as_text().startswith("module")
    assert trainer.predict_step.lower(state.variables, X).as_text().startswith("module")
    before = dict(vars(trainer))
    trainer.train_step(trainer.init(0, X), (X, Y))
    assert vars(trainer) == before


def test_a_step_of_ones_own_calls_the_one_it_replaces():
    class Counted(fk.Trainer):
        def train_step(self, state, batch):
            """One step."""
            state, logs = super().train_step(state, batch)
            return state, {**logs, "steps": state.step}

    trainer = Net().compile("sgd", "mse", trainer_class=Counted)
    assert Counted.train_step.__doc__ == "One step."
    _, logs = trainer.train_step(trainer.init(0, X), (X, Y))
    assert int(logs["steps"]) == 1


def test_init_maps_over_seeds():
    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dropout(0.5), fk.nn.Dense(2)]).compile("adam", "mse")
    states = jax.vmap(trainer.init)(jnp.arange(3))
    for seed in range(3):
        alone = trainer.init(seed)
        assert same(jax.tree.map(lambda a, i=seed: a[i], states).params, alone.params)
        assert same(states.rng_data[seed], alone.rng_data)
    assert same(jax.jit(trainer.init)(2), trainer.init(2))
    assert jax.eval_shape(trainer.init, 0).params["dense"]["kernel"].shape == (3, 2)


def test_weights_that_rest_are_not_guessed():
    trainer = Net().compile("sgd", "mse")
    variables = trainer.init(0, X).variables
    with pytest.raises(ValueError, match=r"frozen follows from an example[\s\S]*base[\s\S]*x\[:1\], variables="):
        trainer.init(0, variables=variables)


def test_sums_of_other_metrics_are_refused():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    state = model.compile("sgd", "mse").init(0)
    trainer = model.compile("sgd", "mse", metrics=["mae"])
    with pytest.raises(ValueError, match=r"no running sums of 'mae'[\s\S]*trainer.reset_metrics\(state, x\)"):
        trainer.train_step(state, (X, Y))
    reset = state.replace(metrics=trainer.reset_metrics(state, X))
    assert set(trainer.train_step(reset, (X, Y))[1]) == {"loss", "mae"}


@pytest.mark.sweep(2, 1)
@pytest.mark.parametrize("heads", [1, 2])
def test_a_metric_given_both_ways_has_keras_names(heads):
    import keras

    def named(library, nn):
        inputs = library.Input((3,))
        outputs = [nn.Dense(2, name=f"head{i}")(inputs) for i in range(heads)]
        return library.Model(inputs, outputs[0] if heads == 1 else outputs)

    y, weights = [Y] * heads, [np.ones(10, "float32")] * heads
    given = ["mae", "mse", "mae"] if heads == 1 else {"head0": ["mae"], "head1": ["mae", "mse"]}
    theirs = named(keras, keras.layers)
    theirs.compile("sgd", "mse", metrics=given, weighted_metrics=given)
    with jax.numpy_rank_promotion("allow"):
        found = theirs.fit(X, y, sample_weight=weights, verbose=0).history
    ours = named(fk, fk.nn).compile("sgd", "mse", metrics=given, weighted_metrics=given)
    _, history = ours.fit(ours.init(0), X, y, sample_weight=weights, verbose=0)
    assert set(history.history) == set(found)
