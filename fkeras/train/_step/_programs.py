"""The compiled programs of a run: one step; many steps over arrays on the device, in one dispatch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ._batch import Batch
from ._breakable import breakable

# Arrays that are copied to the device as a whole: up to this share of an accelerator's memory. On the CPU the copy
# is in the memory the arrays are in already, so large ones are read batch by batch, where they lie.
_SHARE = 0.25
_ON_CPU = 256 * 2**20


def known(trainer: Any, key: Hashable, make: Callable[[], Any]) -> Any:
    """What follows from a trainer's fields and the key alone, made once."""
    if key not in trainer._programs:
        trainer._programs[key] = make()
    return trainer._programs[key]


def shapes_of(x: Any) -> Any:
    """What of an input decides on a model's structure, as a value to look up by: all but how many rows it has."""
    if x is None:
        return None
    leaves, treedef = jax.tree.flatten(x)
    return treedef, tuple((jnp.shape(leaf)[1:], str(jnp.result_type(leaf))) for leaf in leaves)


def cached(trainer: Any, key: Hashable, make: Callable[[], Callable[..., Any]], **options: Any) -> Any:
    """A function of the trainer, compiled once; as it is when the trainer runs eagerly."""
    if trainer.run_eagerly:
        return make()
    return known(trainer, key, lambda: jax.jit(make(), **options))


def advance(trainer: Any) -> Any:
    """`(state, batch, last) -> (state, what a step shows)`; its trace is shared by every program that contains it.

    Where `last` is a boolean on the device, what a step shows is only made if it is true: of many steps in one dispatch
    the last one's is seen.
    """

    def make() -> Callable[..., Any]:
        @breakable(2)
        def one(state: Any, batch: Batch, last: Any = None) -> Any:
            note_trace(trainer, (state, batch))
            return trainer._advance(state, batch, last)

        return one

    return cached(trainer, "advance", make)


def one_step(trainer: Any, donate: bool) -> Any:
    """`(state, batch) -> (state, logs)`.

    Args:
        trainer: the trainer.
        donate: whether the step may reuse the state's memory.
    """

    def make() -> Callable[..., Any]:
        made = advance(trainer)

        def step(state: Any, batch: Batch) -> Any:
            state, shown = made(state, batch)
            return state, trainer._logs(state, shown)

        return step

    return cached(trainer, f"one step {donate}", make, donate_argnums=0 if donate else ())


def many_steps(trainer: Any, donate: bool) -> Any:
    """`(state, data, order, start, stop, size) -> (state, logs)`: steps over the batches `start` to `stop`.

    The bounds are numbers in the program's input, so one program serves every stretch of an epoch, and a run that is
    cut up in another way has the same numbers.
    """

    def make() -> Callable[..., Any]:
        made = advance(trainer)

        def steps(state: Any, data: Any, order: Any, start: Any, stop: Any, size: int) -> Any:
            def body(i: Any, carry: Any) -> Any:
                # without numbers to show there is nothing to leave out, and the trace of one step serves here too
                last = (i + 1 == stop,) if trainer.log else ()
                return made(carry[0], batch_at(data, order, i, size), *last)

            batch = jax.eval_shape(lambda: batch_at(data, order, jnp.int32(0), size))
            shown = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(made, state, batch)[1])
            state, shown = lax.fori_loop(start, stop, body, (state, shown))
            return state, trainer._logs(state, shown)

        return steps

    return cached(trainer, f"many steps {donate}", make, donate_argnums=0 if donate else (), static_argnums=5)


def batch_at(data: Any, order: Any, place: Any, size: int) -> Any:
    """One full batch of arrays on the device: rows that lie together, or those that `order` names."""
    first = place * size
    if order is None:
        return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, first, size), data)
    rows = lax.dynamic_slice_in_dim(order, first, size)
    return jax.tree.map(lambda a: a.at[rows].get(mode="promise_in_bounds"), data)


# ------------------------------------------------------------------ which programs suit
def fits_device(tree: Any) -> bool:
    """Whether arrays may be copied to the device as a whole."""
    leaves = jax.tree.leaves(tree)
    if not are_numbers(leaves):
        return False
    device = jax.local_devices()[0]
    limit = _ON_CPU if on_cpu() else (device.memory_stats() or {}).get("bytes_limit", 2**30) * _SHARE
    return nbytes(leaves) <= limit


def are_numbers(leaves: list[Any]) -> bool:
    """Whether arrays hold numbers that a device knows."""
    return all(getattr(leaf, "dtype", np.dtype(object)).kind in "biufcV" for leaf in leaves)


def nbytes(tree: Any) -> int:
    """The bytes of arrays, or of what stands for arrays."""
    return sum(int(np.prod(leaf.shape)) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(tree))


def on_cpu() -> bool:
    """Whether steps run on the CPU, whose memory the data is in already."""
    return jax.local_devices()[0].platform == "cpu"


def loops_well(step: Any, *args: Any) -> bool:
    """Whether a step may run inside a loop on the device.

    Not where it changes the structure or a dtype of the state; and not, on the CPU, where it holds a convolution:
    XLA's CPU backend runs the gradient of a kernel about 12 times slower inside a loop than outside one.

    Args:
        step: a jitted function `(state, batch) -> (state, logs)`.
        args: its arguments, or `jax.ShapeDtypeStruct`s.
    """
    traced = step.trace(*args)
    before, after = jax.eval_shape(lambda s: s, args[0]), traced.out_info[0]
    structures: list[Any] = [jax.tree.structure(tree) for tree in (before, after)]
    if structures[0] != structures[1]:
        return False
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    if any(a.shape != b.shape or a.dtype != b.dtype for a, b in pairs):
        return False
    return not (on_cpu() and any(e.primitive.name == "conv_general_dilated" for e in _equations(traced.jaxpr.jaxpr)))


def calls_back(step: Any, *args: Any) -> bool:
    """Whether a step calls functions in Python while the device runs it (`jax.pure_callback`, `io_callback`).

    Args:
        step: a jitted function `(state, batch) -> (state, logs)`.
        args: its arguments, or `jax.ShapeDtypeStruct`s.
    """
    return any(e.primitive.name.endswith("_callback") for e in _equations(step.trace(*args).jaxpr.jaxpr))


def _equations(jaxpr: Any) -> Iterator[Any]:
    """The equations of a program, those of the programs inside it included."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, list | tuple) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from _equations(inner)


# ------------------------------------------------------------------ private copies
@jax.jit
def private(state: Any) -> Any:
    """A copy that nobody else holds, each leaf a buffer of its own."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True) if _is_plain(leaf) else leaf.copy(), state)


def _is_plain(leaf: Any) -> bool:
    return not jnp.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key)


# ------------------------------------------------------------------ traces
def note_trace(trainer: Any, args: Any) -> None:
    """Remember that the train step is being traced, and for which arrays; called while it is."""
    spec = {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{jnp.result_type(leaf)}{jnp.shape(leaf)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(args)
    }
    trainer._programs.setdefault("traces", []).append(spec)
