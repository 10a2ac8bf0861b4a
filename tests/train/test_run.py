"""Training as a function: the numbers of `fit`, under `jit`, `vmap` and `grad`, in little memory."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")
Y = X[:, :1] + X[:, 1:2] ** 2


def same(got, wanted):
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def trainer():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, activation="tanh"), fk.nn.Dense(1)])
    return model.compile(fk.optimizers.SGD(0.1, momentum=0.5), "mse", metrics=["mae"])


@pytest.fixture(scope="module")
def state(trainer):
    return trainer.init(0)


class WithOwnLoss(fk.Trainer):
    def compute_loss(self, params, state, batch, rng):
        x, y = batch
        y_pred, updates = self.forward(params, state, x, rng)
        return jnp.abs(y - y_pred).mean(), {"y_pred": y_pred, "logs": {"twice": 2 * y.mean()}, "model_state": updates}


class WithOwnStep(fk.Trainer):
    def train_step(self, state, batch):
        state, logs = super().train_step(state, batch)
        return state, {**logs, "rows": jnp.float32(len(batch[0]))}


class Linen(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(1)(jnp.tanh(linen.Dense(2)(x)))


def normed():
    return fk.Sequential([fk.Input((3,)), fk.nn.BatchNormalization(), fk.nn.Dropout(0.3), fk.nn.Dense(1)])


def plain():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("made", "arguments"),
    [
        (lambda: normed().compile("adam", "mse", metrics=["mae"]), {"batch_size": 4}),
        (
            lambda: plain().compile(fk.optimizers.Adam(0.1, use_ema=True), "mse", accumulate_in_step=2),
            {"batch_size": 5, "shuffle": False},
        ),
        (lambda: plain().compile("adam", "mse", trainer_class=WithOwnLoss), {"batch_size": 4, "shuffle": False}),
        (lambda: plain().compile("adam", "mse", trainer_class=WithOwnStep), {"batch_size": 4}),
        (lambda: fk.Trainer(Linen(), "adam", "mse"), {"batch_size": 32}),
    ],
    ids=["normed", "in parts", "own loss", "own step", "Linen"],
)
def test_a_run_is_what_fit_does_to_the_bit(made, arguments):
    trainer = made()
    state = trainer.init(0, X)
    wanted, history = trainer.fit(state, X, Y, max_steps=5, verbose=0, **arguments)
    got, logs = trainer.run(state, (X, Y), 5, **arguments)
    same(got, wanted)
    steps = -(-len(X) // arguments["batch_size"])
    assert list(logs) == list(history.history)
    for name, by_step in logs.items():
        assert by_step.shape == (5,)
        np.testing.assert_allclose(by_step[steps - 1 :: steps][:2], history.history[name][: 5 // steps][:2], rtol=1e-6)


def test_it_compiles_once_and_leaves_no_tracer_behind(trainer, state):
    trainer = trainer.replace(loss="mae")
    jax.clear_caches()
    with jax.checking_leaks():
        first, _ = trainer.run(state, (X, Y), 4, batch_size=5, hyperparameters={"learning_rate": 0.3})
    programs = dict(trainer.programs.compiled)
    second, _ = trainer.run(state, (X, Y), 4, batch_size=5, hyperparameters={"learning_rate": np.float32(0.3)})
    same(first, second)
    assert programs.keys() == trainer.programs.compiled.keys()
    [run] = [program for key, program in programs.items() if key[0].__name__ == "_run"]
    assert run._cache_size() == 1


def test_states_that_are_traced_have_their_own_order(trainer, state):
    run = lambda state: trainer.run(state, (X, Y), 5, batch_size=4)  # noqa: E731
    wanted = run(state)
    same(jax.jit(run)(state), wanted)
    seeds = jnp.arange(2)
    states, logs = jax.jit(jax.vmap(lambda seed: run(trainer.init(seed))))(seeds)
    alone, of_one = run(trainer.init(1))
    np.testing.assert_allclose(logs["loss"][1], of_one["loss"], rtol=1e-5)
    np.testing.assert_allclose(states.params["dense"]["kernel"][1], alone.params["dense"]["kernel"], atol=1e-6)


def test_gradients_of_what_a_run_is_made_of(trainer, state):
    """Central differences in float32: of losses near 1 with steps of 1e-2, they are good to some 1e-5."""

    def outcome(given):
        start = state.replace(params=given["params"])
        data = X + given["shift"] * jnp.sin(7 * X), Y, given["weights"]
        values = {"learning_rate": given["rate"], "momentum": given["momentum"]}
        end, _ = trainer.run(start, data, 5, batch_size=4, hyperparameters=values)
        return ((trainer.model.apply(end.variables, X) - Y) ** 2).mean()

    given = {
        "params": state.params, "shift": jnp.float32(0.1), "weights": jnp.ones(10), "rate": jnp.float32(0.1),
        "momentum": jnp.float32(0.5),
    }  # fmt: skip
    outcome = jax.jit(jax.value_and_grad(outcome))  # one program for both
    _, found = outcome(given)
    leaves, treedef = jax.tree.flatten(given)
    for place, leaf in enumerate(leaves):
        direction = np.random.default_rng(place).normal(size=leaf.shape).astype("float32")

        def at(step, place=place, leaf=leaf, direction=direction):
            moved = [*leaves[:place], leaf + step * direction, *leaves[place + 1 :]]
            return float(outcome(jax.tree.unflatten(treedef, moved))[0])

        slope = (8 * (at(0.005) - at(-0.005)) - (at(0.01) - at(-0.01))) / 0.06
        np.testing.assert_allclose(np.vdot(jax.tree.leaves(found)[place], direction), slope, rtol=1e-3, atol=1e-4)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("steps", [20, 256])
def test_hypergradients_are_the_differences(steps):
    """In float64, a five-point difference with steps of 2 %: its error, of fourth order, is near 1e-6."""
    with jax.enable_x64(True):
        model = plain().with_dtype_policy("float64")
        loss = fk.losses.MeanSquaredError(dtype="float64")
        trainer = model.compile(fk.optimizers.AdamW(0.01), loss)
        state, x, y = trainer.init(0), X.astype("float64"), Y.astype("float64")

        @jax.jit
        @jax.value_and_grad
        def outcome(values):
            end, _ = trainer.run(state, (x, y), steps, batch_size=5, hyperparameters=values, checkpoint_every="sqrt")
            return ((model.apply(end.variables, x[:4]) - y[:4]) ** 2).mean()

        values = {"learning_rate": 2.0**-6, "weight_decay": 0.1}
        _, found = outcome(values)
        for name, value in values.items():
            at = lambda steps, name=name, value=value: float(  # noqa: E731
                outcome({**values, name: value * (1 + steps / 64)})[0]  # rates that a float32 holds
            )
            slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * value / 64)
            np.testing.assert_allclose(found[name], slope, rtol=1e-3)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("optimizer", [fk.optimizers.SGD(0.1, momentum=0.5), fk.optimizers.AdamW(0.1)])
def test_a_backward_pass_over_256_steps_keeps_at_most_32_states(optimizer):
    trainer = fk.Sequential([fk.Input((32,)), fk.nn.Dense(128, use_bias=False)]).compile(optimizer, "mse")
    state = trainer.init(0)
    x, y = np.ones((8, 32), "float32"), np.ones((8, 128), "float32")
    state_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(state))

    def states_kept(steps, every):
        def loss(rate):
            values = {"learning_rate": rate}
            _, logs = trainer.run(state, (x, y), steps, batch_size=8, hyperparameters=values, checkpoint_every=every)
            return logs["loss"][-1]

        analysis = jax.jit(jax.grad(loss)).lower(0.1).compile().memory_analysis()
        return analysis.temp_size_in_bytes / state_bytes

    assert states_kept(256, "sqrt") <= 2 * 256**0.5
    assert states_kept(64, None) > 2 * 256**0.5  # and so would 256 steps, four times


def test_what_is_kept_changes_no_gradient_and_nothing_makes_it_nan():
    """Of two inputs that are always 0 the weights never have a gradient, and Adam divides by a root of 0."""
    x = X * np.array([[1, 0, 0]], "float32")
    trainer = plain().compile(fk.optimizers.Adam(0.1), "mse")
    state = trainer.init(0)

    def slope(every):
        def loss(rate):
            values = {"learning_rate": rate}
            return trainer.run(state, (x, Y), 3, hyperparameters=values, checkpoint_every=every)[1]["loss"][-1]

        return jax.jit(jax.grad(loss))(0.1)

    wanted = slope(None)
    assert np.isfinite(wanted)
    np.testing.assert_allclose(slope(2), wanted, rtol=1e-5)


def test_what_cannot_be_run_is_refused_in_words(trainer, state):
    def refused(kind, match, *arguments, of=trainer, **named):
        with pytest.raises(kind, match=match):
            of.run(*arguments, **{"batch_size": 5, **named})

    refused(TypeError, "takes the state of the run first", (X, Y), 3, 3)
    refused(TypeError, r"`run` got no steps\.[\s\S]*trainer.run\(state, data, steps=100\)", state, (X, Y))
    refused(ValueError, "different numbers of examples", state, (X, Y[1:]), 3)
    refused(ValueError, "steps must be a positive integer", state, (X, Y), 0)
    refused(ValueError, "checkpoint_every is how many steps", state, (X, Y), 3, checkpoint_every="run/")
    refused(ValueError, "no hyperparameter 'momentun'", state, (X, Y), 3, hyperparameters={"momentun": 0.1})
    refused(ValueError, "this trainer runs eagerly", state, (X, Y), 3, of=trainer.replace(run_eagerly=True))
    refused(TypeError, "hyperparameters are numbers by name", state, (X, Y), 3, hyperparameters="learning_rate")
    values = {"learning_rate": [0.1, 0.2]}
    refused(ValueError, r"(?s)'learning_rate' is one number.*many runs", state, (X, Y), 3, hyperparameters=values)
    with pytest.raises(TypeError, match="steps is traced"):
        jax.jit(lambda steps: trainer.run(state, (X, Y), steps))(3)
    with pytest.raises(ValueError, match="different numbers of examples"):
        jax.jit(lambda x: trainer.run(state, (x, Y[1:]), 3))(X)

    class Widening(fk.Trainer):
        def train_step(self, state, batch):
            state, logs = super().train_step(state, batch)
            return state.replace(model_state={"new": jnp.ones(2)}), logs

    widening = plain().compile("sgd", "mse", trainer_class=Widening)
    refused(TypeError, r"model_state/new: nothing became float32\[2\]", widening.init(0), (X, Y), 3, of=widening)


def test_the_names_of_hyperparameters_are_listed(trainer):
    assert {"learning_rate", "momentum", "weight_decay"} <= set(fk.train.hyperparameters_of(trainer))
