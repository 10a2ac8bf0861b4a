"""What an NNX module starts as: a snapshot of an instance, or a class or function with its arguments, as a value."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ...core import explain, hashable
from ...core.typing import Key, PyTree
from ._nnx_collections import Leaf, NNXPath, flat_state, pop_sown, value_of, with_value
from ._signatures import call_text, check_arguments, name_of, takes

#: The state of a module, leaf by leaf.
Flat = list[tuple[NNXPath, Leaf]]


@dataclasses.dataclass(frozen=True, eq=False)
class NNXSource:
    """What makes a module; two are equal that make equal ones.

    Attributes:
        factory: a class or function that makes the module; `None` for an instance.
        args, kwargs: its arguments, without `rngs`.
        graphdef: the structure of an instance.
        start: the state of an instance, its arrays the very ones.
    """

    factory: Callable[..., nnx.Module] | None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    graphdef: Any = None
    start: tuple[tuple[NNXPath, Leaf], ...] = ()

    @functools.cached_property
    def _key(self) -> Hashable:
        values = tuple((path, type(leaf), hashable_of(leaf)) for path, leaf in self.start)
        return (self.factory, hashable(self.args), hashable(self.kwargs), hashable(self.graphdef), values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NNXSource) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[Any, ...]:
        return NNXSource, tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    def __deepcopy__(self, memo: object) -> NNXSource:
        return self

    @property
    def name(self) -> str:
        """The name of the module's class, or of the function."""
        if self.factory is not None:
            return name_of(self.factory)
        return type(self.abstract()[0]).__name__

    def __repr__(self) -> str:
        if self.factory is None:
            return f"<{self.name} as it was>"
        return call_text(self.factory, self.args, self.kwargs)

    def make(self, key: Key | None, example: Callable[[nnx.Module], object] | None = None) -> nnx.Module:
        """A new module.

        Args:
            key: what the weights of a class or a function follow from.
            example: a call of the module, for Linen modules inside it, which make their weights in one.
        """
        if self.factory is None:
            # A module owns its variables: the leaves are copied, their arrays are not.
            copies = [(path, with_value(leaf, value_of(leaf))) for path, leaf in self.start]
            module = nnx.merge(self.graphdef, nnx.from_flat_state(copies))
        else:
            kwargs = dict(self.kwargs)
            if takes(self.factory, "rngs"):
                kwargs["rngs"] = nnx.Rngs(key)
            with nnx.use_eager_sharding(False):  # where weights lie is the layout's to say
                module = self.factory(*self.args, **kwargs)
        if not isinstance(module, nnx.Module):
            raise TypeError(
                explain(
                    f"{self.name} made no nnx.Module.",
                    received=type(module).__name__,
                    write="fk.nn.FlaxLayer(lambda rngs: MLP(3, 4, rngs=rngs))",
                ).complete()
            )
        pop_sown(module)
        return made_by_a_call(module, example)

    def abstract(self, example: Callable[[nnx.Module], object] | None = None) -> tuple[nnx.Module, Any, Flat]:
        """A module of shapes, its structure, and its state; no number is computed."""
        if example is None:
            return self._abstract
        return _abstract(functools.partial(self.make, example=example))

    @functools.cached_property
    def _abstract(self) -> tuple[nnx.Module, Any, Flat]:
        return _abstract(self.make)


def _abstract(make: Callable[[Key], nnx.Module]) -> tuple[nnx.Module, Any, Flat]:
    module = nnx.eval_shape(lambda: make(jax.random.key(0)))
    graphdef, state = nnx.split(module)
    return module, graphdef, flat_state(state)


def hashable_of(leaf: Leaf) -> Hashable:
    """A leaf's numbers as a key; those of random streams are none, as they follow from the keys of a call."""
    if isinstance(leaf, nnx.RngState):
        return jax.tree.map(jnp.shape, value_of(leaf))
    leaves, treedef = jax.tree.flatten(value_of(leaf))
    return treedef, hashable(leaves)


def unmade(module: nnx.Module) -> bool:
    """Whether there is a Linen module inside, bridged, that has no variables yet."""
    return any(isinstance(part, nnx.bridge.ToNNX) and not _variables_of(part) for _, part in nnx.iter_modules(module))


