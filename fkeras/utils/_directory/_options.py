"""What the three functions have in common: labels, splits and orders."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...core import did_you_mean, explain
from ...core.typing import FilePath
from ._index import Index, index_directory


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Which files of a directory are read, with which labels, in which order.

    Attributes:
        directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links, verbose: as
            the functions take them.
    """

    directory: FilePath
    labels: str | Sequence[int] | None
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool

    def __post_init__(self) -> None:
        one_of("label_mode", self.label_mode, ("int", "categorical", "binary", None))
        one_of("subset", self.subset, ("training", "validation", "both", None))
        self._check_labels()
        self._check_split()
        if self.batch_size is not None and (isinstance(self.batch_size, bool) or self.batch_size < 1):
            raise ValueError(
                explain(
                    "batch_size is a positive number, or None for single examples.",
                    received=f"batch_size={self.batch_size!r}",
                    write="batch_size=32",
                )
            )

    @property
    def mode(self) -> str | None:
        """How labels are written; `None` where there are none."""
        return None if self.labels is None else self.label_mode

    def parts(self, endings: tuple[str, ...]) -> list[Index]:
        """The files of the subset that was asked for; of both, training first.

        Args:
            endings: of the files that are read.

        Raises:
            ValueError: no file, or classes that the label mode cannot write.
        """
        labels = self.labels if self.mode else None
        found = index_directory(self.directory, labels, self.class_names, endings, self.follow_links)
        classes = found.class_names
        if self.verbose:
            print(f"Found {len(found.paths)} files{f' belonging to {len(classes)} classes' if classes else ''}.")
        self._check_classes(found)
        if self.shuffle:  # folders are mixed before the files are split
            order = np.arange(len(found.paths))
            np.random.RandomState(self.order_seed).shuffle(order)
            found = found.at(order)
        held_out = int((self.validation_split or 0) * len(found.paths))
        cut = len(found.paths) - held_out
        parts = {None: found, "training": found.at(slice(0, cut)), "validation": found.at(slice(cut, None))}
        asked: list[str | None] = ["training", "validation"] if self.subset == "both" else [self.subset]
        for name in asked:
            if name and self.verbose:
                print(f"Using {len(parts[name].paths)} files for {name}.")
            if not parts[name].paths:
                raise self._no_files(name, len(found.paths), endings)
        return [parts[name] for name in asked]

    @property
    def order_seed(self) -> int:
        """The seed of the order; one that was not given is 0, so that a run that is cut off can go on."""
        return 0 if self.seed is None else int(self.seed)

    def _check_labels(self) -> None:
        if isinstance(self.labels, list | tuple | np.ndarray | None) or self.labels == "inferred":
            if self.class_names is None or isinstance(self.labels, str):
                return
            raise ValueError(
                explain(
                    "class_names go with inferred labels: they are names of folders.",
                    received=f"labels={'None' if self.labels is None else 'a list'}, class_names={self.class_names}",
                    usually="classes were to be given names; those of a list are its sorted labels.",
                    write="labels='inferred', class_names=[...]",
                )
            )
        raise ValueError(
            explain(
                "labels are 'inferred' from the folders, a list with one for each file, or None.",
                received=f"labels={self.labels!r}",
                usually="label_mode was meant, which says how labels are written.",
                write="labels='inferred', label_mode='int'",
            )
        )

    def _check_split(self) -> None:
        split = self.validation_split
        if split is not None and split != 0 and not 0 < split < 1:
            raise ValueError(
                explain(
                    "`validation_split` must be between 0 and 1.",
                    received=f"validation_split={split!r}",
                    usually="a percentage, or a number of files.",
                    write="validation_split=0.2",
                )
            )
        if bool(split) != bool(self.subset):
            raise ValueError(
                explain(
                    "If `subset` is set, `validation_split` must be set, and inversely.",
                    received=f"validation_split={split!r}, subset={self.subset!r}",
                    usually="one of the two was forgotten.",
                    write="train, test = ..._from_directory(directory, validation_split=0.2, subset='both', seed=0)",
                )
            )
        if split and self.shuffle and self.seed is None:
            raise ValueError(
                explain(
                    "A split of shuffled files needs a `seed`, which keeps training and validation apart.",
                    received="shuffle=True, seed=None",
                    usually="two calls, one for each subset, must agree on the order.",
                    write="seed=0",
                )
            )

    def _check_classes(self, found: Index) -> None:
        if found.class_names is None or found.labels is None:
            return
        if self.mode == "binary" and len(found.class_names) != 2:
            raise ValueError(
                explain(
                    'With label_mode="binary" there must be exactly 2 classes.',
                    received=f"{len(found.class_names)}: {found.class_names}",
                    usually="a folder that is no class, or the directory above the one that was meant.",
                    write='label_mode="int", or class_names=["cats", "dogs"]',
                )
            )
        count = 2 if self.mode == "binary" else len(found.class_names)
        if self.mode in ("categorical", "binary") and len(found.labels) and not {*found.labels} <= {*range(count)}:
            raise ValueError(
                explain(
                    f"label_mode={self.mode!r} takes classes from 0 to {count - 1}.",
                    received=f"labels from {found.labels.min()} to {found.labels.max()}",
                    usually="labels that begin at 1, or a class without files.",
                    write="labels=numpy.unique(labels, return_inverse=True)[1].tolist()",
                )
            )

    def _no_files(self, subset: str | None, count: int, endings: tuple[str, ...]) -> ValueError:
        usually = "the folders are one level deeper, or the files have other endings."
        if count:
            usually = "too few files for so small or so large a part."
        return ValueError(
            explain(
                f"There is no file{f' for {subset}' if subset else ''} in the directory.",
                received=f"{self.directory!r} with {count} files that end in {', '.join(endings)}"
                + (f", validation_split={self.validation_split}" if subset else ""),
                usually=usually,
                write="directory='images', with images/cats/1.jpg in it"
                if not count
                else "validation_split=0.5, or subset=None",
            )
        )


def one_of(name: str, value: object, known: tuple[str | None, ...]) -> None:
    """Check a word.

    Raises:
        ValueError: it is none of those that are known.
    """
    if not (value is None or isinstance(value, str)) or value not in known:
        raise ValueError(
            explain(
                f"Unknown {name}. {did_you_mean(value, [str(word) for word in known])}",
                received=f"{name}={value!r}",
                write=f"{name}={known[0]!r}",
            )
        )


def labels_as(mode: str | None, found: Index) -> np.ndarray | None:
    """The labels of files: int32, float32 of shape `(files, 1)`, or one-hot.

    >>> labels_as("categorical", Index(["a", "b"], np.array([1, 0]), ["cat", "dog"])).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if mode is None or found.labels is None or found.class_names is None:
        return None
    if mode == "int":
        return found.labels.astype("int32")
    if mode == "binary":
        return found.labels.astype("float32")[:, None]
    return np.eye(len(found.class_names), dtype="float32")[found.labels]
