"""The Sequential model, after https://keras.io/guides/sequential_model/

python examples/from_keras/sequential_model.py

What differs from the Keras script: nothing.
"""

import jax

import fkeras as keras
from fkeras import layers, ops


def a_stack_of_layers():
    model = keras.Sequential(
        [
            layers.Dense(2, activation="relu", name="layer1"),
            layers.Dense(3, activation="relu", name="layer2"),
            layers.Dense(4, name="layer3"),
        ]
    )
    x = ops.ones((3, 3))
    variables = model.init(0, x)
    y = model.apply(variables, x)
    assert y.shape == (3, 4)

    layer1 = layers.Dense(2, activation="relu", name="layer1")
    layer2 = layers.Dense(3, activation="relu", name="layer2")
    layer3 = layers.Dense(4, name="layer3")
    own = [model.variables_for(name, variables) for name in ("layer1", "layer2", "layer3")]
    assert (layer3.apply(own[2], layer2.apply(own[1], layer1.apply(own[0], x))) == y).all()


def creating_one():
    model = keras.Sequential(
        [
            layers.Dense(2, activation="relu"),
            layers.Dense(3, activation="relu"),
            layers.Dense(4),
        ]
    )
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dense", "Dense"]

    model = keras.Sequential()
    model = model.add(layers.Dense(2, activation="relu"))
    model = model.add(layers.Dense(3, activation="relu"))
    model = model.add(layers.Dense(4))
    model = model.pop()
    assert len(model.layers) == 2

    model = keras.Sequential(name="my_sequential")
    model = model.add(layers.Dense(2, activation="relu", name="layer1"))
    model = model.add(layers.Dense(4, name="layer3"))
    assert model.name == "my_sequential"


def the_input_shape():
    layer = layers.Dense(3)
    x = ops.ones((1, 4))
    variables = layer.init(0, x)
    y = layer.apply(variables, x)
    assert y.shape == (1, 3)
    assert {name: w.shape for name, w in variables["params"].items()} == {"kernel": (4, 3), "bias": (3,)}

    model = keras.Sequential(
        [
            layers.Dense(2, activation="relu"),
            layers.Dense(3, activation="relu"),
            layers.Dense(4),
        ]
    )
    variables = model.init(0, x)
    print("Number of weights after calling the model:", len(jax.tree.leaves(variables)))
    assert len(jax.tree.leaves(variables)) == 6
    model.summary()

    model = keras.Sequential()
    model = model.add(keras.Input(shape=(4,)))
    model = model.add(layers.Dense(2, activation="relu"))
    model.summary()
    assert len(model.layers) == 1

    model = keras.Sequential()
    model = model.add(layers.Dense(2, activation="relu", input_shape=(4,)))
    model.summary()
    assert model.output_shape == (None, 2)
    assert model.count_params() == 10


def add_and_summary():
    model = keras.Sequential()
    model = model.add(keras.Input(shape=(250, 250, 3)))
    model = model.add(layers.Conv2D(32, 5, strides=2, activation="relu"))
    model = model.add(layers.Conv2D(32, 3, activation="relu"))
    model = model.add(layers.MaxPooling2D(3))
    model.summary()
    assert model.output_shape == (None, 40, 40, 32)

    model = model.add(layers.Conv2D(32, 3, activation="relu"))
    model = model.add(layers.Conv2D(32, 3, activation="relu"))
    model = model.add(layers.MaxPooling2D(3))
    model = model.add(layers.Conv2D(32, 3, activation="relu"))
    model = model.add(layers.Conv2D(32, 3, activation="relu"))
    model = model.add(layers.MaxPooling2D(2))
    model.summary()
    assert model.output_shape == (None, 4, 4, 32)
    model = model.add(layers.GlobalMaxPooling2D())
    model = model.add(layers.Dense(10))
    assert model.output_shape == (None, 10)


def feature_extraction():
    initial_model = keras.Sequential(
        [
            keras.Input(shape=(250, 250, 3)),
            layers.Conv2D(32, 5, strides=2, activation="relu"),
            layers.Conv2D(32, 3, activation="relu", name="my_intermediate_layer"),
            layers.Conv2D(32, 3, activation="relu"),
        ]
    )
    feature_extractor = keras.Model(
        inputs=initial_model.inputs,
        outputs=[layer.output for layer in initial_model.layers],
    )
    variables = initial_model.init(0)
    x = ops.ones((1, 250, 250, 3))
    features = feature_extractor.apply(variables, x)
    assert [f.shape for f in features] == [(1, 123, 123, 32), (1, 121, 121, 32), (1, 119, 119, 32)]

    feature_extractor = keras.Model(
        inputs=initial_model.inputs,
        outputs=initial_model.get_layer(name="my_intermediate_layer").output,
    )
    features = feature_extractor.apply(variables, x)
    assert features.shape == (1, 121, 121, 32)


def transfer_learning():
    model = keras.Sequential(
        [
            keras.Input(shape=(784,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(10),
        ]
    )
    model = model.freeze(*[layer.name for layer in model.layers[:-1]])
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0)
    x, y = ops.ones((4, 784)), ops.ones((4, 10))
    after, _ = trainer.fit(state, x, y)
    moved = {name: bool((after.params[name]["kernel"] != state.params[name]["kernel"]).any()) for name in state.params}
    assert moved == {"dense": False, "dense_1": False, "dense_2": False, "dense_3": True}


def main(small=False):
    a_stack_of_layers()
    creating_one()
    the_input_shape()
    add_and_summary()
    feature_extraction()
    transfer_learning()


if __name__ == "__main__":
    main()