def _variables_of(part: nnx.bridge.ToNNX) -> list[object]:
    return [leaf for _, leaf in flat_state(part) if not isinstance(leaf, nnx.RngState)]


def made_by_a_call(module: nnx.Module, example: Callable[[nnx.Module], object] | None) -> nnx.Module:
    """The module, with Linen modules in it made by a call."""
    if example is not None and unmade(module):
        nnx.bridge.lazy_init(_Called(module, example))
    return module


class _Called(nnx.Module):
    """A module and a call of it, as Flax's `lazy_init` takes it."""

    def __init__(self, module: nnx.Module, example: Callable[[nnx.Module], object]) -> None:
        self.module = module
        self.example = example

    def __call__(self) -> object:
        return self.example(self.module)


def source_of(value: object, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> NNXSource:
    """What a module, a class or a function is as a value.

    Args:
        value: a module, whose values of now are the start; a class; or a function that makes a module.
        args, kwargs: arguments of the class or function. A parameter `rngs` is given by fkeras.

    Raises:
        TypeError: arguments that the class or function does not take, or lacks; something that makes no module.
        ValueError: arguments for an instance, or random streams among them.
    """
    kwargs = dict(kwargs or {})
    if isinstance(value, nnx.Optimizer):
        raise TypeError(
            explain(
                "An nnx.Optimizer is no module: it holds the state of a run.",
                received=type(value).__name__,
                usually="the optimizer of a hand-written loop was passed instead of its model.",
                write="fk.Trainer(model, optimizer=optax.adam(1e-3), loss='mse'), with the optax transformation",
            )
        )
    if isinstance(value, nnx.Module):
        return _of_instance(value, args, kwargs)
    if isinstance(value, functools.partial):
        args, kwargs, value = (*value.args, *args), {**value.keywords, **kwargs}, value.func
    if not (inspect.isroutine(value) or (isinstance(value, type) and issubclass(value, nnx.Module))):
        raise TypeError(
            explain(
                "FlaxLayer needs a Linen or NNX module, a class of nnx.Module, or a function that makes one.",
                received=f"{value.__name__}, a class" if isinstance(value, type) else type(value).__name__,
                usually="a class of Linen was passed without calling it, or the state of a module instead of it.",
                write="fk.nn.FlaxLayer(linen.Dense(3)), or fk.nn.FlaxLayer(MLP, args=(3, 4)) of an nnx class MLP",
            )
        )
    _check_arguments(value, args, kwargs)
    return NNXSource(value, args, kwargs)


def _check_arguments(factory: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    name = name_of(factory)
    if any(isinstance(leaf, nnx.Rngs | nnx.RngStream) for leaf in [*args, *kwargs.values()]) or "rngs" in kwargs:
        raise ValueError(
            explain(
                f"{name} gets its random streams from the key of `init`, so that equal layers are equal.",
                received="rngs among the arguments",
                usually="the line that made the module was carried over.",
                write=f"fk.nn.FlaxLayer({name}, args=(...)) without rngs; or an instance, {name}(..., rngs=rngs)",
            )
        )
    check_arguments(factory, args, kwargs, "FlaxLayer", "rngs")


def _of_instance(module: nnx.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> NNXSource:
    name = type(module).__name__
    if args or kwargs:
        raise ValueError(
            explain(
                f"{name} is an instance, which is made already.",
                received=f"args={args!r}, kwargs={dict(kwargs)!r}",
                write=f"fk.nn.FlaxLayer({name}, args=..., kwargs=...) with the class, or the instance alone",
            )
        )
    graphdef, state = nnx.split(module)
    copies = [(path, with_value(leaf, _as_arrays(value_of(leaf)))) for path, leaf in flat_state(state)]
    copy = nnx.merge(graphdef, nnx.from_flat_state(copies))
    pop_sown(copy)  # of calls before
    graphdef, state = nnx.split(copy)
    return NNXSource(None, graphdef=graphdef, start=tuple(flat_state(state)))


def _as_arrays(value: PyTree) -> PyTree:
    """Numbers, and arrays that can be written into, as arrays of JAX, which are themselves."""
    return jax.tree.map(lambda x: jnp.asarray(x) if hasattr(x, "dtype") or isinstance(x, int | float) else x, value)
