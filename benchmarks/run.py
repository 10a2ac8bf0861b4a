"""Measure fkeras beside real Keras and a loop written by hand, in one run.

    python benchmarks/run.py [--quick] [--only REGEX] [--output DIRECTORY]

Prints each figure with what it must reach and writes `results.json` and `RESULTS.md`. Every figure runs in a process of
its own, with a limit on its time, so that one that fails leaves the others alone; what is compared runs in turns.
`--quick` only shows that all of it runs, in one process as long as that lives: its times mean nothing, and it writes
files only where `--output` says.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import _calls
import _deep
import _describe
import _first_step
import _fit
import _memory
import _second_process

_HERE = pathlib.Path(__file__).parent


class Bar(NamedTuple):
    """What must hold of a figure's numbers.

    Attributes:
        most: what `ours` over the best of `peers` must not exceed; without peers, what `ours` itself must not;
            `None` where it is only shown.
        peers: a pattern of names; those that were measured count.
        ours: the name of our number.
        unit: `s`, `B` (bytes) or nothing.
        what: what is measured, where the figure's name does not say it.
    """

    most: float | None
    peers: str = ""
    ours: str = "fkeras"
    unit: str = "s"
    what: str = ""


class Figure(NamedTuple):
    """What is measured, how often in a full run, and what must hold.

    Attributes:
        apart: whether it is measured only where `--only` names it, as it takes longer than all the rest.
    """

    measure: Callable[..., dict[str, float]]
    rounds: int
    bars: tuple[Bar, ...]
    apart: bool = False


def _of_fit(name: str, *bars: Bar) -> Figure:
    return Figure(functools.partial(_fit.fit, name), 5 if name == "CNN" else 11, bars)


def _of_blocks(name: str) -> Figure:
    # Four times as deep is four times the program; what is left of 4.6 is passes that look at a whole program at once.
    bars = Bar(1.15, "linen"), Bar(4.6, "a quarter as deep", what="and linear in depth")
    return Figure(functools.partial(_deep.compile_times, name), 3, bars, apart=True)


_BY_HAND, _KERAS = "loop|scan", r"keras/\d+"
_FROM_NOTHING = (
    Bar(0.4, "keras build", what="model.init"),
    Bar(0.4, "keras build", "fkeras describe and init", what="describe and model.init"),
    Bar(1, "distinct weights", "compilations", "", "compilations of model.init"),
    Bar(0.65, "keras first step", "fkeras first step", what="first train step"),
    Bar(2.5, "", "our share", what="first train step without XLA's compilations"),
)
FIGURES = {
    "fit, tiny MLP": _of_fit("tiny MLP", Bar(1 / 7, "keras/1"), Bar(1 / 3.5, _KERAS), Bar(1.25, "scan")),
    "fit, MLP 784-128-10": _of_fit("MLP 784", Bar(1.05, _BY_HAND)),
    "fit, CNN": _of_fit("CNN", Bar(1.03, _BY_HAND), Bar(1, _KERAS)),
    "fit, Transformer": _of_fit("Transformer", Bar(1.03, _BY_HAND), Bar(1, _KERAS)),
    "fit, LSTM": _of_fit("LSTM", Bar(1.03, _BY_HAND), Bar(1, _KERAS)),
    "fit from a generator, tiny MLP": Figure(
        functools.partial(_fit.generator, "tiny MLP"), 5, (Bar(1.15, "loop"), Bar(1 / 2, "keras"))
    ),
    "fit from a generator, MLP 784-128-10": Figure(
        functools.partial(_fit.generator, "MLP 784"), 5, (Bar(1.15, "loop"),)
    ),
    "train_step in the user's loop": Figure(
        _calls.train_step, 11, (Bar(1.10, "jit"), Bar(1.10, "the same step, jitted"))
    ),
    "predict, one sample": Figure(
        _calls.predict_one, 5, (Bar(2.5, "jit"), Bar(1 / 20, "keras.predict"), Bar(1 / 10, "keras.__call__"))
    ),
    "predict, 60,000 rows": Figure(functools.partial(_calls.many_rows, "predict"), 11, (Bar(1.05, "loop"),)),
    "evaluate, 60,000 rows": Figure(functools.partial(_calls.many_rows, "evaluate"), 11, (Bar(1.05, "loop"),)),
    "ResNet-50": Figure(_first_step.resnet_from_nothing, 3, _FROM_NOTHING),
    "graph of 500 layers": Figure(_describe.graph, 5, (Bar(0.5, "keras"),)),
    "graph of 500 layers, no two alike": Figure(_describe.graph_of_many_kinds, 3, (Bar(None, "keras"),)),
    "graph, 100 to 1,000 layers": Figure(_describe.scaling, 5, (Bar(12, "a tenth"),)),
    "import": Figure(
        _describe.imports,
        7,
        (
            Bar(1.10, "jax, flax.linen, optax"),
            Bar(
                None,
                "jax, flax.linen, optax",
                "fkeras, and a model compiled",
                what="and a model described and compiled",
            ),
        ),
    ),
    "peak memory of fit, 1 GB of data": Figure(_memory.peak, 1, (Bar(1.15, "by hand", unit="B"),)),
    "verbose=1": Figure(_fit.shown, 15, (Bar(1.03, "silent"),)),
    "three metrics and grad_norm": Figure(_fit.measured, 15, (Bar(1.05, "the loss alone"),)),
    "300 rounds of build, fit and drop": Figure(
        _memory.drops, 1, (Bar(2**14, unit="B", what="memory that stays, a round"),)
    ),
    **{f"compiling 48 blocks, {name}": _of_blocks(name) for name in _deep.BLOCKS},
    "second process": Figure(_second_process.second_process, 1, (Bar(0, unit="", what="XLA compilations"),)),
}
# Seconds that a figure may take.
_LIMIT, _QUICK_LIMIT = 600, 100


def rows_of(name: str, found: dict[str, float]) -> list[dict[str, Any]]:
    """Each bar of a figure with its ratio, or without peers its value."""
    rows = []
    for bar in FIGURES[name].bars:
        row = {"figure": f"{name}: {bar.what}" if bar.what else name, "unit": bar.unit, "bar": bar.most}
        value = row["ours"] = row["ratio"] = found[bar.ours]
        if bar.peers:
            known = {who: value for who, value in found.items() if re.fullmatch(bar.peers, who)}
            peer = min(known, key=lambda who: known[who])
            row |= {"peer": peer, "theirs": known[peer], "ratio": value / known[peer]}
        rows.append(row | {"holds": None if bar.most is None else row["ratio"] <= bar.most})
    return rows


# ------------------------------------------------------------------ processes
def in_own_processes(names: list[str], quick: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """`(figure, its numbers or what went wrong)`: a process a figure, or when quick one for as many as it survives."""
    left = list(names)
    while left:
        batch = left if quick else left[:1]
        done, error = 0, ""
        for name, found in _process(batch, quick):
            done += 1
            if name:
                yield name, found
            else:
                error = found["error"]
                yield batch[done - 1], {"error": error}
                break
        left = left[max(done, 1) :]


def _process(names: list[str], quick: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """What one process finds, line by line; an empty name when it dies or its time is up."""
    # XLA and Python as users have them: no flags of a test run, no cache of programs on the disk but one of bytecode.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XLA_", "JAX_", "PYTHONDONT"))}
    environment |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": f"{_HERE.parent}:{_HERE}"}
    environment |= {"PYTHONWARNINGS": "ignore"}
    if quick:  # nothing runs long enough to deserve a good compilation
        environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    command = [sys.executable, __file__, "--figures", json.dumps(names), *(["--quick"] if quick else [])]
    reader, writer = os.pipe()
    late = threading.Event()
    with tempfile.TemporaryFile("w+") as noise, os.fdopen(reader) as lines:
        # A session of its own, so that what it started ends with it.
        child = subprocess.Popen(
            [*command, "--to", str(writer)], env=environment, stdout=noise, stderr=noise, pass_fds=[writer],
            start_new_session=True,
        )  # fmt: skip
        os.close(writer)

        def stop() -> None:
            late.set()
            os.killpg(child.pid, signal.SIGKILL)

        found = 0
        try:
            while found < len(names):
                timer = threading.Timer(_QUICK_LIMIT if quick else _LIMIT, stop)
                timer.start()
                line = lines.readline()
                timer.cancel()
                if not line:
                    break
                found += 1
                yield names[found - 1], json.loads(line)
            if found < len(names):
                child.wait()
                noise.seek(0)
                said = noise.read().strip().splitlines() or [f"ended with {child.returncode}"]
                yield "", {"error": "its time was up" if late.is_set() else said[-1]}
        finally:
            if child.poll() is None and found < len(names):
                stop()
            child.wait()


def measure(names: list[str], quick: bool, to: int) -> None:
    """In the process of the figures: a line of JSON for each."""
    with os.fdopen(to, "w") as lines:
        for name in names:
            figure, began = FIGURES[name], _processor_seconds()
            try:
                found: dict[str, Any] = {"seconds": figure.measure(rounds=1 if quick else figure.rounds, quick=quick)}
            except Exception as error:
                found = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
            found["processor seconds"] = round(_processor_seconds() - began, 1)
            print(json.dumps(found), file=lines, flush=True)


def _processor_seconds() -> float:
    """Of this process and those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


