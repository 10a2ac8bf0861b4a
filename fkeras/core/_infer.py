"""What a function returns, from shapes alone: `jax.make_jaxpr` over symbolic dimensions.

One mechanism for every layer and op. Where JAX cannot decide a comparison of symbolic dimensions, the
function is tried with concrete sizes instead, and the dimensions that move with them stay unknown.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax import export
from jax.extend import core as jex

# Symbolic dimensions combine only inside one scope. A scope without constraints holds no state that a
# result could depend on: it is the alphabet in which shapes are written.
_SCOPE = export.SymbolicScope()

# Sizes tried for the unknown dimensions when symbols do not decide: powers of two for nets that halve and
# double, 224 and 96 for image nets with other strides, a large one for crops.
_PROBES = (64, 224, 96, 512, 2048, 8)


@functools.cache
def dimension(name: str) -> Any:
    """The symbolic dimension called `name`; the same symbol each time.

    >>> 2 * dimension("h") + 1
    2*h + 1
    """
    return export.symbolic_shape(name, scope=_SCOPE)[0]


def is_symbolic(dim: Any) -> bool:
    """Whether a dimension is an expression over symbols, not a number."""
    return export.is_symbolic_dim(dim)


def symbols(dims: Any) -> list[str]:
    """The symbols' names in a shape, sorted."""
    words = {w for d in dims if is_symbolic(d) for w in re.findall(r"[A-Za-z_]\w*", str(d))}
    return sorted(words - {"floordiv", "mod", "max", "min", "non_negative"})


