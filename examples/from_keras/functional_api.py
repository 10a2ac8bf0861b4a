"""The functional API, after https://keras.io/guides/functional_api/

python examples/from_keras/functional_api.py

What differs from the Keras script:

- `keras.utils.plot_model` needs no graphviz: it returns a picture, and writes it where `to_file` says.
"""

import pathlib
import tempfile

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers, ops


def a_first_model():
    inputs = keras.Input(shape=(784,))
    assert inputs.shape == (None, 784)
    assert inputs.dtype == "float32"
    dense = layers.Dense(64, activation="relu")
    x = dense(inputs)
    x = layers.Dense(64, activation="relu")(x)
    outputs = layers.Dense(10)(x)
    model = keras.Model(inputs=inputs, outputs=outputs, name="mnist_model")
    model.summary()
    picture = keras.utils.plot_model(model, show_shapes=True)
    assert "Output shape: (None, 10)" in picture.svg
    assert model.count_params() == 784 * 64 + 64 + 64 * 64 + 64 + 64 * 10 + 10
    return model


def training_evaluation_inference_and_saving(rows):
    digits = load_digits()
    images = (digits.images / 16).repeat(4, 1).repeat(4, 2)[:, 2:30, 2:30].astype("float32")
    x_train, y_train = images[:rows].reshape(-1, 784), digits.target[:rows]
    x_test, y_test = images[-200:].reshape(-1, 784), digits.target[-200:]

    model = a_first_model()
    trainer = model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.RMSprop(),
        metrics=["accuracy"],
    )
    state = trainer.init(0)
    state, history = trainer.fit(state, x_train, y_train, batch_size=64, epochs=2, validation_split=0.2)
    assert history.history["loss"][1] < history.history["loss"][0]
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}

    test_scores = trainer.evaluate(state, x_test, y_test, verbose=2)
    print("Test loss:", test_scores[0])
    print("Test accuracy:", test_scores[1])
    assert test_scores[1] > 0.3

    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "my_model.keras"
        model.save(path, state.variables)
        loaded, variables = keras.models.load_model(path)
    np.testing.assert_allclose(loaded.predict(variables, x_test[:5]), model.predict(state.variables, x_test[:5]))


def one_graph_for_two_models():
    encoder_input = keras.Input(shape=(28, 28, 1), name="img")
    x = layers.Conv2D(16, 3, activation="relu")(encoder_input)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    encoder_output = layers.GlobalMaxPooling2D()(x)
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    encoder.summary()

    x = layers.Reshape((4, 4, 1))(encoder_output)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    decoder_output = layers.Conv2DTranspose(1, 3, activation="relu")(x)
    autoencoder = keras.Model(encoder_input, decoder_output, name="autoencoder")
    autoencoder.summary()
    assert encoder.output_shape == (None, 16)
    assert autoencoder.output_shape == (None, 28, 28, 1)

    decoder_input = keras.Input(shape=(16,), name="encoded_img")
    x = layers.Reshape((4, 4, 1))(decoder_input)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    decoder = keras.Model(decoder_input, layers.Conv2DTranspose(1, 3)(x), name="decoder")
    autoencoder_input = keras.Input(shape=(28, 28, 1), name="img")
    encoded_img = encoder(autoencoder_input)
    decoded_img = decoder(encoded_img)
    autoencoder = keras.Model(autoencoder_input, decoded_img, name="autoencoder")
    autoencoder.summary()
    assert [layer.name for layer in autoencoder.layers] == ["img", "encoder", "decoder"]


def get_model():
    inputs = keras.Input(shape=(128,))
    outputs = layers.Dense(1)(inputs)
    return keras.Model(inputs, outputs)


def an_ensemble():
    model1 = get_model()
    model2 = get_model()
    model3 = get_model()
    inputs = keras.Input(shape=(128,))
    y1 = model1(inputs)
    y2 = model2(inputs)
    y3 = model3(inputs)
    outputs = layers.average([y1, y2, y3])
    ensemble_model = keras.Model(inputs=inputs, outputs=outputs)

    variables = ensemble_model.init(0)
    x = np.random.random((4, 128))
    parts = [m.apply(ensemble_model.variables_for(m, variables), x) for m in (model1, model2, model3)]
    np.testing.assert_allclose(ensemble_model.apply(variables, x), sum(parts) / 3, rtol=1e-4, atol=1e-5)


