"""Measure fkeras on one GPU beside Keras, its nightly build, Flax NNX and loops written by hand, in one run.

    python benchmarks/gpu.py [--limit SECONDS] [--only REGEX] [--who REGEX] [--output DIRECTORY] [--smoke]
        [--nightly-python PYTHON | --nightly-path FOLDER]

Each figure is printed as a line of JSON when it is measured, and written to `gpu.jsonl` in the output directory, so
that a run that is cut keeps what it has; at the end, or when the time is up, a table shows ratios and what must hold of
them. What matters most is measured first. One process at a time has the device; a large model has one for each who
trains it, so that nobody finds what another has compiled or tuned. `--smoke` shows on a CPU that all of it runs: small
models, one process, times that mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from _peers import MissingError, add_arguments, environment_of, interpreter
from _processes import EndedError, lines_of
from _table import HEAD, Bar, line, rows_of

_HERE = pathlib.Path(__file__).parent
_BY_HAND, _KERAS = "scan|loop", r"keras/\d+"


class Case(NamedTuple):
    """What is measured, by whom, and what must hold.

    Attributes:
        bars: of each figure, by what its name says after the case's.
        who: those who are compared, in the order in which they are measured.
        apart: whether each of them has a process of its own.
    """

    bars: dict[str, tuple[Bar, ...]]
    who: tuple[str, ...] = ("fkeras",)
    apart: bool = False


def _steps(most: float) -> Case:
    # Keras with a step a dispatch and with sixteen, and its nightly build, whose steps are a scan on the device.
    shown = Bar(None, _KERAS), Bar(None, r"nightly/\d+"), Bar(None, "nnx"), Bar(None, "loop")
    who = "fkeras", "scan", "keras/1", "keras/16", "nnx", "loop", "nightly/16", "nightly/64"
    return Case({"": (Bar(most, "scan"), *shown), ": a fit call beside its steps": (Bar(3e-3),)}, who)


def _large(faster: float) -> Case:
    return Case(
        {
            "": (Bar(1.02, _BY_HAND), Bar(1 / faster, _KERAS)),
            ": from nothing to the end of the first epoch": (Bar(0.9, _KERAS), Bar(None, _BY_HAND)),
        },
        ("fkeras", "scan", "keras/1"),
        apart=True,
    )


def _beside_keras() -> Case:
    return Case({"": (Bar(1, _KERAS),)}, ("fkeras", "keras/1"))


# In the order of importance.
CASES = {
    "tiny MLP, batch 32": _steps(1.00),
    "MLP 784-512-512-10, batch 128": _steps(1.03),
    "CNN 32x32, batch 256": _steps(1.03),
    "GPT 124M, bfloat16, 16 x 512": _large(1.15),
    "ResNet-50, bfloat16, batch 128": _large(1.4),
    "two LSTMs of 256": _beside_keras(),
    "two GRUs of 256": _beside_keras(),
    "two bidirectional LSTMs of 256": _beside_keras(),
    "ResNet-50 from a stream of numpy batches": Case({"": (Bar(1.05, "on the device"),)}),
    "60,000 predictions": Case({"": (Bar(1, "keras/1|loop"),)}),
    "fit(donate=True): peak memory beside the state that it is given": Case(
        {"": (Bar(0.5, "fit", unit="B"),)}, ("fkeras", "fit"), apart=True
    ),
    "loss and accuracy over 32,768 classes: memory that a step needs": Case({"": (Bar(1.05, "by hand", unit="B"),)}),
    "cached generation, a token": Case({"": (Bar(1, "full forwards"),)}),
    "compiling the gradient of 48 Transformer blocks": Case({"": (Bar(1.15, "linen"),)}),
}
Job = tuple[str, str]


# ------------------------------------------------------------------ the plan
class Stage(NamedTuple):
    """Jobs of one process."""

    jobs: tuple[Job, ...]
    nightly: bool = False


def plan(cases: Sequence[str], who: str, smoke: bool) -> list[Stage]:
    """The processes in their order: neighbours share one, unless each must have its own or another interpreter.

    Args:
        cases: what is measured, in order.
        who: a pattern of those who are measured.
        smoke: whether all that one interpreter does is one process.
    """
    stages: list[Stage] = []

    def add(job: Job, nightly: bool, alone: bool) -> None:
        last = stages[-1] if stages else None
        if last and last.nightly == nightly and not alone:
            stages[-1] = last._replace(jobs=(*last.jobs, job))
        else:
            stages.append(Stage((job,), nightly))

    shared = [(name, one) for name in cases for one in CASES[name].who if re.fullmatch(who, one)]
    small = {name for name in cases if any(one.startswith("nightly") for one in CASES[name].who)}
    # The nightly build's process comes once, after all the cases that have it.
    ordered = [job for job in shared if job[0] in small]
    ordered.sort(key=lambda job: job[1].startswith("nightly"))
    alone = False
    for name, one in [*ordered, *(job for job in shared if job[0] not in small)]:
        apart = CASES[name].apart and not smoke
        add((name, one), one.startswith("nightly"), apart or alone)
        alone = apart
    return stages


def _environment(stage: Stage) -> tuple[str, dict[str, str]]:
    """The interpreter of a stage and its variables: no flags of a test run, no programs from the disk."""
    found = {k: v for k, v in os.environ.items() if not k.startswith(("XLA_FLAGS", "JAX_COMPILATION", "PYTHONDONT"))}
    found |= {"KERAS_BACKEND": "jax", "PYTHONPATH": f"{_HERE.parent}:{_HERE}", "PYTHONWARNINGS": "ignore"}
    found.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return interpreter("nightly", found) if stage.nightly else (sys.executable, found)


# ------------------------------------------------------------------ processes
def records(stages: Sequence[Stage], until: float, smoke: bool) -> Iterator[dict[str, Any]]:
    """What is measured, as it is measured; also what went wrong or was left out, and who runs where.

    A process that dies or fails takes one job with it: another one goes on with those that are left.
    """
    for stage in stages:
        left = list(stage.jobs)
        try:
            python, environment = _environment(stage)
        except MissingError as error:
            yield {"missing": ", ".join(sorted({who for _, who in left})), "why": str(error)}
            continue
        while left:
            if time.monotonic() >= until:
                yield from ({"figure": name, "who": who, "skipped": "the time was up"} for name, who in left)
                break
            command = [python, __file__, "--jobs", json.dumps(left), *(["--smoke"] if smoke else [])]
            try:
                for record in lines_of(command, environment, lambda: until - time.monotonic()):
                    if "done" not in record:
                        yield record
                        continue
                    left.pop(0)
                    if not left:
                        break
            except EndedError as error:
                name, who = left.pop(0)
                kind = "skipped" if time.monotonic() >= until else "error"
                yield {"figure": name, "who": who, kind: str(error)}


def work(jobs: Sequence[Job], smoke: bool, to: int) -> None:
    """In the process of the jobs: a line of JSON for each figure, and one when a job is done."""
    from _gpu_jobs import about, measure

    with os.fdopen(to, "w") as lines:

        def put(**record: Any) -> None:
            print(json.dumps(record), file=lines, flush=True)

        put(about=about())
        for name, who in jobs:
            try:
                for figure, whose, value, unit in measure(name, who, smoke):
                    put(figure=figure, who=whose, value=value, unit=unit)
            except MissingError as error:
                put(figure=name, who=who, skipped=str(error))
            except Exception as error:
                put(figure=name, who=who, error=f"{type(error).__name__}: {error}".splitlines()[0][:300])
            put(done=name)


# ------------------------------------------------------------------ tables
def table(found: Sequence[dict[str, Any]], cases: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each bar of what was measured, and one for each of those that failed or were left out."""
    values: dict[str, dict[str, float]] = {}
    for record in found:
        if "value" in record:
            values.setdefault(record["figure"], {})[record["who"]] = record["value"]
    rows = []
    for name in cases:
        for suffix, bars in CASES[name].bars.items():
            if name + suffix in values:
                rows += rows_of(name + suffix, bars, values[name + suffix])
        for record in found:
            if record.get("figure") == name and "value" not in record:
                reason = {key: record[key] for key in ("error", "skipped") if key in record}
                rows.append({"figure": f"{name}, {record['who']}", **reason})
    return rows


