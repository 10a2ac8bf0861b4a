"""cuDNN's LSTM, as JAX has it in `jax.experimental.rnn`, with the weights of a layer.

It takes sequences in single precision, whose steps that count come first, and their lengths. A mask with holes or with
padding before is no hindrance: a masked step changes no state, so that the steps that count are put first, in their
order, and each step's output is that of the last step up to it that counts. Nothing is asked at run time.

JAX traces the kernel only where its CUDA plugin is, with a cuDNN that it asks for the size of the kernel's memory:
elsewhere its trace is an error. The kernel has a gradient, and neither a second one nor a rule for `vmap`: there the
loop takes its place, and a gradient under `vmap` computes the loop's outputs once more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias, TypedDict

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.experimental import rnn

from ...core.typing import Array, Bool, Float, Int, PyTree
from ._cell_steps import Kernels, States, lstm_step, plus, product
from ._time_loop import AT_ONCE, over_time

#: The outputs `(batch, time, units)`, and the last `h` and `c`, each `(batch, units)`.
Outputs: TypeAlias = tuple[jax.Array, jax.Array, jax.Array]


def lstm(
    x: Float[Array, "batch time features"],
    states: States,
    kernels: Kernels,
    mask: Bool[Array, "batch time"] | None = None,
    *,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    run: Callable[..., Outputs] | None = None,
) -> tuple[jax.Array, jax.Array, States]:
    """An LSTM by cuDNN.

    Args:
        x: the inputs, after their dropout.
        states: the first `h` and `c`.
        kernels: the layer's weights, with a bias.
        mask: true where a step counts.
        go_backwards: whether time runs backwards; outputs come in the order in which they are made.
        zero_output_for_mask: whether masked steps give zeros in place of the output before.
        run: another function of the kernel's arguments.

    Returns:
        `(outputs, last output, last states)`, as `over_time` returns them.
    """
    batch, time, _ = x.shape
    x = jnp.flip(x, 1) if go_backwards else x
    if mask is None:
        outputs, h, c = (run or _WHOLE)(x, *states, *kernels, jnp.full((batch,), time, jnp.int32))
        return outputs, outputs[:, -1], (h, c)
    mask = jnp.flip(mask, 1) if go_backwards else mask
    count = jnp.cumsum(mask, axis=1, dtype=jnp.int32)
    some = count[:, -1:] > 0
    first = jnp.argsort(~mask, axis=1, stable=True)[..., None]
    lengths = jnp.maximum(count[:, -1], 1)  # cuDNN takes no sequence of nothing
    outputs, h, c = (run or _RAGGED)(jnp.take_along_axis(x, first, axis=1), *states, *kernels, lengths)
    held = jnp.take_along_axis(outputs, jnp.maximum(count - 1, 0)[..., None], axis=1)
    outputs = jnp.where((count > 0)[..., None], held, states[0][:, None])
    if zero_output_for_mask:
        outputs = jnp.where(mask[..., None], outputs, jnp.zeros_like(outputs))
    return outputs, outputs[:, -1], (jnp.where(some, h, states[0]), jnp.where(some, c, states[1]))


def why_not_here(x: Float[Array, "batch time features"], units: int) -> str | None:
    """What JAX says against the kernel where it traces this; `None` where it takes it."""
    if not _installed():
        return "JAX's CUDA plugin, which has it, is not installed."
    try:
        _ask(x.shape, units)
    except (RuntimeError, ValueError) as error:  # there is no cuDNN, or it does not take the precision
        return str(error).splitlines()[0]
    return None


@functools.cache
def _installed() -> bool:
    """Whether JAX has what the kernel is traced with: the module of its CUDA plugin."""
    try:
        _ask((1, 1, 1), 1)
    except AttributeError:
        return False
    except (RuntimeError, ValueError):  # of each shape there is an own answer
        return True
    return True


def _ask(shape: tuple[int, ...], units: int) -> None:
    """Trace the kernel, of nothing."""
    batch, _, features = shape
    state = jax.ShapeDtypeStruct((1, batch, units), jnp.float32)
    weights = jax.ShapeDtypeStruct((rnn.get_num_params_in_lstm(features, units, 1, False),), jnp.float32)
    lengths = jax.ShapeDtypeStruct((batch,), jnp.int32)
    inputs = jax.ShapeDtypeStruct(shape, jnp.float32)
    jax.eval_shape(functools.partial(rnn.lstm_fwd, **_sizes(features, units)), inputs, state, state, weights, lengths)


# ------------------------------------------------------------------ the kernel
def packed(
    kernel: Float[Array, "features columns"], recurrent: Float[Array, "units columns"], bias: Float[Array, " columns"]
) -> Float[Array, " count"]:
    """A layer's weights as the kernel takes them: transposed, one after the other, with a second bias of zeros.

    The gates have Keras's order: cuDNN's `i, f, g, o` are its `i, f, c, o`.
    """
    return jnp.concatenate([kernel.T.ravel(), recurrent.T.ravel(), bias, jnp.zeros_like(bias)])


def unpacked(
    weights: Float[Array, " count"], features: int, units: int
) -> tuple[Float[Array, "features columns"], Float[Array, "units columns"], Float[Array, " columns"]]:
    """The inverse; of gradients too, as nobody trains the second bias."""
    kernel, recurrent, bias, _ = rnn.unpack_lstm_weights(weights, features, units, 1, False)
    return kernel[0].T, recurrent[0].T, bias[0]


class _Sizes(TypedDict):
    """The kernel's arguments that are no arrays; without a precision it has the one that JAX is configured for."""

    input_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    bidirectional: bool
    precision: None


