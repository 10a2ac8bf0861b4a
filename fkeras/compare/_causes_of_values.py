"""What the numbers tell: a scale, an order of channels, a sum that is missing; and what the other model has."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from ..core import Layer
from ..core.typing import PyTree
from ._causes_of_fields import ACTIVATIONS
from ._equal import median, nearest
from ._subject import Attempt, Attempts, Subject, of_array

_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
_CAFFE = np.array([103.939, 116.779, 123.68])

# How images are scaled; the inverse of each is on the list too.
_SCALINGS = {
    "divided by 255": lambda x: x / 255,
    "multiplied by 255": lambda x: x * 255,
    "x / 127.5 - 1": lambda x: x / 127.5 - 1,
    "(x + 1) * 127.5": lambda x: (x + 1) * 127.5,
    "2 x - 1": lambda x: 2 * x - 1,
    "(x + 1) / 2": lambda x: (x + 1) / 2,
}
_COLOURS = {
    "(x - mean) / std of ImageNet": lambda x: (x - _MEAN) / _STD,
    "(x / 255 - mean) / std of ImageNet": lambda x: (x / 255 - _MEAN) / _STD,
    "x * std + mean of ImageNet": lambda x: x * _STD + _MEAN,
    "blue first, the means of ImageNet taken off": lambda x: x[..., ::-1] - _CAFFE,
}


def input_scaling(subject: Subject) -> Attempts:
    """Images that are scaled otherwise."""
    given = subject.input
    if given is None or given.ndim < 2 or not (subject.is_first or subject.call.kind == "scaling"):
        return
    for text, scale in {**_SCALINGS, **(_COLOURS if given.shape[-1] == 3 else {})}.items():
        yield Attempt(f"its input {text}", subject.inputs(scale, every=False))
    if subject.call.kind == "scaling":
        yield from scale(subject)


def channel_order(subject: Subject) -> Attempts:
    """Channels in reverse, such as blue, green, red."""
    given = subject.input
    if given is not None and given.ndim > 2 and 1 < given.shape[-1] <= 4:
        for order in itertools.permutations(range(given.shape[-1])):
            if order != tuple(range(given.shape[-1])):
                told = f"the channels of its input in the order {order}"
                yield Attempt(told, subject.inputs(functools.partial(np.take, indices=order, axis=-1), every=False))
    if subject.own.ndim > 1 and subject.own.shape == subject.target.shape:
        yield Attempt("the channels of its output in reverse", lambda: [subject.own[..., ::-1]])


def residual(subject: Subject) -> Attempts:
    """A sum with something that was computed before, on one side alone."""
    own, target = subject.own, subject.target
    if own.shape != target.shape or own.dtype.kind != "f":
        return
    given = [] if subject.input is None else [("its own input", subject.input)]
    for name, array in [*given, *reversed(subject.earlier[-60:])]:
        if array.shape == own.shape and array.dtype.kind == "f":
            yield Attempt(f"{name} added to its output", of_array(own + array))
            yield Attempt(f"{name} taken from its output", of_array(own - array))
            yield Attempt(f"{name} added to its output, then relu", of_array(np.maximum(own + array, 0)))


def scale(subject: Subject) -> Attempts:
    """Outputs that are one multiple of what they should be."""
    own, target = subject.own, subject.target
    if own.shape != target.shape or own.dtype.kind != "f" or not np.any(own) or not np.any(target):
        return
    factor = float(np.vdot(own, target) / np.vdot(own, own))
    if abs(factor - 1) > 1e-4:
        yield Attempt(f"its output times {_as_known(factor, target)}", lambda: [own * factor])


def _as_known(factor: float, target: np.ndarray) -> str:
    """A factor in words, where it is a number that one knows."""
    for size in dict.fromkeys((255, *target.shape)):
        root = math.sqrt(size)
        known = ((f"{size}", size), (f"1/{size}", 1 / size))
        roots = ((f"the root of {size}", root), (f"1 / the root of {size}", 1 / root))
        for text, value in (*known, *roots):
            if math.isclose(factor, value, rel_tol=1e-4):
                return f"{factor:.6g} ({text})"
    return f"{factor:.6g}"


def padding_in_average(subject: Subject) -> Attempts:
    """An average over a window that differs at the borders alone: the padding is counted on one side."""
    own, target = subject.own, subject.target
    if subject.call.kind != "pooling" or own.shape != target.shape or own.ndim < 3:
        return
    usable = np.abs(own) > 1e-6
    with np.errstate(all="ignore"):
        ratio = np.where(usable, target / own, np.nan)
        border = median(np.moveaxis(ratio, -1, 1).reshape(-1, *own.shape[1:-1]))
    known = np.array([a / b for a in range(1, 26) for b in range(1, 26)])
    parts = border[np.isfinite(border)]
    if parts.size and np.allclose(np.abs(parts[:, None] - known).min(1), 0, atol=1e-4) and np.ptp(parts) > 1e-3:
        told = f"its windows at the border weighed by {sorted({round(float(p), 4) for p in parts} - {1.0})}"
        yield Attempt(told, lambda: [np.nan_to_num(own * border[None, ..., None])])


def another_sum(subject: Subject) -> Attempts:
    """Another way to merge."""
    found = subject.call.inputs or []
    if subject.call.kind in ("merge", "operation") and len(found) > 1:
        arrays = [np.asarray(leaf, np.float64) for leaf in found]
        ways: dict[str, Callable[[list[np.ndarray]], PyTree]] = {
            "a sum": sum,
            "a difference": lambda a: a[0] - sum(a[1:]),
            "a product": math.prod,
            "a mean": lambda a: sum(a) / len(a),
        }
        for text, way in ways.items():
            yield Attempt(f"{text} of its inputs", of_array(way(arrays)))
        for at in range(-1, -arrays[0].ndim, -1):
            yield Attempt(f"its inputs joined in reverse along axis {at}", of_array(np.concatenate(arrays[::-1], at)))


# ------------------------------------------------------------------ what the other model's layer has
def field_of_other(subject: Subject) -> Attempts:
    """Fields that the other's layer of the same class has otherwise; one by one, then all."""
    made, other = subject.call.module, subject.other.module if subject.other is not None else None
    if made is None or type(made) is not type(other):
        return
    names = [f.name for f in dataclasses.fields(made) if f.name not in ("parent", "name")]
    differing = {n: getattr(other, n) for n in names if _shown(getattr(other, n)) != _shown(getattr(made, n))}
    for some in [*({n: v} for n, v in differing.items()), differing]:
        told = ", ".join(f"{n}={_shown(v)} in place of {_shown(getattr(made, n))}" for n, v in some.items())
        if some:
            yield Attempt(told, subject.fields(**some))


