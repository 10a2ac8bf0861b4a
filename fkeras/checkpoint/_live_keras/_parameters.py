"""What the `call` of a live Keras layer takes."""

from __future__ import annotations

import dataclasses
import inspect

from ...core import Parameters
from ._library import LiveObject


@dataclasses.dataclass(frozen=True)
class GuestParameters:
    """What a live layer takes.

    Attributes:
        own: the names that its `call` has.
        parameters: the same as fkeras asks for them; every layer is told the mode, and takes a mask, as in Keras.
        is_layer: whether it is a layer; else an operation, which knows no mode.
    """

    own: frozenset[str]
    parameters: Parameters
    is_layer: bool


def parameters_of_live(layer: LiveObject) -> GuestParameters:
    """What the `call` of a live layer, or operation, takes."""
    taken = list(inspect.signature(layer.call).parameters.values())
    by_place = [p.name for p in taken if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p.name for p in taken if p.kind is p.KEYWORD_ONLY]
    own = frozenset([*by_place, *by_name])
    is_layer = hasattr(layer, "weights")
    more = [name for name in ("training", "mask") if is_layer and name not in own]
    required = frozenset(p.name for p in taken if p.default is p.empty and p.kind is not p.VAR_KEYWORD)
    names = [*by_place, *by_name, *more]
    return GuestParameters(own, Parameters(names, len(by_place), True, False, required), is_layer)
