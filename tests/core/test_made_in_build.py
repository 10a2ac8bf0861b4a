"""Layers made in `build`: what is seen of them, and lists that `__init__` begins and `build` fills."""

import jax
import numpy as np
import pytest

import fkeras as fk

X = np.ones((2, 4), "float32")


class Filled(fk.nn.Layer):
    def __init__(self, late=False, **kwargs):
        super().__init__(**kwargs)
        self.late = late
        self.blocks, self.by_name, self.swapped = [], {"parts": []}, []
        self.swapped = 3

    def build(self, input_shape):
        for _ in range(self.swapped - 1):
            self.blocks.append(fk.nn.Dense(4))
            self.by_name["parts"].append(fk.nn.Dense(4))

    def call(self, inputs):
        if self.late:
            self.blocks.append(fk.nn.Dense(4))
        return self.by_name["parts"][1](self.blocks[1](self.by_name["parts"][0](self.blocks[0](inputs))))


def test_build_fills_what_init_began():
    model = fk.Sequential([fk.Input((4,)), Filled()])
    variables = model.init(0)
    assert sorted(variables["params"]["filled"]) == ["Dense_0", "Dense_1", "Dense_2", "Dense_3"]
    jax.tree.map(np.testing.assert_array_equal, model.init(0), variables)  # nothing of the first is left on the layer
    np.testing.assert_array_equal(model.apply(variables, X), model.apply(variables, X))
    assert model.layers[0].blocks == []


def test_call_finds_them_frozen():
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'append'"):
        fk.Sequential([fk.Input((4,)), Filled(late=True)])


def test_what_is_seen_of_them():
    model = fk.Sequential([fk.Input((4,)), Filled(name="f")])
    inside = model.weight_facts()["f",].inside
    assert [part.path for part in inside["blocks"]] == [("f", "Dense_0"), ("f", "Dense_2")]
    assert [part.rank for part in inside["by_name"]["parts"]] == [1, 3]
    assert {part.kind for part in inside["blocks"]} == {fk.nn.Dense}


def test_a_layer_may_ask_for_the_build_of_one_that_it_makes():
    class Around(fk.nn.Layer):
        def build(self, input_shape):
            self.inner, self.last = Filled(), fk.nn.Dense(2)
            self.inner.build(input_shape)
            self.last.build((None, 4))

        def call(self, inputs):
            return self.last(self.inner(inputs))

    model = fk.Sequential([fk.Input((4,)), Around()])
    assert model.apply(model.init(0), X).shape == (2, 2)