def weight_of_other(subject: Subject) -> Attempts:
    """Weights of the other's layer, one by one, then all."""
    if subject.other is None:
        return
    own = subject.call.weights
    theirs = {n: leaf for n, leaf in subject.other.weights.items() if n in own and leaf.shape == own[n].shape}
    differing = {n: a for n, a in theirs.items() if not np.array_equal(np.asarray(a), np.asarray(own[n]))}
    for some in [*({n: a} for n, a in differing.items()), differing]:
        told = " and ".join(f"the other's {n.split('/', 1)[-1]}{_relation(own[n], a)}" for n, a in some.items())
        if some:
            yield Attempt(told, subject.weights(some))


def layer_of_other(subject: Subject) -> Attempts:
    """Fields and weights both; and the other's layer itself."""
    made, other = subject.call.module, subject.other
    if made is None or other is None or other.module is None:
        return
    if type(made) is type(other.module) and isinstance(made, Layer):
        yield Attempt(
            "the other's fields and weights together",
            lambda: subject.outputs(module=other.module, variables=other.variables),
        )


def _relation(own: object, theirs: object) -> str:
    a, b = np.asarray(own, np.float64), np.asarray(theirs, np.float64)
    if not a.any():
        return ", where its own is zero"
    factor = float(np.vdot(a, b) / np.vdot(a, a))
    if np.allclose(a * factor, b, rtol=1e-4, atol=1e-7):
        return f", which is its own times {factor:.6g}"
    if np.allclose(np.sort(a, None), np.sort(b, None), rtol=1e-5):
        return ", which has the same numbers in another order"
    return f", which differs by up to {np.max(np.abs(a - b)):.3g}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "…"


