"""Runs and models with modules of other libraries, which may have no config: what is saved of them, and goes on."""

import jax
import numpy as np
import optax
import pytest
from flax import nnx

import fkeras as fk

eqx = pytest.importorskip("equinox")

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")
ADAM = optax.adam(0.01)


class Net(nnx.Module):
    """Weights, statistics and a stream of random numbers."""

    def __init__(self, *, rngs):
        self.linear, self.norm = nnx.Linear(3, 2, rngs=rngs), nnx.BatchNorm(2, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.dropout(self.norm(self.linear(x)))


TWICE = lambda x: 2 * x  # noqa: E731 - a function that no file can name


def made():
    """A trainer of a model with a live module of each library."""
    batch_norm = eqx.nn.make_with_state(eqx.nn.BatchNorm)(3, axis_name="batch", mode="ema")
    guests = [fk.nn.EquinoxLayer(batch_norm), fk.nn.FlaxLayer(Net(rngs=nnx.Rngs(0))), fk.nn.Lambda(TWICE)]
    return fk.Sequential([fk.Input((3,)), *guests]).compile(ADAM, "mse")


def same(got, want):
    got, want = ([np.asarray(x) for x in jax.tree.leaves((s.params, s.model_state, s.opt_state))] for s in (got, want))
    jax.tree.map(np.testing.assert_array_equal, got, want)


class Killed(fk.callbacks.Callback):
    """Ends the run in the way of an error after its first epoch."""

    def on_epoch_end(self, event):
        if event.epoch == 0:
            raise RuntimeError("killed")
        return event.state


def test_a_run_of_live_modules_goes_on_to_the_bit_and_its_trainer_is_given_the_model_again(tmp_path):
    trainer = made()
    asked = {"epochs": 2, "batch_size": 8, "verbose": 0}
    want, _ = trainer.fit(trainer.init(0), X, Y, **asked)
    with pytest.raises(RuntimeError, match="killed"):
        trainer.fit(trainer.init(0), X, Y, **asked, checkpoint=tmp_path / "run", callbacks=[Killed()])
    again = made()
    assert again == trainer
    got, _ = again.fit(again.init(0), X, Y, **asked, checkpoint=tmp_path / "run", callbacks=[fk.callbacks.Callback()])
    same(got, want)
    with pytest.warns(UserWarning, match=r"The trainer's model cannot be written(?s:.)*load_trainer\(path, model="):
        trainer.save(tmp_path / "saved", want)
    with pytest.raises(ValueError, match=r"holds no model(?s:.)*no config(?s:.)*load_trainer\(path, model="):
        fk.load_trainer(tmp_path / "saved")
    further, state = fk.load_trainer(tmp_path / "saved", model=made().model, optimizer=ADAM)
    assert further == trainer
    same(state, want)
    with pytest.raises(TypeError, match=r"has no config"):
        trainer.model.save(tmp_path / "model", want.variables)
    assert not (tmp_path / "model").exists()
