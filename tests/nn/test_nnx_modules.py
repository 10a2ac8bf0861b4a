"""Ten NNX modules under a Trainer: unmodified, and to the numbers of a hand-written loop."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import fkeras as fk

from .nnx_modules import MODULES, Loss


def loss_of(kind):
    if kind == "mse":
        return "mse", lambda y, z: jnp.mean((y - z) ** 2)
    own = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    return own, lambda y, z: optax.softmax_cross_entropy_with_integer_labels(z, y).mean()


def by_hand(module, tx, x, y, loss, steps):
    """The loop of Flax's examples."""
    optimizer = nnx.Optimizer(module, tx, wrt=nnx.Param)
    inputs = x if isinstance(x, tuple) else (x,)
    module.train()
    run = nnx.capture(lambda module: module(*inputs), Loss)

    def loss_fn(module):
        outputs, sown = run(module)
        return loss(y, outputs) + sum(jnp.sum(leaf) for leaf in jax.tree.leaves(sown))

    @nnx.jit
    def step(module, optimizer):
        loss, grads = nnx.value_and_grad(loss_fn)(module)
        optimizer.update(module, grads)
        return loss

    return [float(step(module, optimizer)) for _ in range(steps)]


# The others run the same lines; with FKERAS_TEST=all each does.
DAILY = ("vae", "resnet")


@pytest.mark.parametrize("name", MODULES if os.environ.get("FKERAS_TEST") == "all" else DAILY)
def test_a_module_trains_as_by_hand(name):
    make, x, y, kind = MODULES[name]
    module, tx = nnx.jit(make)(nnx.Rngs(0)), optax.sgd(0.1, momentum=0.9)
    spec, loss = loss_of(kind)
    trainer = fk.Trainer(module, tx, spec)
    state = trainer.init(0, x)
    assert jax.tree.all(jax.tree.map(np.array_equal, state.variables, fk.from_nnx_state(module)))
    losses = []
    for _ in range(3):
        state, logs = trainer.train_step(state, (x, y))
        losses.append(float(logs["loss"]))
    if name == "discriminator":
        assert int(state.variables["seen"]["seen"]) == 12
        assert int(module.seen[...]) == 0
    want = np.cumsum(by_hand(module, tx, x, y, loss, 3)) / np.arange(1, 4)  # logs are means of the epoch so far
    # One program sums in another order than the other: a few units in the last place.
    np.testing.assert_allclose(losses, want, rtol=1e-6, atol=1e-6)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6),
        fk.from_nnx_state(module), state.variables,
    )  # fmt: skip
