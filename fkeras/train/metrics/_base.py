"""Metric: `empty() -> update(state, …) -> compute(state)`, pure functions over a small pytree."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

import jax
import jax.numpy as jnp

from ...core import explain, no_attribute, register, serialize, snake_case
from ...core.typing import ArrayLike, Config, Num, PyTree, Shaped
from ..losses._frozen import DTypeSpec, Frozen, dtype_name, set_fields
from ..losses._weighing import combine
from ._metric_variables import Cell, MetricVariable
from ._written_for_keras import (
    METHODS,
    frozen_in_a_call,
    is_written_for_keras,
    new_variable,
    outside_of_a_call,
    read_as_functions,
    record_of,
    run_pure,
)

MODULE = "keras.metrics"
# Where metric functions are registered: in "keras.metrics" their names stand for classes, as in Keras.
FUNCTIONS = "keras.metrics functions"

State = dict[str, jax.Array]
M = TypeVar("M", bound="Metric")


class Metric(Frozen):
    """The base of metrics. A metric is frozen; what it has seen is a pytree that goes in and comes out.

    Override `empty(self)`, `update(self, state, y_true, y_pred, sample_weight=None)` and `compute(self, state)`. The
    default `merge` adds states, which is right for sums and counts; it must be associative and commutative, with
    `empty()` as its identity, so that states from devices, hosts and batches can be put together in any order. All
    four can be jitted, vmapped and scanned. Rows of weight 0 change nothing, so batches may be padded.

    A metric written as for Keras works too: `add_variable` in `__init__`, and `update_state`, `result` and
    `reset_state`, which are read as `update`, `compute` and `empty`. `reset_state` says what the variables are before
    any data, so it has to be there. Its batches are not padded, and it gets no mask, as in Keras.

    The class attribute `goal` says which way is better, `"max"` or `"min"`; callbacks with `mode="auto"` ask it. It is
    `None` where nobody can know, and a callback that watches such a metric asks for its `mode`.

    Args:
        dtype: what values are averaged in; float32 by default.
        name: the name in the logs; the class's name in snake case by default.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> class Largest(fk.metrics.Metric):
    ...     def empty(self):
    ...         return -jnp.inf
    ...     def update(self, state, y_true, y_pred, sample_weight=None):
    ...         return jnp.maximum(state, jnp.max(y_pred))
    ...     def merge(self, a, b):
    ...         return jnp.maximum(a, b)
    ...     def compute(self, state):
    ...         return state
    >>> metric = Largest()
    >>> metric.name, metric.compute(metric.update(metric.empty(), None, jnp.array([1.0, 3.0])))
    ('largest', Array(3., dtype=float32))

    >>> class TruePositives(fk.metrics.Metric):
    ...     def __init__(self, name="true_positives", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.total = self.add_variable(shape=(), initializer="zeros", name="total")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.total.assign_add(jnp.sum(y_true * y_pred))
    ...     def result(self):
    ...         return self.total
    ...     def reset_state(self):
    ...         self.total.assign(0.0)
    >>> metric = TruePositives()
    >>> state = metric.update(metric.empty(), jnp.array([1.0, 0.0, 1.0]), jnp.array([1.0, 1.0, 1.0]))
    >>> state, metric.compute(state)
    ({'variables': {'total': Array(2., dtype=float32)}}, Array(2., dtype=float32))

    Reference: https://keras.io/api/metrics/base_metric/
    Unlike Keras, the metric holds no numbers: `update` is `stateless_update_state` with a named state.
    """

    goal: ClassVar[str | None] = None

    name: str | None = None
    dtype: DTypeSpec = None

    _config_modules = (MODULE, "keras.losses")
    # Arguments that Keras's config leaves out; written where they are not the default.
    _keras_forgets: ClassVar[tuple[str, ...]] = ()
    # Arguments that Keras does not have; never written.
    _not_keras: ClassVar[tuple[str, ...]] = ()
    _default_dtype: ClassVar[str] = "float32"
    # What `add_variable` has made.
    _variables: tuple[MetricVariable, ...] = ()

    @property
    def _takes_padding(self) -> bool:
        """Whether rows of weight 0 change nothing; a metric that was written for Keras need not look at weights."""
        return not is_written_for_keras(type(self))

    def __init__(self, dtype: DTypeSpec = None, name: str | None = None) -> None:
        set_fields(self, name=name, dtype=dtype)
        self.__post_init__()

    def __post_init__(self) -> None:
        name = self.name or snake_case(type(self).__name__)
        set_fields(self, name=name, dtype=dtype_name(self.dtype, self._default_dtype))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if any(name in vars(cls) for name in METHODS) and "update" not in vars(cls):
            for name, function in read_as_functions(cls).items():
                setattr(cls, name, function)
        elif "update" in vars(cls):
            cls.update = _taking_mask(cls.update)  # type: ignore[method-assign]

    if not TYPE_CHECKING:  # a type checker refuses what is missing

        def __getattr__(self, name: str) -> NoReturn:
            raise no_attribute(self, ("Metric",), name)

    def empty(self) -> PyTree:
        """The state before any data."""
        raise NotImplementedError(_missing(type(self), "empty(self)"))

    def update(
        self,
        state: PyTree,
        y_true: PyTree,
        y_pred: PyTree,
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> PyTree:
        """The state after one more batch.

        Args:
            state: the state before.
            y_true: targets `(batch, …)`, any dtype.
            y_pred: predictions.
            sample_weight: a weight for each sample, or for each value; 0 leaves it out.
            mask: which values count, `(batch, …)` booleans; multiplied into the weights.

        Returns:
            A state of the same structure.
        """
        raise NotImplementedError(_missing(type(self), "update(self, state, y_true, y_pred, sample_weight=None)"))

    def compute(self, state: PyTree) -> PyTree:
        """The metric's value."""
        raise NotImplementedError(_missing(type(self), "compute(self, state)"))

    def merge(self, a: PyTree, b: PyTree) -> PyTree:
        """The state of both parts of the data together."""
        return jax.tree.map(jnp.add, a, b)

    # ------------------------------------------------------------------ the same under Keras's names
    def stateless_update_state(self, metric_variables: PyTree, *args: Any, **kwargs: Any) -> PyTree:
        """Keras's name of `update`.

        Args:
            metric_variables: the state before, as `empty` or `stateless_reset_state` made it.
            *args: `y_true`, `y_pred` and `sample_weight`.
            **kwargs: the same by name.

        Returns:
            The state after.
        """
        return self.update(metric_variables, *args, **kwargs)

    def stateless_result(self, metric_variables: PyTree) -> PyTree:
        """Keras's name of `compute`.

        Args:
            metric_variables: a state.

        Returns:
            What `compute` returns.
        """
        return self.compute(metric_variables)

    def stateless_reset_state(self) -> PyTree:
        """Keras's name of `empty`."""
        return self.empty()

    # ------------------------------------------------------------------ a metric that was written for Keras
    def add_variable(
        self,
        shape: Sequence[int] | int = (),
        initializer: Any = None,
        dtype: DTypeSpec = None,
        aggregation: str | None = "sum",
        name: str | None = None,
    ) -> MetricVariable:
        """A variable of a metric that is written as for Keras, made in `__init__`; its number is in the state.

        Args:
            shape: its shape.
            initializer: what makes its value before `reset_state`; zeros by default.
            dtype: its dtype; float32 by default.
            aggregation: accepted for Keras's sake.
            name: its name in the state.

        Returns:
            The variable, to be kept as an attribute.

        Raises:
            NotImplementedError: a class without `update_state`, `result` or `reset_state`.
        """
        del aggregation
        variable = new_variable(self, shape, initializer, dtype, name)
        self._variables = (*self._variables, variable)
        return variable

    def add_weight(
        self,
        shape: Sequence[int] | int = (),
        initializer: Any = None,
        dtype: DTypeSpec = None,
        name: str | None = None,
    ) -> MetricVariable:
        """Keras's other name of `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch, inside a metric that is written as for Keras and derives from this one.

        Raises:
            AttributeError: anywhere else: a metric holds no numbers.
        """
        record = record_of(self, "update_state")
        record.own = run_pure(self, "update", record.own, *args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse Keras's way to add a batch and have the value of all so far.

        Raises:
            AttributeError: always: a metric holds no numbers.
        """
        raise outside_of_a_call(self, "__call__")

    def __setattr__(self, name: str, value: object) -> None:
        if "_sealed" in vars(self) and is_written_for_keras(type(self)):
            raise frozen_in_a_call(self, name)
        super().__setattr__(name, value)

    def result(self) -> PyTree:
        """The value so far, inside a metric that is written as for Keras and derives from this one.

        Raises:
            AttributeError: anywhere else: a metric holds no numbers.
        """
        return run_pure(self, "compute", record_of(self, "result").own)

    def reset_state(self) -> None:
        """Make every variable 0, inside a metric that is written as for Keras.

        Raises:
            AttributeError: anywhere else: a metric holds no numbers.
        """
        record = record_of(self, "reset_state")
        for cell in record.cells.values():
            cell.assign(0)
        for nested in record.nested.values():
            nested.reset_state()
        if record.own is not None:
            record.own = run_pure(self, "empty")

    @property
    def variables(self) -> list[Cell]:
        """The variables, inside a metric that is written as for Keras.

        Raises:
            AttributeError: anywhere else: a metric holds no numbers.
        """
        return list(record_of(self, "variables").cells.values())

    def sized_for(self, y_true: tuple[int, ...] | None, y_pred: tuple[int, ...] | None) -> Metric:
        """This metric for data of these shapes; one whose state grows with the outputs learns their number here."""
        del y_true, y_pred
        return self

    def get_config(self) -> Config:
        """Keras's config: name, dtype and the metric's own arguments."""
        config = {"name": self.name, "dtype": self.dtype}
        fields: Any = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
        for field in fields:
            value = getattr(self, field.name)
            forgotten = field.name in self._keras_forgets and value == field.default
            if field.name not in (*config, *self._not_keras) and not forgotten:
                config[field.name] = serialize(value)
        return config


def register_metric(*aliases: str) -> Callable[[type[M]], type[M]]:
    """Register a metric under Keras's address, its class name in snake case, and further names."""
    return lambda cls: register(MODULE, aliases=(snake_case(cls.__name__), *aliases))(cls)


def _missing(cls: type, signature: str) -> str:
    name = signature.partition("(")[0]
    return explain(
        f"{cls.__name__} has no `{name}` method.",
        usually="a Keras metric with add_variable and update_state; here the state is passed in and returned.",
        write=f"def {signature}: return ...",
    )


def _taking_mask(update: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """An `update` that a user wrote without `mask=` gets the mask as part of its weights."""
    parameters = inspect.signature(update).parameters
    if "mask" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return update

    @functools.wraps(update)
    def with_mask(self: Metric, *args: Any, mask: Shaped[ArrayLike, " ..."] | None = None, **kwargs: Any) -> PyTree:
        if mask is not None:
            weight = kwargs.pop("sample_weight", None)
            kwargs["sample_weight"] = combine(weight, (mask,), jnp.float32)[0]
        return update(self, *args, **kwargs)

    return with_mask
