"""FlaxLayer, any Linen module as a layer; and layers as configs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from ..core import Layer, explain, field, is_lifted, mode_arguments, register, serialize_object
from ..core import deserialize as deserialize_value
from ..core.typing import Config, CustomObjects, PyTree, Training, Variables
from . import _arguments as arg


def _module(value: object) -> linen.Module:
    """A converter: the value must be a Linen module."""
    if not isinstance(value, linen.Module):
        raise TypeError(
            explain(
                "FlaxLayer needs a Linen module.",
                received=type(value).__name__,
                usually="the class was passed without calling it, or the module is of flax.nnx.",
                write="fk.nn.FlaxLayer(linen.Dense(3)); for nnx, flax.nnx.bridge.to_linen(...)",
            )
        )
    return value


@register("keras.layers")
class FlaxLayer(Layer):
    """A Linen module as a layer of a graph; the module's variables are those of the layer.

    Args:
        module: the module. The mode is passed as whichever of `training`, `train`, `is_training` and `deterministic`
            its method takes.
        method: the name of the method to call, or a function of the module and the inputs; `__call__` by default.
        variables: the first values of the module's variables, instead of those of its initializers.

    Raises:
        TypeError: something that is no Linen module.

    >>> import fkeras as fk, jax
    >>> from flax import linen
    >>> inputs = fk.Input((3,))
    >>> model = fk.Model(inputs, fk.nn.FlaxLayer(linen.Dense(2))(inputs))
    >>> jax.tree.map(lambda a: a.shape, model.init(jax.random.key(0)))
    {'params': {'flax_layer': {'bias': (2,), 'kernel': (3, 2)}}}

    Reference: https://keras.io/api/layers/backend_specific_layers/flax_layer/
    """

    module: linen.Module = field(convert=_module)
    method: str | Callable[..., PyTree] | None = None
    variables_given: Variables | None = None

    @classmethod
    def _rewrite_arguments(cls, args: arg.Positional, kwargs: arg.Keywords) -> tuple[arg.Positional, arg.Keywords]:
        # The field has another name: `variables` is a property of every Linen module.
        return args, {{"variables": "variables_given"}.get(k, k): v for k, v in kwargs.items()}

    def setup(self) -> None:
        linen.share_scope(self, self.module)

    def call(self, *inputs: PyTree, training: Training = False, **kwargs: PyTree) -> PyTree:
        method = self.method
        function: Callable[..., PyTree]
        if method is None or isinstance(method, str):
            function = getattr(type(self.module), method or "__call__")
            run = getattr(self.module, method or "__call__")
        else:
            function, run = method, functools.partial(method, self.module)
        names = inspect.signature(function).parameters
        mode = {n: value for n, value in mode_arguments(function, bool(training)).items() if n not in kwargs}
        if is_lifted(function):  # its static arguments are given by position
            for name in [*names][1 + len(inputs) :]:
                if name not in mode:
                    break
                inputs = (*inputs, mode.pop(name))
        outputs = run(*inputs, **mode, **kwargs)
        if self.is_initializing():
            for collection, tree in (self.variables_given or {}).items():
                for name, start in tree.items():
                    self.put_variable(collection, name, jax.tree.map(jnp.asarray, start))
        return outputs

    def get_config(self) -> Config:
        raise TypeError(
            explain(
                f"{self.path_text()} wraps a Linen module, which has no config.",
                received=type(self.module).__name__,
                usually="the model is saved or written as JSON; `trainer.save` and `save_weights` need no config.",
                write="a fk.nn.Layer subclass that makes the module from its own arguments",
            )
        )


def serialize(layer: Layer) -> Config:
    """A layer as Keras's config.

    Args:
        layer: the layer.

    Returns:
        `{"module", "class_name", "config", "registered_name"}`, of JSON's types.

    >>> import fkeras as fk
    >>> fk.nn.serialize(fk.nn.Flatten())["class_name"]
    'Flatten'

    Reference: https://keras.io/api/layers/base_layer/
    """
    return serialize_object(layer)


def deserialize(config: Mapping[str, Any], custom_objects: CustomObjects | None = None) -> Layer:
    """The layer that a config describes.

    Args:
        config: what `serialize`, or Keras, made of a layer.
        custom_objects: classes and functions of your own, by the name that the config has for them.

    Returns:
        A layer without weights.

    Raises:
        ValueError: an unknown class, or something that is no layer.

    >>> import fkeras as fk
    >>> fk.nn.deserialize(fk.nn.serialize(fk.nn.Dense(3))).units
    3

    Reference: https://keras.io/api/layers/base_layer/
    """
    layer = deserialize_value(config, custom_objects, ("keras.layers", "keras"))
    if not isinstance(layer, Layer):
        raise ValueError(explain("This config is of no layer.", received=type(layer).__name__))
    return layer
