"""The program that makes a layer's variables, cut out of a trace of the whole call.

It is evaluated equation by equation: an initializer is one jitted equation, which JAX compiles once per
(initializer, shape, dtype), however many layers share it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from .._words._paths import plain_path_name
from ..typing import Key, PyTree, Variables
from ._dimensions import symbols
from ._needed_equations import aval_of, cut, reached

#: `(key, arrays) -> variables`.
Run = Callable[[Key, "Sequence[jax.Array | jax.ShapeDtypeStruct] | None"], dict[str, PyTree]]


def without_inputs(
    closed: jex.ClosedJaxpr, count: int, key: jax.ShapeDtypeStruct, inputs: Sequence[jax.ShapeDtypeStruct]
) -> tuple[jex.ClosedJaxpr, bool]:
    """A program whose last `count` outputs, the variables, read the inputs only if they depend on them.

    Returns:
        The program, and whether some of it is run as a whole, at the sizes of `inputs`.
    """
    jaxpr = closed.jaxpr
    wanted = [i >= len(jaxpr.outvars) - count for i in range(len(jaxpr.outvars))]
    if not any(v in reached(jaxpr, wanted)[1] for v in jaxpr.invars[1:]):
        return closed, False
    part = cut(jaxpr, wanted, [False] + [True] * len(inputs))
    if part.whole and symbols(dim for struct in inputs for dim in struct.shape):
        return closed, True
    return jax.make_jaxpr(lambda key, arrays: part.run(closed.consts, [key, *arrays]))(key, inputs), part.whole


def program_of(closed: jex.ClosedJaxpr, variables: Variables) -> tuple[Run, str]:
    """The part of a traced program that its last outputs, the variables, depend on.

    Returns:
        The program, and what in it needs the inputs; empty where nothing does.
    """
    leaves, treedef = jax.tree.flatten(variables)
    jaxpr = closed.jaxpr
    outvars = jaxpr.outvars[len(jaxpr.outvars) - len(leaves) :]
    part = jaxpr.replace(outvars=outvars)
    equations, needed = reached(part, [True] * len(leaves))
    part = part.replace(eqns=[_with_jitted_fold_in(equation) for equation in equations])
    run = jex.jaxpr_as_fun(jex.ClosedJaxpr(part, closed.consts))
    blank = [None] * (len(jaxpr.invars) - 1)
    needs = ""
    if any(v in needed for v in jaxpr.invars[1:]):
        for i, (path, _) in enumerate(jax.tree_util.tree_leaves_with_path(variables)):
            of_leaf = reached(part, [i == k for k in range(len(leaves))])[1]
            if not needs and any(v in of_leaf for v in jaxpr.invars[1:]):
                needs = f"the value of {plain_path_name(path)!r} depends on the input"

    def program(key: Key, arrays: Sequence[jax.Array | jax.ShapeDtypeStruct] | None) -> dict[str, PyTree]:
        made = run(key, *(arrays if needs and arrays else blank))
        # An array that an initializer was given is a constant of the program, which JAX hands out as it keeps it.
        leaves = [leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf) for leaf in made]
        values: dict[str, PyTree] = jax.tree.unflatten(treedef, leaves)
        return values

    return program, needs


_jitted_fold_in = jax.jit(jax.random.fold_in)


def fold_in(key: Key, number: int) -> Key:
    """`jax.random.fold_in(key, number)`, by the very program that `Inferred.program` folds with, compiled once."""
    folded: Key = jex.jaxpr_as_fun(_folding(key.shape, key.dtype))(key, np.uint32(number))[0]
    return folded


@functools.cache
def _folding(shape: tuple[int, ...], dtype: object) -> jex.ClosedJaxpr:
    return jax.make_jaxpr(_jitted_fold_in)(jax.ShapeDtypeStruct(shape, dtype), np.uint32(0))


def _with_jitted_fold_in(equation: jex.JaxprEqn) -> jex.JaxprEqn:
    """`fold_in` as a jitted equation: by itself JAX evaluates it in pure Python, a hundred times slower."""
    if equation.primitive.name != "random_fold_in" or any(aval_of(atom).shape for atom in equation.invars):
        return equation  # `vmap` made one of many
    key = aval_of(equation.invars[0])
    (jitted,) = _folding(key.shape, key.dtype).jaxpr.eqns
    folding: jex.JaxprEqn = jitted.replace(invars=equation.invars, outvars=equation.outvars)
    return folding
