"""Examples of Flax, whose Linen modules train through a Trainer as they are: each trained, evaluated and resumed."""

import importlib
import os
import pathlib

import numpy as np
import pytest

PLACE = pathlib.Path(__file__).parents[2] / "examples" / "from_flax"


@pytest.fixture(autouse=True)
def examples(monkeypatch):
    monkeypatch.syspath_prepend(PLACE)


def load(name):
    return importlib.import_module(name)


def test_digits_are_read():
    assert load("mnist").main(rows=600, epochs=8, features=4) > 0.5  # by chance one in ten


def test_a_module_over_an_axis_of_devices_trains():
    assert load("imagenet").main(rows=64, epochs=2, filters=4) >= 0.1  # two epochs: that it runs, resumes, evaluates


def test_both_parts_of_a_bound_are_evaluated():
    results = load("vae").main(epochs=4)
    assert results["loss"] == pytest.approx(results["bce"] + results["kld"], rel=1e-5)
    assert results["bce"] < 64 * np.log(2)  # what coins would need


def test_sums_are_decoded():
    assert 0 <= load("seq2seq").main(epochs=2, count=256, hidden=16) <= 1


def test_letters_are_predicted_better_than_by_chance():
    lm1b = load("lm1b")
    assert lm1b.main(rows=256, epochs=2, config=lm1b.Config(width=16, heads=2, layers=1, length=16)) < 31


@pytest.mark.skipif(os.environ.get("FKERAS_TEST") != "all", reason="tests/nn/test_nnx_guests.py has its parts")
def test_modules_of_nnx_go_both_ways():
    assert min(load("nnx_modules").main(epochs=2, rows=200).values()) > 0.2
