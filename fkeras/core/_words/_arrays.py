"""What can be an array of numbers, and what is said of everything else."""

from __future__ import annotations

import collections
import numbers
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ..typing import PyTree
from ._array_errors import missing, name_of, no_array, of_objects, of_text, ragged, refusal
from ._errors import explain, explanation_of

#: Whatever another library has for an array, a table, a column or their dtype: only its attributes tell what it is.
Foreign: TypeAlias = Any


def as_array(value: Foreign, what: str, text: bool = False) -> np.ndarray | jax.Array:
    """An array of numbers that a device can hold, of whatever stands for one.

    Arrays of numpy and JAX, nested lists, buffers, tensors of torch and TensorFlow, and tables of pandas and its kin.
    Foreign byte order, masks that hide nothing and nullable columns that miss nothing become plain arrays. A table of
    columns of several dtypes gets the one that numpy promotes them to.

    Args:
        value: the value; a dict or a list of arrays is no array.
        what: how messages call it: `"x"`, `"y['left']"`.
        text: whether arrays of text pass as well.

    Returns:
        The array: JAX's own as it is, anything else as numpy has it.

    Raises:
        TypeError: text, dates, records, sparse matrices, objects, categories: what is no number.
        ValueError: missing values, rows of different lengths.

    >>> as_array([[1, 2], [3, 4]], "x").shape
    (2, 2)
    >>> as_array(np.array([1.0, 2.0], ">f8"), "x").dtype
    dtype('float64')
    """
    if isinstance(value, jax.Array):
        return value
    if type(value) is np.ndarray and value.dtype.kind in "biufc" and value.dtype.isnative and value.itemsize <= 8:
        return value
    if hasattr(value, "todense"):
        write = f"{name_of(what)}.{'toarray' if hasattr(value, 'toarray') else 'todense'}()"
        raise refusal(f"{what} is a sparse matrix, and arrays here are dense.", value, "", write)
    if _is_table(value):
        return _of_table(value, what)
    if hasattr(value, "to_numpy") and hasattr(value, "isna"):
        return _native(_of_column(value, what), what, text, value)
    if isinstance(value, Mapping | set | frozenset | Iterator) or (callable(value) and not hasattr(value, "__array__")):
        raise no_array(what, value)
    gaps = getattr(value, "null_count", 0)  # of polars and arrow: one number, or one a column
    gaps = int(np.sum(np.asarray(gaps() if callable(gaps) else gaps)))
    if gaps:
        raise missing(what, f"{gaps} of {len(value)} rows or more", f"{name_of(what)}.fill_null(0)")
    return _native(_raw(value, what), what, text, value)


def as_input(value: PyTree) -> PyTree:
    """What a layer is called with: tables, sparse matrices and foreign arrays by `as_array`, all else as it is."""
    if type(value) is np.ndarray:
        dtype = value.dtype
        known = dtype.kind in "biufcOSUT" or (dtype.kind == "V" and jnp.issubdtype(dtype, np.number))
        strange = not known or not dtype.isnative or dtype.itemsize > {"f": 8, "c": 16}.get(dtype.kind, dtype.itemsize)
    else:
        strange = isinstance(value, np.ma.MaskedArray) or hasattr(value, "to_numpy") or hasattr(value, "todense")
    return as_array(value, "The input", text=True) if strange else value


def _raw(value: Foreign, what: str) -> np.ndarray:
    """A value as numpy reads it."""
    try:
        if hasattr(value, "detach"):  # a tensor of torch, on whatever device, part of a graph or not
            return np.asarray(value.detach().cpu().numpy())
        if hasattr(value, "to_numpy") and not hasattr(value, "__array__"):
            return np.asarray(value.to_numpy())
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.from_dlpack(value)
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            hidden = f"{int(np.ma.getmaskarray(value).sum())} of {value.size} values are masked"
            raise missing(what, hidden, f"{name_of(what)}.filled(0), and sample_weight= for what counts")
        if isinstance(value, collections.UserList | collections.deque):
            value = list(value)
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError, BufferError) as error:
        if explanation_of(error) is not None:
            raise
        if isinstance(value, list | tuple) and isinstance(error, ValueError) and _is_ragged(value):
            raise ragged(what, value) from None
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise refusal(f"{what} could not be read as an array.", value, why, "an array of numbers") from error


def _is_ragged(rows: Iterable[object]) -> bool:
    """Whether items of nested lists have several lengths, or some of them none, so that they make no array."""
    sizes = {np.shape(row) if hasattr(row, "shape") else _length(row) for row in rows}
    return len(sizes) > 1 or any(_is_ragged(row) for row in rows if isinstance(row, list | tuple))


def _length(row: object) -> int | None:
    return len(row) if hasattr(row, "__len__") and not isinstance(row, str | bytes) else None


