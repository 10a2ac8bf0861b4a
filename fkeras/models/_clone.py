"""A model again, with some layers exchanged."""

from __future__ import annotations

from collections.abc import Callable

from ..core import Layer, Model, describe, explain
from ..core.typing import PyTree


def clone_model(
    model: Model,
    input_tensors: PyTree = None,
    clone_function: Callable[[Layer], Layer] | None = None,
) -> Model:
    """A model of the same structure, in which each layer is `clone_function(layer)`.

    A model is a value without weights, so without a function the clone is the model itself; weights of its own are what
    another `init` makes.

    Args:
        model: the model.
        input_tensors: tensors that the clone is called on, in place of its inputs.
        clone_function: called with each layer, innermost first; returns the layer to put in its place.

    Returns:
        The model.

    Raises:
        TypeError: something that is no model.

    >>> import fkeras as fk
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> clone = clone_model(model, clone_function=lambda layer: layer.replace(dtype="bfloat16"))
    >>> clone.layers[0].dtype, clone_model(model) == model
    ('bfloat16', True)

    Reference: https://keras.io/api/models/model/
    Unlike Keras's, `clone_function` is called with layers of nested models too; `model.map_layers` is the same.
    """
    if not isinstance(model, Model):
        raise TypeError(
            explain(
                "fk.models.clone_model takes a model.",
                received=describe(model),
                usually="a layer, or the variables.",
                write="fk.models.clone_model(model), or layer.replace(units=3)",
            )
        )
    clone = model if clone_function is None else model.map_layers(clone_function)
    return clone if input_tensors is None else Model(input_tensors, clone(input_tensors), name=model.name)  # type: ignore[misc]
