"""Calls of a layer by itself on arrays, `layer(x)`: no variables, no model around it, and nobody who told the mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flax import linen
from flax.core import freeze

from .._words._errors import explain
from ..typing import PyTree

if TYPE_CHECKING:
    from ._layer import Layer

# A flag of the outermost scope.
_FLAG = "fkeras_called_alone"


def run_alone(layer: Layer, *args: PyTree, **kwargs: PyTree) -> PyTree:
    """Run a layer that is bound to the outermost scope; it and those inside it see that it was called by itself."""
    if layer.scope is not None:
        layer.scope.flags = freeze({**layer.scope.flags, _FLAG: True})
    return layer(*args, **kwargs)


def is_called_alone(module: linen.Module) -> bool:
    """Whether a bound module runs in a call `layer(x)` on arrays, rather than in `apply` or in a graph."""
    return module.scope is not None and module.scope.root.flags.get(_FLAG, False)


def no_key(layer: Layer, what: str) -> ValueError:
    """The error for a layer that was called by itself and draws, without a key."""
    return ValueError(
        explain(
            f"{layer.path_text()} draws random numbers and was given no key for them.",
            received=what,
            usually="Keras draws from a generator that every layer shares; here randomness is an argument.",
            write='layer(x, training=True, rngs={"dropout": jax.random.key(0)})',
        )
    )
