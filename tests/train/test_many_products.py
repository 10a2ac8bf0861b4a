"""Products of many small matrices are sums of products, in whatever program they lie."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fkeras.train._step._equations import equations
from fkeras.train._step._many_products import with_small_products

A = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
B = np.random.default_rng(1).normal(size=(3, 5, 2)).astype("float32")
C = np.random.default_rng(2).normal(size=(3, 4, 40)).astype("float32")


def products(function, *args):
    """How many products the rewritten program of a function has, and what it returns."""
    traced = jax.make_jaxpr(lambda *a: with_small_products(function, *a))(*args)
    return sum(e.primitive.name == "dot_general" for e in equations(traced)), with_small_products(function, *args)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, c: jnp.einsum("mij,mjk->mik", a, b),
        lambda a, b, c: jnp.einsum("mij,mik->mjk", a, c),
        lambda a, b, c: jnp.einsum("mij,mjk->ikm", a, b),
        lambda a, b, c: jnp.einsum("mij,mj->mi", a, b[..., 0]),
        lambda a, b, c: lax.fori_loop(0, 2, lambda i, x: x @ jax.jit(lambda y: jnp.swapaxes(y, 1, 2) @ y)(x), a),
        lambda a, b, c: lax.cond(a.sum() > b.sum(), lambda: a @ b, lambda: -a @ b),
        jax.grad(lambda a, b, c: jax.checkpoint(lambda a: (jnp.tanh(a @ b) ** 2).sum())(a)),
    ],
)
def test_products_of_small_matrices_are_written_out(function):
    left, found = products(function, A, B, C)
    assert left == 0
    np.testing.assert_allclose(found, function(A, B, C), rtol=1e-5, atol=1e-5)


def test_a_sum_over_many_rows_is_one_sum():
    rows = np.random.default_rng(3).normal(size=(2, 50, 4)).astype("float32")
    left, found = products(lambda a: jnp.einsum("mbi,mbo->mio", a, a), rows)
    assert left == 0
    np.testing.assert_allclose(found, np.einsum("mbi,mbo->mio", rows, rows), rtol=1e-5)


def test_other_products_are_what_they_were():
    whole, half, wide = A[0], A.astype(jnp.bfloat16), np.ones((2, 64, 64), "float32")
    assert products(lambda a: a.T @ a, whole)[0] == 1  # one matrix
    assert products(lambda a: a @ jnp.swapaxes(a, 1, 2), half)[0] == 1
    assert products(lambda a: a @ a, wide)[0] == 1
    np.testing.assert_array_equal(with_small_products(lambda t: {"a": t["a"] + 1}, {"a": A})["a"], A + 1)
    program = lambda a: a @ jnp.swapaxes(a, 1, 2)  # noqa: E731
    assert "dot_general" not in str(jax.make_jaxpr(lambda a: with_small_products(program, a))(A))
