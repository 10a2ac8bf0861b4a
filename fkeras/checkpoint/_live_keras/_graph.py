"""The graph of a live functional model, as the config that Keras would write, with a name for each layer and no more.

Keras's own `clone_model` walks the graph; the layers of the clone are stand-ins of no weights, so that no live layer
has to have a config, and none is called.
"""

from __future__ import annotations

from types import ModuleType

from ...core.typing import Config, PyTree
from ._library import LiveObject


def skeleton(keras: ModuleType, model: LiveObject) -> tuple[Config, dict[str, LiveObject]]:
    """The config of a functional model without its layers' configs.

    Args:
        keras: the library.
        model: a functional model.

    Returns:
        The config, in which a functional model's calls are counted as any other layer's, and its layers and operations
        by name.
    """
    plain = keras.Model(model.input, model.output, name=model.name)  # of no class of the user's, and not compiled
    found: dict[str, LiveObject] = {}

    class StandIn(keras.Operation):  # type: ignore[misc, name-defined]
        def __init__(self, operation: LiveObject) -> None:
            super().__init__(name=operation.name)
            self.operation = operation

        def call(self, *args: PyTree, **kwargs: PyTree) -> PyTree:
            raise NotImplementedError

        def compute_output_spec(self, *args: PyTree, **kwargs: PyTree) -> PyTree:
            return self.operation.compute_output_spec(*args, **kwargs)

        def get_config(self) -> Config:
            return {"name": self.name}

    def stand_in(operation: LiveObject) -> LiveObject:
        found[operation.name] = operation
        return StandIn(operation)

    starts = {id(op.output): op for op in plain.operations if isinstance(op, keras.layers.InputLayer)}
    found.update({op.name: op for op in starts.values()})
    inputs = keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=starts[id(x)].name), plain.input
    )  # the clone would name its inputs after tensors, and not after layers
    shadow = keras.models.clone_model(plain, input_tensors=inputs, clone_function=stand_in)
    config: Config = _as_json(shadow.get_config())
    return config, found


def _as_json(value: PyTree) -> PyTree:
    """A config with lists in the place of tuples, as a file has them."""
    if isinstance(value, dict):
        return {key: _as_json(part) for key, part in value.items()}
    return [_as_json(part) for part in value] if isinstance(value, list | tuple) else value


def ends_counted_from(ends: PyTree, offsets: dict[str, int]) -> PyTree:
    """The ends of a graph, `[layer, call, output]` each, with the calls of some layers counted from another number.

    Keras counts the link between a functional model's own ends as its first call there, and nowhere else.

    Args:
        ends: one, or lists and dicts of them.
        offsets: how many calls come before a layer's first one, by the layer's name.
    """
    if isinstance(ends, dict):
        return {key: ends_counted_from(part, offsets) for key, part in ends.items()}
    if len(ends) == 3 and isinstance(ends[0], str) and isinstance(ends[1], int):
        return [ends[0], ends[1] + offsets.get(ends[0], 0), ends[2]]
    return [ends_counted_from(part, offsets) for part in ends]
