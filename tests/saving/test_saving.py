"""Objects in files: registered classes, configs, clones."""

import jax
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")


@fk.saving.register_keras_serializable("shop")
class Scale(fk.nn.Layer):
    def __init__(self, by=2.0, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def build(self, input_shape):
        self.w = self.add_weight(shape=(1, input_shape[-1]), initializer="ones", name="w")

    def call(self, inputs):
        return inputs * self.w * self.by


OURS = Scale


@fk.saving.register_keras_serializable("shop", "twice")
def double(x):
    return x * 2


@pytest.mark.parametrize("suffix", ["model.keras", "directory"])
def test_registered_classes_and_functions_are_read_without_custom_objects(tmp_path, suffix):
    model = fk.Sequential([fk.Input((3,)), Scale(3.0), fk.nn.Dense(2, activation=double)])
    variables = model.init(jax.random.key(0))
    model.save(tmp_path / suffix, variables)
    again, restored = fk.load_model(tmp_path / suffix)
    assert again == model
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(again.apply(restored, x), model.apply(variables, x))


def test_keras_reads_what_is_registered_and_is_read(tmp_path):
    @keras.saving.register_keras_serializable("shop")
    class Scale(keras.layers.Layer):
        def __init__(self, by=2.0, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def build(self, input_shape):
            self.w = self.add_weight(shape=(1, input_shape[-1]), initializer="ones", name="w")

        def call(self, inputs):
            return inputs * self.w * self.by

        def get_config(self):
            return {**super().get_config(), "by": self.by}

    x = np.ones((2, 3), "float32")
    with keras_world():
        theirs = keras.Sequential([keras.Input((3,)), Scale(3.0)])
        theirs.save(tmp_path / "theirs.keras")
        expected = theirs(x)
    model, variables = fk.load_model(tmp_path / "theirs.keras")
    assert type(model.layers[0]) is OURS
    np.testing.assert_array_equal(model.apply(variables, x), expected)
    model.save(tmp_path / "ours.keras", variables)
    with keras_world():
        np.testing.assert_array_equal(keras.models.load_model(tmp_path / "ours.keras")(x), expected)


def test_names():
    assert fk.saving.get_registered_name(Scale) == "shop>Scale"
    assert fk.saving.get_registered_name(double) == "shop>twice"
    assert fk.saving.get_registered_object("shop>Scale") is Scale
    assert fk.saving.get_registered_object("x", {"x": 1}, {"x": 2}) == 1
    assert fk.utils.register_keras_serializable is fk.saving.register_keras_serializable
    config = fk.saving.serialize_keras_object(Scale())
    assert config["registered_name"] == "shop>Scale"
    assert type(fk.saving.deserialize_keras_object(config)) is Scale


def test_custom_objects_come_first():
    class Other(Scale):
        pass

    config = fk.saving.serialize_keras_object(Scale())
    assert type(fk.saving.deserialize_keras_object(config, {"Scale": Other})) is Other


def test_what_cannot_be_registered_is_said():
    with pytest.raises(TypeError, match=r'register_keras_serializable\("my_package"\)'):
        fk.saving.register_keras_serializable(Scale)
    with pytest.raises(ValueError, match="def get_config"):

        @fk.saving.register_keras_serializable()
        class Nothing:
            pass

    with pytest.raises(ValueError, match="never run"):
        fk.saving.deserialize_keras_object({}, safe_mode=False)


OBJECTS = {
    "layer": lambda p: p.layers.Dense(3, activation="relu", name="head"),
    "loss": lambda p: p.losses.BinaryCrossentropy(from_logits=True),
    "function": lambda p: p.activations.relu,
    "initializer": lambda p: p.initializers.HeNormal(seed=3),
    "regularizer": lambda p: p.regularizers.L2(0.1),
    "values": lambda p: [1, {"a": 2.0, "b": None}, "c"],
    "array": lambda p: np.array([1.0, 2.0], "float32"),
    "slice": lambda p: slice(1, None, 2),
}


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)
def test_configs_are_read_by_both(make):
    ours, theirs = make(fk), make(keras)
    mine = fk.saving.serialize_keras_object(ours)
    with keras_world():
        made = keras.saving.deserialize_keras_object(mine)
        written = keras.saving.serialize_keras_object(theirs)
    read = fk.saving.deserialize_keras_object(written)
    np.testing.assert_equal(read, ours)
    assert type(made) is type(theirs)


def test_clones():
    inputs = fk.Input((3,))
    model = fk.Model(inputs, fk.nn.Dense(2, name="head")(inputs), name="net")
    assert fk.models.clone_model(model) is model
    wide = fk.models.clone_model(
        model, clone_function=lambda layer: layer.replace(units=4) if layer.name == "head" else layer
    )
    assert wide.output_shape == (None, 4)
    other = fk.Input((3,), name="other")
    moved = fk.models.clone_model(model, input_tensors=other)
    assert moved.input is other
    assert moved.name == "net"
    variables = model.init(jax.random.key(0))
    assert moved.apply({"params": {"net": variables["params"]}}, np.ones((1, 3), "float32")).shape == (1, 2)
    with pytest.raises(TypeError, match=r"layer\.replace"):
        fk.models.clone_model(fk.nn.Dense(2))
    with pytest.raises(TypeError, match="my_call"):
        fk.models.clone_model(model, call_function=lambda layer, x: layer(x))


@pytest.mark.parametrize("recursive", [False, True])
def test_clones_visit_the_layers_that_keras_visits(recursive):
    def seen(package):
        layers, visited = package.layers, []
        inner = package.Sequential([package.Input((3,)), layers.Dense(3, name="a")], name="inner")
        inputs = package.Input((2, 3), name="in")
        wrapped = layers.TimeDistributed(layers.Dense(3, name="b"), name="wrapper")(inputs)
        outputs = inner(layers.Flatten(name="flat")(wrapped)[:, :3])
        model = package.Model(inputs, outputs)

        def see(layer):
            visited.append(layer.name)
            return layer if package is fk else type(layer).from_config(layer.get_config())

        package.models.clone_model(model, clone_function=see, recursive=recursive)
        return sorted(name for name in visited if name in ("a", "b", "wrapper", "inner", "flat", "in"))

    with keras_world():
        assert seen(fk) == seen(keras)


def test_models_is_where_models_are():
    assert fk.models.Sequential is fk.Sequential
    assert fk.models.load_model is fk.saving.load_model is fk.load_model
