"""Changes of a layer's weights that faults of porting make, or undo."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np

from ..core.typing import PyTree
from ._equal import median
from ._subject import Attempt, Attempts, Make, Subject, of_array


def transposed(subject: Subject) -> Attempts:
    """Axes of a kernel that are exchanged, also by a `reshape` in place of a transposition."""
    if subject.call.kind == "attention":
        return
    for name, kernel in subject.kernels().items():
        axes = range(kernel.ndim)
        for order in itertools.permutations(axes):
            if order != tuple(axes) and tuple(kernel.shape[i] for i in order) == kernel.shape:
                told = f"axes {order} of {_short(name)}" if kernel.ndim > 2 else f"{_short(name)} transposed"
                yield Attempt(told, subject.weights({name: kernel.transpose(order)}))
    for name, kernel in subject.kernels().items():
        out_first = (kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))  # as torch stores it
        stored = kernel.reshape([kernel.shape[i] for i in out_first])
        again = stored.transpose(np.argsort(out_first))
        yield Attempt(f"{_short(name)} transposed, where it was reshaped", subject.weights({name: again}))
        mixed = kernel.transpose(out_first).reshape(kernel.shape)
        yield Attempt(f"{_short(name)} reshaped, where it was transposed", subject.weights({name: mixed}))


def flipped(subject: Subject) -> Attempts:
    """A kernel that is turned round in space: a convolution in place of a correlation."""
    for name, kernel in subject.kernels(3).items():
        if subject.call.kind != "conv":
            continue
        space = tuple(range(kernel.ndim - 2))
        for count in range(len(space), 0, -1):
            for axes in itertools.combinations(space, count):
                yield Attempt(
                    f"{_short(name)} flipped along axes {axes}", subject.weights({name: np.flip(kernel, axes)})
                )


def flatten_order(subject: Subject) -> Attempts:
    """Rows of a dense kernel in the order of (channels, height, width), or those of a flattening itself."""
    given = subject.input
    if subject.call.kind == "flatten" and given is not None and given.ndim > 2:
        for order in itertools.permutations(range(1, given.ndim)):
            moved = given.transpose(0, *order)
            yield Attempt(f"its input's axes in the order {(0, *order)}", of_array(moved.reshape(subject.target.shape)))
    for name, kernel in subject.kernels().items():
        if kernel.ndim != 2:
            continue
        shapes = {array.shape[1:] for _, array in subject.earlier if array.ndim > 2}
        for shape in sorted(shape for shape in shapes if math.prod(shape) == kernel.shape[0]):
            for order in itertools.permutations(range(len(shape))):
                rows = np.arange(kernel.shape[0]).reshape(shape).transpose(order).reshape(-1)
                for way, text in ((rows, "from"), (np.argsort(rows), "to")):
                    told = f"the rows of {_short(name)} put in order {text} axes {order} of {shape}"
                    yield Attempt(told, subject.weights({name: kernel[way]}))


def swapped(subject: Subject) -> Attempts:
    """Weights of one shape that stand in each other's place."""
    names = [("scale", "bias"), ("gamma", "beta"), ("mean", "var")]
    for first, second in names:
        one, two = subject.named(first), subject.named(second)
        if one and two:
            yield Attempt(f"{first} and {second} exchanged", subject.weights(_exchanged(one, two)))


def statistics(subject: Subject) -> Attempts:
    """Moving statistics that were left at their start, or kept in another form."""
    mean, var = subject.named("mean"), subject.named("var")
    if not mean or not var:
        return
    start = {**{n: np.zeros_like(a) for n, a in mean.items()}, **{n: np.ones_like(a) for n, a in var.items()}}
    yield Attempt("mean 0 and variance 1, as they start", subject.weights(start))
    if subject.other is not None:
        theirs = {n: leaf for n, leaf in subject.other.weights.items() if n in start and leaf.shape == start[n].shape}
        if len(theirs) == len(start) and any(np.any(np.asarray(theirs[n]) != np.asarray(start[n])) for n in start):
            unmoved = all(np.array_equal(a, start[n]) for n, a in {**mean, **var}.items())
            at = ", which are at their start" if unmoved else ""
            yield Attempt(f"the other's mean and variance in place of its own{at}", subject.weights(theirs))
    if all(np.array_equal(a, start[n]) for n, a in {**mean, **var}.items()):
        told = "another mean and variance for each channel, where its own are at their start"
        yield Attempt(told, lambda: [_channel_by_channel(subject.own, subject.target)])
    for text, form in (("its square root", np.sqrt), ("its square", np.square)):
        yield Attempt(f"{text} for the variance", subject.weights({n: form(a) for n, a in var.items()}))


