"""What a function returns, from shapes alone: `jax.make_jaxpr` over symbolic dimensions.

One mechanism for every layer and op. Where JAX cannot decide a comparison of symbolic dimensions, the
function is tried with concrete sizes instead, and the dimensions that move with them stay unknown.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import jax
from jax.errors import InconclusiveDimensionOperation

from .._words._errors import explanation_of
from ..typing import Key, PyTree, Variables
from ._dimensions import abbreviated, is_symbolic, symbols
from ._inferred import Inferred, needs_example, unsized
from ._size_probes import Structs, probe, trace_at_some_size
from ._variable_program import Run, program_of, without_inputs

#: A call that makes its variables from the key: `(key, inputs) -> (outputs, variables)`.
Function = Callable[[Key, list[jax.Array]], tuple[PyTree, Variables]]


def infer(function: Function, inputs: list[jax.ShapeDtypeStruct]) -> Inferred:
    """Trace `function(key, inputs) -> (outputs, variables)` without running it.

    Args:
        function: pure; makes its variables from `key`.
        inputs: the shapes and dtypes of the array arguments; dimensions may be symbolic.

    Returns:
        The outputs' shapes, and the program that makes the variables.

    Raises:
        Whatever the function raises for these shapes: its first error, where no sizes mend it.
    """
    if not symbols(dim for struct in inputs for dim in struct.shape):
        return _trace(function, inputs)
    try:
        return _trace(function, inputs)
    except Exception as error:  # a comparison that symbols do not decide surfaces as many types
        if not _may_come_from_sizes(error):
            raise
        probed = probe(functools.partial(_trace, function), inputs)
        if isinstance(probed, Inferred):
            if probed.needs and explanation_of(error) is not None:
                raise  # the layer said which size it has to know
            return probed
        if isinstance(error, InconclusiveDimensionOperation):  # which says nothing of the call itself
            raise probed from None
        raise


def _may_come_from_sizes(error: Exception) -> bool:
    """Whether a call that failed with symbols in place of sizes may succeed with numbers.

    >>> _may_come_from_sizes(TypeError()), _may_come_from_sizes(NameError())
    (True, False)
    """
    if isinstance(error, NameError | ImportError):
        return False
    if isinstance(error, AttributeError):
        return is_symbolic(error.obj)
    if isinstance(error, KeyError):
        return any(map(is_symbolic, jax.tree.leaves(error.args)))
    return True


@functools.cache
def _key_struct(implementation: str) -> jax.ShapeDtypeStruct:
    """Shape and dtype of a random key."""
    struct: jax.ShapeDtypeStruct = jax.eval_shape(lambda: jax.random.key(0, impl=implementation))
    return struct


def _trace(function: Function, inputs: Structs, kind: jax.ShapeDtypeStruct | None = None) -> Inferred:
    """One trace of a function, with a key like `kind` or, by default, of JAX's default generator."""
    key_struct = kind
    if key_struct is None:
        key_struct = _key_struct(getattr(jax.config, "jax_default_prng_impl"))  # noqa: B009 - mypy knows no such name
    closed, (outputs, variables) = jax.make_jaxpr(function, return_shape=True)(key_struct, inputs)
    needs = unsized(variables)
    run: Run | None = None
    if not needs:
        closed, whole = without_inputs(closed, len(jax.tree.leaves(variables)), key_struct, inputs)
        if whole and symbols(dim for struct in inputs for dim in struct.shape):
            run = _sized(function, inputs, key_struct)  # a loop can only be run at the sizes that it was traced with
        else:
            run, needs = program_of(closed, variables)

    def program(key: Key, arrays: Sequence[jax.Array | jax.ShapeDtypeStruct] | None = None) -> dict[str, PyTree]:
        if key.dtype != key_struct.dtype:  # a key of another generator, whose arithmetic is not in this program
            other = jax.ShapeDtypeStruct(key.shape, key.dtype)
            return _trace(function, inputs, other).program(key, arrays)
        no_arrays = arrays is None or any(not hasattr(array, "__array__") for array in arrays)
        if run is None or (needs and no_arrays):
            raise needs_example("The layer", needs)
        return run(key, arrays)

    return Inferred(
        jax.tree.map(abbreviated, outputs),
        variables,
        program,
        needs=needs,
        needs_values=bool(needs) and run is not None,
    )


def _sized(function: Function, inputs: Structs, kind: jax.ShapeDtypeStruct) -> Run:
    """The program of `function` at the first sizes of unknown dimensions that it takes; traced when it is used."""

    @functools.cache
    def traced() -> Inferred:
        return trace_at_some_size(lambda structs: _trace(function, structs, kind), inputs)

    return lambda key, arrays: traced().program(key, arrays)
