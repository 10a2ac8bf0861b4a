"""No weight vanishes: each layer, each way of writing one, each format, opened again by another process."""

import json
import os
import pathlib
import subprocess
import sys

import h5py
import jax
import pytest

import fkeras as fk

from . import ways

EVERYTHING = os.environ.get("FKERAS_TEST") == "all"
FORMATS = {
    "described": ("model.keras", "model", "w.weights.h5", "w.weights.json", "w.safetensors", "w", "run.keras", "run"),
    "foreign": ("w.weights.h5", "w.weights.json", "w.safetensors", "w"),
    "subclassed": ("model.keras", "model", "w.weights.h5", "w.safetensors", "run.keras", "run"),
    "table": ("model.keras", "model", "w.weights.h5", "w.weights.json", "w.safetensors", "w", "run.keras", "run"),
    "in_few_bits": ("model", "w.safetensors", "w"),
}
# `make test` has each model and each format once; the reader knows the last two by what is written here alone.
DAILY = {
    "described": ("w.weights.h5", "w.weights.json", "w", "run"),
    "foreign": ("w.safetensors",),
    "subclassed": ("model.keras",),
    "table": ("run.keras",),
    "in_few_bits": ("model",),
}
ALL = [(model, name) for model, names in (FORMATS if EVERYTHING else DAILY).items() for name in names]
TABLE = ways.table_rows(EVERYTHING)


def write(place, name, model, variables, trainer, state, x):
    given = {} if x is None else {"x": x}
    if name.startswith("run"):
        trainer.save(place / name, state)
    elif name.startswith("model"):
        model.save(place / name, variables, **given)
    else:
        shards = {"max_shard_size": 2e-6} if name.endswith(".json") else {}
        model.save_weights(place / name, variables, **given, **shards)


@pytest.fixture(scope="module")
def in_few_bits():
    return ways.in_few_bits()


@pytest.fixture(scope="module")
def saved(tmp_path_factory, in_few_bits):
    """All models with their variables, and what another process says of the files that they were written to."""
    folder = tmp_path_factory.mktemp("saved")
    adapted, of_few_bits = in_few_bits
    models = {
        "in_few_bits": (adapted, None),
        "described": (ways.described(), None),
        "foreign": (ways.foreign(), None),
        "subclassed": (ways.Subclassed(), ways.X),
        "table": (ways.table(TABLE), None),
    }
    kept = {}
    for model_name, (model, x) in models.items():
        place = folder / model_name
        place.mkdir()
        variables = ways.drawn(model.abstract_variables(*(() if x is None else (x,))))
        variables = of_few_bits if model is adapted else variables
        names = [name for of, name in ALL if of == model_name]
        trainer = state = None
        if any(name.startswith("run") for name in names):
            trainer = model.compile(fk.optimizers.Adam(0.01), "mse")
            state = trainer.init(0, x, variables=variables)
            state = state.replace(opt_state=ways.drawn(state.opt_state, 1))
        for name in names:
            write(place, name, model, variables, trainer, state, x)
        ways.keep(place, variables=variables, state=state and state.tree())
        kept[model_name] = model, variables, x
    told = subprocess.run(
        [sys.executable, "-m", "tests.checkpoint.reopen", str(folder)],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert told.returncode == 0, told.stderr[-3000:]
    return kept, json.loads(told.stdout.splitlines()[-1])


@pytest.mark.parametrize(("model", "name"), ALL, ids=["-".join(pair) for pair in ALL])
def test_every_leaf_comes_back_to_the_bit(saved, model, name):
    _, told = saved
    assert told[f"{model}/{name}"] == ""


def test_low_rank_changes_merge_into_the_same_tree(in_few_bits):
    model, variables = in_few_bits
    plain, merged = model.merge_lora(variables)
    assert jax.tree.structure(merged) == jax.tree.structure(plain.abstract_variables())


@pytest.mark.parametrize("model", [m for m, names in FORMATS.items() if "w.weights.h5" in names])
def test_as_many_arrays_are_written_as_there_are_leaves(saved, tmp_path, model):
    (model, variables, x), found = saved[0][model], []
    model.save_weights(tmp_path / "w.weights.h5", variables, x=x)
    with h5py.File(tmp_path / "w.weights.h5") as file:
        file.visititems(lambda path, item: found.append(path) if isinstance(item, h5py.Dataset) else None)
    # Keras keeps the wrapped weight of a SpectralNormalization as the wrapper's and as the layer's
    twice = sum("vector_u" in jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_leaves_with_path(variables))
    assert len(found) == len(jax.tree.leaves(variables)) + twice
