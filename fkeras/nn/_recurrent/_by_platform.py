"""Which program an LSTM or a GRU has on which platform, chosen when it is lowered.

On a CPU one step after the other multiplies its inputs and its states. On an accelerator a step costs the starts of its
operations more than their arithmetic: there the inputs of all steps are multiplied at once before the loop, and a turn
of the loop is several steps, whose operations the compiler sees together. On a CPU that is slower. An LSTM is cuDNN's
where the program is for CUDA and the kernel takes it. The choice was tested on lowered programs, and is not measured on
an accelerator.

Sizes that are not known yet, as in a description, and `use_cudnn=False` have one program for all platforms. So has a
process without an accelerator: to trace two programs would take it longer.
"""

from __future__ import annotations

import functools
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax

from ...core import explain
from ...core.typing import Array, ArrayLike, Bool, Float
from .. import _arguments as arg
from .. import activations
from ._cell_steps import Parts, States
from ._cudnn import lstm, why_not_here
from ._time_loop import AT_ONCE, Loop, Sequences, Words, over_time

_TANH = (activations.tanh, jnp.tanh, lax.tanh)
_SIGMOID = (activations.sigmoid, jax.nn.sigmoid, lax.logistic)


@runtime_checkable
class Choosing(Protocol):
    """A recurrent layer with `use_cudnn`."""

    units: int
    activation: arg.ActivationLike
    recurrent_activation: arg.ActivationLike
    use_bias: bool
    recurrent_dropout: float
    unroll: bool
    use_cudnn: bool | str

    @property
    def _words(self) -> Words:
        """What the layer says of its loop."""

    def is_initializing(self) -> bool:
        """Whether this call makes the weights."""

    def path_text(self) -> str:
        """The layer's name and place, for messages."""


_CHOICES: tuple[bool | str, ...] = ("auto", True, False)
#: A converter of `use_cudnn`.
use_cudnn = arg.one_of("use_cudnn", *_CHOICES)


def chosen(layer: Choosing, refused: str | None, parts: Parts, inputs: Float[Array, "batch time features"]) -> Loop:
    """The loop over time of a layer.

    Args:
        layer: the layer.
        refused: why it is not cuDNN's wherever it runs, or `None`.
        parts: its step.
        inputs: of its call.

    Returns:
        A function of the inputs, the first states and the mask.

    Raises:
        ValueError: `use_cudnn=True` of a layer that cannot have it.
    """
    words = layer._words
    plain = functools.partial(over_time, parts.whole, **words)
    if layer.use_cudnn is False:
        return plain
    sized = all(isinstance(size, int) for size in inputs.shape) and 0 not in inputs.shape
    runs = sized and not layer.is_initializing()
    refused = refused or (why_not_here(inputs, layer.units) if runs else None)
    if refused and layer.use_cudnn is True:
        raise ValueError(
            explain(
                f"{layer.path_text()}: use_cudnn=True asks for cuDNN's kernel, which cannot be had: {refused}",
                received=f"inputs of shape {inputs.shape}, {inputs.dtype}",
                write='use_cudnn="auto", which takes the kernel where it can be had',
            )
        )
    if layer.unroll or not runs or (refused and not accelerators()):
        return plain
    ahead, by_cudnn = functools.partial(_ahead, parts, words), functools.partial(_by_cudnn, parts, words)
    if refused or (layer.use_cudnn is not True and accelerators() > 1):
        return functools.partial(lax.platform_dependent, cuda=ahead, rocm=ahead, tpu=ahead, default=plain)
    return functools.partial(lax.platform_dependent, cuda=by_cudnn, default=plain)


def _ahead(
    parts: Parts, words: Words, x: Float[Array, "batch time features"], states: States, mask: ArrayLike | None
) -> Sequences:
    """The loop with the products of all inputs made before it, and several steps a turn."""

    def made(x: Float[Array, "time batch features"]) -> Float[Array, "time batch columns"]:
        return parts.project(parts.dropped(x))

    outputs, last, new = over_time(parts.step, x, tuple(states), mask, **words, ahead=made, at_once=AT_ONCE)
    return outputs, last, list(new)


def _by_cudnn(
    parts: Parts, words: Words, x: Float[Array, "batch time features"], states: States, mask: ArrayLike | None
) -> Sequences:
    """An LSTM by cuDNN."""
    x = jnp.swapaxes(parts.dropped(jnp.swapaxes(x, 0, 1)), 0, 1)
    back, zeros = words["go_backwards"], words["zero_output_for_mask"]
    outputs, last, new = lstm(
        x, tuple(states), parts.kernels, _rows(mask, x), go_backwards=back, zero_output_for_mask=zeros
    )
    return outputs, last, list(new)


def accelerators() -> int:
    """How many accelerators there are.

    Without one nothing is traced twice for programs that nobody runs. With several the kernel is not taken unasked:
    XLA does not split it, so that a batch that lies on all of them would be gathered, and computed whole on each.
    """
    return sum(device.platform != "cpu" for device in jax.devices())


def why_not(layer: Choosing, inputs: Float[Array, "batch time features"]) -> str | None:
    """Why an LSTM is not cuDNN's on any machine: Keras's conditions, and JAX's."""
    if not any(layer.activation is f for f in _TANH):
        return "its activation is tanh."
    if not any(layer.recurrent_activation is f for f in _SIGMOID):
        return "the activation of its gates is a sigmoid."
    if layer.recurrent_dropout:
        return "it drops nothing of the states."
    if layer.unroll:
        return "it is no unrolled loop."
    if not layer.use_bias:
        return "it has a bias."
    if inputs.dtype != jnp.float32:
        return f"JAX has it in float32, not in {inputs.dtype}."
    return None


def _rows(mask: ArrayLike | None, x: Float[Array, "batch time features"]) -> Bool[Array, "batch time"] | None:
    """A mask with an entry for each step of each sequence."""
    if mask is None:
        return None
    rows = jnp.asarray(mask, bool)
    return jnp.broadcast_to(rows[..., 0] if rows.ndim == 3 else rows, x.shape[:2])
