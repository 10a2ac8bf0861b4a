"""What an op says when it does not take the tensors that it is given."""

from __future__ import annotations

from collections.abc import Sequence

from .._words._errors import explain, explanation_of
from .._words._short_repr import short_repr
from .._words._tracebacks import passes_through_users_code
from ..typing import PyTree


def is_of_arrays(error: Exception) -> bool:
    """Whether an error is what JAX says of shapes or dtypes, and not of a function of the user's, nor in words yet."""
    return (
        type(error) in (TypeError, ValueError)
        and explanation_of(error) is None
        and not passes_through_users_code(error.__traceback__)
    )


def not_applied(name: str, given: Sequence[PyTree], error: Exception) -> Exception:
    """The error of an op that does not take what it is given; of shapes that do not go together its type is Keras's.

    Args:
        name: of the op.
        given: the structs of its tensors, and its other arguments.
        error: what JAX said.
    """
    said = str(error).partition("\n")[0].rstrip(".")
    shapes = [str(tuple(value.shape)).replace("'", "") for value in given if hasattr(value, "shape")]
    if len(shapes) < 2 or not any(word in said.lower() for word in _OF_SHAPES):
        others = [short_repr(value) for value in given if not hasattr(value, "shape")]
        received = ", ".join([*(f"shape {shape}" for shape in shapes), *others])
        return type(error)(explain(f"The op {name!r} does not take these arguments: {said}.", received=received))
    return ValueError(
        explain(
            f"The op {name!r} does not take these tensors: {said}.",
            received=f"shapes {', '.join(shapes)}",
            usually="a layer before it has another number of features, or an axis is missing.",
            write="fk.ops.expand_dims(x, -1), fk.ops.reshape(x, (4, 4)) or fk.nn.Dense(4)(x), so that they go together",
        )
    )


# JAX's words for what does not go together.
_OF_SHAPES = ("shape", "dimension", "broadcast")
