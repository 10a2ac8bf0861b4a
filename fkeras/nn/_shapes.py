"""Windows, padding and channel order: the arithmetic that convolution, pooling and cropping share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import jax.numpy as jnp

from ..core import explain
from ..core.typing import Array, Shaped


@runtime_checkable
class NamedLayer(Protocol):
    """A layer, as the messages about its input see it."""

    def path_text(self) -> str:
        """How messages call the layer: its class and its name or path."""


def to_last(x: Shaped[Array, "batch ..."], data_format: str | None) -> Shaped[Array, "batch *space channels"]:
    """Channels moved to the last axis where they come first."""
    return jnp.moveaxis(x, 1, -1) if data_format == "channels_first" else x


def from_last(x: Shaped[Array, "batch *space channels"], data_format: str | None) -> Shaped[Array, "batch ..."]:
    """The inverse of `to_last`."""
    return jnp.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def along(
    weight: Shaped[Array, "*sizes"], axes: tuple[int, ...], x: Shaped[Array, "*shape"]
) -> Shaped[Array, "*broadcast"]:
    """A weight over some axes of `x`, with 1 in the others."""
    return weight.reshape(tuple(x.shape[i] if i in axes else 1 for i in range(x.ndim)))


def known_axis(layer: NamedLayer, axis: int, x: Shaped[Array, "*shape"], name: str = "axis") -> int:
    """An axis of `x`, counted from 0.

    Raises:
        ValueError: naming the layer, the axis and the shape.
    """
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(
            explain(
                f"{layer.path_text()} has no such axis.",
                received=f"{name}={axis}, an input of shape {tuple(x.shape)}",
                usually="the batch is axis 0, the channels are axis -1; or an input of another rank.",
                write=f"{name}=-1",
            )
        )
    return axis % x.ndim


def check_rank(layer: NamedLayer, x: Shaped[Array, "*shape"], rank: int) -> None:
    """Refuse an input of another rank.

    Raises:
        ValueError: naming the layer, the rank and the shape.
    """
    if x.ndim != rank:
        raise ValueError(
            explain(
                f"{layer.path_text()} needs an input of rank {rank}.",
                received=f"shape {tuple(x.shape)}, rank {x.ndim}",
                usually="the channel or the batch axis is missing, or the layer is one for another rank.",
                write="x[..., None]   # for one channel; x[None] for one example",
            )
        )


def check_window(layer: NamedLayer, sizes: Sequence[int], window: Sequence[int], padding: str) -> None:
    """Refuse a window that is larger than an input without padding.

    Raises:
        ValueError: naming the layer, the window and the shape.
    """
    if padding == "valid" and any(isinstance(s, int) and w > s for s, w in zip(sizes, window, strict=True)):
        raise ValueError(
            explain(
                f"{layer.path_text()}: the window is larger than the input.",
                received=f"window {tuple(window)}, input {tuple(sizes)}",
                usually="the input was already reduced to less by earlier layers.",
                write='padding="same", or a smaller window',
            )
        )


def pairs(rank: int, name: str) -> Callable[[object], tuple[tuple[int, int], ...]]:
    """A converter: an integer, `rank` integers, or `rank` pairs, as `rank` pairs (padding, cropping)."""

    def convert(value: object) -> tuple[tuple[int, int], ...]:
        values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
        if rank == 1 and len(values) == 2 and all(isinstance(v, int) for v in values):
            values = (values,)
        result = tuple(tuple(v) if isinstance(v, list | tuple) else (v, v) for v in values)
        if len(result) != rank or not all(
            len(pair) == 2 and all(isinstance(v, int) and v >= 0 for v in pair) for pair in result
        ):
            raise ValueError(
                explain(
                    f"`{name}` must be a non-negative integer, {rank} of them, or {rank} pairs of them.",
                    received=f"{name}={value!r}",
                    write=f"{name}=1, {name}={((1, 1),) * rank}",
                )
            )
        return result

    return convert
