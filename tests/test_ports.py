"""Keras's guides and examples, written with fkeras: each runs small, and asserts what it shows."""

import importlib.util
import pathlib
import random
import sys

import jax
import numpy as np
import pytest

PORTS = pathlib.Path(__file__).parents[1] / "examples" / "from_keras"
NAMES = sorted(path.stem for path in PORTS.glob("*.py"))


@pytest.mark.sweep(6)
@pytest.mark.parametrize("name", NAMES)
def test_a_port_shows_what_keras_shows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random.seed(0)
    np.random.seed(0)
    spec = importlib.util.spec_from_file_location(f"port_{name}", PORTS / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    with jax.numpy_rank_promotion("allow"):  # layers are written as Keras's users write them
        spec.loader.exec_module(module)
        module.main(small=True)


def test_each_port_is_in_the_table_and_says_what_differs():
    table = (PORTS / "README.md").read_text()
    for name in NAMES:
        header = (PORTS / f"{name}.py").read_text().split('"""')[1]
        assert "https://keras.io/" in header
        assert "What differs from the Keras script:" in header
        row = next(line for line in table.splitlines() if f"[{name}.py]({name}.py)" in line)
        same = "What differs from the Keras script: nothing." in header
        assert same == row.rstrip(" |").endswith("nothing"), name
