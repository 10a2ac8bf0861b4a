"""Initializers beyond the laws of tests/conformance: keys and seeds, shapes and dtypes, few compilations, errors."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import dataclasses

import flax.linen as linen
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from fkeras.nn import initializers
from fkeras.nn._initializers import _constants, _drawing
from tests.conformance.table_initializers import ALIASES, KERNELS


# ------------------------------------------------------------------ numbers
def test_seed_gives_keras_s_key_not_jax_s():
    """Keras's words are (seed, 0), those of jax.random.key (0, seed): the same for seed 0 only."""
    want = np.asarray(keras.initializers.GlorotUniform(7)((4, 5)))
    np.testing.assert_allclose(initializers.GlorotUniform(7)(None, (4, 5)), want, atol=1e-7)
    by_jax = jax.nn.initializers.glorot_uniform()(jax.random.key(7), (4, 5))
    assert np.abs(by_jax - want).max() > 0.1
    large = 2**31 + 5
    want = np.asarray(keras.initializers.HeNormal(large)((4, 5)))
    np.testing.assert_allclose(initializers.HeNormal(np.int64(large))(None, (4, 5)), want, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "of_jax"),
    [
        ("GlorotNormal", jax.nn.initializers.glorot_normal()),
        ("GlorotUniform", jax.nn.initializers.glorot_uniform()),
        ("HeNormal", jax.nn.initializers.he_normal()),
        ("HeUniform", jax.nn.initializers.he_uniform()),
        ("LecunNormal", jax.nn.initializers.lecun_normal()),
        ("LecunUniform", jax.nn.initializers.lecun_uniform()),
        ("Orthogonal", jax.nn.initializers.orthogonal()),
        ("RandomNormal", jax.nn.initializers.normal(0.05)),
        ("TruncatedNormal", jax.nn.initializers.truncated_normal(0.05)),
    ],
)
def test_without_a_seed_the_key_draws_what_jax_draws(name, of_jax):
    key = jax.random.key(3)
    for shape in KERNELS:
        got = getattr(initializers, name)()(key, shape)
        np.testing.assert_allclose(got, of_jax(key, shape), rtol=1e-5, atol=1e-7)


def test_raw_uint32_keys_work():
    raw = jax.random.key_data(jax.random.key(4))
    got = initializers.HeNormal()(raw, (3, 2))
    np.testing.assert_array_equal(got, initializers.HeNormal()(jax.random.key(4), (3, 2)))


@pytest.mark.parametrize(
    "name", ["GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"]
)
def test_variance_after_truncation_is_as_asked(name):
    values = np.asarray(getattr(initializers, name)()(jax.random.key(1), (3, 3, 30, 60)))
    fan_in, fan_out = 270, 540
    want = {"G": 2 / (fan_in + fan_out), "H": 2 / fan_in, "L": 1 / fan_in}[name[0]]
    np.testing.assert_allclose(values.var(), want, rtol=0.05)  # 16 200 draws


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 9), max_size=5), st.data())
def test_fans_equal_keras(shape, data):
    from keras.src.initializers.random_initializers import compute_fans

    axes = st.none() if not shape else st.none() | st.lists(st.integers(-len(shape), len(shape) - 1), max_size=3)
    ins, outs = data.draw(axes), data.draw(axes)
    assert initializers.compute_fans(shape, ins, outs) == compute_fans(shape, ins, outs)


@pytest.mark.parametrize("shape", [(8, 3), (3, 8), (2, 3, 4)])
def test_orthogonal_is_orthogonal(shape):
    q = np.asarray(initializers.Orthogonal(gain=2.0)(jax.random.key(0), shape)).reshape(-1, shape[-1])
    product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(product, 4 * np.eye(min(q.shape)), atol=1e-5)


