"""cuDNN's attention: when a program may ask for it, and how.

The kernel makes no array of targets and sources. It is taken where all that is known when a program is traced speaks
for it, and chosen when the program is lowered: a program that is traced on a machine with a GPU and lowered for its CPU
has XLA's operations. JAX itself says whether the installed cuDNN and the GPU take the shapes and dtypes: an abstract
evaluation of the kernel and of its gradient is an error where they do not. (Without JAX's CUDA plugin it always is, so
that no program that is traced there has the kernel, also one that is lowered for CUDA.) The choice was tested on
lowered programs and is not measured.

A causal mask and a window before the target have names in the kernel. A mask of sources is the length of each sequence
where each row is true entries and then none. Only of a numpy array is that known when a program is traced: a mask that
an `Embedding` makes of zeros may have holes, and is an array in the kernel too. To look at it at run time under
`lax.cond` would let the host wait for the device once for each layer, and under `vmap` run both branches. Targets that
see nothing, padding among them, need nothing in the kernel: their outputs are replaced afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap

from ...core import explain
from ...core.typing import Array, Bool, Float, Int, PyTree
from ._by_jax import Attention, by_platform
from ._projections import AttentionLayer
from ._seen import Seen, Visible, causal


def by_kernel(
    layer: AttentionLayer,
    query: Float[Array, "batch targets heads size"],
    key: Float[Array, "batch sources shared_heads size"],
    value: Float[Array, "batch sources shared_heads size"],
    seen: Seen,
    scale: float,
    otherwise: Attention,
    wanted: bool | None = None,
) -> Float[Array, "batch targets heads size"]:
    """`softmax(scale q k^T) v` by cuDNN where the program is lowered for CUDA and the kernel takes it.

    Args:
        layer: the layer that attends.
        query, key, value: after their projections.
        seen: which sources a target sees.
        scale: of the scores.
        otherwise: what computes the same elsewhere.
        wanted: whether it is the kernel that must be; `None` where it can be had.

    Returns:
        What each target gets, of the query's shape.

    Raises:
        ValueError: `flash_attention=True` of what the kernel does not take, as in Keras.
    """
    sizes = (*query.shape, *key.shape)
    if wanted is False or layer.is_initializing() or not all(isinstance(size, int) for size in sizes):
        return otherwise(query, key, value)  # shapes are all that a description and its weights need
    how = how_to_ask(query, key, seen, scale)
    refused = _refused(how, query, key, value) or (None if wanted else _untried(query))
    if refused is None:
        return by_platform(lambda q, k, v: attention(q, k, v, seen, how), otherwise, query, key, value)
    if wanted:
        raise cannot_be_had(layer, refused, query, key)
    return otherwise(query, key, value)


def cannot_be_had(
    layer: AttentionLayer, why: str, query: Float[Array, "batch ..."], key: Float[Array, "batch ..."]
) -> ValueError:
    """The error of `flash_attention=True` where there is no kernel."""
    return ValueError(
        explain(
            f"{layer.path_text()}: flash_attention=True asks for cuDNN's attention, which cannot be had: {why}",
            received=f"queries of shape {query.shape}, keys of shape {key.shape}, {query.dtype}",
            write="flash_attention=None, which takes the kernel where it can be had",
        )
    )


# ------------------------------------------------------------------ what is asked for
class How(NamedTuple):
    """What the kernel is told.

    Attributes:
        scale: of the scores.
        causal: whether no target sees what is after it.
        window: how many sources back from itself a target sees, itself among them.
        lengths: how many of each sequence's sources there are, `(batch,)`.
        masked: whether there is an array of targets and sources beside these.
    """

    scale: float
    causal: bool
    window: int | None
    lengths: Int[np.ndarray, " batch"] | None
    masked: bool


def how_to_ask(query: Float[Array, "batch ..."], key: Float[Array, "batch ..."], seen: Seen, scale: float) -> How:
    """What has a name goes by it, the rest is an array."""
    lengths = None
    if seen.sources and seen.pairs is None and seen.window is None:
        lengths = _lengths(seen.sources, (key.shape[0], key.shape[1]))
    masked = seen.pairs is not None or (bool(seen.sources) and lengths is None)
    masked = masked or (seen.window is not None and not seen.causal)
    return How(scale, seen.causal, None if masked else seen.window, lengths, masked)


def _lengths(masks: tuple[Array | np.ndarray, ...], shape: tuple[int, int]) -> Int[np.ndarray, " batch"] | None:
    """How long each sequence is, if all masks are numpy arrays and each row is true entries and then none."""
    if not all(isinstance(m, np.ndarray) for m in masks):
        return None
    mask = np.ones(shape, bool)
    for m in masks:
        mask &= np.asarray(m)
    lengths = mask.sum(axis=1).astype(np.int32)
    return lengths if np.array_equal(mask, np.arange(shape[1]) < lengths[:, None]) else None


def _untried(query: Float[Array, "batch time heads size"]) -> str | None:
    """Why the kernel is not taken unasked, though JAX takes it."""
    return None if query.shape[-1] <= _SMALL else f"heads of more than {_SMALL} are not for every GPU that has it."


def _refused(how: How, *qkv: Float[Array, "batch time heads size"]) -> str | None:
    """Why the kernel does not take this; `None` where it does, as far as a program knows when it is traced."""
    query, key, _ = qkv
    targets, sources = query.shape[1], key.shape[1]
    if query.dtype not in (jnp.float16, jnp.bfloat16):
        return f"it computes in float16 and bfloat16, not in {query.dtype}."
    if min(*query.shape, *key.shape) == 0 or min(targets, sources) == 1:
        return "there is one position or none to attend from or to."
    if how.causal and targets != sources:
        return "its causal mask is for as many targets as sources."
    if how.masked and (targets % 2 or sources % 2):
        return "with a mask it needs even lengths."
    mask = jax.ShapeDtypeStruct((1, 1, targets, sources), bool) if how.masked else None
    try:
        jax.eval_shape(lambda m, *qkv: jax.vjp(lambda q, k, v: _ask(how, "cudnn", q, k, v, m), *qkv)[0], mask, *qkv)
    except (RuntimeError, ValueError) as error:  # there is no cuDNN here, or it does not take these shapes and dtypes
        return str(error).splitlines()[0]
    capabilities = [d.compute_capability for d in jax.local_devices() if d.platform == "gpu"]
    if any(int(c.split(".")[0]) < _AMPERE for c in capabilities):
        return f"it needs a GPU of compute capability {_AMPERE}.0, and there is one of {min(capabilities)}."
    return None


# ------------------------------------------------------------------ the kernel
#: The first compute capability for which cuDNN has these kernels.
_AMPERE = 8
#: The largest head of which all of them compute the gradient.
_SMALL = 128


def attention(
    query: Float[Array, "batch targets heads size"],
    key: Float[Array, "batch sources shared_heads size"],
    value: Float[Array, "batch sources shared_heads size"],
    seen: Seen,
    how: How,
    implementation: Literal["cudnn", "xla"] = "cudnn",
) -> Float[Array, "batch targets heads size"]:
    """The kernel's outputs, and the mean of all values for a target that sees nothing.

    Args:
        query, key, value: after their projections.
        seen: which sources a target sees.
        how: the same in the kernel's words.
        implementation: JAX's name of what computes; `"xla"` takes the same words on any platform.

    Returns:
        What each target gets, of the query's shape.
    """
    targets, sources = query.shape[1], key.shape[1]
    sees = None if seen.targets is None else jnp.asarray(seen.targets)[:, None]
    kernel, reference = (functools.partial(_ask, how, name) for name in (implementation, "xla"))
    if how.masked:
        given = seen._replace(targets=None, causal=False).array(targets, sources)
        assert given is not None
        mask = jnp.broadcast_to(given, (*given.shape[:2], targets, sources))
        outputs = _with_array(kernel, reference, query, key, value, mask)
        sees = _and(sees, (mask & causal(targets, sources)[None] if how.causal else mask).any(axis=-1))
    elif how.lengths is not None:
        some = jnp.asarray(np.where(how.lengths, how.lengths, sources), jnp.int32)
        outputs = _with_array(kernel, reference, query, key, value, some)
        sees = _and(sees, jnp.asarray(how.lengths > 0)[:, None, None])
    else:
        outputs = _alone(kernel, reference, query, key, value)
    if sees is None:
        return outputs
    mean = jnp.repeat(value.mean(axis=1, keepdims=True), query.shape[2] // value.shape[2], axis=2)
    return jnp.where(jnp.swapaxes(sees, 1, 2)[..., None], outputs, mean)


def _and(a: Visible, b: Bool[Array, "batch heads targets"]) -> Bool[Array, "batch heads targets"]:
    return b if a is None else a & b


def _ask(
    how: How,
    implementation: Literal["cudnn", "xla"],
    query: Float[Array, "batch targets heads size"],
    key: Float[Array, "batch sources shared_heads size"],
    value: Float[Array, "batch sources shared_heads size"],
    array: Bool[Array, "_ _ targets sources"] | Int[Array, " batch"] | None = None,
) -> Float[Array, "batch targets heads size"]:
    """JAX's function in the words of `how`; the array is the mask or the lengths that it speaks of."""
    lengths = None if how.masked else array
    return jax.nn.dot_product_attention(
        query,
        key,
        value,
        mask=array if how.masked else None,
        scale=how.scale,
        is_causal=how.causal,
        local_window_size=None if how.window is None else (how.window - 1, 0),
        query_seq_lengths=None if lengths is None else jnp.full(query.shape[:1], query.shape[1], jnp.int32),
        key_value_seq_lengths=lengths,
        implementation=implementation,
    )


