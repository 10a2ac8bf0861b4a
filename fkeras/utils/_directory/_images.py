"""Images of a directory."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...core import explain
from ...core.typing import FilePath, Float
from .._pillow import in_mode
from ._made import datasets, missing
from ._options import Options, one_of
from ._resized import INTERPOLATIONS, resized

if TYPE_CHECKING:
    from ._dataset import DirectoryDataset

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
#: The modes of Pillow that are kept, the first of which others are turned into, by Keras's word.
_MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}


def image_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | Sequence[int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "grain",
    verbose: bool = True,
) -> DirectoryDataset | tuple[DirectoryDataset, DirectoryDataset]:
    """The images of a directory, a folder for each class, as a Grain data set of batches that `fit` takes.

    Files are `.bmp`, `.gif` (the first frame), `.jpeg`, `.jpg` and `.png`, read by Pillow in threads.

    Args:
        directory: where the images are: `directory/cats/1.jpg`.
        labels: `"inferred"` from the folders, `None`, or a list with one for each file, in the order of sorted paths.
        label_mode: `"int"`, `"categorical"` (one-hot), `"binary"` (0 and 1, of two classes) or `None`.
        class_names: the folders to read, in the order of their labels; all, sorted, by default.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: images a batch; `None` gives them one by one.
        image_size: `(height, width)`, or one number for both.
        shuffle: whether to shuffle; sorted by path otherwise.
        seed: of the order; 0 by default.
        validation_split: which part of the files, the last ones after shuffling, is for validation.
        subset: `"training"`, `"validation"`, or `"both"`, which gives two data sets.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"area"`, `"lanczos3"`, `"lanczos5"`, `"gaussian"` or
            `"mitchellcubic"`.
        follow_links: whether folders that are links are entered.
        crop_to_aspect_ratio: whether to cut sides off first, so that nothing is stretched.
        pad_to_aspect_ratio: whether to fill sides up with zeros first, so that nothing is stretched.
        data_format: `"channels_last"`, the default, or `"channels_first"`.
        format: `"grain"`; there is no other.
        verbose: whether to print how many files were found.

    Returns:
        A `grain.MapDataset` of `(x, y)`, or of `x` without labels: x float32 of shape `(batch, height, width,
        channels)` from 0 to 255, y int32 of `(batch,)`, or float32 of `(batch, 1)` or `(batch, classes)`. It has
        `class_names` and `file_paths`. For `subset="both"` a tuple of two; the one of validation is not shuffled.

    Raises:
        ValueError: arguments that do not go together, no such directory, or no image in it.
        ImportError: Pillow or Grain is not installed (`pip install 'fkeras[images]'`).

    >>> image_dataset_from_directory("photos", image_size=(64, 64, 3))
    Traceback (most recent call last):
    ValueError: Invalid `image_size` value: it is (height, width).
      Received: image_size=(64, 64, 3)
      Usually:  a shape with channels.
      Write:    image_size=(256, 256)

    Reference: https://keras.io/api/data_loading/image/

    Differs from Keras: the batches are those of its `format="grain"` with the JAX backend, as numpy, and the data set
    has a length and items; `area`, `gaussian` and `mitchellcubic`, which that lacks, are those of `tf.image.resize`.
    In `fit` each epoch of a shuffled data set has an order of its own.
    """
    options = Options(
        directory=directory, labels=labels, label_mode=label_mode, class_names=class_names, batch_size=batch_size,
        shuffle=shuffle, seed=seed, validation_split=validation_split, subset=subset, follow_links=follow_links,
        verbose=verbose,
    )  # fmt: skip
    interpolation = interpolation.lower()
    one_of("color_mode", color_mode, tuple(_MODES))
    one_of("interpolation", interpolation, tuple(INTERPOLATIONS))
    one_of("data_format", data_format, ("channels_last", "channels_first", None))
    check_format(format)
    size = _size(image_size)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            explain(
                "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.",
                received="both",
                write="crop_to_aspect_ratio=True",
            )
        )
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise missing("Pillow", "images") from error
    read = functools.partial(
        _read_image, size=size, modes=_MODES[color_mode], interpolation=interpolation,
        crop=crop_to_aspect_ratio, pad=pad_to_aspect_ratio, channels_first=data_format == "channels_first",
    )  # fmt: skip
    return datasets(options, _ENDINGS, read, np.stack)


def check_format(given: str) -> None:
    """Refuse what is not made here.

    Raises:
        ValueError: another format than `"grain"`.
    """
    if given != "grain":
        raise ValueError(
            explain(
                "The data set is one of Grain.",
                received=f"format={given!r}",
                usually="a tf.data.Dataset was wanted, which needs TensorFlow; `fit` takes those of Keras too.",
                write='format="grain", or without format=',
            )
        )


def _size(given: int | Sequence[int]) -> tuple[int, int]:
    pair = (given, given) if isinstance(given, int) else tuple(given) if isinstance(given, list | tuple) else ()
    if len(pair) != 2 or not all(isinstance(side, int | np.integer) and side > 0 for side in pair):
        raise ValueError(
            explain(
                "Invalid `image_size` value: it is (height, width).",
                received=f"image_size={given!r}",
                usually="a shape with channels.",
                write="image_size=(256, 256)",
            )
        )
    return int(pair[0]), int(pair[1])


def _read_image(
    path: str,
    size: tuple[int, int],
    modes: tuple[str, ...],
    interpolation: str,
    crop: bool,
    pad: bool,
    channels_first: bool,
) -> Float[np.ndarray, "height width channels"]:
    import PIL.Image

    try:
        with PIL.Image.open(path) as file:
            array = np.asarray(file if file.mode in modes else in_mode(file, modes[0]), dtype="float32")
    except OSError as error:
        raise ValueError(
            explain(
                "A file cannot be read as an image.",
                received=f"{path!r}: {error}",
                usually="a download that was cut off, or a file with a wrong ending.",
                write="pathlib.Path(path).unlink() for such files, before the data set is made",
            )
        ) from error
    image = resized(array.reshape(*array.shape[:2], -1), size, interpolation, crop, pad)
    return image.transpose(2, 0, 1) if channels_first else image  # np.stack copies it
