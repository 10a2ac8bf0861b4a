"""The README's program runs as it stands there."""

import pathlib
import re

import numpy as np

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()


def test_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(8, 28, 28, 1)).astype("float32")
    labels = rng.integers(0, 10, 8)
    names = {f"x_{part}": images for part in ("train", "val", "test")}
    names |= {f"y_{part}": labels for part in ("train", "val", "test")}
    (program,) = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(program, names)
    assert names["y_pred"].shape == (8, 10)
    assert set(names["logs"]) == {"loss", "accuracy"}
    assert names["trainer"].model == names["model"]
