"""Boxes, masks and galleries: the pixels that Keras draws, recorded by goldens/make_drawn.py."""

from __future__ import annotations

import importlib.util
import pathlib

import numpy as np
import pytest

import fkeras as fk

GOLDENS = pathlib.Path(__file__).with_name("goldens")
IMAGES = np.zeros((3, 8, 8, 3), "uint8")
BOXES = {"boxes": np.array([[[1, 1, 5, 6]]] * 3), "labels": np.zeros((3, 1), int)}


def cases():
    """The cases of the script that made the goldens, without Keras."""
    text = (GOLDENS / "make_drawn.py").read_text()
    names = {"np": np}
    exec(text[text.index("def cases") : text.index("if __name__")], names)
    return names["cases"]()


CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_equals_keras(name):
    function, args, kwargs = CASES[name]
    with np.load(GOLDENS / "drawn.npz") as file:
        golden = dict(file)
    if function == "draw_bounding_boxes":
        cv2 = pytest.importorskip("cv2")
        if "named" in name and cv2.__version__ != str(golden["opencv"]):
            pytest.skip("letters differ from one OpenCV to the next")
    before = np.array(args[0])
    drawn = getattr(fk.visualization, function)(*args, **kwargs)
    np.testing.assert_array_equal(drawn.astype("uint8"), golden[name])
    np.testing.assert_array_equal(args[0], before)  # what was given is not drawn on


def test_channels_first_is_the_same_picture():
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 5, 3), dtype="uint8")
    masks = np.random.default_rng(1).integers(0, 3, (2, 6, 5))
    last = fk.visualization.draw_segmentation_masks(images, masks)
    first = fk.visualization.draw_segmentation_masks(
        np.moveaxis(images, -1, 1), masks[:, None], data_format="channels_first"
    )
    np.testing.assert_array_equal(first, last)


def test_every_class_is_drawn_and_what_is_ignored_is_not():
    images, masks = np.full((1, 1, 3, 3), 200), np.array([[[0, 1, 2]]])
    drawn = fk.visualization.draw_segmentation_masks(images, masks, ignore_index=0, blend=False)
    assert (drawn[0, 0] != 200).any(-1).tolist() == [False, True, True]
    red = fk.visualization.draw_segmentation_masks(images, masks, color_mapping={1: (255, 0, 0), 2: (0, 0, 0)}, alpha=1)
    assert red[0, 0].tolist() == [[200] * 3, [255, 0, 0], [0] * 3]


def test_faults_are_told():
    draw = fk.visualization.draw_segmentation_masks
    with pytest.raises(TypeError, match=r"classes of pixels, integers(?s:.*)masks\.argmax\(-1\)"):
        draw(IMAGES, np.zeros((3, 8, 8, 4), "float32"))
    with pytest.raises(ValueError, match=r"a class for each pixel(?s:.*)\(3, 4, 4\)"):
        draw(IMAGES, np.zeros((3, 4, 4), int))
    with pytest.raises(ValueError, match=r"Class 2 has no colour(?s:.*)color_mapping for \[1\]"):
        draw(IMAGES, np.full((3, 8, 8), 2), color_mapping={1: (0, 0, 0)})
    with pytest.raises(ValueError, match=r"an array of four axes(?s:.*)images\[None\]"):
        draw(IMAGES[0], np.zeros((8, 8), int))
    with pytest.raises(ValueError, match="data_format is one of channels_last, channels_first"):
        draw(IMAGES, np.zeros((3, 8, 8), int), data_format="NHWC")


def test_faults_of_boxes_are_told():
    pytest.importorskip("cv2")
    draw = fk.visualization.draw_bounding_boxes
    with pytest.raises(TypeError, match="a dict of boxes and labels"):
        draw(IMAGES, [1], "xyxy")
    with pytest.raises(ValueError, match=r"has no 'labels'(?s:.*)keys \['boxes'\]"):
        draw(IMAGES, {"boxes": BOXES["boxes"]}, "xyxy")
    with pytest.raises(ValueError, match="bounding_box_format is one of xyxy"):
        draw(IMAGES, BOXES, "xxyy")


def test_libraries_that_are_missing_are_named(monkeypatch):
    for module in ("cv2", "matplotlib.figure"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ImportError, match=r"OpenCV, which is not installed(?s:.*)pip install 'fkeras\[plots\]'"):
        fk.visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy")
    with pytest.raises(ImportError, match=r"a gallery is drawn by matplotlib(?s:.*)pip install 'fkeras\[plots\]'"):
        fk.visualization.plot_image_gallery(IMAGES)


# ------------------------------------------------------------------ galleries
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="pip install 'fkeras[plots]'"
)


@needs_matplotlib
def test_a_gallery_of_images(tmp_path):
    images = np.random.default_rng(0).random((5, 8, 8, 1))
    path = tmp_path / "gallery.png"
    figure = fk.visualization.plot_image_gallery(
        images, [0, 1, 0, 1, 7], [0, 0, 0, 0, 0], {0: "cat", 1: "dog"}, value_range=(0, 1), path=path
    )
    assert path.stat().st_size > 1000
    assert [each.get_title() for each in figure.axes][1] == "Label: dog  Pred: cat"
    assert figure.axes[4].get_title() == "Label: Unknown  Pred: cat"
    assert len(figure.axes) == 6
    np.testing.assert_array_equal(figure.axes[2].images[0].get_array(), (images[2, ..., 0] * 255).astype("uint8"))
    with pytest.raises(ValueError, match="to a file or shown in a window"):
        fk.visualization.plot_image_gallery(images, path=path, show=True)
    with pytest.raises(ValueError, match=r"label_map=dict\(enumerate\(class_names\)\)"):
        fk.visualization.plot_image_gallery(images, y_true=[0])


@needs_matplotlib
def test_galleries_of_boxes_and_masks():
    pytest.importorskip("cv2")
    figure = fk.visualization.plot_bounding_box_gallery(IMAGES, "xyxy", BOXES, BOXES, legend=True, rows=1)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Ground Truth", "Prediction"]
    assert len(figure.axes) == 3
    drawn = figure.axes[0].images[0].get_array()
    assert (255, 235, 59) in {tuple(pixel) for row in drawn.tolist() for pixel in row}  # what was predicted lies above
    masks = np.ones((3, 8, 8), int)
    figure = fk.visualization.plot_segmentation_mask_gallery(IMAGES, 2, y_true=masks, y_pred=masks[..., None])
    assert len(figure.axes) == 9
    assert figure.axes[0].images[0].get_array().max() == 0
    assert figure.axes[1].images[0].get_array().max() > 0
