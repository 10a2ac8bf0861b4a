"""class_weight: a weight for each class as weights of the samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import jax
import numpy as np

from ...core import describe, explain
from ...core.typing import ArrayLike, PyTree
from .._step._outputs import check_output_keys, targets

_USUALLY_A_DICT = "scikit-learn returns an array, and JSON has only text for keys."


@dataclasses.dataclass(eq=False)
class ClassWeights:
    """Sample weights from class weights: each label's own, whatever the rank of the targets.

    Labels are integers `(batch, …)` or `(batch, …, 1)`, or one-hot `(batch, …, classes)`; which, the shape of the
    model's output says. A class that is not named weighs 1, as in Keras.

    Args:
        given: `{class: weight}`; for several outputs `{output: {class: weight}}`.
        outputs_of: the model's outputs, shapes and dtypes, from an input; and their names.

    Raises:
        TypeError: no dict, or classes that are no integers.
        ValueError: weights that are negative, infinite or NaN.
    """

    given: PyTree
    outputs_of: Callable[[PyTree], tuple[PyTree, list[str]]]
    _known: tuple[PyTree, list[str]] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.given, Mapping):
            write = "class_weight=dict(enumerate(weights)), or {0: 1.0, 1: 5.0}"
            raise _wrong(TypeError, "must be a dict from class to weight", self.given, _USUALLY_A_DICT, write)
        self._by_output = any(isinstance(v, Mapping) for v in self.given.values())
        tables = self.given.items() if self._by_output else [("", self.given)]
        self._tables = {name: _table(table) for name, table in tables}

    def __call__(self, x: PyTree, y: PyTree, sample_weight: PyTree) -> PyTree:
        """The weights of a batch, or of a whole set.

        Raises:
            ValueError: targets that have not one class for each entry, or several outputs and one table.
        """
        if self._known is None:
            self._known = self.outputs_of(x)
        outputs, names = self._known
        single = len(names) == 1 and not isinstance(outputs, Mapping)
        if not self._by_output and len(names) > 1:
            write = "class_weight={" + ", ".join(f"{n!r}: {{0: 1.0, 1: 5.0}}" for n in names) + "}"
            raise _wrong(ValueError, "is one table, but the model has several outputs", names, "", write)
        if self._by_output:
            check_output_keys(self._tables, names, "class_weight", "{0: 1.0, 1: 5.0}")
        made = []
        parts = zip(
            names, targets(y, outputs, names), targets(sample_weight, outputs, names, "sample_weight"),
            jax.tree.leaves(outputs), strict=True,
        )  # fmt: skip
        for name, target, weight, output in parts:
            table = self._tables.get(name if self._by_output else "")
            made.append(weight if table is None else _weights(name, table, target, weight, output))
        return made[0] if single else dict(zip(names, made, strict=True))


def _table(given: object) -> dict[int, float]:
    """One table, checked."""
    if not isinstance(given, Mapping):
        raise _wrong(TypeError, "has an output without a dict from class to weight", given, _USUALLY_A_DICT, "{0: 1.0}")
    table = {}
    for label, weight in given.items():
        if not _is_class(label):
            write = "class_weight={int(c): w for c, w in weights.items()}"
            raise _wrong(TypeError, "must have integers for classes", repr(label), _USUALLY_A_DICT, write)
        if np.ndim(weight) or isinstance(weight, str | bytes | None) or not np.isrealobj(weight):
            raise _wrong(
                TypeError, f"must have a number for class {label}", weight, "", f"class_weight={{{label}: 1.0}}"
            )
        number = float(weight)
        if not np.isfinite(number) or number < 0:
            usually = "a division by the count of a class that does not occur, or a difference."
            write = f"class_weight={{{label}: 0.0}} to leave a class out"
            raise _wrong(ValueError, f"must be finite and not negative for class {label}", weight, usually, write)
        table[int(label)] = number
    return table


def _is_class(label: object) -> bool:
    whole = isinstance(label, int | np.integer) or (
        isinstance(label, float | np.floating) and float(label).is_integer()
    )
    return whole and not isinstance(label, bool)


def _weights(
    name: str,
    table: dict[int, float],
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    output: jax.ShapeDtypeStruct,
) -> np.ndarray:
    """The weights of one output's targets."""
    if y is None:
        raise _wrong(
            ValueError, f"needs targets, and there are none for the output {name!r}", "y=None", "", "batches (x, y)"
        )
    shape = tuple(d if isinstance(d, int) else None for d in output.shape)  # of a graph's own, lengths may be open
    labels, classes = _labels(name, np.asarray(y), shape)
    strange = [c for c in table if classes and not 0 <= c < classes]
    if strange:
        raise _wrong(
            ValueError, f"names a class that the output {name!r} does not have", f"class {strange[0]} of {classes}",
            "classes are counted from 0.", f"class_weight={{0: 1.0, …, {classes - 1}: 1.0}}",
        )  # fmt: skip
    found, places = np.unique(np.round(labels).astype(np.int64), return_inverse=True)
    weights = np.asarray([table.get(int(c), 1.0) for c in found], np.float32)[places].reshape(labels.shape)
    return weights if sample_weight is None else _product(weights, np.asarray(sample_weight, np.float32))


