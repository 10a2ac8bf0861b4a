"""What an Equinox module starts as, as a value, and which of its leaves are variables."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ...core import NON_TRAINABLE, explain, hashable
from ...core.typing import Key, PyTree
from ._host import Place
from ._signatures import call_text, check_arguments, name_of, takes

#: The collection of what Equinox keeps in an `eqx.nn.State`.
STATE = "state"


@dataclasses.dataclass(frozen=True, eq=False)
class EquinoxSource:
    """What makes a module; two are equal that make equal ones.

    Attributes:
        factory: a class or function that makes the module; `None` for an instance.
        args, kwargs: its arguments, without `key`.
        filter: which leaves train, as `eqx.partition` has it.
        module: an instance.
        state: the leaves of its state, and their structure; a state is used once.
    """

    factory: Callable[..., Any] | None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    filter: Any = eqx.is_inexact_array
    module: Any = None
    state: tuple[tuple[Any, ...], Any] = ((), None)

    @functools.cached_property
    def _key(self) -> Hashable:
        leaves, treedef = jax.tree.flatten(self.module)
        values = (hashable(leaves), treedef, hashable(self.state[0]), self.state[1])
        flags, structure = jax.tree.flatten(self.filter)
        return (self.factory, hashable(self.args), hashable(self.kwargs), hashable(flags), structure, values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EquinoxSource) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[Any, ...]:
        return EquinoxSource, tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    def __deepcopy__(self, memo: object) -> EquinoxSource:
        return self

    @property
    def name(self) -> str:
        """The name of the module's class, or of the function."""
        return type(self.module).__name__ if self.factory is None else name_of(self.factory)

    def __repr__(self) -> str:
        return f"<{self.name} as it was>" if self.factory is None else call_text(self.factory, self.args, self.kwargs)

    def make(self, key: Key) -> tuple[Any, eqx.nn.State]:
        """A new module and its state."""
        if self.factory is None:
            leaves, treedef = self.state
            return self.module, jax.tree.unflatten(treedef, leaves)
        keys = {"key": key} if takes(self.factory, "key") else {}
        made, state = eqx.nn.make_with_state(self.factory)(*self.args, **self.kwargs, **keys)
        if not isinstance(made, eqx.Module):
            raise TypeError(
                explain(
                    f"{self.name} made no eqx.Module.",
                    received=type(made).__name__,
                    write="fk.nn.EquinoxLayer(lambda key: eqx.nn.MLP(3, 1, 8, 2, key=key))",
                ).complete()
            )
        return made, state

    @functools.cached_property
    def structure(self) -> Structure:
        """Which leaves of the module are variables, and what the rest is; no number is computed."""
        kinds: list[str | None] = []

        def make(key: Key) -> tuple[Any, eqx.nn.State]:
            module, state = self.make(key)
            training, rest = eqx.partition(module, self.filter)
            flags = zip(_leaves(module), _leaves(training), _leaves(rest), strict=True)
            kinds.extend("params" if t is not None else NON_TRAINABLE if eqx.is_array(r) else None for _, t, r in flags)
            return module, state

        module, state = eqx.filter_eval_shape(make, jax.random.key(0))
        return _structure(module, state, kinds, self.name)


@dataclasses.dataclass(frozen=True)
class Structure:
    """A module and its state without their arrays.

    Attributes:
        leaves: the leaves of the module; of those that are variables the shapes.
        treedef: the module's structure.
        places: where each leaf of the module is; `None` for what is no variable.
        state: the shapes of the state's leaves, and its structure.
        state_places: where each leaf of the state is.
    """

    leaves: list[Any]
    treedef: Any
    places: list[Place | None]
    state: tuple[list[Any], Any]
    state_places: list[Place]

    def shapes(self) -> dict[Place, jax.ShapeDtypeStruct]:
        """The shape of each variable."""
        own = {place: leaf for place, leaf in zip(self.places, self.leaves, strict=True) if place is not None}
        return {**own, **dict(zip(self.state_places, self.state[0], strict=True))}

    def values(self, module: Any, state: eqx.nn.State) -> dict[Place, PyTree]:
        """The variables of a module and a state of this structure."""
        own = zip(self.places, jax.tree.leaves(module), strict=True)
        return {**{place: leaf for place, leaf in own if place is not None}, **self.state_values(state)}

    def state_values(self, state: eqx.nn.State) -> dict[Place, PyTree]:
        """The variables of a state."""
        return dict(zip(self.state_places, jax.tree.leaves(state), strict=True))

    def filled(self, values: Mapping[Place, PyTree]) -> tuple[Any, eqx.nn.State]:
        """The module and the state of these variables."""
        pairs = zip(self.places, self.leaves, strict=True)
        module = jax.tree.unflatten(self.treedef, [leaf if p is None else values[p] for p, leaf in pairs])
        return module, jax.tree.unflatten(self.state[1], [values[place] for place in self.state_places])


