"""The one function that downloads: a published file, checked, into Keras's cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import tempfile
import urllib.request

from ...core import explain
from ._files import CLASS_INDEX, Choice, Published, published

_PIECE = 2**20


def download(
    network: str,
    include_top: bool = True,
    *,
    alpha: float = 1.0,
    size: int = 224,
    minimalistic: bool = False,
    force: bool = False,
) -> pathlib.Path:
    """Download a network's published weights into Keras's cache, from which `weights="imagenet"` reads them.

    It is the only function here that uses the network, and nothing calls it. A file that is there and has the right
    digest is kept. A file is written under another name, checked, and then put in its place.

    Args:
        network: a network's name, `"ResNet50"`; or `"imagenet_class_index"`, the names of the classes.
        include_top: whether for a network with its top.
        alpha: of the mobile networks, the factor of their widths.
        size: of MobileNet and MobileNetV2, the rows and columns of the images.
        minimalistic: of MobileNetV3.
        force: whether to download a file that is there.

    Returns:
        The file: `$KERAS_HOME/models/…`, or `~/.keras/models/…`.

    Raises:
        ValueError: no such network, no weights for the choice, or other bytes than were published.
        OSError: the address cannot be read.

    >>> import fkeras as fk
    >>> fk.applications.download("ResNet5")
    Traceback (most recent call last):
    ValueError: There is no network 'ResNet5' with published weights. Did you mean 'ResNet50'...

    Reference: https://keras.io/api/applications/
    Of MobileNet and MobileNetV2 no digest was published: what arrives is taken as it is.
    """
    choice = Choice(include_top=include_top, alpha=alpha, size=size, minimalistic=minimalistic)
    file = CLASS_INDEX if network == CLASS_INDEX.key else published(network, choice)
    if file.path.is_file() and not force and _is_whole(file, file.path):
        return file.path
    file.path.parent.mkdir(parents=True, exist_ok=True)
    handle, arriving = tempfile.mkstemp(dir=file.path.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as place, urllib.request.urlopen(file.url) as source:
            while piece := source.read(_PIECE):
                place.write(piece)
        if not _is_whole(file, pathlib.Path(arriving)):
            raise ValueError(
                explain(
                    f"What came from {file.url} is not what was published.",
                    received=f"other bytes than those of digest {file.digest}",
                    usually="a download that was cut off, or a page of a proxy in its place.",
                    write=f"{file.call}, once more; or the file by hand at {file.path}",
                )
            )
        os.replace(arriving, file.path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(arriving)
    return file.path


def _is_whole(file: Published, path: pathlib.Path) -> bool:
    """Whether a file has the published digest; one without is taken as it is."""
    if not file.digest:
        return True
    digest = hashlib.md5(usedforsecurity=False) if len(file.digest) == 32 else hashlib.sha256()
    with path.open("rb") as stored:
        while piece := stored.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest() == file.digest
