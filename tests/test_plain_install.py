"""What `pip install fkeras` alone brings is enough for what it promises: no library of an extra is needed to begin."""

import pathlib
import subprocess
import sys
import tomllib

import pytest

import fkeras as fk

PROJECT = tomllib.loads((pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
#: What the extras install, by the names that are imported.
OF_EXTRAS = (
    "beartype", "equinox", "grain", "h5py", "hypothesis", "jaxtyping", "keras", "matplotlib", "mlflow", "nbformat",
    "onnx", "pandas", "PIL", "pytest", "qwix", "safetensors", "sklearn", "soundfile", "tensorboardX", "tensorflow",
    "tokenizers", "torch", "wandb", "cv2", "resvg_py",
)  # fmt: skip
WITHOUT = f"""
import importlib.machinery, sys
class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in {OF_EXTRAS!r} else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Without
"""


SAVED = """
from fkeras import demo
import numpy as np
import fkeras as fk
trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
state, x = trainer.init(0), np.eye(3, dtype="float32")
print(np.array_equal(demo.predicted_elsewhere(trainer, state, x), trainer.model.predict(state, x)))
"""
EVERY_FILE = """
import importlib, pkgutil
import fkeras
for module in pkgutil.walk_packages(fkeras.__path__, "fkeras.", onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        line = str(error).split("Write:")[-1].strip()  # a file of Keras 1's time says what to import in its place
        if error.name or line.startswith("pip"):
            print(module.name, error.name or line)
"""


@pytest.fixture(scope="module")
def printed():
    """The lines of a process that has no library of an extra."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + SAVED + EVERY_FILE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_every_file_is_imported(printed):
    """But those that are about the library of an extra."""
    of_equinox = [f"fkeras.nn._guests._equinox_{part} equinox" for part in ("module", "source")]
    parts = ("classifier", "estimator", "library", "regressor", "transformer")
    of_grain = [f"fkeras.utils.{file} grain" for file in ("_directory._dataset", "_in_words")]
    assert sorted(printed[1:]) == of_equinox + of_grain + [
        f"fkeras.wrappers._{part} pip install 'fkeras[sklearn]'" for part in parts
    ]


def test_a_run_is_saved_and_opened_by_another_process(printed):
    assert printed[0] == "True"


def test_the_version_is_written_once():
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    cited = (pathlib.Path(__file__).parents[1] / "CITATION.cff").read_text()
    assert f"\nversion: {fk.__version__}\n" in cited
    assert f"\nrepository-code: {PROJECT['urls']['Repository']}\n" in cited
