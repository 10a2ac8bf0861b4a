"""Masking and padding, after https://keras.io/guides/understanding_masking_and_padding/

python examples/from_keras/understanding_masking_and_padding.py

What differs from the Keras script:

- `layer.compute_mask(inputs)` in place of `layer(inputs)._keras_mask`: arrays carry no attributes.
"""

import numpy as np

import fkeras as keras
from fkeras import layers, ops


class MyLayer(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True)
        self.lstm = layers.LSTM(32)

    def call(self, inputs):
        x = self.embedding(inputs)
        mask = self.embedding.compute_mask(inputs)
        return self.lstm(x, mask=mask)


class TemporalSplit(keras.layers.Layer):
    """Split the input tensor into 2 tensors along the time dimension."""

    def call(self, inputs):
        return ops.split(inputs, 2, axis=1)

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        return ops.split(mask, 2, axis=1)


class CustomEmbedding(keras.layers.Layer):
    def __init__(self, input_dim, output_dim, mask_zero=False, **kwargs):
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.mask_zero = mask_zero

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            shape=(self.input_dim, self.output_dim),
            initializer="random_normal",
            dtype="float32",
        )

    def call(self, inputs):
        inputs = ops.cast(inputs, "int32")
        return ops.take(self.embeddings, inputs, axis=0)

    def compute_mask(self, inputs, mask=None):
        if not self.mask_zero:
            return None
        return ops.not_equal(inputs, 0)


class MyActivation(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return ops.relu(inputs)


class TemporalSoftmax(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        assert mask is not None
        broadcast_float_mask = ops.expand_dims(ops.cast(mask, "float32"), -1)
        inputs_exp = ops.exp(inputs) * broadcast_float_mask
        inputs_sum = ops.sum(inputs_exp * broadcast_float_mask, axis=-1, keepdims=True)
        return inputs_exp / inputs_sum


def padding():
    raw_inputs = [
        [711, 632, 71],
        [73, 8, 3215, 55, 927],
        [83, 91, 1, 645, 1253, 927],
    ]
    padded_inputs = keras.utils.pad_sequences(raw_inputs, padding="post")
    print(padded_inputs)
    assert padded_inputs.shape == (3, 6)
    assert padded_inputs[0].tolist() == [711, 632, 71, 0, 0, 0]
    return padded_inputs


def layers_that_make_masks(padded_inputs):
    embedding = layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True)
    mask = embedding.compute_mask(padded_inputs)
    assert mask.tolist() == (padded_inputs != 0).tolist()

    masking_layer = layers.Masking()
    unmasked_embedding = ops.cast(
        ops.tile(ops.expand_dims(padded_inputs, axis=-1), [1, 1, 10]),
        dtype="float32",
    )
    masked_embedding = masking_layer(unmasked_embedding)
    mask = masking_layer.compute_mask(unmasked_embedding)
    assert mask.tolist() == (padded_inputs != 0).tolist()

    first_half, _ = TemporalSplit()(masked_embedding)
    first_mask, second_mask = TemporalSplit().compute_mask(masked_embedding, mask)
    assert first_half.shape == (3, 3, 10)
    assert first_mask.shape == second_mask.shape == (3, 3)


def masks_that_flow(padded_inputs):
    model = keras.Sequential(
        [
            layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True),
            layers.LSTM(32),
        ]
    )
    variables = model.init(0, padded_inputs)
    short = model.apply(variables, padded_inputs[:1, :3])
    np.testing.assert_allclose(model.apply(variables, padded_inputs)[:1], short, rtol=1e-5, atol=1e-6)

    inputs = keras.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True)(inputs)
    outputs = layers.LSTM(32)(x)
    model = keras.Model(inputs, outputs)
    np.testing.assert_allclose(model.apply(variables, padded_inputs)[:1], short, rtol=1e-5, atol=1e-6)

    layer = MyLayer()
    variables = layer.init(0, padded_inputs)
    short = layer.apply(variables, padded_inputs[:1, :3])
    np.testing.assert_allclose(layer.apply(variables, padded_inputs)[:1], short, rtol=1e-5, atol=1e-6)


def layers_of_ones_own():
    layer = CustomEmbedding(10, 32, mask_zero=True)
    x = np.random.random((3, 10)) * 9
    x = x.astype("int32")
    y = layer.apply(layer.init(0, x), x)
    mask = layer.compute_mask(x)
    assert y.shape == (3, 10, 32)
    assert mask.tolist() == (x != 0).tolist()

    inputs = keras.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True)(inputs)
    x = MyActivation()(x)
    outputs = layers.LSTM(32)(x)
    model = keras.Model(inputs, outputs)
    tokens = np.random.randint(1, 5000, size=(32, 20))
    variables = model.init(0)
    y = model.apply(variables, tokens)
    padded = np.concatenate([tokens, np.zeros((32, 5), tokens.dtype)], 1)
    np.testing.assert_allclose(model.apply(variables, padded), y, rtol=1e-5, atol=1e-6)

    inputs = keras.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(input_dim=10, output_dim=32, mask_zero=True)(inputs)
    x = layers.Dense(1)(x)
    outputs = TemporalSoftmax()(x)
    model = keras.Model(inputs, outputs)
    tokens = np.random.randint(1, 10, size=(32, 100))
    y = model.apply(model.init(0), tokens)
    assert y.shape == (32, 100, 1)
    np.testing.assert_allclose(y, 1.0)


def main(small=False):
    padded_inputs = padding()
    layers_that_make_masks(padded_inputs)
    masks_that_flow(padded_inputs)
    layers_of_ones_own()


if __name__ == "__main__":
    main()
