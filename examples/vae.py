"""A variational autoencoder on handwritten digits: its KL term is a loss that a layer adds.

python examples/vae.py
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

import fkeras as fk


class Sample(fk.nn.Layer):
    """z = μ + σ ε in training, μ otherwise; adds KL(N(μ, σ²) ‖ N(0, 1)) in nats a row."""

    def __init__(self, weight: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, inputs, training=False):
        mean, log_variance = inputs
        kl = 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum(-1)
        self.add_loss(self.weight * kl.mean())
        if not training:
            return mean
        return mean + jnp.exp(0.5 * log_variance) * jax.random.normal(self.make_rng("dropout"), mean.shape)


def describe(latent: int = 4) -> tuple[fk.Model, fk.Model]:
    """The autoencoder, and its decoder."""
    inputs = fk.Input((64,))
    x = fk.nn.Dense(128, "relu")(inputs)
    z = Sample()([fk.nn.Dense(latent, name="mean")(x), fk.nn.Dense(latent, name="log_variance")(x)])
    code = fk.Input((latent,))
    pixels = fk.nn.Dense(64, name="pixels")(fk.nn.Dense(128, "relu")(code))
    decoder = fk.Model(code, pixels, name="decoder")
    return fk.Model(inputs, decoder(z), name="vae"), decoder


def reconstruction(y_true, y_pred):
    """−log p(x | z) of a Bernoulli in each pixel, in nats a row."""
    return (jnp.maximum(y_pred, 0) - y_pred * y_true + jnp.log1p(jnp.exp(-jnp.abs(y_pred)))).sum(-1)


def main(epochs: int = 30) -> tuple[float, float]:
    """Train; the negative evidence bound on held-out digits, before and after."""
    x = (load_digits().data / 16).astype("float32")[np.random.default_rng(0).permutation(1797)]
    train, test = x[:1500], x[1500:]
    vae, decoder = describe()
    trainer = vae.compile(fk.optimizers.Adam(2e-3), reconstruction)
    state = trainer.init(0)
    before = trainer.evaluate(state, test, test)["loss"]
    state, _ = trainer.fit(state, train, train, batch_size=100, epochs=epochs, verbose=2)
    after = trainer.evaluate(state, test, test)["loss"]
    drawn = decoder.apply(vae.variables_for("decoder", state.variables), jax.random.normal(jax.random.key(1), (16, 4)))
    print(f"nats a digit: {before:.1f} -> {after:.1f}; drew {drawn.shape[0]} digits from noise")
    return before, after


if __name__ == "__main__":
    main()
