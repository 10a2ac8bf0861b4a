"""Weights and losses of a bound layer: what `add_weight` and `add_loss` do inside `build` and `call`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from .._words._config import get, look_up
from ..typing import Config, DTypeLike, PyTree, Shape, Spec
from ._layer_errors import check_name, concrete_shape, losses_not_lifted, no_loss_outside, said_of
from ._lifted_transforms import inherited_context, outermost
from ._planned_weights import PlannedWeight, plan_weight
from ._sealing import call_state, memory_of
from ._stacked_weights import Overwritten
from ._variables import LOSSES, NON_TRAINABLE, StateWeight

if TYPE_CHECKING:
    from ._layer import Layer

Initializer = Callable[..., jax.Array]


class Storage(Protocol):
    """How weights are kept, where not as plain arrays: a hashable value with a config, see `Layer.stored_as`."""

    def get_config(self) -> Config:
        """The constructor's arguments as JSON values."""

    def weight(self, layer: Layer, name: str, make: Initializer, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        """Read a weight, or make it, and return it as the layer computes with it."""

    def inputs(self, layer: Layer, args: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        """What the layer computes on."""


def add_weight(
    layer: Layer,
    shape: Shape | int | None,
    initializer: Spec,
    dtype: DTypeLike | None,
    trainable: bool,
    autocast: bool,
    regularizer: Spec,
    constraint: Spec,
    name: str | None,
) -> jax.Array | StateWeight | PlannedWeight:
    """Make, or on later calls read, a weight of a bound layer; or plan it in `__init__`: see `Layer.add_weight`."""
    plans = memory_of(layer).planned if layer.scope is None else None
    if plans is not None:
        arguments = {
            "shape": shape, "initializer": initializer, "dtype": dtype, "trainable": trainable, "autocast": autocast,
            "regularizer": regularizer, "constraint": constraint, "name": name,
        }  # fmt: skip
        return plan_weight(layer, plans, arguments)
    sizes = concrete_shape(layer, shape, name)
    stored = jnp.dtype(dtype or layer.variable_dtype)
    constraints = call_state(layer).constraints
    try:
        check_name(name)
    except ValueError as error:
        raise said_of(layer.path_text(), error) from None
    if name is None:
        count = len([n for n in constraints if n.split("_")[0] == "weight"])
        name = f"weight_{count}" if count else "weight"
    made = call_state(layer).weights
    if made is not None and name in made and tuple(made[name].shape) == sizes:  # `super().call` that runs again
        return made[name]  # type: ignore[no-any-return]
    weight = _made_weight(layer, sizes, stored, initializer, trainable, autocast, regularizer, constraint, name)
    if made is not None:
        made[name] = weight
    return weight


def _made_weight(
    layer: Layer,
    sizes: tuple[int, ...],
    stored: np.dtype,
    initializer: Spec,
    trainable: bool,
    autocast: bool,
    regularizer: Spec,
    constraint: Spec,
    name: str,
) -> jax.Array | StateWeight:
    constraints = call_state(layer).constraints
    if initializer is None:
        initializer = "glorot_uniform" if jnp.issubdtype(stored, jnp.inexact) else "zeros"
    make = get("keras.initializers", initializer)
    rule = constraint if isinstance(constraint, Overwritten) else get("keras.constraints", constraint)
    constraints[name] = rule if trainable else None
    if not trainable:
        variable = layer.variable(
            NON_TRAINABLE, name, lambda: jnp.asarray(make(layer.make_rng("params"), sizes, stored), stored)
        )
        return StateWeight(variable, layer)
    storage = storage_of(layer)
    is_kept = storage is not None and jnp.issubdtype(stored, jnp.floating)
    value = storage.weight(layer, name, make, sizes, stored) if is_kept else _param(layer, name, make, sizes, stored)  # type: ignore[union-attr]
    regularize = get("keras.regularizers", regularizer)
    is_frozen = is_kept and name in getattr(storage, "frozen", ())
    if regularize is not None and collects_losses(layer) and trains(layer) and not is_frozen:
        # once for the weight, however often the layer is called
        layer.sow(LOSSES, name, regularize(value), init_fn=lambda: None, reduce_fn=lambda _, penalty: penalty)
    return value.astype(layer.compute_dtype) if autocast and jnp.issubdtype(stored, jnp.floating) else value


def _param(layer: Layer, name: str, make: Initializer, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
    """Linen's `param`. A weight that is there in its shape is read without tracing how it would be made."""
    if not layer.is_initializing():
        value: PyTree = layer.get_variable("params", name)
        if isinstance(value, jax.Array | np.ndarray) and value.shape == shape:
            return value  # type: ignore[return-value]
    return layer.param(name, make, shape, dtype)


def storage_of(layer: Layer) -> Storage | None:
    """How a bound layer's weights are kept: as it says itself, else as the nearest enclosing layer says."""
    module: Any = layer
    while isinstance(module, linen.Module):
        storage = storage_told(module)
        if storage is not None:
            return storage
        last, module = module, module.parent
    return inherited_context(last).storage


def storage_told(module: linen.Module) -> Storage | None:
    """How one layer says that its weights are kept: by `stored_as`, or by Keras's arguments for few bits and LoRA."""
    said: Mapping[str, Any] = module.__dict__
    storage: Storage | None = said.get("_weights_as")
    if storage is None:
        dtype = said.get("dtype")
        if (isinstance(dtype, str) and "_from_" in dtype) or said.get("lora_rank"):
            storage = look_up("WeightsByArguments", "fkeras").of(module)
    return storage


def contract(
    layer: Layer, multiply: Callable[..., jax.Array], equation: str, inputs: jax.Array, kernel: jax.Array, name: str
) -> jax.Array:
    """`multiply(inputs, kernel)`, or what stands for it where the weight's storage multiplies in a way of its own."""
    own = getattr(storage_of(layer), "contract", None)
    return multiply(inputs, kernel) if own is None else own(layer, multiply, equation, inputs, kernel, name)


def trains(layer: Layer) -> bool:
    """Whether the layer's weights train: as the nearest layer at or around it says that was told."""
    module: Any = layer
    while isinstance(module, linen.Module):
        if not getattr(module, "trainable", True) or getattr(module, "_unfrozen", False):
            return bool(module.trainable)
        last, module = module, module.parent
    return inherited_context(last).trains


def collects_losses(layer: Layer) -> bool:
    """Whether somebody asked for the losses of the call that runs; a warning where a lifted transform drops them."""
    if layer.is_initializing():
        return False
    collects = layer.is_mutable_collection(LOSSES)
    if not collects and inherited_context(outermost(layer)).losses:
        warnings.warn(losses_not_lifted(layer), stacklevel=4)
    return collects


def add_loss(layer: Layer, loss: PyTree) -> None:
    """Add scalars, or functions that make them, to what the Trainer minimises: see `Layer.add_loss`."""
    if layer.scope is None:
        raise no_loss_outside(layer.path_text())
    if not collects_losses(layer):
        return
    for value in jax.tree.leaves(loss):
        layer.sow(LOSSES, "loss", value() if callable(value) else jnp.asarray(value))
