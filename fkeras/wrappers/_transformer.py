"""A model as a transformer of scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..core.typing import ArrayLike
from ..train import Trainer, TrainState
from ._estimator import Estimator, width_of
from ._library import ClassNamePrefixFeaturesOutMixin, Tags, TransformerMixin


class SKLearnTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """A model as a transformer of scikit-learn: what it says of rows is the input of a pipeline's next step.

    Args:
        model: a compiled model, `model.compile(…)`; or a function `(X, y, **model_kwargs)` that returns one.
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
    >>> squeeze = fk.Sequential([fk.Input((4,)), fk.nn.Dense(2, name="code"), fk.nn.Dense(4)])
    >>> X = np.random.default_rng(0).normal(size=(16, 4))
    >>> found = SKLearnTransformer(squeeze.compile("adam", "mse")).fit(X)   # an autoencoder: the targets are the inputs
    >>> found.transform(X).shape, len(found.get_feature_names_out())
    ((16, 4), 4)

    Reference: https://keras.io/api/utils/sklearn_wrappers/
    Unlike Keras's, it can be fitted without targets, names its columns, has `random_state`, a clone keeps `fit_kwargs`,
    and `warm_start` goes on. What was learnt is `state_` beside `trainer_`, not inside `model_`.
    """

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **kwargs: Any) -> Self:
        """Train on all rows.

        Args:
            X: the inputs, a row each.
            y: the targets, a row each; the inputs themselves by default, as those of an autoencoder.
            **kwargs: what `trainer.fit` takes.

        Returns:
            The estimator, with `trainer_`, `state_` and `history_`.
        """
        return super().fit(X, X if y is None else y, **kwargs)

    def _as_trained(self, trainer: Trainer, state: TrainState, one_row: np.ndarray, targets: np.ndarray) -> np.ndarray:
        self._n_features_out = width_of(trainer, state, one_row)
        return targets

    def transform(self, X: ArrayLike) -> np.ndarray:
        """What the model says of each row.

        Args:
            X: the inputs, a row each.

        Returns:
            The outputs of the model.
        """
        return self._outputs(X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.target_tags.multi_output = True
        return tags
