"""Contrastive learning: two noisy views of a digit attract each other, those of other digits repel.

    python examples/contrastive.py

Reference: Chen et al. (2020), A Simple Framework for Contrastive Learning of Visual Representations, arXiv:2002.05709
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import fkeras as fk


class Contrastive(fk.Trainer):
    """The normalised temperature-scaled cross entropy between two views of each row."""

    temperature: float = 0.2

    def compute_loss(self, params, state, batch, rng):
        rng = state.rng if rng is None else rng
        views = [augment(batch[0], key) for key in jax.random.split(rng, 2)]
        codes, _ = self.forward(params, state, jnp.concatenate(views), rng)
        codes /= jnp.linalg.norm(codes, axis=-1, keepdims=True)
        count = len(codes) // 2
        likeness = codes @ codes.T / self.temperature - 1e9 * jnp.eye(2 * count)  # a view is not its own partner
        partners = (jnp.arange(2 * count) + count) % (2 * count)
        found = (likeness.argmax(-1) == partners).mean()
        loss = optax.softmax_cross_entropy_with_integer_labels(likeness, partners).mean()
        return loss, {"logs": {"partners_found": found}}


def augment(images, key):
    """Shift by up to a pixel, mask a tenth, add noise."""
    shift, mask, noise = jax.random.split(key, 3)
    moves = jax.random.randint(shift, (len(images), 2), -1, 2)
    images = jax.vmap(lambda image, by: jnp.roll(image, by, (0, 1)))(images, moves)
    images = images * jax.random.bernoulli(mask, 0.9, images.shape)
    return images + 0.1 * jax.random.normal(noise, images.shape)


def main(epochs: int = 40) -> tuple[float, float]:
    """The accuracy of a linear classifier of 100 labels, on codes before and after learning without labels."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(1797)
    x, y = (digits.images[order] / 16).astype("float32"), digits.target[order]
    encoder = fk.Sequential([fk.Input((8, 8)), fk.nn.Flatten(), fk.nn.Dense(128, "relu"), fk.nn.Dense(16)])
    trainer = encoder.compile(fk.optimizers.Adam(2e-3), trainer_class=Contrastive)

    def probe(state):
        codes = encoder.predict(state.variables, x)
        classifier = LogisticRegression(max_iter=2000).fit(codes[:100], y[:100])
        return classifier.score(codes[1000:], y[1000:])

    start = trainer.init(0)
    state, history = trainer.fit(start, x[:1000], batch_size=100, epochs=epochs, verbose=2)
    before, after = probe(start), probe(state)
    print(f"{history.history['partners_found'][-1]:.0%} of the partners found; accuracy {before:.3f} -> {after:.3f}")
    return before, after


if __name__ == "__main__":
    main()
