"""What a layer says when it is asked for an attribute that it has not.

Keras's names are answered from their table, weights by where they are among the variables, and anything else by when
what `setup` and `build` make is there. Each answer is an AttributeError, so that `hasattr` is false.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, ClassVar, cast

from flax import linen

from .._words._errors import explain
from .._words._keras_names import missing
from ._layer_errors import place_of
from ._recorded_calls import nodes_of

if TYPE_CHECKING:
    from ..typing import Variables
    from ._layer import Layer


class AnswersKerasNames:
    """The part of a layer that answers for attributes which it has not; no Linen module, whose properties hide them."""

    # The tables of Keras's names in which a missing attribute is looked up, in order.
    _keras_kinds: ClassVar[tuple[str, ...]] = ("Layer", "SomeLayers")

    @property
    def variables(self) -> Variables:
        """The layer's variables, while it is bound to some; Linen's own."""
        layer = cast(linen.Module, self)
        if layer.scope is None:
            raise AttributeError
        return layer.scope.variables()

    @property
    def path(self) -> tuple[str, ...]:
        """The path of the layer in the model that runs, while it is bound; Linen's own."""
        layer = cast(linen.Module, self)
        if layer.scope is None:
            raise AttributeError
        return layer.scope.path

    @linen.nowrap
    def __getattr__(self, name: str) -> Any:
        bound = self.__dict__.get("scope") is not None
        if bound or name.startswith("__"):
            try:
                return super().__getattr__(name)  # type: ignore[misc]
            except AttributeError:
                answer = None if name.startswith("_") else _keras_answer(cast("Layer", self), name)
                if answer is None:
                    raise
                raise answer from None
        raise _answer(cast("Layer", self), name)


def _answer(layer: Layer, name: str) -> AttributeError:
    """The error for an attribute that a layer without a scope has not."""
    if name.startswith("_"):
        return AttributeError(f"{type(layer).__name__} has no attribute {name!r}", name=name, obj=layer)
    found = _weight_answer(layer, name) or _keras_answer(layer, name)
    if found is not None:
        return found
    usually = "what `setup` and `build` make, which is there inside `init` and `apply`."
    write = f"y = layer.apply(variables, x)   # inside it, `call` may read self.{name}"
    near = difflib.get_close_matches(name, [n for n in dir(layer) if not n.startswith("_")], n=1, cutoff=0.75)
    if near:
        usually, write = f"another spelling of {near[0]!r}; or {usually}", f"layer.{near[0]}"
    return AttributeError(explain(f"{layer.path_text()} has no attribute {name!r}.", usually=usually, write=write))


def _keras_answer(layer: Layer, name: str) -> AttributeError | None:
    return missing(layer.path_text(), layer._keras_kinds, name, place_of(layer))


def _weight_answer(layer: Layer, name: str) -> AttributeError | None:
    """What is said of a weight's name, where the layer was called in a graph, so that its weights are known."""
    for node in nodes_of(layer):
        for collection, tree in node.variables.items():
            if name in tree:
                place = "" if layer.graph is not None else f'["{layer.name}"]'
                return AttributeError(
                    explain(
                        f"{layer.path_text()} has no attribute {name!r}: it holds no weights.",
                        usually="Keras's layers hold their weights; here they are variables, which go in and come out.",
                        write=f'variables["{collection}"]{place}["{name}"]',
                    )
                )
    return None
