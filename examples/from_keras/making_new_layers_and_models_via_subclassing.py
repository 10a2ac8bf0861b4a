"""Layers and models of one's own, after https://keras.io/guides/making_new_layers_and_models_via_subclassing/

python examples/from_keras/making_new_layers_and_models_via_subclassing.py

What differs from the Keras script:

- `keras.random.normal` and `keras.random.dropout` take a key first, `self.make_rng("dropout")`; a layer keeps no
  `seed_generator`.
"""

import jax
import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers, ops


class Linear(keras.layers.Layer):
    def __init__(self, units=32, input_dim=32):
        super().__init__()
        self.w = self.add_weight(
            shape=(input_dim, units),
            initializer="random_normal",
            trainable=True,
        )
        self.b = self.add_weight(shape=(units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b


class ComputeSum(keras.layers.Layer):
    def __init__(self, input_dim):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(input_dim,), trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return self.total


def weights():
    x = ops.ones((2, 2))
    linear_layer = Linear(4, 2)
    variables = linear_layer.init(0, x)
    y = linear_layer.apply(variables, x)
    assert y.shape == (2, 4)
    assert len(jax.tree.leaves(variables)) == 2

    my_sum = ComputeSum(2)
    variables = my_sum.init(0, x)
    y, updates = my_sum.apply(variables, x, mutable=["non_trainable"])
    np.testing.assert_array_equal(y, [2.0, 2.0])
    y, updates = my_sum.apply(updates, x, mutable=["non_trainable"])
    np.testing.assert_array_equal(y, [4.0, 4.0])
    assert not variables.get("params")


class LazyLinear(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
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
        config = super().get_config()
        config.update({"units": self.units})
        return config


class MLPBlock(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.linear_1 = LazyLinear(32)
        self.linear_2 = LazyLinear(32)
        self.linear_3 = LazyLinear(1)

    def call(self, inputs):
        x = self.linear_1(inputs)
        x = keras.activations.relu(x)
        x = self.linear_2(x)
        x = keras.activations.relu(x)
        return self.linear_3(x)


def layers_in_layers():
    mlp = MLPBlock()
    variables = mlp.init(0, ops.ones(shape=(3, 64)))
    y = mlp.apply(variables, ops.ones(shape=(3, 64)))
    assert y.shape == (3, 1)
    print("weights:", len(jax.tree.leaves(variables)))
    assert len(jax.tree.leaves(variables)) == 6


class ActivityRegularizationLayer(keras.layers.Layer):
    def __init__(self, rate=1e-2):
        super().__init__()
        self.rate = rate

    def call(self, inputs):
        self.add_loss(self.rate * ops.mean(inputs))
        return inputs


class OuterLayer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.activity_reg = ActivityRegularizationLayer(1e-2)

    def call(self, inputs):
        return self.activity_reg(inputs)


class OuterLayerWithKernelRegularizer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(32, kernel_regularizer=keras.regularizers.l2(1e-3))

    def call(self, inputs):
        return self.dense(inputs)


def losses_of_layers():
    layer = OuterLayer()
    _, updates = layer.apply({}, ops.zeros((1, 1)), mutable=["losses"])
    assert len(jax.tree.leaves(updates["losses"])) == 1

    layer = OuterLayerWithKernelRegularizer()
    variables = layer.init(0, ops.zeros((1, 1)))
    _, updates = layer.apply(variables, ops.zeros((1, 1)), mutable=["losses"])
    (penalty,) = jax.tree.leaves(updates["losses"])
    np.testing.assert_allclose(penalty, 1e-3 * (variables["params"]["dense"]["kernel"] ** 2).sum(), rtol=1e-5)

    inputs = keras.Input(shape=(3,))
    outputs = ActivityRegularizationLayer()(inputs)
    model = keras.Model(inputs, outputs)
    trainer = model.compile(optimizer="adam", loss="mse")
    trainer.fit(trainer.init(0), np.random.random((2, 3)), np.random.random((2, 3)))
    trainer = model.compile(optimizer="adam")
    trainer.fit(trainer.init(0), np.random.random((2, 3)), np.random.random((2, 3)))


def configs():
    layer = LazyLinear(64)
    config = layer.get_config()
    print(config)
    new_layer = LazyLinear.from_config(config)
    assert new_layer.units == 64


class CustomDropout(keras.layers.Layer):
    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs, training=None):
        if training:
            return keras.random.dropout(self.make_rng("dropout"), inputs, rate=self.rate)
        return inputs


def the_training_argument():
    layer = CustomDropout(0.5)
    x = ops.ones((4, 8))
    variables = layer.init(0, x)
    assert (layer.apply(variables, x) == x).all()
    y = layer.apply(variables, x, training=True, rngs={"dropout": jax.random.key(1337)})
    assert set(np.unique(y)) == {0.0, 2.0}


class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z, the vector encoding a digit."""

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch = ops.shape(z_mean)[0]
        dim = ops.shape(z_mean)[1]
        epsilon = keras.random.normal(self.make_rng("dropout"), shape=(batch, dim))
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class Encoder(layers.Layer):
    """Maps digits to a triplet (z_mean, z_log_var, z)."""

    def __init__(self, latent_dim=32, intermediate_dim=64, name="encoder", **kwargs):
        super().__init__(name=name, **kwargs)
        self.dense_proj = layers.Dense(intermediate_dim, activation="relu")
        self.dense_mean = layers.Dense(latent_dim)
        self.dense_log_var = layers.Dense(latent_dim)
        self.sampling = Sampling()

    def call(self, inputs):
        x = self.dense_proj(inputs)
        z_mean = self.dense_mean(x)
        z_log_var = self.dense_log_var(x)
        z = self.sampling((z_mean, z_log_var))
        return z_mean, z_log_var, z


class Decoder(layers.Layer):
    """Converts z, the encoded digit vector, back into a readable digit."""

    def __init__(self, original_dim, intermediate_dim=64, name="decoder", **kwargs):
        super().__init__(name=name, **kwargs)
        self.dense_proj = layers.Dense(intermediate_dim, activation="relu")
        self.dense_output = layers.Dense(original_dim, activation="sigmoid")

    def call(self, inputs):
        x = self.dense_proj(inputs)
        return self.dense_output(x)


class VariationalAutoEncoder(keras.Model):
    """Combines the encoder and decoder into an end-to-end model for training."""

    def __init__(self, original_dim, intermediate_dim=64, latent_dim=32, name="autoencoder", **kwargs):
        super().__init__(name=name, **kwargs)
        self.original_dim = original_dim
        self.encoder = Encoder(latent_dim=latent_dim, intermediate_dim=intermediate_dim)
        self.decoder = Decoder(original_dim, intermediate_dim=intermediate_dim)

    def call(self, inputs):
        z_mean, z_log_var, z = self.encoder(inputs)
        reconstructed = self.decoder(z)
        kl_loss = -0.5 * ops.mean(z_log_var - ops.square(z_mean) - ops.exp(z_log_var) + 1)
        self.add_loss(kl_loss)
        return reconstructed


def a_variational_autoencoder(epochs):
    x_train = (load_digits().data / 16).astype("float32")
    vae = VariationalAutoEncoder(64, 64, 32)
    optimizer = keras.optimizers.Adam(learning_rate=1e-3)
    trainer = vae.compile(optimizer, loss=keras.losses.MeanSquaredError())
    state = trainer.init(0, x_train[:1])
    state, history = trainer.fit(state, x_train, x_train, epochs=epochs, batch_size=64)
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]


def main(small=False):
    weights()
    layers_in_layers()
    losses_of_layers()
    configs()
    the_training_argument()
    a_variational_autoencoder(epochs=2 if small else 10)


if __name__ == "__main__":
    main()
