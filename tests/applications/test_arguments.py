"""What the networks refuse, in words that say what to write; and Keras's signatures."""

import inspect

import keras
import numpy as np
import pytest

import fkeras as fk

from .networks import NETWORKS


@pytest.mark.parametrize("name", NETWORKS)
def test_signatures_are_those_of_keras(name):
    ours = inspect.signature(getattr(fk.applications, name)).parameters
    theirs = inspect.signature(getattr(keras.applications, name)).parameters
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


@pytest.mark.parametrize(
    ("network", "arguments", "says"),
    [
        ("ResNet50", {"weights": "nowhere.h5"}, "`weights` is None, 'imagenet' or a file"),
        ("ResNet50", {"classes": 3}, "tell 1000 classes apart"),
        ("ResNet50", {"weights": None, "pooling": "mean"}, "`pooling` is None, 'avg' or 'max'"),
        ("ResNet50", {"weights": None, "input_shape": (31, 64, 3)}, "at least 32 x 32"),
        ("ResNet50", {"weights": None, "input_shape": (3, 224, 224), "include_top": False}, "channels stand first"),
        ("ResNet50", {"weights": None, "input_shape": (224, 224)}, r"\(rows, columns, channels\)"),
        ("ResNet50", {"weights": None, "input_shape": (None, None, 3)}, "needs to know the size of its images"),
        ("ResNet50", {"input_shape": (200, 200, 3)}, r"images are of \(224, 224, 3\)"),
        ("ResNet50", {"input_shape": (64, 64, 1), "include_top": False}, "take 3 channels"),
        (
            "ResNet50",
            {"weights": None, "input_tensor": np.zeros((1, 8, 8, 3))},
            "is a symbolic tensor",
        ),
        ("Xception", {"weights": None, "input_shape": (70, 71, 3)}, "at least 71 x 71"),
        ("MobileNet", {"depth_multiplier": 2}, "depth_multiplier=1"),
        ("MobileNet", {"alpha": 0.9}, "alpha 0.25, 0.5, 0.75, 1.0"),
        ("MobileNetV3Small", {"alpha": 0.75, "minimalistic": True}, "alpha 1.0"),
        ("MobileNetV3Small", {"weights": None, "input_shape": (20, 64, 3)}, "at least 32 x 32"),
        (
            "NASNetMobile",
            {"weights": None, "include_top": False, "input_shape": (None, None, 3)},
            "cells fit each other",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:These networks usually take images of 1 or 3 channels")
def test_what_is_refused(network, arguments, says):
    with pytest.raises(ValueError, match=says):
        getattr(fk.applications, network)(**arguments)


def test_a_tensor_and_a_shape_that_disagree_are_refused():
    with pytest.raises(ValueError, match="say different sizes"):
        fk.applications.MobileNetV2((64, 64, 3), input_tensor=fk.Input((32, 32, 3)), weights=None)


def test_another_activation_is_refused_with_weights_of_a_file(tmp_path):
    (tmp_path / "w.weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="the top has the activation 'softmax', or None"):
        fk.applications.VGG16(weights=tmp_path / "w.weights.h5", classifier_activation="relu")


def test_channels_that_stand_first_are_told():
    with pytest.warns(UserWarning, match="usually take images of 1 or 3 channels"):
        fk.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 64))


@pytest.mark.parametrize(
    ("network", "shape", "says"),
    [
        ("MobileNet", (96, 96, 3), "128, 160, 192, 224 rows and columns; the network gets those of 224"),
        ("MobileNetV2", None, "96, 128, 160, 192, 224 rows"),
        ("MobileNetV3Small", (128, 128, 3), "images of 224 rows"),
    ],
)
def test_a_size_that_no_weights_were_published_for_is_told(network, shape, says, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.warns(UserWarning, match=says) as told, pytest.raises(FileNotFoundError):
        getattr(fk.applications, network)(shape, include_top=False)
    assert told[0].filename == __file__


@pytest.mark.parametrize("name", ["bert-base-uncased", "meta-llama/Llama-3.2-1B"])
def test_a_name_of_a_hub_is_answered_with_the_line_that_fetches_it(name):
    with pytest.raises(FileNotFoundError, match=rf'snapshot_download\("{name}", local_dir="{name}"\)'):
        fk.applications.load_pretrained(name)
