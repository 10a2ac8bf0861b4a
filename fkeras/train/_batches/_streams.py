"""Passes over something that yields batches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping

from flax import linen

from ...core import describe, explain
from ...core.typing import PyTree
from .._step._batch import Batch, unpack


def stream(source: object) -> Callable[[], Iterator[Batch]]:
    """A function that starts one pass over a source of batches.

    Args:
        source: an iterable of batches (restarted for each pass when it can be), an iterator (continued), a
            callable that returns one, or an object with `__len__` and `__getitem__` (Keras's `PyDataset`).

    Returns:
        A function without arguments.

    Raises:
        TypeError: none of those.
    """
    if isinstance(source, str | bytes | set | frozenset | type | linen.Module):
        raise _no_source(source)
    if callable(source) and not hasattr(source, "__iter__") and not hasattr(source, "__getitem__"):
        return lambda: map(unpack, _started(source))
    if isinstance(source, Iterator):
        return lambda: map(unpack, source)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__") and not isinstance(source, Mapping):
        return lambda: _items(source)
    if isinstance(source, Iterable):
        return lambda: map(unpack, iter(source))
    raise _no_source(source)


def _started(function: Callable[[], object]) -> Iterator[PyTree]:
    """The pass that a function begins."""
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise TypeError(
            explain(
                "The function given as data is called without arguments.",
                received=f"{getattr(function, '__name__', type(function).__name__)}: {error}",
                usually="a layer, a loss or a step in the place of x.",
                write="lambda: batches(size), or def batches(): yield x, y",
            )
        ) from None
    except ValueError:  # some builtins do not say what they take
        pass
    found = function()
    one = isinstance(found, tuple | str | bytes | Mapping) or hasattr(found, "shape")
    if not one and isinstance(found, Iterable):
        return iter(found)
    raise TypeError(
        explain(
            "The function given as data must return an iterator of batches.",
            received=f"{describe(found)} from {getattr(function, '__name__', type(function).__name__)}()",
            usually="a `return` is missing, or it returns one batch, where each call begins a pass.",
            write="def batches(): yield x, y",
        )
    )


def _no_source(source: object) -> TypeError:
    if isinstance(source, str | bytes):
        usually = "a path: files are read first."
    elif isinstance(source, set | frozenset):
        usually = "a set, which has no order."
    elif isinstance(source, type | linen.Module):
        usually = "a class, which is to be called first, or a model or layer in the place of x."
    else:
        usually = "x is missing." if source is None else "another object in its place."
    return TypeError(
        explain(
            "Cannot read batches from this.",
            received=describe(source) if source is not None else "None",
            usually=usually,
            write="arrays, or an iterable of (x, y) batches",
        )
    )


def _items(source: PyTree) -> Iterator[Batch]:
    """One pass over an object with a length and items, its `on_epoch_begin` and `on_epoch_end` called as Keras does."""
    count = len(source)
    call(source, "on_epoch_begin")
    for i in range(count):
        batch = unpack(source[i])
        if i == count - 1:  # `fit` asks for no item after the last one
            call(source, "on_epoch_end")
        yield batch


def call(source: object, hook: str) -> None:
    """Call a hook of a dataset, if it has one."""
    getattr(source, hook, lambda: None)()


def length_of(source: PyTree) -> int | None:
    """How many batches a pass has; `None` where nobody knows, or there is no end."""
    try:
        return len(source)
    except TypeError:  # also what datasets with a `__len__` raise when they cannot say
        return None
