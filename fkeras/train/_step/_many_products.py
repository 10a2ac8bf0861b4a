"""Products of many small matrices, as XLA's CPU backend makes them fast."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.extend import core

from ...core.typing import PyTree

T = TypeVar("T")

_PROGRAMS = (core.Jaxpr, core.ClosedJaxpr)  # one class since JAX 0.12

# XLA calls a routine on a CPU for each matrix of a stack. Where a matrix takes few multiplications, and few of them
# are added to one number, they are written out, one after another over the whole stack: that is one loop. With more
# numbers to add the compiler takes longer than it saves.
_WRITTEN_OUT, _TERMS = 2**13, 16
# For the gradient of a weight, which sums over rows and so over an axis that is not the last of the first matrix, the
# routine is slow. Up to so many multiplications a matrix, one multiplication and one sum are faster.
_SUMMED = 2**18
_EXACT = (jnp.dtype("float32"), jnp.dtype("float64"))


def with_small_products(function: Callable[..., T], *args: PyTree) -> T:
    """`function(*args)`, in which products of many small matrices are sums of products: equal to rounding.

    Args:
        function: a pure function, as it is traced.
        *args: its arguments, trees of arrays.
    """
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
    outputs = core.jaxpr_as_fun(_rewritten(traced, {}))(*jax.tree.leaves(args))
    found: T = jax.tree.unflatten(jax.tree.structure(shapes), outputs)
    return found


def _rewritten(program: Any, done: dict[int, Any]) -> Any:
    """A program with its products, and those of the programs inside it, in the faster form.

    Args:
        program: a `Jaxpr` or a `ClosedJaxpr`.
        done: the programs that were met, by identity: one that occurs twice stays one.
    """
    if id(program) not in done:
        inside = getattr(program, "jaxpr", program)
        if inside is not program:
            new = _rewritten(inside, done)
            new = program if new is inside else program.replace(jaxpr=new)
        else:
            equations = [_equation(e, done) for e in program.eqns]
            changed = any(a is not b for a, b in zip(equations, program.eqns, strict=True))
            new = program.replace(eqns=equations) if changed else program
        done[id(program)] = new
    return done[id(program)]


def _equation(equation: Any, done: dict[int, Any]) -> Any:
    if equation.primitive.name == "dot_general":
        form = _form(equation)
        if form is None:
            return equation
        # the equation of a compiled function, with the values that this one takes and gives
        program = jax.make_jaxpr(jax.jit(form))(*(v.aval for v in equation.invars))
        return program.eqns[0].replace(invars=equation.invars, outvars=equation.outvars)
    params = {name: _parameter(value, done) for name, value in equation.params.items()}
    changed = any(params[name] is not value for name, value in equation.params.items())
    return equation.replace(params=params) if changed else equation


def _parameter(value: Any, done: dict[int, Any]) -> Any:
    if isinstance(value, _PROGRAMS):
        return _rewritten(value, done)
    if isinstance(value, tuple) and any(isinstance(v, _PROGRAMS) for v in value):
        new = tuple(_parameter(v, done) for v in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


def _form(equation: Any) -> Callable[[jax.Array, jax.Array], jax.Array] | None:
    """The faster form of a product; `None` where it is as good as it is."""
    a, b = (v.aval for v in equation.invars)
    (of_a, of_b), (stack_a, stack_b) = equation.params["dimension_numbers"]
    (out,) = equation.outvars
    if not stack_a or len(of_a) != 1 or not a.dtype == b.dtype == out.aval.dtype or a.dtype not in _EXACT:
        return None
    terms = a.shape[of_a[0]]
    stack = math.prod(a.shape[i] for i in stack_a)
    work = terms * math.prod(out.aval.shape) // max(1, stack)

    def laid_out(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Both with the summed axis first, then those of the stack, then those of `a`, then those of `b`."""
        left, right = _first(a, of_a, stack_a), _first(b, of_b, stack_b)
        own_a, own_b = a.ndim - 1 - len(stack_a), b.ndim - 1 - len(stack_b)
        middle = 1 + len(stack_a)
        return (
            jnp.reshape(left, (*left.shape, *[1] * own_b)),
            jnp.reshape(right, (*right.shape[:middle], *[1] * own_a, *right.shape[middle:])),
        )

    def written_out(a: jax.Array, b: jax.Array) -> jax.Array:
        left, right = laid_out(a, b)
        found = left[0] * right[0]
        for i in range(1, terms):
            found = found + left[i] * right[i]
        return found

    def summed(a: jax.Array, b: jax.Array) -> jax.Array:
        left, right = laid_out(a, b)
        return jnp.sum(left * right, axis=0)

    if 0 < terms <= _TERMS and work <= _WRITTEN_OUT:
        return written_out
    return summed if of_a[0] != a.ndim - 1 and work <= _SUMMED else None


def _first(array: jax.Array, summed: Iterable[int], stack: Iterable[int]) -> jax.Array:
    """An array with the summed axis first and then the stack's."""
    front = (*summed, *stack)
    return jnp.transpose(array, (*front, *(i for i in range(array.ndim) if i not in front)))
