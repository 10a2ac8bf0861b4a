"""The learning rates in an optimizer's state: finding them, saying what sets them, and replacing them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...core import explain, plain_path_name
from ...core.typing import ArrayLike, PyTree
from ._by_path import ByPath
from ._optimizer_state import ScheduledState

_NAME = "learning_rate"
_SEARCHES = (optax.ScaleByBacktrackingLinesearchState, optax.ScaleByZoomLinesearchState)


@dataclasses.dataclass(frozen=True)
class Rate:
    """A learning rate in a state.

    Attributes:
        path: where it is.
        value: the number.
        owner: what makes the number of each step, so that one put in its place is lost; empty where the state does.
    """

    path: str
    value: jax.Array
    owner: str


def rates_of(opt_state: PyTree) -> list[Rate]:
    """The learning rates in a state, in its order.

    >>> import fkeras as fk
    >>> state = optax.chain(optax.clip(1.0), fk.optimizers.SGD(lambda step: 0.5)).init({"w": jnp.ones(1)})
    >>> rates_of(state)
    [Rate(path='1/learning_rate', value=Array(0.5, dtype=float32), owner='a schedule')]
    """
    rates = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(opt_state):
        if path and _key(path[-1]) == _NAME and (len(path) < 2 or _key(path[-2]) != "hyperparams_states"):
            rates.append(Rate(plain_path_name(path), leaf, _owner(opt_state, path)))
    return rates


def stated_numbers(opt_state: PyTree) -> list[tuple[str, Rate]]:
    """The learning rates in a state, and what else `optax.inject_hyperparams` keeps there, by name, in its order.

    >>> state = optax.inject_hyperparams(optax.adamw)(1e-3, weight_decay=0.5).init({"w": jnp.ones(1)})
    >>> [name for name, _ in stated_numbers(state)][-2:]
    ['learning_rate', 'weight_decay']
    """
    rates = {rate.path: rate for rate in rates_of(opt_state)}
    found: list[tuple[str, Rate]] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(opt_state):
        name = plain_path_name(path)
        if name in rates:
            found.append((_NAME, rates[name]))
        elif len(path) > 1 and _key(path[-2]) == "hyperparams" and np.ndim(leaf) == 0:
            scheduled = _key(path[-1]) in getattr(list(_nodes(opt_state, path))[-2], "hyperparams_states", ())
            found.append((str(_key(path[-1])), Rate(name, leaf, "a schedule" if scheduled else "")))
    return found


def with_stated(opt_state: PyTree, values: Mapping[str, ArrayLike]) -> PyTree:
    """The state with other numbers at some of its paths, in the dtypes of those that are there.

    Raises:
        ValueError: what is no number.
    """

    def put(path: jax.tree_util.KeyPath, leaf: PyTree) -> PyTree:
        name = plain_path_name(path)
        return _number(values[name], leaf) if name in values else leaf

    return jax.tree_util.tree_map_with_path(put, opt_state)


def named_rates(opt_state: PyTree) -> dict[str, jax.Array]:
    """The learning rates as logs name them: `learning_rate`, or `learning_rate_1` and so on where there are several."""
    rates = rates_of(opt_state)
    return {_NAME if len(rates) == 1 else f"{_NAME}_{i}": rate.value for i, rate in enumerate(rates, 1)}


def only_rate(opt_state: PyTree) -> jax.Array | None:
    """The learning rate of a state that has one; `None` for none, and for several."""
    rates = rates_of(opt_state)
    return rates[0].value if len(rates) == 1 else None


def rates_by_part(optimizer: object, opt_state: PyTree) -> dict[str, jax.Array]:
    """The learning rates of a state with several: by the rule of a `by_path`, else by where they are in the state.

    >>> import fkeras as fk
    >>> optimizer = fk.optimizers.get({"head": fk.optimizers.SGD(0.5), ".*": fk.optimizers.SGD(0.25)})
    >>> state = optimizer.init({"head": {"w": jnp.ones(1)}, "base": {"w": jnp.ones(1)}})
    >>> {rule: float(rate) for rule, rate in rates_by_part(optimizer, state).items()}
    {'head': 0.5, '.*': 0.25}
    """
    rules = [pattern for pattern, _ in optimizer.rules] if isinstance(optimizer, ByPath) else []
    found: dict[str, jax.Array] = {}
    for rate in rates_of(opt_state):
        _, is_rule, number = rate.path.removesuffix(f"/{_NAME}").partition("inner_states/")
        rule = rules[int(number.partition("/")[0])] if rules and is_rule else rate.path
        found[rate.path if rule in found else rule] = rate.value
    return found


def check_settable(optimizer: object, opt_state: PyTree) -> None:
    """Refuse a state in which a learning rate cannot be set, or one of several cannot.

    Raises:
        TypeError: a rate that a schedule or a line search makes anew in each step; Keras raises it too.
        ValueError: a rate that is not in the state.
    """
    rates = rates_of(opt_state)
    for rate in rates:
        if rate.owner:
            raise TypeError(
                explain(
                    f"The learning rate of this optimizer belongs to {rate.owner}, so it cannot be set.",
                    received=f"{repr(optimizer)[:80]}, with {rate.path!r} in its state",
                    usually="a callback or set_learning_rate would set it, and the next step would not use it.",
                    write="compile(fk.optimizers.Adam(1e-3)), with a number; or the schedule alone, and no callback",
                )
            )
    without = ["the optimizer"] if not rates else list(_parts_without(opt_state))
    if without:
        raise ValueError(
            explain(
                "This optimizer keeps no learning rate in its state."
                if not rates
                else f"This optimizer keeps no learning rate for {', '.join(without)} in its state.",
                received=repr(optimizer)[:80],
                usually="a plain optax optimizer bakes the number, or the schedule, into its update.",
                write="fk.optimizers.Adam(1e-3), or optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)",
            )
        )


def with_rates(optimizer: object, opt_state: PyTree, change: Callable[[jax.Array], ArrayLike]) -> PyTree:
    """The state with `change(rate)` in place of each learning rate; the next step uses them.

    Raises:
        TypeError, ValueError: a rate that cannot be set, or what is no rate.
    """
    check_settable(optimizer, opt_state)
    return with_stated(opt_state, {rate.path: change(rate.value) for rate in rates_of(opt_state)})


def rates_of_members(optimizer: object, opt_state: PyTree, value: ArrayLike, members: int) -> PyTree:
    """The stacked states of many members with `value` for all, or `value[i]` for each, in place of each learning rate.

    Raises:
        TypeError, ValueError: a rate that cannot be set, or what is neither one rate nor one for each.
    """
    if np.ndim(value) != 1 or np.shape(value) != (members,):
        return jax.vmap(lambda state: with_rates(optimizer, state, lambda _: value))(opt_state)
    return jax.vmap(lambda state, rate: with_rates(optimizer, state, lambda _: rate))(opt_state, jnp.asarray(value))


def _number(value: object, like: PyTree) -> jax.Array:
    if value is None or isinstance(value, str | bytes | bool) or callable(value) or np.ndim(value) != 0:
        raise ValueError(
            explain(
                "A learning rate is one number.",
                received=repr(value)[:80],
                usually="a schedule is an argument of the optimizer, not of a state." if callable(value) else "",
                write="model.compile(fk.optimizers.Adam(schedule))" if callable(value) else "1e-3",
            )
        )
    return jnp.asarray(value, like.dtype)


def _owner(opt_state: PyTree, path: jax.tree_util.KeyPath) -> str:
    parents = list(_nodes(opt_state, path))
    if isinstance(parents[-1], ScheduledState):
        return "a schedule"
    if isinstance(parents[-1], _SEARCHES):
        return "a line search"
    # optax.inject_hyperparams keeps the values of its schedules among the numbers, and recomputes them in each update
    injected = len(parents) > 1 and _NAME in getattr(parents[-2], "hyperparams_states", ())
    return "a schedule" if injected else ""


def _nodes(tree: PyTree, path: jax.tree_util.KeyPath) -> Iterator[PyTree]:
    """The nodes that lead to a leaf, from the root to its parent."""
    for key in path:
        yield tree
        if isinstance(key, jax.tree_util.FlattenedIndexKey):  # of a class registered without keys
            return
        tree = getattr(tree, key.name) if isinstance(key, jax.tree_util.GetAttrKey) else tree[_key(key)]


def _key(key: object) -> str | int:
    """The name, index or key that one entry of a path holds."""
    return next(getattr(key, a) for a in ("name", "idx", "key") if hasattr(key, a))


def _parts_without(opt_state: PyTree) -> Iterator[str]:
    """The parts of an `optax.partition` that keep no rate though another does; `optax.set_to_zero` needs none."""

    def is_part(node: object) -> bool:
        return isinstance(node, optax.PartitionState)

    for node in filter(is_part, jax.tree.leaves(opt_state, is_leaf=is_part)):
        for label, part in node.inner_states.items():
            inner = getattr(part, "inner_state", part)
            if not isinstance(inner, optax.EmptyState) and not rates_of(inner):
                yield f"part {label!r}"
