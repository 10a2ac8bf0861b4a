"""A residual network trained from batches that numpy makes, beside the same network on data that the device has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _measure import slopes
from _resnet import resnet

_BATCHES = 6


def compare(size: int, blocks: tuple[int, ...], width: int, batch: int, policy: str, rounds: int) -> dict[str, float]:
    """Seconds a step of `fit` after its first batch, from a generator and from arrays on the device.

    Args:
        size, blocks, width: of the network.
        batch: rows in a batch.
        policy: of the types.
        rounds: how often each is timed.
    """
    import fkeras as fk

    rng, rows = np.random.default_rng(0), _BATCHES * batch
    x = rng.random((rows, size, size, 3), "float32")
    y = rng.integers(0, 10, rows).astype("int32")
    model = resnet(fk, fk.nn, size, blocks, width).with_dtype_policy(policy)
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = model.compile("adam", loss, metrics=["accuracy"])
    state, on_device = trainer.init(0), (jnp.asarray(x), jnp.asarray(y))

    def batches(epochs: int) -> Iterator[Any]:
        for _ in range(epochs):
            for start in range(0, rows, batch):
                yield x[start : start + batch], y[start : start + batch]

    def from_stream(epochs: int) -> None:
        jax.block_until_ready(trainer.fit(state, batches(epochs), verbose=0)[0].params)

    def from_device(epochs: int) -> None:
        arguments = {"batch_size": batch, "epochs": epochs, "verbose": 0}
        jax.block_until_ready(trainer.fit(state, *on_device, **arguments)[0].params)

    # An epoch more of the same call: the first batch, which nothing can hide, is in what a call costs.
    found = slopes({"fkeras": from_stream, "on the device": from_device}, 1, 4, rounds, enough=12)
    return {who: one.epoch / _BATCHES for who, one in found.items()}


def stream(rounds: int, quick: bool) -> dict[str, float]:
    """The same of a network that a CPU trains."""
    if quick:
        return compare(16, (1,), 4, 4, "float32", 2)
    return compare(32, (1, 1, 1, 1), 16, 32, "float32", rounds)
