"""Metrics written as for Keras: variables made in `__init__`, changed in `update_state`, read in `result`.

Here a metric is three pure functions over a state, and Keras's three methods are read as those:

* `empty()` is what the variables hold after `reset_state`;
* `update(state, …)` is `update_state` on a copy of the metric whose variables hold the numbers of the state, and
  whose metrics theirs; what they hold afterwards is the next state;
* `compute(state)` is `result` on such a copy.

The metric itself stays frozen. The copy lives for one call, so `update` can be jitted, scanned and vmapped.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from ...core import array_of, explain
from ...core.typing import PyTree
from ...nn import initializers
from ..losses._frozen import dtype_name, set_fields
from ._metric_variables import Cell, MetricVariable

#: The methods that a metric for Keras is made of.
METHODS = ("update_state", "result", "reset_state")
# What a copy that holds numbers is known by.
_RUNNING = "_running"


@runtime_checkable
class Pure(Protocol):
    """A metric as it is here."""

    def empty(self) -> PyTree: ...
    def update(self, state: PyTree, *args: Any, **kwargs: Any) -> PyTree: ...
    def compute(self, state: PyTree) -> PyTree: ...
    def sized_for(self, y_true: tuple[int, ...] | None, y_pred: tuple[int, ...] | None) -> Any: ...


class Nested:
    """A metric inside a metric while one of the outer one's methods runs.

    Args:
        metric: the metric.
        state: what it has seen.
    """

    def __init__(self, metric: Pure, state: PyTree) -> None:
        self._metric, self.state = metric, state

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch to what it has seen."""
        self.state = self._metric.update(self.state, *args, **kwargs)

    def result(self) -> PyTree:
        """Its value."""
        return self._metric.compute(self.state)

    def reset_state(self) -> None:
        """Forget what it has seen."""
        self.state = self._metric.empty()

    def __call__(self, *args: Any, **kwargs: Any) -> PyTree:
        self.update_state(*args, **kwargs)
        return self.result()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metric, name)


def new_variable(
    metric: Any, shape: Sequence[int] | int, initializer: Any, dtype: Any, name: str | None
) -> MetricVariable:
    """The description of one more variable of a metric that is being made.

    Raises:
        TypeError: no shape.
        ValueError: an unknown initializer.
        NotImplementedError: a metric that does not say what its variables are before any data.
        RuntimeError: a metric that was made already.
    """
    cls = type(metric)
    if isinstance(shape, str):
        raise TypeError(
            explain(
                f"{cls.__name__}: the first argument of add_weight is the shape.",
                received=repr(shape),
                usually="Keras 2, where it was the name.",
                write=f"self.add_weight(name={shape!r}, initializer='zeros')",
            )
        )
    if "_sealed" in vars(metric):
        raise RuntimeError(
            explain(
                f"{cls.__name__} makes a variable after it was made.",
                usually="add_variable in update_state, or in a build of one's own: a metric is frozen after __init__.",
                write="add_variable in __init__; or def sized_for(self, y_true, y_pred), for shapes of the data",
            )
        )
    missing = [n for n in METHODS if not _written(cls, n)]
    if missing or not is_written_for_keras(cls):
        raise NotImplementedError(_refusal(cls, name or "total", missing))
    taken = [v.key for v in metric._variables]
    key, count = name or "variable", 1
    while key in taken:
        key, count = f"{name or 'variable'}_{count}", count + 1
    sizes = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    chosen = initializers.get("zeros" if initializer is None else initializer)
    return MetricVariable(key, sizes, dtype_name(dtype), chosen)


def _refusal(cls: type, variable: str, missing: Sequence[str]) -> str:
    name, own = cls.__name__, [n for n in METHODS if n not in missing]
    first = f"it has no `{missing[0]}`" if missing else "its `update` is that of a metric without variables"
    keras = {
        "reset_state": f"def reset_state(self): self.{variable}.assign(0.0)",
        "result": f"def result(self): return self.{variable}",
        "update_state": f"def update_state(self, y_true, y_pred, sample_weight=None): self.{variable}.assign_add(…)",
    }
    add = "; ".join(keras[n] for n in missing)
    return explain(
        f"{name} makes the variable {variable!r}. A metric is three functions, `empty`, `update` and `compute`, and "
        f"Keras's `reset_state`, `update_state` and `result` are read as those: {first}.",
        received=f"add_variable, and the methods {', '.join(own) or 'of the base class'}",
        usually="Keras's own reset_state makes every variable 0, whatever its initializer; here the metric says it.",
        write=f"{f'{add}   # or without variables:' if add else ''}\n"
        f"class {name}(fk.metrics.Metric):\n"
        f"    def empty(self): return {{{variable!r}: jnp.zeros(())}}\n"
        f"    def update(self, state, y_true, y_pred, sample_weight=None):\n"
        f"        return {{{variable!r}: state[{variable!r}] + jnp.sum(y_true * y_pred)}}\n"
        f"    def compute(self, state): return state[{variable!r}]",
    )


