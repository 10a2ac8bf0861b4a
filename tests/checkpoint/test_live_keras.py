"""Live models of real Keras, both ways: forward, a step of training, and the weights back."""

import os

import jax
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
with keras_world():
    from . import live_models as live

EVERYTHING = os.environ.get("FKERAS_TEST") == "all"
NAMES = list(live.MODELS)


def flat(tree):
    return [np.asarray(leaf) for leaf in keras.tree.flatten(tree)]


def close(got, want, atol):
    got, want = flat(got), flat(want)
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, atol=atol, rtol=atol)


@pytest.mark.parametrize("name", NAMES)
def test_a_live_model_computes_trains_and_goes_back(name):
    with keras_world():
        model, x = live.compiled(name)
        y = live.targets(name)
        before, nodes = flat(model.variables), [layer.trainable for layer in model.layers]
        trainer, state = fk.trainer_from_keras(model, x if name == "a model" else None)
        close(trainer.predict(state, x), model(x), 1e-6)
        close(flat(model.variables), before, 0)  # the live model is as it was
        assert [layer.trainable for layer in model.layers] == nodes

        moved, logs = trainer.train_step(state, (x, y))
        want = model.train_on_batch(x, y, return_dict=True)
        close([logs[key] for key in want], [*want.values()], 1e-5)
        again = fk.to_keras(trainer, moved, into=live.compiled(name)[0])
        close(again.get_weights(), model.get_weights(), 1e-5)
        close(flat(again.optimizer.variables), flat(model.optimizer.variables), 1e-5)

        if name not in ("states", "a loss and metrics") and not EVERYTHING:
            return
        # and one more step after the state went into Keras and out of it
        further, state = fk.trainer_from_keras(again, x if name == "a model" else None)
        assert int(state.step) == 1
        state, _ = further.train_step(state, (x, y))
        model.train_on_batch(x, y)
        again.train_on_batch(x, y)
        close(again.get_weights(), model.get_weights(), 1e-5)
        close(fk.to_keras(further.model, state.variables, into=again).get_weights(), model.get_weights(), 1e-5)
        jax.block_until_ready(moved)  # Keras's training took no memory of these
