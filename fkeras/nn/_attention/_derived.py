"""A kernel with derivatives of every order in reverse, and under `vmap`, where JAX's own rules leave off.

JAX's rules for cuDNN's attention have one derivative; under `vmap` they take no mask that the heads share, and in some
releases no argument without `vmap`'s axis beside one that has it.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from ...core.typing import PyTree
from ._by_jax import Attention


def alone(kernel: Attention, reference: Attention, *qkv: jax.Array) -> jax.Array:
    """The kernel of query, key and value, which keeps for its gradient what JAX's own rule keeps.

    Args:
        kernel, reference: two ways to the same function.
        *qkv: query, key and value.

    Returns:
        What each target gets.
    """
    once = jax.jit(lambda *qkv: jax.vjp(kernel, *qkv), inline=True)  # traced once: what it keeps has one structure

    def outputs(*qkv: jax.Array) -> jax.Array:
        return kernel(*_aligned(*qkv))

    def forward(*qkv: jax.Array) -> tuple[jax.Array, PyTree]:
        return once(*_aligned(*qkv))

    def backward(kept: PyTree, qkv: tuple[jax.Array, ...], g: jax.Array) -> tuple[jax.Array, ...]:
        leaves, structure = jax.tree.flatten(kept)
        of_batches = [i for i, leaf in enumerate(leaves) if leaf.ndim > 1]
        *aligned, g = _aligned(*(leaves[i] for i in of_batches), g)
        whole = dict(enumerate(leaves)) | dict(zip(of_batches, aligned, strict=True))
        return jax.tree.unflatten(structure, whole.values())(g)

    return _derived(outputs, reference, forward, backward)(*qkv)


def with_array(kernel: Attention, reference: Attention, *arrays: jax.Array) -> jax.Array:
    """The kernel of query, key, value and an array without a gradient, as one call also under `vmap`.

    JAX's rule for the kernel under `vmap` takes no mask that the heads share. What it keeps for a gradient has no axis
    that is known here, so that the gradient computes the outputs once more.

    Args:
        kernel, reference: two ways to the same function.
        *arrays: query, key, value and the array, each with the batch as its first axis, or 1 in its place.

    Returns:
        What each target gets.
    """

    def gradient(q: jax.Array, k: jax.Array, v: jax.Array, array: jax.Array, g: jax.Array) -> tuple[jax.Array, ...]:
        return jax.vjp(lambda *qkv: kernel(*qkv, array), q, k, v)[1](g)

    outputs, gradients = _over_batches(kernel), _over_batches(gradient)

    def forward(*arrays: jax.Array) -> tuple[jax.Array, PyTree]:
        return outputs(*arrays), ()

    return _derived(outputs, reference, forward, lambda _, arrays, g: gradients(*arrays, g))(*arrays)


def _derived(
    kernel: Attention,
    reference: Attention,
    forward: Callable[..., tuple[jax.Array, PyTree]],
    backward: Callable[..., tuple[jax.Array, ...]],
) -> Attention:
    """The kernel with its own gradient, of which the derivatives are the reference's: JAX has none for the kernel's.

    Args:
        kernel, reference: two ways to the same function of query, key, value and perhaps an array without a gradient.
        forward: the kernel's outputs, and what its gradient needs.
        backward: the gradients of query, key and value: of what `forward` kept, the arrays, and the outputs' gradient.

    Returns:
        The kernel.
    """

    def zeros(tree: PyTree) -> PyTree:
        return jax.tree.map(jax.custom_derivatives.zero_from_primal, tree)

    first, second = jax.custom_jvp(forward), jax.custom_jvp(backward)

    @first.defjvp
    def _(arrays: PyTree, tangents: PyTree) -> tuple[PyTree, PyTree]:
        outputs, kept = first(*arrays)
        return (outputs, kept), (jax.jvp(reference, arrays, tangents)[1], zeros(kept))

    @second.defjvp
    def _(primals: PyTree, tangents: PyTree) -> tuple[PyTree, PyTree]:
        def gradient(arrays: tuple[jax.Array, ...], g: jax.Array) -> PyTree:
            return jax.vjp(lambda *qkv: reference(*qkv, *arrays[3:]), *arrays[:3])[1](g)

        return second(*primals), jax.jvp(gradient, primals[1:], tangents[1:])[1]

    whole = jax.custom_vjp(kernel)

    def keep(*arrays: jax.Array) -> tuple[jax.Array, PyTree]:
        outputs, kept = first(*arrays)
        return outputs, (kept, arrays)

    def gradients(kept: tuple[PyTree, tuple[jax.Array, ...]], g: jax.Array) -> tuple[jax.Array | None, ...]:
        return (*second(*kept, g), *(None for _ in kept[1][3:]))

    whole.defvjp(keep, gradients)
    return whole


def _over_batches(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """A function of arrays of one batch that `vmap` calls once, with its axis put into the batch's.

    JAX's own rule for the kernel takes no mask that the heads share.
    """
    mapped = custom_vmap(function)

    @mapped.def_vmap
    def rule(size: int, is_mapped: list[bool], *arrays: jax.Array) -> tuple[PyTree, PyTree]:
        batch = arrays[0].shape[1 if is_mapped[0] else 0]
        flat = []
        for array, own in zip(arrays, is_mapped, strict=True):
            array = array if own else array[None]
            rest = array.shape[2:]
            flat.append(jnp.broadcast_to(array, (size, batch, *rest)).reshape(size * batch, *rest))
        outputs = jax.tree.map(lambda y: y.reshape(size, batch, *y.shape[1:]), mapped(*flat))
        return outputs, jax.tree.map(lambda _: True, outputs)

    return mapped


@custom_vmap
def _aligned(*arrays: jax.Array) -> tuple[jax.Array, ...]:
    """The same arrays; under a `vmap` over one of them all have its axis, as JAX's rule for the kernel needs."""
    return arrays


@_aligned.def_vmap
def _align(size: int, is_mapped: list[bool], *arrays: jax.Array) -> tuple[tuple[jax.Array, ...], tuple[bool, ...]]:
    pairs = zip(arrays, is_mapped, strict=True)
    return tuple(a if m else jnp.broadcast_to(a, (size, *a.shape)) for a, m in pairs), (True,) * len(arrays)
