"""Saving, serializing and exporting, after https://keras.io/guides/serialization_and_saving/

python examples/from_keras/serialization_and_saving.py

What differs from the Keras script:

- Weights have names, not places: `{"dense_3": weights["predictions"]}` in place of `set_weights(get_weights())`.
- `trainer.save` and `keras.load_trainer` where the optimizer is to be in the file.
- `custom_objects=` in place of `custom_object_scope` and of `get_custom_objects().clear()`.
"""

import os
import tempfile

import jax
import numpy as np

import fkeras as keras
from fkeras import ops


def a_whole_model():
    inputs = keras.Input(shape=(32,))
    outputs = keras.layers.Dense(1)(inputs)
    model = keras.Model(inputs, outputs)
    trainer = model.compile(optimizer=keras.optimizers.Adam(), loss="mean_squared_error")
    test_input = np.random.random((128, 32))
    test_target = np.random.random((128, 1))
    state, _ = trainer.fit(trainer.init(0), test_input, test_target)

    model.save("my_model.keras", state.variables)
    reconstructed_model, variables = keras.models.load_model("my_model.keras")
    predicted = model.predict(state.variables, test_input)
    np.testing.assert_allclose(predicted, reconstructed_model.predict(variables, test_input))

    trainer.save("my_trainer.keras", state)
    trainer, state = keras.load_trainer("my_trainer.keras")
    trainer.fit(state, test_input, test_target)


@keras.saving.register_keras_serializable(package="MyLayers")
class CustomLayer(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"factor": self.factor}


@keras.saving.register_keras_serializable(package="my_package", name="custom_fn")
def custom_fn(x):
    return x**2


def custom_objects():
    inputs = keras.Input(shape=(4,))
    mid = CustomLayer(0.5)(inputs)
    outputs = keras.layers.Dense(1, activation=custom_fn)(mid)
    model = keras.Model(inputs, outputs)
    trainer = model.compile(optimizer="rmsprop", loss="mean_squared_error")
    test_input = np.random.random((4, 4))
    test_target = np.random.random((4, 1))
    state, _ = trainer.fit(trainer.init(0), test_input, test_target)
    model.save("custom_model.keras", state.variables)
    reconstructed_model, variables = keras.models.load_model("custom_model.keras")
    predicted = model.predict(state.variables, test_input)
    np.testing.assert_allclose(predicted, reconstructed_model.predict(variables, test_input))
    reconstructed_model, variables = keras.models.load_model(
        "custom_model.keras",
        custom_objects={"CustomLayer": CustomLayer, "custom_fn": custom_fn},
    )
    np.testing.assert_allclose(predicted, reconstructed_model.predict(variables, test_input))


def configs():
    model = keras.Sequential([keras.Input((32,)), keras.layers.Dense(1)])
    new_model = keras.models.clone_model(model)
    assert [layer.name for layer in new_model.layers] == [layer.name for layer in model.layers]

    layer = keras.layers.Dense(3, activation="relu")
    layer_config = layer.get_config()
    print(layer_config)
    new_layer = keras.layers.Dense.from_config(layer_config)
    assert new_layer.units == 3

    config = model.get_config()
    new_model = keras.Sequential.from_config(config)
    assert new_model.output_shape == (None, 1)

    inputs = keras.Input((32,))
    outputs = keras.layers.Dense(1)(inputs)
    model = keras.Model(inputs, outputs)
    config = model.get_config()
    new_model = keras.Model.from_config(config)
    assert new_model.output_shape == (None, 1)

    model = keras.Sequential([keras.Input((32,)), keras.layers.Dense(1)])
    json_config = model.to_json()
    new_model = keras.models.model_from_json(json_config)
    assert new_model.output_shape == (None, 1)

    my_reg = keras.regularizers.L1(0.005)
    config = keras.saving.serialize_keras_object(my_reg)
    print(config)
    new_reg = keras.saving.deserialize_keras_object(config)
    assert float(new_reg(np.ones(2, "float32"))) == float(my_reg(np.ones(2, "float32")))


class SubclassedModel(keras.Model):
    def __init__(self, output_dim, name=None):
        super().__init__(name=name)
        self.output_dim = output_dim
        self.dense_1 = keras.layers.Dense(64, activation="relu", name="dense_1")
        self.dense_2 = keras.layers.Dense(64, activation="relu", name="dense_2")
        self.dense_3 = keras.layers.Dense(output_dim, name="predictions")

    def call(self, inputs):
        x = self.dense_1(inputs)
        x = self.dense_2(x)
        return self.dense_3(x)

    def get_config(self):
        return {"output_dim": self.output_dim, "name": self.name}


