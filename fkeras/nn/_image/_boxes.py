"""Bounding boxes: the ways of writing them, and cutting them to the image."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import Array, ArrayLike, DTypeLike, Float, PyTree
from ._types import Boxes, LabelledBoxes

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


def format_name(value: str | None) -> str | None:
    """A converter: the name of a way of writing boxes, or `None`.

    Raises:
        ValueError: another name.
    """
    if value is not None and (not isinstance(value, str) or value.lower() not in FORMATS):
        raise ValueError(
            explain(
                f"`bounding_box_format` must be one of {FORMATS}.",
                received=f"bounding_box_format={value!r}",
                write='bounding_box_format="xyxy"',
            )
        )
    return value


def _split(boxes: Array) -> list[Array]:
    return jnp.split(boxes, 4, axis=-1)


def _join(*parts: Array) -> Array:
    return jnp.concatenate(jnp.broadcast_arrays(*parts), axis=-1)


def _to_xyxy(boxes: Array, kind: str) -> Array:
    """Boxes as left, top, right, bottom, in the unit that they have."""
    a, b, c, d = _split(boxes)
    if kind == "yxyx":
        return _join(b, a, d, c)
    if kind == "xywh":
        return _join(a, b, a + c, b + d)
    if kind == "center_xywh":
        return _join(a - c / 2, b - d / 2, a + c / 2, b + d / 2)
    if kind == "center_yxhw":
        return _join(b - d / 2, a - c / 2, b + d / 2, a + c / 2)
    return boxes


def _from_xyxy(boxes: Array, kind: str) -> Array:
    """The inverse of `_to_xyxy`."""
    left, top, right, bottom = _split(boxes)
    wide, high = right - left, bottom - top
    if kind == "yxyx":
        return _join(top, left, bottom, right)
    if kind == "xywh":
        return _join(left, top, wide, high)
    if kind == "center_xywh":
        return _join(left + wide / 2, top + high / 2, wide, high)
    if kind == "center_yxhw":
        return _join(top + high / 2, left + wide / 2, high, wide)
    return boxes


def convert(
    boxes: Boxes, source: str, target: str, height: ArrayLike, width: ArrayLike, dtype: DTypeLike = "float32"
) -> Boxes:
    """Boxes in another way of writing.

    Args:
        boxes: `(..., 4)`.
        source, target: names among `FORMATS`.
        height, width: the image's size in pixels; a number, or an array that fits the boxes.
        dtype: the result's dtype.

    Returns:
        Boxes of the same shape.
    """
    boxes = jnp.asarray(boxes).astype(dtype)
    source, target = source.lower(), target.lower()
    if source == target:
        return boxes
    boxes = _to_xyxy(boxes, source.removeprefix("rel_"))
    was, becomes = source.startswith("rel_"), target.startswith("rel_")
    if was != becomes:
        width, height = jnp.asarray(width).astype(dtype), jnp.asarray(height).astype(dtype)
        left, top, right, bottom = _split(boxes)
        ranked = [s if s.ndim else s.reshape((1,) * boxes.ndim) for s in (width, height)]
        wide, high = ranked
        if was:
            boxes = _join(left * wide, top * high, right * wide, bottom * high)
        else:
            boxes = _join(left / wide, top / high, right / wide, bottom / high)
    return _from_xyxy(boxes, target.removeprefix("rel_"))


def clip(bounding_boxes: LabelledBoxes, width: ArrayLike, height: ArrayLike) -> dict[str, Array]:
    """Boxes cut to `[0, width]` and `[0, height]`; the label of a box that is empty then is -1.

    Args:
        bounding_boxes: `{"boxes": …, "labels": …}`, left, top, right, bottom; labels are optional.
        width, height: numbers, in the unit of the boxes.
    """
    left, top, right, bottom = _split(bounding_boxes["boxes"])
    left, right = jnp.clip(left, 0, width), jnp.clip(right, 0, width)
    top, bottom = jnp.clip(top, 0, height), jnp.clip(bottom, 0, height)
    cut = {**bounding_boxes, "boxes": _join(left, top, right, bottom)}
    labels = bounding_boxes.get("labels")
    if labels is not None:
        area = ((right - left) * (bottom - top))[..., 0]
        area = area.reshape(area.shape + (1,) * (jnp.ndim(labels) - area.ndim))
        cut["labels"] = jnp.where(area > 0, labels, jnp.asarray(-1, jnp.asarray(labels).dtype))
    return cut


def rotate(
    boxes: Float[Array, "batch boxes 4"], angle: Float[Array, " batch"], height: int, width: int
) -> Float[Array, "batch boxes 4"]:
    """The upright boxes around boxes that are turned about the image's centre.

    Args:
        boxes: `(batch, n, 4)`, left, top, right, bottom in pixels.
        angle: `(batch,)`, degrees.
        height, width: the image's size in pixels.
    """
    turn = (-angle * (jnp.pi / 180)).reshape(-1, 1, 1)
    x, y = (jnp.asarray(s - 1, turn.dtype) * 0.5 for s in (width, height))
    left, top, right, bottom = (part - centre for part, centre in zip(_split(boxes), (x, y, x, y), strict=True))
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    xs = _join(*(cos * a - sin * b + x for a, b in ((left, top), (right, top), (right, bottom), (left, bottom))))
    ys = _join(*(sin * a + cos * b + y for a, b in ((left, top), (right, top), (right, bottom), (left, bottom))))
    return _around(xs, ys)


def _around(
    xs: Float[Array, "batch boxes points"], ys: Float[Array, "batch boxes points"]
) -> Float[Array, "batch boxes 4"]:
    """The upright boxes around points."""
    parts = [xs.min(axis=-1), ys.min(axis=-1), xs.max(axis=-1), ys.max(axis=-1)]
    return jnp.stack(parts, axis=-1)


def project(boxes: Float[Array, "batch boxes 4"], matrix: Float[Array, "batch 3 3"]) -> Float[Array, "batch boxes 4"]:
    """The upright boxes around boxes under a projection.

    Args:
        boxes: `(batch, n, 4)`, left, top, right, bottom.
        matrix: `(batch, 3, 3)`, of points `(x, y, 1)`.
    """
    left, top, right, bottom = _split(boxes)
    x = jnp.concatenate([left, right, left, right], axis=-1)
    y = jnp.concatenate([top, bottom, bottom, top], axis=-1)
    projected = jnp.einsum("bij,jbnp->ibnp", matrix, jnp.stack([x, y, jnp.ones_like(x)]))
    return _around(projected[0] / projected[2], projected[1] / projected[2])


def densify(bounding_boxes: PyTree, who: str) -> LabelledBoxes:
    """Boxes as arrays; where images have different numbers of boxes, zeros and labels -1 fill up.

    Raises:
        ValueError: no dict with boxes and labels, or ranks that do not belong together.
    """
    if not isinstance(bounding_boxes, Mapping) or not {"boxes", "labels"} <= set(bounding_boxes):
        given = sorted(bounding_boxes) if isinstance(bounding_boxes, Mapping) else type(bounding_boxes).__name__
        raise ValueError(
            explain(
                f'{who}: bounding boxes are a dict with "boxes" and "labels".',
                received=str(given),
                write='{"boxes": array of shape (batch, n, 4), "labels": array of shape (batch, n)}',
            )
        )
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if isinstance(boxes, list | tuple) and boxes and np.ndim(labels[0]) == 1:
        most = max(len(b) for b in boxes)
        boxes = jnp.stack([_fill(jnp.asarray(b, "float32").reshape(-1, 4), most, 0) for b in boxes])
        labels = jnp.stack([_fill(jnp.asarray(b, "int32"), most, -1) for b in labels])
    boxes, labels = jnp.asarray(boxes, "float32"), jnp.asarray(labels)
    if boxes.ndim not in (2, 3) or boxes.shape[-1] != 4 or labels.ndim not in (boxes.ndim - 1, boxes.ndim):
        raise ValueError(
            explain(
                f"{who}: the boxes and their labels do not fit each other.",
                received=f"boxes of shape {boxes.shape}, labels of shape {labels.shape}",
                write="boxes of shape (batch, n, 4) and labels of shape (batch, n)",
            )
        )
    return {**bounding_boxes, "boxes": boxes, "labels": labels}


def _fill(rows: Array, count: int, value: int) -> Array:
    widths = [(0, count - rows.shape[0])] + [(0, 0)] * (rows.ndim - 1)
    return jnp.pad(rows, widths, constant_values=value)