def main() -> int:
    """Run what was asked for; nonzero when something failed, or nothing was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=480, metavar="SECONDS", help="when to stop; 480")
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name matches")
    parser.add_argument("--who", default=".*", metavar="REGEX", help="those who are measured")
    parser.add_argument(
        "--output", type=pathlib.Path, help="where gpu.jsonl and GPU.md are written; nowhere without it"
    )
    parser.add_argument("--smoke", action="store_true", help="small models, to see that all of it runs")
    parser.add_argument("--jobs", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--to", type=int, help=argparse.SUPPRESS)
    add_arguments(parser)
    given = parser.parse_args()
    if given.jobs:
        work(given.jobs, given.smoke, given.to)
        return 0
    until = time.monotonic() + given.limit
    os.environ.update(environment_of(given))
    cases = [name for name in CASES if re.search(given.only, name)]
    began, found, seen = time.monotonic(), [], set()
    if given.output:
        given.output.mkdir(parents=True, exist_ok=True)
        (given.output / "gpu.jsonl").write_text("")
    for record in records(plan(cases, given.who, given.smoke), until, given.smoke):
        text = json.dumps(record | ({} if "about" in record else {"at": round(time.monotonic() - began, 1)}))
        if "about" in record and text in seen:  # the same device and versions as of a process before
            continue
        seen.add(text)
        found.append(record)
        print(text, flush=True)
        if given.output:
            with (given.output / "gpu.jsonl").open("a") as file:
                print(text, file=file)
    rows = table(found, cases)
    notes = [f"- {json.dumps(record['about'])}" for record in found if "about" in record]
    notes += [f"- {record['missing']}: {record['why']}" for record in found if "missing" in record]
    shown = "\n".join([*notes, "", *HEAD, *map(line, rows)])
    print(f"\n{shown}")
    if given.output:
        (given.output / "GPU.md").write_text(f"# On a GPU\n\nWritten by `python benchmarks/gpu.py`.\n\n{shown}\n")
    return int(not any("value" in record for record in found) or any("error" in record for record in found))


if __name__ == "__main__":
    sys.exit(main())