def _sizes(features: int, units: int) -> _Sizes:
    return {
        "input_size": features, "hidden_size": units, "num_layers": 1, "dropout": 0.0, "bidirectional": False,
        "precision": None,
    }  # fmt: skip


def _forward(
    x: jax.Array, h: jax.Array, c: jax.Array, kernel: jax.Array, recurrent: jax.Array, bias: jax.Array,
    lengths: Int[Array, " batch"],
) -> tuple[Outputs, jax.Array]:  # fmt: skip
    """The kernel's outputs, and what it keeps for its gradient."""
    weights = packed(kernel, recurrent, bias)
    (outputs, h, c), kept = rnn.lstm_fwd(x, h[None], c[None], weights, lengths, **_sizes(x.shape[2], h.shape[1]))
    return (outputs, h[0], c[0]), kept[-1]


def _backward(
    kept: jax.Array, outputs: jax.Array, g: Outputs, x: jax.Array, h: jax.Array, c: jax.Array, kernel: jax.Array,
    recurrent: jax.Array, bias: jax.Array, lengths: Int[Array, " batch"],
) -> tuple[jax.Array, ...]:  # fmt: skip
    """The gradients of all but the lengths."""
    features, units = x.shape[2], h.shape[1]
    residuals = (x, h[None], c[None], packed(kernel, recurrent, bias), lengths, outputs, kept)
    slopes = (g[0], g[1][None], g[2][None])
    dx, dh, dc, weights, _ = rnn.lstm_bwd(**_sizes(features, units), residuals=residuals, gradients=slopes)
    kernel, recurrent, bias = unpacked(weights, features, units)
    return dx, dh[0], dc[0], kernel, recurrent, bias


# ------------------------------------------------------------------ beside it the loop
def loop(
    x: jax.Array, h: jax.Array, c: jax.Array, kernel: jax.Array, recurrent: jax.Array, bias: jax.Array,
    lengths: Int[Array, " batch"] | None = None,
) -> Outputs:  # fmt: skip
    """What the kernel computes, as a loop for any platform: outputs after a sequence's length are zeros."""
    mask = None if lengths is None else jnp.arange(x.shape[1], dtype=jnp.int32)[None] < lengths[:, None]
    step = lstm_step(lambda z, h: plus(z + product(h, recurrent), bias), jnp.tanh, jax.nn.sigmoid)
    outputs, _, (h, c) = over_time(
        step, x, (h, c), mask, zero_output_for_mask=True, ahead=lambda x: product(x, kernel), at_once=AT_ONCE
    )
    return outputs, h, c


