"""Layers are values: copies of them, and pickles read again, are equal, hash alike and compute the same."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk

from ..conformance.descriptors import rows

ROWS = list({row.cls: row for row in reversed(rows())}.values())
WAYS = {"pickle": lambda value: pickle.loads(pickle.dumps(value)), "deepcopy": copy.deepcopy, "copy": copy.copy}


def by_cloudpickle(value):
    return pickle.loads(pytest.importorskip("cloudpickle").dumps(value))


def by_joblib(value, path):
    joblib = pytest.importorskip("joblib")
    joblib.dump(value, path)
    return joblib.load(path)


def same(made, layer):
    assert made is not layer
    assert type(made) is type(layer)
    assert made == layer
    assert hash(made) == hash(layer)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_every_layer_is_pickled_and_copied(row):
    layer = row.layer(fk.nn)
    for way in (*WAYS.values(), by_cloudpickle):
        same(way(layer), layer)


def double(x):
    return 2 * x


class Plain(linen.Module):
    sizes: list
    inner: linen.Module

    @linen.compact
    def __call__(self, x):
        for size in self.sizes:
            x = linen.Dense(size)(x)
        return self.inner(x)


class KerasStyle(fk.nn.Layer):
    def __init__(self, units, scale=None, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [fk.nn.Dense(units), fk.nn.Dense(units, activation="relu")]
        self.by_side = {"left": fk.nn.Dense(1), "right": fk.nn.Dense(1)}
        self.scale = np.asarray(scale)

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), name="bias")

    def call(self, inputs):
        x = inputs + self.bias[None]
        for block in self.blocks:
            x = block(x)
        return (self.by_side["left"](x) - self.by_side["right"](x)) * self.scale.sum()


class LinenStyle(fk.nn.Layer):
    units: int = 2
    inner: fk.nn.Layer = fk.nn.Dense(3)

    @linen.compact
    def __call__(self, inputs):
        return fk.nn.Dense(self.units)(self.inner(inputs))


class WithSetup(fk.nn.Layer):
    units: int = 2

    def setup(self):
        self.dense = fk.nn.Dense(self.units)

    def call(self, inputs):
        return self.dense(inputs)


def keras_style():
    return KerasStyle(3, scale=[1.0, 2.0], name="own", trainable=False)


LAYERS = {
    "keras_style": keras_style,
    "linen_style": lambda: LinenStyle(4, inner=fk.nn.Dense(5)),
    "setup": lambda: WithSetup(5, dtype="mixed_bfloat16"),
    "function": lambda: fk.nn.Lambda(double),
    "flax": lambda: fk.nn.FlaxLayer(Plain([2, 3], linen.Dense(2))),
    "array": lambda: fk.nn.Dense(2, kernel_initializer=fk.initializers.Constant(np.arange(6.0).reshape(3, 2))),
    "adapted": lambda: fk.nn.Normalization().adapt(np.arange(12.0, dtype="float32").reshape(4, 3)),
    "looked_up": lambda: fk.nn.StringLookup().adapt(np.array(["a", "b", "b"])),
    "wrapped": lambda: fk.nn.TimeDistributed(fk.nn.Dense(2)),
    "regularised": lambda: fk.nn.Dense(2, activity_regularizer=fk.regularizers.L2(0.1), name="dense"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_all_kinds_are_pickled_and_copied(name, tmp_path):
    layer = LAYERS[name]()
    for way in (*WAYS.values(), by_cloudpickle, lambda value: by_joblib(value, tmp_path / "layer.joblib")):
        same(way(layer), layer)


@pytest.mark.parametrize("name", ["keras_style", "linen_style", "setup", "flax"])
def test_a_copy_computes_the_same(name):
    layer, x = LAYERS[name](), jnp.ones((2, 3))
    variables = layer.init(jax.random.key(0), x)
    for way in WAYS.values():
        made = way(layer)
        assert jax.tree.all(jax.tree.map(jnp.array_equal, made.init(jax.random.key(0), x), variables))
        assert jnp.array_equal(made.apply(variables, x), layer.apply(variables, x))


def test_what_a_layer_found_out_is_in_no_copy():
    layer = fk.nn.Dense(2)
    before = pickle.dumps(layer)
    hash(layer)
    assert pickle.dumps(layer) == before
    tensor = layer(fk.Input((3,)))
    assert layer.output is tensor
    with pytest.raises(ValueError, match="was called in no graph"):
        _ = copy.deepcopy(layer).output


def test_a_layer_held_twice_stays_one():
    class Twice(fk.nn.Layer):
        def __init__(self, inner):
            super().__init__()
            self.first, self.second = inner, [inner]

        def call(self, x):
            return self.second[0](self.first(x))

    made = copy.deepcopy(Twice(fk.nn.Dense(3)))
    assert made.first is made.second[0]


@pytest.mark.parametrize("layer", [fk.nn.Lambda(lambda x: x), fk.nn.Activation(lambda x: x)], ids=["Lambda", "other"])
def test_a_lambda_is_copied_but_not_pickled(layer):
    with pytest.raises(TypeError, match=r"(?s)cannot be pickled: its '\w+' is a function.*<lambda>.*def my_function"):
        pickle.dumps(layer)
    same(copy.deepcopy(layer), layer)


def test_a_function_that_init_made_is_named():
    class Own(fk.nn.Layer):
        def __init__(self):
            super().__init__()
            self.scale = lambda x: x

        def call(self, x):
            return self.scale(x)

    with pytest.raises(TypeError, match="its 'scale' is a function"):
        pickle.dumps(Own())


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_bound_layer_says_that_it_is_none_of_its_own(way):
    layer = fk.nn.Dense(2)
    bound = layer.bind(layer.init(jax.random.key(0), jnp.ones((1, 3))))
    with pytest.raises(TypeError, match=r"(?s)bound to variables, so it can be neither copied nor pickled.*Write:"):
        way(bound)


def test_a_copy_joins_a_model_under_a_name_of_its_own():
    inner = fk.Sequential([fk.nn.Dense(2)])
    model = fk.Sequential([fk.Input((2,)), inner, copy.deepcopy(inner)])
    assert [layer.name for layer in model.layers] == ["sequential", "sequential_1"]
