"""The README's programs run as they stand there, and its figures are those that were measured."""

import contextlib
import io
import json
import pathlib
import re
import subprocess
import sys
import warnings

import jax
import numpy as np
from sklearn.datasets import load_digits

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.S)


def test_three_ways_to_one_task():
    """Each program of the table learns scikit-learn's digits as well as the others."""
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), y.astype("int32")
    of_keras, ours, by_hand = PROGRAMS[:3]
    assert "import keras" in of_keras
    assert "from flax import linen" in by_hand
    names = {"x": x[:1400], "y": y[:1400], "x_test": x[1400:], "y_test": y[1400:]}
    keras, flax, here = dict(names), dict(names), dict(names)
    with jax.numpy_rank_promotion("allow"):  # as they do
        with contextlib.redirect_stdout(io.StringIO()):
            exec(of_keras, keras)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(by_hand, flax)
        keras_accuracy = keras["model"].evaluate(names["x_test"], names["y_test"], verbose=0)[1]
    exec(ours, here)
    accuracy = here["trainer"].evaluate(here["state"], names["x_test"], names["y_test"], verbose=0)["accuracy"]
    # two draws of the same training differ by up to 0.02 on 397 digits
    np.testing.assert_allclose([keras_accuracy, float(printed.getvalue())], accuracy, atol=0.04)


def test_figures_are_those_of_the_last_whole_run():
    about, rows = (json.loads((ROOT / "benchmarks/results.json").read_text())[part] for part in ("about", "rows"))
    ratios = [(row["figure"], row["ratio"]) for row in rows]
    table = README[README.index("## Speed") : README.index("## What it does not do")]
    for library in ("jax", "flax", "optax", "keras"):
        assert about[library] in table, library
    shown = re.findall(r'^\| `"(.*?)"`(.*?) \| .* \| ([\d.]+) \|$', table, re.M)
    assert len(shown) > 10
    for figure, part, ratio in shown:
        assert float(ratio) in {round(of + 1e-9, 2) for name, of in ratios if name == figure + part}, figure


def test_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(8, 28, 28, 1)).astype("float32")
    labels = rng.integers(0, 10, 8)
    names = {f"x_{part}": images for part in ("train", "val", "test")}
    names |= {f"y_{part}": labels for part in ("train", "val", "test")}
    program, pure, elsewhere = PROGRAMS[3:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # ours, or of what we call: a newcomer sees none
        exec(program, names)
    assert names["y_pred"].shape == (8, 10)
    assert set(names["logs"]) == {"loss", "accuracy"}
    assert names["trainer"].model == names["model"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(pure, names)
    assert len(names["histories"]) == 8
    assert names["logs"]["loss"].shape == (20,)
    assert names["run"].total == 50
    # the exported program, in a process of its own
    assert len([line for line in elsewhere.splitlines() if line]) == 5
    code = elsewhere + "import sys\nassert not {'flax', 'fkeras'} & set(sys.modules)\nnp.save('logits.npy', logits)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    wanted = names["model"].apply(names["variables"], np.zeros((5, 28, 28, 1), "float32"))
    np.testing.assert_allclose(np.load("logits.npy"), wanted, atol=1e-5)  # the same program, compiled elsewhere
