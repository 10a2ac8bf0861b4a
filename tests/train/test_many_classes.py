"""Losses and metrics over a vocabulary: what their program makes of the logits, and that its numbers are right."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.train.losses._classes import _summed, _taken, of_class
from fkeras.train.metrics._ranks import count_true, is_among, is_first

from ..passes import passes

ROWS, CLASSES = 32, 4096
X = np.random.default_rng(0).normal(size=(4, 5)).astype("float32") * 4
Y = np.array([1, 0, 4, 2], "int32")


def measured(loss, metrics, y, logits):
    """The loss, and the metrics' values."""
    values = [metric.compute(metric.update(metric.empty(), y, logits)) for metric in metrics]
    return loss(y, logits), values


def step(loss, metrics):
    """A step's gradient and numbers, of a last layer's weights."""

    def run(kernel, x, y):
        def of(kernel):
            return measured(loss, metrics, y, x @ kernel)

        return jax.value_and_grad(of, has_aux=True)(kernel)

    return run


LOGITS = (
    fk.losses.SparseCategoricalCrossentropy(from_logits=True),
    [fk.metrics.SparseCategoricalAccuracy(), fk.metrics.SparseCategoricalCrossentropy(from_logits=True),
     fk.metrics.SparseTopKCategoricalAccuracy(5)],
)  # fmt: skip
PROBABILITIES = (fk.losses.SparseCategoricalCrossentropy(), [fk.metrics.SparseCategoricalCrossentropy()])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("what", "exponentials"), [(LOGITS, 2), (PROBABILITIES, 0)], ids=["logits", "probabilities"])
def test_a_step_keeps_the_logits_and_makes_their_gradient_and_no_more(what, exponentials, dtype):
    """All metrics share the loss's sum of exponentials: it is made once, and once more for the gradient."""
    kernel, x, y = jnp.ones((4, CLASSES), dtype), jnp.ones((ROWS, 4), dtype), jnp.zeros(ROWS, int)
    compiled = jax.jit(step(*what)).lower(kernel, x, y).compile()
    text = compiled.as_text()
    assert "scatter(" not in text
    assert 0 < len(re.findall(r"exponential\(", text)) <= exponentials or not exponentials
    assert not re.findall(rf"f32\[(?:\d+,)*{CLASSES}\]\S* log\(", text)
    arrays = compiled.memory_analysis().temp_size_in_bytes / (4 * ROWS * CLASSES)
    assert arrays < 2.6  # the logits, their gradient, and comparisons of a byte each


def test_an_accelerator_goes_over_the_logits_twice_for_the_loss_and_all_metrics():
    """The largest and the right one first, then what depends on them."""
    logits, y = jnp.ones((8, 16), jnp.bfloat16), jnp.zeros(8, int)
    assert passes(lambda logits: measured(*LOGITS, y, logits), logits, size=logits.size) == 2
    assert passes(lambda logits: jax.grad(lambda x: LOGITS[0](y, x))(logits), logits, size=logits.size) == 2
    text = jax.jit(lambda x: measured(*LOGITS, y, x)).trace(logits).lower(lowering_platforms=("cuda",)).as_text()
    assert "gather" not in text


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_derivatives_are_those_of_the_log_softmax(smoothing):
    def sparse(x):
        return fk.losses.sparse_categorical_crossentropy(Y, x, from_logits=True).sum()

    def categorical(x):
        y = jax.nn.one_hot(Y, 5)
        return fk.losses.categorical_crossentropy(y, x, from_logits=True, label_smoothing=smoothing).sum()

    def plain(x):
        y = jax.nn.one_hot(Y, 5) * (1 - smoothing) + smoothing / 5
        return -(y * jax.nn.log_softmax(x)).sum()

    def all_of(f):
        return jax.jit(lambda x: (f(x), jax.grad(f)(x), jax.jvp(jax.grad(f), (x,), (jnp.cos(x),))[1]))(X)

    for function in (categorical, *([] if smoothing else [sparse])):
        for got, want in zip(all_of(function), all_of(plain), strict=True):
            np.testing.assert_allclose(got, want, atol=2e-5)


def test_large_logits_lose_no_digits():
    """`logsumexp(x) - x[y]` would."""
    x = jnp.array([[10000.0, 10001.0]])
    want = np.log1p(np.exp(-1.0))
    np.testing.assert_allclose(fk.losses.sparse_categorical_crossentropy([1], x, from_logits=True), [want], rtol=1e-6)
    y = jnp.array([[0.0, 1.0]])
    np.testing.assert_allclose(fk.losses.categorical_crossentropy(y, x, from_logits=True), [want], rtol=1e-6)


@pytest.mark.parametrize("from_logits", [True, False])
def test_what_is_ignored_gets_no_gradient_even_where_it_is_no_number(from_logits):
    x = jnp.asarray(np.abs(X)).at[1].set(jnp.nan)
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=from_logits, ignore_class=0)
    value, grad = jax.jit(jax.value_and_grad(lambda x: loss(Y, x)))(x)
    assert np.isfinite(value)
    np.testing.assert_array_equal(grad[1], 0)
    assert np.isfinite(grad).all()
    rows = np.array([0, 2, 3])
    np.testing.assert_allclose(value, loss(Y[rows], np.abs(X)[rows]), rtol=1e-6)


def test_the_right_entry_is_taken_or_summed():
    x = jnp.asarray(X).at[0, 0].set(jnp.nan).at[1, 2].set(-jnp.inf)
    np.testing.assert_array_equal(_taken(x, Y), _summed(x, Y))
    assert of_class(x.astype(jnp.bfloat16), Y).dtype == jnp.bfloat16
    np.testing.assert_array_equal(jax.vmap(of_class)(x, Y), _taken(x, Y))
    np.testing.assert_array_equal(jax.grad(lambda x: of_class(x, Y).sum())(x), jax.nn.one_hot(Y, 5))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_a_class_is_first_where_argmax_finds_it(dtype):
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.integers(0, 4, size=(300, 6)), dtype)  # many are equal
    if dtype != "int32":
        x = jnp.where(jnp.asarray(rng.random(x.shape) < 0.1), jnp.asarray(jnp.nan, dtype), x)
    labels = jnp.asarray(rng.integers(-1, 8, size=300))
    first = jax.jit(is_first)
    np.testing.assert_array_equal(first(labels, x), labels == x.argmax(-1))
    np.testing.assert_array_equal(first(labels + 0.5, x), False)
    np.testing.assert_array_equal(first(x.argmax(-1).astype(jnp.uint8), x), True)


def test_yeses_are_counted_beyond_a_byte():
    x = np.random.default_rng(2).random((2, 3, 1000)) < 0.9
    for count in (1, 65, 1000):
        np.testing.assert_array_equal(jax.jit(count_true)(x[..., :count]), x[..., :count].sum(-1))
    x = jnp.arange(1000.0)[None]
    assert [bool(is_among(jnp.array([i]), x, 300)[0]) for i in (699, 700, 1000)] == [False, True, False]


def test_classes_may_be_explicitly_sharded():
    """None is taken by its position then."""
    mesh = jax.make_mesh((2,), ("classes",), axis_types=(jax.sharding.AxisType.Explicit,))
    x = np.random.default_rng(3).normal(size=(4, 130)).astype("float32")
    split = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "classes")))
    run = jax.jit(lambda x: (measured(*LOGITS, Y, x), jax.grad(lambda x: LOGITS[0](Y, x))(x)))
    for got, want in zip(jax.tree.leaves(run(split)), jax.tree.leaves(run(x)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)
