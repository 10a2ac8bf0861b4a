"""How a network becomes a model: on its input, and with the weights that it was told to begin with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

from ...core import Input, Model, SymbolicTensor, explain, explanation_of
from ...utils import get_source_inputs
from .._weights._files import Choice, published
from .._weights._start import by_layer
from ._arguments import Arguments
from ._named import Named, Starts

#: A network's layers: `(layer, x) -> outputs`.
Layers: TypeAlias = Callable[[Named, SymbolicTensor], SymbolicTensor]


def described(
    network: str, given: Arguments, shape: Sequence[int | None], layers: Layers, name: str, **choice: Any
) -> Model:
    """The model of a network.

    Args:
        network: its public name.
        given: its arguments.
        shape: of one image.
        layers: what the network does.
        name: what the model is called.
        **choice: which of the network's published weights, where there are several.
    """
    x = given.start(shape)
    starts = _starts(network, given, x, layers, choice)
    outputs = layers(Named(starts), x)
    inputs = x if given.input_tensor is None else get_source_inputs(x)  # of a tensor that was given a list, as in Keras
    return Model(inputs, outputs, name=name)  # type: ignore[call-arg, arg-type, misc]


def _starts(network: str, given: Arguments, x: SymbolicTensor, layers: Layers, choice: dict[str, Any]) -> Starts:
    """The weights of the file that `weights` says, by layer."""
    if given.weights is None:
        return {}
    file = given.weights
    if given.imagenet:
        file = published(network, Choice(include_top=given.include_top, **choice)).in_cache()
    inputs = Input(tuple(x.shape)[1:])
    model = Model(inputs, layers(Named(), inputs))  # type: ignore[call-arg, arg-type]
    # Zeros, which take no memory, say which arrays the file has to have.
    expected = jax.tree.map(
        lambda leaf: np.broadcast_to(np.zeros((), leaf.dtype), leaf.shape), model.abstract_variables()
    )
    try:
        return by_layer(model.load_weights(file, expected))
    except ValueError as error:
        said = explanation_of(error)
        if said is None or not any(words in said.wrong for words in ("does not fit", "has weights for")):
            raise  # no file of weights, or a damaged one
        by_name = ", by_name=True" if "by_name" in said.write else ""
        raise ValueError(
            explain(
                said.wrong,
                received=said.received,
                usually="other `classes`, `include_top` or widths than the file was saved with, or another network.",
                write=f"{network} as it was saved; or with weights=None, and of the file what fits: variables = "
                f"model.load_weights({os.fspath(file)!r}, model.init(0), skip_mismatch=True{by_name})",
            )
        ) from None
