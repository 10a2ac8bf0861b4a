"""MNIST, Fashion-MNIST, and the small digits of scikit-learn."""

from __future__ import annotations

import gzip
import pathlib
import zlib

import numpy as np

from ..core import explain
from ..core.typing import FilePath, Int
from ._files import damaged, in_cache
from ._npz import read_npz
from ._parts import Parts, cut, shuffled


def load_mnist(path: FilePath = "mnist.npz") -> Parts:
    """MNIST, images of handwritten digits.

    Args:
        path: what the cache calls the file, or its place elsewhere.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: images `(60000, 28, 28)` and `(10000, 28, 28)` of uint8 from 0
        to 255, and classes of uint8 from 0 to 9.

    Raises:
        FileNotFoundError: the file is not on this machine; `fk.datasets.download("mnist")` gets it.
        ValueError: a damaged file.

    >>> import fkeras as fk, numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     x, y = np.zeros((2, 28, 28), "uint8"), np.zeros(2, "uint8")
    ...     np.savez(f"{place}/small.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    ...     (x_train, y_train), (x_test, y_test) = fk.datasets.mnist.load_data(f"{place}/small.npz")
    >>> x_train.shape, y_test.dtype
    ((2, 28, 28), dtype('uint8'))

    Reference: https://keras.io/api/datasets/mnist/
    Unlike Keras, nothing is downloaded, and of a file that is there the digest is not compared.
    """
    place = in_cache("mnist", path=path)
    x_train, y_train, x_test, y_test = read_npz("mnist", place, "x_train", "y_train", "x_test", "y_test")
    return (x_train, y_train), (x_test, y_test)


def load_fashion_mnist() -> Parts:
    """Fashion-MNIST, images of clothes in ten classes.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: images `(60000, 28, 28)` and `(10000, 28, 28)` of uint8 from 0
        to 255, and classes of uint8 from 0 to 9.

    Raises:
        FileNotFoundError: the files are not on this machine; `fk.datasets.download("fashion_mnist")` gets them.
        ValueError: a damaged file.

    Reference: https://keras.io/api/datasets/fashion_mnist/
    """
    (y_train, _), (x_train, train), (y_test, _), (x_test, test) = (_idx(which) for which in range(4))
    return (_images(x_train, y_train, train), y_train), (_images(x_test, y_test, test), y_test)


def _idx(which: int) -> tuple[Int[np.ndarray, " bytes"], pathlib.Path]:
    """The numbers of a file in the format of MNIST's authors, behind its head of 8 or 16 bytes."""
    place = in_cache("fashion_mnist", which)
    try:
        with gzip.open(place, "rb") as file:
            data = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise damaged("fashion_mnist", place, str(error)) from None
    head = 16 if "images" in place.name else 8
    if len(data) < head:
        raise damaged("fashion_mnist", place, f"{len(data)} bytes")
    return np.frombuffer(data, np.uint8, offset=head), place


def _images(
    data: Int[np.ndarray, " bytes"], classes: Int[np.ndarray, " rows"], place: pathlib.Path
) -> Int[np.ndarray, "images 28 28"]:
    if len(data) != len(classes) * 28 * 28:
        raise damaged("fashion_mnist", place, f"{len(data):,} bytes of images for {len(classes):,} classes")
    return data.reshape(-1, 28, 28)


def load_digits(test_split: float = 0.2, seed: int = 113) -> Parts:
    """The 1,797 handwritten digits that come with scikit-learn; no file is needed.

    Args:
        test_split: the part that is for the test.
        seed: of the order in which they are cut.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: images `(rows, 8, 8)` of uint8 from 0 to 16, and classes of
        uint8 from 0 to 9.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: `test_split` is no number from 0 to 1.

    >>> import fkeras as fk
    >>> (x_train, y_train), (x_test, y_test) = fk.datasets.digits.load_data()
    >>> x_train.shape, x_test.shape, int(x_train.max())
    ((1437, 8, 8), (360, 8, 8), 16)

    Reference: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html
    """
    try:
        import sklearn.datasets
    except ImportError:
        raise ImportError(
            explain(
                "The digits come with scikit-learn, which is not installed.",
                usually="it is an extra.",
                write="pip install 'fkeras[demo]'",
            )
        ) from None
    found = sklearn.datasets.load_digits()
    return cut(*shuffled(found.images.astype("uint8"), found.target.astype("uint8"), seed), test_split)
