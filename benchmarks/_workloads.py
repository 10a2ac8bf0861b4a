"""The models that are measured: each once in Keras's words, for Keras and for fkeras, and once by hand in Flax."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import _nnx
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax import nnx


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workload:
    """One model, its data and how much of it is run.

    Attributes:
        build: from `keras` or `fkeras`, and its layers, to a model.
        linen: the same model, written by hand.
        shape: of one sample.
        classes: how many there are; 0 is regression on one number.
        batch, steps, epochs: the size of one measured `fit`.
        nnx: the same in Flax NNX, where it is measured.
        elsewhere: whether peers that live in other interpreters are measured too, which takes most of the time.
        tokens: whether a sample is that many tokens of as many kinds as there are classes, and its label the next
            ones; else it is of random numbers.
        policy: of the types, in Keras's words.
        flops: of one step, where they are known.
    """

    build: Callable[[Any, Any], Any]
    linen: Callable[[], nn.Module]
    shape: tuple[int, ...]
    classes: int
    batch: int
    steps: int
    epochs: int
    nnx: Callable[[nnx.Rngs], nnx.Module] | None = None
    elsewhere: bool = True
    tokens: bool = False
    policy: str = "float32"
    flops: float = 0.0

    def arguments(self, library: Any) -> dict[str, Any]:
        """What `compile` is given by `keras` or `fkeras` beside the optimizer."""
        if not self.classes:
            return {"loss": "mse", "metrics": ["mae"]}
        return {"loss": library.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Random samples and labels, the same for each who is measured."""
        rng, rows = np.random.default_rng(0), self.batch * self.steps
        if self.tokens:
            x = rng.integers(0, self.classes, (rows, *self.shape)).astype("int32")
            return x, np.roll(x, -1, 1)
        x = rng.standard_normal((rows, *self.shape), dtype="float32")
        if self.classes:
            return x, rng.integers(0, self.classes, rows).astype("int32")
        return x, rng.normal(size=(rows, 1)).astype("float32")


def sequential(shape: tuple[int, ...], layers: Callable[[Any], list[Any]]) -> Callable[[Any, Any], Any]:
    return lambda library, parts: library.Sequential([library.Input(shape), *layers(parts)])


def _transformer(library: Any, parts: Any) -> Any:
    inputs = library.Input((32, 64))
    attended = parts.MultiHeadAttention(4, 16)(inputs, inputs)
    x = parts.LayerNormalization(epsilon=1e-6)(parts.Add()([inputs, attended]))
    inner = parts.Dense(64)(parts.Dense(128, activation="relu")(x))
    x = parts.LayerNormalization(epsilon=1e-6)(parts.Add()([x, inner]))
    return library.Model(inputs, parts.Dense(10)(parts.GlobalAveragePooling1D()(x)))


class _Transformer(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.LayerNorm()(x + nn.MultiHeadDotProductAttention(4, qkv_features=64)(x, x))
        x = nn.LayerNorm()(x + nn.Dense(64)(nn.relu(nn.Dense(128)(x))))
        return nn.Dense(10)(x.mean(1))


def _relu_mlp(hidden: int, out: int) -> nn.Module:
    return nn.Sequential([nn.Dense(hidden), nn.relu, nn.Dense(out)])


def _cnn() -> nn.Module:
    pool = lambda x: nn.max_pool(x, (2, 2), (2, 2))  # noqa: E731 - a stage of the list below
    mean = lambda x: x.mean((1, 2))  # noqa: E731
    return nn.Sequential([
        nn.Conv(32, (3, 3), padding="VALID"), nn.relu, pool, nn.Conv(64, (3, 3), padding="VALID"), nn.relu, mean,
        nn.Dense(10),
    ])  # fmt: skip


def _last(x: Any) -> Any:
    return jnp.asarray(x)[:, -1]


def recurrent(cell: Callable[[], nn.RNNCellBase]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential([nn.RNN(cell()), _last, nn.Dense(10)])


class _Bidirectional(nn.Module):
    @nn.compact
    def __call__(self, x):
        forward, backward = (nn.RNN(nn.OptimizedLSTMCell(64), reverse=reverse)(x) for reverse in (False, True))
        return nn.Dense(10)(jnp.concatenate([forward, backward], -1)[:, -1])


WORKLOADS = {
    "tiny MLP": Workload(
        build=sequential((8,), lambda p: [p.Dense(16, activation="relu"), p.Dense(1)]),
        linen=lambda: _relu_mlp(16, 1), shape=(8,), classes=0, batch=32, steps=1024, epochs=3,
        nnx=_nnx.dense(8, 16, 1),
    ),
    "MLP 784": Workload(
        build=sequential((784,), lambda p: [p.Dense(128, activation="relu"), p.Dense(10)]),
        linen=lambda: _relu_mlp(128, 10), shape=(784,), classes=10, batch=128, steps=128, epochs=3,
        nnx=_nnx.dense(784, 128, 10),
    ),
    "CNN": Workload(
        build=sequential((32, 32, 3), lambda p: [
            p.Conv2D(32, 3, activation="relu"), p.MaxPooling2D(), p.Conv2D(64, 3, activation="relu"),
            p.GlobalAveragePooling2D(), p.Dense(10),
        ]),
        linen=_cnn, shape=(32, 32, 3), classes=10, batch=64, steps=8, epochs=2,
        nnx=_nnx.convolutional("VALID"),
    ),
    "Transformer": Workload(
        build=_transformer, linen=_Transformer, shape=(32, 64), classes=10, batch=32, steps=32, epochs=2,
    ),
    "LSTM": Workload(
        build=sequential((32, 16), lambda p: [p.LSTM(64), p.Dense(10)]),
        linen=recurrent(lambda: nn.OptimizedLSTMCell(64)), shape=(32, 16), classes=10, batch=32, steps=32, epochs=2,
    ),
    "GRU": Workload(
        build=sequential((32, 16), lambda p: [p.GRU(64), p.Dense(10)]),
        linen=recurrent(lambda: nn.GRUCell(64)), shape=(32, 16), classes=10, batch=32, steps=32, epochs=2,
        elsewhere=False,
    ),
    "bidirectional LSTM": Workload(
        build=sequential((32, 16), lambda p: [p.Bidirectional(p.LSTM(64)), p.Dense(10)]),
        linen=_Bidirectional, shape=(32, 16), classes=10, batch=32, steps=32, epochs=2,
        elsewhere=False,
    ),
}  # fmt: skip
