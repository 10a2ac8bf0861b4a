"""Training scripts that are killed at random moments and started again, and runs of them that nobody touches."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: What a training process writes when it has imported all, and begins to train.
READY = "ready"


@dataclasses.dataclass(frozen=True)
class Script:
    """A script that trains when it is called with `--train DIRECTORY RESULT KIND`, and prints `READY` first.

    Attributes:
        path: the script.
        place: a folder for the runs' directories and results.
        draw: where random moments come from.
    """

    path: str
    place: pathlib.Path
    draw: random.Random

    def start(self, name: str, kind: str, changed: Mapping[str, str]) -> subprocess.Popen[str]:
        """A training process that has begun, in an environment with some variables changed."""
        place = self.place / name
        command = [sys.executable, self.path, "--train", str(place), f"{place}.json", kind]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **changed})
        assert process.stdout is not None
        if process.stdout.readline() != f"{READY}\n":
            raise RuntimeError(f"the training process ended with {process.wait()}")
        return process

    def finish(self, name: str, kind: str, changed: Mapping[str, str]) -> tuple[float, dict[str, Any]]:
        """`(seconds, what came out)` of a training process that is left alone to its end."""
        process, began = self.start(name, kind, changed), time.monotonic()
        if code := process.wait():
            raise RuntimeError(f"{name}, which nobody touched, ended with {code}")
        return time.monotonic() - began, json.loads((self.place / f"{name}.json").read_text())

    def kill(self, name: str, kind: str, changed: Mapping[str, str], seconds: tuple[float, float]) -> bool:
        """Kill a training process at a random moment; whether it was within a save.

        One that ended before is begun again, from where the kill before this one had left the run, and has less time:
        its programs are compiled by now, and the machine may be less busy.
        """
        run, kept = self.place / name, self.place / f"{name}-before"
        shutil.rmtree(kept, ignore_errors=True)
        if run.exists():
            shutil.copytree(run, kept)
        low, high = seconds
        while not self._killed(name, kind, changed, self.draw.uniform(low, high)):
            low, high = 0.7 * low, 0.7 * high
            shutil.rmtree(run, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, run)
        return any(path.name.startswith(".") for path in run.glob("*"))

    def _killed(self, name: str, kind: str, changed: Mapping[str, str], after: float) -> bool:
        """Whether a training process was killed, so many seconds after it began to train."""
        process = self.start(name, kind, changed)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        code = process.wait()
        if code not in (0, -signal.SIGKILL):  # neither killed nor at its end
            raise RuntimeError(f"the training process ended by itself with {code}")
        return code == -signal.SIGKILL


@dataclasses.dataclass(frozen=True)
class Trial:
    """What is done to each run, and when two of them are the same.

    Attributes:
        kinds: the kinds of run, taken in turns.
        stages: for each process of a run the environment's variables that it changes; the last one is left to end.
        moments: between which shares of an untouched run's time a process is killed.
        apart: by how much what came out differs from what should have; 0 is equal.
        same: how much that may be.
    """

    kinds: Sequence[str]
    stages: Sequence[Mapping[str, str]]
    moments: tuple[float, float]
    apart: Callable[[dict[str, Any], dict[str, Any]], float]
    same: float = 0.0


def options(doc: str | None, runs: int) -> argparse.ArgumentParser:
    """The options of a script that kills."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="where to write the result")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    return parser


def main(path: str, asked: argparse.Namespace, trial: Trial) -> None:
    """Make the runs, and end with 1 unless all of them are the same as one that nobody touched."""
    found = {"runs": asked.runs, "equal": 0, "kills": 0, "cut_saves": 0, "furthest": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        script = Script(path, pathlib.Path(folder), random.Random(asked.seed))
        untouched = {
            kind: script.finish(f"untouched-{kind}", kind, trial.stages[0]) for kind in trial.kinds[: asked.runs]
        }
        for run in range(asked.runs):
            kind, name = trial.kinds[run % len(trial.kinds)], f"run{run}"
            seconds, wanted = untouched[kind]
            low, high = (share * seconds for share in trial.moments)
            for stage in trial.stages[:-1]:
                found["cut_saves"] += script.kill(name, kind, stage, (low, high))
                found["kills"] += 1
            apart = trial.apart(script.finish(name, kind, trial.stages[-1])[1], wanted)
            found["equal"] += apart <= trial.same
            found["furthest"] = max(found["furthest"], apart)
            print(f"run {run + 1}, {kind}: {apart:.1e} apart", flush=True)
    print(
        f"{found['equal']} of {asked.runs} runs the same{f' to {trial.same}' if trial.same else ' to the bit'}, after "
        f"{found['kills']} kills, {found['cut_saves']} within a save; {found['furthest']:.1e} apart at most"
    )
    if asked.json:
        pathlib.Path(asked.json).write_text(json.dumps(found))
    if found["equal"] != asked.runs:
        sys.exit(1)