def _channel_by_channel(own: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`own` times a factor and moved by a shift for each channel, those that come nearest to the target."""
    x, y = (a.reshape(-1, a.shape[-1]) for a in (own, target))
    apart = x - x.mean(0)
    factor = (apart * (y - y.mean(0))).sum(0) / np.square(apart).sum(0)
    if len(x) < 4 or np.any(factor <= 0):  # a line goes through any two points
        return own
    return ((apart * factor) + y.mean(0)).reshape(own.shape)


_GATES = {4: "ifco", 3: "zrh"}


def gates(subject: Subject) -> Attempts:
    """The blocks of a recurrent kernel, a gate each, in another order."""
    weights = subject.named("kernel", "recurrent_kernel", "bias")
    count = max(_blocks(weights), default=0)
    if subject.call.kind != "recurrent" or not count:
        return
    run = subject.program()
    for some in [weights, *({n: a} for n, a in weights.items())]:
        for order in itertools.permutations(range(count)):
            if order == tuple(range(count)):
                continue
            moved = {n: np.concatenate([np.split(a, count, -1)[i] for i in order], -1) for n, a in some.items()}
            names = _GATES[count]
            stood = "".join(names[order.index(i)] for i in range(count))
            which = "" if some is weights else f" in {_short(next(iter(some)))}"
            yield Attempt(f"its gates in the order {names}; they stand as {stood}{which}", run(moved))
    bias = subject.named("bias")
    if count == 4 and bias:
        units = next(iter(bias.values())).shape[-1] // 4
        for step in (1.0, -1.0):
            added = np.repeat([0.0, step, 0.0, 0.0], units)
            yield Attempt(f"{step:+g} on the forget gate's bias", run({n: a + added for n, a in bias.items()}))


def directions(subject: Subject) -> Attempts:
    """The two halves of a bidirectional layer exchanged."""
    names = list(subject.call.weights)
    forward = [n for n in names if "/forward_" in n]
    if forward and all(n.replace("/forward_", "/backward_") in names for n in forward):
        weights = {n: np.asarray(leaf) for n, leaf in subject.call.weights.items()}
        pairs = {n: n.replace("/forward_", "/backward_") for n in forward}
        changed = {**{n: weights[m] for n, m in pairs.items()}, **{m: weights[n] for n, m in pairs.items()}}
        yield Attempt("forward and backward weights exchanged", subject.weights(changed))


def heads(subject: Subject) -> Attempts:
    """Kernels of attention whose heads lie in another order, are transposed, or stand for one another."""
    if subject.call.kind != "attention":
        return
    into = {n: a for n, a in subject.named("kernel").items() if a.ndim == 3 and "/out/" not in n}
    out = {n: a for n, a in subject.named("kernel").items() if a.ndim == 3 and "/out/" in n}
    biases = {n: a for n, a in subject.named("bias").items() if a.ndim == 2}

    def numbers_first(a: np.ndarray, at: int) -> np.ndarray:
        shape = [*a.shape[:at], a.shape[at + 1], a.shape[at], *a.shape[at + 2 :]]
        return a.reshape(shape).swapaxes(at, at + 1)

    def heads_first(a: np.ndarray, at: int) -> np.ndarray:
        return a.swapaxes(at, at + 1).reshape(a.shape)

    for move in (numbers_first, heads_first):
        of_in = {n: move(a, 1) for n, a in into.items()}
        of_bias = {n: move(a, 0) for n, a in biases.items()}
        of_out = {n: move(a, 0) for n, a in out.items()}
        for text, some in (
            ("query, key and value", {**of_in, **of_bias}),
            ("all projections", {**of_in, **of_bias, **of_out}),
            ("query, key and value without their biases", of_in),
            ("the output", of_out),
        ):
            yield Attempt(f"the heads of {text} laid out as (heads, size)", subject.weights(some))
    square = {n: a for n, a in {**into, **out}.items() if math.prod(a.shape[1:]) == a.shape[0] or "/out/" in n}
    for some in (square, *({n: a} for n, a in square.items())):
        turned = {n: _as_matrix(a, "/out/" in n).T.reshape(a.shape) for n, a in some.items()}
        which = _short(next(iter(some))) if len(some) == 1 else "the projections"
        yield Attempt(f"{which} transposed", subject.weights(turned))
    by = {
        part: {n: a for n, a in subject.call.weights.items() if f"/{part}/" in n} for part in ("query", "key", "value")
    }
    for one, two in (("query", "key"), ("key", "value"), ("query", "value")):
        if by[one] and by[two]:
            yield Attempt(f"{one} and {two} exchanged", subject.weights(_exchanged(by[one], by[two])))


def attention_scale(subject: Subject) -> Attempts:
    """Scores that are divided by another number than the root of a head's size."""
    if subject.call.kind != "attention":
        return
    weights = {n: np.asarray(a) for n, a in subject.call.weights.items() if "/query/" in n}
    size = max([a.shape[-1] for a in weights.values()] or [subject.input.shape[-1] if subject.input is not None else 1])
    features = subject.input.shape[-1] if subject.input is not None else size
    for number, text in ((size, "a head's size"), (features, "the number of features")):
        for power in (-0.5, 0.5, -1.0, 1.0, -0.25, 0.25):
            told = f"scores times {text} ({number}) to the power {power:g}"
            if weights:
                yield Attempt(told, subject.weights({n: a * number**power for n, a in weights.items()}))
            elif subject.call.args:
                yield Attempt(told, _scaled_query(subject, number**power))


def shifted(subject: Subject) -> Attempts:
    """An embedding whose rows, or whose numbers of words, begin one further."""
    if subject.call.kind != "embedding":
        return
    for name, table in subject.kernels().items():
        for step in (1, -1):
            told = f"the rows of {_short(name)} moved by {step:+d}"
            yield Attempt(told, subject.weights({name: np.roll(table, step, 0)}))
            of_words = functools.partial(_moved_words, step=step, count=len(table))
            yield Attempt(f"numbers of words {step:+d}", subject.inputs(of_words))


def _moved_words(x: np.ndarray, step: int, count: int) -> np.ndarray:
    return np.clip(x + step, 0, count - 1)


def bias(subject: Subject) -> Attempts:
    """A bias that is missing, or is there where none should be."""
    own = subject.named("bias")
    for some in ([own] if own else []) + [{n: a} for n, a in own.items() if len(own) > 1]:
        if any(np.any(a) for a in some.values()):
            yield Attempt("no bias", subject.weights({n: np.zeros_like(a) for n, a in some.items()}))
    if subject.call.kind in ("dense", "conv") and not any(np.any(a) for a in own.values()):
        yield Attempt("a bias, which it has not", _with_bias(subject))


def _with_bias(subject: Subject) -> Make:
    def make() -> list[np.ndarray]:
        activation = subject.field("activation")
        before = subject.fields(activation=None)()[0] if activation is not None else subject.own
        target = subject.target
        theirs = subject.other.weights.get("params/bias") if subject.other is not None else None
        if theirs is not None:
            added = np.asarray(theirs).reshape(-1)
        else:
            apart = np.where(target > 0, target - before, np.nan) if activation is not None else target - before
            added = median(apart.reshape(-1, target.shape[-1]))
        moved = before + added.reshape((1,) * (before.ndim - 1) + (-1,))
        return [np.asarray(activation(moved) if callable(activation) else moved, np.float64)]

    return make


# ------------------------------------------------------------------ helpers
def _short(name: str) -> str:
    return name.split("/", 1)[-1]


def _exchanged(one: dict[str, PyTree], two: dict[str, PyTree]) -> dict[str, PyTree]:
    pairs = list(zip(one.items(), two.items(), strict=True))
    return {**{n: b for (n, _), (_, b) in pairs}, **{m: a for (_, a), (m, _) in pairs}}


def _blocks(weights: dict[str, np.ndarray]) -> set[int]:
    """How many gates the recurrent kernels have."""
    found = {a.shape[1] // a.shape[0] for n, a in weights.items() if n.endswith("recurrent_kernel") and a.ndim == 2}
    return found & set(_GATES)


def _as_matrix(kernel: np.ndarray, is_out: bool) -> np.ndarray:
    return kernel.reshape(-1, kernel.shape[-1]) if is_out else kernel.reshape(kernel.shape[0], -1)


def _scaled_query(subject: Subject, factor: float) -> Make:
    first, *rest = subject.call.args or ()
    if isinstance(first, list | tuple):
        return lambda: subject.outputs(args=(type(first)([first[0] * factor, *first[1:]]), *rest))
    return lambda: subject.outputs(args=(first * factor, *rest))
