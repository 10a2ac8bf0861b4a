"""Sizes that are not known: symbols and expressions over them, `2*h`, as JAX's shape polymorphism has them."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
from jax import export

#: A size of an array: a number, or one of JAX's expressions over symbols, whose class JAX keeps to itself.
Dimension: TypeAlias = Any

# Symbolic dimensions combine only inside one scope. A scope without constraints holds no state that a
# result could depend on: it is the alphabet in which shapes are written.
_SCOPE = export.SymbolicScope()


@functools.cache
def dimension(name: str) -> Dimension:
    """The symbolic dimension called `name`; the same symbol each time.

    >>> 2 * dimension("h") + 1
    2*h + 1
    """
    return export.symbolic_shape(name, scope=_SCOPE)[0]


# What unknown dimensions are called, by the rank of the whole shape. Two inputs with an unknown length share
# the symbol: as in Keras, unknown is taken to fit unknown, and the run checks it.
_AXES = {4: ("batch", "h", "w", "c"), 5: ("batch", "d", "h", "w", "c")}


def named_shape(sizes: Sequence[Any]) -> tuple[Dimension, ...]:
    """A shape with a symbol for each size that is `None`, called by the place of its axis.

    >>> named_shape((None, 28, None, 3))
    (batch, 28, w, 3)
    """
    names = _AXES.get(len(sizes), ("batch", "t", *(f"n{i}" for i in range(2, len(sizes)))))
    pairs = zip(sizes, names, strict=False)
    return tuple(dimension(n) if d is None else d if is_symbolic(d) else int(d) for d, n in pairs)


def is_symbolic(dim: Dimension) -> bool:
    """Whether a dimension is an expression over symbols, not a number."""
    return export.is_symbolic_dim(dim)


def symbols(dims: Iterable[Dimension]) -> list[str]:
    """The symbols' names in a shape, sorted; those of what an abbreviation stands for in its place."""
    words = {word for dim in dims if is_symbolic(dim) for word in _words(str(dim))}
    return sorted({base for w in words for base in (_STANDS_FOR[w][1] if w in _STANDS_FOR else [w])})


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[A-Za-z_]\w*", text) if word not in _FUNCTIONS]


_FUNCTIONS = ("floordiv", "mod", "max", "min", "non_negative")

# Sizes that take long to write take JAX exponentially long to compute with: four poolings of windows of 3 take minutes.
# Beyond these bounds a size gets a symbol of its own. What the symbol stands for, its text and the symbols in that, is
# the same for the same size, so this too is an alphabet and no state.
_LONGEST, _MOST_STEPS = 200, 3
_STANDS_FOR: dict[str, tuple[str, list[str]]] = {}


def abbreviated(struct: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    """A shape with a symbol in place of each size that would be long to write.

    >>> h = dimension("h")
    >>> abbreviated(jax.ShapeDtypeStruct((h // 2,), "float32")).shape
    (floordiv(h, 2),)
    >>> abbreviated(jax.ShapeDtypeStruct((h // 2 // 3 // 5 // 7,), "float32")).shape
    (size_cdb42e2868,)
    """
    shape = tuple(_short(dim) if is_symbolic(dim) else dim for dim in struct.shape)
    return struct if shape == struct.shape else struct.update(shape=shape)


def _short(dim: Dimension) -> Dimension:
    text = str(dim)
    if len(text) <= _LONGEST and sum(map(text.count, _FUNCTIONS[:4])) <= _MOST_STEPS:
        return dim
    name = f"size_{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    _STANDS_FOR[name] = text, symbols([dim])
    return dimension(name)


def substitute(dim: Dimension, sizes: Mapping[str, int]) -> int:
    """The number that a dimension is when its symbols have the given sizes.

    >>> substitute(2 * dimension("h") // 3, {"h": 6})
    4
    """
    if not is_symbolic(dim):
        return int(dim)
    names: dict[str, Any] = {
        "floordiv": lambda a, b: a // b,
        "mod": lambda a, b: a % b,
        "max": max,
        "min": min,
        **sizes,
    }
    waiting, value = [("", str(dim))], 0
    while waiting:  # what abbreviations stand for comes before the sizes that they are in
        name, text = waiting[-1]
        inner = [(word, _STANDS_FOR[word][0]) for word in _words(text) if word in _STANDS_FOR and word not in names]
        if inner:
            waiting += inner
            continue
        # The text is JAX's own rendering of an expression, never a user's.
        value = names[name] = eval(text.replace("^", "**"), {"__builtins__": {}}, names)
        waiting.pop()
    return int(value)


def at_sizes(struct: jax.ShapeDtypeStruct, sizes: Mapping[str, int]) -> jax.ShapeDtypeStruct:
    """A shape whose symbols have the given sizes."""
    return jax.ShapeDtypeStruct(tuple(substitute(dim, sizes) for dim in struct.shape), struct.dtype)