def _leaves(tree: PyTree) -> list[Any]:
    """The leaves, with `None` for those that `eqx.partition` took out."""
    return jax.tree.leaves(tree, is_leaf=lambda x: x is None)


def _structure(module: Any, state: eqx.nn.State, kinds: list[str | None], name: str) -> Structure:
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(module, is_leaf=lambda x: x is None)]
    known = zip(paths, kinds, _leaves(module), strict=True)
    places = [None if k is None else (k, names_of(path)) for path, k, leaf in known if leaf is not None]
    leaves, treedef = jax.tree.flatten(module)
    state_leaves, state_treedef = jax.tree.flatten(state)
    numbers = jax.tree.unflatten(state_treedef, range(len(state_leaves)))
    state_places: dict[int, Place] = {}
    for path, index in jax.tree_util.tree_leaves_with_path(module, is_leaf=_is_index):
        if _is_index(index):
            for below, number in jax.tree_util.tree_leaves_with_path(numbers.get(index)):
                state_places.setdefault(number, (STATE, (*names_of(path), *names_of(below))))
    taken = [place for place in [*places, *state_places.values()] if place is not None]
    if len(set(taken)) < len(taken):
        double = next(place for place in taken if taken.count(place) > 1)
        raise ValueError(
            explain(
                f"Two arrays of {name} would have the name {'/'.join(double[1])!r}.",
                received="a dict with the key 0 and the key '0', or two of one path",
                write="keys of one type",
            ).complete()
        )
    return Structure(
        leaves, treedef, places, (state_leaves, state_treedef), [state_places[i] for i in range(len(state_leaves))]
    )


def _is_index(value: object) -> bool:
    return isinstance(value, eqx.nn.StateIndex)


def names_of(path: tuple[Any, ...]) -> tuple[str, ...]:
    """A path of JAX's as names.

    >>> [names_of(path) for path, _ in jax.tree_util.tree_leaves_with_path({"layers": [1]})]
    [('layers', '0')]
    """
    return tuple(str(getattr(key, "name", getattr(key, "key", getattr(key, "idx", key)))) for key in path)


def source_of(
    value: object,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    state: Any = None,
    filter: Any = None,
) -> EquinoxSource:
    """What a module, a class or a function is as a value.

    Args:
        value: a module, or what `eqx.nn.make_with_state` returned; a class; or a function that makes a module.
        args, kwargs: arguments of the class or function. A parameter `key` is given by fkeras.
        state: the state of an instance.
        filter: which leaves train.

    Raises:
        TypeError: arguments that the class or function does not take, or lacks; something that makes no module.
        ValueError: arguments for an instance.
    """
    kwargs = dict(kwargs or {})
    filter = eqx.is_inexact_array if filter is None else filter
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], eqx.nn.State):
        value, state = value
    if isinstance(value, eqx.Module):
        if args or kwargs:
            raise ValueError(
                explain(
                    f"{type(value).__name__} is an instance, which is made already.",
                    received=f"args={args!r}, kwargs={kwargs!r}",
                    write=f"fk.nn.EquinoxLayer({type(value).__name__}, args=..., kwargs=...) with the class",
                )
            )
        if state is None:
            value, state = _with_state(value)
        leaves, treedef = jax.tree.flatten(state)
        return EquinoxSource(None, filter=filter, module=value, state=(tuple(map(jnp.asarray, leaves)), treedef))
    if isinstance(value, functools.partial):
        args, kwargs, value = (*value.args, *args), {**value.keywords, **kwargs}, value.func
    if not (inspect.isroutine(value) or (isinstance(value, type) and issubclass(value, eqx.Module))):
        raise TypeError(
            explain(
                "EquinoxLayer needs an eqx.Module, a class of them, or a function that makes one.",
                received=f"{value.__name__}, a class" if isinstance(value, type) else type(value).__name__,
                usually="a module of Linen or NNX, which fk.nn.FlaxLayer takes.",
                write="fk.nn.EquinoxLayer(eqx.nn.Linear(3, 4, key=key))",
            )
        )
    if state is not None:
        raise ValueError(
            explain(
                "A class or function makes its state itself.",
                received="state=...",
                write=f"fk.nn.EquinoxLayer({name_of(value)}, args=..., kwargs=...)",
            )
        )
    check_arguments(value, args, kwargs, "EquinoxLayer", "key")
    return EquinoxSource(value, args, kwargs, filter)


def _with_state(module: eqx.Module) -> tuple[eqx.Module, eqx.nn.State]:
    """A module that has its first state in it still, and that state."""
    try:
        made: tuple[eqx.Module, eqx.nn.State] = eqx.nn.make_with_state(lambda: module)()
    except ValueError:
        raise ValueError(
            explain(
                f"{type(module).__name__} is stateful, and its state was not given.",
                received="an instance alone",
                usually="only the first of what eqx.nn.make_with_state returned was passed.",
                write="fk.nn.EquinoxLayer(module, state=state), or the pair (module, state)",
            )
        ) from None
    return made
