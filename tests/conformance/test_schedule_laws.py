"""The laws of learning-rate schedules: what holds for every row of the table."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import pickle

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

from fkeras.train.optimizers import schedules

from .table_schedules import CASES, STEPS, TABLE, make


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
    assert classes - {n for n, _ in TABLE} == {"LearningRateSchedule"}  # abstract: tests/train/test_schedules.py
    ours = {n for n, o in vars(schedules).items() if isinstance(o, type) and o.__module__ == schedules.__name__}
    assert ours == classes
