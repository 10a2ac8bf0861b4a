"""Mean and variance: what they cost where memory is slow, and that their numbers and derivatives are right there."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk
from fkeras.nn._moments import in_one_pass, in_two_passes

from ..passes import passes

MEAN = functools.partial(jnp.mean, axis=0, keepdims=True)
WAYS = pytest.mark.parametrize("moments", [in_one_pass, in_two_passes], ids=lambda f: f.__name__)


def pairs(dtype):
    """Each layer beside Linen's."""
    policy = "mixed_bfloat16" if dtype == "bfloat16" else dtype
    yield fk.nn.BatchNormalization(dtype=policy), linen.BatchNorm(use_running_average=False, dtype=dtype)
    yield fk.nn.LayerNormalization(dtype=policy), linen.LayerNorm(dtype=dtype)
    yield fk.nn.GroupNormalization(2, dtype=policy), linen.GroupNorm(2, dtype=dtype)
    yield fk.nn.RMSNormalization(dtype=policy), linen.RMSNorm(dtype=dtype)


def run(layer, variables, x):
    training = {"training": True} if isinstance(layer, fk.nn.BatchNormalization) else {}
    return layer.apply(variables, x, mutable=["batch_stats"], **training)


def gradient(layer, variables, x):
    y, pull, updates = jax.vjp(functools.partial(run, layer), variables, x, has_aux=True)
    return jax.nn.relu(y), updates, pull(y)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_an_accelerator_reads_the_input_no_more_often_than_for_linen(dtype):
    x = jnp.ones((2, 4, 4, 4), dtype)
    for layers in pairs(dtype):
        (ours, forward), (linens, linens_forward) = (
            [passes(functools.partial(f, layer), layer.init(jax.random.key(0), x), x, size=x.size)
             for f in (gradient, run)]
            for layer in layers
        )  # fmt: skip
        assert (forward, linens_forward) == (1, 1), layers[0]
        assert (ours, linens) == (2, 2), layers[0]


def test_only_a_cpus_program_writes_the_gradient_that_comes_back_to_a_normalisation():
    """There the additions behind it would be made again for each of their uses."""
    layer, x = fk.nn.BatchNormalization(), jnp.ones((2, 4, 3))
    traced = jax.jit(functools.partial(gradient, layer)).trace(layer.init(jax.random.key(0), x), x)
    texts = [traced.lower(lowering_platforms=(platform,)).as_text() for platform in ("cpu", "cuda")]
    assert ["optimization_barrier" in text for text in texts] == [True, False]


@WAYS
@pytest.mark.parametrize("x", [
    1e4 + np.random.default_rng(0).normal(size=(300, 3)),  # E[x^2] - E[x]^2 keeps no digit of these variances
    np.full((300, 3), 0.1),
    np.where(np.arange(300)[:, None] == 150, 1e4, np.random.default_rng(1).normal(size=(300, 3))),  # the entry itself
    np.float16(1000 + np.random.default_rng(2).integers(0, 2, size=(300, 3))),
], ids=["large mean", "constant", "outlier", "half precision"])  # fmt: skip
def test_the_variance_loses_no_more_than_it_says(moments, x):
    x = np.float32(x)
    exact = np.float64(x)
    mean, var = moments(jnp.asarray(x), MEAN, (0,))
    epsilon = 8 * np.finfo("float32").eps  # of the roundings of a sum
    np.testing.assert_array_less(
        np.abs(mean[0] - exact.mean(0)), epsilon * (np.abs(exact.mean(0)) + np.abs(exact.mean(0) - exact[150]))
    )
    distance = np.square(exact.mean(0) - exact[150]) / np.maximum(exact.var(0), 1e-30)
    bound = epsilon * (1 + (distance if moments is in_one_pass else 0))
    assert (np.abs(np.asarray(var[0]) - exact.var(0)) <= bound * exact.var(0) + 1e-14).all()
    assert distance.max() <= len(x)


@WAYS
def test_derivatives_of_each_order_are_the_variances(moments):
    x = jnp.asarray(np.random.default_rng(3).normal(size=5) + 2, jnp.float32)
    ours = lambda x: jnp.sum(moments(x, lambda x: x.mean(keepdims=True), (0,))[1])  # noqa: E731
    all_of = lambda f: jax.jit(lambda x: (jax.grad(f)(x), jax.jacfwd(f)(x), jax.hessian(f)(x)))  # noqa: E731
    for values in (x, jnp.ones(5)):  # and where the variance is 0
        for got, want in zip(all_of(ours)(values), all_of(jnp.var)(values), strict=True):
            np.testing.assert_allclose(got, want, atol=1e-6)


@WAYS
def test_an_empty_batch_has_moments_that_are_no_numbers(moments):
    mean, var = moments(jnp.zeros((0, 3)), MEAN, (0,))
    assert mean.shape == var.shape == (1, 3)
    assert np.isnan(mean).all()


def test_layers_have_derivatives_of_each_kind():
    """Also in a scan and a vmap, where the choice between platforms is inside another program."""
    layer, x = fk.nn.LayerNormalization(), jnp.asarray(np.random.default_rng(4).normal(size=(2, 3)), jnp.float32)
    variables = layer.init(jax.random.key(0), x)

    def twice(x):
        return jax.lax.scan(lambda x, _: (layer.apply(variables, x) + x, None), x, length=2)[0]

    def plainly(x):
        for _ in range(2):
            c = x - x.mean(-1, keepdims=True)
            x = c / jnp.sqrt(jnp.mean(c * c, -1, keepdims=True) + layer.epsilon) + x
        return x

    loss, plain = (lambda x, f=f: jnp.sum(jnp.sin(f(x))) for f in (jax.vmap(twice), jax.vmap(plainly)))
    both_of = lambda f: jax.jit(lambda x: jax.jvp(jax.grad(f), (x,), (jnp.cos(x),)))(x[None])  # noqa: E731
    for got, want in zip(both_of(loss), both_of(plain), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-4)


def test_a_batch_that_is_explicitly_sharded_is_normalised_as_a_whole():
    """No device has the entry in its middle."""
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(jax.sharding.AxisType.Explicit,))
    x = np.random.default_rng(5).normal(size=(4, 3)).astype("float32")
    split = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch")))
    for got, want in zip(*(jax.jit(lambda x: in_one_pass(x, MEAN, (0,)))(x) for x in (split, x)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)
