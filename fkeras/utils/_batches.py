"""What a batch is made of."""

from __future__ import annotations

from ..core import describe, explain
from ..core.typing import PyTree


def pack_x_y_sample_weight(x: PyTree, y: PyTree = None, sample_weight: PyTree = None) -> PyTree:
    """A batch of what there is.

    Args:
        x: inputs.
        y: targets.
        sample_weight: weights.

    Returns:
        `x` alone, or `(x,)` where `x` is a list or tuple itself; `(x, y)`; or `(x, y, sample_weight)`.

    Raises:
        ValueError: weights without targets, which Keras drops.

    >>> pack_x_y_sample_weight(1.0, 2.0)
    (1.0, 2.0)

    Reference: https://keras.io/api/utils/python_utils/
    """
    if y is None:
        if sample_weight is not None:
            raise ValueError(
                explain(
                    "A batch with weights needs targets.",
                    received=f"y=None, sample_weight={describe(sample_weight)}",
                    usually="y was forgotten.",
                    write="fk.utils.pack_x_y_sample_weight(x, y, sample_weight)",
                )
            )
        return (x,) if isinstance(x, tuple | list) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: PyTree) -> tuple[PyTree, PyTree, PyTree]:
    """The inputs, targets and weights of a batch.

    Args:
        data: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, or a list of those.

    Returns:
        `(x, y, sample_weight)`, with `None` for what is not there.

    Raises:
        ValueError: more than three parts, or none.

    >>> unpack_x_y_sample_weight((1.0, 2.0))
    (1.0, 2.0, None)
    """
    if not isinstance(data, tuple | list):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            explain(
                f"A batch has one to three parts, and this one {len(data)}.",
                received=describe(data),
                usually="several inputs that are not one part.",
                write="((x1, x2), y)",
            )
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight
