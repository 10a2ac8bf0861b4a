"""Constraints against Keras, over a table of every public name."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import dataclasses
import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fkeras.nn import constraints

# Every class of keras.constraints, with arguments to try.
TABLE = {
    "Constraint": [{}],
    "MaxNorm": [{}, {"max_value": 0.9}, {"max_value": 0.9, "axis": 1}, {"axis": [0, 1]}, {"axis": (0, 1)}],
    "MinMaxNorm": [
        {},
        {"min_value": 0.5, "max_value": 0.8, "rate": 0.7, "axis": 1},
        {"min_value": 3.0, "max_value": 4.0},
        {"axis": [0, 1]},
    ],
    "NonNeg": [{}],
    "UnitNorm": [{}, {"axis": 1}, {"axis": [0, 1]}, {"axis": None}],
}
ALIASES = {"max_norm": "MaxNorm", "min_max_norm": "MinMaxNorm", "non_neg": "NonNeg", "unit_norm": "UnitNorm"}
CASES = [pytest.param(name, kwargs, id=f"{name}-{kwargs}") for name, rows in TABLE.items() for kwargs in rows]

MATRIX = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
MATRIX[:, 1] = 0  # a norm of 0 divides by epsilon


def pair(name, kwargs):
    return getattr(constraints, name)(**kwargs), getattr(keras.constraints, name)(**kwargs)


def test_table_has_every_public_name_of_keras():
    public = {n for n in dir(keras.constraints) if not n.startswith("_")}
    assert public == set(TABLE) | set(ALIASES) | {"get", "serialize", "deserialize"}
    for alias, name in ALIASES.items():
        assert getattr(constraints, alias) is getattr(constraints, name)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_signature_is_keras_s(name):
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (constraints, keras.constraints))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_values_equal_keras(name, kwargs):
    ours, theirs = pair(name, kwargs)
    for w in (MATRIX, 10 * MATRIX, np.stack([MATRIX, -MATRIX]), np.arange(-6, 6, dtype="int32").reshape(3, 4)):
        np.testing.assert_allclose(ours(w), theirs(w), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_jit_and_vmap(name, kwargs):
    constrain, _ = pair(name, kwargs)
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        np.testing.assert_allclose(jax.jit(constrain)(MATRIX), constrain(MATRIX), rtol=1e-6)
        batch = np.stack([MATRIX, -2 * MATRIX])
        np.testing.assert_allclose(jax.vmap(constrain)(batch), np.stack([constrain(w) for w in batch]), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_half_precision_keeps_its_dtype(name, kwargs, dtype):
    constrain, _ = pair(name, kwargs)
    with jax.numpy_dtype_promotion("strict"):
        got = constrain(jnp.asarray(MATRIX, dtype))
    assert got.dtype == jnp.dtype(dtype)
    assert got.shape == MATRIX.shape
    np.testing.assert_allclose(got.astype("float32"), constrain(MATRIX), rtol=3e-2, atol=1e-2)  # 8 bits


@pytest.mark.parametrize(
    ("name", "kwargs"), [c for c in CASES if c.values[0] != "Constraint" and c.values[1].get("axis") is not None]
)
def test_gradients_are_finite(name, kwargs):
    constrain, _ = pair(name, kwargs)
    w = jnp.asarray(MATRIX + 3)  # away from norm 0, where sqrt has no derivative
    assert np.isfinite(jax.grad(lambda w: jnp.sum(jnp.square(constrain(w))))(w)).all()


WEIGHTS = arrays(np.float32, (4, 3), elements=st.floats(-100, 100, width=32, allow_subnormal=False))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(WEIGHTS)
def test_norms_end_inside_their_bounds(w):
    norms = np.linalg.norm(w.astype(float), axis=0)
    real = norms > 1e-3  # epsilon is 1e-7: a smaller norm stays visibly short
    top = np.linalg.norm(constraints.MaxNorm(2.0)(w), axis=0)
    np.testing.assert_allclose(top[real], np.minimum(norms, 2.0)[real], rtol=2e-4)
    np.testing.assert_allclose(np.linalg.norm(constraints.UnitNorm()(w), axis=0)[real], 1.0, rtol=2e-4)
    both = np.linalg.norm(constraints.MinMaxNorm(0.5, 2.0)(w), axis=0)
    np.testing.assert_allclose(both[real], np.clip(norms, 0.5, 2.0)[real], rtol=2e-4)
    assert (np.asarray(constraints.NonNeg()(w)) == np.maximum(w, 0)).all()


# ------------------------------------------------------------------ configs and names
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_config_is_keras_s_both_ways(name, kwargs):
    ours, theirs = pair(name, kwargs)
    got, want = constraints.serialize(ours), keras.constraints.serialize(theirs)
    assert got == json.loads(json.dumps(want))  # tuples are lists in a file
    if name != "Constraint":
        assert constraints.deserialize(json.loads(json.dumps(want))) == ours
    np.testing.assert_array_equal(constraints.deserialize(want)(MATRIX), ours(MATRIX))
    again = keras.constraints.deserialize(got)
    if kwargs.get("axis") != (0, 1):  # Keras itself cannot sum over the list that its file holds
        np.testing.assert_allclose(again(MATRIX), theirs(MATRIX), rtol=1e-6)


def test_every_string_of_keras_is_found():
    from keras.src.constraints import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(constraints.get(name)) is getattr(constraints, cls.__name__)


def test_get_takes_none_objects_classes_and_functions():
    def mine(w):
        return w

    one = constraints.UnitNorm(1)
    assert constraints.get(None) is None
    assert constraints.get(one) is one
    assert constraints.get(constraints.NonNeg) == constraints.NonNeg()
    assert constraints.get(mine) is mine
    assert constraints.get("mine", custom_objects={"mine": mine}) is mine


def test_equal_arguments_make_equal_hashable_objects():
    assert constraints.UnitNorm([0, 1]) == constraints.UnitNorm((0, 1))
    assert len({constraints.UnitNorm([0, 1]), constraints.UnitNorm((0, 1)), constraints.UnitNorm()}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        constraints.UnitNorm().axis = 1


class KerasStyle(constraints.Constraint):
    def __init__(self, limit=1.0):
        self.limit = limit

    def __call__(self, w):
        return jnp.clip(w, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


def test_own_class_written_as_for_keras():
    config = constraints.serialize(KerasStyle(0.25))
    again = constraints.deserialize(config, custom_objects={"KerasStyle": KerasStyle})
    np.testing.assert_array_equal(again(MATRIX), np.clip(MATRIX, -0.25, 0.25))


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("make", "bounds"),
    [
        (lambda: constraints.MaxNorm(-1.0), "from 0 to -1.0"),
        (lambda: constraints.MinMaxNorm(2.0, 1.0), "from 2.0 to 1.0"),
        (lambda: constraints.MinMaxNorm(-1.0, 1.0), "from -1.0 to 1.0"),
    ],
)
def test_impossible_bounds_are_refused(make, bounds):
    with pytest.raises(ValueError, match=rf"allows norms {bounds}, and no norm lies there(?s:.)*wrong order"):
        make()


def test_unknown_name_lists_the_known():
    with pytest.raises(
        ValueError, match=r"Unknown name 'maxnorm' in constraints(?s:.)*Did you mean 'MaxNorm' or 'max_norm'"
    ):
        constraints.get("maxnorm")
