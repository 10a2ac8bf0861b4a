"""Elementwise arithmetic that a gradient computes once: the same numbers, and what is put into the gradient alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.nn._made_once import cotangent_once

POINTS = [-np.inf, -2.0, -0.0, 0.0, 1e-30, 3.0, np.inf, np.nan]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_relu_has_the_values_and_derivatives_of_jax(dtype):
    x = jnp.asarray(POINTS, dtype)
    ours, theirs = fk.nn.activations.relu, jax.nn.relu
    np.testing.assert_array_equal(ours(x).astype("float32"), theirs(x).astype("float32"))
    for way in (jax.grad, lambda f: lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),))[1], jax.value_and_grad):
        mine, other = (jax.tree.map(jnp.float32, jax.vmap(way(f))(x)) for f in (ours, theirs))
        jax.tree.map(np.testing.assert_array_equal, mine, other)
    assert jax.grad(ours)(x[5]).dtype == dtype
    np.testing.assert_array_equal(jax.vmap(jax.hessian(ours))(x[1:6]), np.zeros(5))


def test_relu_of_numbers_and_of_integers():
    assert jax.grad(fk.nn.activations.relu)(2.0) == 1
    np.testing.assert_array_equal(fk.nn.activations.relu(jnp.array([-1, 2])), [0, 2])
    np.testing.assert_array_equal(fk.nn.activations.relu(np.array([-1, 2], "int8")), [0, 2])


def test_only_a_differentiated_relu_is_a_selection():
    x = jnp.ones((2, 3))
    assert "maximum" in jax.jit(fk.nn.ReLU().apply).lower({}, x).as_text()
    gradient = jax.jit(jax.grad(lambda x: fk.nn.ReLU().apply({}, x).sum())).lower(x).as_text()
    assert "maximum" not in gradient
    assert "select" in gradient


@pytest.mark.parametrize("function", [jnp.multiply, jnp.maximum, jnp.minimum])
def test_derivatives_of_what_is_computed_once(function):
    a, b = jnp.array([1.0, 2.0, 0.0]), jnp.array([2.0, 2.0, -3.0])
    once = cotangent_once(function)
    np.testing.assert_array_equal(once(a, b), function(a, b))
    for way in (
        lambda f: jax.vjp(f, a, b)[1](jnp.ones(3)),
        lambda f: jax.jvp(f, (a, b), (b, a)),
        lambda f: jax.vmap(jax.grad(f, (0, 1)))(a, b),
        lambda f: jax.hessian(lambda a: f(a, b).sum())(a),
    ):
        jax.tree.map(np.testing.assert_array_equal, way(once), way(function))


@pytest.mark.parametrize("name", ["Multiply", "Maximum", "Minimum"])
def test_only_a_gradient_has_barriers(name):
    layer, x = getattr(fk.nn, name)(), jnp.ones((2, 3))

    def run(a, b):
        return layer.apply({}, [a, b]).sum()

    assert "optimization_barrier" not in jax.jit(run).lower(x, x).as_text()
    assert "optimization_barrier" in jax.jit(jax.grad(run, (0, 1))).lower(x, x).as_text()
