"""TrainState: named parts, a key that is a plain array inside and a typed one outside."""

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

TRAINER = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1), fk.nn.Dropout(0.5)]).compile("adam", "mse", metrics=["mae"])
BATCH = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")


def keys_equal(a, b):
    return jax.random.key_impl(a) == jax.random.key_impl(b) and bool((a == b).all())


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_the_key_is_an_array_in_the_tree_and_typed_by_name(impl):
    key = jax.random.key(3, impl=impl)
    state = TRAINER.init(key)
    assert keys_equal(state.rng, jax.random.fold_in(key, 1))
    assert not any(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in jax.tree.leaves(state))
    state, logs = TRAINER.train_step(state, BATCH)
    assert keys_equal(state.rng, jax.random.fold_in(key, 1))
    assert np.isfinite(logs["loss"])


def test_another_key_makes_other_steps():
    state = TRAINER.init(0)
    other = state.replace(rng=jax.random.key(7))
    assert keys_equal(other.rng, jax.random.key(7))
    assert other.replace(rng=None).rng is None
    a, b, c = (TRAINER.train_step(s, BATCH)[1]["loss"] for s in (state, other, other.replace(rng=state.rng)))
    assert a != b  # dropout drops others
    assert a == c


def test_a_tree_makes_the_state_again():
    state, _ = TRAINER.train_step(TRAINER.init(0), BATCH)
    tree = state.tree()
    assert list(tree) == ["step", "params", "model_state", "opt_state", "metrics", "rng"]
    assert isinstance(tree["metrics"], dict)
    again = TRAINER.init(0).filled(tree)
    assert jax.tree.structure(again) == jax.tree.structure(state)
    assert all(np.array_equal(*pair) for pair in zip(*map(jax.tree.leaves, (state, again)), strict=True))


def test_flax_writes_a_state_and_reads_it():
    state, _ = TRAINER.train_step(TRAINER.init(jax.random.key(5, impl="rbg")), BATCH)
    again = flax.serialization.from_bytes(
        TRAINER.init(jax.random.key(0, impl="rbg")), flax.serialization.to_bytes(state)
    )
    assert jax.tree.structure(again) == jax.tree.structure(state)
    assert all(np.array_equal(*pair) for pair in zip(*map(jax.tree.leaves, (state, again)), strict=True))
    (_, one), (_, two) = (TRAINER.train_step(s, BATCH) for s in (state, again))
    assert one == two


def test_stacks_of_states_have_stacks_of_keys():
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.vmap(TRAINER.init)(keys)
    assert states.rng.shape == (3,)
    states, _ = jax.jit(jax.vmap(TRAINER.train_step, in_axes=(0, None)))(states, BATCH)
    for i, key in enumerate(keys):
        alone, _ = TRAINER.train_step(TRAINER.init(key), BATCH)
        assert keys_equal(states.rng[i], alone.rng)
        np.testing.assert_allclose(states.params["dense"]["kernel"][i], alone.params["dense"]["kernel"], rtol=1e-6)


def test_a_step_is_a_program_after_the_first_call():
    trainer = TRAINER.replace()
    state = trainer.init(0)
    first, _ = trainer.train_step(state, BATCH)
    assert trainer.train_step.lower(state, BATCH).as_text().startswith("module")  # the compiled function itself
    again, _ = trainer.train_step(state, BATCH)
    assert all(np.array_equal(*pair) for pair in zip(*map(jax.tree.leaves, (first, again)), strict=True))


def test_a_step_that_calls_its_parents():
    class Twice(fk.Trainer):
        def train_step(self, state, batch):
            state, _ = super().train_step(state, batch)
            return super().train_step(state, batch)

    trainer = TRAINER.model.compile("adam", "mse", trainer_class=Twice)
    state = trainer.init(0)
    for steps in (2, 4):
        state, _ = trainer.train_step(state, BATCH)
        assert int(state.step) == steps