@pytest.mark.parametrize("side", ["real", "imag"])
def test_stft_keeps_its_digits_on_long_windows(side):
    length, bins = 1024, 65
    time, bin_ = np.arange(length)[:, None, None], np.arange(bins)[None, None, :]
    angle = -2 * np.pi * time * bin_ / (2 * (bins - 1))
    window = scipy.signal.get_window("hann", length, False)[:, None, None]
    want = (np.cos(angle) if side == "real" else np.sin(angle)) * window / np.sqrt(np.sum(window**2))
    got = initializers.STFT(side)(None, (length, 1, bins))
    np.testing.assert_allclose(got, want, atol=1e-7)
    # Keras takes the phase, up to 3000 radians here, in float32
    np.testing.assert_allclose(keras.initializers.STFT(side)((length, 1, bins)), want, atol=2e-5)


def test_stft_kernel_computes_an_fft():
    frame = np.random.default_rng(0).normal(size=16)
    kernels = [np.asarray(initializers.STFT(side, window=None)(None, (16, 1, 9)))[:, 0] for side in ("real", "imag")]
    want = np.fft.rfft(frame)
    np.testing.assert_allclose(frame @ kernels[0] + 1j * (frame @ kernels[1]), want, atol=1e-5)


def test_constant_takes_arrays():
    table = np.arange(6.0).reshape(3, 2)
    for make in (initializers.Constant(table), initializers.get(table), initializers.get(jnp.asarray(table))):
        np.testing.assert_array_equal(make(None, (3, 2)), table)
        np.testing.assert_array_equal(jax.jit(lambda k, m=make: m(k, (2, 3, 2)))(jax.random.key(0))[1], table)
    assert initializers.get(np.float32(0.5)) == initializers.Constant(0.5)
    np.testing.assert_array_equal(initializers.Constant([1, 2])(None, (2, 2), jnp.int32), [[1, 2], [1, 2]])


def test_constant_may_be_traced():
    grad = jax.grad(lambda v: initializers.Constant(v)(None, (3,)).sum())(2.0)
    assert grad == 3.0


# ------------------------------------------------------------------ the calling contract
@pytest.mark.parametrize("dtype", ["int32", "bool", "float16", "complex64"])
def test_constants_take_any_dtype(dtype):
    for make, want in [(initializers.Zeros(), 0), (initializers.Ones(), 1), (initializers.Constant(1), 1)]:
        got = make(None, (2,), dtype)
        assert got.dtype == jnp.dtype(dtype)
        np.testing.assert_array_equal(got, np.full((2,), want, dtype))
    assert initializers.Identity()(None, (2, 2), dtype).dtype == jnp.dtype(dtype)


def test_shapes_may_be_integers_lists_and_empty():
    make, key = initializers.GlorotUniform(), jax.random.key(0)
    np.testing.assert_array_equal(make(key, 3), make(key, (3,)))
    np.testing.assert_array_equal(make(key, [np.int64(3), 2]), make(key, (3, 2)))
    assert make(key, ()).shape == ()
    assert make(key, (0, 4)).shape == (0, 4)
    assert make(key, (2,), None).dtype == jnp.float32


def test_few_compilations_for_many_shapes():
    sampled, made = _drawing._sample._cache_size, _constants._filled._cache_size
    key = jax.random.key(0)
    initializers.HeNormal()(key, (3, 5), jnp.float16)
    before = sampled()
    for shape in [(3, 5), (3, 3, 4, 5), (7,), (128, 128)]:  # up to 16384 numbers
        initializers.HeNormal()(key, shape, jnp.float16)
        initializers.LecunNormal()(jax.random.key(1), shape, jnp.float16)
    assert sampled() == before
    initializers.HeNormal()(key, (129, 128), jnp.float16)
    initializers.HeNormal()(key, (256, 256), jnp.float16)
    assert sampled() == before + 1

    initializers.Ones()(key, (3, 5), jnp.float16)
    before = made()
    initializers.Ones()(jax.random.key(1), [3, 5], "float16")
    assert made() == before
    initializers.Ones()(None, (5, 3), jnp.float16)
    assert made() == before + 1