def _labels(name: str, y: np.ndarray, output: tuple[int | None, ...]) -> tuple[np.ndarray, int]:
    """`(the label of each entry, how many classes there are)`; 0 where any number may be a label."""
    alike = len(y.shape) == len(output) and all(
        b is None or a == b for a, b in zip(y.shape[1:], output[1:], strict=True)
    )
    many = 0 if alike or len(output) < 2 or output[-1] == 1 else output[-1] or 0
    if y.ndim > 1 and y.shape[-1] == 1:
        return y[..., 0], many
    if y.ndim > 1 and y.ndim == len(output) - 1 and output[-1] == 1:
        raise _wrong(
            ValueError, f"needs a target for each number of the output {name!r}", describe(y),
            f"the output has shape {output}, and a loss takes targets of one axis less for one row each.",
            "y[..., None]",
        )  # fmt: skip
    if y.ndim <= 1 or y.ndim == len(output) - 1:
        return y, many
    if alike and _one_hot(y):
        return y.argmax(-1), y.shape[-1]
    raise _wrong(
        ValueError, f"needs one class for each target of the output {name!r}", describe(y),
        "several labels in a row (multi-hot targets), numbers to regress on, or targets of another shape than "
        f"the output's, {output}.", "sample_weight=, an array with a weight for each sample or each of its entries",
    )  # fmt: skip


def _one_hot(y: np.ndarray) -> bool:
    """Whether the last axis says one class: ones and zeros, or the probabilities of soft labels; or is all 0."""
    sums = y.sum(-1, dtype=np.float64)
    return bool((y >= 0).all() and ((np.abs(sums - 1) < 1e-3) | (sums == 0)).all())


def _product(weights: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
    """Class weights times sample weights, which may have one for each sample only, or an axis of 1 more."""
    if sample_weight.ndim == weights.ndim + 1 and sample_weight.shape[-1] == 1:
        sample_weight = sample_weight[..., 0]
    short = max(0, weights.ndim - sample_weight.ndim)
    spread = sample_weight.reshape(sample_weight.shape + (1,) * short)
    lacks = max(0, spread.ndim - weights.ndim)
    try:
        return weights.reshape(weights.shape + (1,) * lacks) * spread
    except ValueError:
        raise ValueError(
            explain(
                "sample_weight and class_weight do not fit each other.",
                received=f"sample_weight of shape {sample_weight.shape}, labels of shape {weights.shape}",
                usually="weights for each class, or for another number of samples.",
                write="sample_weight of shape (batch,), or of the labels' shape",
            )
        ) from None


def _wrong(kind: type[Exception], wrong: str, received: object, usually: str, write: str) -> Exception:
    received = received if isinstance(received, str) else describe(received)
    return kind(explain(f"class_weight {wrong}.", received=received, usually=usually, write=write))
