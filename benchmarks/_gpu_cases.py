"""What is trained on a GPU: each model with its sizes, and small ones of the same kinds for a smoke on a CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import _nnx
import flax.linen as nn
import jax.numpy as jnp
from _gpt import Linen as LinenGPT
from _gpt import Size, gpt
from _resnet import Linen as LinenResNet
from _resnet import resnet
from _workloads import Workload, recurrent, sequential

_BFLOAT16 = "mixed_bfloat16"


def _flat(x: Any) -> Any:
    return x.reshape(x.shape[0], -1)


def _pool(x: Any) -> Any:
    return nn.max_pool(x, (2, 2), (2, 2))


_TINY = Workload(
    build=sequential((8,), lambda p: [p.Dense(16, activation="relu"), p.Dense(1)]),
    linen=lambda: nn.Sequential([nn.Dense(16), nn.relu, nn.Dense(1)]), nnx=_nnx.dense(8, 16, 1),
    shape=(8,), classes=0, batch=32, steps=256, epochs=9,
)  # fmt: skip
_MLP = Workload(
    build=sequential((784,), lambda p: [
        p.Dense(512, activation="relu"), p.Dense(512, activation="relu"), p.Dense(10),
    ]),
    linen=lambda: nn.Sequential([nn.Dense(512), nn.relu, nn.Dense(512), nn.relu, nn.Dense(10)]),
    nnx=_nnx.dense(784, 512, 512, 10), shape=(784,), classes=10, batch=128, steps=200, epochs=5,
)  # fmt: skip
_CNN = Workload(
    build=sequential((32, 32, 3), lambda p: [
        p.Conv2D(32, 3, padding="same", activation="relu"), p.MaxPooling2D(),
        p.Conv2D(64, 3, padding="same", activation="relu"), p.MaxPooling2D(), p.Flatten(), p.Dense(10),
    ]),
    linen=lambda: nn.Sequential([
        nn.Conv(32, (3, 3)), nn.relu, _pool, nn.Conv(64, (3, 3)), nn.relu, _pool, _flat, nn.Dense(10),
    ]),
    nnx=_nnx.convolutional("SAME", 8 * 8 * 64), shape=(32, 32, 3), classes=10, batch=256, steps=100, epochs=5,
)  # fmt: skip


def _gpt(size: Size, batch: int, on_gpu: bool) -> Workload:
    attention = "cudnn" if on_gpu else None
    return Workload(
        build=lambda library, parts: gpt(library, parts, size),
        linen=lambda: LinenGPT(size, jnp.bfloat16, attention), policy=_BFLOAT16, flops=size.flops(batch),
        shape=(size.time,), classes=size.vocabulary, tokens=True, batch=batch, steps=8, epochs=5,
    )  # fmt: skip


def _resnet(size: int, blocks: tuple[int, ...], width: int, batch: int) -> Workload:
    # 4.1e9 products and sums forwards at 224 pixels, and twice that backwards (He et al., 2015).
    full = (size, blocks, width) == (224, (3, 4, 6, 3), 64)
    return Workload(
        build=lambda library, parts: resnet(library, parts, size, blocks, width),
        linen=lambda: LinenResNet(blocks, width, dtype=jnp.bfloat16), policy=_BFLOAT16,
        flops=3 * 8.2e9 * batch if full else 0.0, shape=(size, size, 3), classes=10, batch=batch, steps=6, epochs=4,
    )  # fmt: skip


def _two(layer: str, width: int, time: int, both: bool = False) -> Workload:
    def layers(p: Any) -> list[Any]:
        made = [getattr(p, layer)(width, return_sequences=again) for again in (True, False)]
        return [*(map(p.Bidirectional, made) if both else made), p.Dense(10)]

    return Workload(
        build=sequential((time, 64), layers), linen=recurrent(lambda: nn.OptimizedLSTMCell(width)),
        shape=(time, 64), classes=10, batch=64, steps=32, epochs=3,
    )  # fmt: skip


def cases(smoke: bool, on_gpu: bool) -> dict[str, Workload]:
    """Each model by name.

    Args:
        smoke: whether all of it is small.
        on_gpu: whether cuDNN's attention is there for what is written by hand.
    """
    small = Size(width=32, heads=2, blocks=1, time=8, vocabulary=64)
    width, time = (8, 5) if smoke else (256, 100)
    found = {
        "tiny MLP, batch 32": _TINY,
        "MLP 784-512-512-10, batch 128": _MLP,
        "CNN 32x32, batch 256": _CNN,
        "GPT 124M, bfloat16, 16 x 512": _gpt(small, 2, on_gpu) if smoke else _gpt(Size(), 16, on_gpu),
        "ResNet-50, bfloat16, batch 128": _resnet(32, (1,), 4, 2) if smoke else _resnet(224, (3, 4, 6, 3), 64, 128),
        "two LSTMs of 256": _two("LSTM", width, time),
        "two GRUs of 256": _two("GRU", width, time),
        "two bidirectional LSTMs of 256": _two("LSTM", width, time, both=True),
    }
    if not smoke:
        return found
    return {
        name: dataclasses.replace(work, batch=min(work.batch, 4), steps=2, epochs=2) for name, work in found.items()
    }
