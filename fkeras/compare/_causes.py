"""The table of causes: each is tried on the layer that differs, and the first that mends it is the cause."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from . import _causes_of_fields as of_fields
from . import _causes_of_values as of_values
from . import _causes_of_weights as of_weights
from ._subject import Attempts, Subject

#: A cause's name, and the changes that would undo or make it. What is particular comes first, what is general last.
CAUSES: tuple[tuple[str, Callable[[Subject], Attempts]], ...] = (
    ("dropout left on", of_fields.training_mode),
    ("gate order", of_weights.gates),
    ("reset_after", of_fields.reset_after),
    ("direction", of_weights.directions),
    ("direction", of_fields.direction),
    ("epsilon", of_fields.epsilon),
    ("softmax axis", of_fields.softmax_axis),
    ("momentum", of_fields.momentum),
    ("pooling counts the padding", of_fields.counted_padding),
    ("pooling counts the padding", of_values.padding_in_average),
    ("padding", of_fields.padding),
    ("stride place", of_fields.strides),
    ("dilation", of_fields.dilation),
    ("normalised axis", of_fields.axis),
    ("other normalisation", of_fields.unit_norm),
    ("swapped gamma and beta", of_weights.swapped),
    ("batch statistics not carried", of_weights.statistics),
    ("missing bias", of_weights.bias),
    ("flipped kernel", of_weights.flipped),
    ("transposed kernel", of_weights.transposed),
    ("head layout", of_weights.heads),
    ("attention scale", of_weights.attention_scale),
    ("embedding off by one", of_weights.shifted),
    ("flatten order", of_weights.flatten_order),
    ("input scaling", of_values.input_scaling),
    ("channel order", of_values.channel_order),
    ("data layout", of_fields.data_layout),
    ("other activation", of_fields.activation),
    ("other activation", of_values.activation_before),
    ("missing residual", of_values.residual),
    ("dtype", of_fields.dtype),
    ("scale", of_values.scale),
    ("other merge", of_values.another_sum),
    ("other field", of_values.field_of_other),
    ("other weights", of_values.weight_of_other),
    ("other layer", of_values.layer_of_other),
)
# A layer with many axes has many orders of them: so many attempts for one cause are enough.
_MOST_ATTEMPTS = 200


@dataclasses.dataclass(frozen=True)
class Cause:
    """Why a layer differs, as tried.

    Attributes:
        name: from the table, `"transposed kernel"`; `"unknown"` where nothing that was tried mends it.
        text: what mends it, in words.
        on_other: whether the change was made to the other model's layer.
    """

    name: str
    text: str = ""
    on_other: bool = False


def cause_of(subject: Subject, plain: Subject | None, mirrored: Subject | None) -> Cause:
    """The first cause of the table that mends a layer, or makes the other model's layer give the same wrong numbers.

    Args:
        subject: the layer that differs.
        plain: the same layer without its activation, where the other may be from before one; else `None`.
        mirrored: the other model's layer, which should give what this one gives; `None` where it cannot run.
    """
    asked = ((subject, False), (plain, False), (mirrored, True))
    sides = [(side, on_other) for side, on_other in asked if side is not None]
    for name, attempts in CAUSES:
        for side, on_other in sides:
            if (text := _mended(side, attempts(side))) is not None:
                return Cause(_named(name, text, side), text, on_other)
    return Cause("unknown")


def cause_between(subject: Subject) -> Cause:
    """Why a layer is given other numbers, though all layers before it give the same."""
    for name, attempts in of_values.between(subject).items():
        if (text := _mended(subject, attempts)) is not None:
            return Cause(name, text)
    return Cause("unknown")


def _mended(subject: Subject, attempts: Attempts) -> str | None:
    """The first change with which the layer gives its targets; one that the layer does not take gives nothing."""
    if subject.call.module is None and subject.call.function is None:
        return None
    for _ in range(_MOST_ATTEMPTS):
        try:
            if (attempt := next(attempts, None)) is None:
                return None
            with np.errstate(all="ignore"):
                mended = subject.gives(attempt.make())
        except Exception:  # a field, a shape or a dtype that the layer refuses, or a layer unlike those the cause is of
            continue
        if mended:
            return attempt.text
    return None


def _named(name: str, text: str, subject: Subject) -> str:
    """The cause's name for this layer."""
    if name == "dropout left on" and subject.named("mean"):
        return "batch normalisation in training mode" if text.endswith("mode") else name
    if name == "scale":
        return {"attention": "attention scale", "scaling": "input scaling", "embedding": "embedding scale"}.get(
            subject.call.kind, name
        )
    return name
