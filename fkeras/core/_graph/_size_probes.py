"""Shapes found by trying sizes, where JAX cannot decide a comparison of symbolic dimensions.

A function is traced with three settings of the unknown sizes; the dimensions that move between them stay unknown.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import jax

from ..typing import Key, PyTree
from ._dimensions import Dimension, at_sizes, dimension, is_symbolic, substitute, symbols
from ._inferred import Inferred, needs_example, unsized

# Sizes tried for the unknown dimensions: powers of two for nets that halve and double, 224 and 96 for image nets with
# other strides, a large one for crops, small ones for layers of few positions. What a call raises at the last one is
# what a user sees.
_SIZES = (64, 224, 96, 512, 2048, 2, 8)

Sizes = dict[str, int]
Structs = Sequence[jax.ShapeDtypeStruct]
#: Traces the function in question at concrete shapes.
Trace = Callable[[list[jax.ShapeDtypeStruct]], Inferred]


def settings_for(names: Sequence[str]) -> Iterator[list[Sizes]]:
    """Settings of the unknown sizes, three at a time: one, with another batch, and with all else twice as large."""
    for size in _SIZES if any(name != "batch" for name in names) else _SIZES[:1]:
        yield [
            {name: batch if name == "batch" else factor * size for name in names}
            for batch, factor in ((2, 1), (3, 1), (2, 2))
        ]


def trace_at_some_size(trace: Trace, inputs: Structs) -> Inferred:
    """The trace at the first sizes of unknown dimensions that the function takes.

    Raises:
        Whatever the function raises for the last sizes.
    """
    failure: Exception = ValueError("no size fits")
    for setting, _, _ in settings_for(_unknown(inputs)):
        try:
            return trace([at_sizes(struct, setting) for struct in inputs])
        except Exception as error:  # whatever a call raises for sizes that it cannot take
            failure = error
    raise failure


def probe(trace: Trace, inputs: Structs) -> Inferred | Exception:
    """What three traces at concrete sizes say of the function, or the error of the last sizes that were tried."""
    names = _unknown(inputs)
    failure: Exception = ValueError("no size fits")
    for settings in settings_for(names):
        try:
            traced = [trace([at_sizes(struct, setting) for struct in inputs]) for setting in settings]
        except Exception as error:  # whatever a call raises for sizes that it cannot take
            failure = error
            continue
        if len({jax.tree.structure(result.variables) for result in traced}) > 1:
            return ValueError("Which variables there are depends on a dimension that is unknown (None).")
        return _merged(traced, settings, names, inputs)
    return failure


def _unknown(inputs: Structs) -> list[str]:
    return symbols(dim for struct in inputs for dim in struct.shape)


def _merged(traced: list[Inferred], settings: list[Sizes], names: list[str], inputs: Structs) -> Inferred:
    """One result of three: what moved between them is unknown."""
    given = [
        (dim, tuple(substitute(dim, setting) for setting in settings)) for struct in inputs for dim in struct.shape
    ]
    merge = functools.partial(_merged_shape, given, set(names))
    outputs = jax.tree.map(merge, *(result.outputs for result in traced))
    variables = jax.tree.map(merge, *(result.variables for result in traced))
    needs = unsized(variables)
    if not needs:
        return dataclasses.replace(traced[0], outputs=outputs, variables=variables)

    def program(key: Key, arrays: Sequence[jax.Array | jax.ShapeDtypeStruct] | None = None) -> dict[str, PyTree]:
        raise needs_example("The layer", needs)

    return Inferred(outputs, variables, program, traced[0].facts, needs)


def _merged_shape(
    given: list[tuple[Dimension, tuple[int, ...]]], taken: set[str], *structs: jax.ShapeDtypeStruct
) -> jax.ShapeDtypeStruct:
    """A shape from three concrete ones; `given` are the inputs' dimensions with their three sizes."""
    shape: list[Dimension] = []
    for axis, sizes in enumerate(zip(*(struct.shape for struct in structs), strict=True)):
        if len(set(sizes)) == 1:
            shape.append(sizes[0])
            continue
        same = [dim for dim, at in given if at == sizes and is_symbolic(dim)]
        if same:
            shape.append(same[0])
        elif sizes[0] == sizes[2] and sizes[0] * 3 == sizes[1] * 2:  # 2 rows and 3 rows: a multiple of the batch
            shape.append(sizes[0] // 2 * dimension("batch"))
        else:
            name = next(f"u{axis}_{k}" for k in range(len(taken) + 2) if f"u{axis}_{k}" not in taken)
            shape.append(dimension(name))
    return jax.ShapeDtypeStruct(tuple(shape), structs[0].dtype)
