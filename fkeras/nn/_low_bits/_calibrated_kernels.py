"""GPTQ and AWQ of one kernel: numbers, scales and zeros from the kernel and what was measured of its inputs.

Matrices are `(outputs, inputs)` here. The order of the arithmetic is Keras's, so that the numbers are.
References: Frantar et al., arXiv:2210.17323; Lin et al., arXiv:2306.00978.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ...core.typing import Array, Float, Num
from ._quantization_configs import AWQConfig, GPTQConfig

#: How many columns are rounded before those after them are corrected by one product.
_COLUMNS = 128


class Calibrated(NamedTuple):
    """A kernel in few bits."""

    numbers: Num[Array, "outputs inputs"]
    scale: Float[Array, "outputs groups"]
    zero: Num[Array, "outputs groups"]
    groups: Float[Array, " inputs"]
    factors: Float[Array, " inputs"] | None = None


def grid_of(
    weight: Float[Array, "outputs inputs"], bits: int, symmetric: bool, per_channel: bool
) -> tuple[Float[Array, "outputs 1"], Float[Array, "outputs 1"]]:
    """The scale and the zero of each output's grid from 0 to `2^bits - 1`, which ends at its least and most weight."""
    rows = weight if per_channel else weight.reshape(1, -1)
    least, most = rows.min(axis=1), rows.max(axis=1)
    if symmetric:
        largest = jnp.maximum(jnp.abs(least), most)
        least, most = jnp.where(least < 0, -largest, least), largest
    least, most = jnp.where(least == most, least - 1, least), jnp.where(least == most, most + 1, most)
    scale = (most - least) / (2.0**bits - 1)
    scale = jnp.where(scale <= 0, 1e-8, scale)
    zero = jnp.full_like(scale, 2.0 ** (bits - 1)) if symmetric else jnp.round(-least / scale)
    zero = jnp.clip(zero, 0, 255)  # it is kept as a byte, and weights of one sign alone would have it elsewhere
    count = len(weight)
    return jnp.broadcast_to(scale[:, None], (count, 1)), jnp.broadcast_to(zero[:, None], (count, 1))


