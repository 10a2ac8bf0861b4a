"""Two processes on one machine, each with two devices, that run a script together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

#: Seconds after which a process that should have ended is killed, and the test is red.
MOST = 60


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def two(module, place):
    """Both processes of `tests.train.MODULE`, each in a group of its own that is killed at the end."""
    port = free_port()
    # a program is compiled here as in the tests' own process, and read from their cache
    flags = os.environ["XLA_FLAGS"].replace("device_count=4", "device_count=2")
    started = []
    try:
        for number in range(2):
            command = [sys.executable, "-m", f"tests.train.{module}", str(number), str(port), str(place)]
            with open(place / f"{number}.log", "w") as log:
                started.append(subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                    env={**os.environ, "XLA_FLAGS": flags},
                ))  # fmt: skip
        yield started
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(MOST)
            process.stdin.close()


def said(place, number):
    return (place / f"{number}.log").read_text()


def wait_for_both(place, processes):
    """Wait until both are ready."""
    end = time.monotonic() + MOST
    while not all("ready" in said(place, number) for number in range(2)):
        alive = all(process.poll() is None for process in processes)
        assert alive, said(place, 0) + said(place, 1)
        assert time.monotonic() < end, said(place, 0) + said(place, 1)
        time.sleep(0.1)
