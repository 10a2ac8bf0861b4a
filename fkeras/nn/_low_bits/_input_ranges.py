"""How large the inputs of a model's layers become, measured over a batch of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from ...core import Model, join_path, split_path, walk
from ...core.typing import Float, PyTree, Variables
from .._recurrent._layers import RNN
from .._wrappers import Wrapper
from ._chosen_layers import LayerPath, is_inside
from ._weight_storage import contracts


def input_ranges(model: Model, variables: Variables, data: PyTree) -> dict[LayerPath, Float[jax.Array, ""]]:
    """The largest absolute input of each layer that multiplies with a kernel, by path.

    Layers inside wrappers and recurrent layers run many times under a transformation and are left out.

    Args:
        model: the model.
        variables: its variables.
        data: one batch of inputs.

    Returns:
        A scalar for each layer.
    """
    around = [path for path, layer in walk(model) if isinstance(layer, Wrapper | RNN) and not isinstance(layer, Model)]

    def largest(variables: Variables, x: PyTree) -> dict[str, jax.Array]:
        ranges: dict[str, jax.Array] = {}

        def measure(run: Callable[..., PyTree], args: tuple, kwargs: dict[str, PyTree], context: Any) -> PyTree:
            layer = context.module
            measured = context.method_name == "__call__" and contracts(layer) and args and layer.scope is not None
            if measured and not is_inside(layer.path, around):
                name, size = join_path(layer.path), jnp.max(jnp.abs(jnp.asarray(args[0], jnp.float32)))
                ranges[name] = jnp.maximum(ranges[name], size) if name in ranges else size
            return run(*args, **kwargs)

        with linen.intercept_methods(measure):
            model.apply(variables, x)
        return ranges

    return {split_path(name): size for name, size in jax.jit(largest)(variables, data).items()}
