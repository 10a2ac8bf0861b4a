"""Galleries: rows and columns of images with their labels, boxes or masks, drawn by matplotlib as in Keras."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import explain, needed
from ..core.typing import ArrayLike
from ._draw_bounding_boxes import draw_bounding_boxes
from ._draw_segmentation_masks import draw_segmentation_masks
from ._images import checked_format, checked_images


def plot_image_gallery(
    images: ArrayLike,
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: str | os.PathLike[str] | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> Any:
    """Images in rows and columns, with what they are and what was predicted.

    Args:
        images: `(batch, height, width, channels)`, with 1, 3 or 4 channels.
        y_true: the class of each image.
        y_pred: the class that was predicted.
        label_map: the classes' names; needed with `y_true` and `y_pred`.
        rows, cols: how many there are; as many as make a square by default.
        value_range: the least and the largest number of an image.
        scale: of an image, in inches.
        path: a file to write.
        show: whether a window is opened, by `pyplot.show()`.
        transparent: whether the file has no ground.
        dpi: dots per inch of the file.
        legend_handles: matplotlib's handles of a legend.
        data_format: `"channels_last"` or `"channels_first"`; that of the config by default.

    Returns:
        A `matplotlib.figure.Figure`, which a notebook shows.

    Raises:
        ImportError: matplotlib is not installed (`pip install 'fkeras[plots]'`).
        ValueError: images that are no batch; classes without names; `path` and `show`.

    >>> import fkeras as fk
    >>> images = np.zeros((5, 8, 8, 3))
    >>> try:
    ...     figure = fk.visualization.plot_image_gallery(images, y_true=[0, 1, 0, 1, 0], label_map={0: "cat", 1: "dog"})
    ...     print(len(figure.axes), figure.axes[1].get_title())
    ... except ImportError:
    ...     print(6, "Label: dog")  # without matplotlib
    6 Label: dog

    Reference: https://keras.io/api/visualization/plot_image_gallery/
    Keras returns nothing, opens a window unless `path` or `show=False` is given, and shows no more images than make
    full rows.
    """
    figures = needed("matplotlib.figure", "a gallery", "matplotlib", "images are arrays; PIL writes one as a file.")
    array = checked_images(images, "plot_image_gallery")
    if path is not None and show:
        raise ValueError(
            explain(
                "A gallery is written to a file or shown in a window.",
                received=f"path={os.fspath(path)!r}, show=True",
                write="show=None; the figure that is returned can be shown",
            )
        )
    if label_map is None and (y_true is not None or y_pred is not None):
        raise ValueError(
            explain(
                "plot_image_gallery writes classes by their names.",
                received="y_true or y_pred, and no label_map",
                write="label_map=dict(enumerate(class_names))",
            )
        )
    if checked_format(data_format) == "channels_first":
        array = np.moveaxis(array, 1, -1)
    count = len(array)
    rows = rows or (math.ceil(count / cols) if cols else math.ceil(math.sqrt(count)))
    cols = cols or max(1, math.ceil(count / rows))
    size = (cols * scale, rows * scale)
    pyplot = needed("matplotlib.pyplot", "a window", "matplotlib", "the figure that is returned.") if show else None
    options = {"figsize": size, "frameon": False, "layout": "tight"}
    figure = pyplot.figure(**options) if pyplot else figures.Figure(**options)
    axes = figure.subplots(rows, cols, squeeze=False, sharex="row", sharey="col")
    if legend_handles is not None:
        figure.legend(handles=list(legend_handles), loc="lower center")
    low, high = value_range
    shown = ((array.astype("float32") - low) / (high - low) * 255).astype("uint8")
    for i, each in enumerate(axes.flat):
        each.axis("off")
        each.margins(x=0, y=0)
        if i < count:
            each.imshow(shown[i, ..., 0] if shown.shape[-1] == 1 else shown[i], cmap="gray", vmin=0, vmax=255)
            each.set_title("  ".join(_titles(i, label_map or {}, y_true, y_pred)), fontsize=8)
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    if pyplot:
        pyplot.show()
    return figure


def _titles(number: int, names: Mapping[int, str], y_true: ArrayLike | None, y_pred: ArrayLike | None) -> list[str]:
    """What is written above an image."""
    found = []
    for word, given in (("Label", y_true), ("Pred", y_pred)):
        labels = np.asarray([] if given is None else given).ravel()
        if number < len(labels):
            found.append(f"{word}: {names.get(int(labels[number]), 'Unknown')}")
    return found


def plot_bounding_box_gallery(
    images: ArrayLike,
    bounding_box_format: str,
    y_true: Mapping[str, ArrayLike] | None = None,
    y_pred: Mapping[str, ArrayLike] | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: Sequence[int] = (0, 188, 212),
    pred_color: Sequence[int] = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """Images in rows and columns, with their boxes and those that were predicted.

    Args:
        images: `(batch, height, width, channels)`.
        bounding_box_format: how boxes are written, see `draw_bounding_boxes`.
        y_true: the boxes, `{"boxes": …, "labels": …}`.
        y_pred: those that were predicted, with `confidences` if any.
        value_range: the least and the largest number of an image.
        true_color, pred_color: red, green and blue, from 0 to 255.
        line_thickness, font_scale, text_thickness: see `draw_bounding_boxes`.
        class_mapping: the classes' names.
        ground_truth_mapping, prediction_mapping: others for the boxes, and for those that were predicted.
        legend: whether a legend says which colour is which.
        legend_handles: matplotlib's handles of another legend.
        rows, cols: how many there are.
        data_format: `"channels_last"` or `"channels_first"`; that of the config by default.
        **kwargs: further arguments of `plot_image_gallery`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: matplotlib or OpenCV is not installed (`pip install 'fkeras[plots]'`).
        ValueError: images that are no batch; `legend` and `legend_handles`.

    Reference: https://keras.io/api/visualization/plot_bounding_box_gallery/
    Keras draws on images of 0 to 255 whatever `value_range` says; here they are brought to that first.
    """
    patches = needed("matplotlib.patches", "a gallery", "matplotlib", "draw_bounding_boxes returns an array.")
    array = checked_images(images, "plot_bounding_box_gallery")
    if checked_format(data_format) == "channels_first":
        array = np.moveaxis(array, 1, -1)
    if legend and legend_handles:
        raise ValueError(
            explain(
                "A gallery has one legend.",
                received="legend=True, and legend_handles",
                write="legend_handles=handles, without legend",
            )
        )
    low, high = value_range
    drawn = ((array.astype("float32") - low) / (high - low) * 255).astype("uint8")
    sets = (
        (y_true, true_color, ground_truth_mapping or class_mapping, "Ground Truth"),
        (y_pred, pred_color, prediction_mapping or class_mapping, "Prediction"),
    )
    for boxes, color, names, _ in sets:
        if boxes is not None:
            drawn = draw_bounding_boxes(
                drawn,
                boxes,
                bounding_box_format,
                class_mapping=names,
                color=color,
                line_thickness=line_thickness,
                text_thickness=text_thickness,
                font_scale=font_scale,
                data_format="channels_last",
            )
    if legend:
        legend_handles = [patches.Patch(color=np.array(color) / 255, label=word) for _, color, _, word in sets]
    return plot_image_gallery(
        drawn, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs
    )


def plot_segmentation_mask_gallery(
    images: ArrayLike,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """A row for each image: the image, its mask on it, and the mask that was predicted.

    Args:
        images: `(batch, height, width, channels)`.
        num_classes: classes from this on have no colour.
        value_range: the least and the largest number of an image.
        y_true: the masks, `(batch, height, width)` or with an axis of 1 behind.
        y_pred: those that were predicted.
        color_mapping, blend, alpha, ignore_index: see `draw_segmentation_masks`.
        data_format: `"channels_last"` or `"channels_first"`; that of the config by default.
        **kwargs: further arguments of `plot_image_gallery`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: matplotlib is not installed (`pip install 'fkeras[plots]'`).
        ValueError: images that are no batch, masks of another shape.

    Reference: https://keras.io/api/visualization/plot_segmentation_mask_gallery/
    Keras draws on images of 0 to 255 whatever `value_range` says; here they are brought to that first.
    """
    array = checked_images(images, "plot_segmentation_mask_gallery")
    first = checked_format(data_format) == "channels_first"
    if first:
        array = np.moveaxis(array, 1, -1)
    low, high = value_range
    plain = ((array.astype("float32") - low) / (high - low) * 255).astype("uint8")
    shown = [plain]
    for masks in (y_true, y_pred):
        if masks is not None:
            classes = np.asarray(masks).astype("int32")
            if first and classes.ndim == 4:
                classes = np.moveaxis(classes, 1, -1)
            drawn = draw_segmentation_masks(
                plain,
                classes,
                num_classes=num_classes,
                color_mapping=color_mapping,
                alpha=alpha,
                blend=blend,
                ignore_index=ignore_index,
                data_format="channels_last",
            )
            shown.append(drawn.astype("uint8"))
    gallery = np.stack(shown, axis=1).reshape(-1, *plain.shape[1:])
    return plot_image_gallery(gallery, rows=len(plain), cols=len(shown), data_format="channels_last", **kwargs)
