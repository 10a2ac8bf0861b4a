"""The programs of the first page run as they stand there, and come to about the same."""

import pathlib
import re

import numpy as np
from sklearn.datasets import load_digits

from ..real_keras import keras_world

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "index.md").read_text()


def test_one_task_three_times(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype("float32")
    given = {"x": images[:640], "y": labels[:640], "x_test": images[640:], "y_test": labels[640:]}
    here, keras, by_hand, pure = (
        (code, given | {"__name__": "landing"}) for code in re.findall(r"```python\n(.*?)```", PAGE, re.S)
    )
    exec(*here)
    exec(*by_hand)
    with keras_world():
        exec(*keras)
    here, keras, by_hand = here[1], keras[1], by_hand[1]
    accuracies = [
        here["trainer"].evaluate(here["state"], here["x_test"], here["y_test"], verbose=0)["accuracy"],
        by_hand["right"](by_hand["state"], by_hand["x_test"], by_hand["y_test"]),
    ]
    with keras_world():
        accuracies.append(keras["model"].evaluate(keras["x_test"], keras["y_test"], verbose=0)[1])
    assert np.ptp(accuracies) < 0.15, accuracies
    assert min(accuracies) > 0.6, accuracies
    exec(pure[0], here)
    assert len(here["histories"]) == 8
    assert here["logs"]["loss"].shape == (20,)
    assert (tmp_path / "digits.keras").exists()
