"""Every public name of real Keras works here under the same path, or is answered with the line to write."""

import collections
import importlib
import inspect
import pathlib
import re
import types

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras._keras_api import answers, look_up
from fkeras.core import explanation_of

from . import write_from_keras
from .keras_names import every_name, keras_names, oldest_names, ours

ROOT = pathlib.Path(fk.__file__).parent


def kind(value):
    if inspect.ismodule(value):
        return "module"
    return "class" if isinstance(value, type) else "function"


def test_every_name_works_or_answers():
    wrong = []
    for path, theirs in every_name().items():
        found = ours(path)
        if isinstance(found, AttributeError):
            said = explanation_of(found)
            if said is None or not said.write or not said.usually:
                wrong.append(f"{path}: {found}")
        elif kind(found) != kind(theirs):
            wrong.append(f"{path}: a {kind(found)} here, a {kind(theirs)} in Keras")
    assert not wrong, "\n".join(wrong)


def test_every_name_of_keras_1_and_2_works_or_answers():
    wrong = []
    for path in oldest_names():
        found = ours(path)
        said = explanation_of(found) if isinstance(found, AttributeError) else None
        if isinstance(found, AttributeError) and (said is None or not said.write or not said.usually):
            wrong.append(f"{path}: {found}")
    assert not wrong, "\n".join(wrong)


def test_every_module_of_keras_is_a_module_or_answers_when_it_is_imported():
    wrong = []
    for path, value in every_name().items():
        if inspect.ismodule(value):
            try:
                importlib.import_module(f"fkeras.{path}")
            except ImportError as error:
                wrong += [] if explanation_of(error) else [f"{path}: {error}"]
    assert not wrong, "\n".join(wrong)


def test_names_are_imported_from_modules_or_answered():
    """`from fkeras.utils import name`, whose ImportError would say nothing."""
    wrong = []
    for path in (*every_name(), *oldest_names()):
        room, _, name = f"fkeras.{path}".rpartition(".")
        try:
            exec(f"from {room} import {name}", {})
        except ImportError as error:
            if explanation_of(error) is None:
                wrong.append(f"{path}: {error}")
    assert not wrong, "\n".join(wrong)


def test_the_tables_have_no_row_that_keras_lacks_and_none_for_what_is_here():
    names = {**every_name(), **dict.fromkeys(oldest_names())}
    spaces = {path for path, value in names.items() if inspect.ismodule(value)}
    rows = answers()
    assert [p for p in rows if (p.removesuffix(".*") if p.endswith(".*") else p) not in names] == []
    assert [p for p in rows if p.endswith(".*") and p[:-2] not in spaces] == []
    assert [p for p in rows if not p.endswith(".*") and not isinstance(ours(p), AttributeError)] == []


def test_what_is_to_be_written_exists():
    """Every `fk.…`, `model.…` and `trainer.…` of the lines."""
    model = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)])
    owners = {"fk": fk, "model": model, "trainer": model.compile("sgd", "mse"), "jax": importlib.import_module("jax")}
    wrong = []
    for path in (*every_name(), *oldest_names()):
        row = look_up(path)
        if row is None or not isinstance(ours(path), AttributeError):
            continue
        for owner, names in re.findall(r"\b(?<![.\"])(fk|model|trainer|jax)((?:\.[A-Za-z_]\w*)+)", " ".join(row)):
            found = owners[owner]
            for name in names[1:].split("."):
                if found is not fk and isinstance(found, types.ModuleType) and not hasattr(found, name):
                    importlib.import_module(f"{found.__name__}.{name}")
                found = getattr(found, name, None)
            if found is None and (owner, names) != ("model", ".keras"):
                wrong.append(f"{path}: {owner}{names}")
    assert not wrong, "\n".join(wrong)


def test_the_page_says_what_there_is():
    written = write_from_keras.PAGE.read_text()
    assert written == write_from_keras.page(), "Write it: python -m tests.conformance.write_from_keras"


def test_rooms_are_completed_by_their_stubs():
    """What `dir` lists is what an editor sees, and every one is there."""
    for name in dir(fk):
        room = getattr(fk, name)
        if not inspect.ismodule(room) or name in ("core", "train", "checkpoint", "nn"):
            continue
        assert (ROOT / name / "__init__.pyi").exists(), name
        for inner in dir(room):
            assert hasattr(room, inner), f"fk.{name}.{inner}"


def test_counts():
    """How many names work is a record that only grows; the others answer."""
    counts = collections.Counter(
        "answers" if isinstance(ours(path), AttributeError) else "works" for path in keras_names()
    )
    assert counts["works"] >= WORKS, f"{WORKS - counts['works']} fewer of Keras's names work than did"
    assert counts["works"] == WORKS, f"Write WORKS = {counts['works']}"


