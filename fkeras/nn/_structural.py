"""Layers for the structure of a model: the identity, masking, and any function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from ..core import Layer, explain, field, register, serialize
from ..core.typing import Array, Bool, Config, CustomObjects, Num, PyTree, Training
from ._sequence_masks import MaskLike


@register("keras.layers")
class Identity(Layer):
    """The input, unchanged.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Identity()(jnp.ones(2))
    Array([1., 1.], dtype=float32)

    Reference: https://keras.io/api/layers/core_layers/identity/
    """

    supports_masking = True

    def call(self, inputs: PyTree) -> PyTree:
        return inputs


@register("keras.layers")
class Masking(Layer):
    """Steps whose features all equal a value are left out by later layers.

    Args:
        mask_value: the value.

    Input shape: `(batch, time, features)`. The steps that are left out are set to 0.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Masking(9.0)(jnp.array([[[1.0, 9.0], [9.0, 9.0]]])).tolist()
    [[[1.0, 9.0], [0.0, 0.0]]]

    Reference: https://keras.io/api/layers/core_layers/masking/
    """

    mask_value: float = 0.0

    supports_masking = True

    def call(self, inputs: Num[Array, "batch time features"]) -> Num[Array, "batch time features"]:
        keep = jnp.any(inputs != self.mask_value, axis=-1, keepdims=True)
        return inputs * keep.astype(inputs.dtype)

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return jnp.any(jnp.asarray(inputs) != self.mask_value, axis=-1)


@register("fkeras")
class AddLoss(Layer):
    """An output as it is, and a tensor of the graph added to what the Trainer minimises.

    It is what `model.add_loss(tensor)` of Keras 2 becomes; Keras 3 has no such layer.

    Call arguments: `inputs`, of any shape; `loss`, whose sum is added.

    >>> import jax.numpy as jnp
    >>> AddLoss().apply({}, jnp.ones(2), jnp.full(3, 0.5), mutable=["losses"])[1]["losses"]
    {'loss': (Array(1.5, dtype=float32),)}
    """

    supports_masking = True

    def call(self, inputs: PyTree, loss: Num[Array, "*shape"]) -> PyTree:
        self.add_loss(jnp.sum(loss))
        return inputs

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return mask


@register("fkeras")
class MaskOf(Layer):
    """The mask of the input, `(batch, time)`; true throughout where it has none.

    With it a recurrent layer that is given an `initial_state` is given the mask too, as in Keras 1 and 2; in Keras 3 a
    layer with two arguments is given none.

    Input shape: `(batch, time, ...)`.

    >>> import jax.numpy as jnp
    >>> MaskOf()(jnp.ones((1, 3, 2)))
    Array([[ True,  True,  True]], dtype=bool)
    """

    supports_masking = True

    def call(self, inputs: Num[Array, "batch time ..."], mask: PyTree = None) -> Bool[Array, "batch time"]:
        return jnp.ones(inputs.shape[:2], bool) if mask is None else jnp.asarray(mask, bool)

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return None


@register("fkeras")
class ConstantForEachRow(Layer):
    """A constant array for each row of a batch: `tf.zeros([tf.shape(x)[0], 3])` in a graph of Keras 2.

    Args:
        shape: the array's shape.
        value: what it is filled with.

    >>> import jax.numpy as jnp
    >>> ConstantForEachRow((2,), 1.0)(jnp.ones((3, 5))).shape
    (3, 2)
    """

    shape: tuple[int, ...] = field((), convert=tuple)
    value: float = 0.0

    def call(self, inputs: Num[Array, "batch ..."]) -> Num[Array, "batch ..."]:
        return jnp.full((inputs.shape[0], *self.shape), self.value, self.compute_dtype)


def _function(value: object) -> Callable[..., PyTree]:
    """A converter: the value must be a function."""
    if not callable(value):
        raise ValueError(
            explain(
                "Lambda needs a function.",
                received=repr(value)[:80],
                usually="the function was called instead of passed.",
                write="fk.nn.Lambda(my_function)",
            )
        )
    return value


@register("keras.layers")
class Lambda(Layer):
    """A function as a layer.

    Args:
        function: of the input; it may also take `mask` and `training`.
        output_shape: accepted for Keras's sake; shapes are inferred.
        mask: a mask, or a function of `(inputs, mask)` that makes the output's.
        arguments: further keyword arguments of the function.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.nn.Lambda(lambda x: x * 2)(jnp.ones(2))
    Array([2., 2.], dtype=float32)

    Reference: https://keras.io/api/layers/core_layers/lambda/
    Unlike Keras a config holds the function's name, never its code: name it, and give it to `custom_objects`.
    """

    function: Callable[..., PyTree] = field(convert=_function)
    output_shape: object = None
    mask: MaskLike | Callable[[PyTree, PyTree], PyTree] = None
    arguments: Mapping[str, Any] = field(None, convert=lambda arguments: dict(arguments or {}))

    def call(self, inputs: PyTree, mask: PyTree = None, training: Training = False) -> PyTree:
        try:
            names = list(inspect.signature(self.function).parameters)
        except ValueError:  # some built-in functions have no signature
            names = []
        extra = {k: v for k, v in (("mask", mask), ("training", training)) if k in names}
        return self.function(inputs, **{**self.arguments, **extra})

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> Config:
        config = super().get_config()
        function = serialize(self.function)
        if isinstance(function, str):
            function = {
                "module": "builtins",
                "class_name": "function",
                "config": function,
                "registered_name": "function",
            }
        return {**config, "function": function, "arguments": serialize(dict(self.arguments))}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: CustomObjects | None = None) -> Layer:
        config = dict(config)
        if isinstance(config.get("function"), str):  # a registered function by its bare name
            entry = {"class_name": "function", "config": config["function"], "registered_name": config["function"]}
            config["function"] = {"module": "builtins", **entry}
        return super().from_config(config, custom_objects)