def create_functional_model():
    inputs = keras.Input(shape=(784,), name="digits")
    x = keras.layers.Dense(64, activation="relu", name="dense_1")(inputs)
    x = keras.layers.Dense(64, activation="relu", name="dense_2")(x)
    outputs = keras.layers.Dense(10, name="predictions")(x)
    return keras.Model(inputs=inputs, outputs=outputs, name="3_layer_mlp")


def weights_in_memory():
    functional_model = create_functional_model()
    variables = functional_model.init(0)
    subclassed_model = SubclassedModel(10)
    x = np.ones((1, 784))
    subclassed_variables = subclassed_model.init(1, x)

    weights = variables["params"]
    weights = {"dense_1": weights["dense_1"], "dense_2": weights["dense_2"], "dense_3": weights["predictions"]}
    assert jax.tree.map(np.shape, subclassed_variables["params"]) == jax.tree.map(np.shape, weights)
    subclassed_variables = {"params": weights}
    np.testing.assert_allclose(
        subclassed_model.apply(subclassed_variables, x), functional_model.apply(variables, x), rtol=1e-5
    )

    inputs = keras.Input(shape=(784,), name="digits")
    x = keras.layers.Dense(64, activation="relu", name="dense_1")(inputs)
    x = keras.layers.Dense(64, activation="relu", name="dense_2")(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(10, name="predictions")(x)
    functional_model_with_dropout = keras.Model(inputs=inputs, outputs=outputs, name="3_layer_mlp")
    np.testing.assert_allclose(
        functional_model_with_dropout.apply(variables, np.ones((1, 784))),
        functional_model.apply(variables, np.ones((1, 784))),
    )


def weights_on_disk():
    functional_model = create_functional_model()
    functional_model.save_weights("pretrained.weights.h5", functional_model.init(0))

    pretrained_model = create_functional_model()
    variables = pretrained_model.load_weights("pretrained.weights.h5", pretrained_model.init(1))
    np.testing.assert_array_equal(
        variables["params"]["dense_1"]["kernel"], functional_model.init(0)["params"]["dense_1"]["kernel"]
    )
    extracted_layers = pretrained_model.layers[:-1]
    extracted_layers.append(keras.layers.Dense(5, name="dense_3"))
    model = keras.Sequential(extracted_layers)
    model.summary()
    assert model.output_shape == (None, 5)


@keras.saving.register_keras_serializable(package="MyLayers", name="KernelMult")
class MyDense(keras.layers.Layer):
    def __init__(self, units, *, kernel_regularizer=None, kernel_initializer=None, nested_model=None, **kwargs):
        super().__init__(**kwargs)
        self.hidden_units = units
        self.kernel_regularizer = kernel_regularizer
        self.kernel_initializer = kernel_initializer
        self.nested_model = nested_model

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "units": self.hidden_units,
                "kernel_regularizer": self.kernel_regularizer,
                "kernel_initializer": self.kernel_initializer,
                "nested_model": self.nested_model,
            }
        )
        return config

    def build(self, input_shape):
        input_units = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_units, self.hidden_units),
            regularizer=self.kernel_regularizer,
            initializer=self.kernel_initializer,
        )

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)


@keras.saving.register_keras_serializable(package="ComplexModels")
class CustomModel(keras.layers.Layer):
    def __init__(self, first_layer, second_layer=None, **kwargs):
        super().__init__(**kwargs)
        self.first_layer = first_layer
        if second_layer is not None:
            self.second_layer = second_layer
        else:
            self.second_layer = keras.layers.Dense(8)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "first_layer": self.first_layer,
                "second_layer": self.second_layer,
            }
        )
        return config

    @classmethod
    def from_config(cls, config):
        config["first_layer"] = keras.layers.deserialize(config["first_layer"])
        config["second_layer"] = keras.layers.deserialize(config["second_layer"])
        return cls(**config)

    def call(self, inputs):
        return self.first_layer(self.second_layer(inputs))


def config_methods():
    layer = MyDense(units=16, kernel_regularizer="l1", kernel_initializer="ones")
    layer3 = MyDense(units=64, nested_model=layer)
    config = keras.layers.serialize(layer3)
    print(config)
    new_layer = keras.layers.deserialize(config)
    assert new_layer.hidden_units == 64
    assert new_layer.nested_model.hidden_units == 16

    inputs = keras.Input((32,))
    outputs = CustomModel(first_layer=layer)(inputs)
    model = keras.Model(inputs, outputs)
    config = model.get_config()
    new_model = keras.Model.from_config(config)
    x = np.ones((1, 32))
    variables = model.init(0)
    np.testing.assert_allclose(new_model.apply(variables, x), model.apply(variables, x))


def main(small=False):
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        try:
            a_whole_model()
            custom_objects()
            configs()
            weights_in_memory()
            weights_on_disk()
            config_methods()
        finally:
            os.chdir(before)


if __name__ == "__main__":
    main()
