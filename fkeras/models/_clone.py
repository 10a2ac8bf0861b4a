"""A model again, with some layers exchanged."""

from __future__ import annotations

from collections.abc import Callable

from ..core import InputLayer, Layer, Model, describe, explain, map_layers_with_path, walk
from ..core.typing import PyTree

Path = tuple[str, ...]


def clone_model(
    model: Model,
    input_tensors: PyTree = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: None = None,
    recursive: bool = False,
) -> Model:
    """A model of the same structure, in which each layer is `clone_function(layer)`.

    A model is a value without weights, so without a function the clone is the model itself; weights of its own are what
    another `init` makes.

    Args:
        model: the model.
        input_tensors: tensors that the clone is called on, in place of its inputs.
        clone_function: called with each layer but those of inputs; returns the layer to put in its place.
        call_function: Keras calls layers by it; here it is refused.
        recursive: whether the function is called with the layers of nested models, and not with those models.

    Returns:
        The model.

    Raises:
        TypeError: something that is no model, or a `call_function`.

    >>> import fkeras as fk
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> clone = clone_model(model, clone_function=lambda layer: layer.replace(dtype="bfloat16"))
    >>> clone.layers[0].dtype, clone_model(model) == model
    ('bfloat16', True)

    Reference: https://keras.io/api/models/model/
    `model.map_layers` also enters wrappers.
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
    if call_function is not None:
        raise TypeError(
            explain(
                "fk.models.clone_model calls each layer as the model does.",
                received=f"call_function={describe(call_function)}",
                usually="layers are to be called in another way.",
                write="x = inputs; for layer in model.layers: x = my_call(layer, x); fk.Model(inputs, x)",
            )
        )
    clone = model if clone_function is None else _exchanged(model, clone_function, recursive)
    return clone if input_tensors is None else Model(input_tensors, clone(input_tensors), name=model.name)  # type: ignore[misc]


def _exchanged(model: Model, function: Callable[[Layer], Layer], recursive: bool) -> Model:
    models: set[Path] = {path for path, layer in walk(model) if isinstance(layer, Model)}

    def change(layer: Layer, path: Path) -> Layer:
        around = all(path[:i] in models for i in range(1, len(path)))
        chosen = around and path not in models if recursive else len(path) == 1
        return function(layer) if chosen and not isinstance(layer, InputLayer) else layer

    return map_layers_with_path(model, change)
