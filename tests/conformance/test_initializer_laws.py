"""The laws of initializers: what holds for every row of the table."""

from __future__ import annotations

import inspect
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from fkeras.nn import initializers

from .table_initializers import ALIASES, TABLE

keras = pytest.importorskip("keras")
CASES = [pytest.param(name, kwargs, id=f"{name}-{kwargs}") for name, (rows, _) in TABLE.items() for kwargs in rows]
RANDOM = sorted(name for name, (rows, _) in TABLE.items() if "seed" in rows[0])
NOT_RANDOM = sorted(set(TABLE) - set(RANDOM))


def pair(name, kwargs):
    return getattr(initializers, name)(**kwargs), getattr(keras.initializers, name)(**kwargs)


# ------------------------------------------------------------------ coverage
def test_table_has_every_public_name_of_keras():
    public = {n for n in dir(keras.initializers) if not n.startswith("_")}
    assert public == set(TABLE) | set(ALIASES) | {"Initializer", "get", "serialize", "deserialize"}
    for alias, name in ALIASES.items():
        assert getattr(initializers, alias) is getattr(initializers, name)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_signature_is_keras_s(name):
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (initializers, keras.initializers))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


# ------------------------------------------------------------------ numbers
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_values_equal_keras(name, kwargs):
    ours, theirs = pair(name, kwargs)
    for shape in TABLE[name][1]:
        got = ours(jax.random.key(99), shape)  # the seed wins
        assert got.dtype == jnp.float32
        assert got.shape == shape
        # Keras takes the STFT's phase in float32, see test_stft_keeps_its_digits_on_long_windows
        np.testing.assert_allclose(got, theirs(shape), rtol=1e-6, atol=1e-5 if name == "STFT" else 1e-6)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"STFT", "Orthogonal"}))
def test_bfloat16_equals_keras(name):
    kwargs = TABLE[name][0][0]
    ours, theirs = pair(name, kwargs)
    shape = TABLE[name][1][0]
    got, want = ours(jax.random.key(0), shape, jnp.bfloat16), theirs(shape, "bfloat16")
    assert got.dtype == want.dtype == jnp.bfloat16
    # compiled arithmetic may round once where Keras, op by op, rounds twice: one of 8 bits
    np.testing.assert_allclose(got.astype("float32"), want.astype("float32"), rtol=2**-7)


@pytest.mark.parametrize("name", ["STFT", "Orthogonal"])
def test_bfloat16_is_the_rounded_float32(name):
    """Keras has no QR in bfloat16 and takes the STFT's phase in it."""
    ours, shape = getattr(initializers, name)(), TABLE[name][1][0]
    key = jax.random.key(0)
    got = ours(key, shape, jnp.bfloat16)
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(got.astype("float32"), ours(key, shape), rtol=2**-7, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "law"),
    [
        (initializers.RandomNormal(0.5, 2.0), scipy.stats.norm(0.5, 2.0)),
        (initializers.RandomUniform(-1.0, 3.0), scipy.stats.uniform(-1.0, 4.0)),
        (initializers.TruncatedNormal(0.5, 2.0), scipy.stats.truncnorm(-2, 2, 0.5, 2.0)),
        (initializers.GlorotUniform(), scipy.stats.uniform(-math.sqrt(6 / 200), 2 * math.sqrt(6 / 200))),
        (initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"), scipy.stats.norm(0, math.sqrt(2 / 100))),
    ],
)
def test_distribution_is_scipy_s(make, law):
    sample = np.asarray(make(jax.random.key(0), (100, 100))).ravel()
    assert scipy.stats.kstest(sample, law.cdf).pvalue > 1e-3  # one fixed key, so no flakes


# ------------------------------------------------------------------ keys and transformations
@pytest.mark.parametrize("name", RANDOM)
def test_the_key_decides(name):
    make, shape = getattr(initializers, name)(), (4, 3)
    one, again, other = (make(jax.random.key(k), shape) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_jit_vmap_and_eval_shape(name, kwargs):
    make = getattr(initializers, name)(**{**kwargs, "seed": None} if "seed" in kwargs else kwargs)
    shape = TABLE[name][1][-1]
    keys = jax.random.split(jax.random.key(0), 2)
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        eager = np.stack([make(k, shape) for k in keys])
        # QR of a batch goes another way through LAPACK
        tolerance = {"rtol": 1e-5, "atol": 1e-6} if name == "Orthogonal" else {"rtol": 1e-6, "atol": 1e-7}
        np.testing.assert_allclose(jax.jit(lambda k: make(k, shape))(keys[0]), eager[0], **tolerance)
        np.testing.assert_allclose(jax.vmap(lambda k: make(k, shape))(keys), eager, **tolerance)
        abstract = jax.eval_shape(lambda k: make(k, shape, jnp.float16), keys[0])
    assert (abstract.shape, abstract.dtype) == (shape, jnp.float16)


@pytest.mark.parametrize("name", NOT_RANDOM)
def test_without_randomness_no_key_is_needed(name):
    make, shape = getattr(initializers, name)(), TABLE[name][1][0]
    np.testing.assert_array_equal(make(None, shape), make(jax.random.key(0), shape))


def test_float64_where_it_is_enabled():
    with jax.enable_x64(True):
        for name in TABLE:
            shape = TABLE[name][1][0]
            assert getattr(initializers, name)()(jax.random.key(0), shape, jnp.float64).dtype == jnp.float64
    assert initializers.HeNormal()(jax.random.key(0), (2, 2), jnp.float64).dtype == jnp.float32


# ------------------------------------------------------------------ configs
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_config_is_keras_s_both_ways(name, kwargs):
    ours, theirs = pair(name, kwargs)
    got, want = initializers.serialize(ours), keras.initializers.serialize(theirs)
    if kwargs.get("gain") == 2.0 and name == "Identity":
        assert want["config"] == {}  # Keras forgets it: not copied
        want["config"]["gain"] = 2.0
    assert json.dumps(got, sort_keys=True) == json.dumps(want, sort_keys=True)
    through_a_file = json.loads(json.dumps(want))
    assert initializers.deserialize(through_a_file) == ours
    assert initializers.get(through_a_file) == ours
    assert hash(initializers.deserialize(through_a_file)) == hash(ours)
    shape = TABLE[name][1][-1]
    if not isinstance(kwargs.get("window"), np.ndarray):  # which Keras writes and cannot read
        again = keras.initializers.deserialize(got)
        np.testing.assert_array_equal(again(shape), theirs(shape))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_default_config_is_keras_s(name):
    ours, theirs = pair(name, {})
    assert initializers.serialize(ours) == keras.initializers.serialize(theirs)
