"""What an exported program takes: names, shapes with unknown dimensions, dtypes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from ...core.typing import PyTree

# Sizes tried for unknown dimensions other than the batch: small ones first, as the program is compiled for them.
_SIZES = (8, 16, 32, 64, 96, 224, 512)


@dataclasses.dataclass(frozen=True)
class Argument:
    """One array that a program takes: each dimension is a number, or the name of one that may vary."""

    name: str
    dims: tuple[int | str, ...]
    dtype: np.dtype

    def text(self) -> str:
        """How messages and manifests write it.

        >>> Argument("image", ("batch", "h", 3), np.dtype("float32")).text()
        'float32[batch, h, 3]'
        """
        return f"{self.dtype.name}[{', '.join(map(str, self.dims))}]"


@dataclasses.dataclass(frozen=True)
class Signature:
    """The arguments of a program.

    Attributes:
        arguments: in order.
        treedef: the structure in which they are passed: dicts, lists and tuples.
        least: what every unknown dimension other than the batch is known to be at least.
    """

    arguments: tuple[Argument, ...]
    treedef: jax.tree_util.PyTreeDef
    least: int = 1

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the dimensions that may vary, the batch first."""
        found = dict.fromkeys(d for a in self.arguments for d in a.dims if isinstance(d, str))
        return tuple(sorted(found, key=lambda s: s != "batch"))

    def with_sizes(self, sizes: Mapping[str, int]) -> Signature:
        """The same, with numbers for some of the names."""
        return self._changed(lambda a, i: tuple(sizes.get(d, d) if isinstance(d, str) else d for d in a.dims))

    def with_own_names(self) -> Signature:
        """The same, where no two arguments share a dimension's name but the batch's."""
        seen: dict[str, int] = {}

        def own(argument: Argument, i: int) -> tuple[int | str, ...]:
            first = {d: seen.setdefault(d, i) for d in argument.dims if isinstance(d, str)}
            return tuple(
                d if isinstance(d, int) or d == "batch" or first[d] == i else f"{d}_{i}" for d in argument.dims
            )

        return self._changed(own)

    def at_least(self, size: int) -> Signature:
        """The same, where unknown dimensions other than the batch are at least `size`."""
        return dataclasses.replace(self, least=size)

    @property
    def constraints(self) -> tuple[str, ...]:
        """What is known of the dimensions that may vary, as JAX writes it."""
        bounded = self.symbols if self.least > 1 else ()
        return tuple(f"{s} >= {self.least}" for s in bounded if s != "batch")

    def in_multiples(self, factor: int) -> Signature:
        """The same, where unknown dimensions other than the batch are multiples of `factor`."""
        return self._changed(
            lambda a, i: tuple(d if isinstance(d, int) or d == "batch" else f"{factor}*{d}" for d in a.dims)
        )

    def _changed(self, dims_of: Callable[[Argument, int], tuple[int | str, ...]]) -> Signature:
        changed = [dataclasses.replace(a, dims=dims_of(a, i)) for i, a in enumerate(self.arguments)]
        return dataclasses.replace(self, arguments=tuple(changed))

    def structs(self) -> list[jax.ShapeDtypeStruct]:
        """The arguments as JAX writes them, all in one scope of symbols."""
        scope = export.SymbolicScope(self.constraints)
        shapes = [export.symbolic_shape(", ".join(map(str, a.dims)), scope=scope) for a in self.arguments]
        return [jax.ShapeDtypeStruct(s, a.dtype) for s, a in zip(shapes, self.arguments, strict=True)]

    def pack(self, leaves: Iterable[PyTree]) -> PyTree:
        """Arguments in the structure in which they are passed."""
        return jax.tree.unflatten(self.treedef, list(leaves))

    def random(self, function: Callable[..., PyTree], batch: int) -> list[np.ndarray]:
        """A batch of random arguments of sizes that `function` takes: normal floats, integers 0 and 1.

        Args:
            function: what takes the arguments.
            batch: how many examples.

        Returns:
            The arguments in order.

        Raises:
            Exception: what the function raises for the last of the sizes that were tried.
        """
        failure: Exception | None = None
        for size in (s for s in _SIZES if s >= self.least):
            fixed = self.at_least(1).with_sizes({s: batch if s == "batch" else _rounded(s, size) for s in self.symbols})
            try:
                jax.eval_shape(function, *fixed.structs())
            except Exception as error:  # a size that is too small for a layer, which may raise any type
                failure = error
                continue
            draw = np.random.default_rng(0)
            return [_draw(draw, a) for a in fixed.arguments]
        assert failure is not None
        raise failure


def _rounded(symbol: str, size: int) -> int:
    """A size that a dimension such as `32*h` can have."""
    factor = int(symbol.split("*")[0]) if "*" in symbol else 1
    return -(-size // factor) * factor


def _draw(draw: np.random.Generator, argument: Argument) -> np.ndarray:
    shape = tuple(int(d) for d in argument.dims)
    if jnp.issubdtype(argument.dtype, jnp.inexact):
        return draw.normal(size=shape).astype(argument.dtype)
    return draw.integers(0, 2, size=shape).astype(argument.dtype)  # 0 and 1 are valid indices of any table


def unique(names: list[str]) -> list[str]:
    """Names made different from each other, as Keras does.

    >>> unique(["dense", "dense"])
    ['dense', 'dense_1']
    """
    found: list[str] = []
    for name in names:
        number, new = 0, name
        while new in found:
            number += 1
            new = f"{name}_{number}"
        found.append(new)
    return found
