"""Variables as an `nnx.State` and back; every array is the same one."""

from __future__ import annotations

from collections.abc import Mapping

from flax import nnx

from ...core import NON_TRAINABLE, explain, variables_in
from ...core.typing import PyTree, Variables, VariablesLike
from ._host import Place, as_arrays, by_collection, by_place
from ._nnx_collections import AddedLoss, NNXPath, flat_state, places_of, type_of, value_of, with_value


def from_nnx_state(state: nnx.State | nnx.Module) -> dict[str, PyTree]:
    """The variables that an `nnx.State`, or the state of a module, holds.

    Args:
        state: what `nnx.state(module)` or `nnx.split(module)` returned; or the module.

    Returns:
        `{"params": …, "batch_stats": …}`: `nnx.Param`s of any type in `params`, every other type of variable in a
        collection of its own, arrays that are no variables in `non_trainable`. The keys of random streams are in none.

    Raises:
        TypeError: something that is no state.
        ValueError: two variables that would have one name.

    >>> import fkeras as fk
    >>> from flax import nnx
    >>> module = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    >>> variables = fk.from_nnx_state(module)
    >>> sorted(variables["params"]), variables["params"]["kernel"] is module.kernel.get_value()
    (['bias', 'kernel'], True)

    Reference: https://flax.readthedocs.io/en/stable/nnx_basics.html
    """
    if not isinstance(state, nnx.State | nnx.Module):
        raise TypeError(
            explain(
                "from_nnx_state takes an nnx.State or an nnx.Module.",
                received=type(state).__name__,
                usually="an optimizer, or what `nnx.split` returned, a graph and a state.",
                write="fk.from_nnx_state(nnx.state(module))",
            )
        )
    flat = [(path, leaf) for path, leaf in flat_state(state) if not isinstance(leaf, AddedLoss)]
    leaves = dict(flat)
    places = places_of(flat, "the state")
    return by_collection({place: value_of(leaves[path]) for path, place in places.items()})


def to_nnx_state(variables: VariablesLike, like: nnx.State | nnx.Module | None = None) -> nnx.State:
    """Variables as an `nnx.State`, which `nnx.update(module, state)` puts into a module.

    Args:
        variables: what `model.init` returned or a run ended with; or a state that has them. Those of one layer are
            `model.variables_for(layer, variables)`.
        like: a module or state that has the types, and whose places they get; what it alone has is left out. Without
            it the collection tells the type, and names that are numbers are places in lists.

    Returns:
        The state, whose arrays are the very ones.

    Raises:
        ValueError: variables that `like` has no place for, or places without one; each is named.

    >>> import fkeras as fk, jax
    >>> from flax import nnx
    >>> trainer = fk.Trainer(nnx.Linear(3, 2, rngs=nnx.Rngs(0)), "sgd", "mse")
    >>> state = trainer.init(0, jax.numpy.ones((1, 3)))
    >>> module = nnx.Linear(3, 2, rngs=nnx.Rngs(1))
    >>> nnx.update(module, fk.to_nnx_state(state, like=module))
    >>> module.kernel.get_value() is state.params["kernel"]
    True

    Reference: https://flax.readthedocs.io/en/stable/nnx_basics.html
    """
    given = by_place(variables, "fk.to_nnx_state(variables)", [like])
    if like is None:
        return nnx.from_flat_state([(_numbered(path), type_of(name)(value)) for (name, path), value in given.items()])
    flat = [(path, leaf) for path, leaf in flat_state(like) if not isinstance(leaf, AddedLoss)]
    leaves, places = dict(flat), places_of(flat, "`like`")
    values = {place: _value_at(variables_in(variables), place) for place in places.values()}
    missing = ["/".join((c, *path)) for (c, path), value in values.items() if value is None]
    unknown = ["/".join((c, *path)) for c, path in given if not _is_below((c, path), values)]
    if missing or unknown:
        raise ValueError(
            explain(
                "The variables are not those of the module.",
                received=f"missing: {', '.join(missing) or 'none'}; no place for: {', '.join(unknown) or 'none'}",
                usually="the module is one layer of the model, or has other arguments.",
                write="fk.to_nnx_state(model.variables_for(layer, variables), like=module)",
            )
        )
    found = [(path, with_value(leaves[path], as_arrays(values[place]))) for path, place in places.items()]
    return nnx.from_flat_state(found)


def _value_at(variables: Variables, place: Place) -> PyTree:
    for collection in (place[0], NON_TRAINABLE) if place[0] == "params" else place[:1]:  # where `wrt` left it out
        value: PyTree = variables.get(collection)
        for name in place[1]:
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _is_below(place: Place, places: Mapping[Place, PyTree]) -> bool:
    collection, path = place
    collections = (collection, "params") if collection == NON_TRAINABLE else (collection,)
    return any((name, path[:end]) in places for name in collections for end in range(1, len(path) + 1))


def _numbered(path: tuple[str, ...]) -> NNXPath:
    return tuple(int(name) if name.isdecimal() else name for name in path)