def substitute(dim: Any, sizes: dict[str, int]) -> int:
    """The number that a dimension is when its symbols have the given sizes.

    >>> substitute(2 * dimension("h") // 3, {"h": 6})
    4
    """
    if not is_symbolic(dim):
        return int(dim)
    names = {"floordiv": lambda a, b: a // b, "mod": lambda a, b: a % b, "max": max, "min": min}
    # The text is JAX's own rendering of an expression, never a user's.
    return int(eval(str(dim).replace("^", "**"), {"__builtins__": {}}, {**names, **sizes}))


@dataclasses.dataclass(frozen=True, eq=False)
class Inferred:
    """What `infer` found.

    Attributes:
        outputs: the function's output as a pytree of `jax.ShapeDtypeStruct`.
        variables: the variables it makes, likewise.
        program: `key -> variables`, only the arithmetic that the variables need.
        facts: what the layers that ran say of their weights, by path.
    """

    outputs: Any
    variables: Any
    program: Callable[[jax.Array], Any]
    facts: Mapping[Any, Any] = dataclasses.field(default_factory=dict)


def infer(function: Callable[..., tuple[Any, Any]], inputs: list[jax.ShapeDtypeStruct]) -> Inferred:
    """Trace `function(key, inputs) -> (outputs, variables)` without running it.

    Args:
        function: pure; makes its variables from `key`.
        inputs: the shapes and dtypes of the array arguments; dimensions may be symbolic.

    Raises:
        Whatever the function raises for these shapes.
    """
    dims = [d for s in inputs for d in s.shape]
    if not symbols(dims):
        return _trace(function, inputs)
    try:
        return _trace(function, inputs)
    except Exception as symbolic_error:  # inconclusive comparisons surface as many types, so try sizes
        probed = _probe(function, inputs)
        if isinstance(probed, Inferred):
            return probed
        if isinstance(symbolic_error, ValueError) and "Received" in str(symbolic_error):
            raise  # the layer said what it needs
        raise probed from symbolic_error


@functools.cache
def _key_struct(implementation: str) -> jax.ShapeDtypeStruct:
    """Shape and dtype of a random key."""
    return jax.eval_shape(lambda: jax.random.key(0, impl=implementation))


def _trace(function: Callable[..., tuple[Any, Any]], inputs: list[jax.ShapeDtypeStruct], kind: Any = None) -> Inferred:
    if kind is None:
        kind = _key_struct(getattr(jax.config, "jax_default_prng_impl"))  # noqa: B009 - mypy knows no such attribute
    closed, (outputs, variables) = jax.make_jaxpr(function, return_shape=True)(kind, inputs)
    run = _slice(closed, variables)

    def program(key: jax.Array) -> Any:
        if key.dtype == kind.dtype:
            return run(key)
        # a key of another generator, whose arithmetic is not in this program
        return _trace(function, inputs, jax.ShapeDtypeStruct(key.shape, key.dtype)).program(key)

    return Inferred(outputs, variables, program)


def _slice(closed: jex.ClosedJaxpr, variables: Any) -> Callable[[jax.Array], Any]:
    """The part of a traced program that its last outputs, the variables, depend on.

    Evaluated equation by equation: an initializer is one jitted equation, which JAX compiles once per
    (initializer, shape, dtype), however many layers share it.
    """
    leaves, treedef = jax.tree.flatten(variables)
    jaxpr = closed.jaxpr
    outvars = jaxpr.outvars[len(jaxpr.outvars) - len(leaves) :]
    needed = {v for v in outvars if isinstance(v, jex.Var)}
    equations = []
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            equations.append(_quick(equation))
            needed.update(v for v in equation.invars if isinstance(v, jex.Var))
    from_inputs = [v for v in jaxpr.invars[1:] if v in needed]
    if from_inputs:
        raise ValueError("A weight's initial value depends on the layer's input, so it cannot be made without data.")
    part = jaxpr.replace(eqns=equations[::-1], outvars=outvars)
    run = jex.jaxpr_as_fun(jex.ClosedJaxpr(part, closed.consts))
    rest = [None] * (len(jaxpr.invars) - 1)
    return lambda key: jax.tree.unflatten(treedef, run(key, *rest))


_jitted_fold_in = jax.jit(jax.random.fold_in)


def fold_in(key: jax.Array, number: int) -> jax.Array:
    """`jax.random.fold_in(key, number)`, by the very program that `Inferred.program` folds with, compiled once."""
    return jex.jaxpr_as_fun(_folding(key.shape, key.dtype))(key, np.uint32(number))[0]


@functools.cache
def _folding(shape: tuple[int, ...], dtype: Any) -> jex.ClosedJaxpr:
    return jax.make_jaxpr(_jitted_fold_in)(jax.ShapeDtypeStruct(shape, dtype), np.uint32(0))


def _quick(equation: Any) -> Any:
    """An equation that takes 10 µs where it took a millisecond: JAX runs `random_fold_in` by itself in pure Python."""
    if equation.primitive.name != "random_fold_in" or equation.invars[1].aval.shape:
        return equation
    key = equation.invars[0].aval
    (jitted,) = _folding(key.shape, key.dtype).jaxpr.eqns
    return jitted.replace(invars=equation.invars, outvars=equation.outvars)


def _probe(function: Callable[..., tuple[Any, Any]], inputs: list[jax.ShapeDtypeStruct]) -> Inferred | Exception:
    """`infer` by concrete sizes: three traces, and what moves between them is unknown."""
    names = symbols(d for s in inputs for d in s.shape)
    failure: Exception = ValueError("no size fits")
    for size in _PROBES:
        settings = [
            {n: 2 if n == "batch" else size for n in names},
            {n: 3 if n == "batch" else size for n in names},
            {n: 2 if n == "batch" else 2 * size for n in names},
        ]
        try:
            traced = [_trace(function, [_at(s, setting) for s in inputs]) for setting in settings]
        except Exception as error:
            failure = error
            continue
        shapes = [jax.tree.map(lambda s: s.shape, t.variables) for t in traced]
        if shapes[0] != shapes[1] or shapes[0] != shapes[2]:
            return ValueError("A weight's shape depends on a dimension that is unknown (None).")
        known = [(d, tuple(substitute(d, setting) for setting in settings)) for s in inputs for d in s.shape]
        outputs = jax.tree.map(functools.partial(_merge, known, set(names)), *(t.outputs for t in traced))
        return Inferred(outputs, traced[0].variables, traced[0].program)
    return failure


def _at(struct: jax.ShapeDtypeStruct, sizes: dict[str, int]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(substitute(d, sizes) for d in struct.shape), struct.dtype)


def _merge(known: list[tuple[Any, tuple[int, ...]]], taken: set[str], *probes: Any) -> jax.ShapeDtypeStruct:
    """One output's shape from its three concrete shapes."""
    shape = []
    for axis, sizes in enumerate(zip(*(p.shape for p in probes), strict=True)):
        if len(set(sizes)) == 1:
            shape.append(sizes[0])
            continue
        same = [d for d, at in known if at == sizes and is_symbolic(d)]
        if same:
            shape.append(same[0])
        elif sizes[0] == sizes[2] and sizes[0] * 3 == sizes[1] * 2:  # 2 rows and 3 rows: a multiple of the batch
            shape.append(sizes[0] // 2 * dimension("batch"))
        else:
            name = next(f"u{axis}_{k}" for k in range(len(taken) + 2) if f"u{axis}_{k}" not in taken)
            shape.append(dimension(name))
    return jax.ShapeDtypeStruct(tuple(shape), probes[0].dtype)


def struct_of(value: Any) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array, as a struct; dtypes are what JAX will make of them."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        dtype = np.asarray(value).dtype
    known = jax.dtypes.canonicalize_dtype(dtype, allow_extended_dtype=True)
    if isinstance(value, jax.ShapeDtypeStruct):
        return value if value.dtype == known else value.update(dtype=known)
    return jax.ShapeDtypeStruct(np.shape(value), known)