@pytest.mark.parametrize("law", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_cut_vector_is_what_jax_draws_for_the_shape(law, dtype):
    key, dtype = jax.random.key(5), jnp.dtype(dtype)
    for shape in [(3, 3, 4, 5), (70, 64), (64, 64), ()]:
        got = _drawing.draw(law, key, shape, dtype, -0.5, 0.25)
        np.testing.assert_array_equal(got, _drawing._sample(law, key, shape, dtype, -0.5, 0.25))


def test_other_generators_draw_their_own_numbers():
    key = jax.random.key(5, impl="rbg")
    want = jax.nn.initializers.he_normal()(key, (5, 4))
    np.testing.assert_allclose(initializers.HeNormal()(key, (5, 4)), want, rtol=1e-6)
    with jax.threefry_partitionable(False):
        key = jax.random.key(5)
        want = jax.nn.initializers.he_normal()(key, (5, 4))
        np.testing.assert_allclose(initializers.HeNormal()(key, (5, 4)), want, rtol=1e-6)


def test_large_weights_are_drawn_in_their_shape(monkeypatch):
    key, shape = jax.random.key(2), (30, 20)
    flat = initializers.HeUniform()(key, shape)
    monkeypatch.setattr(_drawing, "_LARGEST_FLAT", 100)
    np.testing.assert_array_equal(initializers.HeUniform()(key, shape), flat)


def test_in_a_flax_module_and_flax_s_here():
    dense = linen.Dense(4, kernel_init=initializers.HeNormal(), bias_init=initializers.get("ones"))
    params = dense.init(jax.random.key(0), jnp.ones((1, 3)))["params"]
    assert params["kernel"].shape == (3, 4)
    np.testing.assert_array_equal(params["bias"], np.ones(4))
    of_flax = linen.initializers.lecun_normal()
    assert initializers.get(of_flax) is of_flax


# ------------------------------------------------------------------ configs and names
def test_a_keras_seed_generator_is_read_as_no_seed():
    config = keras.initializers.serialize(keras.initializers.HeNormal(keras.random.SeedGenerator(3)))
    assert initializers.deserialize(config) == initializers.HeNormal()


def test_every_string_of_keras_is_found():
    from keras.src.initializers import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(initializers.get(name)) is getattr(initializers, cls.__name__)
    for alias in ALIASES:
        assert type(initializers.get(alias)) is getattr(initializers, alias)


def test_base_class_has_keras_s_address_and_makes_nothing():
    assert initializers.serialize(initializers.Initializer()) == keras.initializers.serialize(
        keras.initializers.Initializer()
    )
    with pytest.raises(NotImplementedError, match=r"Initializer does not say how(?s:.)*def __call__\(self, key, shape"):
        initializers.Initializer()(None, (2,))


def test_get_takes_none_objects_classes_and_functions():
    def mine(key, shape, dtype=jnp.float32):
        return jnp.full(shape, 2, dtype)

    he = initializers.HeNormal()
    assert initializers.get(None) is None
    assert initializers.get(he) is he
    assert initializers.get(initializers.Zeros) == initializers.Zeros()
    assert initializers.get(mine) is mine
    assert initializers.get("mine", custom_objects={"mine": mine}) is mine
    assert initializers.deserialize(initializers.serialize(mine), {"mine": mine}) is mine


def test_equality_and_hash_follow_the_arguments():
    assert initializers.GlorotUniform() == initializers.GlorotUniform()
    assert initializers.GlorotUniform() != initializers.GlorotNormal()
    assert initializers.GlorotUniform(1) != initializers.GlorotUniform(2)
    assert initializers.GlorotUniform(None, [0], [1]) == initializers.GlorotUniform(None, (0,), (1,))
    assert initializers.Constant(np.arange(3)) == initializers.Constant(np.arange(3))
    assert initializers.Constant(np.arange(3)) != initializers.Constant(np.arange(1, 4))
    assert initializers.Constant(1) == initializers.Constant(1.0)
    assert len({initializers.Constant(np.arange(3)), initializers.Constant(np.arange(3)), initializers.Zeros()}) == 2
    assert initializers.RandomNormal(jnp.float32(0.5)) == initializers.RandomNormal(0.5)
    assert isinstance(initializers.GlorotUniform(), initializers.VarianceScaling)
    with pytest.raises(dataclasses.FrozenInstanceError):
        initializers.HeNormal().seed = 3


class KerasStyle(initializers.Initializer):
    def __init__(self, step=1.0):
        self.step = step

    def __call__(self, key, shape, dtype=jnp.float32):
        return self.step * jnp.ones(shape, dtype)

    def get_config(self):
        return {"step": self.step}


def test_own_class_with_its_own_constructor():
    config = initializers.serialize(KerasStyle(0.25))
    again = initializers.deserialize(config, custom_objects={"KerasStyle": KerasStyle})
    np.testing.assert_array_equal(again(None, (2,)), [0.25, 0.25])


# ------------------------------------------------------------------ errors
KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: initializers.VarianceScaling(0.0), ValueError, r"scale=0.0, but a variance must be positive"),
        (lambda: initializers.VarianceScaling(mode="fan"), ValueError, r"mode='fan', which is none of 'fan_in'"),
        (
            lambda: initializers.VarianceScaling(distribution="gauss"),
            ValueError,
            r"distribution='gauss', which is none",
        ),
        (lambda: initializers.VarianceScaling(distribution=[1]), ValueError, r"distribution=\[1\], which is none"),
        (
            lambda: initializers.HeNormal("0"),
            ValueError,
            r"HeNormal got a seed of type str(?s:.)*HeNormal\(\)\(key, shape",
        ),
        (lambda: initializers.HeNormal(KEY), ValueError, r"a JAX key belongs in the call"),
        (lambda: initializers.HeNormal()(None, (2, 2)), ValueError, r"no seed, so it needs a key"),
        (lambda: initializers.HeNormal()((2, 2), "float32"), TypeError, r"in this order(?s:.)*a call from Keras"),
        (lambda: initializers.Zeros()((2, 2), "float32"), TypeError, r"Zeros\(\)\(jax.random.key\(0\), shape, dtype"),
        (lambda: initializers.HeNormal()(KEY, (2, 2), "int32"), TypeError, r"floating point numbers, not int32"),
        (lambda: initializers.Identity()(KEY, (2,)), ValueError, r"Identity makes matrices(?s:.)*1 dimensions"),
        (
            lambda: initializers.Orthogonal()(KEY, (2,)),
            ValueError,
            r"Orthogonal makes matrices(?s:.)*'zeros' for a bias",
        ),
        (
            lambda: initializers.Constant([1, 2])(KEY, (2, 3)),
            ValueError,
            r"shape \(2,\), which does not broadcast to \(2, 3\)",
        ),
        (lambda: initializers.Constant(np.ones((2, 3)))(KEY, (1, 3)), ValueError, r"does not broadcast to \(1, 3\)"),
        (lambda: initializers.STFT("left"), ValueError, r"side='left', which is none of 'real', 'imag'"),
        (lambda: initializers.STFT(scaling="power"), ValueError, r"scaling='power', which is none of 'density'"),
        (lambda: initializers.STFT(window="hahn"), ValueError, r"window named 'hahn'(?s:.)*STFT\(window='hann'\)"),
        (
            lambda: initializers.STFT(window=np.ones(3))(None, (4, 1, 3)),
            ValueError,
            r"one value per sample of the frame, 4",
        ),
        (lambda: initializers.STFT()(None, (4, 3)), ValueError, r"kernels of shape \(frame_length, 1, frequencies\)"),
        (lambda: initializers.get("glorot"), ValueError, r"Unknown name 'glorot'(?s:.)*Known: Constant, Glorot"),
        (lambda: initializers.get("glorotuniform"), ValueError, r"Did you mean 'GlorotUniform' or 'glorot_uniform'"),
        (lambda: initializers.get(3), ValueError, r"Cannot make one of initializers from a int"),
        (lambda: initializers.deserialize({"class_name": "Zeros", "config": {"a": 1}}), ValueError, r"no argument 'a'"),
    ],
)
def test_errors_say_what_to_write(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_functions_written_for_keras_are_refused_with_the_reason():
    def ramp(shape, dtype=None):
        return jnp.arange(shape[0], dtype=dtype)

    class Ramp(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return ramp(shape, dtype)

    for old in (ramp, Ramp()):
        with pytest.raises(
            ValueError, match=r"takes the shape first(?s:.)*written for Keras(?s:.)*key, shape, dtype=jnp"
        ):
            initializers.get(old)