def _native(array: np.ndarray, what: str, text: bool, given: object) -> np.ndarray:
    """A numpy array in a dtype that JAX has, or the reason why not."""
    dtype = array.dtype
    if dtype.kind in "biufc":
        if (dtype.itemsize > 8 and dtype.kind != "c") or dtype.itemsize > 16:  # long doubles
            return np.asarray(array, np.complex128 if dtype.kind == "c" else np.float64)
        return np.asarray(array, dtype.newbyteorder("="))
    if dtype.kind == "V" and dtype.names is None and jnp.issubdtype(dtype, np.number):
        return array  # bfloat16 and its kin
    if dtype.kind in "UST" or (
        dtype.kind == "O" and array.size and all(isinstance(v, str | bytes) for v in array.flat)
    ):
        if text:
            return array
        raise of_text(what, array)
    if dtype.kind in "Mm":
        kind, unit = (
            ("dates", f"({name_of(what)} - {name_of(what)}.min())") if dtype.kind == "M" else ("time spans", what)
        )
        raise refusal(
            f"{what} holds {kind}, which are no numbers.", array, "a column of times among the features.",
            f'{unit} / np.timedelta64(1, "D")',
        )  # fmt: skip
    if dtype.names is not None:
        fields = ", ".join(map(repr, dtype.names[:3]))
        raise refusal(
            f"{what} holds records, each with fields of its own.", array, f"an array of the fields {fields}.",
            "np.stack([x[n] for n in x.dtype.names], axis=-1), or a dict of inputs by field",
        )  # fmt: skip
    if dtype.kind == "O" and array.ndim:
        raise of_objects(what, array)
    raise no_array(what, given)


# ------------------------------------------------------------------ tables
def _is_table(value: Foreign) -> bool:
    return hasattr(value, "to_numpy") and hasattr(value, "dtypes") and hasattr(value, "iloc") and value.ndim == 2


def _of_table(table: Foreign, what: str) -> np.ndarray:
    """A table of pandas as one array, in the dtype that numpy promotes its columns' to."""
    dtypes = set(table.dtypes)
    if dtypes and all(isinstance(d, np.dtype) and d.kind in "biufc" for d in dtypes):
        return _native(table.to_numpy(np.result_type(*dtypes)), what, False, table)
    columns, faults, error = [], [], None
    remedies: dict[str, list[Any]] = {}
    for i, label in enumerate(table.columns):
        try:
            columns.append(_native(_of_column(column := table.iloc[:, i], what), what, False, column))
        except (TypeError, ValueError) as fault:
            faults.append(f"{label!r} ({_column_fault(column)})")
            remedies.setdefault(_remedy(column), []).append(label)
            error = fault
    if error is None:
        return np.stack(columns, axis=1) if columns else np.empty((len(table), 0), np.float32)
    name = name_of(what)
    listed = ", ".join(faults[:8]) + (f", … ({len(faults) - 8} more)" if len(faults) > 8 else "")
    raise type(error)(
        explain(
            f"{what} is a table with columns that are no numbers.",
            received=listed,
            usually="text, dates, categories or missing values among the features.",
            write="; ".join(_written(kind, labels[:8], name) for kind, labels in remedies.items()),
        )
    )


def _of_column(column: Foreign, what: str) -> np.ndarray:
    """A column, or an index or extension array, of pandas."""
    dtype, name = column.dtype, name_of(what)
    if getattr(dtype, "name", "") == "category":
        raise refusal(
            f"{what} holds categories, which may stand for their codes or for their values.",
            None, "pandas' dtype category.", f"{name}.cat.codes for 0, 1, …, or {name}.astype({_values(dtype)!r})",
            f"a column of dtype category: {list(dtype.categories[:4])}",
        )  # fmt: skip
    plain = getattr(dtype, "numpy_dtype", None)  # of pandas' nullable dtypes and arrow's
    if isinstance(plain, np.dtype) and plain.kind in "biuf":
        count = int(column.isna().sum())
        if count:
            raise missing(what, f"{count} of {len(column)}, dtype {dtype}", f"{name}.fillna(0)")
        return np.asarray(column.to_numpy(dtype=plain))
    return np.asarray(column.to_numpy())


def _values(dtype: Foreign) -> str:
    kind = getattr(dtype.categories.dtype, "kind", "O")
    return "float32" if kind in "biuf" else "str"


def _remedy(column: Foreign) -> str:
    """What makes numbers of a column that holds none."""
    dtype = column.dtype
    if getattr(dtype, "name", "") == "category":
        return "names"
    if getattr(dtype, "kind", "O") == "M":
        return "dates"
    there = column.dropna()
    if len(there) and all(isinstance(v, str | bytes) for v in there):
        return "names"
    if len(there) < len(column):
        return "gaps"
    return "numbers" if all(isinstance(v, numbers.Number) for v in there) else "others"


def _written(kind: str, labels: list[Any], name: str) -> str:
    """The line that does it for columns of a table."""
    if kind == "names":
        return f"{name} = pd.get_dummies({name}, columns={labels})"
    if kind == "gaps":
        return f"{name} = {name}.fillna({dict.fromkeys(labels, 0)})"
    if kind == "numbers":
        return f"{name} = {name}.astype({dict.fromkeys(labels, 'float32')})"
    if kind == "dates":
        cells = [f"{name}[{label!r}]" for label in labels]
        return "; ".join(f'{cell} = ({cell} - {cell}.min()) / pd.Timedelta("1D")' for cell in cells)
    return f"{name} = {name}.drop(columns={labels})"


def _column_fault(column: Foreign) -> str:
    gaps = int(column.isna().sum())
    return f"{column.dtype}, {gaps} missing" if gaps else str(column.dtype)
