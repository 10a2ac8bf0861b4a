"""Who is measured beside fkeras and may not be there, and how to have them."""

from __future__ import annotations

import argparse
import importlib.util
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping

# The processes of the figures are told by these where torch and Keras's nightly build are.
_TORCH, _NIGHTLY, _NIGHTLY_PATH = "BENCHMARK_TORCH", "BENCHMARK_NIGHTLY", "BENCHMARK_NIGHTLY_PATH"
_WRITE = {
    "torch": (
        "torch is not installed, and not measured. Write: python -m venv torch && torch/bin/pip install torch numpy "
        "--index-url https://download.pytorch.org/whl/cpu --extra-index-url https://pypi.org/simple, "
        "then --torch-python torch/bin/python"
    ),
    "nightly": (
        "Keras's nightly build is not installed, and not measured. Write: pip install --pre --no-deps --target nightly "
        "keras-nightly, then --nightly-path nightly (or --nightly-python of an environment that has keras-nightly, "
        "jax, flax and optax)"
    ),
}


class MissingError(Exception):
    """A figure cannot be measured here: what is missing, and what to write."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say where peers are which do not live beside fkeras."""
    parser.add_argument("--torch-python", metavar="PYTHON", help="an interpreter that has torch and numpy")
    parser.add_argument(
        "--nightly-python", metavar="PYTHON", help="an interpreter that has keras-nightly, jax and flax"
    )
    parser.add_argument("--nightly-path", metavar="FOLDER", help="where `pip install --target` put keras-nightly")


def environment_of(given: argparse.Namespace) -> dict[str, str]:
    """The variables that tell a figure's process about them."""
    found = {_TORCH: given.torch_python, _NIGHTLY: given.nightly_python, _NIGHTLY_PATH: given.nightly_path}
    return {name: _absolute(value) for name, value in found.items() if value}


def _absolute(where: str) -> str:
    # Not resolved: an environment's interpreter is a link, and what it leads to is another environment.
    return str(pathlib.Path(where).absolute())


def interpreter(peer: str, environment: Mapping[str, str] = os.environ) -> tuple[str, dict[str, str]]:
    """The interpreter that has a peer, and the variables that it is run with.

    Args:
        peer: `"torch"` or `"nightly"`.
        environment: the variables of one that has no peer.

    Raises:
        MissingError: nobody has it.
    """
    if peer == "torch":
        if python := os.environ.get(_TORCH):
            return python, dict(environment)
        if importlib.util.find_spec("torch"):
            return sys.executable, dict(environment)
    else:
        python, path = os.environ.get(_NIGHTLY), os.environ.get(_NIGHTLY_PATH)
        if python or path:  # what the folder has comes before what the interpreter has
            places = [place for place in (path, environment.get("PYTHONPATH")) if place]
            return python or sys.executable, {**environment, "PYTHONPATH": ":".join(places)}
    raise MissingError(_WRITE[peer])


def describe(peer: str) -> str:
    """A peer's version, or how to have it."""
    module = {"torch": "torch", "nightly": "keras"}[peer]
    try:
        python, variables = interpreter(peer)
    except MissingError as error:
        return str(error)
    program = f"import {module}; print({module}.__version__)"
    done = subprocess.run(
        [python, "-c", program], env={**variables, "KERAS_BACKEND": "jax"}, capture_output=True, text=True
    )
    said = (done.stderr if done.returncode else done.stdout).strip().splitlines() or ["no message"]
    return f"does not start: {said[-1]}" if done.returncode else said[-1]
