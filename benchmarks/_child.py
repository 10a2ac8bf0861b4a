"""Run one function in a fresh process: what is compiled, imported or held in memory there is its own."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any


def in_child(function: Callable[..., Any], *arguments: Any, **environment: str) -> Any:
    """What `function(*arguments)` returns when a new process calls it; both must be JSON.

    Raises:
        RuntimeError: with the last line that the process wrote.
    """
    command = [sys.executable, __file__, function.__module__, function.__name__, json.dumps(arguments)]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    module, name, given = sys.argv[1:]
    print("\n" + json.dumps(getattr(importlib.import_module(module), name)(*json.loads(given))))
