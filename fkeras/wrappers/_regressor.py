"""A model as a regressor of scikit-learn."""

from __future__ import annotations

import numpy as np

from ..core.typing import ArrayLike
from ._estimator import Estimator
from ._library import RegressorMixin, Tags


class SKLearnRegressor(RegressorMixin, Estimator):
    """A model as a regressor of scikit-learn, for pipelines, searches and cross-validation.

    Args:
        model: a compiled model, `model.compile(…)`; or a function `(X, y, **model_kwargs)` that returns one. It is
            given all inputs and the targets, shape (rows, numbers), also where `fit` was given one number for each row.
        warm_start: whether `fit` goes on with what the last `fit` has learnt.
        model_kwargs: further arguments of the function `model`.
        fit_kwargs: arguments of `trainer.fit`, such as `epochs`; what `fit` itself is given goes before them. Without
            `verbose` a fit is silent.
        random_state: the seed of a fit. Equal estimators learn the same, to the bit; `None` is another seed each time.

    Attributes:
        trainer_: the trainer that was trained.
        state_: what was learnt, a pytree.
        history_: the numbers of the fit, epoch by epoch.

    Raises:
        ImportError: scikit-learn is not installed (`pip install 'fkeras[sklearn]'`).

    >>> import fkeras as fk, numpy as np
    >>> line = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1)]).compile(fk.optimizers.SGD(0.1), "mse")
    >>> X = np.linspace(-1, 1, 32)[:, None]
    >>> found = SKLearnRegressor(line, fit_kwargs={"epochs": 60}).fit(X, 3 * X[:, 0])
    >>> found.predict(X).shape, found.score(X, 3 * X[:, 0]) > 0.99
    ((32,), True)

    Reference: https://keras.io/api/utils/sklearn_wrappers/
    Unlike Keras's, it takes several numbers for each row, has `random_state`, a clone keeps `fit_kwargs`, and
    `warm_start` goes on. What was learnt is `state_` beside `trainer_`, not inside `model_`.
    """

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The number or numbers of each row, in the shape of the targets of `fit`.

        Args:
            X: the inputs, a row each.

        Returns:
            Numbers of float64, as those of scikit-learn's regressors; the model computes in its own dtype.
        """
        return self._rows_of_targets(self._outputs(X)).astype(np.float64)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags
