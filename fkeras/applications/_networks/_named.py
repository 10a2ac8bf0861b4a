"""Layers under the names that Keras gives them, which files of weights know them by."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Any, TypeAlias

from ...core import Layer, SymbolicTensor, snake_case
from .._weights._start import Weights, starting_from

#: The weights that layers begin with, by the path of the layer.
Starts: TypeAlias = Mapping[tuple[str, ...], Weights]


def channels(x: SymbolicTensor) -> int:
    """How many channels features have, which no network leaves open."""
    found = x.shape[-1]
    assert found is not None
    return found


class Named:
    """Calls layers for one network; a layer without a name of its own is `conv2d`, `conv2d_1`, … in this order.

    Keras counts while layers are made, in all of a program; here the count is the network's own, so that each network
    is the one that a fresh program of Keras has.

    Args:
        starts: the weights that layers begin with, of a network that was given some.

    >>> import fkeras as fk
    >>> layer, x = Named(), fk.Input((8, 8, 3))
    >>> x = layer(fk.nn.Conv2D, layer(fk.nn.Conv2D, x, 4, 3), 4, 3)
    >>> [found.name for found in fk.Model(fk.utils.get_source_inputs(x), x).layers[1:]]
    ['conv2d', 'conv2d_1']
    """

    def __init__(self, starts: Starts | None = None) -> None:
        self._counts: collections.Counter[str] = collections.Counter()
        self._starts = starts or {}

    def __call__(
        self, layer: type[Layer], x: SymbolicTensor | list[SymbolicTensor], *args: Any, **kwargs: Any
    ) -> SymbolicTensor:
        """Make a layer and call it.

        Args:
            layer: its class.
            x: what it is called on.
            *args, **kwargs: the layer's arguments; `name` may be left out.

        Returns:
            The layer's output.
        """
        made: SymbolicTensor = self.make(layer, *args, **kwargs)(x)
        return made

    def make(self, layer: type[Layer], *args: Any, inside: tuple[str, ...] = (), **kwargs: Any) -> Layer:
        """Make a layer.

        Args:
            layer: its class.
            inside: the path of the model that it stands in, where that is not the network.
            *args, **kwargs: its arguments; `name` may be left out.
        """
        name = kwargs.pop("name", None) or self._next(snake_case(layer.__name__))
        made = layer(*args, name=name, **kwargs)
        weights = self._starts.get((*inside, name))
        return made if weights is None else starting_from(made, weights)

    def _next(self, kind: str) -> str:
        count = self._counts[kind]
        self._counts[kind] += 1
        return f"{kind}_{count}" if count else kind
