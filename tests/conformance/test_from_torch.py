"""Names of torch, Lightning and Hugging Face are answered with lines of names that exist; so is their page."""

import ast
import functools
import inspect
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras._keras_api._answers_torch import TORCH
from fkeras.core import TORCH_ARGUMENTS, TORCH_LOSSES, TORCH_NAMES

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "from_torch.md"
MODEL = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)])
TRAINER = MODEL.compile("sgd", "mse")
STATE = TRAINER.init(0)
LAYER = MODEL.layers[0]
OWNERS = {"layer": LAYER, "fk": fk, "model": MODEL, "trainer": TRAINER, "state": STATE, "jax": jax, "jnp": jnp}
LINES = [write for _, write in TORCH.values()]
LINES += [write for rows in TORCH_NAMES.values() for write in rows.values()]
LINES += [*TORCH_ARGUMENTS.values(), *TORCH_LOSSES.values()]


def unknown_names(text):
    """What a text names of fkeras and JAX that is not there, and arguments that a class or verb has not."""
    wrong = []
    for owner, names in re.findall(r"(?<![.\"\w])(fk|model|trainer|state|jax|jnp)((?:\.[A-Za-z_]\w*)+)", text):
        try:
            functools.reduce(getattr, names[1:].split("."), OWNERS[owner])
        except AttributeError:
            wrong.append(owner + names)
    return wrong


def test_each_line_is_python_whose_names_exist():
    for line in LINES:
        assert not unknown_names(line), line
        assert ast.parse(line), line
    calls = [node for line in LINES for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Call)]
    made = {ast.unparse(call): call for call in calls if ast.unparse(call.func).startswith(("fk.nn.", "fk.losses."))}
    for text, call in made.items():
        if not any(isinstance(part, ast.Name) and part.id != "fk" for part in ast.walk(call)):
            assert eval(text, {"fk": fk}) is not None, text
    for verb in ("fit", "evaluate", "find_batch_size"):
        known = set(inspect.signature(getattr(fk.Trainer, verb)).parameters)
        for call in calls:
            if ast.unparse(call.func) == f"trainer.{verb}":
                assert {word.arg for word in call.keywords} <= known, ast.unparse(call)


@pytest.mark.parametrize("path", TORCH)
def test_a_name_of_torch_s_that_a_part_is_asked_for_is_answered(path):
    room, _, name = path.rpartition(".")
    owner = functools.reduce(getattr, filter(None, room.split(".")), fk)
    with pytest.raises(AttributeError) as error:
        getattr(owner, name)
    assert error.value.args[0].write == TORCH[path][1]


@pytest.mark.parametrize("kind", TORCH_NAMES)
def test_an_attribute_of_torch_s_modules_is_answered(kind):
    for name, write in TORCH_NAMES[kind].items():
        with pytest.raises(AttributeError) as error:
            getattr(OWNERS[kind.lower()], name)
        assert error.value.args[0].write == write, name


@pytest.mark.parametrize("name", [*TORCH_LOSSES, "cross_entropy", "binary_cross_entropy_with_logits", "l1_loss"])
def test_a_loss_of_torch_s_is_answered_with_the_one_of_equal_numbers(name):
    with pytest.raises(ValueError, match="the prediction first") as error:
        MODEL.compile("sgd", name)
    loss = eval(error.value.args[0].write, {"fk": fk})
    if "cross_entropy" in name.lower() or "BCE" in name:
        assert getattr(loss, "from_logits", None) is (name != "BCELoss")
    assert isinstance(loss, fk.losses.Loss)


def test_arguments_are_answered_where_they_are_given():
    x = np.ones((2, 2))
    for name, write in TORCH_ARGUMENTS.items():
        calls = [lambda **word: TRAINER.fit(STATE, x, x[:, :1], **word)]
        calls += [lambda **word: MODEL.compile("sgd", "mse", **word)]
        calls += [lambda **word: fk.callbacks.ModelCheckpoint("m.keras", **word)]
        calls += [lambda **word: fk.nn.generate(MODEL, STATE, [[1]], 2, **word)]
        for call in calls:
            with pytest.raises(TypeError, match=rf"has no argument '{name}'") as error:
                call(**{name: 1})
            assert error.value.args[0].write == write


def test_the_page_runs_and_names_what_there_is():
    text = PAGE.read_text()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        exec(block, names)
    assert names["scores"].shape == (64, 3)
    assert jax.tree.structure(names["grads"]) == jax.tree.structure(names["state"].params)
    here = [row.split(" | ")[1] for row in text.splitlines() if row.startswith("| `")]
    assert len(here) > 30
    assert [found for cell in here for found in unknown_names(cell)] == []


def test_layers_at_the_numbers_of_the_page_are_torch_s():
    """The means and paddings of torch's layers, by hand."""
    norm = fk.nn.BatchNormalization()
    assert (norm.momentum, norm.epsilon, fk.nn.LayerNormalization().epsilon) == (0.99, 1e-3, 1e-3)
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype("float32")
    strided = fk.Sequential([fk.Input((4, 4, 1)), fk.nn.ZeroPadding2D(1), fk.nn.Conv2D(1, 3, strides=2)])
    variables = strided.init(0)
    kernel = np.asarray(variables["params"]["conv2d"]["kernel"])[..., 0, 0]
    padded = np.pad(x[0, ..., 0], 1)
    want = [[(padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * kernel).sum() for j in range(2)] for i in range(2)]
    np.testing.assert_allclose(strided.apply(variables, x)[0, ..., 0], want, rtol=1e-5, atol=1e-6)
