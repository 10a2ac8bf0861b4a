"""What is typed by habit, from Keras and from Flax: it works, or is answered with the line to write."""

import pickle

import jax
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :1]


def linear():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])


@pytest.mark.parametrize("holds", [lambda t, s: s, lambda t, s: s.variables], ids=["state", "variables"])
def test_a_model_that_is_called_on_variables_says_apply(holds):
    trainer = linear().compile("sgd", "mse")
    state = trainer.init(0)
    with pytest.raises(TypeError, match=r"Write:\s+y = layer\.apply\(variables, x\)"):
        trainer.model(holds(trainer, state), X)


@pytest.mark.parametrize(
    "make",
    [
        lambda: fk.nn.Dense(1, activation=fk.ops.tanh),
        lambda: fk.nn.Lambda(fk.ops.sin),
        lambda: fk.nn.Lambda(fk.ops.nn.relu),
        lambda: fk.nn.Lambda(fk.ops.linalg.norm),
    ],
    ids=["an activation", "a Lambda", "of ops.nn", "of ops.linalg"],
)
def test_layers_that_hold_an_op_pickle(make):
    layer = make()
    again = pickle.loads(pickle.dumps(layer))
    assert again == layer
    variables = layer.init(jax.random.key(0), X)
    np.testing.assert_array_equal(again.apply(variables, X), layer.apply(variables, X))


def test_ops_pickle_by_their_names():
    for op in (fk.ops.relu, fk.ops.image.resize, fk.ops.numpy.matmul, fk.ops.nn.softmax):
        assert pickle.loads(pickle.dumps(op)) is op
