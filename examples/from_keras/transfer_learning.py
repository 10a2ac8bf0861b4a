"""Transfer learning and fine-tuning, after https://keras.io/guides/transfer_learning/

python examples/from_keras/transfer_learning.py

What differs from the Keras script:

- `layer.replace(trainable=False)` makes a new layer, so it is called before the model is made of it;
  `model.unfreeze("base")` makes a new model.
- `model.weight_facts()` says that nothing inside a frozen model trains, where Keras asks `inner_model.trainable`.
- `model.put(variables, "base", base_variables)` puts the trained weights in: a layer does not bring its own.
- `RandomFlip` and `RandomRotation` have a `seed=`, where they are called by themselves.
- The base is trained here, not fetched, and the data set is arrays.
"""

import jax
import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers


def the_trainable_attribute():
    layer = keras.layers.Dense(3)
    variables = layer.init(0, np.ones((1, 4)))
    print("weights:", len(jax.tree.leaves(variables)))
    assert jax.tree.map(np.shape, variables) == {"params": {"kernel": (4, 3), "bias": (3,)}}

    layer = keras.layers.BatchNormalization()
    variables = layer.init(0, np.ones((1, 4)))
    print("trainable_weights:", len(variables["params"]))
    print("non_trainable_weights:", len(variables["batch_stats"]))
    assert (len(variables["params"]), len(variables["batch_stats"])) == (2, 2)

    layer1 = keras.layers.Dense(3, activation="relu", trainable=False)
    layer2 = keras.layers.Dense(3, activation="sigmoid")
    model = keras.Sequential([keras.Input(shape=(3,)), layer1, layer2])
    trainer = model.compile(optimizer="adam", loss="mse")
    state = trainer.init(0)
    final, _ = trainer.fit(state, np.random.random((2, 3)), np.random.random((2, 3)))
    np.testing.assert_array_equal(state.params["dense"]["kernel"], final.params["dense"]["kernel"])
    np.testing.assert_array_equal(state.params["dense"]["bias"], final.params["dense"]["bias"])
    assert (state.params["dense_1"]["bias"] != final.params["dense_1"]["bias"]).any()


def it_holds_for_what_is_inside():
    inner_model = keras.Sequential(
        [
            keras.Input(shape=(3,)),
            keras.layers.Dense(3, activation="relu"),
            keras.layers.Dense(3, activation="relu"),
        ]
    )
    model = keras.Sequential(
        [
            keras.Input(shape=(3,)),
            inner_model,
            keras.layers.Dense(3, activation="sigmoid"),
        ]
    )
    model = model.replace(trainable=False)
    assert model.trainable is False
    assert not any(fact.trainable for fact in model.weight_facts().values())


def load_data(rows):
    """Digits below five and the rest, as 16 x 16 images of numbers from 0 to 255 with three channels."""
    digits = load_digits()
    images = (digits.images * 255 / 16).repeat(2, 1).repeat(2, 2)[..., None].repeat(3, -1).astype("float32")
    labels = (digits.target >= 5).astype("float32")
    return (images[:rows], labels[:rows]), (images[-200:], labels[-200:])


def pretrained_base(rows, epochs):
    """What stands for Xception: a small network with batch normalization that knows the ten digits."""
    inputs = keras.Input(shape=(16, 16, 3))
    x = layers.Conv2D(16, 3, strides=2, use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    outputs = layers.Conv2D(16, 3, activation="relu")(x)
    base_model = keras.Model(inputs, outputs, name="base")
    scaled = layers.Rescaling(scale=1 / 127.5, offset=-1)
    head = [layers.GlobalAveragePooling2D(), layers.Dense(10)]
    classifier = keras.Sequential([keras.Input(shape=(16, 16, 3)), scaled, base_model, *head])
    trainer = classifier.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    (x_train, _), _ = load_data(rows)
    state, _ = trainer.fit(trainer.init(0), x_train, load_digits().target[:rows], epochs=epochs, batch_size=64)
    return base_model, classifier.variables_for("base", state.variables)


def end_to_end(rows, epochs):
    (x_train, y_train), (x_test, y_test) = load_data(rows)
    resize_fn = keras.layers.Resizing(16, 16)
    x_train, x_test = resize_fn(x_train), resize_fn(x_test)

    augmentation_layers = [
        layers.RandomFlip("horizontal", seed=1),
        layers.RandomRotation(0.1, seed=2),
    ]

    def data_augmentation(x):
        for layer in augmentation_layers:
            x = layer(x)
        return x

    augmented = data_augmentation(x_train[:9])
    assert (np.asarray(augmented) != np.asarray(x_train[:9])).any()

    base_model, base_variables = pretrained_base(rows, epochs)
    base_model = base_model.replace(trainable=False)

    inputs = keras.Input(shape=(16, 16, 3))
    scale_layer = keras.layers.Rescaling(scale=1 / 127.5, offset=-1)
    x = scale_layer(inputs)
    x = base_model(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    outputs = keras.layers.Dense(1)(x)
    model = keras.Model(inputs, outputs)
    model.summary(show_trainable=True)

    trainer = model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    variables = model.put(model.init(0), "base", base_variables)
    state = trainer.init(0, variables=variables)
    print("Fitting the top layer of the model")
    state, _ = trainer.fit(state, x_train, y_train, epochs=epochs, validation_data=(x_test, y_test))
    rested = model.variables_for("base", state.variables)
    jax.tree.map(np.testing.assert_array_equal, rested, base_variables)

    model = model.unfreeze("base")
    model.summary(show_trainable=True)
    trainer = model.compile(
        optimizer=keras.optimizers.Adam(1e-5),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    state = trainer.init(0, variables=state.variables)
    print("Fitting the end-to-end model")
    state, _ = trainer.fit(state, x_train, y_train, epochs=1, validation_data=(x_test, y_test))
    tuned = model.variables_for("base", state.variables)
    jax.tree.map(np.testing.assert_array_equal, tuned["batch_stats"], base_variables["batch_stats"])
    assert (tuned["params"]["conv2d"]["kernel"] != base_variables["params"]["conv2d"]["kernel"]).any()

    print("Test dataset evaluation")
    loss, accuracy = trainer.evaluate(state, x_test, y_test)
    assert np.isfinite(loss)
    assert accuracy > 0.4


def main(small=False):
    the_trainable_attribute()
    it_holds_for_what_is_inside()
    end_to_end(rows=128 if small else 1500, epochs=1 if small else 10)


if __name__ == "__main__":
    main()
