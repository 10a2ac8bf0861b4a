"""Where the variables of an NNX module stand among collections: by their type, at the path that they have there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import jax
from flax import nnx

from ...core import LOSSES, NON_TRAINABLE, TRANSIENT, explain, snake_case
from ...core.typing import PyTree
from ._host import Place

#: A path in an `nnx.State`; an item of a list has its number.
NNXPath = tuple[str | int, ...]
#: What a path of a flat state leads to: a variable, or an array that lies in a module as it is.
Leaf = nnx.Variable | jax.Array | jax.ShapeDtypeStruct


class FrozenParam(nnx.Variable):
    """A weight that does not train: `params` in fkeras, and no `nnx.Param`, so that `nnx.Optimizer` leaves it alone."""


class AddedLoss(nnx.Variable):
    """The sum of what layers add to the loss, such as their regularizers."""


def collection_of(kind: type) -> str:
    """The collection of a type of variable.

    A `Param` of any kind is in `params`. Others are where Flax's bridge has them, and those that it does not know in a
    collection of their own name. Arrays that are no variables are in `non_trainable`.

    >>> class Seen(nnx.Variable): ...
    >>> [collection_of(kind) for kind in (nnx.LoRAParam, nnx.BatchStat, Seen, jax.Array)]
    ['params', 'batch_stats', 'seen', 'non_trainable']
    """
    if not issubclass(kind, nnx.Variable):
        return NON_TRAINABLE
    if issubclass(kind, nnx.Param | FrozenParam):
        return "params"
    try:
        return nnx.variable_name_from_type(kind)
    except ValueError:  # not registered, and it is not ours to register it
        return snake_case(kind.__name__)


def type_of(collection: str) -> type[nnx.Variable]:
    """The type of variable that a collection's leaves are.

    >>> type_of("batch_stats").__name__, type_of("params").__name__
    ('BatchStat', 'Param')
    """
    return nnx.variable_type_from_name(collection, allow_register=True)


def is_sown(path: object, leaf: object) -> bool:
    """Whether a leaf is of one call, and no part of what a module is; a filter of NNX's."""
    return isinstance(leaf, nnx.Intermediate) or (
        isinstance(leaf, nnx.Variable) and collection_of(type(leaf)) in TRANSIENT
    )


def pop_sown(module: nnx.Module) -> nnx.State:
    """Take what calls left in a module out of it."""
    sown: nnx.State = nnx.pop(module, cast(Any, is_sown))
    return sown


def sown_types() -> tuple[type[nnx.Variable], ...]:
    """The types whose values `sow` is to give us: intermediates of any kind, and losses."""
    found: list[type[nnx.Variable]] = []
    left: list[Any] = [nnx.Intermediate]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if not issubclass(kind, nnx.Perturbation):  # `perturb` outside a search for gradients changes nothing
            found.append(kind)
    return (*found, type_of(LOSSES))


def value_of(leaf: Leaf) -> PyTree:
    """A leaf's array or arrays."""
    return leaf.get_raw_value() if isinstance(leaf, nnx.Variable) else leaf


def with_value(leaf: Leaf, value: PyTree) -> PyTree:
    """A leaf of the same type and metadata with another value; it itself stays as it is."""
    return leaf.copy(value=value) if isinstance(leaf, nnx.Variable) else value


def flat_state(state: nnx.State | nnx.Module) -> list[tuple[NNXPath, Leaf]]:
    """The leaves of a state, or of a module's, in its order."""
    whole = state if isinstance(state, nnx.State) else nnx.state(state)
    return cast(list[tuple[NNXPath, Leaf]], list(nnx.to_flat_state(whole)))


def places_of(leaves: Iterable[tuple[NNXPath, Leaf]], of: str, wrt: Any = nnx.Param) -> dict[NNXPath, Place]:
    """Where fkeras has each leaf that is no state of a random stream.

    Args:
        leaves: of a state.
        of: whose state it is, for the error.
        wrt: which variables train: those are in `params`, and `Param`s that are not among them in `non_trainable`.

    Raises:
        ValueError: two leaves that would stand at one place.
    """
    found: dict[NNXPath, Place] = {}
    taken: dict[Place, NNXPath] = {}
    leaves = list(leaves)
    training = {path for path, _ in flat_state(nnx.filter_state(nnx.from_flat_state(leaves), wrt))}
    for path, leaf in leaves:
        if isinstance(leaf, nnx.RngState):
            continue
        own = collection_of(type(leaf))
        if path in training:
            own = "params"
        elif own == "params" and not isinstance(leaf, FrozenParam):
            own = NON_TRAINABLE
        place = own, tuple(str(key) for key in path)
        if place in taken:
            raise ValueError(
                explain(
                    f"Two variables of {of} would have the name {'/'.join(place[1])!r}.",
                    received=f"{taken[place]} and {path}",
                    usually="a dict with the key 0 and the key '0'.",
                    write="keys of one type",
                )
            )
        found[path], taken[place] = place, path
    return found
