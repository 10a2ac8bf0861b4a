"""A run as programs, from which JAX alone trains to the same bits."""

import hashlib
import json
import pathlib
import re
import subprocess
import sys

import jax
import numpy as np
import pytest

import fkeras as fk

pytest.importorskip("safetensors")
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "export.md"
READER = re.search(r"<!-- reader -->\n```python\n(.*?)```", PAGE.read_text(), re.S)[1]
STEPS, SIZE = 100, 4
X = np.random.default_rng(0).normal(size=(STEPS, SIZE, 6, 6, 1)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, size=(STEPS, SIZE)).astype("int32")

_ALONE = """
import hashlib, sys
import numpy as np
data = np.load(sys.argv[2])
state, logs = train(sys.argv[1], zip(data["x"], data["y"]))
assert not {"fkeras", "flax", "optax"} & set(sys.modules)
whole = hashlib.sha256()
for name in sorted(state):
    whole.update(np.asarray(state[name]).tobytes())
print(whole.hexdigest())
"""


@pytest.fixture(scope="module")
def trainer():
    layers = [fk.Input((6, 6, 1)), fk.nn.Conv2D(2, 3), fk.nn.BatchNormalization(), fk.nn.Flatten(), fk.nn.Dropout(0.3)]
    model = fk.Sequential([*layers, fk.nn.Dense(3)])
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    return model.compile("adam", loss, metrics=["accuracy"])


@pytest.fixture(scope="module")
def place(trainer, tmp_path_factory):
    place = tmp_path_factory.mktemp("programs") / "run"
    trainer.export(place, (X[0], Y[0]))
    return place


def by_path(state):
    return {jax.tree_util.keystr(p, simple=True, separator="/"): a for p, a in jax.tree.leaves_with_path(state)}


def test_jax_alone_ends_at_the_same_bits(trainer, place, tmp_path):
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    command = [sys.executable, "-c", READER + _ALONE, str(place), str(tmp_path / "data.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    state = trainer.init(0)
    for batch in zip(X, Y, strict=True):
        state, _ = trainer.train_step(state, batch)
    leaves, whole = by_path(state), hashlib.sha256()
    for name in sorted(leaves):
        whole.update(np.asarray(leaves[name]).tobytes())
    assert done.stdout.strip() == whole.hexdigest()


def test_each_program_is_the_trainers(trainer, place):
    space = {}
    exec(READER, space)
    programs, first = space["read"](place)
    assert set(programs) == {"init", "train_step", "eval_step", "predict"}
    state = trainer.init(5)
    begun = programs["init"](np.int32(5))
    for name, leaf in by_path(state).items():
        np.testing.assert_allclose(begun[name], leaf, rtol=1e-6)
        assert first[name].shape == leaf.shape
    _, logs = programs["eval_step"](begun, (X[0], Y[0]))
    wanted = trainer.eval_step(state, (X[0], Y[0]))[1]
    for name, number in wanted.items():
        np.testing.assert_allclose(logs[name], number, rtol=1e-5)
    np.testing.assert_allclose(programs["predict"](begun, X[0]), trainer.predict_on_batch(state, X[0]), atol=1e-5)
    told = json.loads((place / "fkeras.json").read_text())
    assert [part["name"] for part in told["batch"]] == ["x", "y"]
    assert told["platforms"] == ["cpu", "cuda", "tpu"]


def test_what_is_refused(trainer, place):
    with pytest.raises(ValueError, match=r"train a model[\s\S]*train_step\.stablehlo"):
        fk.load_exported(place)
    with pytest.raises(ValueError, match="platforms= are the kinds"):
        trainer.export(place, (X[0], Y[0]), platforms="cpu")
    with pytest.raises(FileExistsError):
        trainer.export(place, (X[0], Y[0]), overwrite=False, verify=False, platforms=("cpu",))


@pytest.mark.parametrize("batch", [None, "x", (), (X[0][:0], Y[0][:0]), ([[1.0]], [[1.0]])])
def test_a_batch_has_arrays_with_rows(trainer, tmp_path, batch):
    with pytest.raises(ValueError, match=r"needs a batch: a tuple"):
        trainer.export(tmp_path / "run", batch)
    assert not (tmp_path / "run").exists()
