"""Axes split, joined and reordered by a pattern."""

from __future__ import annotations

import re

import jax.numpy as jnp

from ...core import explain
from ...core.typing import Array, ArrayLike


def rearrange(tensor: ArrayLike, pattern: str, **axes_lengths: int) -> Array:
    """Axes split, joined and reordered by a pattern: `"b (h w) c -> b h w c"`.

    Args:
        tensor: an array of as many axes as the pattern's left side has names and groups.
        pattern: the axes before and after `->`; names in brackets are one axis together.
        axes_lengths: how long a named axis is, where the array's shape does not say it.

    Returns:
        The array with the axes of the pattern's right side.

    Raises:
        ValueError: a pattern of another rank, or an axis that the named lengths do not divide.

    >>> rearrange(jnp.zeros((2, 6)), "a (b c) -> b (a c)", b=3).shape
    (3, 4)
    """
    tensor = jnp.asarray(tensor)
    left, right = (_groups(side) for side in pattern.split("->"))
    if len(left) != tensor.ndim:
        raise ValueError(
            explain(
                "rearrange: the pattern names other axes than the array has.",
                received=f"{len(left)} in {pattern!r}, shape {tensor.shape}",
                write='rearrange(x, "b h w c -> b (h w) c")',
            )
        )
    sizes = dict(axes_lengths)
    for names, size in zip(left, tensor.shape, strict=True):
        _fill_in(sizes, names, size, pattern, axes_lengths)
    order = [name for names in left for name in names]
    split = tensor.reshape([sizes[name] for name in order])
    moved = jnp.transpose(split, [order.index(name) for names in right for name in names])
    return moved.reshape([_product(sizes, names) for names in right])


def _groups(side: str) -> list[list[str]]:
    """The names of one side of a pattern, axis by axis."""
    return [group.strip("()").split() for group in re.findall(r"\([^)]*\)|\S+", side)]


def _product(sizes: dict[str, int], names: list[str]) -> int:
    """How long the named axes are together; not `math.prod`, since a size may be a symbolic dimension."""
    product = 1
    for name in names:
        product = product * sizes[name]
    return product


def _fill_in(sizes: dict[str, int], names: list[str], size: int, pattern: str, given: dict[str, int]) -> None:
    """Add to `sizes` the one length of a group that follows from the axis's size and the other lengths."""
    unknown = [name for name in names if name not in sizes]
    product = _product(sizes, [name for name in names if name in sizes])
    if len(unknown) > 1 or (not unknown and names and isinstance(size, int) and product != size):
        raise ValueError(
            explain(
                f"rearrange: the axis ({' '.join(names)}) of size {size} cannot be split.",
                received=f"{given}",
                write=f"rearrange(x, {pattern!r}, {names[0]}=...)",
            )
        )
    if unknown:
        sizes[unknown[0]] = size // product
