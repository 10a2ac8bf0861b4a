"""Lines of Keras's guides, typed as they stand there, with the state first in and new state out."""

from __future__ import annotations

import numpy as np
import pytest

import fkeras as fk


def _row() -> fk.Sequential:
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(4, activation="relu", name="low"), fk.nn.Dense(2, name="high")])


# ------------------------------------------------------------------ layers, as a list
@pytest.mark.parametrize("form", ["sequential", "functional", "subclass"])
def test_layers_are_a_list_to_cut_and_to_append_to(form):
    class Own(fk.Model):
        def __init__(self):
            super().__init__()
            self.low, self.high = fk.nn.Dense(4), fk.nn.Dense(2)

    row = _row()
    model = {"sequential": row, "functional": fk.Model(row.input, row.output), "subclass": Own()}[form]
    kept = list(model.layers)
    extracted = model.layers[:-1]
    extracted.append(fk.nn.Dense(5, name="new"))
    model.layers.append(extracted[-1])  # of a list of one's own, as in Keras
    assert model.layers == kept
    again = fk.Sequential([layer for layer in extracted if layer.name != row.input.name] + [fk.nn.Dense(1)])
    assert [layer.name for layer in again.layers] == ["low", "new", "dense"]
    assert again.apply(again.init(0, np.ones((1, 3))), np.ones((1, 3))).shape == (1, 1)
