"""Variables of a model that another one has inside, given to the outer one: what is said of them."""

from __future__ import annotations

from collections.abc import Mapping

from ..typing import Variables
from ._linen_modules import is_layer
from ._sublayers import sublayers_of, walk


def of_a_layer_inside(model: object, given: Variables | None) -> tuple[str, str] | None:
    """What is said of variables of a model that another one has inside: why, and the line to write.

    Args:
        model: the outer model.
        given: the variables.

    Returns:
        `None` where they are not those of a layer inside, as far as its layers' names say.
    """
    params = given.get("params") if isinstance(given, Mapping) else None
    if not is_layer(model) or not hasattr(type(model), "put") or not isinstance(params, Mapping) or not params:
        return None
    names = {str(name) for name in params}
    if names <= {*sublayers_of(model)}:  # the model's own, in part
        return None
    for path, inside in walk(model):
        if names <= {*sublayers_of(inside)}:
            place = "/".join(path)
            return (
                f"these are the variables of {place!r}, which is a layer of this model.",
                f'variables = model.put(model.init(0), "{place}", variables)',
            )
    return None
