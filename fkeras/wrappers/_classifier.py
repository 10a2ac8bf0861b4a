"""A model as a classifier of scikit-learn."""

from __future__ import annotations

import numpy as np

from ..core import explain
from ..core.typing import ArrayLike
from ..train import Trainer, TrainState
from ..train.losses import SparseCategoricalCrossentropy
from ._estimator import Estimator, width_of
from ._library import ClassifierMixin, LabelEncoder, Tags, type_of_target

_SPARSE = "sparse_categorical_crossentropy"


class SKLearnClassifier(ClassifierMixin, Estimator):
    """A model as a classifier of scikit-learn, for pipelines, searches and cross-validation.

    Args:
        model: a compiled model, `model.compile(…)`; or a function `(X, y, **model_kwargs)` that returns one. It is
            given all inputs and the targets one-hot, shape (rows, classes).
        warm_start: whether `fit` goes on with what the last `fit` has learnt.
        model_kwargs: further arguments of the function `model`; those of its names are what a search can set.
        fit_kwargs: arguments of `trainer.fit`, such as `epochs`; what `fit` itself is given goes before them. Without
            `verbose` a fit is silent.
        random_state: the seed of a fit. Equal estimators learn the same, to the bit; `None` is another seed each time.

    Attributes:
        trainer_: the trainer that was trained.
        state_: what was learnt, a pytree: `trainer_.evaluate(state_, x, y)`, `trainer_.model.save(path, state_)`.
        history_: the numbers of the fit, epoch by epoch.
        classes_: the classes, in the order of the outputs.

    Classes may be numbers or texts. The trainer gets them one-hot; as the class's position where the loss is
    `"sparse_categorical_crossentropy"`; and as 0 and 1 where the model has one output, of which 0.5, or 0 of a loss
    `from_logits`, is the border.

    Raises:
        ImportError: scikit-learn is not installed (`pip install 'fkeras[sklearn]'`).

    >>> import fkeras as fk, numpy as np
    >>> def mlp(X, y, loss="categorical_crossentropy", units=8):
    ...     hidden = fk.nn.Dense(units, activation="relu")
    ...     layers = [fk.Input(X.shape[1:]), hidden, fk.nn.Dense(y.shape[1], activation="softmax")]
    ...     return fk.Sequential(layers).compile("adam", loss)
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0]] * 8), np.array(["left", "right"] * 8)
    >>> found = SKLearnClassifier(mlp, model_kwargs={"units": 4}, fit_kwargs={"epochs": 60, "batch_size": 2}).fit(X, y)
    >>> found.classes_.tolist(), found.score(X, y)
    (['left', 'right'], 1.0)

    Reference: https://keras.io/api/utils/sklearn_wrappers/
    Unlike Keras's, it has `random_state`, a clone keeps `fit_kwargs`, `warm_start` goes on, and
    inputs may have more than two axes. What was learnt is `state_` beside `trainer_`, not inside `model_`.
    """

    classes_: np.ndarray
    _takes_columns = False

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The class of each row.

        Args:
            X: the inputs, a row each.

        Returns:
            Classes as `fit` was given them.
        """
        outputs = self._outputs(X)
        if _is_single(outputs):
            chosen = outputs.reshape(-1) > (0.0 if self._from_logits() else 0.5)
            return self.classes_[chosen.astype(int)]
        return self.classes_[outputs.argmax(axis=-1)]

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """The outputs of the model as they are, probabilities or logits.

        Args:
            X: the inputs, a row each.

        Returns:
            Shape (rows, classes), also for two classes; shape (rows,) of a model with one output.
        """
        outputs = self._outputs(X)
        return outputs.reshape(-1) if _is_single(outputs) else outputs

    def _from_logits(self) -> bool:
        return bool(getattr(self.trainer_.loss, "from_logits", False))

    def _targets(self, y: np.ndarray, reset: bool) -> np.ndarray:
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                explain(
                    "A classifier takes one class for each row. Only binary and multiclass targets are supported; "
                    f"Unknown label type: {kind}",
                    received=f"y of the kind {kind!r} and of shape {np.shape(y)}",
                    write="fk.wrappers.SKLearnRegressor(…)   # its outputs are numbers, one or several for each row",
                )
            )
        if reset:
            self._encoder = LabelEncoder().fit(y)
            self.classes_ = self._encoder.classes_
        if len(self.classes_) < 2:
            raise ValueError(
                explain(
                    "Classifier can't train when only one class is present.",
                    received=f"y with the class {self.classes_[0]!r} alone",
                    write="rows of two classes",
                )
            )
        new = sorted(set(np.unique(y).tolist()) - set(self.classes_.tolist()), key=str)
        if new:
            raise ValueError(
                explain(
                    "There are classes that the classifier was not fitted with.",
                    received=", ".join(map(repr, new[:8]))
                    + ", beside "
                    + ", ".join(map(repr, self.classes_.tolist()[:8])),
                    usually="warm_start=True with other data, or validation data with a class of their own.",
                    write="estimator.set_params(warm_start=False).fit(X, y)",
                )
            )
        return np.eye(len(self.classes_), dtype=np.float32)[self._encoder.transform(y)]

    def _as_trained(self, trainer: Trainer, state: TrainState, one_row: np.ndarray, targets: np.ndarray) -> np.ndarray:
        if isinstance(trainer.loss, SparseCategoricalCrossentropy) or getattr(trainer.loss, "name", "") == _SPARSE:
            return targets.argmax(axis=-1)
        width = width_of(trainer, state, one_row)
        if width == targets.shape[1]:
            return targets
        if width == 1 and targets.shape[1] == 2:
            return targets[:, 1:]
        raise ValueError(
            explain(
                f"The model has {width} outputs for {targets.shape[1]} classes.",
                received=f"the classes {', '.join(map(str, self.classes_[:8]))}",
                write="def model(X, y): … fk.nn.Dense(y.shape[1]) …   # y is one-hot",
            )
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


def _is_single(outputs: np.ndarray) -> bool:
    """Whether a model says one number of a row."""
    return outputs.ndim == 1 or outputs.shape[1:] == (1,)
