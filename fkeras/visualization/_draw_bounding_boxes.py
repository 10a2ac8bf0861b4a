"""`draw_bounding_boxes`: boxes and their classes on images, drawn by OpenCV as in Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import explain, needed
from ..core.typing import ArrayLike
from ._images import checked_format, checked_images
from ._options import check_word

FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)


def draw_bounding_boxes(
    images: ArrayLike,
    bounding_boxes: Mapping[str, ArrayLike],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Sequence[int] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int | None = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Images with boxes on them.

    Args:
        images: `(batch, height, width, channels)`, of 0 to 255, or of 0 to 1 where no float is larger.
        bounding_boxes: `boxes`, `(batch, boxes, 4)`; `labels`, `(batch, boxes)`, where a box of -1 is not drawn; and
            `confidences`, `(batch, boxes)`, if any.
        bounding_box_format: `"xyxy"`, `"yxyx"`, `"xywh"`, `"center_xywh"`, `"center_yxhw"`, in pixels; or `"rel_xyxy"`
            and its like, in shares of the image.
        class_mapping: the classes' names, which are written beside their boxes.
        color: red, green and blue, from 0 to 255.
        line_thickness: of a box, in pixels.
        text_thickness: of a name; that of a box's lines where it is `None` or 0.
        font_scale: how large names are.
        data_format: `"channels_last"` or `"channels_first"`; that of the config by default.

    Returns:
        `uint8[batch, height, width, channels]`, a new array.

    Raises:
        ImportError: OpenCV is not installed (`pip install 'fkeras[plots]'`).
        TypeError: `bounding_boxes` is no dict.
        ValueError: images that are no batch; boxes without `boxes` or `labels`; another format.

    >>> import fkeras as fk
    >>> boxes = {"boxes": np.array([[[2, 2, 12, 9]]]), "labels": np.array([[0]])}
    >>> try:
    ...     drawn = fk.visualization.draw_bounding_boxes(np.zeros((1, 16, 16, 3)), boxes, "xyxy", color=(255, 0, 0))
    ... except ImportError:
    ...     drawn = np.zeros((1, 16, 16, 3), "uint8")  # without OpenCV
    >>> drawn.shape, drawn.dtype
    ((1, 16, 16, 3), dtype('uint8'))

    Reference: https://keras.io/api/visualization/draw_bounding_boxes/
    In Keras the images of `data_format="channels_first"` are drawn on as if their channels came last; here they come
    back as they came, with boxes on them.
    """
    cv2 = needed("cv2", "a box in an image", "OpenCV", "Keras draws boxes with it too.")
    array = checked_images(images, "draw_bounding_boxes")
    if not isinstance(bounding_boxes, Mapping):
        raise TypeError(
            explain(
                "bounding_boxes is a dict of boxes and labels.",
                received=f"a {type(bounding_boxes).__name__}",
                write='{"boxes": boxes, "labels": labels}',
            )
        )
    if missing := [name for name in ("boxes", "labels") if name not in bounding_boxes]:
        raise ValueError(
            explain(
                f"bounding_boxes has no {' and no '.join(map(repr, missing))}.",
                received=f"keys {list(bounding_boxes)}",
                write='{"boxes": boxes, "labels": labels}',
            )
        )
    first = checked_format(data_format) == "channels_first"
    array = np.moveaxis(array, 1, -1) if first else array
    drawn = np.ascontiguousarray(_as_bytes(array))
    corners = _corners(np.asarray(bounding_boxes["boxes"]), bounding_box_format, *array.shape[1:3]).astype("int32")
    labels = np.asarray(bounding_boxes["labels"]).astype("int32")
    confidences = bounding_boxes.get("confidences")
    colour, thickness = tuple(color), text_thickness or line_thickness
    for i, image in enumerate(drawn):
        for j, (left, top, right, bottom) in enumerate(corners[i].tolist()):
            label = int(labels[i, j])
            if label == -1:
                continue
            cv2.rectangle(image, (left, top), (right, bottom), colour, line_thickness)
            if class_mapping and label in class_mapping:
                text = class_mapping[label]
                if confidences is not None:
                    text = f"{text} | {np.asarray(confidences)[i, j]:.2f}"
                at = _beside(left, top, font_scale, thickness)
                cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, font_scale, colour, thickness)
    return np.moveaxis(drawn, -1, 1) if first else drawn


def _as_bytes(images: np.ndarray) -> np.ndarray:
    """Images of 0 to 255; floats of which none is above 1 are shares."""
    if images.dtype.kind == "f" and images.size:
        images = np.clip(images, 0, 1) * 255 if images.max() <= 1.0 else np.clip(images, 0, 255)
    return images.astype("uint8")


def _corners(boxes: np.ndarray, kind: str, height: int, width: int) -> np.ndarray:
    """Boxes as left, top, right, bottom, in pixels."""
    name = check_word(str(kind).lower(), "bounding_box_format", FORMATS)
    a, b, c, d = np.moveaxis(boxes.astype("float32"), -1, 0)
    plain = name.removeprefix("rel_")
    corners: dict[str, Any] = {
        "xyxy": (a, b, c, d),
        "yxyx": (b, a, d, c),
        "xywh": (a, b, a + c, b + d),
        "center_xywh": (a - c / 2, b - d / 2, a + c / 2, b + d / 2),
        "center_yxhw": (b - d / 2, a - c / 2, b + d / 2, a + c / 2),
    }
    found = np.stack(corners[plain], axis=-1)
    return found * np.array([width, height, width, height], "float32") if name != plain else found


def _beside(left: int, top: int, scale: float, thickness: int) -> tuple[int, int]:
    """Where a name is written: above its box, or in it where there is no room."""
    high = 2 * int(scale * 12)
    if top - 8 - high > 0:
        return left, top - 8
    return left + 3, top + high + thickness + 3
