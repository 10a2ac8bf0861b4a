"""Learning-rate schedules: Keras's numbers at every step, Keras's configs, hashable values."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import os
import pickle

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

from fkeras.train.optimizers import SGD, schedules

# (class, arguments); every argument of every class is away from its default in at least one row
TABLE = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 1, "decay_rate": 1.02, "name": "up"}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.0}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.7}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.7, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.3, "decay_steps": 3, "decay_rate": 0.7, "name": "mine"}),
    ("PiecewiseConstantDecay", {"boundaries": [5], "values": [0.2, 0.02]}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 10, 11, 30], "values": [0.5, 1.0, 0.25, 0.1, 0.0], "name": "steps"}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 8, "power": 0.5, "cycle": True, "name": "poly"}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 25}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 12, "alpha": 0.2, "name": "cosine"}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 20, "alpha": 0.05, "warmup_target": 0.1, "warmup_steps": 6},
    ),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 20, "warmup_target": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6, "t_mul": 1.0, "m_mul": 0.8}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.1, "name": "r"},
    ),
]
CASES = [pytest.param(n, k, id=f"{n}-{i}") for i, (n, k) in enumerate(TABLE)]
STEPS = np.arange(50)


def make(name, kwargs, module=schedules):
    return getattr(module, name)(**kwargs)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_equals_keras_at_every_step(name, kwargs):
    theirs, ours = make(name, kwargs, keras.optimizers.schedules), make(name, kwargs)
    compiled = jax.jit(theirs.__call__)
    want = np.array([float(compiled(jnp.int32(step))) for step in STEPS])
    got = np.array([float(ours(jnp.int32(step))) for step in STEPS])
    # float32: one rounding of a value of at most 1, and of the cosine's argument
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-8)
    assert len(set(want)) > 1, "a constant would prove nothing"


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_jit_vmap_and_dtype(name, kwargs):
    schedule = make(name, kwargs)
    one_by_one = np.array([float(schedule(int(step))) for step in STEPS])
    for value in (schedule(0), schedule(3.0), schedule(jnp.int32(3)), jax.jit(schedule)(3), schedule(np.int64(3))):
        assert (value.shape, value.dtype, value.weak_type) == ((), jnp.float32, False)
    # one ulp of a step near a boundary moves no more than the rounding of the cosine
    np.testing.assert_allclose(jax.jit(jax.vmap(schedule))(STEPS), one_by_one, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_config_equals_keras_both_ways(name, kwargs):
    theirs, ours = make(name, kwargs, keras.optimizers.schedules), make(name, kwargs)
    want = keras.optimizers.schedules.serialize(theirs)
    got = schedules.serialize(ours)
    assert json.loads(json.dumps(got)) == json.loads(json.dumps(want))
    assert schedules.deserialize(want) == ours == schedules.get(got)
    back = keras.optimizers.schedules.deserialize(json.loads(json.dumps(got)))
    assert back.get_config() == theirs.get_config()


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_is_a_frozen_value(name, kwargs):
    schedule = make(name, kwargs)
    assert schedule == make(name, kwargs)
    assert hash(schedule) == hash(make(name, kwargs))
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.name = "x"


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_is_an_optax_schedule(name, kwargs):
    schedule = make(name, kwargs)
    tx = optax.sgd(schedule)
    state, moves = tx.init(jnp.zeros(())), []
    for _ in range(3):
        update, state = tx.update(jnp.ones(()), state)
        moves.append(-float(update))
    np.testing.assert_allclose(moves, [float(schedule(step)) for step in range(3)], rtol=1e-6)


def test_signatures_and_arguments_are_keras_own():
    for name in {name for name, _ in TABLE}:
        theirs = inspect.signature(getattr(keras.optimizers.schedules, name)).parameters.values()
        ours = inspect.signature(getattr(schedules, name)).parameters.values()
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]
        assert {p.name for p in ours} - {k for n, kwargs in TABLE for k in kwargs if n == name} == set(), name


def test_every_schedule_of_keras_is_in_the_table():
    classes = {n for n, o in vars(keras.optimizers.schedules).items() if isinstance(o, type)}
    assert len(classes) > 5
    assert classes - {n for n, _ in TABLE} == {"LearningRateSchedule"}  # abstract: tested below


# ------------------------------------------------------------------ one of one's own
@dataclasses.dataclass(frozen=True)
class Halving(schedules.LearningRateSchedule):
    start: float = 1.0

    def __call__(self, step):
        return self.start * 0.5 ** jnp.asarray(step, jnp.float32)


class KerasStyle(schedules.LearningRateSchedule):
    def __init__(self, start):
        self.start = start

    def __call__(self, step):
        return self.start / (step + 1)


def test_a_schedule_of_ones_own():
    optimizer = SGD(Halving(0.5))
    state = optimizer.init({"w": jnp.ones(1)})
    for want in (0.5, 0.25, 0.125):
        updates, state = optimizer.update({"w": jnp.ones(1)}, state)
        assert float(updates["w"][0]) == -want
    again = SGD.from_config(optimizer.get_config(), custom_objects={"Halving": Halving})
    assert again == optimizer
    with pytest.raises(ValueError, match="Unknown object 'Halving'"):
        SGD.from_config(optimizer.get_config())


def test_a_schedule_in_keras_style():
    optimizer = SGD(KerasStyle(1.0))
    state = optimizer.init({"w": jnp.ones(1)})
    for want in (1.0, 0.5):
        updates, state = jax.jit(optimizer.update)({"w": jnp.ones(1)}, state)
        assert float(updates["w"][0]) == -want
    with pytest.raises(NotImplementedError, match=r"KerasStyle has no get_config[\s\S]*def get_config\(self\)"):
        optimizer.get_config()


# ------------------------------------------------------------------ edges and errors
def test_cosine_ends_where_it_should_and_stays():
    schedule = schedules.CosineDecay(0.0, 10, alpha=0.1, warmup_target=2.0, warmup_steps=5)
    assert float(schedule(0)) == 0.0
    assert math.isclose(float(schedule(5)), 2.0)
    assert math.isclose(float(schedule(15)), 0.2, rel_tol=1e-6)
    assert float(schedule(15)) == float(schedule(10_000))


@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), ValueError, "ExponentialDecay needs a positive decay_steps"),
        (lambda: schedules.InverseTimeDecay(0.1, -1, 0.5), ValueError, "InverseTimeDecay needs a positive"),
        (lambda: schedules.PolynomialDecay(0.1, 0), ValueError, "PolynomialDecay needs a positive decay_steps"),
        (lambda: schedules.CosineDecay(0.1, 0), ValueError, "CosineDecay needs a positive decay_steps"),
        (lambda: schedules.CosineDecayRestarts(0.1, 0), ValueError, "positive first_decay_steps"),
        (lambda: schedules.PiecewiseConstantDecay([1], [0.1]), ValueError, "1 boundaries and 1 values"),
        (lambda: schedules.LearningRateSchedule()(0), NotImplementedError, "has no __call__ method"),
        (lambda: schedules.get("CosineDcay"), ValueError, "Did you mean 'CosineDecay'"),
        (lambda: schedules.deserialize({"class_name": "No", "config": {}}), ValueError, "Unknown object 'No'"),
    ],
)
def test_errors(build, error, text):
    with pytest.raises(error, match=text):
        build()
