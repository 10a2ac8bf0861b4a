"""Flax's ImageNet example, tiny: a ResNet with batch statistics over an axis of devices, weight decay, a schedule.

`axis_name="batch"` is an axis of `pmap` in the example. A Trainer's step is one program that sees the whole batch, so
that the axis is bound to it, and the module is used as it is.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

import fkeras as fk


class Block(nn.Module):
    filters: int
    norm: type
    strides: tuple[int, int] = (1, 1)

    @nn.compact
    def __call__(self, x):
        y = nn.relu(self.norm()(nn.Conv(self.filters, (3, 3), self.strides, use_bias=False)(x)))
        y = self.norm(scale_init=nn.initializers.zeros)(nn.Conv(self.filters, (3, 3), use_bias=False)(y))
        if x.shape != y.shape:
            x = self.norm()(nn.Conv(self.filters, (1, 1), self.strides, use_bias=False)(x))
        return nn.relu(x + y)


class ResNet(nn.Module):
    stages: Sequence[int]
    classes: int
    filters: int = 64

    @nn.compact
    def __call__(self, x, train: bool = True):
        norm = functools.partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, axis_name="batch")
        x = nn.relu(norm()(nn.Conv(self.filters, (3, 3), use_bias=False)(x)))
        for i, blocks in enumerate(self.stages):
            for j in range(blocks):
                x = Block(self.filters * 2**i, norm, (2, 2) if i and not j else (1, 1))(x)
        return nn.Dense(self.classes)(x.mean((1, 2)))


class Decayed(fk.Trainer):
    weight_decay: float = 1e-4

    def compute_loss(self, params, state, batch, rng):
        loss, extras = super().compute_loss(params, state, batch, rng)
        kernels = [leaf for leaf in jax.tree.leaves(params) if leaf.ndim > 1]
        return loss + 0.5 * self.weight_decay * sum(jnp.sum(kernel**2) for kernel in kernels), extras


def main(rows: int = 96, epochs: int = 4, filters: int = 8) -> float:
    """Train on stripes of four directions; the accuracy on new ones, by the running statistics."""
    rng = np.random.default_rng(0)

    def stripes(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels, grid = rng.integers(0, 4, count), np.arange(16)
        angle = labels[:, None, None] * np.pi / 4
        wave = np.sin(grid * np.cos(angle) + grid[:, None] * np.sin(angle) + rng.uniform(0, 6, (count, 1, 1)))
        return (wave[..., None] + 0.3 * rng.normal(size=(count, 16, 16, 1))).astype("float32"), labels

    train, test = stripes(rows), stripes(64)
    steps = epochs * -(-rows // 16)
    rate = optax.warmup_cosine_decay_schedule(0.0, 0.2, steps // 5, steps)
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = ResNet((1, 1), 4, filters)
    trainer = Decayed(model, optax.sgd(rate, 0.9, nesterov=True), loss, metrics=["accuracy"])
    state = trainer.init(0, train[0][:1])
    arguments = {"x": train[0], "y": train[1], "batch_size": 16, "verbose": 0}
    trained, _ = trainer.fit(state, **arguments, epochs=epochs)
    with tempfile.TemporaryDirectory() as run:
        trainer.fit(state, **arguments, epochs=epochs // 2, checkpoint=run)
        resumed, _ = trainer.fit(state, **arguments, epochs=epochs, checkpoint=run)
    jax.tree.map(np.testing.assert_array_equal, resumed.variables, trained.variables)
    return trainer.evaluate(trained, *test, verbose=0)["accuracy"]


if __name__ == "__main__":
    print(f"accuracy on new stripes: {main(rows=512, epochs=8):.3f}")
