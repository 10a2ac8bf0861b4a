"""`load_img`, `save_img`, `array_to_img` and `smart_resize` beside Keras's."""

import io
import sys

import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")


@pytest.fixture
def image():
    """The module of Pillow; skips where it is not installed."""
    return pytest.importorskip("PIL.Image")


RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (7, 10, 3), dtype="uint8")


def same(ours, theirs):
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("data_format", [None, "channels_first"])
@pytest.mark.parametrize("scale", [True, False])
def test_arrays_become_the_images_of_keras(image, channels, data_format, scale):
    x = RANDOM.uniform(0, 255, (4, 6, channels))
    x = x.transpose(2, 0, 1) if data_format else x
    same(fk.utils.array_to_img(x, data_format, scale), keras.utils.array_to_img(x, data_format, scale))
    constant = np.full_like(x, 3)
    same(fk.utils.array_to_img(constant, data_format, scale), keras.utils.array_to_img(constant, data_format, scale))


def test_grey_images_of_many_levels(image):
    x = RANDOM.uniform(0, 70000, (4, 6, 1))
    same(fk.utils.array_to_img(x, scale=False), keras.utils.array_to_img(x, scale=False))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "P"])
@pytest.mark.parametrize("color_mode", ["grayscale", "rgb", "rgba"])
def test_files_become_the_images_of_keras(image, tmp_path, mode, color_mode):
    if mode == "I;16":
        levels = RANDOM.integers(0, 60000, (7, 10), dtype="uint16")
        made = image.fromarray(levels)
        if color_mode != "grayscale":  # Keras makes white of it, or nothing, by Pillow's version
            made.save(tmp_path / "a.png")
            ours = np.asarray(fk.utils.load_img(tmp_path / "a.png", color_mode))
            np.testing.assert_array_equal(ours[..., :3], (levels[..., None] >> 8).repeat(3, -1))
            return
    else:
        made = image.fromarray(RGB).convert(mode)
    path = tmp_path / "a.png"
    made.save(path)
    for told in (path, str(path), io.BytesIO(path.read_bytes())):
        same(fk.utils.load_img(told, color_mode), keras.utils.load_img(path, color_mode))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
@pytest.mark.parametrize("keep", [True, False])
def test_images_are_resized_as_by_keras(image, tmp_path, interpolation, keep):
    path = tmp_path / "a.png"
    image.fromarray(RGB).save(path)
    for size in ((4, 4), (5, 3), (7, 10), (20, 9)):
        ours = fk.preprocessing.image.load_img(
            path, target_size=size, interpolation=interpolation, keep_aspect_ratio=keep
        )
        same(ours, keras.utils.load_img(path, target_size=size, interpolation=interpolation, keep_aspect_ratio=keep))


def test_images_are_written_and_read_again(image, tmp_path):
    for name in ("a.png", "b.JPG", "c.bmp"):
        fk.utils.save_img(tmp_path / name, RGB, scale=False)
        keras.utils.save_img(tmp_path / f"keras_{name}", RGB, scale=False)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"keras_{name}").read_bytes()
    np.testing.assert_array_equal(fk.utils.img_to_array(fk.utils.load_img(tmp_path / "a.png")), RGB)
    file = io.BytesIO()
    fk.utils.save_img(file, RGB, file_format="png", scale=False)
    np.testing.assert_array_equal(np.asarray(fk.utils.load_img(file)), RGB)
    with pytest.warns(UserWarning, match="JPEG has no fourth channel"):
        fk.utils.save_img(tmp_path / "d.jpg", np.zeros((3, 3, 4)))


def test_what_is_no_image_is_refused(image, tmp_path):
    for x, arguments, says in (
        (np.zeros((2, 3, 3, 3)), {}, r"shape \(2, 3, 3, 3\)"),
        (np.zeros((3, 3, 2)), {}, "2 channels"),
        (np.full((3, 3, 3), 256), {"scale": False}, "values from 256 to 256"),
        (np.full((3, 3, 3), np.nan), {}, "not finite"),
    ):
        with pytest.raises(ValueError, match=says):
            fk.utils.array_to_img(x, **arguments)
    path = tmp_path / "a.png"
    fk.utils.save_img(path, RGB)
    with pytest.raises(ValueError, match="Did you mean 'grayscale'"):
        fk.utils.load_img(path, "greyscale")
    with pytest.raises(ValueError, match="Did you mean 'bicubic'"):
        fk.utils.load_img(path, target_size=(2, 2), interpolation="cubic")
    with pytest.raises(TypeError, match="takes a path"):
        fk.utils.load_img(RGB)


def test_without_pillow_the_line_that_installs_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    for call in (lambda: fk.utils.load_img("a.png"), lambda: fk.utils.save_img("a.png", RGB)):
        with pytest.raises(ImportError, match=r"pip install 'fkeras\[images\]'"):
            call()


@pytest.mark.parametrize(
    ("shape", "size", "data_format"), [((8, 5, 3), (4, 4), "channels_last"), ((2, 3, 5, 8), (3, 7), "channels_first")]
)
def test_smart_resize_equals_keras(shape, size, data_format):
    x = RANDOM.uniform(size=shape).astype("float32")
    with keras_world():
        expected = keras.preprocessing.image.smart_resize(x, size, data_format=data_format)
    ours = fk.preprocessing.image.smart_resize(x, size, data_format=data_format)
    assert isinstance(ours, np.ndarray)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert not isinstance(
        fk.preprocessing.image.smart_resize(jnp.asarray(x), size, data_format=data_format), np.ndarray
    )
    with pytest.raises(ValueError, match="an image or a batch of them"):
        fk.preprocessing.image.smart_resize(x[0, 0], size)
