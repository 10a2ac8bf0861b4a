"""What Keras 3.15.1 draws on images, with OpenCV 5.0.0: `KERAS_BACKEND=jax python make_drawn.py` writes drawn.npz."""

import pathlib

import cv2
import keras
import numpy as np


def cases():
    """The arguments of each call by its name."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 24, 32, 3), dtype="uint8")
    boxes = {
        "boxes": np.array([[[3, 4, 20, 15], [10, 9, 40, 30]], [[1, 2, 8, 9], [5, 5, 6, 6]]], "float32"),
        "labels": np.array([[0, 1], [2, -1]]),
    }
    shares = {**boxes, "boxes": boxes["boxes"] / 40, "confidences": np.array([[0.5, 0.25], [1, 0]], "float32")}
    masks = random.integers(-1, 4, (2, 24, 32, 1)).astype("int32")
    colours = {i: (i * 60, 255 - i * 60, 30) for i in range(4)}
    names = {0: "a", 1: "b"}
    return {
        "boxes_xyxy": ("draw_bounding_boxes", (images, boxes, "xyxy"), {"color": (255, 0, 10)}),
        "boxes_thin": ("draw_bounding_boxes", (images, boxes, "center_xywh"), {"line_thickness": 1}),
        "boxes_shares": ("draw_bounding_boxes", (images / 255.0, shares, "rel_yxyx"), {"line_thickness": 3}),
        "boxes_named": (
            "draw_bounding_boxes",
            (images, shares, "rel_xywh"),
            {"class_mapping": names, "font_scale": 0.4},
        ),
        "masks": ("draw_segmentation_masks", (images, masks), {"num_classes": 4}),
        "masks_ignored": (
            "draw_segmentation_masks",
            (images, masks),
            {"num_classes": 3, "ignore_index": 0, "alpha": 0.3},
        ),
        "masks_coloured": ("draw_segmentation_masks", (images, masks), {"num_classes": 4, "color_mapping": colours}),
        "masks_plain": ("draw_segmentation_masks", (images, masks), {"num_classes": 4, "blend": False}),
    }


if __name__ == "__main__":
    drawn = {
        name: np.asarray(getattr(keras.visualization, function)(*args, **kwargs)).astype("uint8")
        for name, (function, args, kwargs) in cases().items()
    }
    versions = {"keras": keras.__version__, "opencv": cv2.__version__}
    np.savez_compressed(pathlib.Path(__file__).with_name("drawn.npz"), **drawn, **versions)
