"""What each layer of a model takes and gives, in the order in which the layers run.

A model runs eagerly, so that an interceptor of Linen's sees numbers. What runs inside a loop (`scan`, `vmap`) is
traced and has none: the layer around it is recorded as one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import jax
import numpy as np
from flax import linen

from ..core import Layer, Model, mode_arguments
from ..core.typing import PyTree, Variables
from ._equal import arrays_of, numbers, rounding_of
from ._kinds import is_whole, kind_of, kind_of_name

#: A call of a model: the layer's path, and how often the layer had been called before.
Place = tuple[str, int]
_STATISTICS = "batch_stats"


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer, or what was recorded of one elsewhere.

    Attributes:
        place: which call of the model it is.
        kind: what the layer is, `"conv"`.
        output: what it returned.
        module: the layer, without variables; `None` for an operation and for a recorded array.
        variables: the layer's own.
        function: what an operation calls.
        args, kwargs: what it was given; `None` where that was not recorded.
        statistics: of a normalisation in training, the moving statistics after the call.
        keys: what random numbers come from.
        note: what was changed of a recorded output.
    """

    place: Place
    kind: str
    output: PyTree
    module: linen.Module | None = None
    variables: Variables = dataclasses.field(default_factory=dict)
    function: Callable[..., PyTree] | None = None
    args: tuple[PyTree, ...] | None = None
    kwargs: Mapping[str, PyTree] = dataclasses.field(default_factory=dict)
    statistics: PyTree = None
    keys: Mapping[str, jax.Array] = dataclasses.field(default_factory=dict)
    note: str = ""

    @property
    def path(self) -> str:
        """The layer's path, and which of its calls this is, where it was called before."""
        path, count = self.place
        return f"{path} (call {count + 1})" if count else path

    @property
    def results(self) -> list[np.ndarray]:
        """The arrays that it gives: its outputs, and the moving statistics that it leaves."""
        return [numbers(leaf) for leaf in (*arrays_of(self.output), *jax.tree.leaves(self.statistics))]

    @property
    def inputs(self) -> list[jax.Array] | None:
        """The arrays that it takes; `None` where that was not recorded."""
        return None if self.args is None else arrays_of((self.args, dict(self.kwargs)))

    @property
    def weights(self) -> dict[str, jax.Array]:
        """All its variables by their paths, `"params/kernel"`."""
        found = jax.tree_util.tree_leaves_with_path(dict(self.variables))
        return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in found}

    @property
    def rounding(self) -> float:
        """What rounding may change in its output."""
        return rounding_of(self.args, self.output, self.variables, module=self.module)

    def run(self, **changes: object) -> tuple[PyTree, PyTree]:
        """`(outputs, moving statistics)` of the same call with some parts changed: `args=`, `variables=` …"""
        call = dataclasses.replace(self, **changes) if changes else self  # type: ignore[arg-type]
        args = call.args or ()
        if call.module is None:
            assert call.function is not None
            return call.function(*args, **call.kwargs), None
        keeps = call.statistics is not None
        mutable = [_STATISTICS] if keeps else False
        made = call.module.apply(dict(call.variables), *args, **call.kwargs, rngs=dict(call.keys), mutable=mutable)
        return (made[0], made[1].get(_STATISTICS)) if keeps else (made, None)


@dataclasses.dataclass(frozen=True)
class Trace:
    """The calls of a model's run, and what the model gave."""

    calls: tuple[Call, ...]
    output: PyTree = None


#: What stands in the place of a call's output: told the call, it returns that.
Replace = Callable[[Call], PyTree]


def record(
    model: linen.Module, variables: Variables, x: PyTree, *, training: bool = False, replace: Replace | None = None
) -> Trace:
    """Run a model and keep what each of its layers takes and gives.

    Args:
        model: a model, layer or Linen module.
        variables: its variables.
        x: its input.
        training: whether the call is one of training.
        replace: called with each call once it is through; what it returns goes on to the next layers.
    """
    calls: list[Call] = []
    counts: dict[str, int] = {}
    keys = keys_of(0)
    inside: list[int] = []  # for each call that runs, how many calls are recorded when it begins; -1 in a whole one

    def watch(run: Callable[..., PyTree], args: PyTree, kwargs: PyTree, context: PyTree) -> PyTree:
        module = context.module
        is_op = context.method_name == "operate" and isinstance(module, Model)
        if (
            (context.method_name != "__call__" and not is_op)
            or -1 in inside
            or (inside and not _concrete(args, kwargs))
        ):
            return run(*args, **kwargs)
        before = len(calls)
        own = {} if is_op else jax.tree.map(lambda leaf: leaf, dict(module.variables))  # as they are before the call
        inside.append(-1 if is_whole(module) and not is_op else before)
        try:
            output = run(*args, **kwargs)
        finally:
            inside.pop()
        if len(calls) > before or not _concrete(args, kwargs, output) or not arrays_of(output):
            return output  # the layers inside tell more; or it runs in a loop
        path = path_of(module, args[0] if is_op else None)
        place = (path, counts.get(path, 0))
        counts[path] = place[1] + 1
        if is_op:
            _, function, op_args, op_kwargs = args
            kind = kind_of_name(args[0]) or "operation"
            call = Call(place, kind, output, function=function, args=op_args, kwargs=op_kwargs)
        else:
            alone, after = module.unbind()
            statistics = after.get(_STATISTICS) if training else None
            call = Call(place, kind_of(module), output, alone, own, None, args, dict(kwargs), statistics, keys)
        calls.append(call)
        return output if replace is None else replace(call)

    with linen.intercept_methods(watch):
        output = apply(model, variables, x, training)
    return Trace(tuple(calls), output)


def path_of(module: linen.Module, operation: str | None = None) -> str:
    """A layer's path in its model, or that of an operation of a model's graph."""
    path = module.path if operation is None else (*module.path, operation)
    return "/".join(path) or str(module.name or type(module).__name__)


def apply(model: linen.Module, variables: Variables, x: PyTree, training: bool) -> PyTree:
    """A model's output, however its class takes its inputs and the mode."""
    mutable = [name for name in variables if name != "params"] if training else False
    told = not isinstance(model, Layer)
    mode = mode_arguments(type(model).__call__, training, model) if told else {"training": training}
    inputs = x if isinstance(x, tuple) and not isinstance(model, Layer) else (x,)
    made = model.apply(dict(variables), *inputs, **mode, rngs=keys_of(0), mutable=mutable)
    return made[0] if training else made


def keys_of(seed: int) -> dict[str, jax.Array]:
    """What the random numbers of a run come from."""
    return dict.fromkeys(("params", "dropout"), jax.random.key(seed))


def _concrete(*trees: PyTree) -> bool:
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(trees))
