"""A layer that Keras has not, inside a live Keras model: its `apply` on Keras's variables."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import jax
import jax.numpy as jnp

from ...core import LOSSES, Layer, named_leaves, nest
from ...core.typing import Array, PyTree
from ._library import LiveObject

#: The class of the Keras layers around layers that Keras has not.
OWN = "FkerasLayer"


def as_keras_layer(keras: ModuleType, layer: Layer, variables: Mapping[str, Array]) -> LiveObject:
    """A Keras layer that runs an fkeras layer; its variables are Keras's, so that Keras trains and saves them.

    Args:
        keras: the library.
        layer: the layer.
        variables: the layer's own variables by name, in Keras's order.

    Returns:
        A layer of Keras, built. Its `by_name` has its variables under the names of the layer's.
    """

    class FkerasLayer(keras.layers.Layer):  # type: ignore[misc, name-defined]
        """A layer of fkeras in a Keras model."""

        def __init__(self, layer: Layer, variables: Mapping[str, Array]) -> None:
            super().__init__(name=layer.name, trainable=layer.trainable, dtype=layer.variable_dtype)
            self.autocast = False
            self.supports_masking = bool(layer.supports_masking)
            self.layer = layer
            self.seed_generator = keras.random.SeedGenerator()
            self.by_name = {
                name: self.add_weight(
                    shape=leaf.shape,
                    dtype=str(leaf.dtype),
                    initializer=lambda shape, dtype, leaf=leaf: jnp.asarray(leaf, dtype),
                    trainable=name.startswith("params/"),
                    name=name.partition("/")[2].replace("/", "."),
                )
                for name, leaf in variables.items()
            }
            self.built = True

        def build(self, *args: PyTree, **kwargs: PyTree) -> None:
            self.built = True

        def call(
            self, inputs: PyTree, *more: PyTree, training: PyTree = None, mask: PyTree = None, **kwargs: PyTree
        ) -> PyTree:
            held: dict[str, PyTree] = {"params": {}, **nest({n: v.value for n, v in self.by_name.items()})}
            takes = self.layer._call_parameters.names
            if training is not None and "training" in takes:
                kwargs["training"] = bool(training)
            if mask is not None and "mask" in takes:
                kwargs["mask"] = mask
            if training:
                seed = jnp.asarray(self.seed_generator.next(), jnp.uint32)
                kwargs["rngs"] = {"dropout": jax.random.wrap_key_data(seed, impl="threefry2x32")}
            states = [c for c in held if c != "params"]
            outputs, updates = self.layer.apply(held, inputs, *more, mutable=[*states, LOSSES], **kwargs)
            for loss in jax.tree.leaves(updates.pop(LOSSES, {})):
                self.add_loss(loss)
            for name, value in named_leaves(updates if training else {}).items():  # in inference nothing is kept
                self.by_name[name].assign(value)
            return outputs

    return FkerasLayer(layer, variables)
