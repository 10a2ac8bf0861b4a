"""The README's program runs as it stands there."""

import pathlib
import re
import subprocess
import sys
import warnings

import numpy as np

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()


def test_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(8, 28, 28, 1)).astype("float32")
    labels = rng.integers(0, 10, 8)
    names = {f"x_{part}": images for part in ("train", "val", "test")}
    names |= {f"y_{part}": labels for part in ("train", "val", "test")}
    program, pure, elsewhere = re.findall(r"```python\n(.*?)```", README, re.S)
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
