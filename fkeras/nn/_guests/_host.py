"""What hosts a module of another library: a Linen module that has the guest's arrays among its own variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import jax
import jax.numpy as jnp
from flax import linen

from ...core import MASKS, TRANSIENT, are_params, describe, explain, given_instead, keeps_changes, variables_in
from ...core.typing import PyTree, Training, Variables, VariablesLike

#: A leaf of a guest's variables: its collection and its path there.
Place = tuple[str, tuple[str, ...]]
#: What is called: a method's name, or a function of the guest and the inputs; `None` for `__call__`.
Method = str | Callable[..., PyTree] | None


class Host(linen.Module):
    """A Linen module around a guest; each kind of guest has a class of its own."""

    def __call__(self, *inputs: PyTree, method: Method = None, training: Training = False, **kwargs: PyTree) -> PyTree:
        raise NotImplementedError

    def keep(self, values: Mapping[Place, PyTree], training: Training = False) -> None:
        """Put values to their places; changes in collections that the caller did not ask for are dropped.

        Args:
            values: by their places.
            training: whether it is said what is dropped. A guest's transforms make other arrays of those that it only
                reads, so that in inference nobody knows.
        """
        for collection, trees in by_collection(values).items():
            told = bool(training) and self._changes(collection, trees)
            if keeps_changes(self, collection) if told else self.is_mutable_collection(collection):
                for name, tree in trees.items():
                    self.put_variable(collection, name, tree)

    def _changes(self, collection: str, trees: Mapping[str, PyTree]) -> bool:
        """Whether a call made other arrays than the variables have, which it was given."""
        given = {id(leaf) for leaf in jax.tree.leaves(self.variables.get(collection, {}))}
        return collection not in TRANSIENT and any(id(leaf) not in given for leaf in jax.tree.leaves(trees))

    def kept(self, place: Place, of: str) -> PyTree:
        """The value at a place.

        Raises:
            ValueError: the variables have none.
        """
        collection, path = place
        value: PyTree = self.get_variable(collection, path[0])
        for name in path[1:]:
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is None:
            raise ValueError(
                explain(
                    f"The variables have no {'/'.join((collection, *path))!r}, which {of} has.",
                    received=f"collections {sorted(self.variables)}",
                    usually="the variables are of another module, or a collection was left out.",
                    write='variables = model.init(key, x), and model.apply({**variables, "params": params}, x)',
                ).complete()
            )
        # A guest may write into what is no array of JAX, and it is the caller's.
        return jax.tree.map(jnp.asarray, linen.meta.unbox(value))


def by_collection(values: Mapping[Place, PyTree]) -> dict[str, dict[str, PyTree]]:
    """Values by their places, as nested dicts.

    >>> by_collection({("params", ("dense", "kernel")): 1, ("params", ("dense", "bias")): 2})
    {'params': {'dense': {'kernel': 1, 'bias': 2}}}
    """
    tree: dict[str, dict[str, PyTree]] = {}
    for (collection, path), value in values.items():
        inside = tree.setdefault(collection, {})
        for name in path[:-1]:
            inside = inside.setdefault(name, {})
        inside[path[-1]] = value
    return tree


def by_place(variables: VariablesLike, call: str, rest: Iterable[object] = ()) -> dict[Place, PyTree]:
    """The leaves of variables by their places, as arrays of JAX; masks are none.

    Args:
        variables: the variables, or a state that has them.
        call: the call that takes them, as it should be written.
        rest: the arguments after them.

    Raises:
        TypeError: something that has none, such as a trainer.

    >>> list(by_place({"params": {"dense": {"kernel": 1.0}}}, "fk.to_nnx_state(variables)"))
    [('params', ('dense', 'kernel'))]
    """
    trees = checked_variables(variables, call, rest)
    return {
        (collection, path): as_arrays(value)
        for collection, tree in trees.items()
        if collection != MASKS
        for path, value in _paths(tree, ())
    }


def checked_variables(given: VariablesLike, call: str, rest: Iterable[object] = ()) -> Variables:
    """The variables in what holds them.

    Raises:
        TypeError: something that has none, or weights without the name of their collection.
    """
    found = variables_in(given)
    if isinstance(found, Mapping) and not are_params(found):
        return found
    usually, write = given_instead(given, call, rest) or (
        "variables are `{'params': {...}}`, or a state that has them.",
        call,
    )
    if are_params(found):
        usually, write = 'variables["params"] instead of variables.', call
    raise TypeError(
        explain(
            "These are no variables."
            if not isinstance(found, Mapping)
            else "These are weights without the name of their collection.",
            received=describe(given) if not isinstance(found, Mapping) else f"the keys {sorted(map(str, found))}",
            usually=usually,
            write=write,
        )
    )


def _paths(tree: PyTree, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], PyTree]]:
    if isinstance(tree, Mapping):
        return [found for name, inside in tree.items() for found in _paths(inside, (*path, str(name)))]
    return [(path, tree)]


def as_arrays(value: PyTree) -> PyTree:
    """Arrays of JAX as they are, and what can be written into as one of them."""
    return jax.tree.map(jnp.asarray, value)
