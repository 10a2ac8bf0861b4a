"""What a table is given as: columns by name, each an array of one axis more than its values have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ...core import describe, explain
from ...core.typing import Array, PyTree, Shaped
from ._feature import Feature

_Column = Shaped[Array | np.ndarray, "rows ..."]
#: Rows that a layer adapts to at once, as in Keras: the quantiles of a stream depend on it.
_ROWS = 32


def columns_of(data: PyTree, features: Mapping[str, Feature]) -> tuple[dict[str, _Column], bool]:
    """The columns that features name, in the features' order, and whether they are those of one row alone.

    Args:
        data: a dict of arrays, lists or single values, or a table of pandas.
        features: what is to be found.

    Raises:
        TypeError: neither.
        ValueError: columns that are missing or are not expected, or values of another kind.
    """
    if not hasattr(data, "keys") or not hasattr(data, "__getitem__"):
        raise TypeError(
            explain(
                "A FeatureSpace takes columns by their names.",
                received=describe(data),
                usually="an array of all columns, or a batch (x, y) of a data set.",
                write="feature_space({'age': ages, 'city': cities})",
            )
        )
    missing, unknown = [n for n in features if n not in data], [n for n in data if n not in features]
    if missing or unknown:
        raise ValueError(
            explain(
                "The columns are not those of the features.",
                received=", ".join(
                    [f"missing: {missing}"] * bool(missing) + [f"not expected: {unknown}"] * bool(unknown)
                ),
                usually="the target is still among the columns, or another spelling.",
                write=f"feature_space({{name: data[name] for name in {list(features)}}})",
            )
        )
    found = {name: _values(name, data[name], feature.dtype) for name, feature in features.items()}
    one = any(np.ndim(value) == 0 for value in found.values())
    return {name: _with_rows(value) for name, value in found.items()}, one


def batches_of_columns(data: PyTree, features: Mapping[str, Feature]) -> dict[str, list[_Column]]:
    """The columns of a table, or of all batches of a data set, in pieces.

    Args:
        data: see `columns_of`; or something that yields such, `(x, y)` included.
        features: those whose columns are wanted; others in the data are left out.
    """
    if hasattr(data, "keys"):
        found = _some(data, features)
        return {name: [values[i : i + _ROWS] for i in range(0, len(values), _ROWS)] for name, values in found.items()}
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        columns_of(data, features)  # which says what is taken
    pieces: dict[str, list[_Column]] = {name: [] for name in features}
    for batch in _items(data):
        for name, values in _some(batch[0] if isinstance(batch, tuple) and batch else batch, features).items():
            pieces[name].append(values)
    if not next(iter(pieces.values()), [None]):
        raise ValueError(explain("`adapt` was given no data.", received=describe(data), write="adapt(columns)"))
    return pieces


def _some(data: PyTree, features: Mapping[str, Feature]) -> dict[str, _Column]:
    wanted = {name: data[name] for name in features if name in data} if hasattr(data, "keys") else data
    return columns_of(wanted, features)[0]


def _items(data: PyTree) -> Iterator[PyTree]:
    return iter(data) if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))


def _values(name: str, given: PyTree, dtype: str) -> _Column:
    """A column in the dtype of its feature."""
    if dtype == "string":
        return np.asarray(given, dtype=object)
    array = given if isinstance(given, jax.Array) else np.asarray(given)
    if array.dtype.kind not in "biufV":
        raise ValueError(
            explain(
                f"The column {name!r} has numbers of {dtype}.",
                received=f"dtype {array.dtype}",
                usually="words, or numbers that were read as text.",
                write=f'"{name}": "string_categorical", or column.astype("{dtype}")',
            )
        )
    if dtype.startswith("int") and array.dtype.kind == "f":
        if isinstance(array, np.ndarray) and not np.all(array == np.floor(array)):
            raise ValueError(
                explain(
                    f"The column {name!r} has whole numbers.",
                    received=f"{array[array != np.floor(array)].ravel()[0]!r} among them",
                    usually="gaps, which are NaN, or a column of floats.",
                    write=f'"{name}": "float_normalized", or column.fillna(-1)',
                )
            )
        return array.astype("int32")
    return array.astype(dtype) if dtype.startswith("float") else array


def _with_rows(values: _Column) -> _Column:
    shape: Sequence[int] = np.shape(values)
    if len(shape) > 1:
        return values
    where = jnp if isinstance(values, jax.Array) else np
    return where.reshape(values, (shape[0], 1) if shape else (1, 1))
