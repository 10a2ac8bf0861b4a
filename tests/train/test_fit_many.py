"""Many models as one run: members are what their solo runs are, whatever stops, groups, spreads or saves them."""

import jax
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
Y = (np.arange(30) % 3).astype("int32")
VALIDATION = (X[:7], Y[:7])
LOSS = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
ARRAYS = {"x": X, "y": Y, "batch_size": 8, "verbose": 0}


@pytest.fixture(scope="module")
def trainer():
    layers = [fk.nn.Dense(5), fk.nn.BatchNormalization(), fk.nn.Dropout(0.2), fk.nn.Dense(3)]
    model = fk.Sequential([fk.Input((4,)), *layers])
    return model.compile(fk.optimizers.AdamW(0.02), LOSS, metrics=["accuracy"])


def solo(trainer, member, **options):
    """The run that a member is to be, with its hyperparameters in the optimizer."""
    optimizer = trainer.optimizer.replace(**member.numbers) if member.numbers else trainer.optimizer
    trainer = trainer.replace(optimizer=optimizer)
    return trainer.fit(trainer.init(member.seed), **{**ARRAYS, **options})


def close(state, wanted, atol=1e-5):
    assert jax.tree.structure(state) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=atol)


def same(state, wanted):
    close(state, wanted, 0)
    pairs = zip(jax.tree.leaves(state), jax.tree.leaves(wanted), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("vectorize", [True, False])
def test_members_are_their_solo_runs(trainer, vectorize):
    options = {"epochs": 5, "validation_data": VALIDATION}  # 20 steps
    states, histories = trainer.fit_many(
        **ARRAYS, **options, seeds=[3, 5], over={"learning_rate": [0.02, 0.1]}, vectorize=vectorize
    )
    assert [m.columns for m in histories.members][1] == {"seed": 3, "learning_rate": 0.1}
    for i in (0, 3):
        state, history = solo(trainer, histories.members[i], **options)
        close(fk.train.member(states, i), state)
        if not vectorize:  # by the same programs
            same(fk.train.member(states, i).params, state.params)
        for name, values in history.history.items():
            np.testing.assert_allclose(histories[i].history[name], values, rtol=1e-5, atol=1e-6)
