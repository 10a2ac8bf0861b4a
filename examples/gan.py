"""A GAN on handwritten digits: two networks, an optimizer each, one pure loss.

python examples/gan.py
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from jax import lax
from sklearn.datasets import load_digits

import fkeras as fk


class GAN(fk.Model):
    """A generator and a discriminator; called on noise, it makes images."""

    def __init__(self, noise: int = 16, **kwargs):
        super().__init__(**kwargs)
        self.noise = noise
        self.generator = fk.Sequential(
            [fk.Input((noise,)), fk.nn.Dense(128, "leaky_relu"), fk.nn.Dense(64, "sigmoid")], name="generator"
        )
        self.discriminator = fk.Sequential(
            [fk.Input((64,)), fk.nn.Dense(128, "leaky_relu"), fk.nn.Dropout(0.3), fk.nn.Dense(1)], name="discriminator"
        )

    def call(self, noise, training=False):
        images = self.generator(noise)
        return images, self.discriminator(images, training=training)


class GANTrainer(fk.Trainer):
    """Each network's loss reaches only its own weights, so that both learn in one backward pass."""

    def compute_loss(self, params, state, batch, rng):
        (real,) = batch
        key, drop_real, drop_fake, drop = jax.random.split(state.rng if rng is None else rng, 4)
        training = rng is not None
        generator, discriminator = self.model.generator, self.model.discriminator

        def judge(weights, images, key):
            return discriminator.apply({"params": weights}, images, training=training, rngs=key)

        noise = jax.random.normal(key, (len(real), self.model.noise))
        fake = generator.apply({"params": params["generator"]}, noise)
        critic = params["discriminator"]
        on_real, on_fake = judge(critic, real, drop_real), judge(critic, lax.stop_gradient(fake), drop_fake)
        d_loss = optax.sigmoid_binary_cross_entropy(on_real, 0.9).mean() + jax.nn.softplus(on_fake).mean()
        g_loss = jax.nn.softplus(-judge(lax.stop_gradient(critic), fake, drop)).mean()
        return d_loss + g_loss, {"logs": {"d_loss": d_loss, "g_loss": g_loss}}


def main(epochs: int = 60) -> tuple[jax.Array, jax.Array]:
    """Train; generated images and real ones, as rows of 64 pixels in [0, 1]."""
    real = jnp.asarray(load_digits().data, jnp.float32) / 16
    optimizers = {"generator/.*": optax.adam(1e-3, b1=0.5), "discriminator/.*": optax.adam(5e-4, b1=0.5)}
    trainer = GAN().compile(optimizers, trainer_class=GANTrainer)
    state = trainer.init(0, jnp.zeros((1, 16)))
    state, history = trainer.fit(state, real, batch_size=128, epochs=epochs, verbose=2)
    print({name: round(values[-1], 3) for name, values in history.history.items()})
    images, _ = trainer.model.apply(state.variables, jax.random.normal(jax.random.key(1), (512, 16)))
    return images, real


if __name__ == "__main__":
    main()
