"""Learning-rate schedules of one's own, edges, errors."""

from __future__ import annotations

import dataclasses
import math
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import pytest

from fkeras.train.optimizers import SGD, schedules


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
