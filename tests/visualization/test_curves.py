"""Curves of a run, and confusion matrices: what is drawn, and in which library."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

import fkeras as fk
from fkeras.core import Picture

SVG = "{http://www.w3.org/2000/svg}"
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="pip install 'fkeras[plots]'"
)


def texts(picture):
    return ["".join(text.itertext()) for text in ET.fromstring(picture.svg).iter(f"{SVG}text")]


@pytest.fixture
def history():
    made = fk.callbacks.History()
    for epoch in range(5):
        logs = {"loss": 0.5**epoch, "accuracy": 1 - 0.5**epoch, "val_loss": 0.6**epoch, "val_accuracy": 0.9}
        made.add(epoch, {**logs, "learning_rate": 0.1 if epoch < 3 else float("nan")})
    return made


def test_a_run_is_a_picture_without_matplotlib(history, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    picture = history.plot()
    assert isinstance(picture, Picture)
    assert picture.svg == history.to_picture().svg
    said = texts(picture)
    assert {"loss", "accuracy", "learning_rate", "epoch", "training 0.0625", "validation 0.13"} <= set(said)
    lines = list(ET.fromstring(picture.svg).iter(f"{SVG}polyline"))
    assert len(lines) == 5
    assert [line.get("stroke-dasharray") is not None for line in lines] == [False, True, False, True, False]
    assert "nan" not in picture.svg
    assert "loss by epoch: training from 1 to 0.0625" in ET.fromstring(picture.svg).find(f"{SVG}desc").text


def test_metrics_are_chosen_and_may_stand_on_powers_of_ten(history):
    assert texts(history.to_picture("loss", log=True)).count("1e-1") == 1
    assert texts(history.to_picture(["val_loss"])) == texts(history.to_picture(["loss"]))
    with pytest.raises(ValueError, match=r"no curve of 'acc'(?s:.*)Known: accuracy, learning_rate"):
        history.plot(["acc"])
    with pytest.raises(ValueError, match=r"\.savefig\('h\.PNG'\), or history\.to_picture\(\)\.save\(\"h\.svg\"\)"):
        history.plot("h.PNG")
    zero = fk.callbacks.History()
    zero.add(0, {"loss": 0.0})
    zero.add(1, {"loss": 0.0})
    with pytest.raises(ValueError, match="positive ones for log=True"):
        zero.plot("loss", log=True)
    assert "nan" not in zero.to_picture().svg  # one number all along
    with pytest.raises(ValueError, match="A curve needs two epochs or more"):
        fk.callbacks.History().plot()


def test_epochs_are_whole_numbers(history):
    history.history, history.epoch = {"loss": [0.5, 0.25]}, [0, 1]
    below = [text for text in ET.fromstring(history.to_picture().svg).iter(f"{SVG}text") if text.get("y") == "224"]
    assert [text.text for text in below] == ["1", "2"]
    if importlib.util.find_spec("matplotlib"):
        (axes,) = history.plot().axes
        assert {*axes.get_xticks()} >= {1.0, 2.0}
        assert all(at == round(at) for at in axes.get_xticks())


@needs_matplotlib
def test_a_run_is_a_figure_of_matplotlib(history, tmp_path):
    figure = history.plot(["loss", "accuracy"], log=True)
    axes = figure.axes
    assert [each.get_title() for each in axes] == ["loss", "accuracy"]
    assert [each.get_yscale() for each in axes] == ["log", "log"]
    assert [line.get_label() for line in axes[0].lines] == ["training", "validation"]
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), history.history["loss"])
    figure.savefig(tmp_path / "history.png")


@needs_matplotlib
def test_the_learning_rate_finder_is_drawn_by_the_same():
    found = fk.train.LearningRates(np.array([0.01, 0.1, 1.0]), np.array([0.5, 0.1, np.inf]), 10)
    (axes,) = found.plot().axes
    assert (axes.get_xscale(), axes.get_title()) == ("log", "loss after 10 steps; best: 0.1")


# ------------------------------------------------------------------ confusion matrices
def test_a_confusion_matrix_has_scikit_learns_numbers():
    random = np.random.default_rng(0)
    true, pred = random.integers(0, 4, 200), random.integers(0, 4, 200)
    scores = np.eye(4)[pred] + random.random((200, 4)) / 2
    for normalize in (None, "true", "pred", "all"):
        expected = confusion_matrix(true, pred, normalize=normalize)
        shown = fk.visualization.plot_confusion_matrix(np.eye(4)[true], scores, normalize=normalize)
        cells = texts(shown)[4 + 2 * 4 :]
        np.testing.assert_allclose(np.array(cells, float).reshape(4, 4), expected, atol=0.005)
    assert "rows, " in repr(shown)


def test_a_confusion_matrix_names_its_classes_and_faults():
    plot = fk.visualization.plot_confusion_matrix
    picture = plot([0, 1], [1, 1], class_names=["cat", "a<b"], title="pets")
    assert {"pets", "cat", "a<b", "2 rows, 50.0% right", "predicted", "true"} <= set(texts(picture))
    assert "cat taken for a&lt;b: 1" in picture.svg
    assert len(list(ET.fromstring(plot(np.arange(40), np.arange(40)).svg).iter(f"{SVG}rect"))) == 1 + 40 * 40 + 40
    with pytest.raises(ValueError, match=r"integers from 0 on(?s:.*)\(y_pred > 0\.5\)\.astype\(int\)"):
        plot([0, 1], [0.2, 0.9])
    with pytest.raises(ValueError, match="There are 3 classes, and a name for 2 of them"):
        plot([0, 2], [0, 1], class_names=["a", "b"])
    with pytest.raises(ValueError, match="2 and 1 rows"):
        plot([0, 2], [0])
    with pytest.raises(ValueError, match="normalize is one of true, pred, all"):
        plot([0], [0], normalize="rows")
