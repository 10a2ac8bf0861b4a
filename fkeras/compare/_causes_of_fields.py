"""Changes of a layer's fields: what it was told, rather than what it has learned."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core import Layer
from ..core.typing import PyTree
from ._subject import Attempt, Attempts, Make, Subject, of_array, with_fields

_EPSILONS = (1e-5, 1e-3, 1e-6, 1e-12, 1e-8, 1e-7, 1.001e-5, 1e-4, 1e-2)  # of two that explain it, the commoner
_MOMENTA = (0.0, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.997, 0.999, 1.0)

#: Activations that are taken for one another.
ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "linear": lambda x: x,
    "relu": jax.nn.relu,
    "gelu, exact": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu by tanh": lambda x: jax.nn.gelu(x, approximate=True),
    "gelu by sigmoid": lambda x: x * jax.nn.sigmoid(1.702 * x),
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_sigmoid of older Keras (0.2 x + 0.5)": lambda x: jnp.clip(0.2 * x + 0.5, 0, 1),
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "relu6": jax.nn.relu6,
    "mish": jax.nn.mish,
    "hard_silu": jax.nn.hard_silu,
    "leaky_relu with slope 0.01": lambda x: jax.nn.leaky_relu(x, 0.01),
    "leaky_relu with slope 0.1": lambda x: jax.nn.leaky_relu(x, 0.1),
    "leaky_relu with slope 0.2": lambda x: jax.nn.leaky_relu(x, 0.2),
    "leaky_relu with slope 0.3": lambda x: jax.nn.leaky_relu(x, 0.3),
    "softmax": lambda x: jax.nn.softmax(x, -1),
    "log_softmax": lambda x: jax.nn.log_softmax(x, -1),
    "squared relu": lambda x: jnp.square(jax.nn.relu(x)),
}

# A loop is compiled for each attempt.
_OF_GATES = ("tanh", "sigmoid", "hard_sigmoid", "hard_sigmoid of older Keras (0.2 x + 0.5)", "relu", "linear")


def epsilon(subject: Subject) -> Attempts:
    """Another epsilon under the root of a variance."""
    if subject.has("epsilon"):
        given = subject.field("epsilon")
        other = getattr(subject.other and subject.other.module, "epsilon", None)
        for value in dict.fromkeys([*([other] if isinstance(other, float) else []), *_EPSILONS]):
            if value != given:
                yield Attempt(f"epsilon={value:g} in place of {given:g}", subject.fields(epsilon=value))


def momentum(subject: Subject) -> Attempts:
    """Moving statistics that move at another pace."""
    if subject.has("momentum") and subject.call.statistics is not None:
        given = subject.field("momentum")
        for value in dict.fromkeys([1 - float(given), *_MOMENTA]):  # type: ignore[arg-type]
            yield Attempt(f"momentum={value:g} in place of {given:g}", subject.fields(momentum=value))


def training_mode(subject: Subject) -> Attempts:
    """A layer that normalises by its batch, or drops, where the other one does not."""
    for flag, calm in (("training", False), ("train", False), ("deterministic", True), ("use_running_average", True)):
        for value in (calm, not calm):
            mode = "inference" if value == calm else "training"
            if flag in subject.call.kwargs:
                changed = {**subject.call.kwargs, flag: value}
                moves: PyTree = {} if value != calm and subject.named("mean") else subject.call.statistics
                yield Attempt(f"{mode} mode", functools.partial(subject.outputs, kwargs=changed, statistics=moves))
            elif subject.has(flag):
                yield Attempt(f"{mode} mode", subject.fields(**{flag: value}))
    for name in ("rate", "dropout", "recurrent_dropout"):
        if isinstance(subject.field(name), float) and subject.field(name):
            yield Attempt(f"{name}=0", subject.fields(**{name: 0.0}))
    if subject.call.kind == "dropout":
        yield Attempt("some numbers dropped and the others grown", lambda: _dropped(subject))


def _dropped(subject: Subject) -> list[np.ndarray]:
    """What one gives, with zeros where the other has them, and the rest multiplied by one factor above 1."""
    own, target = subject.own, subject.target
    kept = (target != 0) & (own != 0)
    if not kept.any() or not ((own != 0) & ~kept).any():
        return []
    factor = float(np.median(target[kept] / own[kept]))
    return [np.where(kept, own * factor, 0)] if factor > 1 else []


def padding(subject: Subject) -> Attempts:
    """Other padding; also that of torch, as much on both sides where `same` of Keras pads the end more."""
    given = subject.field("padding")
    if not isinstance(given, str):
        return
    for value in ("same", "valid", "causal"):
        if value != given.lower():
            told = f"padding={value!r} in place of {given.lower()!r}"
            yield Attempt(told, subject.fields(padding=value if given.islower() else value.upper()))
    yield from _both_sides(subject)


def _both_sides(subject: Subject) -> Attempts:
    given = subject.input
    window = _sizes(subject, "kernel_size") or _sizes(subject, "pool_size")
    if given is None or not window or len(window) != given.ndim - 2:
        return
    empty = -np.inf if type(subject.call.module).__name__.startswith("Max") else 0.0
    for pads in ([(k // 2, k // 2) for k in window], [(k - 1, 0) for k in window]):
        yield Attempt(f"{pads} entries of padding before and after, then none", _padded(subject, given, pads, empty))


def _padded(subject: Subject, given: np.ndarray, pads: Sequence[tuple[int, int]], empty: float) -> Make:
    """The layer without padding on an input that is padded already."""

    def make() -> list[np.ndarray]:
        module = subject.call.module
        assert module is not None
        is_first = subject.field("data_format") == "channels_first"
        widths = [(0, 0), (0, 0), *pads] if is_first else [(0, 0), *pads, (0, 0)]
        word = "valid" if str(subject.field("padding")).islower() else "VALID"
        padded = jnp.asarray(np.pad(given, widths, constant_values=empty), jnp.float32)
        rest = (subject.call.args or ())[1:]
        return subject.outputs(module=with_fields(module, padding=word), args=(padded, *rest))

    return make


def counted_padding(subject: Subject) -> Attempts:
    """An average that counts the zeros of the padding."""
    given, window = subject.input, _sizes(subject, "pool_size")
    if "Average" not in type(subject.call.module).__name__ or given is None or not window:
        return
    strides = _sizes(subject, "strides") or window
    first = subject.field("data_format") == "channels_first"
    space = given.shape[2:] if first else given.shape[1:-1]
    same = lax.padtype_to_pads(space, window, strides, "SAME")
    yield Attempt("the zeros of the padding counted", _padded(subject, given, same, 0.0))
    both = [(k // 2, k // 2) for k in window]
    yield Attempt("equal padding on both sides, and its zeros counted", _padded(subject, given, both, 0.0))


def strides(subject: Subject) -> Attempts:
    """A window that moves by other steps."""
    yield from _of_sizes(subject, "strides", (1, 2, 3, 4))


def dilation(subject: Subject) -> Attempts:
    """A window with other gaps."""
    for name in ("dilation_rate", "kernel_dilation"):
        yield from _of_sizes(subject, name, (1, 2, 3, 4))


def _of_sizes(subject: Subject, name: str, values: tuple[int, ...]) -> Attempts:
    if not subject.has(name) or subject.call.kind not in ("conv", "pooling"):
        return
    given = subject.field(name)
    rank = len(given) if isinstance(given, tuple) else max(1, subject.target.ndim - 2)
    for value in values:
        sizes = (value,) * rank
        if sizes != (given if isinstance(given, tuple) else (given or 1,) * rank):
            yield Attempt(f"{name}={sizes} in place of {given}", subject.fields(**{name: sizes}))


def activation(subject: Subject) -> Attempts:
    """Another function at the end of a layer, or in its gates."""
    words = _OF_GATES if subject.call.kind == "recurrent" else tuple(ACTIVATIONS)
    for name in ("activation", "recurrent_activation"):
        if subject.has(name):
            for word, function in ((word, ACTIVATIONS[word]) for word in words):
                yield Attempt(f"{name} {word}", subject.fields(**{name: function}))
    if subject.call.kind == "activation" and subject.input is not None:
        for word, function in ACTIVATIONS.items():
            yield Attempt(f"activation {word}", _of_input(function, subject.input))
    if not subject.has("activation") and subject.call.kind not in ("activation", "dropout"):
        for word, function in ACTIVATIONS.items():
            if word != "linear":
                yield Attempt(f"activation {word} after it", _of_input(function, subject.own))


def softmax_axis(subject: Subject) -> Attempts:
    """A softmax over another axis."""
    given = subject.input if subject.call.kind == "activation" else None
    if subject.has("activation") and subject.call.kind != "activation":
        given = subject.fields(activation=None)()[0]
    if given is None:
        return
    for over in range(given.ndim):
        yield Attempt(f"a softmax over axis {over}", of_array(jax.nn.softmax(jnp.asarray(given, jnp.float32), over)))


def axis(subject: Subject) -> Attempts:
    """A normalisation over other axes."""
    given, name = subject.input, "axis" if subject.has("axis") else "reduction_axes"
    if given is None or not subject.has(name) or "norm" not in subject.call.kind:
        return
    ends = [tuple(range(i, given.ndim)) for i in range(1, given.ndim)]
    single = [*range(-1, -given.ndim, -1)]
    for value in [*single, *ends, *itertools.combinations(range(1, given.ndim), 2)]:
        if value != subject.field(name):
            yield Attempt(f"{name}={value} in place of {subject.field(name)}", subject.fields(**{name: value}))
    if subject.call.kind == "layer norm" and given.ndim > 2:
        yield from _over(subject, given)


def _over(subject: Subject, given: np.ndarray) -> Attempts:
    """The same over other axes, with the weights along the axis that fits them."""
    epsilon = float(subject.field("epsilon") or 1e-6)  # type: ignore[arg-type]
    weights = {n.rsplit("/", 1)[-1]: np.asarray(leaf) for n, leaf in subject.call.weights.items()}
    scale, bias = weights.get("scale", np.ones(())), weights.get("bias", np.zeros(()))
    for over in [(i,) for i in range(1, given.ndim)] + [tuple(range(1, given.ndim))]:
        centred = given - given.mean(over, keepdims=True)
        normal = centred / np.sqrt(np.square(centred).mean(over, keepdims=True) + epsilon)
        for at in range(1, given.ndim):
            shape = [given.shape[at] if i == at else 1 for i in range(given.ndim)]
            if all(a.size in (1, given.shape[at]) for a in (scale, bias)):
                factor, shift = (a.reshape(shape if a.size > 1 else ()) for a in (scale, bias))
                yield Attempt(f"a normalisation over axes {over}", of_array(normal * factor + shift))


def unit_norm(subject: Subject) -> Attempts:
    """A normalisation by the root of the mean square in place of the deviation, or the other way round."""
    given = subject.input
    if given is None or "norm" not in subject.call.kind or subject.call.kind == "batch norm":
        return
    weights = {n.rsplit("/", 1)[-1]: np.asarray(leaf, np.float64) for n, leaf in subject.call.weights.items()}
    scale, bias = weights.get("scale", np.ones(())), weights.get("bias", np.zeros(()))
    for eps in dict.fromkeys([float(subject.field("epsilon") or 1e-6), *_EPSILONS]):  # type: ignore[arg-type]
        for centre, text in ((False, "the root of the mean square"), (True, "the deviation")):
            x = given - given.mean(-1, keepdims=True) * centre
            size = np.square(x).mean(-1, keepdims=True)
            told = f"a normalisation by {text} (epsilon {eps:g})"
            if scale.ndim <= 1 and bias.ndim <= 1:
                yield Attempt(told, of_array(x / np.sqrt(size + eps) * scale + bias))


def data_layout(subject: Subject) -> Attempts:
    """Channels that stand on another axis than the layer thinks."""
    given = subject.input
    if given is None or given.ndim < 3:
        return
    if isinstance(subject.field("data_format"), str):
        for value in ("channels_first", "channels_last"):
            if value != subject.field("data_format"):
                yield Attempt(f"data_format={value!r}", subject.fields(data_format=value))
    for text, move in (
        ("its input's channels moved to the end", lambda x: np.moveaxis(x, 1, -1)),
        ("its input's channels moved to the front", lambda x: np.moveaxis(x, -1, 1)),
        ("height and width of its input exchanged", lambda x: np.swapaxes(x, 1, 2)),
        ("time and batch of its input exchanged", lambda x: np.swapaxes(x, 0, 1)),
    ):
        yield Attempt(text, subject.inputs(move, every=False))


def dtype(subject: Subject) -> Attempts:
    """Another precision of the arithmetic, or of the weights."""
    for name in ("float32", "bfloat16", "float16"):
        if subject.has("dtype"):
            value = name if isinstance(subject.call.module, Layer) else jnp.dtype(name)
            yield Attempt(f"dtype={name}", subject.fields(dtype=value))
    for name in ("bfloat16", "float16"):
        rounded = {n: jnp.asarray(leaf, name).astype(leaf.dtype) for n, leaf in subject.call.weights.items()}
        yield Attempt(f"weights rounded to {name}", subject.weights(rounded))


def reset_after(subject: Subject) -> Attempts:
    """A GRU that resets before its product, or after it."""
    if not subject.has("reset_after"):
        return
    flag = not subject.field("reset_after")
    theirs = dict(subject.other.weights) if subject.other is not None else {}
    for name, own in subject.named("bias").items():
        options: list[PyTree] = [theirs[name]] if name in theirs else []
        options += [own[0], own.sum(0)] if own.ndim == 2 else [np.stack([own, np.zeros_like(own)])]
        for value in options:
            module = subject.call.module
            assert module is not None
            made, variables = with_fields(module, reset_after=flag), subject.with_weights({name: value})
            told = f"reset_after={flag} in place of {not flag}"
            yield Attempt(told, functools.partial(subject.outputs, module=made, variables=variables))
    if not subject.named("bias"):
        yield Attempt(f"reset_after={flag} in place of {not flag}", subject.fields(reset_after=flag))


def direction(subject: Subject) -> Attempts:
    """A recurrent layer that goes the other way, or gives its outputs so."""
    if subject.has("go_backwards"):
        value = not subject.field("go_backwards")
        yield Attempt(f"go_backwards={value}", subject.fields(go_backwards=value))


def _of_input(function: Callable[[jax.Array], jax.Array], given: np.ndarray) -> Make:
    return lambda: [np.asarray(function(jnp.asarray(given, jnp.float32)), np.float64)]


def _sizes(subject: Subject, name: str) -> tuple[int, ...]:
    given = subject.field(name)
    rank = max(1, subject.target.ndim - 2)
    return tuple(given) if isinstance(given, tuple) else (given,) * rank if isinstance(given, int) else ()