def several_inputs_and_outputs(rows):
    num_tags, num_words, num_departments = 12, 100, 4
    title_input = keras.Input(shape=(None,), name="title")
    body_input = keras.Input(shape=(None,), name="body")
    tags_input = keras.Input(shape=(num_tags,), name="tags")
    title_features = layers.Embedding(num_words, 64)(title_input)
    body_features = layers.Embedding(num_words, 64)(body_input)
    title_features = layers.LSTM(8)(title_features)
    body_features = layers.LSTM(8)(body_features)
    x = layers.concatenate([title_features, body_features, tags_input])
    priority_pred = layers.Dense(1, name="priority")(x)
    department_pred = layers.Dense(num_departments, name="department")(x)
    model = keras.Model(
        inputs=[title_input, body_input, tags_input],
        outputs={"priority": priority_pred, "department": department_pred},
    )
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss=[
            keras.losses.BinaryCrossentropy(from_logits=True),
            keras.losses.CategoricalCrossentropy(from_logits=True),
        ],
        loss_weights=[1.0, 0.2],
    )
    trainer = model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss={
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    title_data = np.random.randint(num_words, size=(rows, 10))
    body_data = np.random.randint(num_words, size=(rows, 20))
    tags_data = np.random.randint(2, size=(rows, num_tags)).astype("float32")
    priority_targets = np.random.random(size=(rows, 1))
    dept_targets = np.random.randint(2, size=(rows, num_departments))
    _, history = trainer.fit(
        trainer.init(0),
        {"title": title_data, "body": body_data, "tags": tags_data},
        {"priority": priority_targets, "department": dept_targets},
        epochs=2,
        batch_size=32,
    )
    assert {"loss", "priority_loss", "department_loss"} <= set(history.history)


def a_toy_resnet(rows):
    inputs = keras.Input(shape=(16, 16, 3), name="img")
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    block_1_output = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(8, 3, activation="relu", padding="same")(block_1_output)
    block_2_output = layers.add([x, block_1_output])
    x = layers.GlobalAveragePooling2D()(block_2_output)
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(10)(x)
    model = keras.Model(inputs, outputs, name="toy_resnet")
    model.summary()

    x_train = np.random.random((rows, 16, 16, 3)).astype("float32")
    y_train = np.random.randint(10, size=(rows, 1))
    y_train = keras.utils.to_categorical(y_train, 10)
    trainer = model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["acc"],
    )
    _, history = trainer.fit(trainer.init(0), x_train, y_train, batch_size=64, epochs=1, validation_split=0.2)
    assert "acc" in history.history


def shared_layers():
    shared_embedding = layers.Embedding(1000, 128)
    text_input_a = keras.Input(shape=(None,), dtype="int32")
    text_input_b = keras.Input(shape=(None,), dtype="int32")
    encoded_input_a = shared_embedding(text_input_a)
    encoded_input_b = shared_embedding(text_input_b)
    model = keras.Model([text_input_a, text_input_b], [encoded_input_a, encoded_input_b])
    assert model.count_params() == 1000 * 128


def nodes_of_the_graph():
    model = a_first_model()
    features_list = [layer.output for layer in model.layers]
    feat_extraction_model = keras.Model(inputs=model.input, outputs=features_list)
    img = np.random.random((1, 784)).astype("float32")
    extracted_features = feat_extraction_model.apply(model.init(0), img)
    assert [f.shape for f in extracted_features] == [(1, 784), (1, 64), (1, 64), (1, 10)]


class CustomDense(layers.Layer):
    def __init__(self, units=32):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer="random_normal",
            trainable=True,
        )
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {"units": self.units}


def custom_layers():
    inputs = keras.Input((4,))
    outputs = CustomDense(10)(inputs)
    model = keras.Model(inputs, outputs)
    config = model.get_config()
    new_model = keras.Model.from_config(config, custom_objects={"CustomDense": CustomDense})
    variables = model.init(0)
    np.testing.assert_allclose(new_model.apply(variables, np.ones((1, 4))), model.apply(variables, np.ones((1, 4))))


class MLP(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense_1 = layers.Dense(64, activation="relu")
        self.dense_2 = layers.Dense(10)

    def call(self, inputs):
        x = self.dense_1(inputs)
        return self.dense_2(x)


class CustomRNN(layers.Layer):
    def __init__(self, units=32, timesteps=10):
        super().__init__()
        self.units = units
        self.timesteps = timesteps
        self.projection_1 = layers.Dense(units=units, activation="tanh")
        self.projection_2 = layers.Dense(units=units, activation="tanh")
        self.classifier = layers.Dense(1)

    def call(self, inputs):
        outputs = []
        state = ops.zeros(shape=(inputs.shape[0], self.units))
        for t in range(inputs.shape[1]):
            x = inputs[:, t, :]
            h = self.projection_1(x)
            y = h + self.projection_2(state)
            state = y
            outputs.append(y)
        features = ops.stack(outputs, axis=1)
        return self.classifier(features)


def mixing_the_styles():
    mlp = MLP()
    variables = mlp.init(0, ops.zeros((1, 32)))
    assert mlp.apply(variables, ops.zeros((1, 32))).shape == (1, 10)

    units, timesteps, input_dim, batch_size = 32, 10, 5, 16
    inputs = keras.Input(batch_shape=(batch_size, timesteps, input_dim))
    x = layers.Conv1D(32, 3)(inputs)
    outputs = CustomRNN(units, timesteps)(x)
    model = keras.Model(inputs, outputs)
    assert model.output_shape == (batch_size, timesteps - 2, 1)
    rnn_model = CustomRNN()
    zeros = ops.zeros((1, 10, 5))
    assert rnn_model.apply(rnn_model.init(0, zeros), zeros).shape == (1, 10, 1)


def main(small=False):
    training_evaluation_inference_and_saving(rows=256 if small else 1500)
    one_graph_for_two_models()
    an_ensemble()
    several_inputs_and_outputs(rows=32 if small else 1280)
    a_toy_resnet(rows=80 if small else 1000)
    shared_layers()
    nodes_of_the_graph()
    custom_layers()
    mixing_the_styles()


if __name__ == "__main__":
    main()
