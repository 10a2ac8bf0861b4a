"""`"accuracy"` and `"crossentropy"`: metrics whose kind follows from the shapes of targets and predictions."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp

from ...core import keyword_texts, register
from ...core.typing import ArrayLike, Config, Num, PyTree, Shaped
from ..losses._frozen import DTypeSpec, set_fields
from ..losses._probabilistic import kind_of
from ._accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from ._base import Metric, State
from ._probabilistic import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from ._reduction import Averaged, FunctionMetric

#: The metrics of each family. All three are means, so their states are alike and one can stand in for another.
FAMILIES: Mapping[str, Mapping[str, type[FunctionMetric]]] = {
    "accuracy": {
        "binary": BinaryAccuracy,
        "sparse": SparseCategoricalAccuracy,
        "categorical": CategoricalAccuracy,
    },
    "crossentropy": {
        "binary": BinaryCrossentropy,
        "sparse": SparseCategoricalCrossentropy,
        "categorical": CategoricalCrossentropy,
    },
}


def of_family(family: str, from_logits: bool, y_true: tuple[int, ...] | None, y_pred: tuple[int, ...] | None) -> Metric:
    """The metric of a family for data of these shapes; without the targets' shape, one that waits for the targets.

    Args:
        family: `"accuracy"` or `"crossentropy"`.
        from_logits: whether a crossentropy takes logits.
        y_true: the targets' shape, `None` where it is not known yet.
        y_pred: the predictions' shape, likewise.

    Returns:
        One of the family's three metrics, or a `ByTarget`.

    >>> of_family("accuracy", False, (8, 1), (8, 1)).name, of_family("accuracy", False, None, (8, 10)).name
    ('binary_accuracy', 'accuracy')
    """
    return ByTarget(family, from_logits) if y_true is None else _member(family, from_logits, kind_of(y_true, y_pred))


def _member(family: str, from_logits: bool, kind: str) -> FunctionMetric:
    cls = FAMILIES[family][kind]
    return cls(from_logits=True) if from_logits else cls()  # type: ignore[call-arg]  # the crossentropies have it


@register("fkeras.metrics")
class ByTarget(Averaged):
    """The metric of a family that fits the targets of each batch: binary, sparse or categorical by Keras's rule.

    What comes before the first batch and after the last, `empty` and `compute`, does not depend on the kind; `update`
    looks at the shapes of its targets and predictions.

    Args:
        family: `"accuracy"` or `"crossentropy"`.
        from_logits: whether a crossentropy takes logits.
        name: the name in the logs; the family's by default.
        dtype: what it averages in; float32 by default.

    >>> metric = ByTarget("accuracy")
    >>> labels, one_hot, y_pred = jnp.array([0, 1]), jnp.eye(2), jnp.array([[0.9, 0.1], [0.6, 0.4]])
    >>> [float(metric.compute(metric.update(metric.empty(), y, y_pred))) for y in (labels, one_hot)]
    [0.5, 0.5]
    """

    family: str
    from_logits: bool

    def __init__(
        self, family: str = "accuracy", from_logits: bool = False, name: str | None = None, dtype: DTypeSpec = None
    ) -> None:
        set_fields(self, family=family, from_logits=bool(from_logits))
        super().__init__(dtype=dtype, name=name or family)

    @property
    def goal(self) -> str | None:  # type: ignore[override]
        """What is better for the family: more accuracy, less crossentropy."""
        return FAMILIES[self.family]["sparse"].goal

    def for_shapes(self, y_true: tuple[int, ...], y_pred: tuple[int, ...]) -> FunctionMetric:
        """The metric of the family for targets and predictions of these shapes."""
        return _member(self.family, self.from_logits, kind_of(y_true, y_pred))

    def update(
        self,
        state: State,
        y_true: PyTree,
        y_pred: PyTree,
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        metric = self.for_shapes(jnp.shape(y_true), jnp.shape(y_pred))
        return metric.update(state, y_true, y_pred, sample_weight, mask)

    def get_config(self) -> Config:
        return {**super().get_config(), "family": self.family, "from_logits": self.from_logits}

    def __repr__(self) -> str:
        told: list[tuple[str, object]] = [("from_logits", True)] if self.from_logits else []
        told += [("name", self.name)] if self.name != self.family else []
        return f"ByTarget({', '.join([repr(self.family), *keyword_texts(told)])})"
