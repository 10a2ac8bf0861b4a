"""The sizes that a program is made for: any if possible, else those above a bound, or multiples, or fixed ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import jax

from ...core import explain
from ._signature import Signature
from ._signature_of import must_be_given
from ._task import Task

#: A program, in whatever form a format has it.
Program = TypeVar("Program")

# Nets that halve and double take sizes that are multiples of a power of two; 32 is that of most image nets.
_FACTORS = (2, 4, 8, 16, 32)
# Windows, crops and their gradients need sizes that are not too small.
_BOUNDS = (8, 32, 256)


def as_described(own: Signature) -> list[Signature]:
    """Any size; and any, where unknown dimensions of one name are equal."""
    return [own.with_own_names(), own]


def with_conditions(own: Signature) -> list[Signature]:
    """The same; and sizes that are not too small; and multiples of powers of two."""
    return [*as_described(own), *map(own.at_least, _BOUNDS), *map(own.in_multiples, _FACTORS)]


def open_sizes(
    task: Task, make: Callable[[Signature], Program], title: str, attempts: Callable[[Signature], list[Signature]]
) -> tuple[Program, Signature]:
    """What `make` makes for as many sizes as it can, and the signature that it was made for.

    Args:
        task: the model.
        make: raises for a signature for which there is no program.
        title: how messages call the format.
        attempts: signatures to try, from the model's own.

    Returns:
        The program, and its signature.

    Raises:
        ValueError: dimensions that must be given, and how; or a model that cannot be expressed at all.
    """
    own = task.signature
    first, *others = dict.fromkeys(attempts(own)) if own.symbols else [own]
    try:
        return make(first), first
    except ImportError:
        raise
    except (
        Exception
    ) as error:  # many types are raised where comparisons of sizes are inconclusive, or a layer does not fit
        failure = error
    sizes = _sizes(task)
    fixed = own.with_sizes(sizes)
    try:
        make(fixed)
    except Exception as error:
        raise cannot(task, title, error) from error
    for signature in others:
        try:
            return make(signature), signature
        except Exception:  # the first failure is the one that is reported
            continue
    raise must_be_given(own, _needed(make, own, sizes), task.model, failure) from failure


def _sizes(task: Task) -> dict[str, int]:
    """The sizes that the unknown dimensions have in the random batch."""
    arguments = zip(task.signature.arguments, jax.tree.leaves(task.example), strict=True)
    return {d: n for a, x in arguments for d, n in zip(a.dims, x.shape, strict=True) if isinstance(d, str)}


def _needed(make: Callable[[Signature], object], signature: Signature, sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Which unknown dimensions must be given: a single one where that is enough, else all but the batch, else all."""
    others = tuple(s for s in signature.symbols if s != "batch")
    for some in [*((s,) for s in others), others] if others else []:
        try:
            make(signature.with_sizes({s: sizes[s] for s in some}))
        except Exception:  # see `open_sizes`
            continue
        return some
    return signature.symbols


def cannot(task: Task, title: str, error: Exception) -> ValueError:
    """The error for a model that a format cannot express."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # a compiler's message comes after its call stack
    start = next((i for i, line in enumerate(lines) if "error:" in line), 0)
    return ValueError(
        explain(
            f"{task.model.path_text()} cannot be exported as {title}.",
            received=f"{type(error).__name__}: {' '.join(lines[start:])[:400]}",
            usually="a layer does what the format has no operation for, or runs on the host.",
            write="another format; or a model without that layer: fk.Model(inner_tensor, model.output)",
        )
    )
