"""Layers made in `build`: real Keras's files open here, ours open in real Keras, weights and their order alike."""

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.checkpoint._keras._layout import weight_order
from fkeras.core import flatten

keras = pytest.importorskip("keras")
rng = np.random.default_rng(0)
X = rng.normal(size=(3, 4)).astype("float32")


def own(lib):
    """The same classes for both libraries."""
    layers = keras.layers if lib is keras else fk.nn

    class Inner(layers.Layer):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units, self.late, self.grown = units, None, []
            self.early = layers.Dense(units)
            self.parts = [layers.Dense(2), (layers.Dense(units),)]

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
            self.next = layers.Dense(self.units)
            self.late = layers.Dense(self.units)
            self.grown.append(layers.Dense(self.units))

        def call(self, inputs):
            x = self.parts[1][0](self.parts[0](self.early(inputs * self.w + self.count)))
            return self.grown[0](self.late(self.next(x)))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class Block(layers.Layer):
        def build(self, input_shape):
            self.z = layers.Dense(4, activation="tanh", name="named")
            self._hidden = layers.Dense(4)
            self.norm = layers.BatchNormalization()
            self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")
            self.stages = {"b": layers.Dense(4), "a": [layers.Dense(3), 7, {"x": Inner(4)}]}
            self.blocks = []
            self.same = self.z
            for _ in range(2):
                self.blocks.append(layers.Dense(4))

        def call(self, inputs):
            x = self.norm(self._hidden(self.same(inputs)) * self.scale)
            x = self.stages["a"][2]["x"](self.stages["a"][0](self.stages["b"](x)))
            return self.blocks[1](self.blocks[0](x))

    class Wraps(layers.Layer):
        def build(self, input_shape):
            self.time = layers.TimeDistributed(layers.Dense(3))
            self.both = layers.Bidirectional(layers.GRU(2, return_sequences=True))
            self.attention = layers.MultiHeadAttention(1, 3)
            self.net = lib.Sequential([layers.Dense(5), layers.LayerNormalization()])
            self.spectral = layers.SpectralNormalization(layers.Dense(3))

        def call(self, inputs):
            x = self.both(self.time(inputs[:, None]))
            return self.spectral(self.net(self.attention(x, x)))[:, 0]

    class MyDense(layers.Dense):
        pass

    class Net(lib.Model):
        def build(self, input_shape):
            self.zoom = layers.Dense(3)  # Keras finds what is sorted after "layers" in `model.layers`
            self.first = Inner(4)
            self._last = layers.Dense(2)
            self.lstm = layers.LSTM(3)

        def call(self, inputs):
            return self._last(self.lstm(self.zoom(self.first(inputs))[:, None]))

    return {"Inner": Inner, "Block": Block, "Wraps": Wraps, "MyDense": MyDense, "Net": Net}


def network(lib, classes):
    layers = [lib.Input((4,)), *(classes[name]() for name in ("Block", "Wraps")), classes["MyDense"](2)]
    return lib.Sequential(layers)


def outputs(model):
    with jax.numpy_rank_promotion("allow"):
        return np.asarray(model(X))


def randomised(model):
    for weight in model.weights:
        value = rng.normal(size=weight.shape) * 0.5
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value)
    return model


def same_order(model, variables, theirs, args=()):
    """Our list of the weights is Keras's: their optimizers number what they keep by it."""
    flat = flatten(variables)
    mine = [flat[path] for path in weight_order(model, variables, args)]
    for one, other in zip(mine, theirs.weights, strict=True):
        np.testing.assert_array_equal(one, other.value, err_msg=other.path)


def test_a_model_goes_both_ways(tmp_path):
    classes, here = own(keras), own(fk)
    theirs = randomised(network(keras, classes))
    theirs.save(tmp_path / "t.keras")
    model, variables = fk.load_model(tmp_path / "t.keras", here)
    np.testing.assert_allclose(jax.jit(model.apply)(variables, X), outputs(theirs), rtol=1e-5, atol=1e-5)
    same_order(model, variables, theirs)
    changed = jax.tree.map(lambda a: np.asarray(a) + np.asarray(0.25, a.dtype), variables)
    model.save(tmp_path / "o.keras", changed)
    model.save_weights(tmp_path / "o.weights.json", changed, max_shard_size=2e-7)
    want = jax.jit(model.apply)(changed, X)
    again = keras.saving.load_model(tmp_path / "o.keras", classes)
    np.testing.assert_allclose(outputs(again), want, rtol=1e-5, atol=1e-5)
    theirs.load_weights(tmp_path / "o.weights.json")
    np.testing.assert_allclose(outputs(theirs), want, rtol=1e-5, atol=1e-5)


def test_a_subclassed_model_goes_both_ways(tmp_path):
    classes, here = own(keras), own(fk)
    theirs = classes["Net"]()
    outputs(theirs)
    randomised(theirs).save_weights(tmp_path / "t.weights.h5")
    model = here["Net"]()
    variables = model.load_weights(tmp_path / "t.weights.h5", model.init(0, X), x=X)
    np.testing.assert_allclose(jax.jit(model.apply)(variables, X), outputs(theirs), rtol=1e-5, atol=1e-6)
    same_order(model, variables, theirs, (X,))
    changed = jax.tree.map(lambda a: np.asarray(a) + np.asarray(0.25, a.dtype), variables)
    model.save_weights(tmp_path / "o.weights.h5", changed, x=X)
    theirs.load_weights(tmp_path / "o.weights.h5")
    np.testing.assert_allclose(outputs(theirs), jax.jit(model.apply)(changed, X), rtol=1e-5, atol=1e-6)


def test_weights_of_a_linen_module_go_both_ways(tmp_path):
    from flax import linen

    class Module(linen.Module):
        @linen.compact
        def __call__(self, x, training=False):
            x = linen.BatchNorm(use_running_average=not training)(linen.Dense(5)(x))
            return linen.Dense(2)(x)

    def describe(lib, layers, **start):  # Keras would need TensorFlow to make variables itself
        return lib.Sequential([lib.Input((4,)), layers.FlaxLayer(Module(), **start)])

    start = jax.tree.map(lambda a: a + 0.5, Module().init(jax.random.key(0), X))
    theirs = describe(keras, keras.layers, variables=start)
    theirs.save_weights(tmp_path / "t.weights.h5")
    model = describe(fk, fk.nn)
    variables = model.load_weights(tmp_path / "t.weights.h5", model.init(0))
    np.testing.assert_allclose(jax.jit(model.apply)(variables, X), outputs(theirs), rtol=1e-5, atol=1e-6)
    half = jax.tree.map(lambda a: a * 0.5, variables)
    model.save_weights(tmp_path / "o.weights.h5", half)
    theirs.load_weights(tmp_path / "o.weights.h5")
    np.testing.assert_allclose(jax.jit(model.apply)(half, X), outputs(theirs), rtol=1e-5, atol=1e-6)


def test_a_file_that_lacks_weights_is_refused(tmp_path):
    import h5py

    model = fk.Sequential([fk.Input((4,)), own(fk)["Block"]()])
    variables = model.init(0)
    model.save_weights(tmp_path / "w.weights.h5", variables)
    with h5py.File(tmp_path / "w.weights.h5", "r+") as file:
        del file["layers/block/stages/container"]
    with pytest.raises(ValueError, match=r"does not fit: 16 arrays differ[\s\S]*missing +params/block/Dense_2/kernel"):
        model.load_weights(tmp_path / "w.weights.h5", variables)
