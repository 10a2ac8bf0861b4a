"""The same training by hand in torch, eager and compiled, for an interpreter that has torch and need not have JAX."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
        self.inner = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
        self.first, self.second, self.out = nn.LayerNorm(64), nn.LayerNorm(64), nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        x = self.first(x + self.attention(x, x, x, need_weights=False)[0])
        return self.out(self.second(x + self.inner(x)).mean(1))


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.out = nn.LSTM(16, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        return self.out(self.layer(x)[0][:, -1])


class _Mean(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.mean((2, 3))


_MODELS: dict[str, Callable[[], nn.Module]] = {
    "tiny MLP": lambda: nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1)),
    "MLP 784": lambda: nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)),
    "CNN": lambda: nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), _Mean(), nn.Linear(64, 10)
    ),
    "Transformer": _Transformer,
    "LSTM": _Recurrent,
}


def _epoch(name: str, x: Any, y: Any, batch: int, compiled: bool) -> Callable[[], None]:
    """One epoch of training with Adam and one metric."""
    model, classes = _MODELS[name](), not y.is_floating_point()
    adam = torch.optim.Adam(model.parameters(), 1e-3)

    def forward(x: Any, y: Any) -> tuple[Any, Any]:
        out = model(x)
        if classes:
            return nn.functional.cross_entropy(out, y), (out.argmax(-1) == y).float().mean()
        return (out - y).square().mean(), (out - y).abs().mean()

    run = torch.compile(forward) if compiled else forward
    sums = torch.zeros(2)

    def epoch() -> None:
        for rows in torch.randperm(len(x))[: len(x) // batch * batch].reshape(-1, batch):
            loss, metric = run(x[rows], y[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
            sums.add_(torch.stack([loss.detach(), metric.detach()]))

    return epoch


def fit(name: str, shape: Sequence[int], classes: int, batch: int, steps: int, rounds: int) -> dict[str, float]:
    """Seconds a step, by `torch` and `torch.compile`, in turns.

    Args:
        name: a workload.
        shape, classes, batch, steps: its sizes.
        rounds: how many epochs are timed.
    """
    rng, count = np.random.default_rng(0), batch * steps
    # torch has channels first; the values do not matter.
    shape = (shape[-1], *shape[:-1]) if len(shape) == 3 else shape
    x = torch.from_numpy(rng.normal(size=(count, *shape)).astype("float32"))
    y = torch.from_numpy(rng.integers(0, classes, count) if classes else rng.normal(size=(count, 1)).astype("float32"))
    ways = {"torch": _epoch(name, x, y, batch, False), "torch.compile": _epoch(name, x, y, batch, True)}
    found: dict[str, list[float]] = {who: [] for who in ways}
    for turn in range(rounds + 1):  # the first round compiles
        for who, epoch in ways.items():
            began = time.perf_counter()
            epoch()
            if turn:
                found[who].append((time.perf_counter() - began) / steps)
    return {who: statistics.median(seconds) for who, seconds in found.items()}