# ------------------------------------------------------------------ tables
def _shown(value: float, unit: str) -> str:
    if unit == "B":
        return f"{value / 2**20:.1f} MB" if abs(value) >= 2**20 else f"{value / 2**10:.1f} kB"
    if unit == "s":
        return f"{value * 1e6:.1f} µs" if value < 1e-3 else f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.2f} s"
    return f"{value:g}"


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"| {row['figure']} | did not run: {row['error']} | | | | | **no** |"
    unit, with_peer = row["unit"], "peer" in row
    cells = (row["figure"], _shown(row["ours"], unit), row["peer"] if with_peer else "",
             _shown(row["theirs"], unit) if with_peer else "", f"{row['ratio']:.3f}" if with_peer else "",
             "" if row["bar"] is None else "≤ " + (f"{row['bar']:.3g}" if with_peer else _shown(row["bar"], unit)),
             {None: "", True: "yes", False: "**no**"}[row["holds"]])  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def machine() -> dict[str, str]:
    """Where and with what the numbers were taken."""
    versions = {name: importlib.metadata.version(name) for name in ("jax", "flax", "optax", "keras", "numpy")}
    return {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "system": platform.platform(),
            "python": platform.python_version(), **versions, "load average before": _load()}  # fmt: skip


def _load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def main() -> int:
    """Run what was asked for; nonzero when a figure did not run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke of all figures")
    parser.add_argument("--only", default="", metavar="REGEX", help="figures whose name matches")
    parser.add_argument("--output", type=pathlib.Path, help="where to write; benchmarks/ for a whole full run")
    parser.add_argument("--figures", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--to", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.figures:
        measure(given.figures, given.quick, given.to)
        return 0
    about, rows, seconds = machine(), [], {}
    head = [
        "| figure | fkeras | peer | its value | ratio | bar | holds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(head), flush=True)
    asked = bool(given.only or given.quick)
    names = [name for name, figure in FIGURES.items() if re.search(given.only, name) and (asked or not figure.apart)]
    for name, found in in_own_processes(names, given.quick):
        new = rows_of(name, found["seconds"]) if "seconds" in found else [{"figure": name, "error": found["error"]}]
        seconds[name] = found
        rows += new
        print("\n".join(map(_line, new)), flush=True)
    about["load average after"] = _load()
    output = given.output or (None if given.quick or given.only else _HERE)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        (output / "results.json").write_text(json.dumps({"about": about, "rows": rows, "seconds": seconds}, indent=1))
        named = "\n".join(f"- {key}: {value}" for key, value in about.items())
        text = "\n".join(
            ["# Results", "", "Written by `python benchmarks/run.py`.", "", named, "", *head, *map(_line, rows)]
        )
        # written by hand, about the last whole run that was kept
        misses = "" if given.only else (_HERE / "MISSES.md").read_text()
        (output / "RESULTS.md").write_text(f"{text}\n\n{misses}")
    return int(not rows or any("error" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
