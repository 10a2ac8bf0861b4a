"""What a layer's `call` takes."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable

from ..typing import PyTree


@dataclasses.dataclass(frozen=True)
class Parameters:
    """What a `call` takes, found once per class.

    Attributes:
        names: the parameters' names without `self`; the first `positional` of them can be given by position.
        any_keyword: whether it takes `**kwargs`.
        keeps_mode: whether a call in a graph that was told `training=False` stays in inference. It is where the default
            is `None`: where it is `False`, Keras writes that into its files for calls that were told nothing.
        required: those without a default.
    """

    names: list[str]
    positional: int
    any_keyword: bool
    keeps_mode: bool = False
    required: frozenset[str] = frozenset()

    def position(self, name: str) -> int:
        """Where a parameter stands among positional arguments; past any number of them when it cannot."""
        index = self.names.index(name) if name in self.names else self.positional
        return index if index < self.positional else 1 << 30


def parameters_of(call: Callable[..., PyTree]) -> Parameters:
    """What a `call` takes beside `self`."""
    parameters = list(inspect.signature(call).parameters.values())[1:]
    by_place = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    keeps_mode = any(p.name == "training" and p.default is None for p in parameters)
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters)
    required = frozenset(p.name for p in parameters if p.default is p.empty)
    return Parameters(by_place + by_name, len(by_place), any_keyword, keeps_mode, required)
