"""Signatures tell the truth: in the packages of checked.py, arguments and results of the doctests are what is written.

jaxtyping's import hook wraps each function, so the doctests run in a process of their own. Shapes by name have to agree
within a call: `Float[Array, "batch features"]` and `Int[Array, " batch"]` have one `batch`.
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import jax.numpy as jnp
import pytest
from jaxtyping import Array, Float, Int, TypeCheckError, jaxtyped

from .checked import CHECKED, NOT_YET
from .typechecker import checked

ROOT = pathlib.Path(__file__).parents[1]


def test_doctests_keep_to_their_signatures():
    places = [importlib.util.find_spec(name).origin.removesuffix("__init__.py") for name in CHECKED]
    hook = f"--jaxtyping-packages={','.join(CHECKED)},tests.typechecker.checked"
    command = [sys.executable, "-m", "pytest", "-p", "tests.typechecker", "-p", "no:cacheprovider", hook, "--tb=short"]
    left_out = [f"--ignore={name}" for name in NOT_YET]
    found = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(
        [*command, *left_out, *places],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": found},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-6000:]
    functions = re.search(r"(\d+) functions were checked", run.stdout)
    assert functions is not None
    assert int(functions[1]) > 500


@jaxtyped(typechecker=checked)
def _mean_by_row(x: Float[Array, "batch features"], rows: Int[Array, " batch"]) -> Float[Array, " batch"]:
    return jnp.take(x, rows, axis=0).mean(axis=-1)


def test_a_wrong_shape_or_type_is_seen():
    assert _mean_by_row(jnp.ones((2, 3)), jnp.arange(2)).shape == (2,)
    with pytest.raises(TypeCheckError, match="rows"):
        _mean_by_row(jnp.ones((2, 3)), jnp.arange(3))
    with pytest.raises(TypeCheckError, match="rows"):
        _mean_by_row(jnp.ones((2, 3)), jnp.ones(2))
