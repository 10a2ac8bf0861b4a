"""The same training by hand in Flax NNX: a jitted step, dispatched by a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx


def dense(*widths: int) -> Callable[[nnx.Rngs], nnx.Module]:
    """A stack of dense layers of such widths, the first of them the input's, with relu between them."""

    def build(rngs: nnx.Rngs) -> nnx.Module:
        layers: list[Any] = []
        for i in range(len(widths) - 1):
            layers += [nnx.relu] * bool(i) + [nnx.Linear(widths[i], widths[i + 1], rngs=rngs)]
        return nnx.Sequential(*layers)

    return build


def convolutional(padding: str, flat: int = 0) -> Callable[[nnx.Rngs], nnx.Module]:
    """Two convolutions, then the mean over the image, or with pooling `flat` numbers in a row."""

    def pool(x: Any) -> Any:
        return nnx.max_pool(x, (2, 2), (2, 2))

    def end(x: Any) -> Any:
        return pool(x).reshape(len(x), flat) if flat else x.mean((1, 2))

    def build(rngs: nnx.Rngs) -> nnx.Module:
        first, second = (
            nnx.Conv(a, b, (3, 3), padding=padding, rngs=rngs) for a, b in ((3, 32), (32, 64))
        )  # fmt: skip
        last = nnx.Linear(flat or 64, 10, rngs=rngs)
        return nnx.Sequential(first, nnx.relu, pool, second, nnx.relu, end, last)

    return build


def by_step(
    build: Callable[[nnx.Rngs], nnx.Module], x: np.ndarray, y: np.ndarray, classes: int, batch: int
) -> Callable[[int], None]:
    """Training for so many epochs, with Adam and one metric."""
    model = build(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)

    def loss_of(model: Any, x: Any, y: Any) -> tuple[Any, Any]:
        out = model(x)
        if classes:
            return optax.softmax_cross_entropy_with_integer_labels(out, y).mean(), (out.argmax(-1) == y).mean()
        return jnp.square(out - y).mean(), jnp.abs(out - y).mean()

    @nnx.jit
    def step(model: Any, optimizer: Any, sums: Any, x: Any, y: Any) -> Any:
        (loss, metric), grads = nnx.value_and_grad(loss_of, has_aux=True)(model, x, y)
        optimizer.update(model, grads)
        return sums + jnp.stack([loss, metric])

    def run(epochs: int) -> None:
        rng, sums = np.random.default_rng(0), jnp.zeros(2)
        for _ in range(epochs):
            order = rng.permutation(len(x))
            for start in range(0, len(order), batch):
                rows = order[start : start + batch]
                sums = step(model, optimizer, sums, x[rows], y[rows])
        jax.block_until_ready((sums, nnx.state(model)))

    return run
