"""Pictures of models: nothing lies on anything else, no lines cross, and what is said is true."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from flax import linen, nnx

import fkeras as fk
from fkeras import nn
from fkeras.visualization._options import Options
from fkeras.visualization._plot_model import laid_out

from . import geometry, models

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def made():
    """Each model, made once."""
    return {make.__name__: make() for make in models.ALL}


def texts(picture):
    """The words of a picture, a string each."""
    return ["".join(text.itertext()) for text in ET.fromstring(picture.svg).iter(f"{SVG}text")]


def check(placed):
    assert not geometry.overlaps(placed)
    assert not geometry.lines_through_boxes(placed)
    assert not geometry.crossings(placed)


ALL_SHOWN = {
    "show_shapes": True,
    "show_dtype": True,
    "show_layer_names": True,
    "show_trainable": True,
    "show_layer_activations": True,
}


@pytest.mark.parametrize("name", [make.__name__ for make in models.ALL])
@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
def test_nothing_overlaps_and_no_lines_cross(made, name, rankdir):
    check(laid_out(made[name], Options(), rankdir))
    if rankdir in ("TB", "LR"):
        check(laid_out(made[name], Options(fold_repeated=False, expand_nested=True, **ALL_SHOWN), rankdir))


@pytest.mark.parametrize("name", ["ResNet50", "InceptionV3"])
def test_deep_networks_neither(name):
    model = getattr(fk.applications, name)(weights=None)
    placed = laid_out(model, Options(fold_repeated=False, show_shapes=True))
    check(placed)
    assert len(geometry.flat(placed)[0]) == len(model.layers)


def test_a_chain_is_one_straight_line(made):
    placed = laid_out(made["chain"], Options())
    assert len({box.x + box.width / 2 for box in placed.boxes}) == 1
    assert {x for line in placed.lines for x, _ in line.points} == {placed.boxes[0].x + placed.boxes[0].width / 2}


def test_the_main_road_is_straight_where_others_go_round(made):
    placed = laid_out(made["residual"], Options(fold_repeated=False))
    middles = {round(box.x + box.width / 2, 6) for box in placed.boxes}
    assert len(middles) == 1
    assert sum(len({x for x, _ in line.points}) > 1 for line in placed.lines) == 2


# ------------------------------------------------------------------ what is said
def test_each_argument_shows_what_keras_shows(made):
    model = made["residual"]
    plain = texts(fk.plot_model(model, fold_repeated=False))
    assert plain.count("Conv2D") == 2
    assert not [text for text in plain if ":" in text]
    shown = texts(fk.plot_model(model, fold_repeated=False, **ALL_SHOWN))
    assert "conv2d_1 (Conv2D)" in shown
    assert shown.count("Output shape: (None, 8, 8, 4)") == 9
    assert "Input shape: 2 × (None, 8, 8, 4)" in shown
    assert "Activation: relu" in shown
    assert shown.count("Output dtype: float32") == 11
    assert shown.count("Trainable") == 5  # those with weights
    inside = models.nested().freeze("small/.*")
    assert texts(fk.plot_model(inside, show_trainable=True)).count("Non-trainable") == 1
    for frozen in (inside, models.nested().freeze("small")):
        assert texts(fk.plot_model(frozen, show_trainable=True, expand_nested=True)).count("Non-trainable") == 3
    frozen = texts(fk.plot_model(model.freeze("head", "batch_.*"), show_trainable=True, fold_repeated=False))
    assert (frozen.count("Trainable"), frozen.count("Non-trainable")) == (2, 3)


def test_equal_blocks_in_a_row_are_one_that_says_how_often():
    picture = fk.plot_model(models.transformer(12))
    assert texts(picture).count("×12") == 1
    assert texts(picture).count("MultiHeadAttention") == 1
    same = fk.Sequential([fk.Input((4,)), *[nn.Dense(4) for _ in range(5)], nn.Dense(1)])
    assert texts(fk.plot_model(same, show_layer_names=True))[:2] == ["dense … dense_4 (Dense)", "×5"]
    assert texts(fk.plot_model(same, fold_repeated=False)).count("Dense") == 6
    repeated = fk.nn.Repeat(fk.Sequential([nn.Dense(4)]), 12)
    inputs = fk.Input((4,))
    assert "×12" in texts(fk.plot_model(fk.Model(inputs, repeated(inputs))))


@pytest.mark.parametrize(
    "last",
    [
        lambda x: nn.Dense(4, activation="relu")(x),  # another function
        lambda x: nn.Dense(4, use_bias=False)(x),
        lambda x: nn.Dense(5)(x),
    ],
)
def test_layers_that_differ_do_not_fold(last):
    inputs = x = fk.Input((4,))
    for _ in range(2):
        x = nn.Dense(4)(x)
    assert not [text for text in texts(fk.plot_model(fk.Model(inputs, last(x)))) if text.startswith("×")]


def test_blocks_whose_inside_is_used_elsewhere_do_not_fold():
    inputs = x = fk.Input((4,))
    kept = []
    for _ in range(4):
        x = nn.Dense(4)(x)
        kept.append(x)
    assert not [text for text in texts(fk.plot_model(fk.Model(inputs, kept))) if text.startswith("×")]
    folded = texts(fk.plot_model(fk.Model(inputs, kept[-1])))
    assert folded[-1] == "×4"


def test_shared_weights_are_no_repetition():
    shared, inputs = nn.Dense(4), fk.Input((4,))
    x = inputs
    for _ in range(4):
        x = shared(x)
    said = texts(fk.plot_model(fk.Model(inputs, x)))
    assert said[-1] == "call 4 of 4, with shared weights"
    assert said.count("Dense") == 4


def test_a_layer_that_is_called_twice_is_one_box(made):
    said = texts(fk.plot_model(made["siamese"]))
    assert said.count("Sequential") == 1
    assert "called 2 times, with shared weights" in said


def test_nested_models_fold_until_they_are_expanded(made):
    assert "3 layers inside" in texts(fk.plot_model(made["nested"]))
    expanded = texts(fk.plot_model(made["nested"], expand_nested=True, show_layer_names=True))
    assert {"large (Functional)", "add (Add)"} <= set(expanded)


def test_a_model_in_python_says_that_its_lines_are_not_known(made):
    said = texts(fk.plot_model(made["Written"], show_layer_names=True))
    assert "call() is Python: what feeds what in it is not recorded" in said
    assert "blocks_2 (Dense)" in said
    assert not laid_out(made["Written"], Options()).boxes[0].inside.lines


def test_guests_say_what_they_are():
    class Inner(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(3)(x)

    inputs = fk.Input((4,))
    said = texts(fk.plot_model(fk.Model(inputs, nn.FlaxLayer(Inner())(inputs)), show_shapes=True))
    assert {"FlaxLayer", "Linen module Inner", "Output shape: (None, 3)"} <= set(said)


def test_guests_of_nnx_say_so_too():
    class Inner(nnx.Module):
        def __init__(self, rngs):
            self.dense = nnx.Linear(4, 3, rngs=rngs)

        def __call__(self, x):
            return self.dense(x)

    inputs = fk.Input((4,))
    assert "NNX module Inner" in texts(fk.plot_model(fk.Model(inputs, nn.FlaxLayer(Inner(nnx.Rngs(0)))(inputs))))


def test_a_part_in_python_has_the_shapes_that_are_known():
    inputs = fk.Input((3,))
    said = texts(fk.plot_model(fk.Model(inputs, models.Written()(inputs)), expand_nested=True, show_shapes=True))
    assert said.count("Output shape: (None, 4)") == 5


def test_models_that_are_not_built_are_drawn_without_shapes():
    model = fk.Sequential([nn.Dense(3), nn.Dense(2)])
    said = texts(fk.plot_model(model, show_shapes=True))
    assert said.count("Output shape: ?") == 2


def test_a_range_of_layers():
    model = models.residual()
    said = texts(fk.plot_model(model, layer_range=("add$", "batch_normalization_1"), fold_repeated=False))
    assert said == ["Add", "Activation", "Conv2D", "BatchNormalization"]
    with pytest.raises(ValueError, match=r"no layer's name matches 'dense_9'(?s:.*)the layers are .*conv2d"):
        fk.plot_model(model, layer_range=("dense_9", "head"))
    with pytest.raises(ValueError, match="takes two names"):
        fk.plot_model(model, layer_range="head")


def test_names_are_escaped_and_long_ones_fit():
    class Weird(nn.Dense):
        pass

    Weird.__name__ = "A<script>&" + "W" * 80
    inputs = fk.Input((4,))
    picture = fk.plot_model(fk.Model(inputs, Weird(3)(inputs)))
    assert "<script>" not in picture.svg
    assert any(text.startswith("A<script>&WWW") and "…" in text for text in texts(picture))


# ------------------------------------------------------------------ the file
def test_the_same_model_gives_the_same_bytes(made):
    assert fk.plot_model(made["unet"]).svg == fk.plot_model(models.unet()).svg


@pytest.mark.parametrize("splines", ["ortho", "curved", "line", "polyline", "spline"])
def test_every_kind_of_line_is_drawn(made, splines):
    root = ET.fromstring(fk.plot_model(made["unet"], splines=splines).svg)
    assert root.find(f"{SVG}title").text == "The model Model 'unet'"
    assert "Conv2DTranspose" in root.find(f"{SVG}desc").text


def test_files(made, tmp_path):
    picture = fk.plot_model(made["chain"], tmp_path / "chain.svg")
    assert (tmp_path / "chain.svg").read_text() == picture.svg + "\n"
    assert picture._repr_svg_() == str(picture) == picture.svg
    with pytest.raises(ValueError, match=r"writes \.svg and \.png files(?s:.*)chain\.svg"):
        fk.plot_model(made["chain"], tmp_path / "chain.pdf")
    with pytest.raises(ValueError, match="the ending is missing"):
        fk.plot_model(made["chain"], tmp_path / "chain")


def test_png(made, tmp_path):
    pytest.importorskip("resvg_py")
    image = pytest.importorskip("PIL.Image")
    picture = fk.plot_model(made["chain"], tmp_path / "chain.png", dpi=96)
    with image.open(tmp_path / "chain.png") as written:
        assert written.size == (picture.width, picture.height)
    with pytest.raises(ValueError, match="A PNG has up to 30,000 pixels"):
        picture.png(dpi=10_000)


def test_a_png_without_its_library_says_what_to_install(made, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    with pytest.raises(ImportError, match=r"a PNG is drawn by resvg-py(?s:.*)pip install 'fkeras\[plots\]'"):
        fk.plot_model(made["chain"]).png()


def test_what_is_no_model_is_answered(made):
    trainer = made["residual"].compile("sgd", "mse")
    for given, line in (
        (trainer, r"fk\.plot_model\(trainer\.model\)"),
        (models.Written, r"fk\.plot_model\(Written\(\.\.\.\)\)"),
        (linen.Dense(3), r"fk\.nn\.FlaxLayer\(module\)"),
        ({"params": {}}, "these are variables"),
    ):
        with pytest.raises(TypeError, match=line):
            fk.plot_model(given)
    with pytest.raises(ValueError, match=r"rankdir is one of TB, LR, BT, RL"):
        fk.plot_model(made["chain"], rankdir="DOWN")


def test_a_row_of_layers_inside_has_the_shapes_of_its_input():
    """A Sequential without an input of its own is described by the one that it was called on."""
    inner = fk.Sequential([nn.Dense(4), fk.Sequential([nn.Dense(2, dtype="bfloat16")])], name="inner")
    x = fk.Input((3,))
    said = texts(fk.plot_model(fk.Model(x, inner(x)), expand_nested=True, show_shapes=True, show_dtype=True))
    assert [text for text in said if "?" in text] == []
    assert {"Input shape: (None, 3)", "Input shape: (None, 4)", "Output dtype: bfloat16"} <= set(said)
    assert inner.graph is None