@functools.partial(jax.jit, static_argnames=("config",))
def gptq(
    weight: Float[Array, "outputs inputs"], hessian: Float[Array, "inputs inputs"], config: GPTQConfig
) -> Calibrated:
    """Round column by column; those after each make up for its error, as far as the inputs are alike.

    Args:
        weight: the kernel.
        hessian: twice the mean product of the inputs with themselves.
        config: bits, groups, damping and order.
    """
    count = weight.shape[1]
    diagonal = jnp.diagonal(hessian)
    diagonal = jnp.where(diagonal == 0.0, 1.0, diagonal)  # inputs that were always zero
    diagonal = diagonal + config.hessian_damping * jnp.mean(diagonal)
    damped = hessian - jnp.diag(jnp.diagonal(hessian)) + jnp.diag(diagonal)
    inverse = jnp.linalg.inv(damped)
    order = jnp.arange(count)
    if config.activation_order:
        order = jnp.argsort(-(diagonal + (order / count).astype(jnp.float32) * 1e-12))
        weight, inverse = weight[:, order], inverse[order][:, order]
    size = count if config.group_size == -1 else config.group_size
    most = 2.0**config.weight_bits - 1
    numbers, scales, zeros = [], [], []  # by block, by group, by group
    for start in range(0, count, _COLUMNS):
        end = min(start + _COLUMNS, count)
        for first in range(-(-start // size) * size, end, size):  # the groups that begin in this block
            grid = grid_of(weight[:, first : first + size], config.weight_bits, config.symmetric, config.per_channel)
            scales.append(grid[0])
            zeros.append(grid[1])
        of_group = jnp.arange(start, end) // size
        scale, zero = (jnp.concatenate(parts, axis=1)[:, of_group] for parts in (scales, zeros))
        rounded, errors = _rounded_columns(weight[:, start:end], inverse[start:end, start:end], scale, zero, most)
        numbers.append(rounded)
        weight = weight.at[:, end:].add(-(errors @ inverse[start:end, end:]))
    back = jnp.argsort(order)
    groups = jnp.arange(count, dtype=jnp.float32) / size
    return Calibrated(
        jnp.concatenate(numbers, axis=1)[:, back].astype(jnp.uint8),
        jnp.concatenate(scales, axis=1),
        jnp.concatenate(zeros, axis=1).astype(jnp.uint8),
        groups[back],
    )


def _rounded_columns(
    block: Float[Array, "outputs columns"],
    inverse: Float[Array, "columns columns"],
    scale: Float[Array, "outputs columns"],
    zero: Float[Array, "outputs columns"],
    most: float,
) -> tuple[Float[Array, "outputs columns"], Float[Array, "outputs columns"]]:
    """A block's numbers, and the errors of its columns that those after the block make up for."""
    count = block.shape[1]

    def column(i: int, state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        block, numbers, errors = state
        number = jnp.clip(jnp.round(block[:, i] / scale[:, i] + zero[:, i]), 0, most)
        error = (block[:, i] - scale[:, i] * (number - zero[:, i])) / inverse[i, i]
        later = jnp.where(jnp.arange(count) > i, inverse[i], 0)
        return block - error[:, None] * later[None], numbers.at[:, i].set(number), errors.at[:, i].set(error)

    _, numbers, errors = jax.lax.fori_loop(0, count, column, (block, jnp.zeros_like(block), jnp.zeros_like(block)))
    return numbers, errors


@functools.partial(jax.jit, static_argnames=("config",))
def awq(weight: Float[Array, "outputs inputs"], sizes: Float[Array, " inputs"], config: AWQConfig) -> Calibrated:
    """Scale the weights of each input by a power of the input's size, the best of several, and round.

    Args:
        weight: the kernel.
        sizes: the largest absolute value of each input.
        config: groups, and how many powers are tried.
    """
    count = weight.shape[1]
    groups = jnp.zeros(count, jnp.int32) if config.group_size == -1 else jnp.arange(count) // config.group_size
    sizes = jnp.where(sizes < 1e-8, 1.0, sizes)
    powers = jnp.arange(config.num_grid_points + 1) / config.num_grid_points

    def tried(i: int, best_and_least: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        best, least = best_and_least
        factors = jnp.maximum(sizes ** powers[i], 1e-4)
        factors = factors / jnp.maximum(jnp.sqrt(factors.max() * factors.min()), 1e-8)
        numbers, scale, zero = _on_groups(weight * factors[None], groups, config)
        back = (numbers - zero[:, groups]) * scale[:, groups] / factors[None]
        loss = jnp.mean(jnp.square(weight - back) * jnp.square(sizes)[None])
        return jnp.where(loss < least, factors, best), jnp.minimum(loss, least)

    best, _ = jax.lax.fori_loop(0, len(powers), tried, (jnp.ones_like(sizes), jnp.asarray(jnp.inf, sizes.dtype)))
    numbers, scale, zero = _on_groups(weight * best[None], groups, config)
    return Calibrated(numbers.astype(jnp.uint8), scale, zero.astype(jnp.uint8), groups.astype(jnp.float32), best)


def _on_groups(
    weight: Float[Array, "outputs inputs"], groups: Num[Array, " inputs"], config: AWQConfig
) -> tuple[Float[Array, "outputs inputs"], Float[Array, "outputs groups"], Float[Array, "outputs groups"]]:
    """Numbers of four bits, with a grid for each group of inputs; Keras fills up the last one with zeros."""
    count = weight.shape[1]
    size = count if config.group_size == -1 else min(config.group_size, count)
    padded = jnp.pad(weight, ((0, 0), (0, -count % size)))
    grids = [grid_of(part, 4, False, True) for part in jnp.split(padded, padded.shape[1] // size, axis=1)]
    scale, zero = (jnp.concatenate(parts, axis=1) for parts in zip(*grids, strict=True))
    numbers = jnp.clip(jnp.round(weight / scale[:, groups] + zero[:, groups]), 0, 15)
    return numbers, scale, zero
