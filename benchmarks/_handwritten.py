"""What a user would write without fkeras: Flax, optax and a loop, with Adam and one metric."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax


class Loop:
    """A training loop in two forms: a dispatch a step with donation, and a scan over the epoch.

    Args:
        module: the model. What it keeps beside its weights, as batch normalisation does, is updated by each step.
        x, y: all the data.
        classes: 0 for regression with the mean absolute error, else classification with the accuracy.
        batch: rows in a batch; the data is a whole number of them.
        on_device: whether the scan finds the data on the device, or copies it there in each call.
    """

    def __init__(
        self, module: nn.Module, x: np.ndarray, y: np.ndarray, classes: int, batch: int, on_device: bool = False
    ) -> None:
        self.module, self.x, self.y, self.batch, self.tx = module, x, y, batch, optax.adam(1e-3)
        self.held = (jnp.asarray(x), jnp.asarray(y)) if on_device else None

        def loss_of(params: Any, rest: Any, x: Any, y: Any) -> tuple[Any, Any]:
            out, rest = module.apply({**params, **rest}, x, mutable=list(rest))
            out = out.astype(jnp.float32)
            if classes:
                loss = optax.softmax_cross_entropy_with_integer_labels(out, y).mean()
                return loss, (rest, (out.argmax(-1) == y).mean())
            return jnp.square(out - y).mean(), (rest, jnp.abs(out - y).mean())

        def step(state: Any, batch: Any) -> tuple[Any, None]:
            params, rest, opt, loss, metric = state
            (new_loss, (rest, new_metric)), grads = jax.value_and_grad(loss_of, has_aux=True)(params, rest, *batch)
            updates, opt = self.tx.update(grads, opt, params)
            return (optax.apply_updates(params, updates), rest, opt, loss + new_loss, metric + new_metric), None

        def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
            return jax.lax.scan(lambda s, rows: step(s, (x[rows], y[rows])), state, order)[0]

        self.bare = jax.jit(step)
        self.step, self.epoch = jax.jit(step, donate_argnums=0), jax.jit(epoch, donate_argnums=0)
        self.apply = jax.jit(module.apply)

    def state(self) -> Any:
        """Fresh weights, what is kept beside them, the optimizer's numbers, and sums of the loss and the metric."""
        rest = dict(jax.jit(self.module.init)(jax.random.key(0), self.x[:1]))
        params = {"params": rest.pop("params")}
        return params, rest, self.tx.init(params), jnp.zeros(()), jnp.zeros(())

    def by_step(self, epochs: int) -> Any:
        """Train with one dispatch a step."""
        state, rng = self.state_, np.random.default_rng(0)
        for _ in range(epochs):
            order = rng.permutation(len(self.x))
            for start in range(0, len(order), self.batch):
                rows = order[start : start + self.batch]
                state, _ = self.step(state, (self.x[rows], self.y[rows]))
        self.state_ = jax.block_until_ready(state)

    def by_batch(self, batches: Iterable[Any]) -> Any:
        """Train with one dispatch a step on what a stream yields."""
        state = self.state_
        for batch in batches:
            state, _ = self.step(state, batch)
        self.state_ = jax.block_until_ready(state)

    def by_scan(self, epochs: int) -> Any:
        """Train with one dispatch an epoch."""
        state, (x, y) = self.state_, self.held or (jnp.asarray(self.x), jnp.asarray(self.y))
        # The order is drawn by NumPy: jax.random.permutation sorts, which on a CPU takes as long as all of a tiny
        # model's steps, and a peer that is slow for that reason is no peer.
        rng = np.random.default_rng(0)
        for _ in range(epochs):
            state = self.epoch(state, x, y, rng.permutation(len(x)).reshape(-1, self.batch))
        self.state_ = jax.block_until_ready(state)

    def begin(self) -> Loop:
        """Make the weights that the runs train on from here."""
        self.state_ = self.state()
        return self
