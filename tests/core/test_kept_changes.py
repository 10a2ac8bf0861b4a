"""What a call computes anew for its variables is kept where it is asked for, and named where it is dropped."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import fkeras as fk

X = np.arange(12, dtype="float32").reshape(4, 3)
TIMES = X.reshape(4, 3, 1)


class Counter(fk.nn.Layer):
    def build(self, input_shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, inputs):
        self.calls.assign_add(1.0)
        return inputs


def moved(params, state, inputs, training):
    return inputs * params, state + 1


ROWS = {
    "batch_normalization": (fk.nn.BatchNormalization(), X, "batch_stats", True),
    "inside time_distributed": (fk.nn.TimeDistributed(fk.nn.BatchNormalization()), TIMES, "batch_stats", True),
    "assign": (Counter(), X, "non_trainable", False),
    "spectral_normalization": (fk.nn.SpectralNormalization(fk.nn.Dense(2)), X, "non_trainable", True),
    "jax_layer": (fk.nn.JaxLayer(moved, params=jnp.ones(()), state=jnp.zeros(())), X, "non_trainable", True),
    "a stateful recurrent layer": (fk.nn.SimpleRNN(2, stateful=True), TIMES, "recurrent_state", False),
    "a guest of nnx": (fk.nn.FlaxLayer(nnx.BatchNorm, args=(3,)), X, "batch_stats", True),
}


@pytest.fixture(params=ROWS, scope="module")
def row(request):
    layer, inputs, collection, training = ROWS[request.param]
    mode = {"training": True} if training else {}
    return layer, layer.init(0, inputs), inputs, collection, mode


def quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return call()


def test_what_is_dropped_is_named(row):
    layer, variables, inputs, collection, mode = row
    line = f"y, updates = model.apply(variables, x, training=True, mutable=['{collection}'])"
    with pytest.warns(
        UserWarning, match=re.escape(f"computed new values of '{collection}', and they were dropped")
    ) as w:
        layer.apply(variables, inputs, **mode)
    assert all(line in str(warning.message) for warning in w)
    with pytest.warns(UserWarning, match="they were dropped"):
        jax.jit(lambda v: layer.apply(v, inputs, **mode))(variables)


def test_who_asks_for_it_has_it(row):
    layer, variables, inputs, collection, mode = row
    _, updates = quietly(lambda: layer.apply(variables, inputs, mutable=[collection], **mode))
    before, after = variables[collection], updates[collection]
    assert jax.tree.structure(before) == jax.tree.structure(after)
    assert not all(map(np.array_equal, jax.tree.leaves(before), jax.tree.leaves(after)))


@pytest.mark.parametrize("mutable", [[], ["losses"]], ids=str)
def test_who_says_what_may_change_is_not_told_of_the_rest(row, mutable):
    layer, variables, inputs, collection, mode = row
    _, updates = quietly(lambda: layer.apply(variables, inputs, mutable=mutable, **mode))
    assert collection not in updates


def test_inference_frozen_layers_and_the_verbs_of_a_trainer_drop_nothing():
    model = fk.Sequential([fk.Input((3,)), fk.nn.BatchNormalization()])
    variables = model.init(0)
    quietly(lambda: model.apply(variables, X))
    frozen = fk.Sequential([fk.Input((3,)), fk.nn.BatchNormalization(trainable=False)])
    quietly(lambda: frozen.apply(variables, X, training=True))
    trainer = model.compile("sgd", "mse")

    def train():
        state, _ = trainer.fit(trainer.init(0), X, X, verbose=0)
        trainer.evaluate(state, X, X, verbose=0)
        return state, trainer.train_step(state, (X, X))

    state, _ = quietly(train)
    assert np.any(state.variables["batch_stats"]["batch_normalization"]["mean"])
