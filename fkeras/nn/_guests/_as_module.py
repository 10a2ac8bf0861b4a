"""Modules of other libraries as Linen modules, which is what layers and trainers run."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flax import linen

from ...core import explain
from ._host import Host

if TYPE_CHECKING:
    from ._equinox_module import EquinoxModule
    from ._equinox_source import EquinoxSource


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
    source.abstract()  # found out here, where a Linen module inside is nobody's child
    return NNXModule(source, parent=None, **({} if wrt is None else {"wrt": wrt}))  # a field of whoever made it


def as_trained_module(value: object) -> object:
    """What a Trainer trains: a module of NNX or Equinox in a host, anything else as it is.

    >>> from flax import nnx
    >>> as_trained_module(nnx.Linear(2, 3, rngs=nnx.Rngs(0))).source
    <Linear as it was>
    """
    if isinstance(value, linen.Module):
        return value
    nnx, eqx = sys.modules.get("flax.nnx"), sys.modules.get("equinox")  # a library that is not there made no module
    made = value.func if isinstance(value, functools.partial) else value
    cls = made if isinstance(made, type) else type(made)
    needs = set(inspect.signature(value).parameters) if inspect.isroutine(made) and callable(value) else {"no function"}
    if nnx is not None and (issubclass(cls, nnx.Module | nnx.Optimizer) or needs <= {"rngs"}):
        return as_module(value)
    state = value[1] if isinstance(value, tuple) and len(value) == 2 else None  # of eqx.nn.make_with_state
    if eqx is not None and (issubclass(cls, eqx.Module) or isinstance(state, eqx.nn.State) or needs == {"key"}):
        return as_equinox(value)
    return value


def as_equinox(
    value: object,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    state: Any = None,
    filter: Any = None,
    vmap: bool = True,
) -> linen.Module:
    """A module of Equinox, or what makes one, in a host; a host as it is.

    Args:
        value: the module, class or function.
        args, kwargs: arguments of a class or function.
        state: the state of an instance.
        filter: which leaves train.
        vmap: whether the module takes one example.

    Raises:
        ImportError: Equinox is not installed.
        TypeError: something that is no module, or arguments that do not fit.
        ValueError: arguments where there is nothing to give them to.
    """
    if isinstance(value, Host):
        return value
    EquinoxModule, source_of = equinox_parts()
    return EquinoxModule(source_of(value, tuple(args), kwargs, state, filter), vmap=vmap, parent=None)


def equinox_parts() -> tuple[type[EquinoxModule], Callable[..., EquinoxSource]]:
    """What hosts a module of Equinox, and what makes its source: the files that load Equinox.

    Raises:
        ImportError: Equinox is not installed.
    """
    try:
        from ._equinox_module import EquinoxModule
        from ._equinox_source import source_of
    except ImportError as error:
        if error.name != "equinox":
            raise
        raise ImportError(
            explain(
                "A module of Equinox needs equinox, which is not installed here.",
                usually="fkeras was installed without this extra.",
                write="pip install 'fkeras[guests]'",
            )
        ) from None
    return EquinoxModule, source_of
