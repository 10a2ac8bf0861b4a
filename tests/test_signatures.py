"""What `help()` and an editor show of a verb is what it takes, also where it stands for a function of another room."""

from __future__ import annotations

import inspect
import re

import pytest

import fkeras as fk
from fkeras.core._model._doors import Doors

VERBS = {
    "compile": fk.train.compile,
    "predict": fk.train.predict,
    "save": fk.checkpoint.save_model,
    "save_weights": fk.checkpoint.save_weights,
    "load_weights": fk.checkpoint.load_weights,
    "export": fk.checkpoint.export,
    "quantize": fk.nn.quantize,
    "with_fake_quant": fk.nn.with_fake_quant,
    "with_lora": fk.nn.with_lora,
    "lora_variables": fk.nn.lora_variables,
    "merge_lora": fk.nn.merge_lora,
}
TRAINER_VERBS = {
    "fit": fk.train.fit,
    "evaluate": fk.train.evaluate,
    "lower": fk.train.lower,
    "save": fk.checkpoint.save_trainer,
}


def shown(function, skip=0):
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    return [(p.name, p.kind, p.default) for p in parameters]


def test_every_door_is_here():
    assert set(VERBS) == {name for name in vars(Doors) if not name.startswith("_")}


@pytest.mark.parametrize(("owner", "verbs"), [(fk.Model, VERBS), (fk.Trainer, TRAINER_VERBS)])
def test_a_verb_shows_the_arguments_of_the_function_it_stands_for(owner, verbs):
    for name, function in verbs.items():
        assert shown(getattr(owner, name), 1) == shown(function, 1), name


def test_predictions_take_the_same_with_a_trainer_and_without():
    of_trainer, of_model = shown(fk.Trainer.predict, 2), shown(fk.Model.predict, 2)
    assert of_trainer == of_model == shown(fk.train.predict, 2)


@pytest.mark.parametrize("owner", [fk.Model, fk.Trainer])
def test_each_argument_is_documented(owner):
    for name in vars(Doors if owner is fk.Model else owner):
        function = getattr(owner, name)
        if name.startswith("_") or not inspect.isfunction(function) or not hasattr(function, "__wrapped__"):
            continue
        parameters = list(inspect.signature(function).parameters)[1:]
        lines = re.findall(r"^ {4}((?:\*{0,2}\w+(?:, )?)+):", inspect.getdoc(function), re.MULTILINE)
        documented = {part.strip(" *") for line in lines for part in line.split(",")}
        assert set(parameters) <= documented, (name, set(parameters) - documented)


def test_a_bound_method_shows_what_is_typed():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])
    trainer = model.compile("sgd", "mse")
    assert list(inspect.signature(trainer.fit).parameters)[:5] == ["state", "x", "y", "batch_size", "epochs"]
    assert list(inspect.signature(trainer.predict).parameters)[:3] == ["state", "x", "batch_size"]
    assert list(inspect.signature(model.compile).parameters)[:4] == ["optimizer", "loss", "loss_weights", "metrics"]
    assert "Args:" in trainer.fit.__doc__
    assert "epochs: the epoch to end at" in trainer.fit.__doc__


def test_what_is_missing_is_named():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])
    with pytest.raises(TypeError, match=r"takes the model's variables; it got no variables(?s:.*)model.init"):
        model.save("m.keras")
    with pytest.raises(TypeError, match=r"`quantize` has no argument 'bits'(?s:.*)Known: .*mode"):
        model.quantize({}, bits=8)
    with pytest.raises(TypeError, match=r"`with_lora` got no rank(?s:.*)model.with_lora\(rank\)"):
        model.with_lora()
    with pytest.raises(TypeError, match=r"`compile` was given 'loss' twice"):
        model.compile("sgd", "mse", loss="mae")
    with pytest.raises(TypeError, match=r"Trainer has no argument 'optimiser'(?s:.*)Did you mean 'optimizer'"):
        model.compile(optimiser="sgd")


def test_a_compiled_step_shows_its_own_signature_and_documentation():
    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    assert list(inspect.signature(trainer.train_step).parameters) == ["state", "batch"]
    assert trainer.train_step.__doc__.startswith("One step")
    assert trainer.train_step.__name__ == "train_step"
