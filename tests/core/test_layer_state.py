"""What may be set when, what a call knows, and what errors carry."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk
from fkeras.core import explain, explanation_of


class Own(fk.nn.Layer):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, inputs):
        return inputs @ self.kernel


X = jnp.ones((2, 3))


# ------------------------------------------------------------------ what may be set, and when
@pytest.mark.parametrize("layer", [Own(), fk.nn.Dense(2)], ids=["keras", "fields"])
def test_a_sealed_layer_takes_no_attribute_and_loses_none(layer):
    for name in ("units", "name", "anything", "graph", "trainable"):
        with pytest.raises(AttributeError, match=f"immutable: its attribute '{name}'"):
            setattr(layer, name, 3)
        with pytest.raises(AttributeError, match=f"immutable: its attribute '{name}'"):
            delattr(layer, name)


def test_nothing_of_a_call_stays_on_the_layer():
    layer = Own()
    before = dict(vars(layer))
    variables = layer.init(jax.random.key(0), X)
    layer.apply(variables, X, training=True)
    jax.jit(layer.apply)(variables, X)
    after = vars(layer)
    assert set(after) == set(before)
    assert all(after[name] is before[name] for name in before)


def test_what_is_set_in_call_is_refused_and_in_build_kept():
    class Sets(Own):
        def call(self, inputs):
            self.seen = inputs
            return super().call(inputs)

    with pytest.raises(AttributeError, match="its attribute 'seen' cannot be set"):
        Sets().init(jax.random.key(0), X)


def test_a_bound_layer_of_a_user_can_be_called_twice_and_builds_once():
    built = []

    class Counts(Own):
        def build(self, input_shape):
            built.append(input_shape)
            super().build(input_shape)

    class Twice(fk.nn.Layer):
        @linen.compact
        def __call__(self, x):
            inner = Counts()
            return inner(x) + inner(x)

    variables = Twice().init(jax.random.key(0), X)
    built.clear()
    Twice().apply(variables, X)
    assert built == [(2, 3)]


def test_a_layer_may_have_a_list_of_its_own_called_sublayers():
    class Net(fk.Model):
        def __init__(self):
            super().__init__()
            self.sublayers = [fk.nn.Dense(4), fk.nn.Dense(2)]

        def call(self, x):
            for layer in self.sublayers:
                x = layer(x)
            return x

    model = Net()
    assert model.apply(model.init(jax.random.key(0), X), X).shape == (2, 2)
    assert [layer.name for layer in model.layers] == ["sublayers_0", "sublayers_1"]


# ------------------------------------------------------------------ words of every layer
def test_every_layer_says_what_is_in_it_and_whether_it_is_a_graph():
    dense = fk.nn.Dense(2)
    assert dense.graph is None
    assert dense.sublayers() == {}
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4), fk.nn.Dense(2)])
    assert model.graph is not None
    assert fk.nn.TimeDistributed(dense).sublayers() == {"layer": dense}


# ------------------------------------------------------------------ errors
def test_an_error_carries_its_parts():
    with pytest.raises(ValueError, match="Dense") as caught:
        fk.nn.Dense(-1, name="head")
    said = explanation_of(caught.value)
    assert str(caught.value) == said
    assert said.wrong.startswith("Dense 'head': ")
    assert said.received is not None
    assert explanation_of(ValueError("nothing of ours")) is None


def test_an_explanation_survives_a_process():
    error = ValueError(explain("Dense got units=-1.", received=-1, usually="a typo.", write="Dense(1)"))
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert str(again) == str(error)
        assert explanation_of(again).parts() == explanation_of(error).parts()


@pytest.mark.parametrize("error", [ValueError("mine"), TypeError("mine"), KeyError("mine"), RuntimeError("mine")])
def test_a_call_that_fails_says_its_own_error_once(error):
    runs = []

    class Fails(fk.nn.Layer):
        def call(self, inputs):
            runs.append(1)
            raise error

    with pytest.raises(Exception, match="mine") as caught:
        Fails().init(jax.random.key(0), X)
    assert error in (caught.value, caught.value.__cause__)
    with pytest.raises(type(error), match="mine"):
        Fails()(X)
    assert len(runs) == 2


# ------------------------------------------------------------------ questions of Keras's to a layer
ONES = np.ones((2, 3), "float32")


def test_a_layer_counts_its_weights_and_says_what_its_inputs_are_cast_to():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, dtype="mixed_bfloat16")])
    assert (model.layers[0].count_params(), model.layers[0].input_dtype) == (8, "bfloat16")
    layer = fk.nn.Dense(2)
    assert layer.count_params(layer.init(jax.random.key(0), ONES)) == 8
    with pytest.raises(ValueError, match=r"does not know its weights yet[\s\S]*layer.count_params\(layer.init"):
        layer.count_params()


def test_add_variable_is_add_weight():
    class Scaled(fk.nn.Layer):
        def build(self, input_shape):
            self.factor = self.add_variable(shape=(), initializer="ones", name="factor")

        def call(self, inputs):
            return inputs * self.factor

    variables = Scaled().init(jax.random.key(0), ONES)
    assert list(variables["params"]) == ["factor"]
    np.testing.assert_array_equal(Scaled().apply(variables, ONES), ONES)
