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
    return in_interpreter(sys.executable, function.__module__, function.__name__, *arguments, **environment)


def in_interpreter(python: str, module: str, name: str, *arguments: Any, **environment: str) -> Any:
    """The same by another interpreter, of a module that may need what only that one has.

    Raises:
        RuntimeError: with the last line that the process wrote.
    """
    command = [python, __file__, module, name, json.dumps(arguments)]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    module, name, given = sys.argv[1:]
    print("\n" + json.dumps(getattr(importlib.import_module(module), name)(*json.loads(given))))
