"""What can be asked of a model as a description: its layers, its inputs and outputs, their shapes and names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import jax
from flax import linen

from .._graph._graph import Graph
from .._graph._symbolic import SymbolicTensor
from .._layer._layer import Layer
from .._layer._sublayers import sublayers_of
from .._words._config import address_of
from .._words._errors import did_you_mean, explain
from ..typing import PyTree
from ._repeated_blocks import numbered_block


class LooksInside(Layer):
    """A layer that may be described by a graph, and the questions to it."""

    graph: Graph | None = None

    _keras_kinds: ClassVar[tuple[str, ...]] = ("Model", "Layer", "SomeLayers")

    # Whether the layers stand in a row, each fed by the one before, and are a field beside the graph.
    _is_chain: ClassVar[bool] = False

    @property
    def layers(self) -> list[Layer]:
        """The model's layers, in Keras's order: a list of one's own, to cut and to append to, as in Keras."""
        return list(sublayers_of(self).values() if self.graph is None else self.graph.layers)

    @linen.nowrap
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its index; the index wins when both are given.

        Returns:
            The layer. For `"repeat/3"` it is the block of that `Repeat`, of which there is one;
            `model.variables_for("repeat/3", variables)` are the variables of the fourth.

        Raises:
            ValueError: neither was given, the index is out of range, or no layer has the name.
        """
        layers = self.layers
        names = [layer.name for layer in layers]
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    explain(
                        f"{self.path_text()} has {len(layers)} layers, so there is none at index {index}.",
                        received=f"index={index}",
                        usually=f"the layers are {names}",
                    )
                )
            return layers[index]
        if name is None:
            raise ValueError(explain("get_layer needs a name or an index.", write='model.get_layer("dense")'))
        for layer in layers:
            if layer.name == name:
                return layer
        block = numbered_block(layers, name) if isinstance(name, str) else None
        if block is not None:
            return block
        raise ValueError(
            explain(
                f"{self.path_text()} has no layer named {name!r}.",
                received=repr(name),
                usually=did_you_mean(name, map(str, names)),
                write="model.get_layer(name)",
            )
        )

    @property
    def input(self) -> PyTree:
        """The symbolic inputs, in the structure the model was described with."""
        return super().input if self.graph is None else self.graph.inputs

    @property
    def output(self) -> PyTree:
        """The symbolic outputs, in the structure the model was described with."""
        return super().output if self.graph is None else self.graph.outputs

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs as a flat list."""
        return jax.tree.leaves(self.input)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs as a flat list."""
        return jax.tree.leaves(self.output)

    @property
    def input_shape(self) -> PyTree:
        """Keras's shapes of the inputs, `None` where unknown; of a list of one, its shape."""
        return _shapes(self.input)

    @property
    def output_shape(self) -> PyTree:
        """Keras's shapes of the outputs, `None` where unknown; of a list of one, its shape."""
        return _shapes(self.output)

    @property
    def input_names(self) -> list[str]:
        """The inputs' names, by leaf."""
        return [] if self.graph is None else input_names_of(self.graph)

    @property
    def output_names(self) -> list[str]:
        """The outputs' names: dict keys, or the names of the layers that make them."""
        if self.graph is None:
            return []
        outputs = self.graph.outputs
        if isinstance(outputs, Mapping):
            return sorted(str(key) for key in outputs)
        return [self.graph.tensor_name(_before_losses(tensor)) for tensor in self.graph.output_tensors]


def _before_losses(tensor: SymbolicTensor) -> SymbolicTensor:
    """The tensor that passes through layers which only add a loss: an output is called as it is without them."""
    while address_of(type(tensor.node.operation)) == ("fkeras", "AddLoss"):
        first = tensor.node.leaves[0]
        assert isinstance(first, SymbolicTensor)
        tensor = first
    return tensor


def only_one(tensors: PyTree) -> PyTree:
    """The tensor of a list of one, which Keras takes for that tensor; else what it is given."""
    return tensors[0] if isinstance(tensors, list | tuple) and len(tensors) == 1 else tensors


def _shapes(tensors: PyTree) -> PyTree:
    return jax.tree.map(lambda tensor: tensor.shape, only_one(tensors))


def input_names_of(graph: Graph) -> list[str]:
    """The names of a graph's inputs, by leaf."""
    return [graph.tensor_name(tensor) for tensor in graph.input_tensors]
