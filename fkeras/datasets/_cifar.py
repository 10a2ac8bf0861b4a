"""CIFAR-10 and CIFAR-100, from the folder of their pickles or from the archive."""

from __future__ import annotations

import io
import pathlib
import tarfile
import zlib
from collections.abc import Sequence

import numpy as np

from ..core import explain
from ..core.typing import Int
from ..utils import keras_home
from ._files import PUBLISHED, damaged, not_here
from ._parts import Parts
from ._plain_pickle import read_plain

# The largest file of them has 155 MB.
_MAX_BYTES = 1 << 30


def load_cifar10() -> Parts:
    """CIFAR-10, small images in ten classes.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` of uint8
        from 0 to 255, and classes `(rows, 1)` of uint8 from 0 to 9.

    Raises:
        FileNotFoundError: the files are not on this machine; `fk.datasets.download("cifar10")` gets them.
        ValueError: a damaged file.

    Reference: https://keras.io/api/datasets/cifar10/
    Folders and archives of older versions of Keras are read too.
    """
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    files, place = _files("cifar10", "cifar-10-batches-py", "cifar-10-python.tar.gz", names)
    *train, test = (_batch("cifar10", place / name, files[name], "labels") for name in names)
    x, y = np.concatenate([x for x, _ in train]), np.concatenate([y for _, y in train])
    return (x, y.astype("uint8")), (test[0], test[1].astype("uint8"))


def load_cifar100(label_mode: str = "fine") -> Parts:
    """CIFAR-100, small images in a hundred classes of twenty kinds.

    Args:
        label_mode: `"fine"` for the classes, `"coarse"` for their kinds.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` of uint8
        from 0 to 255, and classes `(rows, 1)` of int64.

    Raises:
        FileNotFoundError: the files are not on this machine; `fk.datasets.download("cifar100")` gets them.
        ValueError: another `label_mode`, or a damaged file.

    Reference: https://keras.io/api/datasets/cifar100/
    Folders and archives of older versions of Keras are read too.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(
            explain(
                'label_mode is "fine" or "coarse".',
                received=repr(label_mode),
                write='fk.datasets.cifar100.load_data(label_mode="fine")',
            )
        )
    files, place = _files("cifar100", "cifar-100-python", "cifar-100-python.tar.gz", ["train", "test"])
    train, test = (_batch("cifar100", place / n, files[n], f"{label_mode}_labels") for n in ("train", "test"))
    return train, test


def _files(name: str, folder: str, archive: str, names: Sequence[str]) -> tuple[dict[str, bytes], pathlib.Path]:
    """The bytes of a data set's files, and where they were."""
    target, cache = PUBLISHED[name][0].name, keras_home() / "datasets"
    for place in (cache / target / folder, cache / folder):
        if place.is_dir():
            missing = [each for each in names if not (place / each).is_file()]
            if missing:
                raise damaged(name, place, f"no file {missing[0]!r}")
            return {each: (place / each).read_bytes() for each in names}, place
    for place in (cache / f"{target}_archive", cache / f"{folder}.tar.gz", cache / archive):
        if place.is_file():
            return _unpacked(name, place, {f"{folder}/{each}": each for each in names}), place
    raise not_here(name, cache / target, f"fk.datasets.download({name!r})")


def _unpacked(name: str, place: pathlib.Path, wanted: dict[str, str]) -> dict[str, bytes]:
    """Members of an archive, read where they are."""
    found = {}
    try:
        with tarfile.open(place) as archive:
            for member in archive:
                if member.name not in wanted:
                    continue
                file = archive.extractfile(member) if member.isreg() and member.size <= _MAX_BYTES else None
                if file is not None:
                    found[wanted[member.name]] = file.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise damaged(name, place, str(error)) from None
    missing = [each for each in wanted.values() if each not in found]
    if missing:
        raise damaged(name, place, f"no file {missing[0]!r}")
    return found


def _batch(
    name: str, place: pathlib.Path, data: bytes, labels: str
) -> tuple[Int[np.ndarray, "images 32 32 3"], Int[np.ndarray, "images 1"]]:
    """The images and classes of a pickle that Python 2 wrote."""
    try:
        found = read_plain(io.BytesIO(data), encoding="bytes")
    except ValueError as error:
        raise damaged(name, place, str(error)) from None
    held = found if isinstance(found, dict) else {}
    images, classes = (held.get(key.encode(), held.get(key)) for key in ("data", labels))
    if isinstance(images, np.ndarray) and images.dtype == "uint8" and images.shape[1:] == (3 * 32 * 32,):  # noqa: SIM102
        if isinstance(classes, list) and len(classes) == len(images):
            return images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), np.reshape(classes, (-1, 1))
    raise damaged(name, place, f"no images with {labels!r}")
