"""`preprocess_input` and `decode_predictions` beside those of real Keras."""

import importlib
import json

import jax
import keras
import numpy as np
import pytest

import fkeras as fk
from tests.real_keras import keras_world

# One module of each mode.
MODES = ("densenet", "efficientnet", "imagenet_utils", "resnet50", "xception")


@pytest.mark.parametrize("name", MODES)
def test_preprocess_input_equals_keras(name):
    ours = importlib.import_module(f"fkeras.applications.{name}").preprocess_input
    theirs = getattr(keras.applications, name).preprocess_input
    generator = np.random.default_rng(0)
    for data_format, shape in (("channels_last", (2, 4, 5, 3)), ("channels_first", (2, 3, 4, 5)), (None, (4, 5, 3))):
        x = generator.uniform(0, 255, shape).astype("float32")
        with keras_world():
            expected = np.asarray(theirs(x.copy(), data_format=data_format))
        kept = x.copy()
        for run in (ours, jax.jit(ours, static_argnames="data_format")):
            np.testing.assert_allclose(run(x, data_format=data_format), expected, rtol=1e-5, atol=1e-4)
        np.testing.assert_array_equal(x, kept, "the array that is given stays as it is")
        assert isinstance(ours(x, data_format), np.ndarray)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_integers_and_symbolic_tensors(mode):
    preprocess = fk.applications.imagenet_utils.preprocess_input
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    found = preprocess(pixels, mode=mode)
    assert found.dtype == np.float32
    inputs = fk.Input((4, 5, 3))
    model = fk.Model(inputs, preprocess(inputs, mode=mode))
    np.testing.assert_allclose(model.apply(model.init(0), pixels.astype("float32")), found, rtol=1e-5, atol=1e-4)


def test_what_preprocess_input_refuses():
    preprocess = fk.applications.imagenet_utils.preprocess_input
    with pytest.raises(ValueError, match="`mode` is one of 'caffe', 'tf', 'torch'"):
        preprocess(np.zeros((1, 4, 4, 3)), mode="keras")
    with pytest.raises(ValueError, match="`data_format` is one of"):
        preprocess(np.zeros((1, 4, 4, 3)), data_format="last")
    with pytest.raises(ValueError, match="Images have three channels"):
        preprocess(np.zeros((1, 4, 4, 1)))


@pytest.fixture
def class_index(tmp_path, monkeypatch):
    """A file of names of 1000 classes, in a cache of its own."""
    names = {str(i): [f"n{i:08}", f"class_{i}"] for i in range(1000)}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "imagenet_class_index.json").write_text(json.dumps(names))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))


def test_decode_predictions_names_the_best(class_index):
    scores = np.random.default_rng(0).uniform(size=(2, 1000)).astype("float32")
    found = fk.applications.resnet50.decode_predictions(jax.numpy.asarray(scores), top=3)
    assert [len(row) for row in found] == [3, 3]
    for row, best in zip(found, scores, strict=True):
        order = np.argsort(best)[::-1][:3]
        assert row == [(f"n{i:08}", f"class_{i}", best[i]) for i in order]


def test_what_decode_predictions_refuses(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    decode = fk.applications.imagenet_utils.decode_predictions
    with pytest.raises(ValueError, match="scores of the 1000 classes"):
        decode(np.zeros((1, 10)))
    with pytest.raises(FileNotFoundError, match=r"fk.applications.download\('imagenet_class_index'\)"):
        decode(np.zeros((1, 1000)))
