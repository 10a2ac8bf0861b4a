"""What a function returns, from shapes alone: `jax.make_jaxpr` over symbolic dimensions.

One mechanism for every layer and op. Where JAX cannot decide a comparison of symbolic dimensions, the
function is tried with concrete sizes instead, and the dimensions that move with them stay unknown.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax import export
from jax.extend import core as jex

from .._words._errors import explain
from ._needed_equations import cut, reached

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
    """The symbols' names in a shape, sorted; those of what an abbreviation stands for in its place."""
    words = {w for d in dims if is_symbolic(d) for w in _words(str(d))}
    return sorted({base for w in words for base in (_STANDS_FOR[w][1] if w in _STANDS_FOR else [w])})


def _words(text: str) -> list[str]:
    return [w for w in re.findall(r"[A-Za-z_]\w*", text) if w not in _FUNCTIONS]


_FUNCTIONS = ("floordiv", "mod", "max", "min", "non_negative")

# Sizes that take long to write take JAX exponentially long to compute with: four poolings of windows of 3 take minutes.
# Beyond these bounds a size gets a symbol of its own. What the symbol stands for, its text and the symbols in that, is
# the same for the same size, so this too is an alphabet and no state.
_LONGEST, _MOST_STEPS = 200, 3
_STANDS_FOR: dict[str, tuple[str, list[str]]] = {}


