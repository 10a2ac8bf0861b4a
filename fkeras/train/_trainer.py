"""The Trainer: a model, an optimizer, losses and metrics as one frozen value, with pure steps."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

from ..core import (
    TORCH_ARGUMENTS,
    TORCH_WORD,
    HashedOnce,
    Layer,
    View,
    Viewed,
    answers_setting,
    as_key,
    check_trains_by_trainer,
    did_you_mean,
    explain,
    short_repr,
    takes_text,
    walk,
)
from ..core.typing import ArrayLike, Batch, FilePath, KeyLike, PyTree, Spec, Variables, VariablesLike
from ..nn import as_trained_module
from . import _lower as lowering
from ._batches._as_arrays import as_arrays
from ._batches._given_data import one_batch
from ._batches._of_processes import own_batch
from ._compile_arguments import as_objects, compile_config, config_of
from ._finders import _batch_size, _learning_rate
from ._keras_names import no_trainer_attribute
from ._loop import _evaluate, _evaluate_many, _predict, _pure_run
from ._loop import _fit as fitting
from ._loop import _fit_many as fitting_many
from ._loop._run_arguments import named
from ._loop._whole_sets import floats
from ._preflight import _preflight as preflighting
from ._step import _eval_step, _measurement, _train_step
from ._step._checked_state import check_optimizer, check_variables
from ._step._compiled_method import CompiledMethod
from ._step._forward import forward, graph_of, init_variables
from ._step._log_names import described_log_names, log_names
from ._step._logged_norms import logged_rates
from ._step._logs import as_asked, check_return_dict
from ._step._objective import Objective
from ._step._outputs import output_names
from ._step._own_methods import check_own_methods
from ._step._partition import Partition, merge, partition_for
from ._step._placed import on_host, put_state, warn_of_idle_facts
from ._step._programs import Programs, compiled, programs_for, value_of
from ._step._running_sums import RunningSums
from ._step._state import TrainState, check_is_state, check_state, example_of, key_parts, spec_of
from ._step._state_or_variables import state_to_evaluate, variables_given
from ._trainer_view import trainer_repr, trainer_view
from .distribution._host_memory import fetched
from .distribution._layout_table import LayoutTable, layout_table
from .distribution._mesh import MeshLike
from .distribution._own_rows import own_rows_of
from .distribution._placement import Distribution
from .optimizers._base import Optimizer
from .optimizers._by_path import warn_of_idle_rules
from .optimizers._rates import only_rate, rates_by_part, rates_of_members, with_rates

# Methods that are compiled when a subclass overrides them; what they call inside is compiled with them.
_COMPILED = ("train_step", "eval_step", "predict_step")


@answers_setting("Trainer", "trainer")
@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Trainer(Viewed):
    """How a model learns; made by `model.compile(...)`, or by `fk.Trainer(module, ...)` of a Flax or Equinox module.

    Its steps are pure functions of a `TrainState` and a batch. To train in another way, subclass it and override
    `compute_loss(self, params, state, batch, rng)`, or `train_step(self, state, batch)`.

    Attributes:
        model: an fkeras model, or a module of Linen, NNX or Equinox that knows nothing of fkeras. The values of an
            instance of NNX or Equinox are the weights that `init` starts with; it itself is never changed.
        optimizer: an optax transformation.
        loss: a loss, or losses in a list or dict by output; `None` trains on what layers add alone.
        loss_weights: a factor for each output's loss.
        metrics: metrics that ignore sample weights.
        weighted_metrics: metrics that use them.
        run_eagerly: whether steps run without `jax.jit`, for debugging.
        steps_per_execution: how many steps lie between two calls of callbacks that look at batches.
        jit_compile: accepted for Keras's sake.
        auto_scale_loss: whether a model of the policy `mixed_float16` gets dynamic loss scaling.
        log: further numbers of each step to show: any of `"grad_norm"`, `"update_norm"`, `"param_norm"`,
            `"learning_rate"`, `"digest"` (of the whole state after the step, see `fk.train.digest`). They are computed
            inside the step, and are those of the last one. And of each epoch of `fit`: `"steps_per_second"`, without
            what the first dispatch took to compile and without the validation; `"mfu"`, the part of the device's
            floating-point operations a second that the steps use (on an accelerator of what its maker says of bfloat16
            products, on a CPU of a measured product of float32 matrices).
        accumulate_in_step: into how many parts a step cuts its batch. Their gradients are made one after the other and
            weighed as their rows, weights and masks ask, so that the step is that of the whole batch, and the
            activations of one part are in memory.
        distribution: on which devices states and batches lie; see `distribute`.

    >>> import fkeras as fk, numpy as np
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1, kernel_initializer="zeros")])
    >>> trainer = model.compile(optimizer=fk.optimizers.SGD(0.1), loss="mse")
    >>> state = trainer.init(0)
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> state, logs = trainer.train_step(state, (x, y))
    >>> logs["loss"], int(state.step)
    (Array(1., dtype=float32), 1)

    Reference: https://keras.io/api/models/model_training_apis/
    Unlike Keras, weights, optimizer state, metrics and randomness are in the `TrainState`, which every method
    takes first and returns anew.
    """

    model: Any
    optimizer: Any = "rmsprop"
    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None
    run_eagerly: bool = False
    steps_per_execution: int = 1
    jit_compile: Any = "auto"
    auto_scale_loss: bool = True
    log: tuple[str, ...] = ()
    accumulate_in_step: int = 1
    distribution: Distribution | None = None

    def __init__(
        self,
        model: linen.Module,
        optimizer: optax.GradientTransformation | Spec = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        **fields: Any,
    ) -> None:
        values = {
            "model": as_trained_module(model),
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
            **fields,
        }
        for f in dataclasses.fields(self):
            if f.name not in values:
                made = f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
                if made is dataclasses.MISSING:
                    raise TypeError(f"{type(self).__name__} needs the argument {f.name!r}")
                values[f.name] = made
        known = [f.name for f in dataclasses.fields(self)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            if unknown[0] in TORCH_ARGUMENTS:
                usually, write = TORCH_WORD, TORCH_ARGUMENTS[unknown[0]]
            elif unknown[0] in Optimizer._options:
                usually = "it is one of the optimizer's."
                write = f"optimizer=fk.optimizers.Adam({unknown[0]}={short_repr(values[unknown[0]])})"
            else:
                usually = did_you_mean(unknown[0], known)
                write = 'model.compile(optimizer="adam", loss="mse", metrics=[...])'
            raise TypeError(
                explain(
                    f"{type(self).__name__} has no argument {unknown[0]!r}.",
                    received=", ".join(f"{name}=" for name in unknown),
                    usually=usually,
                    write=write,
                )
            )
        check_trains_by_trainer(values["model"], built_in=type(self) is Trainer)
        if values["distribution"] is not None:
            values["distribution"] = values["distribution"].of_model(values["model"])
        for name, value in as_objects(values).items():
            object.__setattr__(self, name, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_own_methods(cls)
        for name in _COMPILED:
            if name in cls.__dict__ and not isinstance(cls.__dict__[name], CompiledMethod):
                setattr(cls, name, CompiledMethod(cls.__dict__[name]))
        own = {n for n in inspect.get_annotations(cls) if not n.startswith("_")}
        if own:  # a subclass's fields are keyword arguments of its constructor
            dataclasses.dataclass(frozen=True, eq=False, kw_only=True, init=False, repr=False)(cls)

    if not TYPE_CHECKING:  # a type checker refuses what is missing

        def __getattr__(self, name: str) -> NoReturn:
            raise no_trainer_attribute(self, name)

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers in the logs, in their order: `dict(zip(trainer.metrics_names, results))`.

        Raises:
            AttributeError: a model without a graph, whose outputs a call alone tells.
        """
        return list(described_log_names(self))

    def replace(self, **changes: Any) -> Any:
        """A trainer with some fields changed."""
        return type(self)(**{**self._fields(), **changes})

    def distribute(
        self,
        mesh: MeshLike = None,
        layout: Any = "data",
        offload: object = None,
        auto_shard_dataset: bool | None = None,
    ) -> Self:
        """The same trainer on several devices; nothing else of a script changes.

        Args:
            mesh: devices as a grid with named axes: a `jax.sharding.Mesh`, `fk.distribution.DeviceMesh`,
                `{"data": 4, "model": 2}`, a number of devices, or `None` for all of them along the axis `"data"`. The
                rows of a batch are spread over the axis `"data"`, or the first one.
            layout: where weights and the optimizer's slots lie. `"data"`: a copy on each device. `"fsdp"`: spread over
                the devices and gathered where they are used. `"auto"`: found from the weights' use and shapes, also
                along other axes of the mesh. `{regular expression of a path: axes}`, as in Keras's `LayoutMap`: the
                weights in whose paths it is found, `(None, "model")` for a kernel that is cut along its units. Or a
                layout of `fk.distribution`.
            offload: `"opt_state"` keeps the optimizer's slots in the memory of the host, where JAX has a part of it
                that the devices read by themselves; each step fetches them for its update, and puts them back. On one
                device too: `trainer.distribute(1, offload="opt_state")`.
            auto_shard_dataset: of several processes, whether each is given all data and takes its part of them.
                `False` where each hands in rows of its own; what the layout says, by default, which is `True`.

        Returns:
            A trainer whose `init`, `fit`, `evaluate` and `predict` put states and batches there.

        Raises:
            TypeError, ValueError: no such mesh or layout, or devices that cannot read the host's memory. What does not
                fit the model's weights is told by `init`.

        >>> import fkeras as fk
        >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse").distribute()
        >>> trainer.init(0).params["dense"]["kernel"].sharding.is_fully_replicated
        True

        Reference: https://keras.io/guides/distribution/
        Keras sets a distribution for the whole program; here it is a field of the trainer.
        """
        found: Self = self.replace(distribution=Distribution.of(mesh, layout, offload, auto_shard_dataset))
        return found

    def plot_layout(self, state: TrainState) -> LayoutTable:
        """Where the leaves of a state lie: which device holds which part of which leaf, its bytes there, and why.

        Args:
            state: a state; or its shapes, `jax.eval_shape(trainer.init, 0)`, for where they would lie.

        Returns:
            A table as text, which a notebook shows with a picture; `.svg` is the picture, `.rows` are the leaves.

        >>> import fkeras as fk
        >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse").distribute(1, "fsdp")
        >>> print(str(trainer.plot_layout(trainer.init(0))).splitlines()[-1])
        52 bytes; each of 1 device holds 52, 100.0% of it
        """
        return layout_table(check_state(state, "plot_layout", "state"), self.distribution)

    # ------------------------------------------------------------------ a value
    def _fields(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @functools.cached_property
    def _value(self) -> HashedOnce:
        return value_of(type(self), self._fields())

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and self._value == other._value)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        return _remade, (type(self), self._fields())

    def __repr__(self) -> str:
        return trainer_repr(self)

    def _view(self) -> View:
        return trainer_view(self)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_")]

    @functools.cached_property
    def programs(self) -> Programs:
        """What is compiled for this trainer, and for every other one that is equal to it."""
        return programs_for(self._value)

    # ------------------------------------------------------------------ state
    @functools.cached_property
    def objective(self) -> Objective:
        """Losses and metrics, matched to the model's outputs."""
        return Objective(self.loss, self.loss_weights, self.metrics, self.weighted_metrics)

    @named
    def init(self, key: KeyLike = 0, x: PyTree = None, *, variables: VariablesLike | None = None) -> TrainState:
        """The state at the beginning of a run.

        Args:
            key: a seed or a key; the weights and every later random number follow from it.
            x: an example input, for a model that does not know its input's shape; one batch, any size.
            variables: weights to start from, instead of new ones; or a state that has them.

        Returns:
            A `TrainState`.

        Raises:
            TypeError: a Linen module that takes an argument beside its inputs and the mode.
            ValueError: the model needs `x`, and none was given; `variables` that lack weights of the model, or have
                them in other shapes, each by its path; `log=["learning_rate"]` of an optimizer that keeps none.

        A Linen module with dropout or batch statistics that nothing tells the mode, `mode="train"`, is warned of.

        >>> import fkeras as fk
        >>> trainer = fk.Sequential([fk.nn.Dense(2)]).compile("adam", "mse")
        >>> trainer.init(0, [[1.0, 2.0, 3.0]]).params["dense"]["kernel"].shape
        (3, 2)
        """
        key = as_key(key)
        x = None if takes_text(self.model) else as_arrays(x)  # whose shapes are known without an example
        if variables is None:
            variables = init_variables(self.model, jax.random.fold_in(key, 0), x)
        else:
            variables = check_variables(self.model, variables, x)
        self._check_frozen(x)
        warn_of_idle_facts(self, x)
        params = variables["params"]
        warn_of_idle_rules(self.optimizer, params)
        moving, _ = self.partition(x).split(params)
        # one program, not one for each array's zeros
        slots = compiled(self, _init_optimizer)(moving)
        if "learning_rate" in self.log and not _train_step.has_own_step(self):
            logged_rates(self.optimizer, slots)
        state = TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            model_state={c: v for c, v in variables.items() if c != "params"},
            opt_state=slots,
            metrics=self.reset_metrics(variables, x),
            **key_parts(jax.random.fold_in(key, 1)),
            example_spec=None if graph_of(self.model) is not None else spec_of(x),
        )
        return put_state(self, state)

    def _check_frozen(self, x: PyTree) -> None:
        """Refuse to begin without knowing which weights rest."""
        if x is not None or graph_of(self.model) is not None or not isinstance(self.model, Layer):
            return
        resting = ["/".join(path) for path, layer in walk(self.model) if not layer.trainable]
        if resting:
            raise ValueError(
                explain(
                    f"Which weights of {self.model.path_text()} are frozen follows from an example input.",
                    received=f"variables, and no x; trainable=False at {', '.join(resting[:5])}",
                    usually="a subclassed model does not know its weights before it is called.",
                    write="trainer.init(0, x[:1], variables=variables)",
                )
            )

    def partition(self, x: PyTree = None) -> Partition:
        """Which weights move and what constrains them; found once for the model, or once per input's shape.

        Args:
            x: an example input, or its shapes, for a model that does not know its input's shape.

        Returns:
            The partition, which splits a tree of parameters into those that move and those that stay.
        """
        return partition_for(self, x)

    def reset_metrics(self, state: TrainState | Variables | None = None, x: PyTree = None) -> RunningSums:
        """Running sums of loss and metrics before any batch.

        Args:
            state: a state, or variables; for a model that does not know its input's shape.
            x: an example input, or its shapes, where the state was made without one.

        Returns:
            Sums that have counted nothing.
        """
        return _measurement.empty_sums(self, state, x)

    def output_names(self, y_pred: PyTree) -> list[str]:
        """A name for each output leaf."""
        return output_names(y_pred, getattr(self.model, "output_names", None))

    def get_learning_rate(self, state: TrainState) -> jax.Array | dict[str, jax.Array] | None:
        """The learning rate in the state, `None` where the optimizer keeps none; where it keeps several, a dict of them
        by the rule of the weights, or by where they are in the state."""
        only = only_rate(state.opt_state)
        return rates_by_part(self.optimizer, state.opt_state) or None if only is None else only

    def set_learning_rate(self, state: TrainState, value: ArrayLike) -> TrainState:
        """The state with another learning rate (every one, where there are several); the next step uses it, and
        nothing compiles again. States of many members, as `fit_many` has them, take one for all or one for each.

        Raises:
            TypeError: the rate belongs to a schedule, as in Keras, or to a line search.
            ValueError: the optimizer keeps no learning rate in its state, or `value` is no number.
        """
        if np.ndim(state.step):
            return state.replace(opt_state=rates_of_members(self.optimizer, state.opt_state, value, len(state.step)))
        return state.replace(opt_state=with_rates(self.optimizer, state.opt_state, lambda _: value))

    def finalize(self, state: TrainState, x: PyTree = None) -> TrainState:
        """The state to keep after training: with `use_ema` the weights are the moving averages.

        Args:
            state: the state at the end of a run.
            x: an example input, for a model that does not know its input's shape.

        Returns:
            The state to evaluate, to predict with and to save.
        """
        finalize = getattr(self.optimizer, "finalize_variable_values", None)
        if finalize is None:
            return state
        moving, resting = self.partition(example_of(state, x)).split(state.params)
        return state.replace(params=merge(finalize(moving, fetched(state.opt_state)), resting))

    # ------------------------------------------------------------------ pure steps
    def forward(
        self, params: PyTree, state: TrainState, x: PyTree, rng: jax.Array | None, training: bool | None = None
    ) -> tuple[PyTree, Variables]:
        """Run the model, as `compute_loss` does.

        Args:
            params: the weights, in place of those in the state.
            state: the state, for the other collections.
            x: a batch of inputs.
            rng: the step's key; `None` in evaluation.
            training: the mode; by default training where there is a key, and inference where there is none.

        Returns:
            `(outputs, updates)`; `updates` hold changed collections, added losses and masks.
        """
        training = rng is not None if training is None else training
        key = state.rng if rng is None else rng
        return forward(self.model, {"params": params, **state.model_state}, x, key, training)

    compute_loss = _train_step.compute_loss
    train_step = CompiledMethod(_train_step.train_step)
    per_example_gradients = named(_train_step.per_example_gradients)
    eval_step = CompiledMethod(_eval_step.eval_step)
    predict_step = CompiledMethod(_eval_step.predict_step)

    def logs_of(self, sums: Mapping[str, PyTree], state: TrainState, x: PyTree) -> dict[str, Any]:
        """The numbers that running sums stand for."""
        return _measurement.logs_of(self, sums, state, x)

    # ------------------------------------------------------------------ runs
    fit = fitting.fit
    fit_many = fitting_many.fit_many
    run = _pure_run.run
    evaluate = _evaluate.evaluate
    evaluate_many = _evaluate_many.evaluate_many
    predict_many = _evaluate_many.predict_many
    lower = lowering.lower
    preflight = preflighting.preflight
    find_learning_rate = _learning_rate.find_learning_rate
    find_batch_size = _batch_size.find_batch_size

    @named
    def predict(
        self,
        state: TrainState | Variables,
        x: PyTree,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> PyTree:
        """The model's outputs for all of `x`, in inference mode, as numpy arrays.

        Args:
            state: whose weights to use; or variables.
            x: an array, a pytree of arrays, or something that yields batches.
            batch_size: rows in a batch; what the model was described with, or 32, by default.
            verbose: 0 silent, 1 a bar, 2 a line; `"auto"` is a bar on a terminal and in a notebook where there are
                several batches, and silent elsewhere.
            steps: how many batches to use; all by default.
            callbacks: their `on_predict_*` hooks are called.

        Returns:
            The outputs in the model's structure, with one row for each of `x`. Of several processes each has all of
            them or, where each hands in rows of its own, those of its rows.
        """
        if not isinstance(state, TrainState):  # a prediction of one row takes some 15 µs, so no more is looked at
            variables = variables_given(state, "predict", "state, x", (x,))
            return _predict.predict(self, variables, x, batch_size, verbose, steps, callbacks)
        try:
            return _predict.predict(self, state.variables, x, batch_size, verbose, steps, callbacks)
        except ValueError:
            check_is_state(state, "predict", "state, x", (x,))  # the states of many members fit no model
            raise

    @named
    def train_on_batch(
        self, state: TrainState, x: PyTree, y: PyTree = None, sample_weight: PyTree = None, class_weight: Any = None,
        return_dict: bool | None = None,
    ) -> tuple[TrainState, Any]:  # fmt: skip
        """One step on one batch.

        Args:
            state: where to start.
            x, y: the batch, arrays or pytrees of arrays.
            sample_weight: a weight for each row, or a dict by output.
            class_weight: a weight for each class, as for `fit`.
            return_dict: as in `evaluate`.

        Returns:
            `(state, logs)`: the state after the step, and the batch's loss and metrics as `Logs` of floats.
        """
        check_return_dict(return_dict)
        state = check_state(state, "train_on_batch", "state, x, y", (x, y))
        check_optimizer(self, state)
        batch, _ = own_batch(self, one_batch(self, state, x, y, sample_weight, class_weight))
        state, logs = self.train_step(state.replace(metrics=self.reset_metrics(state, batch[0])), batch)
        return state, as_asked(floats(logs, log_names(self, state, batch[0])), return_dict)

    @named
    def test_on_batch(
        self, state: TrainState | Variables, x: PyTree, y: PyTree = None, sample_weight: PyTree = None,
        return_dict: bool | None = None,
    ) -> Any:  # fmt: skip
        """Loss and metrics of one batch.

        Args:
            state: whose weights to use; or variables.
            x, y: the batch, arrays or pytrees of arrays.
            sample_weight: a weight for each row, or a dict by output.
            return_dict: as in `evaluate`.

        Returns:
            `Logs` of floats: `{"loss": …, "accuracy": …}` by name, and `loss, accuracy = …` in the order of `compile`.
        """
        check_return_dict(return_dict)
        state = state_to_evaluate(self, state, "test_on_batch", "state, x, y", (x, y))
        batch, _ = own_batch(self, one_batch(self, state, x, y, sample_weight))
        _, logs = self.eval_step(state.replace(metrics=self.reset_metrics(state, batch[0])), batch)
        return as_asked(floats(logs, log_names(self, state, batch[0])), return_dict)

    @named
    def predict_on_batch(self, state: TrainState | Variables, x: PyTree) -> PyTree:
        """The model's outputs for one batch, as numpy arrays.

        Args:
            state: whose weights to use; or variables.
            x: the batch, an array or a pytree of arrays.

        Returns:
            Arrays with one row for each row of `x`, in the structure of the model's outputs.
        """
        variables = variables_given(state, "predict_on_batch", "state, x", (x,))
        batch = one_batch(self, state, x)  # type: ignore[arg-type]  # without class weights no state is looked at
        batch, counts = own_batch(self, batch)
        found = self.predict_step(variables, batch[0])
        where = self.distribution
        return on_host(found) if counts is None or where is None else own_rows_of(where, found, counts)

    # ------------------------------------------------------------------ doors to the later room
    @named
    def save(self, directory: FilePath, state: TrainState, overwrite: bool = True) -> None:
        """Save model, compile config and state: in a `.keras` file by that suffix, else in an Orbax directory.

        Args:
            directory: the directory or file to make; `fk.load_trainer` reads it.
            state: the state.
            overwrite: whether a checkpoint that is already there may be replaced.

        Raises:
            ValueError: what a `.keras` file cannot hold.
            FileExistsError: something else is at `directory`, or `overwrite` is false.
        """
        from ..checkpoint import save_trainer as door

        door(self, directory, state, overwrite)

    @named
    def export(
        self,
        directory: FilePath,
        batch: Batch,
        *,
        state: TrainState | None = None,
        platforms: Sequence[str] = ("cpu", "cuda", "tpu"),
        verify: bool = True,
        overwrite: bool = True,
    ) -> None:
        """Write init, train step, eval step and prediction as StableHLO, from which JAX alone trains, with a state.

        Args:
            directory: the directory to make.
            batch: `(x, y)` or `(x, y, sample_weight)` of one batch, arrays or `jax.ShapeDtypeStruct`: its sizes are
                those of the programs.
            state: the state to begin with; `init(0)` by default.
            platforms: the kinds of devices that the programs are for.
            verify: whether a step of what was written is compared with the trainer's own.
            overwrite: whether an export that is already there may be replaced.

        Raises:
            ValueError: a platform that is not known, or not here where `verify` asks for it.
            RuntimeError: what was written computes something else.
            FileExistsError: something else is at `directory`, or `overwrite` is false.
        """
        from ..checkpoint import export_trainer as door

        door(self, directory, batch, state=state, platforms=platforms, verify=verify, overwrite=overwrite)

    # ------------------------------------------------------------------ config
    def get_config_of(self, part: str) -> Any:
        """One argument of `compile` as Keras's compile config has it.

        Raises:
            TypeError: a part that has no config, such as a plain optax transformation.
        """
        return config_of(part, getattr(self, part))

    def get_config(self) -> dict[str, Any]:
        """The arguments of `compile` as Keras's compile config."""
        return compile_config(self)


def _remade(cls: type[Trainer], fields: dict[str, Any]) -> Trainer:
    """A trainer of its fields, which is what a copy and a pickle are."""
    return cls(**fields)


def _init_optimizer(trainer: Trainer, params: PyTree) -> PyTree:
    return trainer.optimizer.init(params)


def compile(
    model: linen.Module,
    optimizer: optax.GradientTransformation | Spec = "rmsprop",
    loss: Any = None,
    loss_weights: Any = None,
    metrics: Any = None,
    weighted_metrics: Any = None,
    run_eagerly: bool = False,
    steps_per_execution: int = 1,
    jit_compile: Any = "auto",
    auto_scale_loss: bool = True,
    trainer_class: type[Trainer] | None = None,
    **fields: Any,
) -> Trainer:
    """A `Trainer` of a model, with Keras's `compile` arguments in Keras's order.

    Args:
        model: the model; it is unchanged.
        optimizer: a name, a config, or any optax transformation.
        loss: a name, a loss, a function `(y_true, y_pred)`, or a list or dict of those by output.
        loss_weights: factors by output.
        metrics, weighted_metrics: names, metrics or functions; lists or dicts by output.
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss: see `Trainer`.
        trainer_class: a subclass of `Trainer`, which is the default, and
        **fields: its own fields.

    Returns:
        The trainer; `trainer.init` makes its state.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> import fkeras as fk
    >>> fk.train.compile(fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]), "sgd", "mse").optimizer
    SGD(learning_rate=0.01)
    """
    return (trainer_class or Trainer)(
        model,
        optimizer,
        loss,
        loss_weights,
        metrics,
        weighted_metrics,
        run_eagerly,
        steps_per_execution,
        jit_compile,
        auto_scale_loss,
        **fields,
    )
