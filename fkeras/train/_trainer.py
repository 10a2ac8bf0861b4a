"""The Trainer: a model, an optimizer, losses and metrics as one frozen value, with pure steps."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

from ..core import Layer, as_key, explain, walk
from . import _lower as lowering
from . import losses as fk_losses
from . import metrics as fk_metrics
from . import optimizers as fk_optimizers
from ._batches._as_arrays import as_arrays
from ._batches._given_data import one_batch
from ._loop import _evaluate, _predict
from ._loop import _fit as fitting
from ._loop._run_arguments import check_names, named
from ._step._batch import rows, unpack
from ._step._checked_state import check_optimizer, check_variables
from ._step._forward import added_losses, forward, init_variables, output_masks
from ._step._logged_norms import check_log, step_numbers
from ._step._mixed_precision import all_finite, computes_in_float16, is_dynamic, with_loss_scale
from ._step._objective import Objective, add_to, output_names, sums_of, targets
from ._step._partition import Partition, merge, partition_of
from ._step._programs import cached, known, shapes_of
from ._step._running_sums import RunningSums
from ._step._state import TrainState, check_state, key_parts, spec_of
from ._step._step_outputs import Outputs, Shown
from .optimizers._per_weight import per_weight
from .optimizers._rates import rates_of, with_rates

# Methods that are compiled when a subclass overrides them; what they call inside is compiled with them.
_COMPILED = ("train_step", "eval_step", "predict_step")


class _Compiled:
    """A method that is a compiled program of its trainer: `trainer.train_step` is what `jax.jit` returns.

    So it has `lower` and `trace` before its first call, and a call costs nothing but the program's own.

    Attributes:
        plain: the function, uncompiled.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.plain = function
        functools.update_wrapper(self, function)

    def __get__(self, trainer: Trainer | None, owner: type[Trainer]) -> Any:
        return self if trainer is None else self.program(trainer)

    def __call__(self, trainer: Trainer, *args: Any) -> Any:
        return self.program(trainer)(*args)

    def program(self, trainer: Trainer) -> Any:
        """The program for a trainer, made once."""
        return cached(trainer, self.plain, lambda: functools.partial(self.plain, trainer))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Trainer:
    """How a model learns; made by `model.compile(...)`, or for any Linen module by `fk.Trainer(module, ...)`.

    Its steps are pure functions of a `TrainState` and a batch. To train in another way, subclass it and override
    `compute_loss(self, params, state, batch, rng)`, or `train_step(self, state, batch)`.

    Attributes:
        model: an fkeras model, or a Linen module that knows nothing of fkeras.
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
            `"learning_rate"`. They are computed inside the step, and are those of the last one.

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
    _programs: dict[Any, Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __init__(
        self,
        model: Any,
        optimizer: Any = "rmsprop",
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
        if not isinstance(model, linen.Module):
            raise TypeError(
                explain(
                    "A Trainer needs a model.",
                    received=type(model).__name__,
                    usually="a class, or a function, was passed instead of a module.",
                    write="fk.Trainer(model, optimizer='adam', loss='mse')",
                )
            )
        optimizer = fk_optimizers.get(optimizer)
        if auto_scale_loss and computes_in_float16(model):
            optimizer = with_loss_scale(optimizer)
        values = {
            "model": model,
            "optimizer": optimizer,
            "loss": _each(fk_losses.get, loss),
            "loss_weights": loss_weights,
            "metrics": _each(_known_metric, metrics),
            "weighted_metrics": _each(_known_metric, weighted_metrics),
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
            "_programs": {},
            **fields,
        }
        for f in dataclasses.fields(self):
            if f.name not in values:
                made = f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
                if made is dataclasses.MISSING:
                    raise TypeError(f"{type(self).__name__} needs the argument {f.name!r}")
                values[f.name] = made
        unknown = sorted(set(values) - {f.name for f in dataclasses.fields(self)})
        if unknown:
            raise TypeError(f"{type(self).__name__} got an unexpected keyword argument {unknown[0]!r}")
        values["log"] = check_log(values["log"])
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in _COMPILED:
            if name in cls.__dict__ and not isinstance(cls.__dict__[name], _Compiled):
                setattr(cls, name, _Compiled(cls.__dict__[name]))
        own = {n for n in inspect.get_annotations(cls) if not n.startswith("_")}
        if own:  # a subclass's fields are keyword arguments of its constructor
            dataclasses.dataclass(frozen=True, eq=False, kw_only=True, init=False)(cls)

    def replace(self, **changes: Any) -> Any:
        """A trainer with some fields changed; nothing compiled is shared."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "_programs"}
        return type(self)(**{**fields, **changes})

    # ------------------------------------------------------------------ state
    @functools.cached_property
    def objective(self) -> Objective:
        """Losses and metrics, matched to the model's outputs."""
        return Objective(self.loss, self.loss_weights, self.metrics, self.weighted_metrics)

    @named
    def init(self, key: Any = 0, x: Any = None, *, variables: Any = None) -> TrainState:
        """The state at the beginning of a run.

        Args:
            key: a seed or a key; the weights and every later random number follow from it.
            x: an example input, for a model that does not know its input's shape; one batch, any size.
            variables: weights to start from, instead of new ones.

        Returns:
            A `TrainState`.

        Raises:
            ValueError: the model needs `x`, and none was given; `variables` that lack weights of the model, or have
                them in other shapes, each by its path.

        >>> import fkeras as fk
        >>> trainer = fk.Sequential([fk.nn.Dense(2)]).compile("adam", "mse")
        >>> trainer.init(0, [[1.0, 2.0, 3.0]]).params["dense"]["kernel"].shape
        (3, 2)
        """
        key = as_key(key)
        x = as_arrays(x)
        if variables is None:
            variables = init_variables(self.model, jax.random.fold_in(key, 0), x)
        else:
            check_variables(self.model, variables, x)
        self._check_frozen(x)
        params = variables["params"]
        moving, _ = self.partition(x).split(params)
        # one program, not one for each array's zeros
        start = cached(self, "init optimizer", lambda: self.optimizer.init)
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            model_state={c: v for c, v in variables.items() if c != "params"},
            opt_state=start(moving),
            metrics=self.reset_metrics(variables, x),
            **key_parts(jax.random.fold_in(key, 1)),
            example_spec=None if self._graph is not None else spec_of(x),
        )

    @property
    def _graph(self) -> Any:
        """The model's graph, from which its shapes follow; `None` where they follow from an example input."""
        return getattr(self.model, "graph", None)

    def _check_frozen(self, x: Any) -> None:
        """Refuse to begin without knowing which weights rest."""
        if x is not None or self._graph is not None or not isinstance(self.model, Layer):
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

    def partition(self, x: Any = None) -> Partition:
        """Which weights move and what constrains them; found once for the model, or once per input's shape.

        Args:
            x: an example input, or its shapes, for a model that does not know its input's shape.
        """
        if self._graph is not None:
            x = None
        elif x is None:
            return Partition({})
        return known(self, ("partition", shapes_of(x)), lambda: partition_of(self.model, x))

    def reset_metrics(self, state: Any = None, x: Any = None) -> Any:
        """Running sums of loss and metrics before any batch.

        Args:
            state: a state, or variables; for a model that does not know its input's shape.
            x: an example input, or its shapes, where the state was made without one.
        """
        variables = state.variables if isinstance(state, TrainState) else state
        x = _example_of(state, x)

        def make() -> RunningSums:
            outputs = self._abstract_outputs(variables, x)
            with jax.ensure_compile_time_eval():  # constants, also while an outer function is traced
                empty = self.objective.empty(self.output_names(outputs), jax.tree.leaves(outputs))
                return RunningSums.of(jax.tree.map(np.asarray, empty))

        shapes = None if self._graph is not None or variables is None else shapes_of(x)
        return jax.tree.map(jnp.asarray, known(self, ("empty", shapes), make))

    def _abstract_outputs(self, variables: Any, x: Any) -> Any:
        """The shapes of the model's outputs, or a stand-in for one output where they cannot be known yet."""
        if self._graph is not None:
            return jax.tree.map(lambda t: t.struct, self._graph.outputs)
        if variables is None or x is None:
            return jax.ShapeDtypeStruct((1, 1), jnp.float32)
        key = jax.eval_shape(lambda: jax.random.key(0))
        return jax.eval_shape(lambda v, x, k: forward(self.model, v, x, k, False)[0], variables, x, key)

    def output_names(self, y_pred: Any) -> list[str]:
        """A name for each output leaf."""
        return output_names(y_pred, getattr(self.model, "output_names", None))

    def get_learning_rate(self, state: TrainState) -> jax.Array | None:
        """The learning rate in the state, `None` where the optimizer keeps none (or several)."""
        found = rates_of(state.opt_state)
        return found[0].value if len(found) == 1 else None

    def set_learning_rate(self, state: TrainState, value: Any) -> TrainState:
        """The state with another learning rate (every one, where there are several); the next step uses it, and
        nothing compiles again.

        Raises:
            TypeError: the rate belongs to a schedule, as in Keras, or to a line search.
            ValueError: the optimizer keeps no learning rate in its state, or `value` is no number.
        """
        return state.replace(opt_state=with_rates(self.optimizer, state.opt_state, lambda _: value))

    def finalize(self, state: TrainState, x: Any = None) -> TrainState:
        """The state to keep after training: with `use_ema` the weights are the moving averages.

        Args:
            state: the state at the end of a run.
            x: an example input, for a model that does not know its input's shape.
        """
        finalize = getattr(self.optimizer, "finalize_variable_values", None)
        if finalize is None:
            return state
        moving, resting = self.partition(_example_of(state, x)).split(state.params)
        return state.replace(params=merge(finalize(moving, state.opt_state), resting))

    # ------------------------------------------------------------------ pure steps
    def forward(self, params: Any, state: TrainState, x: Any, rng: Any, training: bool = True) -> tuple[Any, Any]:
        """`(outputs, updates)` of the model; `updates` hold changed collections, added losses and masks."""
        return forward(self.model, {"params": params, **state.model_state}, x, rng, training)

    def compute_loss(self, params: Any, state: TrainState, batch: Any, rng: Any) -> Any:
        """The scalar to minimise; override it to train on something else.

        Args:
            params: the weights to differentiate with respect to.
            state: the state of the run.
            batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
            rng: the step's key; `None` in evaluation.

        Returns:
            The loss, or `(loss, extras)`: a dict with any of `y_pred` (for the metrics), `model_state` (changed
            collections) and `logs` (scalars to show).
        """
        x, y, sample_weight = unpack(batch)
        training = rng is not None
        y_pred, updates = self.forward(params, state, x, state.rng if rng is None else rng, training)
        names, leaves = self.output_names(y_pred), jax.tree.leaves(y_pred)
        y_true, weights = targets(y, y_pred, names), targets(sample_weight, y_pred, names, "sample_weight")
        masks = output_masks(updates, len(leaves))
        total, parts = self.objective.batch_loss(names, y_true, leaves, weights, masks)
        added = added_losses(updates)
        if total is None and added is None:
            raise ValueError(
                explain(
                    "There is no loss to minimise.",
                    usually="compile was called without a loss, and no layer adds one.",
                    write='model.compile(optimizer="adam", loss="mse")',
                )
            )
        kept = {c: updates[c] for c in state.model_state if c in updates} if training else {}
        extras = {"y_pred": y_pred, "parts": parts, "masks": masks, "added": added, "model_state": kept}
        return (total if total is not None else 0.0) + (added if added is not None else 0.0), extras

    def _advance(self, state: TrainState, batch: Any, last: Any = None) -> tuple[TrainState, Any]:
        """One step as a loop over steps wants it; `_logs` makes logs of what the last one shows."""
        if self._custom_step():
            return type(self).train_step.plain(self, state, batch)  # type: ignore[attr-defined]
        return self._step(state, batch, last)

    def _logs(self, state: TrainState, shown: Any) -> dict[str, Any]:
        if self._custom_step():
            return dict(shown)
        return self._running(state, shown)

    def _step(self, state: TrainState, batch: Any, last: Any = None) -> tuple[TrainState, Shown]:
        """The next state, and what this step alone shows; its numbers are zeros where `last` is false."""
        rng = jax.random.fold_in(state.rng, state.step)
        partition = self.partition(_example_of(state, unpack(batch)[0]))
        moving, resting = partition.split(state.params)

        def loss_of(moving: Any) -> Any:
            result = self.compute_loss(merge(moving, resting), state, batch, rng)
            loss, extras = result if isinstance(result, tuple) else (result, {})
            scale = getattr(self.optimizer, "scale_loss", None)
            return (scale(loss, state.opt_state) if scale else loss), (loss, extras)

        grads, (loss, extras) = jax.grad(loss_of, has_aux=True)(moving)

        def value_fn(moving: Any, obj_fn: Any = None, batch_weight: Any = None) -> Any:
            return loss_of(moving)[1][0]  # optax's line search hands on what else `update` was given

        extra = {"value": loss, "grad": grads, "value_fn": value_fn, "obj_fn": value_fn}
        extra["batch_weight"] = self.objective.weight_of(batch)
        updates, opt_state = fk_optimizers.update(self.optimizer, grads, state.opt_state, moving, **extra)
        params = merge(partition.constrain(per_weight(optax.apply_updates, moving, updates)), resting)
        collections = {**state.model_state, **extras.get("model_state", {})}
        if is_dynamic(self.optimizer):  # a step that overflows changes nothing
            finite = all_finite(grads)
            collections = jax.tree.map(lambda a, b: jnp.where(finite, a, b), collections, state.model_state)

        def numbers() -> dict[str, Any]:
            return step_numbers(self.log, self, grads, updates, params, state.opt_state, opt_state)

        if last is None:
            shown = numbers()
        else:
            shown = jax.lax.cond(last, numbers, lambda: jax.tree.map(jnp.zeros_like, jax.eval_shape(numbers)))
        state = state.replace(
            step=state.step + 1,
            params=params,
            model_state=collections,
            opt_state=opt_state,
            metrics=self._measure(state.metrics, batch, loss, extras),
        )
        return state, Shown({**shown, **extras.get("logs", {})}, self._outputs(extras.get("y_pred")))

    def _outputs(self, y_pred: Any) -> Outputs | None:
        """The structure of what was measured; none where nothing was."""
        if y_pred is None:
            return None
        shapes = (jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf)) for leaf in jax.tree.leaves(y_pred))
        return Outputs(tuple(self.output_names(y_pred)), tuple(shapes))

    def _measure(self, sums: Any, batch: Any, loss: Any, extras: Mapping[str, Any]) -> Any:
        """Running sums after a training batch: batch losses weighted by their rows, as Keras's."""
        x, y, sample_weight = unpack(batch)
        size = rows(x)
        y_pred = extras.get("y_pred")
        parts = extras.get("parts") or {next(iter(sums["losses"])): loss}
        new = dict(sums)
        new["losses"] = dict(sums["losses"])
        for name, part in parts.items():
            new["losses"][name] = add_to(sums_of(sums["losses"], name), part * size, size)
        if extras.get("added") is not None:
            new["added"] = add_to(sums["added"], extras["added"] * size, size)
            if not extras.get("parts"):  # the loss is what layers added, and nothing else
                new["losses"] = sums["losses"]
        if y_pred is not None:
            names, leaves = self.output_names(y_pred), jax.tree.leaves(y_pred)
            y_true, weights = targets(y, y_pred, names), targets(sample_weight, y_pred, names, "sample_weight")
            # Keras on JAX loses a mask between gradient and metrics, so the numbers of training count every step;
            # those of evaluation leave masked steps out.
            masks = [None] * len(leaves)
            new["metrics"] = self.objective.update_metrics(sums["metrics"], names, y_true, leaves, weights, masks)
        return RunningSums.of(new)

    def _running(self, state: TrainState, shown: Shown) -> dict[str, Any]:
        """The numbers to show after a step: the running ones, and those of the step alone."""
        if shown.outputs is None:
            losses = list(state.metrics["losses"])
            bare = dataclasses.replace(self.objective, metrics=None, weighted_metrics=None)
            return {**bare.logs(state.metrics, losses, [jnp.zeros((1, 1))] * len(losses)), **shown.numbers}
        names, shapes = shown.outputs
        return {**self.objective.logs(state.metrics, list(names), list(shapes)), **shown.numbers}

    def train_step(self, state: TrainState, batch: Any) -> tuple[TrainState, dict[str, Any]]:
        """One step: `(state, batch) -> (next state, logs)`, pure and compiled; put it in your own `scan`.

        Args:
            state: the state of the run; it stays usable.
            batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            The next state, and the running loss and metrics as device scalars.
        """
        state, shown = self._step(state, batch)
        return state, self._running(state, shown)

    def _custom_step(self) -> bool:
        """Whether a subclass has a step of its own."""
        return type(self).train_step is not Trainer.train_step

    def _custom_loss(self) -> bool:
        """Whether a subclass minimises something of its own."""
        return type(self).compute_loss is not Trainer.compute_loss

    def _evaluate_batch(self, sums: Any, state: TrainState, batch: Any, valid: Any) -> Any:
        """Running sums after an evaluation batch; rows that are not `valid` are padding and count for nothing."""
        x, y, sample_weight = unpack(batch)
        if self._custom_loss():
            result = self.compute_loss(state.params, state, batch, None)
            loss, extras = result if isinstance(result, tuple) else (result, {})
            return self._measure(sums, batch, loss, extras)
        y_pred, updates = self.forward(state.params, state, x, state.rng, False)
        names, leaves = self.output_names(y_pred), jax.tree.leaves(y_pred)
        y_true, weights = targets(y, y_pred, names), targets(sample_weight, y_pred, names, "sample_weight")
        masks = output_masks(updates, len(leaves))
        added = added_losses(updates)

        def add(valid: Any) -> RunningSums:
            parts = self.objective.exact_loss(names, y_true, leaves, weights, masks, valid)
            new = dict(sums)
            new["losses"] = dict(sums["losses"])
            for name, part in parts.items():
                new["losses"][name] = add_to(sums_of(sums["losses"], name), *part)
            if added is not None:
                size = jnp.sum(valid.astype(jnp.float32)) if valid is not None else rows(x)
                new["added"] = add_to(sums["added"], added * size, size)
            measured = self.objective.update_metrics(sums["metrics"], names, y_true, leaves, weights, masks, valid)
            return RunningSums.of({**new, "metrics": measured})

        if valid is None:
            return add(None)
        # Most batches are full. XLA folds a constant `valid` away, and one that it does not know costs a third of a
        # small model's evaluation.
        return jax.lax.cond(valid.all(), lambda: add(jnp.ones(valid.shape, bool)), lambda: add(valid))

    def eval_step(self, state: TrainState, batch: Any) -> tuple[TrainState, dict[str, Any]]:
        """One evaluation step: the state with its running metrics advanced, and the logs; weights stay.

        Args:
            state: the state of the run; begin with `state.replace(metrics=trainer.reset_metrics(state))`.
            batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        """
        sums = self._evaluate_batch(state.metrics, state, batch, None)
        return state.replace(metrics=sums), self.logs_of(sums, state, unpack(batch)[0])

    def logs_of(self, sums: Any, state: TrainState, x: Any) -> dict[str, Any]:
        """The numbers that running sums stand for."""
        outputs = self._abstract_outputs(state.variables, _example_of(state, x))
        return self.objective.logs(sums, self.output_names(outputs), jax.tree.leaves(outputs))

    def predict_step(self, variables: Any, x: Any) -> Any:
        """The model's outputs for one batch, in inference mode."""
        return forward(self.model, variables, x, jax.random.key(0), False)[0]

    # ------------------------------------------------------------------ runs
    def fit(
        self, state: TrainState | None = None, x: Any = None, y: Any = None, *args: Any, **kwargs: Any
    ) -> tuple[TrainState, Any]:
        """Train for some epochs; see `fk.train.fit` for the arguments, which are Keras's.

        Returns:
            `(state, history)`; the state handed in stays usable.
        """
        check_names(fitting.fit, (self, state, x, y, *args), kwargs)
        return fitting.fit(self, check_state(state, "fit", "state, x, y"), x, y, *args, **kwargs)

    def evaluate(
        self, state: TrainState | None = None, x: Any = None, y: Any = None, *args: Any, **kwargs: Any
    ) -> dict[str, float]:
        """Loss and metrics over a whole set; see `fk.train.evaluate`."""
        check_names(_evaluate.evaluate, (self, state, x, y, *args), kwargs)
        return _evaluate.evaluate(self, check_state(state, "evaluate", "state, x, y"), x, y, *args, **kwargs)

    def predict(self, state: TrainState | None = None, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The model's outputs for all of `x`, as numpy arrays; see `fk.train.predict`."""
        if args or kwargs:
            check_names(_predict.predict, (self, state, x, *args), kwargs)
        if not isinstance(state, TrainState):  # a prediction of one row takes some 15 µs, so no more is looked at
            check_state(state, "predict", "state, x")
        return _predict.predict(self, state.variables, x, *args, **kwargs)  # type: ignore[union-attr]

    def lower(self, batch: Any, rows: int | None = None, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Compile every program of a run from the shapes of a batch; see `fk.train.lower`."""
        check_names(lowering.lower, (self, batch, rows, *args), kwargs)
        return lowering.lower(self, batch, rows, *args, **kwargs)

    @named
    def train_on_batch(
        self, state: TrainState, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None
    ) -> tuple[TrainState, dict[str, float]]:
        """One step on one batch, its loss and metrics as floats: `(state, logs)`."""
        state = check_state(state, "train_on_batch", "state, x, y")
        check_optimizer(self, state)
        batch = one_batch(self, state, x, y, sample_weight, class_weight)
        state, logs = self.train_step(state.replace(metrics=self.reset_metrics(state, batch[0])), batch)
        return state, {k: float(v) for k, v in logs.items()}

    @named
    def test_on_batch(self, state: TrainState, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """Loss and metrics of one batch as floats."""
        state = check_state(state, "test_on_batch", "state, x, y")
        batch = one_batch(self, state, x, y, sample_weight)
        _, logs = self.eval_step(state.replace(metrics=self.reset_metrics(state, batch[0])), batch)
        return {k: float(v) for k, v in logs.items()}

    @named
    def predict_on_batch(self, state: TrainState, x: Any) -> Any:
        """The model's outputs for one batch, as numpy arrays."""
        variables = check_state(state, "predict_on_batch", "state, x").variables
        batch = one_batch(self, state, x)
        return jax.tree.map(np.asarray, self.predict_step(variables, batch[0]))

    # ------------------------------------------------------------------ doors to the later room
    def save(self, directory: Any, state: TrainState, **kwargs: Any) -> None:
        """Save model, compile config and state; the arguments are `fk.checkpoint.save_trainer`'s."""
        from ..checkpoint import save_trainer as door

        door(self, directory, state, **kwargs)

    # ------------------------------------------------------------------ config
    def get_config_of(self, part: str) -> Any:
        """One argument of `compile` as Keras's compile config has it.

        Raises:
            TypeError: a part that has no config, such as a plain optax transformation.
        """
        value = getattr(self, part)
        if part == "optimizer":
            return fk_optimizers.serialize(value)
        if part == "loss":
            return _each(fk_losses.serialize, value)
        if part in ("metrics", "weighted_metrics"):
            return _each(lambda m: m if isinstance(m, str) else fk_metrics.serialize(m), value)
        return value

    def get_config(self) -> dict[str, Any]:
        """The arguments of `compile` as Keras's compile config."""
        parts = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
        return {
            part: self.get_config_of(part) for part in (*parts, "run_eagerly", "steps_per_execution", "jit_compile")
        }


for _name in _COMPILED:
    setattr(Trainer, _name, _Compiled(getattr(Trainer, _name)))


def compile(
    model: Any,
    optimizer: Any = "rmsprop",
    loss: Any = None,
    loss_weights: Any = None,
    metrics: Any = None,
    weighted_metrics: Any = None,
    run_eagerly: bool = False,
    steps_per_execution: int = 1,
    jit_compile: Any = "auto",
    auto_scale_loss: bool = True,
    trainer_class: type[Trainer] = Trainer,
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
        trainer_class: a subclass of `Trainer`, and
        **fields: its own fields.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> import fkeras as fk
    >>> fk.train.compile(fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]), "sgd", "mse").optimizer
    SGD(learning_rate=0.01)
    """
    return trainer_class(
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


def _each(function: Callable[[Any], Any], spec: Any) -> Any:
    """`function` of each loss or metric in a value, list or dict by output; configs are one value."""
    if isinstance(spec, Mapping) and "class_name" not in spec:
        return {k: _each(function, v) for k, v in spec.items()}
    if isinstance(spec, list | tuple):
        return [_each(function, v) for v in spec]
    return None if spec is None else function(spec)


def _known_metric(spec: Any) -> Any:
    """A metric, or a name that is resolved once shapes are known; an unknown name is an error at once."""
    if isinstance(spec, str):
        fk_metrics.resolve(spec, None, (1, 1), None)
        return spec
    return fk_metrics.get(spec) if isinstance(spec, Mapping) else spec


def _example_of(state: Any, x: Any) -> Any:
    """The input that a model's structure follows from: what the state was made from, else what is at hand.

    A batch of a loss of one's own need not hold the model's input, so the state's comes first.
    """
    example = state.example if isinstance(state, TrainState) else None
    return x if example is None else example
