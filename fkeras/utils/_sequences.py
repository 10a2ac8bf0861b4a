"""Sequences of one length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core import explain
from ..core.typing import DTypeLike, Shaped


def pad_sequences(
    sequences: Sequence[Sequence[object] | Shaped[np.ndarray, time * rest]],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> Shaped[np.ndarray, "batch time *rest"]:
    """Sequences of several lengths as one array.

    Args:
        sequences: lists or arrays, whose first axis is time.
        maxlen: how long each becomes; as long as the longest by default.
        dtype: the dtype of the result.
        padding: `"pre"` puts `value` before a sequence that is too short, `"post"` after it.
        truncating: `"pre"` cuts the beginning of one that is too long, `"post"` its end.
        value: what is put where there is nothing.

    Returns:
        An array of numpy.

    Raises:
        ValueError: no list of sequences, entries of several shapes, or another word for a side.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)

    Reference: https://keras.io/api/data_loading/timeseries/
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise _unfit(f'{name} is "pre" or "post".', repr(side), f'{name}="post"')
    if not hasattr(sequences, "__len__") or isinstance(sequences, str):
        raise _unfit("pad_sequences takes a list of sequences.", type(sequences).__name__, "list(sequences)")
    for place, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            received = f"{sequence!r:.60} at {place}"
            raise _unfit("pad_sequences takes a list of sequences.", received, "[[1, 2], [3]]")
    _check_value(value, dtype)
    arrays = [np.asarray(sequence, dtype=dtype) for sequence in sequences]
    rest = next((array.shape[1:] for array in arrays if len(array)), ())
    length = max(map(len, arrays), default=0) if maxlen is None else maxlen
    padded = np.full((len(arrays), length, *rest), value, dtype=dtype)
    for place, array in enumerate(arrays):
        if not len(array):
            continue
        if array.shape[1:] != rest:
            received = f"{array.shape[1:]} at {place}, {rest} before"
            raise _unfit("The entries of all sequences have one shape.", received, "sequences of one kind")
        cut = array[:length] if truncating == "post" else array[max(0, len(array) - length) :]
        where = slice(0, len(cut)) if padding == "post" else slice(length - len(cut), length)
        padded[place, where] = cut
    return padded


def _check_value(value: float | str, dtype: DTypeLike) -> None:
    is_text = np.dtype(dtype).kind in "UST" or np.dtype(dtype) == object
    if isinstance(value, str) and not is_text:
        raise _unfit("Text is padded with text.", f"value={value!r}, dtype={dtype!r}", "dtype=object")
    if not isinstance(value, str) and np.issubdtype(np.dtype(dtype), np.integer) and value != int(value):
        raise _unfit("Whole numbers are padded with a whole number.", f"value={value!r}", 'dtype="float32"')


def _unfit(wrong: str, received: str, line: str) -> ValueError:
    return ValueError(explain(wrong, received=received, usually="an argument in another's place.", write=line))