# ------------------------------------------------------------------ its derivatives, and under vmap
def _alone(kernel: Attention, reference: Attention, *qkv: jax.Array) -> jax.Array:
    """The kernel of query, key and value, which keeps for its gradient what JAX's own rule keeps."""

    def traced(*qkv: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        values, gradient = jax.vjp(kernel, *qkv)
        return values, jax.tree.leaves(gradient)

    # What a gradient keeps is in one order in all abstract traces, and in another where arrays are computed at once.
    kept_as = jax.tree.structure(jax.eval_shape(lambda *qkv: jax.vjp(kernel, *qkv)[1], *qkv))
    once = jax.jit(traced, inline=True)

    def outputs(*qkv: jax.Array) -> jax.Array:
        return kernel(*_aligned(*qkv))

    def forward(*qkv: jax.Array) -> tuple[jax.Array, PyTree]:
        return once(*_aligned(*qkv))

    def backward(kept: list[jax.Array], qkv: tuple[jax.Array, ...], g: jax.Array) -> tuple[jax.Array, ...]:
        of_batches = [i for i, leaf in enumerate(kept) if leaf.ndim > 1]
        *leaves, g = _aligned(*(kept[i] for i in of_batches), g)
        for i, leaf in zip(of_batches, leaves, strict=True):
            kept = [*kept[:i], leaf, *kept[i + 1 :]]
        return jax.tree.unflatten(kept_as, kept)(g)

    return _derived(outputs, reference, forward, backward)(*qkv)


def _with_array(kernel: Attention, reference: Attention, *arrays: jax.Array) -> jax.Array:
    """The kernel of query, key, value and an array without a gradient, as one call also under `vmap`.

    JAX's rule for the kernel under `vmap` takes no mask that the heads share. What it keeps for a gradient has no axis
    that is known here, so that the gradient computes the outputs once more.
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
