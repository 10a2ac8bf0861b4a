"""A learning rate that is set is the one that the next step uses, or setting it is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk

fo = fk.optimizers
PARAMS = {"a": jnp.ones(3), "b": jnp.full(2, 2.0)}
DECAY = fo.schedules.ExponentialDecay(0.1, 1000, 0.5)
inject = optax.inject_hyperparams

# An optimizer with a rate in that place, for a number and for a schedule.
HOLDERS = {
    "sgd": fo.SGD,
    "adamw": lambda rate: fo.AdamW(rate, weight_decay=0.1),
    "ema": lambda rate: fo.Adam(rate, use_ema=True),
    "own accumulation": lambda rate: fo.SGD(rate, gradient_accumulation_steps=2),
    "chain": lambda rate: optax.chain(optax.clip(1.0), fo.Adam(rate)),
    "chain in a chain": lambda rate: optax.chain(optax.chain(optax.clip(1.0), fo.Lion(rate)), optax.scale(1.0)),
    "accumulate": lambda rate: fo.accumulate(fo.SGD(rate), 2),
    "multi steps": lambda rate: optax.MultiSteps(fo.SGD(rate), 2).gradient_transformation(),
    "loss scale": lambda rate: fo.LossScaleOptimizer(fo.Adam(rate)),
    "by path": lambda rate: fo.by_path({"a": fo.SGD(rate), ".*": fo.SGD(0.1)}),
    "by path, the rest rests": lambda rate: fo.by_path({"a": fo.SGD(rate), ".*": optax.set_to_zero()}),
    "multi": lambda rate: fo.MultiOptimizer(fo.OptimizerMap(fo.SGD(rate), {"a": fo.Adam(0.1)})),
    "if finite": lambda rate: optax.apply_if_finite(fo.SGD(rate), 3),
    "masked": lambda rate: optax.masked(fo.SGD(rate), {"a": True, "b": False}),
    "injected": lambda rate: inject(optax.sgd)(learning_rate=rate),
    "injected in a chain": lambda rate: optax.chain(optax.clip(1.0), inject(optax.adam)(learning_rate=rate)),
    "injected, with another schedule": lambda rate: inject(optax.adam)(learning_rate=rate, b1=lambda step: 0.9),
    "injected by path": lambda rate: fo.by_path({"a": inject(optax.sgd)(learning_rate=rate), ".*": fo.SGD(0.1)}),
}
SCHEDULES = {"ours": DECAY, "optax's": optax.cosine_decay_schedule(0.1, 9), "a lambda": lambda step: 0.1 / (step + 1)}


def trainer_of(optimizer):
    return fk.Sequential([fk.Input((4,)), fk.nn.Dense(1)]).compile(optimizer, "mse")


def state_of(trainer, optimizer):
    """A state whose optimizer is over these parameters."""
    state = fk.TrainState(*[None] * len(fk.TrainState.__dataclass_fields__))
    return state.replace(opt_state=optimizer.init(PARAMS))


@pytest.mark.parametrize("name", HOLDERS)
def test_a_rate_of_zero_moves_nothing_and_another_one_does(name):
    optimizer = HOLDERS[name](0.1)
    trainer = trainer_of(optimizer)
    start = state_of(trainer, optimizer)
    held = {"masked": ("a",), "by path, the rest rests": ("a",)}.get(name, ("a", "b"))
    for rate in (0.0, 0.5):
        state = trainer.set_learning_rate(start, rate).opt_state
        assert jax.tree.structure(state) == jax.tree.structure(start.opt_state)
        assert [leaf.dtype for leaf in jax.tree.leaves(state)] == [a.dtype for a in jax.tree.leaves(start.opt_state)]
        for _ in range(2):  # up to the update that moves
            moves, state = optimizer.update(PARAMS, state, PARAMS)
        assert all(bool(jnp.any(moves[part])) == bool(rate) for part in held)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", HOLDERS)
def test_a_rate_that_a_schedule_owns_is_refused(name, schedule):
    optimizer = HOLDERS[name](SCHEDULES[schedule])
    trainer = trainer_of(optimizer)
    state = state_of(trainer, optimizer)
    with pytest.raises(TypeError, match=r"belongs to a schedule, so it cannot be set[\s\S]*Adam\(1e-3\)"):
        trainer.set_learning_rate(state, 0.0)


def test_optax_s_own_setter_is_refused_too():
    state = optax.chain(optax.clip(1.0), fo.Adam(DECAY)).init(PARAMS)
    with pytest.raises(TypeError, match="follows a schedule, so it cannot be set"):
        optax.tree.set(state, learning_rate=0.5)
    assert int(optax.tree.get(optax.tree.set(state, iterations=jnp.int32(3)), "iterations")) == 3


@pytest.mark.parametrize(
    ("optimizer", "error", "text"),
    [
        (optax.adam(0.1), ValueError, "keeps no learning rate in its state"),
        (optax.adam(optax.cosine_decay_schedule(0.1, 9)), ValueError, "keeps no learning rate in its state"),
        (optax.chain(optax.scale_by_adam(), optax.scale_by_schedule(lambda _: -0.1)), ValueError, "keeps no learning"),
        (fo.by_path({"a": fo.SGD(0.1), ".*": optax.sgd(0.1)}), ValueError, "no learning rate for part 1"),
        (optax.lbfgs(), TypeError, "belongs to a line search"),
    ],
    ids=["optax", "optax scheduled", "scale by schedule", "one of two", "line search"],
)
def test_a_rate_that_is_not_in_the_state_is_refused(optimizer, error, text):
    trainer = trainer_of(optimizer)
    with pytest.raises(error, match=text):
        trainer.set_learning_rate(state_of(trainer, optimizer), 0.0)


@pytest.mark.parametrize("value", [None, "0.1", True, [0.1, 0.2], DECAY])
def test_what_is_no_rate_is_refused(value):
    trainer = trainer_of(fo.SGD(0.1))
    with pytest.raises(ValueError, match=r"A learning rate is one number"):
        trainer.set_learning_rate(state_of(trainer, fo.SGD(0.1)), value)


X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
CALLBACKS = {
    "scheduler": lambda: fk.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1),
    "plateau": lambda: fk.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=99.0, min_lr=0.03, verbose=1),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_that_set_a_rate(name, capsys):
    rules = fo.by_path({".*bias": fo.SGD(0.1), ".*": fo.SGD(0.4)})
    trainer = trainer_of(rules)
    state, history = trainer.fit(trainer.init(0), X, X[:, :1], epochs=2, verbose=0, callbacks=[CALLBACKS[name]()])
    # halved twice: an epoch's first is the scheduler's, its last the plateau's, which sees none in the first epoch
    rates = {"scheduler": [0.025, 0.1], "plateau": [0.05, 0.2]}[name]
    kept = [float(s.inner_state.learning_rate) for s in state.opt_state.inner_states.values()]
    np.testing.assert_allclose(kept, rates, rtol=1e-6)  # of float32
    assert {"learning_rate_1", "learning_rate_2"} <= set(history.history)
    assert f"learning rate to {rates[0]}" in capsys.readouterr().out
    for optimizer, error in ((fo.SGD(DECAY), TypeError), (optax.sgd(0.1), ValueError)):
        trainer = trainer_of(optimizer)
        with pytest.raises(error, match=r"learning rate[\s\S]*(cannot be set|in its state)"):
            trainer.fit(trainer.init(0), X, X[:, :1], verbose=0, callbacks=[CALLBACKS[name]()])


# ------------------------------------------------------------------ optax.inject_hyperparams around our own
# Adam's epsilon, beside gradients of 1.
ADAMS = 1e-5


def rates_used(optimizer, steps, change=lambda state: state):
    params = {"w": jnp.ones(1)}
    state, used = optimizer.init(params), []
    for _ in range(steps):
        updates, state = jax.jit(optimizer.update)({"w": jnp.ones(1)}, change(state), params)
        used.append(-float(updates["w"][0]))
    return used


@pytest.mark.parametrize("kind", [fk.optimizers.SGD, fk.optimizers.Adam])
def test_injected_numbers_are_those_of_each_step(kind):
    schedule = optax.linear_schedule(0.4, 0.0, 4)
    np.testing.assert_allclose(rates_used(inject(kind)(schedule), 5), [0.4, 0.3, 0.2, 0.1, 0.0], atol=ADAMS)
    np.testing.assert_allclose(rates_used(inject(kind)(0.5), 2), [0.5, 0.5], atol=ADAMS)

    def set_to(rate):
        return lambda state: state._replace(hyperparams={**state.hyperparams, "learning_rate": jnp.float32(rate)})

    np.testing.assert_allclose(rates_used(inject(kind)(0.5), 2, set_to(0.25)), [0.25, 0.25], atol=ADAMS)


def test_a_rate_that_is_an_array_is_still_the_states():
    optimizer = fk.optimizers.SGD(jnp.float32(0.5))
    used = rates_used(optimizer, 1, lambda state: optax.tree.set(state, learning_rate=0.125))
    assert used == [0.125]


def test_several_rates_are_had_by_the_rule_of_their_weights():
    model = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1, name="low"), fk.nn.Dense(1, name="head")])
    trainer = model.compile({"head": fo.SGD(0.5), ".*": fo.SGD(0.25)}, "mse")
    state = trainer.init(0)
    assert {rule: float(rate) for rule, rate in trainer.get_learning_rate(state).items()} == {"head": 0.5, ".*": 0.25}
    chained = model.compile(optax.chain(fo.SGD(0.5), fo.SGD(1.0)), "mse")
    found = chained.get_learning_rate(chained.init(0))
    assert {place: float(rate) for place, rate in found.items()} == {"0/learning_rate": 0.5, "1/learning_rate": 1.0}
    plain = model.compile(optax.sgd(0.1), "mse")
    assert plain.get_learning_rate(plain.init(0)) is None
