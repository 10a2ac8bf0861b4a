"""Which files a directory has, and the class of each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ...core import explain
from ...core.typing import FilePath, Int


class Index(NamedTuple):
    """The files of a directory.

    Attributes:
        paths: their paths, in the order in which they are read.
        labels: the class of each; `None` without labels.
        class_names: the names of the classes; `None` without labels.
    """

    paths: list[str]
    labels: Int[np.ndarray, " files"] | None
    class_names: list[str] | None

    def at(self, chosen: slice | Int[np.ndarray, " some"]) -> Index:
        """Some of the files, or all in another order."""
        paths = np.array(self.paths, dtype=object)[chosen].tolist()
        return Index(paths, None if self.labels is None else self.labels[chosen], self.class_names)


def index_directory(
    directory: FilePath,
    labels: str | Sequence[int] | None,
    class_names: Sequence[str] | None,
    endings: tuple[str, ...],
    follow_links: bool,
) -> Index:
    """The files of a directory, sorted by folder and name.

    Args:
        directory: where they are; with inferred labels, a folder for each class.
        labels: `"inferred"`, `None`, or one for each file.
        class_names: the folders to read, in the order of their labels; all by default.
        endings: of files that are read, in small letters.
        follow_links: whether folders that are links are entered.

    Raises:
        ValueError: no such directory, names that are no folders, or labels that are not one for each file.
    """
    if not os.path.isdir(directory):
        raise ValueError(
            explain(
                "There is no such directory.",
                received=f"{os.fspath(directory)!r}",
                usually="a relative path, and another working directory; or an archive that was not unpacked.",
                write="directory=pathlib.Path(__file__).parent / 'images'",
            )
        )
    if isinstance(labels, str):
        folders = _class_folders(directory, class_names)
        found = [list(_files(os.path.join(directory, folder), endings, follow_links)) for folder in folders]
        numbers = np.repeat(np.arange(len(folders), dtype="int32"), [len(paths) for paths in found])
        return Index([path for paths in found for path in paths], numbers, folders)
    paths = list(_files(os.fspath(directory), endings, follow_links))
    if labels is None:
        return Index(paths, None, None)
    numbers = np.asarray(labels)
    if numbers.shape != (len(paths),) or numbers.dtype.kind not in "iu":
        raise ValueError(
            explain(
                "Labels are whole numbers, one for each file, in the order of the sorted paths.",
                received=f"labels of shape {numbers.shape} and dtype {numbers.dtype}, and {len(paths)} files "
                f"in {os.fspath(directory)!r}",
                usually="files of other kinds were counted, which are not read.",
                write=f"labels=[...] of {len(paths)} numbers, or labels='inferred'",
            )
        )
    return Index(paths, numbers.astype("int32"), [str(label) for label in np.unique(numbers)])


def _class_folders(directory: FilePath, class_names: Sequence[str] | None) -> list[str]:
    found = sorted(
        name
        for name in os.listdir(directory)
        if not name.startswith(".") and os.path.isdir(os.path.join(directory, name))
    )
    if class_names is None:
        return found
    if len({*class_names}) < len(class_names) or not {*class_names} <= {*found}:
        raise ValueError(
            explain(
                "class_names are folders of the directory, each once.",
                received=f"class_names={list(class_names)}, and the folders {found}",
                usually="another spelling, or the directory above or below the one that was meant.",
                write=f"class_names={found}",
            )
        )
    return list(class_names)


def _files(folder: str, endings: tuple[str, ...], follow_links: bool) -> Iterator[str]:
    """Paths below a folder, by folder and then by name."""
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0]):
        for name in sorted(names):
            if name.lower().endswith(endings):
                yield os.path.join(root, name)
