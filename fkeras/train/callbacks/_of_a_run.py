"""What a callback in Keras's form finds in `self.model`: the model of the run, to be read.

In Keras it is the model itself. Here a model is a description that holds no weights, so it is a view of the run: it
reads what trains at the moment of the hook, and it is there while the run goes on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ...core import Layer, Model, explain, has_symbolic, named_leaves
from ...core.typing import Array, Config, FilePath, PyTree, Variables
from .._step._state import TrainState
from ..optimizers._rates import only_rate
from ._saved_model import save_model


@dataclasses.dataclass
class Moment:
    """Where a run is when a hook is called.

    Attributes:
        trainer: what trains.
        state: the state; `None` in a prediction, which has none.
        variables: the model's variables, where there is no state.
        hook: the hook that is called.
        stop: whether training is to end.
    """

    trainer: Any = None
    state: TrainState | None = None
    variables: Variables | None = None
    hook: str = "on_epoch_end"
    stop: bool = False

    def variables_now(self) -> Variables:
        """The model's variables."""
        return self.state.variables if self.state is not None else self.variables or {}

    def refusal(self, what: str, state: str, usually: str = "") -> AttributeError:
        """The error for a change of what trains, with the hook that makes it.

        Args:
            what: what was to be changed.
            state: the expression of the state that trains next.
            usually: why one expects to change it; Keras's objects change in place by default.
        """
        return AttributeError(
            explain(
                f"{what}: a callback in Keras's form reads the run, and cannot change what trains.",
                received=f"in {self.hook}",
                usually=usually or "Keras's objects change in place; here a hook returns what trains next.",
                write=f"def {self.hook}(self, event): return {state}",
            )
        )


# What would change the model, by name: the state that a hook returns instead.
_CHANGES = {
    "set_weights": "event.state.with_variables(variables)   # event.state.variables, as an earlier event had them",
    "load_weights": "event.state.with_variables(event.trainer.model.load_weights(path, event.state.variables))",
    "compile": "event.replace(stop=True)   # and fit(state, …) again, of model.compile(…)",
    "fit": "event.trainer.train_on_batch(event.state, x, y)[0]",
    "train_on_batch": "event.trainer.train_on_batch(event.state, x, y)[0]",
    "reset_metrics": "event.state.replace(metrics=event.trainer.reset_metrics(event.state))",
    "trainable": "event.replace(stop=True)   # and fit(state, …) again, of model.freeze('…').compile(…)",
}
# What the trainer knows, and Keras's model.
_OF_THE_TRAINER = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution")


