"""What a picture of a model shows of each layer: the arguments that Keras's `plot_model` has, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..core import did_you_mean, explain

DIRECTIONS = ("TB", "LR", "BT", "RL")
SPLINES = ("ortho", "curved", "polyline", "spline", "line")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments of `plot_model`; see there."""

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = False
    show_layer_activations: bool = False
    show_trainable: bool = False
    expand_nested: bool = False
    fold_repeated: bool = True
    layer_range: Sequence[str] | None = None


def check_word(given: object, name: str, known: Sequence[str]) -> str:
    """One of some words.

    Raises:
        ValueError: another one.
    """
    if isinstance(given, str) and given in known:
        return given
    raise ValueError(
        explain(
            f"{name} is one of {', '.join(known)}.",
            received=repr(given),
            usually=did_you_mean(given, known),
            write=f"{name}={known[0]!r}",
        )
    )
