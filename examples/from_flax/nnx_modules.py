"""Modules of Flax NNX under a Trainer, as layers, with low-rank adapters, and a model of fkeras in an NNX loop."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits

import fkeras as fk


class CNN(nnx.Module):
    """Flax's MNIST example, on smaller images."""

    def __init__(self, *, rngs: nnx.Rngs):
        self.conv1 = nnx.Conv(1, 16, kernel_size=(3, 3), rngs=rngs)
        self.batch_norm = nnx.BatchNorm(16, rngs=rngs)
        self.dropout = nnx.Dropout(rate=0.1, rngs=rngs)
        self.linear1 = nnx.Linear(16 * 16, 64, rngs=rngs)
        self.linear2 = nnx.Linear(64, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.avg_pool(nnx.relu(self.batch_norm(self.conv1(x))), window_shape=(2, 2), strides=(2, 2))
        x = x.reshape(x.shape[0], -1)
        return self.linear2(nnx.relu(self.dropout(self.linear1(x))))


class Classifier(nnx.Module):
    """Features that somebody trained, and a head with a low-rank adapter."""

    def __init__(self, features: CNN, *, rngs: nnx.Rngs):
        self.features = features
        self.head = nnx.LoRA(10, 2, 2, base_module=nnx.Linear(10, 2, rngs=rngs), rngs=rngs)

    def __call__(self, x):
        return self.head(self.features(x))


def main(epochs: int = 5, rows: int = 1500) -> dict[str, float]:
    digits = load_digits()
    x, y = digits.images[..., None].astype("float32") / 16.0, digits.target
    train, test = slice(None, rows), slice(1500, None)
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    logs: dict[str, float] = {}

    # A live module trains; what it learned goes back into it.
    module = CNN(rngs=nnx.Rngs(0))
    trainer = fk.Trainer(module, optax.adamw(5e-3), loss, metrics=["accuracy"])
    state, _ = trainer.fit(trainer.init(0, x[:1]), x[train], y[train], batch_size=100, epochs=epochs, verbose=0)
    nnx.update(module, fk.to_nnx_state(state, like=module))
    module.eval()
    logs["nnx"] = float(np.mean(module(x[test]).argmax(-1) == y[test]))

    # It is a layer of a model, of which the adapter alone trains.
    guest = Classifier(module, rngs=nnx.Rngs(1))
    model = fk.Sequential([fk.Input((8, 8, 1)), fk.nn.FlaxLayer(guest, wrt=nnx.LoRAParam, name="guest")])
    even = model.compile(optax.adam(2e-2), loss, metrics=["accuracy"])
    state, _ = even.fit(even.init(0), x[train], y[train] % 2, batch_size=100, epochs=epochs, verbose=0)
    assert set(state.params["guest"]) == {"head"}  # lora_a and lora_b
    logs["adapter"] = float(even.evaluate(state, x[test], y[test] % 2, verbose=0)["accuracy"])

    # A class with its arguments, made from the key of `init`, beside layers of fkeras.
    mixed = fk.Sequential(
        [fk.Input((8, 8, 1)), fk.nn.Flatten(), fk.nn.FlaxLayer(nnx.Linear, args=(64, 32)), fk.nn.Dense(10)]
    )

    # That model in a loop of Flax's.
    live = fk.to_nnx(mixed, mixed.init(jax.random.key(0)), nnx.Rngs(0))
    optimizer = nnx.Optimizer(live, optax.adam(1e-2), wrt=nnx.Param)

    @nnx.jit
    def step(live, optimizer, x, y):
        def loss_fn(live):
            return optax.softmax_cross_entropy_with_integer_labels(live(x), y).mean()

        value, grads = nnx.value_and_grad(loss_fn)(live)
        optimizer.update(live, grads)
        return value

    for _ in range(30 * epochs):
        step(live, optimizer, x[train], y[train])
    logits = mixed.apply(fk.from_nnx_state(live), x[test])
    logs["to_nnx"] = float(jnp.mean(logits.argmax(-1) == y[test]))

    return logs


if __name__ == "__main__":
    print(main())
