"""A variational autoencoder with a train step of its own, after https://keras.io/examples/generative/vae/

python examples/from_keras/variational_autoencoder.py

What differs from the Keras script:

- `class VAETrainer(keras.Trainer)` with `compute_loss(self, params, state, batch, rng)` in place of `train_step` of
  `class VAE(keras.Model)`, and `"logs"` in place of its `Mean` metrics.
- `keras.random.normal` takes a key first, `self.make_rng("dropout")`; a layer keeps no `seed_generator`.
- `vae.variables_for("decoder", state.variables)` where a part of the model predicts.
"""

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers, ops


class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z, the vector encoding a digit."""

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch = ops.shape(z_mean)[0]
        dim = ops.shape(z_mean)[1]
        epsilon = keras.random.normal(self.make_rng("dropout"), shape=(batch, dim))
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder

    def call(self, x):
        z_mean, z_log_var, z = self.encoder(x)
        return z_mean, z_log_var, self.decoder(z)


class VAETrainer(keras.Trainer):
    def compute_loss(self, params, state, batch, rng):
        (data,) = batch
        (z_mean, z_log_var, reconstruction), _ = self.forward(params, state, data, rng)
        reconstruction_loss = ops.mean(
            ops.sum(
                keras.losses.binary_crossentropy(data, reconstruction),
                axis=(1, 2),
            )
        )
        kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
        kl_loss = ops.mean(ops.sum(kl_loss, axis=1))
        total_loss = reconstruction_loss + kl_loss
        return total_loss, {"logs": {"reconstruction_loss": reconstruction_loss, "kl_loss": kl_loss}}


def main(small=False):
    latent_dim = 2
    filters = 8 if small else 32

    encoder_inputs = keras.Input(shape=(8, 8, 1))
    x = layers.Conv2D(filters, 3, activation="relu", strides=2, padding="same")(encoder_inputs)
    x = layers.Conv2D(2 * filters, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(16, activation="relu")(x)
    z_mean = layers.Dense(latent_dim, name="z_mean")(x)
    z_log_var = layers.Dense(latent_dim, name="z_log_var")(x)
    z = Sampling()([z_mean, z_log_var])
    encoder = keras.Model(encoder_inputs, [z_mean, z_log_var, z], name="encoder")
    encoder.summary()

    latent_inputs = keras.Input(shape=(latent_dim,))
    x = layers.Dense(2 * 2 * 2 * filters, activation="relu")(latent_inputs)
    x = layers.Reshape((2, 2, 2 * filters))(x)
    x = layers.Conv2DTranspose(2 * filters, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(filters, 3, activation="relu", strides=2, padding="same")(x)
    decoder_outputs = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x)
    decoder = keras.Model(latent_inputs, decoder_outputs, name="decoder")
    decoder.summary()

    digits = load_digits()
    mnist_digits = np.expand_dims(digits.images, -1).astype("float32") / 16
    mnist_digits = mnist_digits[:256] if small else mnist_digits
    vae = VAE(encoder, decoder)
    trainer = vae.compile(optimizer=keras.optimizers.Adam(), trainer_class=VAETrainer)
    state = trainer.init(0, mnist_digits[:1])
    state, history = trainer.fit(state, mnist_digits, epochs=10 if small else 30, batch_size=128)
    assert history.history["loss"][-1] < history.history["loss"][0]
    np.testing.assert_allclose(
        history.history["loss"],
        np.add(history.history["reconstruction_loss"], history.history["kl_loss"]),
        rtol=1e-4,
    )

    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5)[::-1]), -1).reshape(-1, 2)
    x_decoded = vae.decoder.predict(vae.variables_for("decoder", state.variables), grid)
    assert x_decoded.shape == (25, 8, 8, 1)
    z_mean, _, _ = vae.encoder.predict(vae.variables_for("encoder", state.variables), mnist_digits)
    assert z_mean.shape == (len(mnist_digits), 2)


if __name__ == "__main__":
    main()
