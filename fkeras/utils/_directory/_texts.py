"""Texts of a directory."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...core import explain
from ...core.typing import FilePath, Shaped
from ._images import check_format
from ._made import datasets
from ._options import Options

if TYPE_CHECKING:
    from ._dataset import DirectoryDataset


def text_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "grain",
    verbose: bool = True,
) -> DirectoryDataset | tuple[DirectoryDataset, DirectoryDataset]:
    """The `.txt` files of a directory, a folder for each class, as a Grain data set of batches that `fit` takes.

    Args:
        directory: where the texts are: `directory/good/1.txt`, in UTF-8.
        labels: `"inferred"` from the folders, `None`, or a list with one for each file, in the order of sorted paths.
        label_mode: `"int"`, `"categorical"` (one-hot), `"binary"` (0 and 1, of two classes) or `None`.
        class_names: the folders to read, in the order of their labels; all, sorted, by default.
        batch_size: texts a batch; `None` gives them one by one.
        max_length: how many characters of a text are kept; all by default.
        shuffle: whether to shuffle; sorted by path otherwise.
        seed: of the order; 0 by default.
        validation_split: which part of the files, the last ones after shuffling, is for validation.
        subset: `"training"`, `"validation"`, or `"both"`, which gives two data sets.
        follow_links: whether folders that are links are entered.
        format: `"grain"`; there is no other.
        verbose: whether to print how many files were found.

    Returns:
        A `grain.MapDataset` of `(x, y)`, or of `x` without labels: x an array of str of shape `(batch,)`, y int32 of
        `(batch,)`, or float32 of `(batch, 1)` or `(batch, classes)`. It has `class_names` and `file_paths`. For
        `subset="both"` a tuple of two; the one of validation is not shuffled.

    Raises:
        ValueError: arguments that do not go together, no such directory, or no text in it; when a batch is read, a
            file that is no UTF-8.
        ImportError: Grain is not installed (`pip install 'fkeras[data]'`).

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("bad", "good"):
    ...         (pathlib.Path(folder) / name).mkdir()
    ...         _ = (pathlib.Path(folder) / name / "1.txt").write_text(f"a {name} film")
    ...     dataset = text_dataset_from_directory(folder, shuffle=False)
    ...     dataset.class_names, dataset[0]
    Found 2 files belonging to 2 classes.
    (['bad', 'good'], (array(['a bad film', 'a good film'], dtype=object), array([0, 1], dtype=int32)))

    Reference: https://keras.io/api/data_loading/text/

    Differs from Keras: the batches are those of its `format="grain"`, where x is a list, and the data set has a length
    and items. Files are read as UTF-8 on every system. In `fit` each epoch of a shuffled data set has an order of its
    own.
    """
    options = Options(
        directory=directory, labels=labels, label_mode=label_mode, class_names=class_names, batch_size=batch_size,
        shuffle=shuffle, seed=seed, validation_split=validation_split, subset=subset, follow_links=follow_links,
        verbose=verbose,
    )  # fmt: skip
    check_format(format)
    if max_length is not None and max_length < 0:
        raise ValueError(
            explain("max_length is how many characters are kept.", received=max_length, write="max_length=1000")
        )
    return datasets(options, (".txt",), functools.partial(_read_text, max_length=max_length), _texts)


def _read_text(path: str, max_length: int | None) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(-1 if max_length is None else max_length)
    except UnicodeDecodeError as error:
        raise ValueError(
            explain(
                "A file is no text in UTF-8.",
                received=f"{path!r}: {error}",
                usually="it was written on a system with another encoding.",
                write="path.write_text(path.read_text(encoding='latin-1'), encoding='utf-8')",
            )
        ) from error


def _texts(texts: Sequence[str]) -> Shaped[np.ndarray, " batch"]:
    return np.array(texts, dtype=object)
