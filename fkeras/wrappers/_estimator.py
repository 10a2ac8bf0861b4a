"""What the three estimators share: a model that learns when it is asked to, and keeps what it learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self

import jax
import numpy as np

from ..core import Layer, explain
from ..core.typing import ArrayLike
from ..train import Trainer, TrainState
from ..train.callbacks import History
from ._library import BaseEstimator, Tags, check_array, check_is_fitted, check_random_state, validate_data


class Estimator(BaseEstimator):
    """What `SKLearnClassifier`, `SKLearnRegressor` and `SKLearnTransformer` share."""

    trainer_: Trainer
    state_: TrainState
    history_: History
    n_features_in_: int

    # Whether several numbers for a row are a target.
    _takes_columns = True

    def __init__(
        self,
        model: Trainer | Callable[..., Trainer],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs
        self.random_state = random_state

    # `set_fit_request(sample_weight=True)`, where metadata are routed
    __metadata_request__fit = {"sample_weight": None}  # noqa: RUF012 - a constant of the class, which scikit-learn reads

    def fit(self, X: ArrayLike, y: ArrayLike, **kwargs: Any) -> Self:
        """Train on all rows.

        Args:
            X: the inputs, a row each.
            y: the targets, a row each.
            **kwargs: what `trainer.fit` takes: `epochs`, `batch_size`, `callbacks`, `sample_weight`, a weight for each
                row. They go before `fit_kwargs`.

        Returns:
            The estimator, with `trainer_`, `state_` and `history_`.

        Raises:
            TypeError: `model` is no compiled model, and no function that returns one.
            ValueError: inputs and targets that scikit-learn or the model does not take.
        """
        goes_on = bool(self.warm_start) and hasattr(self, "state_")
        rows, given = validate_data(
            self,
            X,
            y,
            reset=not goes_on,
            allow_nd=True,
            multi_output=self._takes_columns,
            y_numeric=self._takes_columns,
        )
        targets = self._targets(given, reset=not goes_on)
        trainer = self._trainer(rows, targets)
        # `one_row` is an example of a batch, for models that do not know the shape of their inputs
        one_row, seed = rows[:1], self._seed()
        if not goes_on:
            state = trainer.init(seed, one_row)
        elif trainer == self.trainer_:
            state = self.state_
        else:
            state = trainer.init(seed, one_row, variables=self.state_)
        arguments = {"verbose": 0, **(self.fit_kwargs or {}), **kwargs}
        if arguments.get("sample_weight") is not None:
            arguments["sample_weight"] = _weights(arguments["sample_weight"], len(rows))
        held_out = arguments.get("validation_data")
        if isinstance(held_out, tuple | list) and not any(isinstance(part, tuple | dict) for part in held_out):
            arguments["validation_data"] = self._validation(trainer, state, *held_out)
        trained = self._as_trained(trainer, state, one_row, targets)
        self.state_, self.history_ = trainer.fit(state, rows, trained, **arguments)
        self.trainer_ = trainer
        return self

    def _validation(
        self, trainer: Trainer, state: TrainState, X: ArrayLike, y: ArrayLike, *weight: ArrayLike
    ) -> tuple[ArrayLike, ...]:
        """Validation data with their targets as those of the training."""
        rows, targets = np.asarray(X), self._targets(np.asarray(y), reset=False)
        return (rows, self._as_trained(trainer, state, rows[:1], targets), *weight)

    def _trainer(self, X: np.ndarray, y: np.ndarray) -> Trainer:
        """The trainer to train with."""
        made: object = self.model
        is_function = callable(made) and not isinstance(made, Layer | Trainer)
        if callable(made) and is_function:
            made = made(X=X, y=y, **(self.model_kwargs or {}))
        if isinstance(made, Trainer):
            return made
        usually = "a model that is not compiled." if isinstance(made, Layer) else "a model of another library."
        raise TypeError(
            explain(
                f"{type(self).__name__}(model=…) is a compiled model, or a function that returns one.",
                received=f"{'a function that returned ' * is_function}{made!r}"[:120],
                usually="the function has no `return`." if made is None and is_function else usually,
                write='model.compile(optimizer="adam", loss="mse")',
            )
        )

    def _seed(self) -> int:
        """The seed of a fit: of the weights, the order of the rows, and dropout."""
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _targets(self, y: np.ndarray, reset: bool) -> np.ndarray:
        """The targets that the function `model` is given: at least a column for each row."""
        if reset:
            self._target_rank = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _as_trained(self, trainer: Trainer, state: TrainState, one_row: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The targets that the trainer is given."""
        return targets

    def _outputs(self, X: ArrayLike) -> np.ndarray:
        """What the model says of all rows."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True)
        return self.trainer_.predict(self.state_, X, verbose=0)

    def _rows_of_targets(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs in the shape of the targets that `fit` was given."""
        return outputs[:, 0] if self._target_rank == 1 and outputs.shape[1:] == (1,) else outputs

    if not TYPE_CHECKING:  # a type checker refuses what is missing

        def __getattr__(self, name: str) -> NoReturn:
            if name != "model_":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            raise AttributeError(
                explain(
                    "An estimator has no `model_`.",
                    usually="Keras's name of the model that was fitted; here models hold nothing that was learnt.",
                    write="estimator.trainer_.predict(estimator.state_, X), or estimator.trainer_.model",
                ),
                name=name,
                obj=self,
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "state_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.random_state is None
        return tags


def _weights(sample_weight: ArrayLike, rows: int) -> np.ndarray:
    """The weights of rows as an array."""
    weights = check_array(sample_weight, ensure_2d=False, dtype=np.float32, input_name="sample_weight")
    if weights.shape != (rows,):
        raise ValueError(
            explain(
                "sample_weight has one number for each row.",
                received=f"the shape {weights.shape} for {rows} rows",
                write="estimator.fit(X, y, sample_weight=numpy.ones(len(X)))",
            )
        )
    return weights


def width_of(trainer: Trainer, state: TrainState, one_row: np.ndarray) -> int:
    """How many numbers a model says of a row, found from shapes alone."""
    shapes = jax.eval_shape(trainer.predict_step, state.variables, one_row)
    if not isinstance(shapes, jax.ShapeDtypeStruct):
        raise ValueError(
            explain(
                "A model that is an estimator has one output.",
                received=f"{len(jax.tree.leaves(shapes))} outputs",
                write="fk.Model(model.input, model.output[0]).compile(…)",
            )
        )
    return int(shapes.shape[-1]) if shapes.ndim > 1 else 1
