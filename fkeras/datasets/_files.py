"""The files of the data sets: the one table of their addresses and digests, as Keras has it."""

from __future__ import annotations

import dataclasses
import pathlib

from ..core import did_you_mean, explain
from ..core.typing import FilePath
from ..utils import get_file, keras_home

_ROOT = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"


@dataclasses.dataclass(frozen=True)
class Published:
    """A file that is published.

    Attributes:
        name: what the cache calls it; of an archive, the folder into which it is unpacked.
        url: its address.
        digest: of its bytes, SHA-256 or MD5; empty where none was published.
        folder: in the cache.
        is_archive: whether it is unpacked.
    """

    name: str
    url: str
    digest: str = ""
    folder: str = "datasets"
    is_archive: bool = False


def _at_root(name: str, digest: str = "", folder: str = "datasets") -> Published:
    return Published(name, _ROOT + name, digest, folder)


_FASHION = ("train-labels-idx1", "train-images-idx3", "t10k-labels-idx1", "t10k-images-idx3")

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "mnist": (_at_root("mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),),
    "fashion_mnist": tuple(_at_root(f"{name}-ubyte.gz", folder="datasets/fashion-mnist") for name in _FASHION),
    "cifar10": (
        Published(
            "cifar-10-batches-py-target",
            f"{_TORONTO}cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            is_archive=True,
        ),
    ),
    "cifar100": (
        Published(
            "cifar-100-python-target",
            f"{_TORONTO}cifar-100-python.tar.gz",
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            is_archive=True,
        ),
    ),
    "imdb": (
        _at_root("imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
        _at_root("imdb_word_index.json", "bfafd718b763782e994055a2d397834f"),
    ),
    "reuters": (
        _at_root("reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
        _at_root("reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"),
    ),
    "boston_housing": (
        _at_root("boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"),
    ),
    "california_housing": (
        _at_root("california_housing.npz", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"),
    ),
}


def download(name: str, force: bool = False) -> list[pathlib.Path]:
    """Download a data set's files into Keras's cache, from which `load_data` reads them.

    It is the only function here that uses the network, and nothing calls it. Files that are there are kept.

    Args:
        name: `"mnist"`, `"fashion_mnist"`, `"cifar10"`, `"cifar100"`, `"imdb"`, `"reuters"`, `"boston_housing"` or
            `"california_housing"`.
        force: whether to download files that are there.

    Returns:
        The files, or the folder of an archive: `$KERAS_HOME/datasets/…`, `~/.keras/datasets/…` by default.

    Raises:
        ValueError: no such data set, or other bytes than were published.
        OSError: the address cannot be read.

    >>> import fkeras as fk
    >>> fk.datasets.download("minst")
    Traceback (most recent call last):
    ValueError: There is no data set 'minst'. Did you mean 'mnist'? ...

    Reference: https://keras.io/api/datasets/
    Of Fashion-MNIST no digest was published: what arrives is taken as it is.
    """
    if name not in PUBLISHED:
        raise ValueError(
            explain(
                f"There is no data set {name!r}. {did_you_mean(name, sorted(PUBLISHED))}",
                received=repr(name),
                write='fk.datasets.download("mnist")',
            )
        )
    return [
        pathlib.Path(
            get_file(
                file.name,
                file.url,
                file_hash=file.digest or None,
                cache_subdir=file.folder,
                extract=file.is_archive,
                force_download=force,
            )
        )
        for file in PUBLISHED[name]
    ]


def in_cache(name: str, which: int = 0, path: FilePath | None = None) -> pathlib.Path:
    """The place of a data set's file in the cache.

    Args:
        name: the data set.
        which: of its files.
        path: what the cache calls the file, or its place elsewhere; what Keras calls it by default.

    Raises:
        FileNotFoundError: it is not there.
    """
    file = PUBLISHED[name][which]
    place = keras_home() / file.folder / (path or file.name)
    if place.is_file():
        return place
    line = f"fk.datasets.download({name!r})"
    if path is not None and str(path) != file.name:
        digest = f", file_hash={file.digest!r}" if file.digest else ""
        line = f"fk.utils.get_file({str(path)!r}, {file.url!r}{digest})"
    raise not_here(name, place, line)


def not_here(name: str, place: pathlib.Path, line: str) -> FileNotFoundError:
    """The error for a file that is not on this machine."""
    return FileNotFoundError(
        explain(
            f"The file of the data set {name} is not on this machine.",
            received=str(place),
            usually="nothing is downloaded unless it is asked for; Keras downloads on the first use.",
            write=f"{line}   # once; then load_data again",
        )
    )


def damaged(name: str, place: pathlib.Path, received: str) -> ValueError:
    """The error for a file that is not the data set's."""
    return ValueError(
        explain(
            f"The file of the data set {name} is not whole, or another.",
            received=f"{place}: {received}",
            usually="a download that was cut off, or another file under this name.",
            write=f"fk.datasets.download({name!r}, force=True)",
        )
    )
