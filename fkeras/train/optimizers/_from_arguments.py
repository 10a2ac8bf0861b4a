"""An optax transformation as a frozen value that is made from its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Self, TypeVar

import jax
import numpy as np
import optax

from ...core import (
    REQUIRED,
    did_you_mean,
    differing_arguments,
    explain,
    keyword_texts,
    no_attribute,
    snake_case,
    to_set,
)
from ...core.typing import PyTree
from ..losses._exact_key import exact_key
from ._equal_by_key import EqualByKey
from ._old_arguments import old_argument

T = TypeVar("T", bound="FromArguments")


class FromArguments(EqualByKey, optax.GradientTransformationExtraArgs):
    """A transformation that remembers its arguments: frozen, compared by them, pickled as them, static in a pytree.

    A subclass declares its arguments as annotated attributes, and says what `init` and `update` do in `_init` and
    `_update`.
    """

    name: str | None

    # The arguments that come before the base options, in order, and the base options.
    _own: ClassVar[tuple[str, ...]] = ()
    _options: ClassVar[tuple[str, ...]] = ()
    # Regular expressions of the paths of parameters that weight decay spares.
    _no_decay: tuple[str, ...] = ()

    def _check(self) -> None:
        """Refuse arguments that contradict each other; a subclass adds its own."""

    def _init(self, params: PyTree) -> PyTree:
        raise NotImplementedError

    def _update(
        self, updates: PyTree, state: PyTree, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, PyTree]:
        raise NotImplementedError

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_own" not in cls.__dict__:
            declared = [n for n in inspect.get_annotations(cls) if not n.startswith("_")]
            cls._own = (*cls._own, *(n for n in declared if n not in cls._own))
        _describe(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Take the arguments by Keras's names and order."""
        try:
            bound = inspect.signature(cls).bind(*args, **kwargs)
        except TypeError as error:
            accepted = list(inspect.signature(cls).parameters)
            unknown = next((k for k in kwargs if k not in accepted), None)
            why, write = old_argument(cls.__name__, unknown, kwargs, accepted) if unknown else ("", "")
            raise TypeError(
                explain(
                    f"{cls.__name__}: {error}.",
                    received=f"{len(args)} positional arguments and {sorted(kwargs)}",
                    usually=f"{why}{did_you_mean(unknown, accepted)}" if unknown else "",
                    write=write,
                )
            ) from None
        bound.apply_defaults()

        def init(params: PyTree) -> PyTree:
            return self._init(params)

        def update(updates: PyTree, state: PyTree, params: PyTree = None, **extra_args: Any) -> tuple[PyTree, PyTree]:
            return self._update(updates, state, params, **extra_args)

        self = super().__new__(cls, init, update)
        self.__dict__.update(bound.arguments)
        if self.name is None:
            self.__dict__["name"] = snake_case(cls.__name__)
        self._check()
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            explain(
                f"{type(self).__name__} is frozen: {name} cannot be set.",
                usually="in Keras the optimizer is changed in place; here its state is a value.",
                write=to_set(("Optimizer",), name) or f"optimizer = optimizer.replace({name}=...)",
            )
        )

    def __getattr__(self, name: str) -> Any:
        raise no_attribute(self, ("Optimizer",), name)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(explain(f"{type(self).__name__} is frozen: {name} cannot be deleted."))

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*type(self)._own, *type(self)._options)}

    def replace(self, **changes: Any) -> Self:
        """A new optimizer with some arguments changed.

        Raises:
            TypeError: an argument that the class does not have.
        """
        return rebuild(type(self), {**self._arguments(), **changes}, self._no_decay)

    def __reduce__(self) -> tuple[Callable[..., FromArguments], tuple[object, ...]]:
        return rebuild, (type(self), self._arguments(), self._no_decay)

    def _key(self) -> Hashable:
        arguments = self._arguments()
        rate = arguments.get("learning_rate")
        if rate is not None and not callable(rate) and not isinstance(rate, jax.core.Tracer):
            # a number goes into the state as float32: 0.1, and what a config remembers of it, are one rate
            arguments["learning_rate"] = float(np.float32(rate))
        return (type(self), exact_key(arguments), self._no_decay)

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self)).parameters
        plain = {**{n: p.default for n, p in parameters.items()}, "name": snake_case(type(self).__name__)}
        arguments = self._arguments()
        first = next(iter(arguments), "")  # the learning rate, which one wants to see
        shown = keyword_texts(differing_arguments(type(self), {**plain, first: REQUIRED}, arguments))
        spared = f".exclude_from_weight_decay({list(self._no_decay)!r})" if self._no_decay else ""
        return f"{type(self).__name__}({', '.join(shown)}){spared}"


def _describe(cls: type[FromArguments]) -> None:
    """Give the class its signature, and make its instances static in a pytree (a tuple's parts would be leaves)."""
    names = (*cls._own, *(n for n in cls._options if n not in cls._own))
    cls._options = tuple(n for n in cls._options if n not in cls._own)
    cls.__signature__ = inspect.Signature(
        [
            inspect.Parameter(
                n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=getattr(cls, n, inspect.Parameter.empty)
            )
            for n in names
        ]
    )
    jax.tree_util.register_static(cls)


def rebuild(cls: type[T], arguments: dict[str, Any], no_decay: tuple[str, ...]) -> T:
    """An instance from its arguments, which spares some parameters from weight decay."""
    optimizer = cls(**arguments)
    if no_decay:
        optimizer.__dict__["_no_decay"] = no_decay
    return optimizer
