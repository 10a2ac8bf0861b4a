"""The shapes of a batch, from an example or from the model's description."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain, takes_text
from ...core.typing import Batch, PyTree
from .._batches._as_arrays import as_arrays
from .._step._forward import init_variables
from .._step._learner import Learner

_WRITE = 'trainer.preflight(jax.ShapeDtypeStruct((1, 128), "int32"), y)   # one row, or any number of them'


def batch_shapes(trainer: Learner, x: PyTree, y: PyTree, sample_weight: PyTree, size: int) -> tuple[Batch, str]:
    """`((x, y, sample_weight), what was assumed)` of a batch of so many rows, as shapes.

    Args:
        trainer: the trainer.
        x, y, sample_weight: examples of any number of rows, arrays or shapes. Without `x` the model says it; without
            `y` targets are assumed as the loss takes them for the model's outputs.
        size: how many rows.

    Raises:
        ValueError: a model that does not know its input's shape, and no `x`; a model that takes text.
    """
    if takes_text(trainer.model):
        raise ValueError(
            explain(
                "preflight asks compiled programs, and no program takes text.",
                received=f"{trainer.model!r}"[:160],
                usually="an Input of text; its layers read it on the host, and what they make of it is trained on.",
                write="a model that begins behind them: fk.Model(tokens, outputs).compile(...).preflight()",
            )
        )
    inputs = _described_inputs(trainer.model) if x is None else as_arrays(x)
    inputs = jax.tree.map(lambda a: _rows(a, size), inputs)
    told = ""
    if y is None and trainer.loss is not None:  # type: ignore[attr-defined]
        y = _targets(trainer, inputs)
        shown = ", ".join(f"{np.dtype(a.dtype).name}{a.shape}" for a in jax.tree.leaves(y))
        told = f"targets assumed: {shown}"
    else:
        y = jax.tree.map(lambda a: _rows(a, size), as_arrays(y, "y"))
    weight = jax.tree.map(lambda a: _rows(a, size), as_arrays(sample_weight, "sample_weight"))
    return (inputs, y, weight), told


def _rows(leaf: jax.ShapeDtypeStruct, size: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((size, *leaf.shape[1:]), jax.dtypes.canonicalize_dtype(leaf.dtype))


def _described_inputs(model: Any) -> PyTree:
    """What a model's `Input`s say, a row of it."""
    if getattr(model, "graph", None) is None:
        raise ValueError(_unknown(model, "a model without a graph"))

    def of(tensor: Any) -> jax.ShapeDtypeStruct:
        if any(size is None for size in tensor.shape[1:]):
            raise ValueError(_unknown(model, f"an Input of shape {tensor.shape}"))
        return jax.ShapeDtypeStruct((1, *tensor.shape[1:]), tensor.dtype)

    return jax.tree.map(of, model.input)


def _unknown(model: object, received: str) -> str:
    return explain(
        "preflight needs the shape of an input.",
        received=f"{received}: {model!r}"[:160],
        usually="a length that stays open, or a model that learns its shapes from data.",
        write=_WRITE,
    )


def _targets(trainer: Learner, inputs: PyTree) -> PyTree:
    """Targets as each loss takes them: classes by number for the sparse ones, else arrays like the outputs."""

    def outputs(inputs: PyTree) -> PyTree:
        key = jax.random.key(0)
        variables = init_variables(trainer.model, key, inputs)
        return trainer.model.apply(variables, inputs)

    made = jax.eval_shape(outputs, inputs)
    loss: Any = trainer.loss  # type: ignore[attr-defined]
    alike = bool(jax.tree.structure(loss) == jax.tree.structure(made))  # type: ignore[operator]
    losses = loss if alike else jax.tree.map(lambda _: loss, made)

    def target(output: jax.ShapeDtypeStruct, one: object) -> jax.ShapeDtypeStruct:
        sparse = "sparse" in f"{type(one).__name__}{getattr(one, 'name', '')}{getattr(one, '__name__', '')}".lower()
        if sparse:
            return jax.ShapeDtypeStruct(output.shape[:-1], jnp.int32)
        return jax.ShapeDtypeStruct(output.shape, jnp.promote_types(output.dtype, jnp.float32))

    return jax.tree.map(target, made, losses)