#: How many of the names of keras.* work under the same path of fk.*; the others answer.
WORKS = 1416


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("from fkeras.datasets import minst", "Did you mean 'mnist'?"),
        ("from fkeras.preprocessing.text import Tokenizer", "fk.nn.TextVectorization"),
        ("from fkeras.preprocessing.image import ImageDataGenerator", "fk.nn.RandomFlip"),
        ("from fkeras.preprocessing.image import DirectoryIterator", "fk.utils.image_dataset_from_directory"),
        ("from fkeras.layers.convolutional import Conv2D", "from fkeras.layers import Conv2D"),
        ("from fkeras.engine.topology import Layer", "from fkeras.layers import Layer, InputSpec"),
        ("from fkeras.layers.experimental.preprocessing import RandomFlip", "from fkeras.layers import RandomFlip"),
        ("import fkeras.utils.np_utils", "from fkeras.utils import to_categorical"),
        ("from fkeras.wrappers.scikit_learn import KerasClassifier", "fk.wrappers.SKLearnClassifier"),
        ("from fkeras import Variable", "add_weight"),
        ("import fkeras; fkeras.backend.clear_session()", "nothing: leave the line out"),
        ("import fkeras; fkeras.utils.set_random_seed(1)", "trainer.init(0)"),
        ("import fkeras; fkeras.mixed_precision.set_global_policy('mixed_bfloat16')", "model.with_dtype_policy"),
        ("import fkeras; fkeras.Dense(3)", "fk.nn.Dense"),
        ("import fkeras; fkeras.layers.Dens(3)", "Did you mean 'Dense'?"),
        ("from fkeras.layers import Dens", "Did you mean 'Dense'?"),
        ("import fkeras; fkeras.nn.Dens(3)", "Did you mean 'Dense'?"),
        ("import fkeras; fkeras.nn.Sequential([])", "Write:    fk.Sequential"),
        ("import fkeras; fkeras.nn.relu", "fk.activations.relu or fk.ops.relu"),
        ("from fkeras.nn import relu", "fk.activations.relu or fk.ops.relu"),
        ("import fkeras; fkeras.optimizers.adam(1e-3)", "Write:    fk.optimizers.Adam"),
        ("import fkeras; fkeras.metrics.ConfusionMatrix()", "fk.visualization.plot_confusion_matrix"),
        ("from fkeras.utils import confusion_matrix", "sklearn.metrics.confusion_matrix"),
        ("import fkeras; fkeras.math.confusion_matrix", "Write:    fk.ops.log(x)"),
    ],
)
def test_lines_that_are_typed(line, says):
    with pytest.raises((AttributeError, ImportError)) as caught:
        exec(line, {})
    assert says in str(caught.value)
    assert isinstance(caught.value, ImportError) == ("import fkeras;" not in line)


def test_the_lines_for_boxes_give_keras_s_numbers():
    names = {"jnp": jax.numpy, "boxes": jax.numpy.array([[10.0, 20.0, 50.0, 60.0]]), "left": 20, "top": 10}
    names |= {"width": 100, "height": 40}
    lines = {name: look_up(f"utils.bounding_boxes.{name}")[1] for name in ("convert_format", "crop", "pad")}
    there, _, back = lines["convert_format"].removeprefix("boxes = ").partition(" for xywh to xyxy, ")
    for line, expected in (
        (there, [10, 20, 60, 80]),
        (back.partition(" back; ")[0], [10, 20, 40, 40]),
        (back.partition(" back; ")[2].partition(" for ")[0], [0.1, 0.5, 0.5, 1.5]),
        (lines["crop"].partition(", or ")[2], [0, 10, 30, 40]),
        (lines["pad"], [30, 30, 70, 70]),
    ):
        np.testing.assert_allclose(eval(line, names), [expected], rtol=1e-6)  # float32


def test_imports_of_every_kind():
    names = {}
    for line in (
        "from fkeras import layers",
        "from fkeras.layers import Dense",
        "import fkeras.layers as L",
        "from fkeras.utils import to_categorical",
        "from fkeras.optimizers.schedules import ExponentialDecay",
        "import fkeras.ops.image as image",
        "from fkeras.losses import *",
    ):
        exec(line, names)
    assert names["L"] is names["layers"] is fk.layers
    assert names["Dense"] is fk.nn.Dense
    assert names["ExponentialDecay"] is fk.train.optimizers.schedules.ExponentialDecay
    assert names["image"] is fk.ops.image
    assert names["Huber"] is fk.train.losses.Huber


def test_a_missing_name_is_missing_to_those_who_ask():
    assert not hasattr(fk.utils, "Config")
    assert getattr(fk, "Variable", None) is None
    assert "Config" not in dir(fk.utils)
