"""Activations against Keras, scipy and their own definitions, over a table of every public name."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
import scipy.special

from fkeras.nn import activations
from fkeras.nn._activations._base import SAME_IN_JAX

# Every public function of keras.activations, with the arguments to try beside the defaults.
TABLE = {
    "celu": [{}, {"alpha": 0.5}],
    "elu": [{}, {"alpha": 0.5}],
    "exponential": [{}],
    "gelu": [{}, {"approximate": True}],
    "glu": [{}, {"axis": 0}],
    "hard_shrink": [{}, {"threshold": 1.0}],
    "hard_sigmoid": [{}],
    "hard_silu": [{}],
    "hard_swish": [{}],
    "hard_tanh": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.3}],
    "linear": [{}],
    "log_sigmoid": [{}],
    "log_softmax": [{}, {"axis": 0}, {"axis": (0, 1)}],
    "mish": [{}],
    "relu": [{}]
    + [
        {"negative_slope": slope, "max_value": top, "threshold": low}
        for slope in (0.0, 0.1)
        for top in (None, 2.0, 6)
        for low in (0.0, 1.0, -1.0)
    ],
    "relu6": [{}],
    "selu": [{}],
    "sigmoid": [{}],
    "silu": [{}],
    "soft_shrink": [{}, {"threshold": 1.0}],
    "softmax": [{}, {"axis": 0}, {"axis": (0, 1)}],
    "softplus": [{}],
    "softsign": [{}],
    "sparse_plus": [{}],
    "sparse_sigmoid": [{}],
    "sparsemax": [{}, {"axis": 0}],
    "squareplus": [{}, {"b": 1}],
    "swish": [{}],
    "tanh": [{}],
    "tanh_shrink": [{}],
    "threshold": [{"threshold": 1.0, "default_value": -2.0}],
}
CASES = [pytest.param(name, kwargs, id=f"{name}-{kwargs}") for name, rows in TABLE.items() for kwargs in rows]

# kinks of every function, and a few values far out
GRID = np.concatenate([np.linspace(-7, 7, 29), [-50.0, 50.0, 1e-4]]).astype("float32").reshape(4, 8)


def test_table_has_every_public_name_of_keras():
    public = {n for n in dir(keras.activations) if not n.startswith("_")}
    assert public == set(TABLE) | {"get", "serialize", "deserialize"}
    for name in public:
        assert callable(getattr(activations, name))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_signature_is_keras_s(name):
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (activations, keras.activations))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_values_and_gradients_equal_keras(name, kwargs):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    weights = jnp.cos(jnp.arange(GRID.size, dtype="float32")).reshape(GRID.shape)

    def total(f):
        def run(x):
            y = f(x, **kwargs)
            return jnp.sum(y * weights[tuple(slice(n) for n in y.shape)])

        return run

    @jax.jit
    def numbers(x):
        return [(f(x, **kwargs), jax.grad(total(f))(x)) for f in (ours, theirs)]

    (value, got), (wanted, want) = numbers(GRID)
    np.testing.assert_allclose(value, wanted, rtol=1e-6, atol=1e-6)
    # exp(50) is a gradient too: relative to the largest
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_jit_vmap_gradients(name, kwargs):
    function = lambda x: getattr(activations, name)(x, **kwargs)  # noqa: E731
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        batch = jnp.asarray(np.stack([GRID, GRID[::-1], -GRID]))
        each = np.stack([function(x) for x in batch])

        @jax.jit
        def numbers(batch):
            gradient = jax.grad(lambda x: jnp.sum(function(x)))(batch[0])
            return function(batch[0]), jax.vmap(function)(batch), gradient

        one, many, gradient = numbers(batch)
    # compiled code may fuse a multiplication with an addition: one more digit
    np.testing.assert_allclose(one, each[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(many, each, rtol=1e-5, atol=1e-6)
    assert np.isfinite(gradient).all()


@pytest.mark.sweep(2, 1)
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_bfloat16_stays_bfloat16(name, kwargs):
    x = jnp.asarray(np.clip(GRID, -7, 7), "bfloat16")
    function = getattr(activations, name)
    with jax.numpy_dtype_promotion("strict"):
        got = function(x, **kwargs)
    assert got.dtype == jnp.bfloat16
    want = function(x.astype("float32"), **kwargs)
    # a bfloat16 has 8 bits; exp(7) and its like are relative. Differences of near values lose some more.
    np.testing.assert_allclose(got.astype("float32"), want, rtol=3e-2, atol=3e-2)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"threshold"}))
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # Keras's log_softmax
def test_integer_input_equals_keras(name):
    x = np.arange(-4, 4, dtype="int32").reshape(2, 4)
    got = getattr(activations, name)(x)
    assert np.isfinite(got).all()
    if name not in {"sigmoid", "silu", "swish", "glu"}:  # where Keras raises on integers
        want = np.asarray(getattr(keras.activations, name)(x))
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
        assert np.asarray(got).dtype == want.dtype


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sigmoid", scipy.special.expit),
        ("log_sigmoid", scipy.special.log_expit),
        ("gelu", lambda x: x * scipy.special.ndtr(x)),
        ("softmax", lambda x: scipy.special.softmax(x, axis=-1)),
        ("log_softmax", lambda x: scipy.special.log_softmax(x, axis=-1)),
        ("softplus", lambda x: np.logaddexp(0, x)),
    ],
)
def test_values_equal_scipy(name, reference):
    np.testing.assert_allclose(getattr(activations, name)(GRID), reference(GRID.astype(float)), rtol=1e-5, atol=1e-6)


def test_relu_does_not_make_nan_of_infinity():
    x = jnp.array([-jnp.inf, jnp.inf])
    np.testing.assert_array_equal(activations.relu(x, max_value=6.0), [0.0, 6.0])
    np.testing.assert_array_equal(activations.relu(x, threshold=1.0), [0.0, np.inf])


def test_softmax_counts_negative_axes_in_a_tuple_from_the_end():
    x = jnp.asarray(GRID.reshape(2, 4, 4))
    got = activations.softmax(x, axis=(-2, -1))
    np.testing.assert_allclose(got, activations.softmax(x, axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(got.sum(axis=(1, 2)), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(activations.softmax(x, axis=[1, 2]), activations.softmax(x, axis=(1, 2)))


# ------------------------------------------------------------------ sparsemax, as Keras computes it
def test_sparsemax_is_keras_s_and_not_the_papers():
    """The docstring says so; when this fails, Keras has mended it and the docstring must change."""
    rows = np.asarray(activations.sparsemax(GRID / 4))
    assert np.abs(rows.sum(-1) - 1).max() > 0.1
    simplex = jax.vmap(optax.projections.projection_simplex)(jnp.asarray(GRID / 4))
    np.testing.assert_allclose(simplex.sum(-1), 1, atol=1e-5)


# ------------------------------------------------------------------ by name
def test_every_name_of_keras_is_found():
    from keras.src.activations import ALL_OBJECTS_DICT

    for name, function in ALL_OBJECTS_DICT.items():
        found = activations.get(name)
        assert found is getattr(activations, name)
        assert activations.serialize(found) == keras.activations.serialize(function)
        assert keras.activations.get(activations.serialize(found)) is function
        assert activations.deserialize(keras.activations.serialize(function)) is found
        record = keras.saving.serialize_keras_object(function)  # as a Lambda or Activation writes it
        assert activations.deserialize(record) is found


def test_none_is_linear_and_callables_stay():
    def mine(x):
        return x

    assert activations.get(None) is activations.linear
    assert activations.get(mine) is mine
    assert activations.deserialize(None) is None


def test_own_function_goes_through_custom_objects():
    def mine(x):
        return x

    config = activations.serialize(mine)
    assert config["class_name"] == "function"
    assert config["config"] == "mine"
    assert activations.deserialize(config, custom_objects={"mine": mine}) is mine
    assert activations.get("mine", custom_objects={"mine": mine}) is mine


@pytest.mark.parametrize("name", sorted(SAME_IN_JAX))
def test_jax_functions_save_under_keras_names(name):
    function = SAME_IN_JAX[name]
    assert activations.serialize(function) == name
    assert activations.get(function) is function
    np.testing.assert_allclose(function(jnp.asarray(GRID)), getattr(activations, name)(GRID), rtol=1e-6)


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"Unknown name 'rely'(?s:.)*Did you mean 'relu'(?s:.)*sparsemax"):
        activations.get("rely")


def test_lambda_cannot_be_saved():
    with pytest.raises(TypeError, match=r"has no name that a config could hold(?s:.)*def my_function"):
        activations.serialize(lambda x: x)


def test_glu_wants_an_even_axis():
    with pytest.raises(ValueError, match=r"its length 3 is odd(?s:.)*Received: shape \(2, 3\)(?s:.)*Dense\(2 \* units"):
        activations.glu(jnp.ones((2, 3)))
