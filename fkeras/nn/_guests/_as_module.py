"""Modules of other libraries as Linen modules, which is what layers and trainers run."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Mapping
from typing import Any

from flax import linen

from ...core import explain


def as_module(
    value: object, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None, wrt: Any = None
) -> linen.Module:
    """A module of Linen as it is, and one of NNX, or what makes one, in a host.

    Args:
        value: the module, class or function.
        args, kwargs: arguments of a class or function of NNX.
        wrt: which variables of NNX train; its `Param`s by default.

    Raises:
        TypeError: something that is no module, or arguments that do not fit.
        ValueError: arguments where there is nothing to give them to.
    """
    if isinstance(value, linen.Module):
        if args or kwargs or wrt is not None:
            raise ValueError(
                explain(
                    f"{type(value).__name__} is a Linen module, which is made already.",
                    received=f"args={args!r}, kwargs={kwargs!r}, wrt={wrt!r}",
                    usually="arguments that a class of NNX takes.",
                    write="fk.nn.FlaxLayer(linen.Dense(3))",
                )
            )
        return value
    from ._nnx_module import NNXModule  # what loads flax.nnx
    from ._nnx_source import source_of

    source = source_of(value, tuple(args), kwargs)
    return NNXModule(source, parent=None, **({} if wrt is None else {"wrt": wrt}))  # a field of whoever made it


def as_trained_module(value: object) -> object:
    """What a Trainer trains: a module of NNX or Equinox in a host, anything else as it is.

    >>> from flax import nnx
    >>> as_trained_module(nnx.Linear(2, 3, rngs=nnx.Rngs(0))).source
    <Linear as it was>
    """
    if isinstance(value, linen.Module):
        return value
    nnx = sys.modules.get("flax.nnx")  # without which there is no such module
    if nnx is not None and (isinstance(value, nnx.Module | nnx.Optimizer) or _makes(nnx.Module, value)):
        return as_module(value)
    return value


def _makes(module: type, value: object) -> bool:
    """Whether a value is a class of modules, or a function that may make one."""
    value = value.func if isinstance(value, functools.partial) else value
    return issubclass(value, module) if isinstance(value, type) else inspect.isroutine(value)
