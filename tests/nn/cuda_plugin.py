"""Programs that a script lowers for CUDA on a machine without it."""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def lowered(script, place, **files):
    """What a script prints in a process of its own, as JSON.

    JAX asks the package of its CUDA plugin about kernels; here is one that answers.

    Args:
        script: the name of a file of this folder.
        place: an empty folder, for the package.
        **files: the modules of the package, as text.
    """
    for name in ("jax_cuda12_plugin", "jax_cuda13_plugin"):
        package = place / name
        package.mkdir()
        for module, text in {"__init__": "", **files}.items():
            (package / f"{module}.py").write_text(text)
    path = os.pathsep.join([str(place), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    found = subprocess.run(
        [sys.executable, str(HERE / script)],
        env={**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not found.returncode, found.stderr
    return json.loads(found.stdout)
