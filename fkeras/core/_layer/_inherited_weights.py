"""`self.kernel` in a `call` of one's own on a built-in layer: the weights of the layer that a class extends.

Built-in layers make their weights in `call`, and keep none on `self`. A class that extends one and has a `call` of its
own may read them by Keras's names. Where its `call` has not come to `super().call(inputs)` yet, that is run for its
weights; its output is dropped, and under `jit` what only the output needed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from .._words._config import address_of
from ._sealing import call_state, call_state_if_any
from ._weights import storage_of

if TYPE_CHECKING:
    from ._layer import Layer

# Keras's names of weights, and the names that they have here.
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "kernel": "kernel",
        "bias": "bias",
        "recurrent_kernel": "recurrent_kernel",
        "depthwise_kernel": "depthwise_kernel",
        "pointwise_kernel": "pointwise_kernel",
        "gamma": "scale",
        "beta": "bias",
        "embeddings": "embedding",
    }
)


def extended_call(cls: type) -> Callable[..., Any] | None:
    """The `call` of the built-in layer that a class extends; `None` for a class that extends none."""
    if cls.__module__.startswith("fkeras."):
        return None
    built_in = next((base for base in cls.__mro__[1:] if address_of(base) is not None), None)
    of_core = built_in is None or built_in.__module__.startswith("fkeras.core.")  # models, and `Layer` itself
    return None if of_core else getattr(built_in, "call", None)


def inherited_weight(layer: Layer, name: str) -> Any:
    """A weight of a bound layer by Keras's name for it; `None` where there is none.

    Of a class that extends a built-in layer it is made if need be; of another layer (`self.dense.kernel`, for weights
    that are tied) it is there once that was called.

    Args:
        layer: the layer.
        name: the attribute that it was asked for.
    """
    state = call_state_if_any(layer)
    if name not in _NAMES or layer.scope is None:
        return None
    if state is None or state.arguments is None or state.weights is None:
        return _weight_that_is_there(layer, _NAMES[name])
    if _NAMES[name] not in state.weights:
        call = type(layer)._extended_call
        assert call is not None
        args, kwargs = state.arguments
        parameters = type(layer)._extended_parameters
        known = {k: v for k, v in kwargs.items() if k in parameters.names}
        mode = {"training": False} if parameters.position("training") >= len(args) else {}
        call(layer, *args[: parameters.positional], **{**known, **(mode if "training" in parameters.names else {})})
    return call_state(layer).weights.get(_NAMES[name])  # type: ignore[union-attr]


def _weight_that_is_there(layer: Layer, name: str) -> Any:
    """A weight of a bound layer as the layer computes with it, if it is kept as a plain array."""
    if storage_of(layer) is not None or not layer.has_variable("params", name):
        return None
    value: Any = layer.get_variable("params", name)
    return value.astype(layer.compute_dtype) if jnp.issubdtype(value.dtype, jnp.floating) else value
