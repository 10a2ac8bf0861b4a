"""A GAN with a train step of its own, after https://keras.io/examples/generative/dcgan_overriding_train_step/

python examples/from_keras/dcgan.py

What differs from the Keras script:

- `class GANTrainer(keras.Trainer)` has the train step, in place of `class GAN(keras.Model)`.
- `jax.value_and_grad` of each network's loss, as in Keras's own guide to JAX, in place of `tf.GradientTape`; both
  optimizers are one, by path.
- `keras.random.normal` and `keras.random.uniform` take a key first.
"""

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers, ops


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim

    def call(self, random_latent_vectors):
        return self.discriminator(self.generator(random_latent_vectors))


class GANTrainer(keras.Trainer):
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, state, data):
        (real_images,) = data
        generator, discriminator = self.model.generator, self.model.discriminator
        keys = jax.random.split(jax.random.fold_in(state.rng, state.step), 3)
        batch_size = ops.shape(real_images)[0]
        random_latent_vectors = keras.random.normal(keys[0], shape=(batch_size, self.model.latent_dim))
        generated_images = generator.apply({"params": state.params["generator"]}, random_latent_vectors)
        combined_images = ops.concatenate([generated_images, real_images], axis=0)
        labels = ops.concatenate([ops.ones((batch_size, 1)), ops.zeros((batch_size, 1))], axis=0)
        labels += 0.05 * keras.random.uniform(keys[1], ops.shape(labels))

        def discriminator_loss(weights):
            predictions = discriminator.apply({"params": weights}, combined_images)
            return self.loss_fn(labels, predictions)

        d_loss, d_grads = jax.value_and_grad(discriminator_loss)(state.params["discriminator"])
        zeros = jax.tree.map(ops.zeros_like, state.params)
        updates, opt_state = self.optimizer.update({**zeros, "discriminator": d_grads}, state.opt_state, state.params)
        params = {**state.params, "discriminator": optax.apply_updates(state.params, updates)["discriminator"]}

        random_latent_vectors = keras.random.normal(keys[2], shape=(batch_size, self.model.latent_dim))
        misleading_labels = ops.zeros((batch_size, 1))

        def generator_loss(weights):
            images = generator.apply({"params": weights}, random_latent_vectors)
            predictions = discriminator.apply({"params": params["discriminator"]}, images)
            return self.loss_fn(misleading_labels, predictions)

        g_loss, g_grads = jax.value_and_grad(generator_loss)(params["generator"])
        updates, opt_state = self.optimizer.update({**zeros, "generator": g_grads}, opt_state, params)
        params = {**params, "generator": optax.apply_updates(params, updates)["generator"]}
        logs = {"d_loss": d_loss, "g_loss": g_loss}
        return state.replace(step=state.step + 1, params=params, opt_state=opt_state), logs


class GANMonitor(keras.callbacks.Callback):
    def __init__(self, num_img=3, latent_dim=128):
        self.num_img = num_img
        self.latent_dim = latent_dim

    def on_epoch_end(self, epoch, logs=None):
        random_latent_vectors = keras.random.normal(jax.random.key(epoch), shape=(self.num_img, self.latent_dim))
        generated_images = self.model.generator(random_latent_vectors)
        generated_images *= 255
        print("drawn:", np.asarray(generated_images).shape)


def main(small=False):
    latent_dim = 16 if small else 64
    filters = 8 if small else 32
    discriminator = keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            layers.Conv2D(filters, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(2 * filters, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dense(1),
        ],
        name="discriminator",
    )
    discriminator.summary()
    generator = keras.Sequential(
        [
            keras.Input(shape=(latent_dim,)),
            layers.Dense(2 * 2 * 2 * filters),
            layers.Reshape((2, 2, 2 * filters)),
            layers.Conv2DTranspose(2 * filters, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(2 * filters, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(1, kernel_size=5, padding="same", activation="sigmoid"),
        ],
        name="generator",
    )
    generator.summary()

    all_digits = np.expand_dims(load_digits().images.astype("float32") / 16, -1)
    gan = GAN(discriminator=discriminator, generator=generator, latent_dim=latent_dim)
    trainer = gan.compile(
        {
            "discriminator/.*": keras.optimizers.Adam(learning_rate=0.0003),
            "generator/.*": keras.optimizers.Adam(learning_rate=0.0003),
        },
        trainer_class=GANTrainer,
    )
    state = trainer.init(0, np.zeros((1, latent_dim), "float32"))
    before = state.params
    state, history = trainer.fit(
        state,
        all_digits[:128] if small else all_digits,
        batch_size=64,
        epochs=2 if small else 10,
        callbacks=[GANMonitor(num_img=3, latent_dim=latent_dim)],
    )
    assert set(history.history) == {"d_loss", "g_loss"}
    assert np.isfinite(history.history["g_loss"]).all()
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), before, state.params)
    assert all(jax.tree.leaves(moved))


if __name__ == "__main__":
    main()
