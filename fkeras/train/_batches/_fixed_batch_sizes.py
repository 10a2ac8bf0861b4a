"""Models that were described with a batch size, and what batches they take."""

from __future__ import annotations

import jax

from ...core import RECURRENT_STATE, explain
from ...core.typing import PyTree, Variables
from .._step._forward import graph_of


def described_inputs(model: object) -> PyTree:
    """The inputs a model was described with; `None` where it has no graph."""
    return getattr(graph_of(model), "inputs", None)


def fixed_batch_size(model: object, variables: Variables) -> int | None:
    """How many rows a model takes, where it takes no other number; `None` for most.

    >>> import fkeras as fk
    >>> x = fk.Input((3,), batch_size=4)
    >>> fixed_batch_size(fk.Model(x, fk.nn.Dense(1)(x)), {})
    4
    """
    graph = graph_of(model)
    if graph is not None:
        return graph.batch_size
    if RECURRENT_STATE not in variables:
        return None
    rows = [leaf.shape[0] for leaf in jax.tree.leaves(variables[RECURRENT_STATE]) if leaf.shape]
    return next(iter(rows), None)  # the batch size of the state that a recurrent layer keeps


def check_batch_size(given: int | None, fixed: int | None) -> int | None:
    """The batch size to use.

    Raises:
        ValueError: another one was asked for than the model takes.
    """
    if fixed is None or given is None or given == fixed:
        return given if fixed is None else fixed
    raise ValueError(
        explain(
            f"The model takes batches of {fixed} rows, and of no other number.",
            received=f"batch_size={given!r}",
            usually=f"fk.Input(batch_size={fixed}) or batch_shape=, or the kept state of a recurrent layer.",
            write=f"batch_size={fixed}, or a model with fk.Input(shape)",
        )
    )


def check_whole(count: int, fixed: int | None, why: str) -> None:
    """Refuse rows that do not fill their last batch, where it cannot be padded.

    Raises:
        ValueError: naming both numbers.
    """
    if fixed is not None and count % fixed:
        raise ValueError(
            explain(
                f"The model takes batches of {fixed} rows, and {why}.",
                received=f"{count} rows",
                usually="a last batch that is shorter than the others.",
                write=f"x[:{count - count % fixed}], or a model with fk.Input(shape)",
            )
        )
