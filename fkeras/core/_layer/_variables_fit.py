"""Whether variables that were given are a model's own: each path, shape and dtype is compared before one is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from .._graph._dimensions import is_symbolic
from .._graph._graph import Graph
from .._words._array_differences import ArraySpec, compare_arrays
from .._words._array_errors import describe
from .._words._errors import explain
from .._words._given_instead import are_params, given_instead, of_state, variables_in
from .._words._paths import KeyPath, is_key, named_leaves, path_name
from ..typing import PyTree, Variables, VariablesLike


@runtime_checkable
class HasVariables(Protocol):
    """A model, as the check of its variables sees it."""

    @property
    def graph(self) -> Graph | None:
        """Its graph; without one its variables are not known."""

    def abstract_variables(self) -> Variables:
        """The shapes and dtypes of its variables, for a model with a graph."""

    def path_text(self) -> str:
        """How messages call it."""


def spec_of(tree: PyTree, name: Callable[[KeyPath], str] = path_name) -> dict[str, ArraySpec]:
    """The shape and dtype of each array of a tree.

    Args:
        tree: arrays, or `jax.ShapeDtypeStruct`s.
        name: what makes the name of an array of its key path.

    Returns:
        `{name: (shape, dtype's name)}`, with -1 for a size that is not known; random keys as their raw data.

    >>> spec_of({"params": {"bias": jnp.zeros(3)}})
    {'params/bias': ((3,), 'float32')}
    """
    specs = {}
    for path, leaf in named_leaves(tree, name).items():
        if is_key(leaf):
            leaf = jax.eval_shape(jax.random.key_data, leaf)
        specs[path] = (tuple(-1 if is_symbolic(d) else int(d) for d in leaf.shape), jnp.dtype(leaf.dtype).name)
    return specs


def check_variables(
    model: HasVariables, given: VariablesLike, verb: str, arguments: str = "path, variables"
) -> Variables:
    """Variables that are the model's; others are refused before anything is done with them.

    Args:
        model: the model; without a graph its variables are not known, and only their kind is checked.
        given: variables, or the state of a run.
        verb: the model's method that takes them.
        arguments: what to write in the method's brackets.

    Returns:
        The variables.

    Raises:
        ValueError: no dict of arrays, or paths, shapes or dtypes that differ; every difference is listed.
    """
    variables = check_arrays(given, verb, arguments)
    if model.graph is not None:
        differences = compare_arrays(spec_of(model.abstract_variables()), spec_of(dict(variables)))
        if not differences.ok:
            raise differences.error(f"These variables of {model.path_text()}")
    return variables


def check_arrays(given: VariablesLike, verb: str, arguments: str) -> Variables:
    """Variables as a dict of arrays; anything else is refused.

    Args:
        given: variables, or the state of a run.
        verb: the model's method that takes them.
        arguments: what to write in the method's brackets.

    Returns:
        The variables.

    Raises:
        ValueError: what is no dict of arrays, or the weights without the rest of the variables.
    """
    variables = variables_in(given)
    are_arrays = isinstance(variables, Mapping) and all(hasattr(leaf, "dtype") for leaf in jax.tree.leaves(variables))
    if are_arrays and not are_params(variables):
        return variables
    call = f"model.{verb}({arguments})"
    usually, write = "Keras's models hold their weights; here they are passed.", call
    if are_params(variables):
        usually, write = "`state.params`, or variables['params'], alone.", of_state(call)
    usually, write = given_instead(given, call) or (usually, write)
    raise ValueError(
        explain(
            f"`{verb}` needs the model's variables, a dict of arrays.",
            received=describe(given),
            usually=usually,
            write=write,
        )
    )
