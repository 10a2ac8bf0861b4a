"""Variables of a model that another one has inside, given to the outer one: what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..typing import Variables
from ._checked_variables import mismatches
from ._linen_modules import is_layer
from ._sublayers import sublayers_of, walk

if TYPE_CHECKING:
    from ._layer import Layer


def of_a_layer_inside(model: object, given: Variables | None) -> tuple[str, str] | None:
    """What is said of variables of a model that another one has inside: why, and the line to write.

    Args:
        model: the outer model.
        given: the variables.

    Returns:
        `None` where they are not those of a layer inside, as far as its layers' names say.
    """
    if given is None or not is_layer(model) or not hasattr(type(model), "put"):
        return None
    params = given.get("params")
    if not isinstance(params, Mapping) or not params:
        return None
    names = {str(name) for name in params}
    own_in_part = names <= {*sublayers_of(model)}
    for path, inside in walk(model):
        if _fits(inside, given, names) or (not own_in_part and names <= {*sublayers_of(inside)}):
            place = "/".join(path)
            return (
                f"these are the variables of {place!r}, which is a layer of this model.",
                f'variables = model.put(model.init(0), "{place}", variables)',
            )
    return None


def _fits(layer: Layer, given: Variables, names: set[str]) -> bool:
    """Whether variables have the weights of a layer that knows them, all of them and no others."""
    if layer.graph is None:
        return False
    params = layer.abstract_variables().get("params", {})
    return {*params} == names and not mismatches({"params": params}, given)
