"""Recurrent networks, after https://keras.io/guides/working_with_rnns/

python examples/from_keras/working_with_rnns.py

What differs from the Keras script:

- `{**variables, "recurrent_state": ...}` in place of `reset_state()`, and `updates["recurrent_state"]` in place of
  `layer.states`.
- Weights have names, not places: `{"rnn": {"cell": params["lstm"]}}` in place of `set_weights(get_weights())`.
- The cell of one's own is the one of `keras.layers.RNN`'s page: nested inputs, as in the guide, are not taken by
  Keras 3.15 either.
"""

import jax
import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers, ops


def stacks():
    model = keras.Sequential()
    model = model.add(layers.Embedding(input_dim=1000, output_dim=64))
    model = model.add(layers.LSTM(128))
    model = model.add(layers.Dense(10))
    model.summary()

    model = keras.Sequential()
    model = model.add(layers.Embedding(input_dim=1000, output_dim=64))
    model = model.add(layers.GRU(256, return_sequences=True))
    model = model.add(layers.SimpleRNN(128))
    model = model.add(layers.Dense(10))
    model.summary()

    model = keras.Sequential()
    model = model.add(layers.Bidirectional(layers.LSTM(64, return_sequences=True), input_shape=(5, 10)))
    model = model.add(layers.Bidirectional(layers.LSTM(32)))
    model = model.add(layers.Dense(10))
    model.summary()
    assert [layer.output.shape for layer in model.layers] == [(None, 5, 128), (None, 64), (None, 10)]


def states():
    encoder_input = layers.Input(shape=(None,))
    encoder_embedded = layers.Embedding(input_dim=1000, output_dim=64)(encoder_input)
    output, state_h, state_c = layers.LSTM(64, return_state=True, name="encoder")(encoder_embedded)
    encoder_state = [state_h, state_c]
    decoder_input = layers.Input(shape=(None,))
    decoder_embedded = layers.Embedding(input_dim=2000, output_dim=64)(decoder_input)
    decoder_output = layers.LSTM(64, name="decoder")(decoder_embedded, initial_state=encoder_state)
    output = layers.Dense(10)(decoder_output)
    model = keras.Model([encoder_input, decoder_input], output)
    model.summary()
    assert model.output_shape == (None, 10)


def states_across_batches():
    paragraph1 = np.random.random((20, 10, 50)).astype(np.float32)
    paragraph2 = np.random.random((20, 10, 50)).astype(np.float32)
    paragraph3 = np.random.random((20, 10, 50)).astype(np.float32)

    lstm_layer = layers.LSTM(64, stateful=True)
    variables = lstm_layer.init(0, paragraph1)
    fresh = variables
    for paragraph in (paragraph1, paragraph2, paragraph3):
        output, updates = lstm_layer.apply(variables, paragraph, mutable=["recurrent_state"])
        variables = {**variables, **updates}
    whole = layers.LSTM(64).apply(
        {"params": variables["params"]}, np.concatenate([paragraph1, paragraph2, paragraph3], 1)
    )
    np.testing.assert_allclose(output, whole, rtol=1e-4, atol=1e-5)
    variables = {**variables, "recurrent_state": fresh["recurrent_state"]}
    again, _ = lstm_layer.apply(variables, paragraph1, mutable=["recurrent_state"])
    first, _ = lstm_layer.apply(fresh, paragraph1, mutable=["recurrent_state"])
    np.testing.assert_array_equal(again, first)

    existing_state = jax.tree.leaves(updates["recurrent_state"])
    new_lstm_layer = layers.LSTM(64)
    weights = new_lstm_layer.init(0, paragraph3)
    new_output = new_lstm_layer.apply(weights, paragraph3, initial_state=existing_state)
    assert new_output.shape == (20, 64)


def cells(rows):
    digits = load_digits()
    x, y = digits.images.astype("float32") / 16, digits.target
    x_train, y_train, x_test, y_test = x[:rows], y[:rows], x[-100:], y[-100:]
    input_dim, units, output_size = 8, 64, 10

    def build_model(allow_cudnn_kernel=True):
        if allow_cudnn_kernel:
            lstm_layer = keras.layers.LSTM(units, input_shape=(None, input_dim))
        else:
            lstm_layer = keras.layers.RNN(keras.layers.LSTMCell(units), input_shape=(None, input_dim))
        return keras.models.Sequential(
            [
                lstm_layer,
                keras.layers.BatchNormalization(),
                keras.layers.Dense(output_size),
            ]
        )

    model = build_model(allow_cudnn_kernel=True)
    trainer = model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer="sgd",
        metrics=["accuracy"],
    )
    state, _ = trainer.fit(trainer.init(0), x_train, y_train, validation_data=(x_test, y_test), batch_size=64, epochs=1)
    noncudnn_model = build_model(allow_cudnn_kernel=False)
    cell_of = {"rnn": {"cell": state.params["lstm"]}}
    params = {**{name: state.params[name] for name in ("batch_normalization", "dense")}, **cell_of}
    variables = {**state.variables, "params": params}
    np.testing.assert_allclose(
        noncudnn_model.predict(variables, x_test), model.predict(state.variables, x_test), rtol=1e-4, atol=1e-5
    )
    result = ops.argmax(trainer.predict_on_batch(state, ops.expand_dims(x_test[0], 0)), axis=1)
    print(f"Predicted result is: {result}, target result is: {y_test[0]}")


class OutputCell(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units),
            initializer="uniform",
            name="recurrent_kernel",
        )

    def call(self, inputs, states):
        prev_output = states[0]
        h = ops.matmul(inputs, self.kernel)
        output = h + ops.matmul(prev_output, self.recurrent_kernel)
        return output, [output]

    def get_config(self):
        return {"units": self.units}


def a_cell_of_ones_own(rows):
    cell = OutputCell(10)
    rnn = keras.layers.RNN(cell)
    inputs = keras.Input((None, 8))
    outputs = rnn(inputs)
    model = keras.models.Model(inputs, outputs)
    trainer = model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
    input_data = np.random.random((rows, 5, 8))
    target_data = np.random.random((rows, 10))
    _, history = trainer.fit(trainer.init(0), input_data, target_data, batch_size=64)
    assert np.isfinite(history.history["loss"][0])


def main(small=False):
    stacks()
    states()
    states_across_batches()
    cells(rows=128 if small else 1600)
    a_cell_of_ones_own(rows=64 if small else 640)


if __name__ == "__main__":
    main()