# ------------------------------------------------------------------ between two layers
def between(subject: Subject) -> dict[str, Attempts]:
    """For what reaches a layer and is computed outside of layers: attempts by the name of the cause."""
    own = subject.own
    found: dict[str, Attempts] = {
        "embedding off by one": (
            Attempt(f"{step:+d}", of_array(own + step)) for step in (1, -1) if subject.call.kind == "embedding"
        ),
        "input scaling": (
            Attempt(text, of_array(f(own)))
            for text, f in {**_SCALINGS, **(_COLOURS if own.shape[-1:] == (3,) else {})}.items()
        ),
        "channel order": (a for a in channel_order(subject) if "output" in a.text),
        "missing residual": residual(subject),
        "other activation": _activations(subject),
        "flatten order": _orders(subject),
        "scale": scale(subject),
    }
    return found


def _activations(subject: Subject) -> Attempts:
    """Another function of what a layer before it gave, of which what reaches the layer is a function too."""
    own, target = subject.own, subject.target
    if own.dtype.kind != "f":
        return
    for name, array in [("it", own), *reversed(subject.earlier[-3:])]:
        if array.dtype.kind != "f" or not array.size == own.size == target.size:
            continue
        values = {word: np.asarray(f(jnp.asarray(array, jnp.float32)), np.float64) for word, f in ACTIVATIONS.items()}
        limit = subject.tolerance.allowed(own, subject.rounding)
        taken = [word for word, value in values.items() if nearest(value.reshape(own.shape), own)[0] <= limit]
        for word, value in values.items():
            if taken and word not in taken:
                yield Attempt(f"{word} of {name}, in place of {taken[0]}", of_array(value.reshape(target.shape)))


def _instead(value: np.ndarray, _: np.ndarray) -> np.ndarray:
    return value


def activation_before(subject: Subject) -> Attempts:
    """Another function of what the layer before it gave, where only that was recorded."""
    given = subject.input
    if given is None or given.dtype.kind != "f" or subject.other is None or subject.other.args is not None:
        return
    for name, array in reversed(subject.earlier[-2:]):
        if array.shape != given.shape:
            continue
        values = {word: np.asarray(f(jnp.asarray(array, jnp.float32)), np.float64) for word, f in ACTIVATIONS.items()}
        limit = subject.tolerance.allowed(given, subject.rounding)
        taken = [word for word, value in values.items() if np.max(np.abs(value - given)) <= limit]
        for word, value in values.items():
            if taken and word not in taken:
                told = f"{word} of {name} before it, in place of {taken[0]}"
                yield Attempt(told, subject.inputs(functools.partial(_instead, value), every=False))


def _orders(subject: Subject) -> Attempts:
    own, target = subject.own, subject.target
    if own.size != target.size:
        return
    shapes = {array.shape for _, array in subject.earlier if array.ndim > 2 and array.size == own.size}
    for shape in sorted({*shapes, own.shape}):
        for order in itertools.permutations(range(1, len(shape))) if len(shape) < 6 else ():
            if order != tuple(range(1, len(shape))):
                told = f"axes {(0, *order)} of {shape}"
                moved = own.reshape(shape).transpose(0, *order).reshape(target.shape)
                yield Attempt(told, of_array(moved))
                back = own.reshape([shape[i] for i in (0, *order)]).transpose(np.argsort((0, *order)))
                yield Attempt(f"{told}, taken back", of_array(back.reshape(target.shape)))
