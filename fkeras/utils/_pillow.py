"""Images of Pillow: read, written, made from arrays and resized, as Keras does it."""

from __future__ import annotations

import io
import os
import pathlib
import types
import warnings
from typing import IO, TYPE_CHECKING

import numpy as np

from ..core import did_you_mean, explain
from ..core.typing import ArrayLike, DTypeLike, FilePath, Num

if TYPE_CHECKING:
    from PIL.Image import Image

# Pillow's modes of one channel that are kept when an image is read in grey.
_GREY = ("L", "I;16", "I")
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def load_img(
    path: FilePath | bytes | IO[bytes],
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """An image from a file.

    Args:
        path: the file, or one that is open for reading bytes.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        target_size: `(height, width)`; the image's own by default.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`, `"box"` or `"hamming"`.
        keep_aspect_ratio: whether the middle is cut out in the target's proportions before.

    Returns:
        An image of Pillow; `fk.utils.img_to_array` makes an array of it.

    Raises:
        ImportError: Pillow is not installed (`pip install 'fkeras[images]'`).
        ValueError: another mode or interpolation.
        TypeError: no path.

    Reference: https://keras.io/api/data_loading/image/
    Unlike Keras, grey of 16 bits that is read in colours keeps its upper eight bits: there what is above 255 is white.
    """
    library = _library("load_img")
    if color_mode not in _MODES:
        raise _unknown("color_mode", color_mode, tuple(_MODES))
    image = _opened(library, path)
    if image.mode != _MODES[color_mode] and not (color_mode == "grayscale" and image.mode in _GREY):
        image = in_mode(image, _MODES[color_mode])
    if target_size is None:
        return image
    height, width = target_size
    if interpolation not in _INTERPOLATIONS:
        raise _unknown("interpolation", interpolation, _INTERPOLATIONS)
    if image.size == (width, height):
        return image
    box = _middle(image.size, (width, height)) if keep_aspect_ratio else None
    return image.resize((width, height), library.Resampling[interpolation.upper()], box=box)


def in_mode(image: Image, mode: str) -> Image:
    """An image of Pillow in another mode; of 16 bits the upper eight become colours, as in TensorFlow.

    Pillow, and so Keras without TensorFlow, makes white of all that is above 255.
    """
    wide = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    if not wide or mode not in ("RGB", "RGBA"):
        return image.convert(mode)
    upper: Image = _library("load_img").fromarray((np.asarray(image) >> 8).astype("uint8"))
    return upper.convert(mode)


def _opened(library: types.ModuleType, path: FilePath | bytes | IO[bytes]) -> Image:
    """An image whose file is closed again."""
    if isinstance(path, str | bytes | os.PathLike):
        with open(path, "rb") as file:
            path = io.BytesIO(file.read())
    if not hasattr(path, "read"):
        raise TypeError(
            explain(
                "load_img takes a path, or a file that is open for reading.",
                received=type(path).__name__,
                usually="an array, which is an image already.",
                write='fk.utils.load_img("cat.jpg"), or fk.utils.array_to_img(x)',
            )
        )
    image: Image = library.open(path)
    return image


def _middle(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest box in the middle of an image that has the proportions of the target; both `(width, height)`."""
    width, height = min(size[0], size[1] * target[0] // target[1]), min(size[1], size[0] * target[1] // target[0])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height


def array_to_img(
    x: Num[ArrayLike, "height width channels"],
    data_format: str | None = None,
    scale: bool = True,
    dtype: DTypeLike | None = None,
) -> Image:
    """An image of Pillow from an array.

    Args:
        x: one, three or four channels.
        data_format: `"channels_last"`, the default, or `"channels_first"`.
        scale: whether the least value becomes 0 and the largest 255.
        dtype: what is computed in; float32 by default.

    Returns:
        An image of mode L, RGB or RGBA; of one channel with values above 255, of mode I.

    Raises:
        ImportError: Pillow is not installed (`pip install 'fkeras[images]'`).
        ValueError: another rank, another number of channels, or values that an image cannot have.

    Reference: https://keras.io/api/data_loading/image/
    Unlike Keras, what is not scaled has to be from 0 to 255: there 256 becomes 0.
    """
    library = _library("array_to_img")
    array = np.asarray(x, dtype=dtype or "float32")
    if array.ndim != 3 or data_format not in (None, "channels_last", "channels_first"):
        raise _no_image(f"shape {array.shape}, data_format={data_format!r}")
    array = array.transpose(1, 2, 0) if data_format == "channels_first" else array
    channels = array.shape[2]
    if channels not in (1, 3, 4) or not array.size:
        raise _no_image(f"{channels} channels, shape {array.shape}")
    if not np.isfinite(array).all():
        raise _no_image("values that are not finite")
    if scale:
        array = array - array.min()
        most = array.max()
        array = (array / most if most != 0 else array) * 255
    is_wide = channels == 1 and array.max() > 255
    if not scale and (array.min() < 0 or (array.max() > 255 and not is_wide)):
        raise _no_image(f"values from {array.min():.4g} to {array.max():.4g}, scale=False")
    rows = array[:, :, 0] if channels == 1 else array
    image: Image = library.fromarray(rows.astype("int32" if is_wide else "uint8"))
    return image


def save_img(
    path: FilePath | IO[bytes],
    x: Num[ArrayLike, "height width channels"],
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: object,
) -> None:
    """Write an array as an image.

    Args:
        path: the file, or one that is open for writing bytes.
        x: one, three or four channels.
        data_format: `"channels_last"`, the default, or `"channels_first"`.
        file_format: `"png"`, `"jpeg"` …; by the path's suffix by default.
        scale: whether the least value becomes 0 and the largest 255.
        kwargs: what Pillow's `save` takes.

    Raises:
        ImportError: Pillow is not installed (`pip install 'fkeras[images]'`).
        ValueError: no image, or a format that is not known.

    A warning says so where JPEG leaves out the fourth channel.

    Reference: https://keras.io/api/data_loading/image/
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = pathlib.Path(path).suffix[1:]
    file_format = "jpeg" if (file_format or "").lower() == "jpg" else (file_format or "").lower()
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn(
            explain(
                "JPEG has no fourth channel, so it is left out.",
                received=f"shape {np.shape(x)}",
                usually="an image with transparency.",
                write='fk.utils.save_img("cat.png", x)',
            ),
            stacklevel=2,
        )
        image = image.convert("RGB")
    image.save(path, format=file_format or None, **kwargs)


def _library(caller: str) -> types.ModuleType:
    try:
        import PIL.Image
    except ImportError:
        raise ImportError(
            explain(
                f"fk.utils.{caller} needs Pillow, which is not installed.",
                usually="it is an extra.",
                write="pip install 'fkeras[images]'",
            )
        ) from None
    return PIL.Image


def _unknown(name: str, told: str, known: tuple[str, ...]) -> ValueError:
    what = f"load_img has no {name} {told!r}. {did_you_mean(str(told), known)}"
    return ValueError(explain(what, received=f"{name}={told!r}", write=f"{name}={known[0]!r}"))


def _no_image(received: str) -> ValueError:
    return ValueError(
        explain(
            "An image has rows, columns, and one, three or four channels of numbers from 0 to 255.",
            received=received,
            usually="a batch of images, or numbers that are to be scaled.",
            write="fk.utils.array_to_img(images[0], scale=True)",
        )
    )