class LayerView:
    """A layer, or a model inside the model, with the weights that it has now.

    Args:
        layer: the layer.
        moment: where the run is.
    """

    def __init__(self, layer: Layer, moment: Moment) -> None:
        object.__setattr__(self, "_layer", layer)
        object.__setattr__(self, "_moment", moment)

    @property
    def _variables(self) -> Variables:
        moment = self._moment
        return moment.trainer.model.variables_for(self._layer, moment.variables_now())

    def get_weights(self) -> list[np.ndarray]:
        """The weights as numpy arrays, in Keras's order."""
        return [weight.numpy() for weight in self.weights]

    @property
    def weights(self) -> list[Weight]:
        """The weights, in Keras's order."""
        mine = {id(leaf) for leaf in jax.tree.leaves(self._variables)}
        return [weight for weight in weights_now(self._moment) if id(weight.value) in mine]

    def predict(self, x: PyTree, **kwargs: Any) -> PyTree:
        """The outputs of a model inside the model for all of `x`, as numpy arrays."""
        return self._layer.predict(self._variables, x, **kwargs)

    def __call__(self, inputs: PyTree, **kwargs: Any) -> PyTree:
        if has_symbolic(inputs):
            return self._layer(inputs, **kwargs)
        return self._layer.apply(self._variables, inputs, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "set_weights":
            raise self._moment.refusal("layer.set_weights(…)", _CHANGES[name])
        weight = self._variables.get("params", {}).get(name)
        if weight is not None and not isinstance(weight, Mapping):
            return Weight(f"{self._layer.name}/{name}", weight, self._moment)
        return _seen(getattr(self._layer, name), self._moment)

    def __setattr__(self, name: str, value: object) -> None:
        raise self._moment.refusal(f"layer.{name} = …", _CHANGES.get(name, "event.state.replace(params=params)"))

    def __repr__(self) -> str:
        return f"<{self._layer!r} as it is in the run>"


class ModelView:
    """The model of a run as it is at the moment of a hook: `self.model` of a callback in Keras's form.

    `predict`, `evaluate`, `save`, `get_weights` and calls have the weights that train at that moment. All else that the
    model has (`layers`, `get_layer`, `summary`, `input`, …) is read through. `stop_training = True` ends the training
    after the epoch, or after the batch where a hook of a batch sets it. Nothing else can be set: a hook that changes
    what trains takes the event and returns the state.

    Args:
        moment: where the run is.
    """

    def __init__(self, moment: Moment) -> None:
        object.__setattr__(self, "_moment", moment)

    # ------------------------------------------------------------------ what Keras's model can do, on the current state
    def predict(self, x: PyTree, *args: Any, **kwargs: Any) -> PyTree:
        """The outputs for all of `x`, as numpy arrays; the arguments are those of `trainer.predict`."""
        moment = self._moment
        if moment.state is None:
            return moment.trainer.model.predict(moment.variables_now(), x, *args, **kwargs)
        return moment.trainer.predict(moment.state, x, *args, **kwargs)

    def predict_on_batch(self, x: PyTree) -> PyTree:
        """The outputs for one batch, as numpy arrays."""
        return jax.tree.map(np.asarray, self._moment.trainer.predict_step(self._moment.variables_now(), x))

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Loss and metrics over a whole set; the arguments are those of `trainer.evaluate`."""
        return self._moment.trainer.evaluate(self._state("evaluate"), *args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Loss and metrics of one batch."""
        return self._moment.trainer.test_on_batch(self._state("test_on_batch"), *args, **kwargs)

    def get_weights(self) -> list[np.ndarray]:
        """The weights as numpy arrays, in Keras's order."""
        return [weight.numpy() for weight in self.weights]

    @property
    def weights(self) -> list[Weight]:
        """All weights, in Keras's order."""
        return weights_now(self._moment)

    variables = weights

    @property
    def trainable_variables(self) -> list[Weight]:
        """The weights that train."""
        return [weight for weight in self.weights if weight.path in self._moving()]

    trainable_weights = trainable_variables

    @property
    def non_trainable_variables(self) -> list[Weight]:
        """The weights that do not train."""
        return [weight for weight in self.weights if weight.path not in self._moving()]

    non_trainable_weights = non_trainable_variables

    def save(self, filepath: FilePath, overwrite: bool = True, **kwargs: Any) -> None:
        """Save the model, with what training needs to go on where a file of that kind can hold it."""
        save_model(self._moment.trainer, self._state("save"), filepath, overwrite=overwrite, **kwargs)

    def save_weights(self, filepath: FilePath, overwrite: bool = True) -> None:
        """Save the weights alone."""
        self._moment.trainer.model.save_weights(filepath, self._moment.variables_now(), overwrite=overwrite)

    def export(self, filepath: FilePath, *args: Any, **kwargs: Any) -> None:
        """Write the model as a program for elsewhere."""
        self._moment.trainer.model.export(filepath, self._moment.variables_now(), *args, **kwargs)

    def __call__(self, inputs: PyTree, training: bool = False) -> PyTree:
        moment = self._moment
        if has_symbolic(inputs):
            return moment.trainer.model(inputs, training=training)
        state = self._state("a call")
        rng = jax.random.fold_in(state.rng, state.step) if training else state.rng
        return moment.trainer.forward(state.params, state, inputs, rng, training)[0]

    @property
    def optimizer(self) -> OptimizerView:
        """The optimizer, with the learning rate that it has now."""
        return OptimizerView(self._moment)

    @property
    def stop_training(self) -> bool:
        """Whether training is to end."""
        return self._moment.stop

    # ------------------------------------------------------------------ the rest
    def _state(self, verb: str) -> TrainState:
        if self._moment.state is None:
            raise AttributeError(
                explain(
                    f"{verb} needs the state of a run, which a prediction has not.",
                    received=f"in {self._moment.hook}",
                    write="self.model.predict(x), or the hooks of fit and evaluate",
                )
            )
        return self._moment.state

    def _moving(self) -> set[str]:
        """The paths of the weights that train."""
        state = self._state("trainable_variables")
        moving, _ = self._moment.trainer.partition(state.example).split(state.params)
        return set(named_leaves({"params": moving}))

    def __getattr__(self, name: str) -> Any:
        if name in _CHANGES and name != "trainable":
            usually = "the best weights are put back: EarlyStopping(restore_best_weights=True) does that."
            usually = usually if name == "set_weights" else ""
            raise self._moment.refusal(f"model.{name}(…)", _CHANGES[name], usually)
        if name in _OF_THE_TRAINER:
            return getattr(self._moment.trainer, name)
        return _seen(getattr(self._moment.trainer.model, name), self._moment)

    def get_layer(self, *args: Any, **kwargs: Any) -> Any:
        """A layer by its name or its index, with the weights that it has now."""
        return _seen(self._moment.trainer.model.get_layer(*args, **kwargs), self._moment)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "stop_training":
            self._moment.stop = bool(value)
            return
        if name == "optimizer":
            raise self._moment.refusal("model.optimizer = …", _CHANGES["compile"])
        usually = "" if name in _CHANGES else "something to remember: it can be an attribute of the callback."
        raise self._moment.refusal(f"model.{name} = …", _CHANGES.get(name, "event.remember(value=value)"), usually)

    def __repr__(self) -> str:
        return f"<{self._moment.trainer.model!r} as it is in {self._moment.hook}>"


class OptimizerView:
    """The optimizer of a run, with the learning rate and the count of steps that it has now.

    Args:
        moment: where the run is.
    """

    def __init__(self, moment: Moment) -> None:
        object.__setattr__(self, "_moment", moment)

    @property
    def learning_rate(self) -> LearningRate:
        """The learning rate: a number, which cannot be set here."""
        moment = self._moment
        rate = None if moment.state is None else only_rate(moment.state.opt_state)
        if rate is None:
            raise AttributeError(
                explain(
                    "This optimizer keeps no learning rate in its state, or several.",
                    received=f"{moment.trainer.optimizer!r}"[:80],
                    usually="a plain optax optimizer, or one optimizer for each part of the model.",
                    write="fk.optimizers.Adam(1e-3), or event.state.opt_state in a hook that takes the event",
                )
            )
        return LearningRate(float(rate), moment)

    @property
    def iterations(self) -> int:
        """How many steps were made."""
        return 0 if self._moment.state is None else int(self._moment.state.step)

    def get_config(self) -> Config:
        """The optimizer's config, with the learning rate that it has now."""
        config = dict(self._moment.trainer.optimizer.get_config())
        return {**config, "learning_rate": float(self.learning_rate)} if _is_number(config) else config

    def __getattr__(self, name: str) -> Any:
        if name == "lr":
            raise AttributeError(
                explain("An optimizer has no `lr`.", usually="Keras 2's name.", write="optimizer.learning_rate")
            )
        return getattr(self._moment.trainer.optimizer, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("learning_rate", "lr"):
            raise self._moment.refusal(
                f"optimizer.{name} = {value!r:.40}", "event.trainer.set_learning_rate(event.state, 1e-4)"
            )
        raise self._moment.refusal(f"optimizer.{name} = …", _CHANGES["compile"])

    def __repr__(self) -> str:
        return f"<{self._moment.trainer.optimizer!r} as it is in {self._moment.hook}>"


class LearningRate(float):
    """A learning rate, as a number with the methods of Keras's variables that read.

    Args:
        value: the number.
        moment: where the run is.
    """

    _moment: Moment

    def __new__(cls, value: float, moment: Moment) -> LearningRate:
        rate = super().__new__(cls, value)
        rate._moment = moment
        return rate

    @property
    def value(self) -> float:
        """The number."""
        return float(self)

    def numpy(self) -> np.float32:
        """The number, of numpy."""
        return np.float32(self)

    def assign(self, value: object) -> None:
        """Refuse to set it.

        Raises:
            AttributeError: always, with the hook that sets it.
        """
        raise self._moment.refusal(
            f"learning_rate.assign({value!r:.40})", "event.trainer.set_learning_rate(event.state, 1e-4)"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Weight:
    """A weight of the model as it is at the moment of a hook.

    Attributes:
        path: where it is among the model's variables.
        value: the array.
        moment: where the run is.
    """

    path: str
    value: Array
    moment: Moment = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return tuple(self.value.shape)

    @property
    def dtype(self) -> str:
        """The array's dtype, by its name."""
        return str(self.value.dtype)

    def numpy(self) -> np.ndarray:
        """The array, of numpy; a copy, which later steps leave alone."""
        return np.array(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype)

    def __jax_array__(self) -> Array:
        return self.value

    def __getitem__(self, key: Any) -> Array:
        return self.value[key]

    def assign(self, value: object) -> None:
        """Refuse to set it.

        Raises:
            AttributeError: always, with the hook that sets it.
        """
        raise self.moment.refusal(f"{self.name}.assign(…)", _CHANGES["set_weights"])


def weights_now(moment: Moment) -> list[Weight]:
    """The model's weights, in Keras's order; a Linen module's in that of its variables."""
    from ...checkpoint import weight_order

    model, variables = moment.trainer.model, moment.variables_now()
    leaves, example = named_leaves(variables), None if moment.state is None else moment.state.example
    args = () if example is None else (example,)
    paths = weight_order(model, variables, args) if isinstance(model, Layer) else list(leaves)
    return [Weight(path, leaves[path], moment) for path in paths]


def _seen(value: Any, moment: Moment) -> Any:
    """What a model has, its layers with the weights that they have now."""
    if isinstance(value, Layer) and isinstance(moment.trainer.model, Model):
        return LayerView(value, moment)
    if isinstance(value, list | tuple) and value and all(isinstance(part, Layer) for part in value):
        return [_seen(part, moment) for part in value]
    return value


def _is_number(config: Mapping[str, Any]) -> bool:
    return isinstance(config.get("learning_rate"), float)


def python_numbers(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Logs as Keras hands them over: numbers of Python; what is more than one number as it is."""
    single = {k: v for k, v in logs.items() if isinstance(v, jax.Array | np.ndarray | np.generic) and v.ndim == 0}
    return {**logs, **{name: float(value) for name, value in jax.device_get(single).items()}}
