"""Control flow and transformations with Keras's arguments.

On a symbolic tensor each records a node, whose functions see arrays: what they close over must not be symbolic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` or `false_fn()`, by a boolean."""
    return lax.cond(pred, true_fn, false_fn)


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """`branches[index](*operands)`."""
    return lax.switch(index, branches, *operands)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: Any = None
) -> Any:
    """`body(*vars)` again and again while `cond(*vars)`."""
    listed = isinstance(loop_vars, list | tuple)
    start = tuple(loop_vars) if listed else (loop_vars,)

    def go_on(state: Any) -> Any:
        count, variables = state
        more = cond(*variables)
        return more if maximum_iterations is None else jnp.logical_and(more, count < maximum_iterations)

    def step(state: Any) -> Any:
        count, variables = state
        new = body(*variables)
        return count + 1, tuple(new) if isinstance(new, list | tuple) else (new,)

    _, result = lax.while_loop(go_on, step, (jnp.asarray(0), jax.tree.map(jnp.asarray, start)))
    return (list(result) if isinstance(loop_vars, list) else result) if listed else result[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`body_fun(i, value)` for each `i`."""
    return lax.fori_loop(lower, upper, body_fun, init_val)


def scan(
    f: Callable[..., Any], init: Any, xs: Any = None, length: Any = None, reverse: bool = False, unroll: Any = 1
) -> Any:
    """`f(carry, x)` over the first axis: `(last carry, outputs)`."""
    return lax.scan(f, init, xs, length, reverse, unroll)


def associative_scan(f: Callable[..., Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """The running combination of elements by an associative function."""
    return lax.associative_scan(f, elems, reverse=reverse, axis=axis)


def map(f: Callable[..., Any], xs: Any) -> Any:
    """`f(x)` for each entry of the first axis, one after another."""
    return lax.map(f, xs)


def vectorized_map(function: Callable[..., Any], elements: Any) -> Any:
    """`function(x)` for each entry of the first axis, side by side."""
    return jax.vmap(function)(elements)


def vectorize(pyfunc: Callable[..., Any], excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function of arrays from one of numbers."""
    return jnp.vectorize(pyfunc, excluded=frozenset() if excluded is None else excluded, signature=signature)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns `(value, gradient function)` as one with that gradient."""
    return jax.custom_gradient(f)


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The value of a function and its directional derivative."""
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)


def convert_to_numpy(x: Any) -> np.ndarray:
    """An array on the host."""
    return np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of JAX."""
    return isinstance(x, jax.Array)


def dtype(x: Any) -> str:
    """The dtype's name."""
    return jnp.dtype(getattr(x, "dtype", None) or np.asarray(x).dtype).name


LIFTED: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (cond, switch, while_loop, fori_loop, scan, associative_scan, map, vectorized_map, jvp)
}  # fmt: skip
PLAIN: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (vectorize, custom_gradient, convert_to_numpy, is_tensor, dtype)
}
