"""Regularizers against Keras, over a table of every public name."""

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

from fkeras.nn import regularizers

# Every class of keras.regularizers, with arguments to try.
TABLE = {
    "L1": [{}, {"l1": 0.5}, {"l1": None}],
    "L2": [{}, {"l2": 0.5}, {"l2": 0}, {"l2": None}],
    "L1L2": [{}, {"l1": 0.5}, {"l2": 0.25}, {"l1": 0.5, "l2": 0.25}, {"l1": None, "l2": None}],
    "OrthogonalRegularizer": [{}, {"factor": 0.5}, {"factor": 0.5, "mode": "columns"}],
    "Regularizer": [{}],
}
ALIASES = {"l1": "L1", "l2": "L2", "l1_l2": "L1L2", "orthogonal_regularizer": "OrthogonalRegularizer"}
CASES = [pytest.param(name, kwargs, id=f"{name}-{kwargs}") for name, rows in TABLE.items() for kwargs in rows]
CONFIGURED = [case for case in CASES if case.values[0] != "Regularizer"]

MATRIX = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def pair(name, kwargs):
    return getattr(regularizers, name)(**kwargs), getattr(keras.regularizers, name)(**kwargs)


def test_table_has_every_public_name_of_keras():
    public = {n for n in dir(keras.regularizers) if not n.startswith("_")}
    assert public == set(TABLE) | set(ALIASES) | {"get", "serialize", "deserialize"}
    for alias, name in ALIASES.items():
        assert getattr(regularizers, alias) is getattr(regularizers, name)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_signature_is_keras_s(name):
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (regularizers, keras.regularizers))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_values_and_gradients_equal_keras(name, kwargs):
    ours, theirs = pair(name, kwargs)
    if name == "Regularizer":  # its penalty is a constant, in Keras a Python number
        assert ours(MATRIX) == theirs(MATRIX)
        return
    mine, keras_s = jax.jit(lambda x: [jax.value_and_grad(f)(x) for f in (ours, theirs)])(MATRIX)
    for got, want, rtol in zip(mine, keras_s, (1e-6, 1e-5), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_jit_vmap_and_finite_gradients(name, kwargs):
    penalty, _ = pair(name, kwargs)
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        np.testing.assert_allclose(jax.jit(penalty)(MATRIX), penalty(MATRIX), rtol=1e-6)
        batch = np.stack([MATRIX, -2 * MATRIX])
        np.testing.assert_allclose(jax.vmap(penalty)(batch), [penalty(x) for x in batch], rtol=1e-6)
        zeros = jnp.zeros_like(MATRIX)  # where norms have no derivative
        for x in (jnp.asarray(MATRIX), zeros):
            assert np.isfinite(jax.grad(penalty)(x)).all()


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_bfloat16_stays_bfloat16(name, kwargs):
    penalty, _ = pair(name, kwargs)
    with jax.numpy_dtype_promotion("strict"):
        got = penalty(jnp.asarray(MATRIX, "bfloat16"))
    assert got.dtype == jnp.bfloat16
    assert got.shape == ()
    np.testing.assert_allclose(float(got), float(penalty(MATRIX)), rtol=2e-2)  # 8 bits


@pytest.mark.parametrize("name", ["L1", "L2", "L1L2"])
def test_any_rank_and_integers(name):
    ours = getattr(regularizers, name)(0.5)
    x = np.arange(-4, 4, dtype="int32").reshape(2, 2, 2)
    want = {"L1": 0.5 * 16, "L2": 0.5 * 44, "L1L2": 0.5 * 16}[name]
    np.testing.assert_allclose(ours(x), want)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.floats(0, 10), st.floats(0, 10))
def test_l1l2_is_the_sum_of_its_parts(l1, l2):
    both = regularizers.L1L2(l1, l2)(MATRIX)
    np.testing.assert_allclose(both, regularizers.L1(l1)(MATRIX) + regularizers.L2(l2)(MATRIX), rtol=1e-5, atol=1e-6)


def test_l2_has_no_half():
    np.testing.assert_allclose(regularizers.L2(1.0)(jnp.array([3.0, 4.0])), 25.0)


def test_one_row_has_no_pairs():
    assert regularizers.OrthogonalRegularizer()(jnp.ones((1, 4))) == 0
    assert np.isnan(keras.regularizers.OrthogonalRegularizer()(jnp.ones((1, 4))))  # 0 / 0: not copied


