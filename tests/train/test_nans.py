"""fit(check_nans=True) ends before the first bad step; explain names where it came from."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk

X = np.linspace(-1, 1, 48, dtype="float32").reshape(16, 3)
Y = np.ones((16, 1), "float32")


def mlp(*last, **compiled):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4, name="first"), *last, fk.nn.Dense(1, name="last")])
    return model.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


@pytest.mark.parametrize("form", ["arrays", "generator", "by batch"])
def test_a_run_ends_with_the_state_before_the_bad_step(form):
    trainer = mlp(fk.nn.BatchNormalization(name="norm"), optimizer="adam")
    x = X.copy()
    x[9, 1] = np.nan  # the third of four batches of the first epoch
    start, want = trainer.init(0), trainer.init(0)
    for i in range(2):
        want, _ = trainer.train_step(want, (x[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4], None))
    batches = ((x[i : i + 4], Y[i : i + 4]) for i in range(0, 16, 4))
    data = (batches,) if form == "generator" else (x, Y)
    options = {"callbacks": fk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)}
    options = options if form == "by batch" else {}
    options |= {} if form == "generator" else {"batch_size": 4, "shuffle": False}
    with pytest.warns(RuntimeWarning, match=r"(?s)Step 2 \(batch 2 of epoch 1\) is not finite.*fk.train.explain"):
        state, history = trainer.fit(start, *data, epochs=3, verbose=0, check_nans=True, **options)
    assert int(state.step) == 2
    assert same((want.params, want.model_state, want.opt_state), (state.params, state.model_state, state.opt_state))
    np.testing.assert_array_equal(history.bad_batch[0], x[8:12])
    finding = fk.train.explain(trainer, state, history.bad_batch)
    assert (finding.kind, finding.path) == ("batch", "x")
    assert str(finding) == "The batch holds x that is not finite: 1 NaN of 12 numbers. They are in row 1."


def test_a_run_without_bad_steps_is_the_same_run():
    trainer = mlp(metrics=["mae"], log=["grad_norm"])
    plain, history = trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=3, verbose=0)
    checked, same_history = trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=3, verbose=0, check_nans=True)
    # another program adds up in another order
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), plain.params, checked.params)
    np.testing.assert_allclose(history.history["loss"], same_history.history["loss"], atol=1e-6)
    np.testing.assert_allclose(history.history["grad_norm"], same_history.history["grad_norm"], atol=1e-5)
    assert same_history.bad_batch is None


def test_an_overflow_that_loss_scaling_skips_is_no_bad_step():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4), fk.nn.Dense(1, dtype="float32")])
    trainer = model.with_dtype_policy("mixed_float16").compile(
        fk.optimizers.LossScaleOptimizer(fk.optimizers.SGD(), initial_scale=2.0**30), "mse"
    )
    state, history = trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=2, verbose=0, check_nans=True)
    assert history.bad_batch is None
    assert int(state.step) == 8


class Inner(fk.nn.Layer):
    @nn.compact
    def call(self, inputs):
        return fk.nn.Dense(4, name="before")(jnp.log(inputs - 9))


def test_the_first_layer_with_a_bad_output_is_named():
    trainer = mlp(fk.nn.Activation("tanh"), Inner(name="inner"), fk.nn.Dense(2))
    finding = fk.train.explain(trainer, trainer.init(0), (X, Y))
    assert (finding.kind, finding.path) == ("layer", "inner")
    assert "layer 'inner' (Inner)" in str(finding)
    assert "64 NaN of 64 numbers" in str(finding)


def test_an_operation_of_the_graph_is_named():
    inputs = fk.Input((3,))
    x = fk.nn.Dense(2)(inputs)
    model = fk.Model(inputs, fk.ops.sqrt(x - 100))
    trainer = model.compile("sgd", "mse")
    finding = fk.train.explain(trainer, trainer.init(0), (X, np.ones((16, 2))))
    assert finding.kind == "layer"
    assert finding.path == "sqrt"
    assert "layer 'sqrt' (operation)" in str(finding)


def test_a_layer_whose_gradient_turns_bad_is_named():
    trainer = mlp(fk.nn.Lambda(lambda x: jnp.sqrt(jnp.square(x).sum(-1, keepdims=True)), name="norm"))
    finding = fk.train.explain(trainer, trainer.init(0), (np.zeros((2, 3), "float32"), Y[:2]))
    assert (finding.kind, finding.path) == ("gradient", "norm")
    assert "hands back is the first that is not finite" in str(finding)


def test_a_loss_is_named():
    trainer = mlp(loss={"last": lambda y_true, y_pred: jnp.log(0.0 * y_pred).mean()})
    finding = fk.train.explain(trainer, trainer.init(0), (X, Y))
    assert (finding.kind, finding.path) == ("loss", "last")
    assert "-inf" in str(finding)
    assert "Usually a logarithm of 0" in str(finding)


def test_outputs_whose_squares_overflow_are_named():
    finding = fk.train.explain(mlp(), mlp().init(0), (np.full((2, 3), 1e30, "float32"), Y[:2]))
    assert (finding.kind, finding.path) == ("loss", "last")
    assert "the squares of which are beyond float32" in str(finding)


def test_a_weight_and_the_update_are_named():
    trainer = mlp(optimizer=optax.scale(1e38))
    state = trainer.init(0)
    finding = fk.train.explain(trainer, state, (X, 10 * Y))
    assert finding.kind == "update"
    assert finding.path in {"first/kernel", "first/bias", "last/kernel", "last/bias"}
    bad = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf.at[0].set(jnp.inf) if "last" in str(path) and leaf.ndim == 1 else leaf, state.params
    )
    finding = fk.train.explain(trainer, state.replace(params=bad), (X, Y))
    assert (finding.kind, finding.path) == ("state", "params/last/bias")
    assert "1 infinite of 1 number." in str(finding)


def test_a_good_step_is_said_to_be_good():
    trainer = mlp()
    assert fk.train.explain(trainer, trainer.init(0), (X, Y)).kind == "nothing"


class Recurrent(nn.Module):
    """A plain Linen module, its layers in a loop."""

    @nn.compact
    def __call__(self, x):
        x = nn.RNN(nn.SimpleCell(3), name="loop")(x[:, :, None])
        return nn.Dense(1, name="last")(jnp.log(x[:, -1] - 2))


def test_plain_linen_modules_and_loops():
    trainer = fk.Trainer(Recurrent(), "sgd", "mse")
    finding = fk.train.explain(trainer, trainer.init(0, X), (X, Y))
    assert finding.path == ""  # the module's own arithmetic, between its layers
    assert "the model (Recurrent)" in str(finding)


class OwnStep(fk.Trainer):
    def train_step(self, state, batch):
        x, y = batch

        def loss(params):
            return jnp.square(self.model.apply({"params": params}, x) - y).mean()

        value, grads = jax.value_and_grad(loss)(state.params)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, state.params, grads)
        return state.replace(params=params, step=state.step + 1), {"loss": value}


def test_a_step_of_the_users_own():
    trainer = mlp(fk.nn.Lambda(jnp.sqrt, name="root"), trainer_class=OwnStep)
    start = trainer.init(0)
    finding = fk.train.explain(trainer, start, (np.zeros((2, 3), "float32"), Y[:2]))
    assert (finding.kind, finding.path) == ("gradient", "root")
    with pytest.warns(RuntimeWarning, match="Step 0"):
        state, _ = trainer.fit(start, X, Y, verbose=0, check_nans=True)
    assert same(start.params, state.params)
