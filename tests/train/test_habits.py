"""What is typed by habit, from Keras and from Flax: it works, or is answered with the line to write."""

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
