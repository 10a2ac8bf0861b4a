"""Control flow and transformations with Keras's arguments.

On a symbolic tensor each records a node, whose functions see arrays: what they close over must not be symbolic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from ...core.typing import Array, ArrayLike, PyTree
from ._types import Table

Carry = TypeVar("Carry")


def cond(pred: ArrayLike, true_fn: Callable[[], PyTree], false_fn: Callable[[], PyTree]) -> PyTree:
    """`true_fn()` or `false_fn()`, by a boolean."""
    return lax.cond(pred, true_fn, false_fn)


def switch(index: ArrayLike, branches: Sequence[Callable[..., PyTree]], *operands: PyTree) -> PyTree:
    """`branches[index](*operands)`."""
    return lax.switch(index, branches, *operands)


def while_loop(
    cond: Callable[..., ArrayLike], body: Callable[..., PyTree], loop_vars: PyTree,
    maximum_iterations: ArrayLike | None = None,
) -> PyTree:  # fmt: skip
    """`body(*vars)` again and again while `cond(*vars)`, at most `maximum_iterations` times."""
    listed = isinstance(loop_vars, list | tuple)
    start = tuple(loop_vars) if listed else (loop_vars,)

    def go_on(state: tuple[Array, tuple[PyTree, ...]]) -> ArrayLike:
        count, variables = state
        more = cond(*variables)
        return more if maximum_iterations is None else jnp.logical_and(more, count < maximum_iterations)

    def step(state: tuple[Array, tuple[PyTree, ...]]) -> tuple[Array, tuple[PyTree, ...]]:
        count, variables = state
        new = body(*variables)
        return count + 1, tuple(new) if isinstance(new, list | tuple) else (new,)

    _, result = lax.while_loop(go_on, step, (jnp.asarray(0), jax.tree.map(jnp.asarray, start)))
    return (list(result) if isinstance(loop_vars, list) else result) if listed else result[0]


def fori_loop(lower: ArrayLike, upper: ArrayLike, body_fun: Callable[[Array, Carry], Carry], init_val: Carry) -> Carry:
    """`body_fun(i, value)` for each `i`."""
    return lax.fori_loop(lower, upper, body_fun, init_val)


def scan(
    f: Callable[[Carry, PyTree], tuple[Carry, PyTree]], init: Carry, xs: PyTree = None, length: int | None = None,
    reverse: bool = False, unroll: int | bool = 1,
) -> tuple[Carry, PyTree]:  # fmt: skip
    """`f(carry, x)` over the first axis: `(last carry, outputs)`."""
    return lax.scan(f, init, xs, length, reverse, unroll)


def associative_scan(
    f: Callable[[PyTree, PyTree], PyTree], elems: PyTree, reverse: bool = False, axis: int = 0
) -> PyTree:
    """The running combination of elements by an associative function."""
    return lax.associative_scan(f, elems, reverse=reverse, axis=axis)


def map(f: Callable[[PyTree], PyTree], xs: PyTree) -> PyTree:
    """`f(x)` for each entry of the first axis, one after another."""
    return lax.map(f, xs)


def vectorized_map(function: Callable[[PyTree], PyTree], elements: PyTree) -> PyTree:
    """`function(x)` for each entry of the first axis, side by side."""
    return jax.vmap(function)(elements)


def vectorize(
    pyfunc: Callable[..., PyTree], excluded: set[int | str] | None = None, signature: str | None = None
) -> Callable[..., PyTree]:
    """A function of arrays from one of numbers."""
    return jnp.vectorize(pyfunc, excluded=frozenset() if excluded is None else excluded, signature=signature)


def custom_gradient(f: Callable[..., tuple[PyTree, Callable[..., PyTree]]]) -> Callable[..., PyTree]:
    """A function that returns `(value, gradient function)` as one with that gradient."""
    return jax.custom_gradient(f)


def jvp(
    fun: Callable[..., PyTree], primals: Sequence[PyTree], tangents: Sequence[PyTree], has_aux: bool = False
) -> tuple[PyTree, ...]:
    """The value of a function and its directional derivative."""
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)


LIFTED: Table = {
    f.__name__: f
    for f in (cond, switch, while_loop, fori_loop, scan, associative_scan, map, vectorized_map, jvp)
}  # fmt: skip
PLAIN: Table = {f.__name__: f for f in (vectorize, custom_gradient)}
