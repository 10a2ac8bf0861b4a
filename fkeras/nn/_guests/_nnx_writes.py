"""Which weights a call of an NNX module wrote into: the one thing it changes that is not kept."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
from flax import nnx

from ...core import explain
from ...core.typing import PyTree
from ._nnx_collections import NNXPath

Values = Mapping[NNXPath, PyTree]


def warn_of_writes(
    name: str, module: nnx.Module, before: Values, after: Values, call: Callable[[Values], Values]
) -> None:
    """Name the `Param`s that a call wrote into.

    A value that nobody wrote is the very same array after the call, so that nothing is computed for most modules.
    Flax's transforms return new arrays of the same values: for those the program of the call says what is passed on.

    Args:
        name: the module's.
        module: the module of the call.
        before, after: the values of its `Param`s.
        call: values after, of values before.
    """
    own = tuple((*path, "layer_instance") for path, part in nnx.iter_modules(module) if _writes_by_design(part))
    others = {
        path: value
        for path, value in before.items()
        if not _same(value, after[path]) and not any(path[: len(start)] == start for start in own)
    }
    if not others:
        return
    program = jax.make_jaxpr(lambda values: [call({**before, **values})[path] for path in others])(others).jaxpr
    ends = iter(program.outvars)
    computed = {path: [_is_computed(program, next(ends)) for _ in jax.tree.leaves(after[path])] for path in others}
    told = ["/".join(map(str, path)) for path, ends_of_it in computed.items() if any(ends_of_it)]
    if told:
        warnings.warn(
            explain(
                f"A call of {name} wrote into weights, and what it wrote is not kept: the optimizer alone moves them.",
                received=f"new values of {', '.join(told)}",
                usually="a statistic that is kept as a weight.",
                write="self.mean = nnx.BatchStat(jnp.zeros(n)) in __init__, whose values are kept",
            ),
            stacklevel=2,
        )


def _writes_by_design(part: object) -> bool:
    """Whether a module normalises another's weights anew in each call, so that nothing is lost."""
    return isinstance(part, nnx.WeightNorm | nnx.SpectralNorm)


def _same(first: PyTree, second: PyTree) -> bool:
    a, b = jax.tree.leaves(first), jax.tree.leaves(second)
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _is_computed(program: Any, end: Any) -> bool:
    """Whether arithmetic made an output of a program; if not it is passed on, or it is not known."""
    made_by = {id(out): (step, i) for step in program.eqns for i, out in enumerate(step.outvars)}
    while id(end) in made_by:
        step, i = made_by[id(end)]
        inner = list(_programs(step.params.values()))
        if not inner:
            return True
        if len(inner) > 1 or len(inner[0].invars) != len(step.invars):
            return False
        origin = inner[0].outvars[i]
        if origin not in inner[0].invars:
            return _is_computed(inner[0], origin)
        end = step.invars[inner[0].invars.index(origin)]
    return False


def _programs(parameters: Sequence[Any]) -> Iterator[Any]:
    for value in parameters:
        program = getattr(value, "jaxpr", value)
        if hasattr(program, "eqns"):
            yield program