def abbreviated(struct: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    """A shape with a symbol in place of each size that would be long to write.

    >>> h = dimension("h")
    >>> abbreviated(jax.ShapeDtypeStruct((h // 2,), "float32")).shape
    (floordiv(h, 2),)
    >>> abbreviated(jax.ShapeDtypeStruct((h // 2 // 3 // 5 // 7,), "float32")).shape
    (size_cdb42e2868,)
    """
    shape = tuple(_short(d) if is_symbolic(d) else d for d in struct.shape)
    return struct if shape == struct.shape else struct.update(shape=shape)


def _short(dim: Any) -> Any:
    text = str(dim)
    if len(text) <= _LONGEST and sum(map(text.count, _FUNCTIONS[:4])) <= _MOST_STEPS:
        return dim
    name = f"size_{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    _STANDS_FOR[name] = text, symbols([dim])
    return dimension(name)


def substitute(dim: Any, sizes: dict[str, int]) -> int:
    """The number that a dimension is when its symbols have the given sizes.

    >>> substitute(2 * dimension("h") // 3, {"h": 6})
    4
    """
    if not is_symbolic(dim):
        return int(dim)
    found: dict[str, Any] = {
        "floordiv": lambda a, b: a // b,
        "mod": lambda a, b: a % b,
        "max": max,
        "min": min,
        **sizes,
    }
    waiting, value = [("", str(dim))], 0
    while waiting:  # what abbreviations stand for comes before what they are in
        name, text = waiting[-1]
        inner = [(w, _STANDS_FOR[w][0]) for w in _words(text) if w in _STANDS_FOR and w not in found]
        if inner:
            waiting += inner
            continue
        # The text is JAX's own rendering of an expression, never a user's.
        value = found[name] = eval(text.replace("^", "**"), {"__builtins__": {}}, found)
        waiting.pop()
    return int(value)


@dataclasses.dataclass(frozen=True, eq=False)
class Inferred:
    """What `infer` found.

    Attributes:
        outputs: the function's output as a pytree of `jax.ShapeDtypeStruct`.
        variables: the variables it makes, likewise.
        program: `key -> variables`, only the arithmetic that the variables need; it takes the inputs as well, a list of
            arrays, for values that depend on them.
        facts: what the layers that ran say of their weights, by path.
        needs: which variable cannot be made from a key alone, and why; empty where all can.
    """

    outputs: Any
    variables: Any
    program: Callable[..., Any]
    facts: Mapping[Any, Any] = dataclasses.field(default_factory=dict)
    needs: str = ""


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
        explained = isinstance(symbolic_error, ValueError) and "Received" in str(symbolic_error)
        if isinstance(probed, Exception):
            if explained:
                raise  # the layer said what it needs
            raise probed from symbolic_error
        if probed.needs and explained:
            raise
        return probed


@functools.cache
def _key_struct(implementation: str) -> jax.ShapeDtypeStruct:
    """Shape and dtype of a random key."""
    return jax.eval_shape(lambda: jax.random.key(0, impl=implementation))


def _trace(function: Callable[..., tuple[Any, Any]], inputs: list[jax.ShapeDtypeStruct], kind: Any = None) -> Inferred:
    if kind is None:
        kind = _key_struct(getattr(jax.config, "jax_default_prng_impl"))  # noqa: B009 - mypy knows no such attribute
    closed, (outputs, variables) = jax.make_jaxpr(function, return_shape=True)(kind, inputs)
    needs = _unsized(variables)
    run: Any = None
    if not needs:
        closed, whole = _without_inputs(closed, len(jax.tree.leaves(variables)), kind, inputs)
        if whole and symbols(d for s in inputs for d in s.shape):
            run = _sized(function, inputs, kind)  # a loop can only be run at the sizes that it was traced with
        else:
            run, needs = _slice(closed, variables)

    def program(key: jax.Array, arrays: list[Any] | None = None) -> Any:
        if key.dtype != kind.dtype:  # a key of another generator, whose arithmetic is not in this program
            other = jax.ShapeDtypeStruct(key.shape, key.dtype)
            return _trace(function, inputs, other).program(key, arrays)
        if needs and (arrays is None or _unsized(variables) or any(not hasattr(a, "__array__") for a in arrays)):
            raise needs_example("The layer", needs)
        return run(key, arrays)

    return Inferred(jax.tree.map(abbreviated, outputs), variables, program, needs=needs)


def needs_example(who: str, needs: str) -> ValueError:
    """The error for variables that were to be made from a key alone, and depend on the input."""
    return ValueError(
        explain(
            f"{who} cannot make its variables without an example input.",
            received=needs,
            usually="a cache as long as the batch, or a weight that starts from the data.",
            write="variables = model.init(key, x)   # x: one batch; trainer.init(0, x) likewise",
        )
    )


def _unsized(variables: Any) -> str:
    """The first variable whose shape is not known, in words."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        if symbols(leaf.shape):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            return f"the shape of {name!r} is {tuple(leaf.shape)}"
    return ""


def _without_inputs(closed: Any, count: int, kind: Any, inputs: list[Any]) -> tuple[Any, bool]:
    """A program whose last `count` outputs, the variables, read the inputs only if they depend on them.

    Returns:
        The program, and whether some of it is run as a whole, at the sizes of `inputs`.
    """
    jaxpr = closed.jaxpr
    wanted = [i >= len(jaxpr.outvars) - count for i in range(len(jaxpr.outvars))]
    if not any(v in reached(jaxpr, wanted)[1] for v in jaxpr.invars[1:]):
        return closed, False
    part = cut(jaxpr, wanted, [False] + [True] * len(inputs))
    if part.whole and symbols(d for s in inputs for d in s.shape):
        return closed, True
    return jax.make_jaxpr(lambda key, arrays: part.run(closed.consts, [key, *arrays]))(kind, inputs), part.whole


def _sized(function: Callable[..., tuple[Any, Any]], inputs: list[Any], kind: Any) -> Callable[..., Any]:
    """The program of `function` at the first sizes of unknown dimensions that it takes; traced when it is used."""
    names = symbols(d for s in inputs for d in s.shape)

    @functools.cache
    def traced() -> Inferred:
        failure: Exception = ValueError("no size fits")
        for size in _PROBES:
            try:
                return _trace(function, [_at(s, {n: 2 if n == "batch" else size for n in names}) for s in inputs], kind)
            except Exception as error:
                failure = error
        raise failure

    return lambda key, arrays: traced().program(key, arrays)


def _slice(closed: jex.ClosedJaxpr, variables: Any) -> tuple[Callable[..., Any], str]:
    """The part of a traced program that its last outputs, the variables, depend on; and what in it needs the inputs.

    Evaluated equation by equation: an initializer is one jitted equation, which JAX compiles once per
    (initializer, shape, dtype), however many layers share it.
    """
    leaves, treedef = jax.tree.flatten(variables)
    jaxpr = closed.jaxpr
    outvars = jaxpr.outvars[len(jaxpr.outvars) - len(leaves) :]
    part = jaxpr.replace(outvars=outvars)
    equations, needed = reached(part, [True] * len(leaves))
    part = part.replace(eqns=[_quick(equation) for equation in equations])
    run = jex.jaxpr_as_fun(jex.ClosedJaxpr(part, closed.consts))
    rest = [None] * (len(jaxpr.invars) - 1)
    needs = ""
    if any(v in needed for v in jaxpr.invars[1:]):
        for i, (path, _) in enumerate(jax.tree_util.tree_leaves_with_path(variables)):
            alone = reached(part, [i == k for k in range(len(leaves))])[1]
            if not needs and any(v in alone for v in jaxpr.invars[1:]):
                needs = f"the value of {jax.tree_util.keystr(path, simple=True, separator='/')!r} depends on the input"

    def program(key: jax.Array, arrays: list[Any] | None) -> Any:
        return jax.tree.unflatten(treedef, run(key, *(arrays if needs and arrays else rest)))

    return program, needs


_jitted_fold_in = jax.jit(jax.random.fold_in)


def fold_in(key: jax.Array, number: int) -> jax.Array:
    """`jax.random.fold_in(key, number)`, by the very program that `Inferred.program` folds with, compiled once."""
    return jex.jaxpr_as_fun(_folding(key.shape, key.dtype))(key, np.uint32(number))[0]


@functools.cache
def _folding(shape: tuple[int, ...], dtype: Any) -> jex.ClosedJaxpr:
    return jax.make_jaxpr(_jitted_fold_in)(jax.ShapeDtypeStruct(shape, dtype), np.uint32(0))


def _quick(equation: Any) -> Any:
    """An equation that takes 10 µs where it took a millisecond: JAX runs `random_fold_in` by itself in pure Python."""
    if equation.primitive.name != "random_fold_in" or equation.invars[0].aval.shape or equation.invars[1].aval.shape:
        return equation  # `vmap` made one of many
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
        known = [(d, tuple(substitute(d, setting) for setting in settings)) for s in inputs for d in s.shape]
        merge = functools.partial(_merge, known, set(names))
        if len({jax.tree.structure(t.variables) for t in traced}) > 1:
            return ValueError("Which variables there are depends on a dimension that is unknown (None).")
        outputs = jax.tree.map(merge, *(t.outputs for t in traced))
        variables = jax.tree.map(merge, *(t.variables for t in traced))
        return dataclasses.replace(traced[0], outputs=outputs, variables=variables, **_needs_of(variables, traced[0]))
    return failure


def _needs_of(variables: Any, traced: Inferred) -> dict[str, Any]:
    """What variables need that were found by sizes: an example, where their own shapes move with the sizes."""
    needs = _unsized(variables)
    if not needs:
        return {}

    def program(key: jax.Array, arrays: list[Any] | None = None) -> Any:
        raise needs_example("The layer", needs)

    return {"program": program, "needs": needs}


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
