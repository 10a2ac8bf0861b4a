"""Flax's MNIST example with its loop handed to a Trainer: a Linen CNN, SGD with momentum, accuracy."""

from __future__ import annotations

import tempfile

import jax
import numpy as np
import optax
from flax import linen as nn
from sklearn.datasets import load_digits

import fkeras as fk


class CNN(nn.Module):
    features: int = 32

    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Conv(self.features, (3, 3))(x))
        x = nn.avg_pool(x, (2, 2), strides=(2, 2))
        x = nn.relu(nn.Conv(2 * self.features, (3, 3))(x))
        x = nn.avg_pool(x, (2, 2), strides=(2, 2))
        return nn.Dense(10)(nn.relu(nn.Dense(8 * self.features)(x.reshape(len(x), -1))))


def main(rows: int = 1500, epochs: int = 8, features: int = 32) -> float:
    """Train on handwritten digits; the accuracy on 297 others."""
    digits = load_digits()
    images, labels = digits.images[..., None].astype("float32") / 16, digits.target
    train, test = (images[:rows], labels[:rows]), (images[1500:], labels[1500:])
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = fk.Trainer(CNN(features), optax.sgd(0.1, momentum=0.9), loss, metrics=["accuracy"])
    state = trainer.init(0, images[:1])
    arguments = {"x": train[0], "y": train[1], "batch_size": 50, "verbose": 0}
    trained, _ = trainer.fit(state, **arguments, epochs=epochs)
    with tempfile.TemporaryDirectory() as run:  # half of it, and the same call again
        trainer.fit(state, **arguments, epochs=epochs // 2, checkpoint=run)
        resumed, _ = trainer.fit(state, **arguments, epochs=epochs, checkpoint=run)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, trained.params)
    return trainer.evaluate(trained, *test, verbose=0)["accuracy"]


if __name__ == "__main__":
    print(f"accuracy on digits that were held out: {main():.3f}")
