"""Variables that are none, or another model's, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from .._words._array_errors import describe
from .._words._errors import explain
from .._words._given_instead import are_params, given_instead, of_state, variables_in
from .._words._paths import plain_path_name
from ..typing import Variables, VariablesLike

# So many faults are listed one by one.
_SHOWN = 10


def check_collections(
    owner: str,
    given: VariablesLike,
    needs_params: bool = False,
    rest: Iterable[object] = (),
    call: str = "model.apply(variables, x)",
) -> Variables:
    """The variables, or those of a state, or an error for what are none: `{"params": {...}, ...}`.

    Args:
        owner: how messages call the model.
        given: what was given.
        needs_params: whether `"params"` must be among them.
        rest: the arguments after it, in which variables may stand by mistake.
        call: the call as it should be.

    Returns:
        The variables.

    Raises:
        TypeError: no dict, or a collection that is none.
    """
    variables = variables_in(given)
    wrong = None
    if not isinstance(variables, Mapping):
        wrong = "None" if variables is None else describe(variables)
    elif "params" in variables and not isinstance(variables["params"], Mapping):
        wrong = f"'params': {describe(variables['params'])}"
    elif needs_params and "params" not in variables:
        wrong = f"the keys {sorted(map(str, variables))}, without 'params'"
    if wrong is None:
        return variables
    wanted = f"{owner} takes variables: a dict of collections, each a dict of weights."
    usually = "Keras's models hold their weights; here they are passed, and come first."
    write = f"variables = model.init(jax.random.key(0)); {call}"
    if are_params(variables):
        usually, write = params_alone(call)
    usually, write = given_instead(given, call, rest) or (usually, write)
    raise TypeError(explain(wanted, received=wrong, usually=usually, write=write))


def params_alone(call: str) -> tuple[str, str]:
    """What is said of the weights without the rest of the variables: why, and the line to write."""
    return (
        "`state.params`, or variables['params'], alone.",
        f'{of_state(call)}   # or {{"params": params}} in its place',
    )


def mismatches(expected: Variables, given: Variables) -> list[str]:
    """What is missing in variables or has another shape, each with its path.

    >>> mismatches({"params": {"w": np.zeros((2, 1))}}, {"params": {"w": np.zeros((1, 2))}})
    ['params/w: (1, 2) instead of (2, 1)']
    """
    leaves, faults = dict(jax.tree_util.tree_leaves_with_path(dict(given))), []
    for path, leaf in jax.tree_util.tree_leaves_with_path(dict(expected)):
        name = plain_path_name(path)
        if path not in leaves:
            faults.append(f"{name}: missing, {tuple(leaf.shape)}")
        elif np.shape(leaves[path]) != tuple(leaf.shape):
            faults.append(f"{name}: {np.shape(leaves[path])} instead of {tuple(leaf.shape)}")
        elif jnp.issubdtype(leaf.dtype, jnp.inexact) and not _is_inexact(leaves[path]):
            faults.append(
                f"{name}: {getattr(leaves[path], 'dtype', type(leaves[path]).__name__)} instead of {leaf.dtype}"
            )
    return faults


def _is_inexact(leaf: object) -> bool:
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, np.inexact)


def other_shapes(owner: str, faults: list[str], known: tuple[str, str] | None = None) -> ValueError:
    """The error for weights that are there and do not fit.

    Args:
        owner: how messages call the model.
        faults: what `mismatches` found.
        known: why it happened, and the line to write, where that is known: see `of_a_layer_inside`.

    Returns:
        The error.
    """
    listed = "; ".join(faults[:_SHOWN]) + (f"; … ({len(faults) - _SHOWN} more)" if len(faults) > _SHOWN else "")
    usually, write = known or (
        "another model's variables, or kernels that were transposed (PyTorch's are (out, in)).",
        "variables = model.init(key), or model.load_weights(path, variables)",
    )
    what = f"{owner} got weights that do not fit it."
    return ValueError(explain(what, received=listed, usually=usually, write=write))