# ------------------------------------------------------------------ Keras's methods as pure functions
def read_as_functions(cls: type) -> dict[str, Callable[..., Any]]:
    """What a class that was written for Keras gets: a metric's functions, and Keras's methods guarded."""
    functions: tuple[Callable[..., Any], ...] = (empty, update, compute, merge, sized_for)
    guarded = {name: _only_in_a_call(vars(cls)[name]) for name in METHODS if name in vars(cls)}
    return {**{f.__name__: f for f in functions if f.__name__ not in vars(cls)}, **guarded}


def is_written_for_keras(cls: type) -> bool:
    """Whether a class's `update` is made of its `update_state`."""
    return getattr(cls, "update", None) is update


def _written(cls: type, name: str) -> bool:
    """Whether a class, or one between it and the base of metrics, has a method of Keras's."""
    return hasattr(getattr(cls, name), "__wrapped__")


def _only_in_a_call(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of Keras's that says what to write where it is called on the metric itself."""

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _RUNNING not in vars(self):
            raise outside_of_a_call(self, method.__name__)
        return method(self, *args, **kwargs)

    return called


_WRITE = {
    "update_state": "state = metric.update(state, y_true, y_pred)",
    "result": "metric.compute(state)",
    "reset_state": "state = metric.empty()",
    "__call__": "state = metric.update(state, y_true, y_pred); metric.compute(state)",
    "variables": "state = metric.empty(), whose leaves are the numbers",
}


def outside_of_a_call(metric: Any, name: str) -> AttributeError:
    """The error for a method of Keras's that is called on a metric, which holds no numbers."""
    shown = f'return loss, {{"logs": {{{metric.name!r}: value}}}}'
    return AttributeError(
        explain(
            f"`{name}` of {type(metric).__name__} has no numbers to work on: a metric is frozen, and holds none.",
            received={"variables": "metric.variables", "__call__": "metric(…)"}.get(name, f"metric.{name}(…)"),
            usually="Keras's metrics keep what they have seen; here it is a value that goes in and comes out.",
            write=f"{_WRITE[name]}   # it begins as metric.empty(), and metric.compute(state) is its value\n"
            f"a number of a step of your own, in its compute_loss (it is averaged over the epoch): {shown}",
        )
    )


def frozen_in_a_call(metric: Any, name: str) -> AttributeError:
    """The error for an attribute that a metric, written as for Keras, sets after its `__init__`."""
    cls = type(metric).__name__
    assigned = f"self.{name}.assign(value)"
    if not isinstance(vars(metric).get(name), Cell | MetricVariable):
        made = f'self.{name} = self.add_variable(shape=(), initializer="zeros", name="{name}")   # in __init__'
        assigned = f"{made}\n{assigned}   # in update_state; in reset_state its first value"
    return AttributeError(
        explain(
            f"{cls} is frozen: its attribute {name!r} cannot be set.",
            usually="a number that batches are added to: such a number is a variable of the metric.",
            write=assigned,
        )
    )


@dataclasses.dataclass
class Running:
    """What a copy of a metric holds while one of its methods runs.

    Attributes:
        cells: its variables, by key.
        nested: its metrics, by where they are.
        own: the state of the built-in metric that its class derives from.
    """

    cells: dict[str, Cell]
    nested: dict[str, Nested]
    own: PyTree

    def state(self) -> dict[str, PyTree]:
        """All of it as a pytree."""
        parts = {
            "variables": {key: cell.value for key, cell in self.cells.items()},
            "metrics": {place: nested.state for place, nested in self.nested.items()},
            "own": self.own,
        }
        return {name: part for name, part in parts.items() if part is not None and (name == "own" or part)}


def running(metric: Any, state: Mapping[str, PyTree]) -> Any:
    """A copy of a metric that holds the numbers of a state."""
    variables, metrics = state.get("variables", {}), state.get("metrics", {})
    cells = {v.key: Cell(v, variables[v.key]) for v in metric._variables}
    nested = {place: Nested(inner, metrics[place]) for place, inner in _nested(metric).items()}
    record = Running(cells, nested, state.get("own"))
    view = object.__new__(type(metric))

    def live(value: Any, place: str) -> Any:
        if isinstance(value, MetricVariable):
            return cells[value.key]
        if place in nested:
            return nested[place]
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            return type(value)(live(part, f"{place}/{i}") for i, part in enumerate(value))
        if type(value) is dict:
            return {key: live(part, f"{place}/{key}") for key, part in value.items()}
        return value

    own = {name: value for name, value in vars(metric).items() if name != "_variables"}
    set_fields(view, **{name: live(value, name) for name, value in own.items()}, **{_RUNNING: record})
    return view


def _nested(metric: Any) -> dict[str, Pure]:
    """The metrics that a metric holds, by where they are."""
    found: dict[str, Pure] = {}

    def look(value: Any, place: str) -> None:
        if isinstance(value, Pure) and not isinstance(value, type):
            found[place] = value
        elif type(value) in (list, tuple):
            for i, part in enumerate(value):
                look(part, f"{place}/{i}")
        elif type(value) is dict:
            for key, part in value.items():
                look(part, f"{place}/{key}")

    for name, value in vars(metric).items():
        look(value, name)
    return found


def _pure(cls: type, name: str) -> Callable[..., Any] | None:
    """The function of the built-in metric that a class derives from; `None` where that is the base of all."""
    ours = (empty, update, compute)
    for base in cls.__mro__:
        function = vars(base).get(name)
        if function is not None and function not in ours:
            return None if base.__name__ == "Metric" and base.__module__.startswith(__package__) else function
    return None


def record_of(metric: Any, name: str) -> Running:
    """What a copy of a metric holds.

    Raises:
        AttributeError: it is no copy, but the metric itself.
    """
    record = vars(metric).get(_RUNNING)
    if record is None:
        raise outside_of_a_call(metric, name)
    return record


def run_pure(metric: Any, name: str, *args: Any, **kwargs: Any) -> PyTree:
    """A function of the built-in metric that the class of a copy derives from.

    Raises:
        NotImplementedError: there is none.
    """
    function = _pure(type(metric), name)
    if function is None:
        keras = {"update": "update_state", "compute": "result", "empty": "reset_state"}[name]
        raise NotImplementedError(
            explain(f"{type(metric).__name__} has no `{keras}` of its own.", write=f"def {keras}(self, …): …")
        )
    return function(metric, *args, **kwargs)


def first_values(metric: Any) -> dict[str, PyTree]:
    """What the variables hold before `reset_state`."""
    own = _pure(type(metric), "empty")
    parts = {
        "variables": {v.key: v.first() for v in metric._variables},
        "metrics": {place: inner.empty() for place, inner in _nested(metric).items()},
        "own": None if own is None else own(metric),
    }
    return {name: part for name, part in parts.items() if part is not None}


def empty(self: Any) -> PyTree:
    """The state before any data: what the variables hold after `reset_state`."""
    view = running(self, first_values(self))
    if _written(type(self), "reset_state"):
        view.reset_state()
    return vars(view)[_RUNNING].state()


def update(self: Any, state: PyTree, *args: Any, sample_weight: Any = None, mask: Any = None, **kwargs: Any) -> PyTree:
    """The state after `update_state` of one more batch; as in Keras it gets no mask."""
    del mask
    view = running(self, state)
    if sample_weight is not None:
        kwargs["sample_weight"] = sample_weight
        _check_weighted(self)
    view.update_state(*args, **kwargs)
    return vars(view)[_RUNNING].state()


def _check_weighted(metric: Any) -> None:
    """Refuse weights that `update_state` does not take.

    Raises:
        TypeError: it does not.
    """
    parameters = inspect.signature(type(metric).update_state).parameters
    if "sample_weight" not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise TypeError(
            explain(
                f"update_state of {type(metric).__name__} takes no sample_weight, and there are weights.",
                received=f"update_state({', '.join(parameters)})",
                usually="it was given among the weighted_metrics.",
                write="compile(metrics=[…]), or def update_state(self, y_true, y_pred, sample_weight=None)",
            )
        )


def compute(self: Any, state: PyTree) -> PyTree:
    """What `result` returns."""
    value = running(self, state).result()
    if isinstance(value, Mapping):
        return {name: array_of(part) for name, part in value.items()}
    return array_of(value)


def merge(self: Any, a: PyTree, b: PyTree) -> PyTree:
    """Refuse to put states together: what `update_state` does to its variables need be no sum.

    Raises:
        NotImplementedError: always.
    """
    del a, b
    raise NotImplementedError(
        explain(
            f"Nobody knows how states of {type(self).__name__} are put together.",
            usually="it was written for Keras, whose metrics have no such method: sums are added, the largest is not.",
            write="def merge(self, a, b): return jax.tree.map(jnp.add, a, b)   # where every variable is a sum",
        )
    )


def sized_for(self: Any, y_true: tuple[int, ...] | None, y_pred: tuple[int, ...] | None) -> Any:
    """This metric for data of these shapes: the metrics inside it learn the number of outputs."""
    sized = {
        name: value.sized_for(y_true, y_pred)
        for name, value in vars(self).items()
        if isinstance(value, Pure) and not isinstance(value, type)
    }
    if all(sized[name] is vars(self)[name] for name in sized):
        return self
    found = copy.copy(self)
    set_fields(found, **sized)
    return found