# ------------------------------------------------------------------ configs and names
@pytest.mark.parametrize(("name", "kwargs"), CONFIGURED)
def test_config_is_keras_s_both_ways(name, kwargs):
    ours, theirs = pair(name, kwargs)
    got, want = regularizers.serialize(ours), keras.regularizers.serialize(theirs)
    assert {k: v for k, v in got.items() if k != "config"} == {k: v for k, v in want.items() if k != "config"}
    assert got["config"].keys() == want["config"].keys()
    for key, value in got["config"].items():
        # Keras keeps the factors of L1 and OrthogonalRegularizer as float32 tensors
        assert value == (
            want["config"][key] if isinstance(value, str) else pytest.approx(want["config"][key], rel=1e-7)
        )
    assert regularizers.deserialize(json.loads(json.dumps(got))) == ours
    np.testing.assert_allclose(regularizers.deserialize(want)(MATRIX), ours(MATRIX), rtol=1e-6)
    np.testing.assert_allclose(
        keras.regularizers.deserialize(got)(jnp.asarray(MATRIX)), theirs(jnp.asarray(MATRIX)), rtol=1e-6
    )


def test_base_class_has_keras_s_address():
    assert regularizers.serialize(regularizers.Regularizer())["module"] == "keras"


def test_every_string_of_keras_is_found():
    from keras.src.regularizers import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(regularizers.get(name)) is getattr(regularizers, cls.__name__)
    assert regularizers.get("l2") == regularizers.L2(0.01)
    assert regularizers.get("l1_l2") == regularizers.L1L2()  # Keras documents it and refuses it


def test_get_takes_none_objects_classes_and_functions():
    def mine(w):
        return jnp.sum(w)

    l2 = regularizers.L2(0.5)
    assert regularizers.get(None) is None
    assert regularizers.get(l2) is l2
    assert regularizers.get(regularizers.L1) == regularizers.L1()
    assert regularizers.get(mine) is mine
    assert regularizers.get("mine", custom_objects={"mine": mine}) is mine


def test_equal_arguments_make_equal_hashable_objects():
    assert regularizers.L2(1) == regularizers.L2(1.0)
    assert len({regularizers.L2(1), regularizers.L2(1.0), regularizers.L2(2.0)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        regularizers.L2().l2 = 3.0


class KerasStyle(regularizers.Regularizer):
    def __init__(self, strength=1.0):
        self.strength = strength

    def __call__(self, x):
        return self.strength * jnp.sum(x)

    def get_config(self):
        return {"strength": self.strength}


def test_own_class_written_as_for_keras():
    made = KerasStyle(2.0)
    assert made != KerasStyle(2.0)  # no fields to compare: only itself
    config = regularizers.serialize(made)
    again = regularizers.deserialize(config, custom_objects={"KerasStyle": KerasStyle})
    np.testing.assert_allclose(again(MATRIX), made(MATRIX))


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize("value", [-0.1, float("inf"), float("nan"), "0.1", [0.1]])
@pytest.mark.parametrize(
    ("name", "argument"), [("L1", "l1"), ("L2", "l2"), ("L1L2", "l2"), ("OrthogonalRegularizer", "factor")]
)
def test_factor_must_be_finite_and_not_negative(name, argument, value):
    with pytest.raises(ValueError, match="non-negative"):
        getattr(keras.regularizers, name)(**{argument: value})
    message = (
        rf"{name} got {argument}=(?s:.)*must be a finite number, not negative(?s:.)*Write:    {name}\({argument}=0.01"
    )
    with pytest.raises(ValueError, match=message):
        getattr(regularizers, name)(**{argument: value})


def test_orthogonal_mode_is_checked():
    with pytest.raises(ValueError, match=r"mode='diagonal', but knows only 'rows' and 'columns'"):
        regularizers.OrthogonalRegularizer(mode="diagonal")


def test_orthogonal_wants_a_matrix():
    with pytest.raises(ValueError, match=r"penalises matrices(?s:.)*Received: shape \(3,\)(?s:.)*bias"):
        regularizers.OrthogonalRegularizer()(jnp.ones(3))


def test_unknown_name_and_argument_list_the_known():
    with pytest.raises(
        ValueError,
        match=r"Unknown name 'orthogonal' in regularizers(?s:.)*Did you mean 'orthogonal_regularizer'(?s:.)*L1L2",
    ):
        regularizers.get("orthogonal")
    with pytest.raises(ValueError, match=r"L2 takes no argument 'l1'"):
        regularizers.deserialize({"class_name": "L2", "config": {"l1": 0.1}})