def derived(
    forward: Callable[..., tuple[Outputs, jax.Array]],
    backward: Callable[..., tuple[jax.Array, ...]],
    ragged: bool,
) -> Callable[..., Outputs]:
    """The kernel, whose second derivatives and whose results under `vmap` are the loop's.

    Args:
        forward: the outputs, and what is kept for the gradient.
        backward: the gradients, of what was kept, the outputs, their gradients, and the arguments.
        ragged: whether sequences may be shorter than their arrays.

    Returns:
        A function of the kernel's arguments.
    """

    def reference(*arrays: jax.Array) -> Outputs:
        x, h, c, kernel, recurrent, bias, lengths = arrays
        return loop(x, h, c, kernel, recurrent, bias, lengths if ragged else None)

    def slopes(g: Outputs, *arrays: jax.Array) -> tuple[jax.Array, ...]:
        return jax.vjp(lambda *a: reference(*a, arrays[6]), *arrays[:6])[1](g)

    def zeros(tree: PyTree) -> PyTree:
        return jax.tree.map(jax.custom_derivatives.zero_from_primal, tree)

    first = jax.custom_jvp(_by_loop_under_vmap(forward, lambda *arrays: (reference(*arrays), None)))
    second = jax.custom_jvp(_by_loop_under_vmap(backward, lambda kept, outputs, g, *arrays: slopes(g, *arrays)))

    @first.defjvp
    def _(arrays: PyTree, tangents: PyTree) -> tuple[PyTree, PyTree]:
        outputs, kept = first(*arrays)
        moved = jax.jvp(lambda *a: reference(*a, arrays[6]), arrays[:6], tangents[:6])[1]
        return (outputs, kept), (moved, zeros(kept))

    @second.defjvp
    def _(primals: PyTree, tangents: PyTree) -> tuple[PyTree, PyTree]:
        lengths = primals[-1]
        moved = jax.jvp(lambda g, *a: slopes(g, *a, lengths), primals[2:-1], tangents[2:-1])[1]
        return second(*primals), moved

    whole = jax.custom_vjp(lambda *arrays: first(*arrays)[0])

    def keep(*arrays: jax.Array) -> tuple[Outputs, PyTree]:
        outputs, kept = first(*arrays)
        return outputs, (kept, outputs[0], arrays)

    def gradients(kept: PyTree, g: Outputs) -> tuple[jax.Array | None, ...]:
        reserved, outputs, arrays = kept
        return (*second(reserved, outputs, g, *arrays), None)

    whole.defvjp(keep, gradients)
    return whole


def _by_loop_under_vmap(kernel: Callable[..., PyTree], reference: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """A function for which `vmap` takes another; what that one returns as `None` are zeros that nobody reads."""
    mapped = custom_vmap(kernel)

    @mapped.def_vmap
    def rule(size: int, is_mapped: list[PyTree], *arrays: PyTree) -> tuple[PyTree, PyTree]:
        axes = jax.tree.map(lambda own: 0 if own else None, is_mapped)
        outputs = jax.vmap(reference, tuple(axes), axis_size=size)(*arrays)
        one = jax.tree.map(lambda a, own: a[0] if own else a, tuple(arrays), tuple(is_mapped))
        whole = jax.eval_shape(kernel, *one)
        values = jax.tree.map(
            lambda shape, y: jnp.zeros(shape.shape, shape.dtype) if y is None else y,
            whole, outputs, is_leaf=lambda y: y is None,
        )  # fmt: skip
        return values, jax.tree.map(lambda y: y is not None, outputs, is_leaf=lambda y: y is None)

    return mapped


_WHOLE, _RAGGED = (derived(_forward, _backward, ragged) for ragged in (False, True))
