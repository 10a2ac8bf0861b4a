"""`timeseries_dataset_from_array`: windows of a series."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..core import explain
from ..core.typing import ArrayLike, Int, PyTree, Shaped
from ._grain import map_dataset

if TYPE_CHECKING:
    from grain import MapDataset


def timeseries_dataset_from_array(
    data: Shaped[ArrayLike, "time ..."],
    targets: Shaped[ArrayLike, "time ..."] | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "grain",
) -> MapDataset[PyTree]:
    """Windows of a series, in batches; no window is copied before its batch is made.

    Window `i` has the rows `data[s], data[s + r], …, data[s + (n - 1) r]` with `s = start_index + i * sequence_stride`,
    `n = sequence_length` and `r = sampling_rate`, and its target is `targets[s]`.

    Args:
        data: an array, whose first axis is time.
        targets: `targets[i]` belongs to the window that begins at `i`; `None` for windows alone.
        sequence_length: how many rows a window has.
        sequence_stride: from the beginning of a window to that of the next.
        sampling_rate: from a row of a window to the next.
        batch_size: how many windows a batch has; `None` for windows without a batch.
        shuffle: whether windows come in another order.
        seed: of that order, which is that of Keras's `format="grain"` for the same seed; 0 by default.
        start_index: rows before this one are in no window.
        end_index: this row and those behind it are in no window.
        format: Keras's word for the library of the result; only `"grain"`.

    Returns:
        A data set of Grain, with a length and batches by index, which `fit` takes: numpy arrays
        `(batch, sequence_length, *x)`, or pairs of them and `(batch, *y)`, in the arrays' own dtypes. The last batch
        may be shorter.

    Raises:
        ValueError: an index, stride or rate that does not fit the data, or a series that is too short for a window.
        ImportError: Grain is not installed (`pip install 'fkeras[data]'`).

    >>> series = np.arange(10)
    >>> dataset = timeseries_dataset_from_array(series[:-3], series[3:], sequence_length=3, batch_size=2)
    >>> len(dataset)
    3
    >>> dataset[0]
    (array([[0, 1, 2],
           [1, 2, 3]]), array([3, 4]))

    Reference: https://keras.io/api/data_loading/timeseries/
    Unlike Keras without a seed the order is that of seed 0; each pass has the same order, and those of
    `dataset.repeat()` have others.
    """
    if format != "grain":
        raise _wrong("Here the windows are a data set of Grain.", f"format={format!r}", 'format="grain"')
    series = np.asarray(data)
    answers = None if targets is None else np.asarray(targets)
    start = start_index or 0
    end = len(series) if end_index is None else end_index
    _check(len(series), start, end, sequence_length=sequence_length, stride=sequence_stride, rate=sampling_rate)
    count = end - start - (sequence_length - 1) * sampling_rate
    if answers is not None:
        count = min(count, len(answers) - start)
    if count <= 0:
        raise _wrong(
            "The series is too short for a window and its target.",
            f"rows {start} to {end} of {len(series)}, {'no' if answers is None else len(answers)} targets, windows of "
            f"{sequence_length} rows, every {sampling_rate}",
            f"sequence_length={max(1, (end - start) // (2 * sampling_rate))}",
        )
    begins = np.arange(0, count, sequence_stride)
    if shuffle:
        np.random.RandomState(seed or 0).shuffle(begins)
    windows = map_dataset(_Windows(series, answers, begins + start, sequence_length, sampling_rate))
    windows = windows.shuffle(seed=seed or 0) if shuffle else windows
    return windows if batch_size is None else windows.batch(batch_size)


@dataclasses.dataclass(frozen=True, eq=False)
class _Windows:
    """The windows of a series, by their index.

    Attributes:
        data: the series.
        targets: of the windows that begin at each row.
        begins: the first row of each window.
        length: rows of a window.
        rate: from one to the next.
    """

    data: Shaped[np.ndarray, "time ..."]
    targets: Shaped[np.ndarray, "time ..."] | None
    begins: Int[np.ndarray, " windows"]
    length: int
    rate: int

    def __len__(self) -> int:
        return len(self.begins)

    def __getitem__(self, index: int) -> PyTree:
        begin = int(self.begins[index])
        window = self.data[begin : begin + self.length * self.rate : self.rate]
        return window if self.targets is None else (window, self.targets[begin])


def _check(rows: int, start: int, end: int, **steps: int) -> None:
    """Refuse indices and steps that do not fit a series."""
    if not 0 <= start < rows:
        raise _wrong(f"start_index is a row of the data, 0 to {rows - 1}.", f"start_index={start}", "start_index=0")
    if not start < end <= rows:
        received = f"start_index={start}, end_index={end}"
        raise _wrong(f"end_index is behind start_index, up to {rows}.", received, f"end_index={rows}")
    names = {"stride": "sequence_stride", "rate": "sampling_rate"}
    for name, step in steps.items():
        if step <= 0 or (name in names and step >= rows):
            name = names.get(name, name)
            raise _wrong(f"{name} is from 1 to less than the {rows} rows of the data.", f"{name}={step}", f"{name}=1")


def _wrong(what: str, received: str, line: str) -> ValueError:
    return ValueError(
        explain(what, received=received, usually="an index of another series, or of the whole one.", write=line)
    )
