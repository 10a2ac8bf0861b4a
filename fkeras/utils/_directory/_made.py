"""From options and a way to read a file to data sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core import explain
from ._options import Options, labels_as

if TYPE_CHECKING:
    from ._dataset import DirectoryDataset


def datasets(
    options: Options,
    endings: tuple[str, ...],
    read: Callable[[str], Any],
    collate: Callable[[list[Any]], np.ndarray],
) -> DirectoryDataset | tuple[DirectoryDataset, DirectoryDataset]:
    """The data set that was asked for, or the two of training and validation.

    Args:
        options: which files.
        endings: of files that are read.
        read: a function from a path to what is in the file.
        collate: a function that makes a batch of several.

    Raises:
        ImportError: Grain is not installed.
    """
    try:
        import grain  # noqa: F401
    except ImportError as error:
        raise missing("Grain", "data") from error
    from ._dataset import DirectoryDataset

    made = []
    for i, part in enumerate(options.parts(endings)):
        seed = options.order_seed if options.shuffle and i == 0 else None  # of both, validation is not shuffled
        labels = labels_as(options.mode, part)
        made.append(DirectoryDataset(part.paths, labels, part.class_names, read, collate, options.batch_size, seed))
    return made[0] if len(made) == 1 else (made[0], made[1])


def missing(library: str, extra: str) -> ImportError:
    """The error for a library that is not installed."""
    return ImportError(
        explain(
            f"This needs {library}, which is not installed.",
            usually="it is an extra of fkeras.",
            write=f"pip install 'fkeras[{extra}]'",
        )
    )
