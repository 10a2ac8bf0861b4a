"""Bidirectional over recurrent layers whose cells are layers."""

import jax
import numpy as np
import pytest

import fkeras as fk


@pytest.mark.parametrize("many", [False, True])
def test_each_direction_has_a_cell_of_its_own(many):
    cell = fk.nn.StackedRNNCells([fk.nn.SimpleRNNCell(2)]) if many else fk.nn.SimpleRNNCell(2)
    x = fk.Input((3, 1))
    model = fk.Model(x, fk.nn.Bidirectional(fk.nn.RNN(cell))(x))
    params = model.init(jax.random.key(0))["params"]["bidirectional"]
    forward, backward = (jax.tree.leaves(params[f"{way}_rnn"]) for way in ("forward", "backward"))
    assert [a.shape for a in forward] == [b.shape for b in backward]
    assert any(np.any(a != b) for a, b in zip(forward, backward, strict=True))
    assert fk.Model.from_config(model.get_config()) == model
