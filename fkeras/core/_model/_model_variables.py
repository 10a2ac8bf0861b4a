"""A model's variables, looked at from outside: how many numbers, whose they are, under which paths."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .._layer._checked_variables import check_collections
from .._layer._layer import Layer
from .._layer._variables_fit import spec_of
from .._words._array_differences import compare_arrays
from .._words._errors import explain
from ..typing import PyTree, Variables
from ._repeated_blocks import Step, steps_to
from ._sublayers import find_path


def part_of(variables: Variables, model: Layer, nested: Layer | str) -> dict[str, Any]:
    """The part of a model's variables that belongs to a layer inside it, given as itself or as its path.

    Raises:
        ValueError: the layer is not in the model.
    """
    check_collections(model.path_text(), variables, needs_params=True)
    steps = _way_to(model, nested)
    part: dict[str, Any] = {}
    for collection, tree in variables.items():
        for key, number in steps:
            tree = tree.get(key, {}) if isinstance(tree, Mapping) else {}
            if number is not None:
                tree = jax.tree.map(functools.partial(_taken, number), tree)
        if tree or collection == "params":
            part[collection] = tree
    return part


def _way_to(model: Layer, nested: Layer | str) -> list[Step]:
    """The way to a layer inside a model, or to one of the blocks that a layer in it stacks."""
    steps = steps_to(model, nested) if isinstance(nested, str) else None
    return steps or [Step(key) for key in find_path(model, nested)]


def _taken(number: int, leaf: PyTree) -> PyTree:
    """One of the arrays that are stacked in another, or its shape and dtype."""
    return jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf[number]


def with_part(
    variables: Variables, model: Layer, nested: Layer | str, part: Variables, expected: Variables | None = None
) -> dict[str, Any]:
    """A model's variables with others for a layer inside it: see `Model.put`.

    Args:
        variables: the model's variables; of one that knows its shapes a collection that is missing is an empty one.
        model: the model.
        nested: the layer, or its path.
        part: its variables.
        expected: the model's variables as shapes, where they are known.
    """
    check_collections(model.path_text(), variables, needs_params=expected is None)
    steps = _way_to(model, nested)
    name = "/".join(key if number is None else str(number) for key, number in steps)
    own = part_of(variables if expected is None else expected, model, nested)
    if not isinstance(part, Mapping) or (part and not set(part) & set(own)):
        raise ValueError(
            explain(
                f"What is put at {name!r} is no variables: a dict of the collections {', '.join(sorted(own))}.",
                received=f"the keys {list(part)[:6]}" if isinstance(part, Mapping) else type(part).__name__,
                usually="the params alone, a state, or a list of weights as Keras's set_weights takes.",
                write=f"model.put(variables, {name!r}, {_names_in(own)})",
            )
        )
    given = jax.tree.map(jnp.asarray, dict(part))
    differences = compare_arrays(spec_of(own), spec_of(given))
    if not differences.ok:
        raise ValueError(
            explain(
                f"What is put at {name!r} of {model.path_text()} does not fit.",
                received="\n" + differences.text("given"),
                usually="another model's variables, or params without the other collections.",
                write=f"model.put(variables, {name!r}, part), part like model.variables_for({name!r}, variables)",
            )
        )
    merged = dict(variables)
    for collection, tree in ((c, t) for c, t in given.items() if t):
        merged[collection] = _replaced_at(merged.get(collection, {}), steps, tree)
    if expected is not None and not jax.tree.leaves(variables):
        lacking = compare_arrays(spec_of(expected), spec_of(merged))
        if not lacking.ok:
            raise ValueError(
                explain(
                    f"Empty variables with those of {name!r} are not all that {model.path_text()} has.",
                    received="\n" + lacking.text("given"),
                    usually="the other layers have weights too, which `init` makes.",
                    write=f"variables = model.put(model.init(0), {name!r}, part)",
                )
            )
    return merged


def _names_in(tree: PyTree) -> str:
    """A tree of variables as its names, without those of the layers inside a model."""
    shown = ", ".join(f"{c!r}: {{{', '.join(f'{name!r}: …' for name in inside)}}}" for c, inside in tree.items())
    return "{" + shown + "}"


def _replaced_at(tree: Mapping[str, PyTree], steps: Sequence[Step], value: PyTree) -> PyTree:
    """A tree with another value at a place; the dicts on the way are new."""
    if not steps:
        return value
    (key, number), rest = steps[0], steps[1:]
    inside = tree.get(key, {})
    if number is None:
        return {**tree, key: _replaced_at(inside, rest, value)}
    new = _replaced_at(jax.tree.map(functools.partial(_taken, number), inside), rest, value)
    return {**tree, key: jax.tree.map(lambda stack, one: jnp.asarray(stack).at[number].set(one), inside, new)}


def with_own_dicts(variables: PyTree) -> PyTree:
    """The same leaves in other dicts, for whoever may change them."""
    if isinstance(variables, dict):
        return {key: with_own_dicts(value) for key, value in variables.items()}
    return variables
