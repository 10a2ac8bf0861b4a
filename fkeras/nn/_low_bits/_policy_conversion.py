"""Float weights in the form of a dtype policy, as Keras's `quantize` makes it, and back."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ...core import Layer
from ...core.typing import Array, Float
from .._einsum import EinsumDense
from ._abs_max import AbsMaxQuantizer, abs_max_quantize_grouped_with_zero_point
from ._equation_axes import Axes
from ._lora_by_arguments import CHANGED, LoraWeights
from ._nibbles import pack
from ._policy_weights import PolicyWeights
from ._weight_storage import Sizes

_INT4 = AbsMaxQuantizer(value_range=(-8, 7))


def encoded(
    storage: PolicyWeights, layer: Layer, name: str, weight: Float[Array, "*weight"], scale_shape: Sizes | None = None
) -> dict[str, jax.Array]:
    """A float kernel or table in int8 or int4, by the names of its arrays.

    Args:
        storage: says the form.
        layer: the layer, whose `quantization_config` may have a grid of its own for the weights.
        name: `"kernel"`, `"embedding"` or `"reverse_embeddings"`.
        weight: the weight.
        scale_shape: of the scale of an EinsumDense in int8, which has an axis for each of its output's.
    """
    grid = getattr(getattr(layer, "quantization_config", None), "weight_quantizer", None)
    if name == "kernel":
        return _encoded_kernel(storage, layer, weight, grid, scale_shape)
    lengthwise = name == "embedding"
    axis = 1 if lengthwise else 0
    if storage.block_size is None:
        numbers, scale = (grid or (AbsMaxQuantizer() if storage.mode == "int8" else _INT4))(weight, axis=axis)
        parts = {name: numbers, f"{name}_scale": jnp.squeeze(scale, axis)}
    else:
        lying = weight.T if lengthwise else weight
        found = abs_max_quantize_grouped_with_zero_point(lying, storage.block_size)
        numbers, scale, zero = (a.T for a in found) if lengthwise else found
        zero = zero if lengthwise else zero.astype(weight.dtype)
        place = jnp.arange(weight.shape[axis], dtype=jnp.float32) // storage.block_size
        parts = {name: numbers, f"{name}_scale": scale, f"{name}_zero": zero, "g_idx": place}
    return parts if storage.mode == "int8" else {**parts, name: pack(numbers, axis)}


def _encoded_kernel(
    storage: PolicyWeights,
    layer: Layer,
    weight: Float[Array, "*weight"],
    grid: AbsMaxQuantizer | None,
    scale_shape: Sizes | None,
) -> dict[str, jax.Array]:
    if storage.mode == "int8":
        axes = _axes(layer)
        numbers, scale = (grid or AbsMaxQuantizer())(weight, axis=axes.summed_kernel)
        beside = axes.beside_outputs(scale, axes.kernel)
        shape = (weight.shape[-1],) if not isinstance(layer, EinsumDense) else scale_shape or beside.shape
        return {"kernel": numbers, "kernel_scale": beside.reshape(shape)}
    matrix = weight.reshape(storage.flat(layer, weight.shape))
    if storage.block_size is None:
        numbers, scale = (grid or _INT4)(matrix, axis=0)
        return {"kernel": pack(numbers, 1), "kernel_scale": scale[0]}
    numbers, scale, zero = abs_max_quantize_grouped_with_zero_point(matrix, storage.block_size)
    place = jnp.arange(len(matrix), dtype=jnp.float32) // storage.block_size
    return {"kernel": pack(numbers, 1), "kernel_scale": scale, "kernel_zero": zero, "g_idx": place}


def decoded(
    storage: PolicyWeights, layer: Layer, name: str, parts: Mapping[str, jax.Array], shape: Sizes
) -> Float[Array, "*weight"]:
    """The float weight that a policy's arrays stand for; `shape` is its own."""

    def kept(part: str, *description: object) -> jax.Array:
        return parts[part]

    if name != "kernel":
        return storage.table(kept, name, shape, "float32")
    if storage.mode == "float8":
        return parts["kernel"]
    flat, numbers = storage.flat(layer, shape), storage.numbers(kept, name, shape, layer)
    if storage.mode == "int8":
        axes = _axes(layer)
        scale = parts["kernel_scale"]
        beside = scale.reshape((*(1,) * len(axes.outputs), *scale.shape)[-len(axes.outputs) :])
        return numbers / axes.beside_kernel(beside)
    if storage.mode != "int4":
        return storage._calibrated(kept, numbers, flat, "float32").reshape(shape)
    if storage.block_size is not None:
        return storage._in_blocks(kept, numbers, flat, "float32").reshape(shape)
    return (numbers / parts["kernel_scale"][None]).reshape(shape)


def _axes(layer: Layer) -> Axes:
    """The axes of a layer's product, without those that the equation's dots stand for."""
    if not isinstance(layer, EinsumDense):
        return Axes("a", "ab", "b")
    return Axes.of(layer.equation, len(layer.equation.partition(",")[0].replace(".", "")))


def with_change_merged(layer: Layer, own: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """The arrays of a layer with `lora_rank` as Keras writes them: the change is in the kernel, in the kernel's form.

    Args:
        layer: the layer.
        own: its arrays by name.

    Returns:
        The same without the change's factors.
    """
    storage = layer._storage_told()
    if not isinstance(storage, LoraWeights):
        return dict(own)
    name = next(n for n in CHANGED if n in own)
    a, b = (own[f"lora_{CHANGED[name]}_{side}"] for side in "ab")
    kept = {n: v for n, v in own.items() if not n.startswith(f"lora_{CHANGED[name]}_")}
    change = storage.change(a, b)
    if storage.base is None:
        return {**kept, name: (kept[name] + change).astype(kept[name].dtype)}
    whole = decoded(storage.base, layer, name, kept, change.shape) + change
    return {**kept, **encoded(storage.base, layer, name, whole, kept[f"{name}_scale"].shape)}


def factors_of(layer: Layer) -> tuple[str, ...]:
    """The names of the factors of a layer's change, where its arguments say that it has one."""
    if not isinstance(layer._storage_told(), LoraWeights):
        return ()
    return tuple(f"lora_{word}_{side}" for word in CHANGED.values() for side in "ab")
