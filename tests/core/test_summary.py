"""`model.summary()` as Keras's arguments have it, in a terminal, a file and a notebook."""

from __future__ import annotations

import jax
import pytest

import fkeras as fk


def branching():
    image = fk.Input((8, 8, 3), name="image")
    x = fk.nn.Conv2D(4, 3, name="conv")(image)
    inner = fk.Sequential([fk.Input((4,)), fk.nn.Dense(2, name="deep"), fk.nn.Dense(1)], name="inner")
    pooled = fk.nn.GlobalAveragePooling2D(name="pool")(x)
    flat = fk.nn.Flatten(name="flat")(x)
    return fk.Model(image, [inner(pooled), fk.nn.Concatenate(name="both")([pooled, flat])], name="net")


def text_of(model, **kwargs):
    found = []
    assert model.summary(print_fn=found.append, **kwargs) is None
    assert len(found) == 1
    return found[0]


class Pair(fk.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = fk.nn.Dense(3), fk.nn.Dense(2)

    def call(self, inputs):
        return self.b(self.a(inputs))


def test_it_is_one_output(capsys, monkeypatch):
    printed = []
    monkeypatch.setattr("builtins.print", lambda *parts, **kwargs: printed.append(parts))
    branching().summary()
    assert len(printed) == 1
    assert text_of(branching()) == printed[0][0]


def test_in_a_notebook_it_is_one_table(monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []
    monkeypatch.setattr("fkeras.core._words._views.in_notebook", lambda: True)
    monkeypatch.setattr(display, "display", lambda *values: shown.append(values))
    branching().summary(expand_nested=True)
    ((view,),) = shown
    bundle = view._repr_mimebundle_()
    assert bundle["text/plain"] == text_of(branching(), expand_nested=True)
    assert "<table" in bundle["text/html"]
    assert "deep" in bundle["text/html"]


@pytest.mark.parametrize("width", [70, 80, 140])
def test_no_line_is_wider_than_asked(width):
    lines = text_of(branching(), line_length=width, show_trainable=True, expand_nested=True).splitlines()
    assert max(map(len, lines)) == width
    assert any("Trainable" in line for line in lines)


def test_names_that_are_wider_than_their_column_are_whole():
    name = "a_layer_with_a_name_that_goes_on_and_on_and_on_beyond_every_column"
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(2, name=name)])
    cells = [line.split("│")[1].strip() for line in text_of(model).splitlines() if line.startswith("│")]
    assert "".join(cells).replace(" ", "") == f"{name}(Dense)"


def test_columns_end_where_positions_say():
    wide = text_of(branching(), line_length=100, positions=[0.6, 0.8, 0.9, 1.0])
    header = next(line for line in wide.splitlines() if "Layer (type)" in line)
    assert header.index("Output Shape") > 55


def test_nested_layers_are_shown_when_asked():
    assert "deep" not in text_of(branching())
    text = text_of(branching(), expand_nested=True)
    assert "└ deep (Dense)" in text
    assert text.index("inner (Sequential)") < text.index("└ deep (Dense)")


def test_open_sizes_of_nested_layers_are_none():
    images = fk.Input((None, None, 1))
    halved = fk.nn.MaxPooling2D()(fk.nn.Conv2D(3, 3, padding="same")(images))  # sizes are probed, as they are rounded
    whole = fk.Input((None, None, 1))
    text = text_of(fk.Model(whole, fk.Model(images, halved)(whole)), expand_nested=True)
    assert text.count("(None, None, None, 3)") == 3


def test_several_outputs_and_unknown_sizes():
    tokens = fk.Input((None, 8), name="tokens")
    out, *state = fk.nn.LSTM(4, return_state=True, return_sequences=True, name="lstm")(tokens)
    text = text_of(fk.Model(tokens, [out, *state]), line_length=150)
    assert "(None, None, 4), (None, 4), (None, 4)" in text


def test_a_model_without_shapes_says_what_to_write():
    text = text_of(fk.Sequential([fk.nn.Dense(3)]))
    assert "? (unbuilt)" in text
    assert "Total params: unknown until the model has seen an input's shape" in text
    assert "Write: fk.Sequential([fk.Input(x.shape[1:]), ...])" in text
    model = Pair()
    assert "y = model(fk.Input(x.shape[1:])); model.summary()" in text_of(model, line_length=120)
    y = model(fk.Input((8,)))
    text = text_of(model)
    assert "(None, 3)" in text
    assert "Total params: 35" in text
    assert "Write" not in text
    del y


def test_variables_tell_the_numbers_of_a_model_without_a_graph():
    model = Pair()
    variables = model.init(jax.random.key(0), jax.numpy.ones((1, 8)))
    text = text_of(model, variables=variables)
    assert "27" in text
    assert "Total params: 35 (140.00 B)" in text


def test_frozen_weights_are_counted_apart():
    text = text_of(branching().freeze("conv"), show_trainable=True)
    assert "Trainable params: 13 (52.00 B)" in text
    assert "Non-trainable params: 112 (448.00 B)" in text


def test_brackets_in_names_are_no_markup():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(2, name="[bold]x")], name="[red]n")
    text = text_of(model)
    assert 'Model: "[red]n"' in text
    assert "[bold]x (Dense)" in text


def test_a_state_comes_first():
    model = Pair()
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0, jax.numpy.ones((1, 8)))
    assert "model.summary(state), with the state of a run" in text_of(model)
    text = text_of(model, line_length=state)
    assert "Total params: 35 (140.00 B)" in text
    assert "unbuilt" not in text
    assert "Write: y = model(fk.Input(x.shape[1:]))" in text
    with pytest.raises(TypeError, match="takes the table's width first"):
        model.summary("wide")


def test_ops_of_a_graph_have_rows():
    """Under the names of real Keras: `x + 1.0`, `ops.relu(x)`."""
    x = fk.Input((4,), name="x")
    added = fk.nn.Dense(4, name="a")(x) + 1.0
    model = fk.Model(x, fk.nn.Dense(2, name="b")(fk.ops.relu(added) * added))
    text = text_of(model, show_trainable=True, line_length=120)
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if "│" in line]
    assert [(row[0], row[2]) for row in rows if row[0]] == [
        ("x (InputLayer)", "0"), ("a (Dense)", "20"), ("add (Add)", "0"), ("relu (Relu)", "0"),
        ("multiply (Multiply)", "0"), ("b (Dense)", "10"),
    ]  # fmt: skip
    assert [row[3] for row in rows if row[0].startswith(("relu", "multiply"))] == ["add[0]", "relu[0], add[0]"]
    assert "Total params: 30" in text
