"""The sums of loss and metrics: one vector inside, a mapping outside."""

import jax
import jax.numpy as jnp
import numpy as np

import fkeras as fk

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


def trainer():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1, activation="sigmoid")])
    return model.compile("adam", "mse", metrics=["mae", fk.metrics.AUC(num_thresholds=5)])


def test_single_numbers_share_an_array_and_the_rest_keep_theirs():
    sums = trainer().init(0).metrics
    assert sums.scalars.shape == (6,)  # total and count of the loss, of what layers add and of mae
    assert [a.shape for a in sums.arrays] == [(5,)] * 4
    assert set(sums) == {"losses", "added", "metrics"}
    assert set(sums["metrics"]["mae"]) == {"total", "count"}
    again = type(sums).of(sums.tree())
    assert jax.tree.structure(again) == jax.tree.structure(sums)


def test_they_are_what_plain_sums_would_be():
    t = trainer()
    state = t.init(0)
    y_pred = t.predict(state, X)
    state, logs = t.train_step(state, (X, Y))
    sums = state.metrics
    np.testing.assert_allclose(sums["losses"]["dense"]["total"] / 8, np.square(Y - y_pred).mean(), rtol=1e-6)
    np.testing.assert_allclose(logs["mae"], np.abs(Y - y_pred).mean(), rtol=1e-6)
    assert float(sums["losses"]["dense"]["count"]) == 8


def test_stacks_of_runs_have_stacks_of_sums():
    t = trainer()
    states = jax.vmap(lambda key: t.init(key))(jax.random.split(jax.random.key(0), 3))
    states, logs = jax.vmap(t.train_step, in_axes=(0, None))(states, (X, Y))
    assert states.metrics["losses"]["dense"]["total"].shape == (3,)
    one, _ = t.train_step(jax.tree.map(lambda a: a[1], states).replace(metrics=t.reset_metrics()), (X, Y))
    assert jnp.shape(one.metrics["losses"]["dense"]["total"]) == ()
    assert logs["loss"].shape == (3,)
