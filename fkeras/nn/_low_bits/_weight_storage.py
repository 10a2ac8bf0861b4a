"""How a layer's weights are kept where not as plain arrays: in few bits, or with a low-rank change beside them.

Each class is what `Layer.stored_as` takes. What is kept and does not train lies in the collection `non_trainable`, so
that `params` holds what the optimizer moves and nothing else.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax

from ...core import NON_TRAINABLE, Configured, Layer, Storage, explain, register
from ...core.typing import Array, DTypeLike, Float, Key, PyTree, Shaped
from .. import initializers
from .._convolutional import _Conv
from .._einsum import EinsumDense
from .._linear import Dense
from ._number_formats import decode, encode, fake

#: The arguments of a layer's call, by position.
Arguments: TypeAlias = tuple[PyTree, ...]
#: Sizes that are all known.
Sizes: TypeAlias = tuple[int, ...]
#: What makes a weight: `(key, shape, dtype) -> array`.
Initialize: TypeAlias = Callable[[Key, Sizes, DTypeLike], jax.Array]


@runtime_checkable
class ConvertibleStorage(Storage, Protocol):
    """How the weights of a layer are kept, and how to bring plain ones into that form."""

    def convert(self, name: str, value: jax.Array) -> dict[tuple[str, str], jax.Array]:
        """What a plain weight becomes, by collection and name."""


_LARGE = re.compile(r"(.*_)?(kernel|embeddings?)")


def is_large(name: str, ndim: int) -> bool:
    """Whether a weight is one of those worth fewer bits: kernels and tables, not biases and scales.

    >>> is_large("kernel", 2), is_large("recurrent_kernel", 2), is_large("bias", 2)
    (True, True, False)
    """
    return ndim >= 2 and _LARGE.fullmatch(name) is not None


def contracts(layer: object) -> bool:
    """Whether a layer multiplies its input with a kernel, so that the input can be put on a grid too."""
    return isinstance(layer, Dense | EinsumDense | _Conv)


def frozen_weight(layer: Layer, name: str, make: Callable[[], Mapping[str, jax.Array]]) -> jax.Array:
    """A weight that does not train, by name; `make() -> {name: array}` draws it and what belongs to it."""
    if not layer.has_variable(NON_TRAINABLE, name):
        if not layer.is_initializing():
            raise ValueError(
                explain(
                    f"{layer.path_text()} finds no {name!r} in the collection {NON_TRAINABLE!r}.",
                    usually="the float model's variables were passed to the model that was made from it.",
                    write="qmodel, qvariables = model.quantize(variables, mode); qmodel.apply(qvariables, x)",
                )
            )
        for key, value in make().items():
            layer.variable(NON_TRAINABLE, key, lambda v=value: v)
    return layer.get_variable(NON_TRAINABLE, name)


@register("fkeras")
@dataclasses.dataclass(frozen=True)
class PlainWeights(Configured):
    """Plain arrays, for a layer inside another one whose weights are kept in another form."""

    def weight(self, layer: Layer, name: str, make: Initialize, shape: Sizes, dtype: DTypeLike) -> jax.Array:
        return layer.param(name, make, shape, dtype)

    def inputs(self, layer: Layer, args: Arguments) -> Arguments:
        return args

    def convert(self, name: str, value: jax.Array) -> dict[tuple[str, str], jax.Array]:
        return {("params", name): value}


@register("fkeras")
@dataclasses.dataclass(frozen=True)
class QuantizedWeights(Configured):
    """Kernels and tables in few bits: `kernel` and `kernel_scale` in `non_trainable`.

    Args:
        form: `"int8"`, `"int4"`, `"float8"` or `"nf4"`.
        activation: the grid of the layer's input, `"int8"` or `"float8"`; `None` leaves it.
        block_size: how many inputs share a scale; all of an output channel's by default.
        static: whether the input's range is `input_scale`, a number from calibration, and not computed anew for each
            example.
    """

    form: str = "int8"
    activation: str | None = None
    block_size: int | None = None
    static: bool = False

    def weight(self, layer: Layer, name: str, make: Initialize, shape: Sizes, dtype: DTypeLike) -> jax.Array:
        if not is_large(name, len(shape)):
            return layer.param(name, make, shape, dtype)

        def draw() -> dict[str, jax.Array]:
            return self._encoded(name, make(layer.make_rng("params"), shape, dtype))

        if self.static and contracts(layer):  # `inputs` reads it, but runs before Linen lets a layer make variables
            frozen_weight(layer, "input_scale", lambda: {"input_scale": jnp.ones((), jnp.float32)})
        return self.read(
            name, frozen_weight(layer, name, draw), frozen_weight(layer, f"{name}_scale", draw), shape, dtype
        )

    def read(
        self,
        name: str,
        numbers: Shaped[Array, "*numbers"],
        scale: Float[Array, "blocks columns"],
        shape: Sizes,
        dtype: DTypeLike,
    ) -> Float[Array, "*weight"]:
        """The weight called `name`, from what is kept of it."""
        return decode(numbers, scale, shape, self.form, self.block_size, "embedding" in name).astype(dtype)

    def _encoded(self, name: str, value: jax.Array) -> dict[str, jax.Array]:
        numbers, scale = encode(value, self.form, self.block_size, "embedding" in name)
        return {name: numbers, f"{name}_scale": scale}

    def inputs(self, layer: Layer, args: Arguments) -> Arguments:
        return _on_grid(self, layer, args)

    def convert(self, name: str, value: jax.Array) -> dict[tuple[str, str], jax.Array]:
        """What a float weight becomes, by collection and name."""
        if not is_large(name, value.ndim):
            return {("params", name): value}
        return {(NON_TRAINABLE, key): v for key, v in self._encoded(name, value).items()}


@register("fkeras")
@dataclasses.dataclass(frozen=True)
class FakeQuantizedWeights(QuantizedWeights):
    """Plain weights that the layer reads as if they were quantised, with a gradient straight through."""

    def weight(self, layer: Layer, name: str, make: Initialize, shape: Sizes, dtype: DTypeLike) -> jax.Array:
        value = layer.param(name, make, shape, dtype)
        if not is_large(name, len(shape)):
            return value
        encoded = self._encoded(name, value)
        rounded = self.read(name, encoded[name], encoded[f"{name}_scale"], shape, dtype)
        return value + lax.stop_gradient(rounded - value)

    def convert(self, name: str, value: jax.Array) -> dict[tuple[str, str], jax.Array]:
        return {("params", name): value}


@register("fkeras")
@dataclasses.dataclass(frozen=True)
class LowRankWeights(Configured):
    """A frozen weight, and a low-rank change that trains: `weight + alpha / rank · a b`.

    Args:
        rank: of the change; 0 only freezes the layer's weights.
        alpha: the change's factor is `alpha / rank`.
        base: how the frozen weight is kept: `QuantizedWeights`, or `None` for a plain array.
        trainable: whether the layer trained before.
    """

    rank: int = 0
    alpha: float = 1.0
    base: QuantizedWeights | None = None
    trainable: bool = True

    def weight(self, layer: Layer, name: str, make: Initialize, shape: Sizes, dtype: DTypeLike) -> jax.Array:
        large = is_large(name, len(shape))
        if large and isinstance(self.base, QuantizedWeights):
            value = self.base.weight(layer, name, make, shape, dtype)
        else:
            value = frozen_weight(layer, name, lambda: {name: make(layer.make_rng("params"), shape, dtype)})
        if not large or not self.rank:
            return value
        a = layer.param(f"lora_{name}_a", initializers.get("he_uniform"), (*shape[:-1], self.rank), dtype)
        b = layer.param(f"lora_{name}_b", initializers.get("zeros"), (self.rank, shape[-1]), dtype)
        return value + self.change(a, b).astype(dtype)

    def change(self, a: Float[Array, "*inputs rank"], b: Float[Array, "rank channels"]) -> jax.Array:
        """What the two factors add to the weight."""
        return self.alpha / self.rank * jnp.tensordot(a, b, axes=1)

    def inputs(self, layer: Layer, args: Arguments) -> Arguments:
        return args if self.base is None else self.base.inputs(layer, args)

    def convert(self, name: str, value: jax.Array) -> dict[tuple[str, str], jax.Array]:
        return {(NON_TRAINABLE, name): value}


def _on_grid(storage: QuantizedWeights, layer: Layer, args: Arguments) -> Arguments:
    """The layer's input on the grid of its activations."""
    if storage.activation is None or not contracts(layer) or not args:
        return args
    x, *rest = args
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return args
    if storage.static:
        largest = layer.get_variable(NON_TRAINABLE, "input_scale", jnp.ones((), jnp.float32))
    else:
        axes = _contracted(layer, x.ndim)
        largest = lax.stop_gradient(jnp.max(jnp.abs(x), axis=axes, keepdims=True)).astype(jnp.float32)
    return (fake(x, largest, storage.activation), *rest)


def _contracted(layer: Layer, ndim: int) -> tuple[int, ...]:
    """The input's axes that one output sums over; a convolution's windows overlap, so all but the batch."""
    if isinstance(layer, Dense):
        return (ndim - 1,)
    if isinstance(layer, EinsumDense):
        inputs, rest = layer.equation.split(",")
        kernel, output = rest.split("->")
        letters = inputs.strip(".")
        start = ndim - len(letters) if inputs.startswith(".") else 0
        return tuple(start + i for i, k in enumerate(letters) if k in kernel and k not in output)
    return tuple(range(1, ndim))
