"""Numbers of an optimizer that are data: the same numbers as a trainer that was made with them, and errors in words."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk
from fkeras.train._step._hyperparameters import hyperparameters_of, with_hyperparameters, without_hyperparameters

opt = fk.optimizers
X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :1]


@pytest.fixture(scope="module")
def model():
    """Two weights, as each has kernels of its own in each program of a step."""
    layers = [fk.nn.Dense(2, activation="tanh", use_bias=False), fk.nn.Dense(1, use_bias=False, name="head")]
    return fk.Sequential([fk.Input((3,)), *layers])


def trained(trainer, state, steps=2):
    for _ in range(steps):
        state, _ = trainer.train_step(state, (X, Y))
    return without_hyperparameters(state)


def equal(got, wanted):
    """To a unit or two in the last place: 1 - 0.9 of a float32 is not the float32 of 1 - 0.9."""
    for a, b in zip(jax.tree.leaves(got.params), jax.tree.leaves(wanted.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-7)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    ("made", "values"),
    [
        (opt.SGD(0.1, momentum=0.9), {"learning_rate": 0.05, "momentum": 0.0, "weight_decay": 0.3}),
        (opt.AdamW(0.1), {"weight_decay": 0.0, "beta_1": 0.8, "beta_2": 0.99, "clipnorm": 0.01}),
        (opt.RMSprop(0.1, momentum=0.5), {"rho": 0.7, "clipvalue": 0.0, "momentum": 0.3}),
        (opt.Ftrl(0.1), {"l1_regularization_strength": 0.1, "learning_rate_power": -0.4, "global_clipnorm": 0.1}),
        (opt.Adam(0.1, use_ema=True, weight_decay=0.1), {"ema_momentum": 0.5, "weight_decay": 0.2}),
    ],
    ids=lambda made: type(made).__name__,
)
def test_a_traced_number_gives_what_the_plain_one_does(model, made, values):
    trainer, wanted = model.compile(made, "mse"), model.compile(made.replace(**values), "mse")

    def run(state, values):
        tuned, state = with_hyperparameters(trainer, state, values)
        return trained(tuned, state)

    got, expected = jax.jit(run)(trainer.init(0), values), trained(wanted, wanted.init(0))
    equal(got, expected)
    assert jax.tree.structure(got) == jax.tree.structure(trainer.init(0))
    equal(trainer.finalize(got), wanted.finalize(expected))


def test_numbers_are_no_part_of_what_programs_are_looked_up_by(model):
    trainer = model.compile(opt.SGD(0.1), "mse")
    with jax.checking_leaks():
        two = jax.vmap(
            lambda decay: trained(*with_hyperparameters(trainer, trainer.init(0), {"weight_decay": decay}), 1)
        )(jnp.array([0.0, 0.5]))
    assert not np.allclose(*jax.tree.leaves(two.params)[1])
    first, state = with_hyperparameters(trainer, trainer.init(0), {"weight_decay": 0.1})
    second, other = with_hyperparameters(trainer, trainer.init(0), {"weight_decay": 0.7})
    assert first == second
    traces = len(first.programs.traces)
    trained(first, state), trained(second, other)
    assert len(first.programs.traces) <= traces + 1
    again, state = with_hyperparameters(first, state, {"weight_decay": 0.7})
    equal(trained(again, state), trained(second, other))


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    ("made", "values", "wanted"),
    [
        (
            opt.by_path({"head": opt.SGD(0.1), ".*": opt.AdamW(0.1)}),
            {"learning_rate_2": 0.2, "weight_decay_1": 0.4, "beta_1": 0.5},
            opt.by_path({"head": opt.SGD(0.1, weight_decay=0.4), ".*": opt.AdamW(0.2, beta_1=0.5)}),
        ),
        (
            opt.MultiOptimizer(opt.OptimizerMap(opt.SGD(0.1), {"head/.*": opt.SGD(0.2, momentum=0.9)})),
            {"momentum_2": 0.5, "learning_rate_1": 0.3},
            opt.MultiOptimizer(opt.OptimizerMap(opt.SGD(0.3), {"head/.*": opt.SGD(0.2, momentum=0.5)})),
        ),
        (opt.LossScaleOptimizer(opt.Adam(0.1)), {"beta_1": 0.5}, opt.LossScaleOptimizer(opt.Adam(0.1, beta_1=0.5))),
        (opt.accumulate(opt.AdamW(0.1), 2), {"weight_decay": 0.5}, opt.accumulate(opt.AdamW(0.1, weight_decay=0.5), 2)),
        (
            optax.chain(optax.clip(1.0), optax.inject_hyperparams(optax.adamw)(0.1, weight_decay=0.1)),
            {"learning_rate": 0.05, "weight_decay": 0.5},
            optax.chain(optax.clip(1.0), optax.adamw(0.05, weight_decay=0.5)),
        ),
    ],
    ids=["by_path", "MultiOptimizer", "LossScaleOptimizer", "accumulate", "inject_hyperparams"],
)
def test_numbers_of_optimizers_inside_others(model, made, values, wanted):
    trainer, other = model.compile(made, "mse"), model.compile(wanted, "mse")
    equal(trained(*with_hyperparameters(trainer, trainer.init(0), values)), trained(other, other.init(0)))


def test_a_mixed_precision_run_skips_what_overflows(model):
    half = model.with_dtype_policy("mixed_float16").compile(opt.AdamW(0.1), "mse")
    tuned, state = with_hyperparameters(half, half.init(0), {"weight_decay": 0.5})
    state, _ = tuned.train_step(state, (X * np.float32(np.inf), Y))
    assert float(state.opt_state.inner.dynamic_scale) == 2.0**14
    equal(without_hyperparameters(state), half.init(0))


def test_names_that_cannot_be_set_are_refused_in_words(model):
    def refused(optimizer, values, kind, match):
        trainer = model.compile(optimizer, "mse")
        with pytest.raises(kind, match=match):
            with_hyperparameters(trainer, trainer.init(0), values)

    refused(opt.AdamW(0.1), {"wieght_decay": 0.1}, ValueError, "Did you mean 'weight_decay'")
    refused(opt.Adagrad(0.1), {"initial_accumulator_value": 0.1}, ValueError, "no hyperparameter")
    refused(opt.Adam(0.1), {"ema_momentum": 0.5}, ValueError, "no hyperparameter 'ema_momentum'")
    refused(opt.Adam(0.1, amsgrad=True), {"amsgrad": 0.0}, ValueError, "no hyperparameter 'amsgrad'")
    refused(opt.Adam(0.1), {"lr": 0.1}, ValueError, "Did you mean 'learning_rate'")
    refused(opt.Adam(0.1), {"dropout": 0.1}, ValueError, r"(?s)each value is a model.*build\(dropout=value\)")
    refused(opt.Adam(0.1), {"batch_size": 8}, ValueError, r"(?s)a run of its own.*batch_size=value")
    refused(optax.adamw(0.1), {"weight_decay": 0.1}, ValueError, r"(?s)bakes its numbers.*inject_hyperparams")
    refused(optax.adamw(0.1), {"learning_rate": 0.1}, ValueError, r"(?s)bakes its numbers.*inject_hyperparams")
    refused(opt.SGD(lambda step: 0.1), {"learning_rate": 0.1}, TypeError, "belongs to a schedule")
    refused(opt.SGD(0.1), {"momentum": 0.5}, ValueError, r"(?s)no room for what momentum.*momentum=0.9")
    refused(opt.SGD(0.1, momentum=0.9), {"momentum": 1.5}, ValueError, r"momentum must lie in \[0, 1\]")
    refused(opt.SGD(0.1), {"weight_decay": [0.1, 0.2]}, ValueError, r"(?s)is one number.*many runs")
    refused(opt.SGD(0.1), {"learning_rate": "fast"}, ValueError, "is one number")
    refused(
        opt.by_path({"head": opt.SGD(0.1), ".*": opt.SGD(0.2)}), {"weight_decay": 0.1}, ValueError,
        r"(?s)several optimizers have one: weight_decay_1, weight_decay_2",
    )  # fmt: skip


def test_numbers_and_their_values_are_listed(model):
    found = hyperparameters_of(model.compile(opt.AdamW(0.5), "mse"))
    assert (found["weight_decay"], float(found["learning_rate"]), found["clipnorm"]) == (0.004, 0.5, None)
    assert not {"amsgrad", "loss_scale_factor"} & set(found)
    assert set(hyperparameters_of(model.compile(optax.adamw(0.1), "mse"))) == set()
    assert "learning_rate" not in hyperparameters_of(model.compile(opt.SGD(lambda step: 0.1), "mse"))


def test_an_optimizer_of_ones_own_has_its_numbers(model):
    class Scaled(opt.Optimizer):
        learning_rate: float = 0.1
        factor: float = 2.0
        power: int = 1

        def rule(self, learning_rate, step):
            return optax.scale(-learning_rate * self.factor**self.power)

    trainer, wanted = model.compile(Scaled(), "mse"), model.compile(Scaled(factor=0.5), "mse")
    assert {"factor", "power"} & set(hyperparameters_of(trainer)) == {"factor"}
    equal(trained(*with_hyperparameters(trainer, trainer.init(0), {"factor": 0.5})), trained(wanted, wanted.init(0)))
