"""What a process of its own measures, a line of JSON at a time, for as long as it lives and its time is not up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


class EndedError(Exception):
    """The process wrote no further line: its last word, or that its time was up."""


def lines_of(command: Sequence[str], environment: Mapping[str, str], seconds: Callable[[], float]) -> Iterator[Any]:
    """The lines that a process writes, until the caller has enough of them; then the process is ended.

    Args:
        command: what to run. It is told by `--to N` into which file descriptor it writes.
        environment: its variables.
        seconds: how long the next line may take.

    Raises:
        EndedError: there is no next line.
    """
    reader, writer = os.pipe()
    late = threading.Event()
    with tempfile.TemporaryFile("w+") as noise, os.fdopen(reader) as lines:
        # A session of its own, so that what it started ends with it.
        child = subprocess.Popen(
            [*command, "--to", str(writer)], env=dict(environment), stdout=noise, stderr=noise, pass_fds=[writer],
            start_new_session=True,
        )  # fmt: skip
        os.close(writer)

        def stop() -> None:
            late.set()
            os.killpg(child.pid, signal.SIGKILL)

        try:
            while True:
                timer = threading.Timer(max(seconds(), 0.0), stop)
                timer.start()
                line = lines.readline()
                timer.cancel()
                if not line:
                    break
                yield json.loads(line)
            child.wait()
            noise.seek(0)
            said = noise.read().strip().splitlines() or [f"ended with {child.returncode}"]
            raise EndedError("its time was up" if late.is_set() else said[-1])
        finally:
            try:  # one that has nothing left to do ends by itself, and writes what it has open
                child.wait(5)
            except subprocess.TimeoutExpired:
                stop()
                child.wait()
