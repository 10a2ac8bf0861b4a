"""The one function that downloads: a published file, checked, into Keras's cache."""

from __future__ import annotations

import pathlib

from ...utils import get_file
from ._files import CLASS_INDEX, Choice, published


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
    digest is kept; `fk.utils.get_file` fetches it.

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
    get_file(
        file.name, file.url, file_hash=file.digest or None, cache_subdir=file.path.parent.name, force_download=force
    )
    return file.path
