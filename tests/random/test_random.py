"""Draws equal Keras's with a key of the same words, and calls written for Keras are answered."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")

LOGITS = jnp.log(jnp.array([[0.1, 0.2, 0.7], [0.5, 0.4, 0.1]], "float32"))
X = jnp.arange(12, dtype="float32").reshape(3, 4)

CALLS = {
    "normal": ((2, 3), 1.0, 2.0),
    "truncated_normal": ((2, 3), 1.0, 2.0),
    "uniform": ((2, 3), -1.0, 2.0),
    "randint": ((2, 3), -4, 9),
    "categorical": (LOGITS, 5),
    "gamma": ((2, 3), jnp.array([1.0, 2.0, 3.0])),
    "beta": ((2, 3), [1.0, 2.0, 3.0], 2.0),
    "binomial": ((2, 3), [4.0, 5.0, 6.0], 0.5),
    "dropout": (X, 0.4, (None, 1)),
    "shuffle": (X, 1),
}
every_call = pytest.mark.parametrize(("name", "args"), CALLS.items(), ids=CALLS)


@every_call
def test_equals_keras(name, args):
    generator, theirs = fk.random.SeedGenerator(1337), keras.random.SeedGenerator(1337)
    for _ in range(2):
        key, generator = generator.next()
        ours = getattr(fk.random, name)(key, *args)
        with keras_world():
            expected = getattr(keras.random, name)(*args, seed=theirs)
        assert ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours, expected)


@every_call
def test_arguments_are_those_of_keras_with_the_key_first(name, args):
    ours, theirs = (list(inspect.signature(getattr(p.random, name)).parameters) for p in (fk, keras))
    assert ours == ["key", *(n for n in theirs if n != "seed")]


@every_call
def test_a_call_of_keras_says_what_to_write(name, args):
    draw = getattr(fk.random, name)
    with pytest.raises(TypeError, match=rf"fk\.random\.{name}\(jax\.random\.key\(0\), "):
        draw(*args)
    with pytest.raises(TypeError, match=rf"fk\.random\.{name}\(jax\.random\.key\(7\), "):
        draw(*args, seed=7)
    with pytest.raises(TypeError, match=rf"key, generator = generator.next\(\); fk\.random\.{name}\(key, "):
        draw(*args, seed=fk.random.SeedGenerator(3))
    with pytest.raises(TypeError, match=r"self\.make_rng"):
        draw()


def test_keys_of_every_form():
    typed = fk.random.normal(jax.random.key(3), (2,))
    for key in (3, jax.random.PRNGKey(3)):
        np.testing.assert_array_equal(fk.random.normal(key, (2,)), typed)
    np.testing.assert_array_equal(fk.random.normal(key=jax.random.key(3), shape=(2,)), typed)
    np.testing.assert_array_equal(jax.jit(lambda key: fk.random.normal(key, (2,)))(jax.random.key(3)), typed)
    half = fk.random.uniform(jax.random.key(0), (3,), dtype="bfloat16")
    assert half.dtype == jnp.bfloat16


def test_kinds_of_numbers_are_checked():
    with pytest.raises(ValueError, match=r"fk\.random\.randint"):
        fk.random.uniform(0, (2,), dtype="int32")
    with pytest.raises(ValueError, match=r"fk\.random\.uniform"):
        fk.random.randint(0, (2,), 0, 3, dtype="float32")
    with pytest.raises(ValueError, match=r"logits\[None\]"):
        fk.random.categorical(0, LOGITS[0], 2)


@pytest.mark.parametrize("rate", [-0.1, 50])
def test_a_rate_is_a_part(rate):
    with pytest.raises(ValueError, match=r"rate=0\.5"):
        fk.random.dropout(0, X, rate)


def test_dropout_of_all_and_of_nothing():
    np.testing.assert_array_equal(fk.random.dropout(0, X, 0.0), X)
    np.testing.assert_array_equal(fk.random.dropout(0, X, 1.0), np.zeros_like(X))


def test_a_generator_is_a_value_that_goes_through_a_scan():
    start = fk.random.SeedGenerator(5)

    def step(generator, _):
        key, generator = generator.next()
        return generator, fk.random.normal(key, ())

    end, drawn = jax.jit(lambda generator: jax.lax.scan(step, generator, length=3))(jax.tree.map(jnp.uint32, start))
    assert int(end.drawn) == 3
    generator, one_by_one = start, []
    for _ in range(3):
        key, generator = generator.next()
        one_by_one.append(fk.random.normal(key, ()))
    np.testing.assert_array_equal(drawn, np.stack(one_by_one))
    assert start == fk.random.SeedGenerator(5)
    assert fk.random.SeedGenerator.from_config(start.get_config()) == start


@pytest.mark.parametrize("seed", [None, -1, 2**32, 1.5, "7", True])
def test_a_generator_needs_a_seed(seed):
    with pytest.raises(ValueError, match=r"fk\.random\.SeedGenerator\(1337\)"):
        fk.random.SeedGenerator(seed)
