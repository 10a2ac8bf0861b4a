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
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import Array, Bool, Float, Int
from ._by_jax import Attention, by_platform
from ._derived import alone, with_array
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


def _refused(how: How, *qkv: Float[Array, "_ _ _ _"]) -> str | None:
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
        return str(error).partition("\n")[0] or type(error).__name__
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
        outputs = with_array(kernel, reference, query, key, value, mask)
        sees = _and(sees, (mask & causal(targets, sources)[None] if how.causal else mask).any(axis=-1))
    elif how.lengths is not None:
        some = jnp.asarray(np.where(how.lengths, how.lengths, sources), jnp.int32)
        outputs = with_array(kernel, reference, query, key, value, some)
        sees = _and(sees, jnp.asarray(how.lengths > 0)[:, None, None])
    else:
        outputs = alone(kernel, reference, query, key, value)
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
