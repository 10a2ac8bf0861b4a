"""Flax's VAE example: a module that takes a key beside its input, and a loss of two parts that are both shown."""

from __future__ import annotations

import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from sklearn.datasets import load_digits

import fkeras as fk


class VAE(nn.Module):
    latents: int = 4

    def setup(self):
        self.encoder = nn.Sequential([nn.Dense(64), nn.relu])
        self.mean, self.log_variance = nn.Dense(self.latents), nn.Dense(self.latents)
        self.decoder = nn.Sequential([nn.Dense(64), nn.relu, nn.Dense(64)])

    def __call__(self, x, key):
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        latent = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
        return self.decoder(latent), mean, log_variance

    def generate(self, latent):
        return nn.sigmoid(self.decoder(latent))


class ELBO(fk.Trainer):
    """The negative evidence lower bound of binary images."""

    def compute_loss(self, params, state, batch, rng):
        (x,) = batch
        key = state.rng if rng is None else rng  # in evaluation the same noise each time
        logits, mean, log_variance = self.model.apply({"params": params}, x, key)
        bce = optax.sigmoid_binary_cross_entropy(logits, x).sum(-1).mean()
        kld = 0.5 * (mean**2 + jnp.exp(log_variance) - log_variance - 1).sum(-1).mean()
        return bce + kld, {"logs": {"bce": bce, "kld": kld}}


def main(epochs: int = 30) -> dict[str, float]:
    """Train on binarised digits; both parts of the loss on images that were held out."""
    images = (load_digits().data > 8).astype("float32")
    train, test = images[:1500], images[1500:]
    trainer = ELBO(VAE(), optax.adam(3e-3))
    state = trainer.init(0, (train[:1], jax.random.key(0)))
    arguments = {"x": train, "batch_size": 100, "verbose": 0}
    trained, history = trainer.fit(state, **arguments, epochs=epochs, validation_data=(test,))
    assert history.history["val_kld"][-1] > 0
    with tempfile.TemporaryDirectory() as run:
        trainer.fit(state, **arguments, epochs=epochs // 2, checkpoint=run)
        resumed, _ = trainer.fit(state, **arguments, epochs=epochs, checkpoint=run)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, trained.params)
    new = trainer.model.apply({"params": trained.params}, jnp.zeros((1, 4)), method="generate")
    assert new.shape == (1, 64)
    return dict(trainer.evaluate(trained, test, verbose=0).items())


if __name__ == "__main__":
    print("nats of an image that was held out:", main())
