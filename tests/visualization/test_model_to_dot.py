"""Models in the DOT language: the boxes and arrows of Keras's."""

from __future__ import annotations

import re

import pytest

import fkeras as fk
from fkeras import nn

from . import models


def read(text):
    """The boxes by the name that the text has for them, and the arrows."""
    boxes = dict(re.findall(r"^ *(n[\d_]+) \[label=<<table.*?<b>(.*?)</b>", text, re.MULTILINE))
    arrows = {(boxes[a], boxes[b]) for a, b in re.findall(r"(n[\d_]+) -> (n[\d_]+)", text)}
    return boxes, arrows


def test_boxes_and_arrows():
    boxes, arrows = read(fk.utils.model_to_dot(models.many_ends()))
    assert len(boxes) == 10
    assert arrows == {
        ("title", "embedding"),
        ("body", "embedding_1"),
        ("embedding", "lstm"),
        ("embedding_1", "lstm_1"),
        ("lstm", "concatenate"),
        ("lstm_1", "concatenate"),
        ("tags", "concatenate"),
        ("concatenate", "priority"),
        ("concatenate", "department"),
    }


def test_clusters_have_the_arrows_of_what_is_in_them():
    text = fk.utils.model_to_dot(models.nested(), expand_nested=True, show_layer_names=True)
    assert text.count("subgraph") == text.count("style=dashed") == 2
    assert 'label="small"' in text
    _, arrows = read(text)
    assert ("add", "dense") in arrows
    assert not any("small" in pair or "large" in pair for pair in arrows)
    _, whole = read(fk.utils.model_to_dot(models.nested()))
    assert ("small", "large") in whole


def test_what_is_shown():
    model = models.residual().freeze("head")
    text = fk.utils.model_to_dot(
        model, show_shapes=True, show_dtype=True, show_trainable=True, show_layer_activations=True, rankdir="LR", dpi=96
    )
    assert "graph [rankdir=LR, concentrate=true, dpi=96, splines=ortho];" in text
    assert "Output shape: <b>(None, 8, 8, 4)</b>" in text
    assert "Output dtype: <b>float32</b>" in text
    assert "Activation: <b>relu</b>" in text
    assert (text.count("<b>Trainable"), text.count("<b>Non-trainable")) == (4, 1)
    assert text.count("{") == text.count("}")


def test_one_box_for_a_model_in_python_and_a_cluster_for_a_part():
    boxes, arrows = read(fk.utils.model_to_dot(models.Written()))
    assert (len(boxes), arrows) == (1, set())
    part = fk.utils.model_to_dot(models.chain(), subgraph=True)
    assert part.startswith('subgraph "cluster_sequential" {\n  label="sequential";')
    assert "rankdir" not in part


def test_names_are_quoted():
    inputs = fk.Input((4,), name="a")
    model = fk.Model(inputs, nn.Dense(3, name='b<"x">')(inputs))
    assert "<b>b&lt;&quot;x&quot;&gt;</b>" in fk.utils.model_to_dot(model)
    with pytest.raises(ValueError, match=r"splines is one of ortho, curved"):
        fk.utils.model_to_dot(model, splines="straight")
