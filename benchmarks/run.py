"""Measure fkeras beside real Keras and a loop written by hand, in one run.

    python benchmarks/run.py [--quick] [--only REGEX] [--output DIRECTORY] [--torch-python PYTHON]
        [--nightly-python PYTHON | --nightly-path FOLDER]

Prints each figure with what it must reach and writes `results.json` and `RESULTS.md`. Every figure runs in a process of
its own, with a limit on its time, so that one that fails leaves the others alone; what is compared runs in turns.
`--quick` only shows that all of it runs, in one process as long as that lives: its times mean nothing, and it writes
files only where `--output` says.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import _calls
import _deep
import _describe
import _first_step
import _fit
import _language
import _memory
import _second_process
import _streams
from _peers import MissingError, add_arguments, describe, environment_of
from _processes import EndedError, lines_of
from _table import HEAD, Bar, line, rows_of

_HERE = pathlib.Path(__file__).parent


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
    # Those without a bar are only shown, where they are installed.
    shown = Bar(None, "nnx"), Bar(None, r"nightly/\d+"), Bar(None, r"torch.*")
    rounds = {"CNN": 5, "GRU": 5, "bidirectional LSTM": 5}.get(name, 11)
    return Figure(functools.partial(_fit.fit, name), rounds, (*bars, *shown))


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
    "fit, GRU": _of_fit("GRU", Bar(1.03, _BY_HAND), Bar(1, _KERAS)),
    "fit, bidirectional LSTM": _of_fit("bidirectional LSTM", Bar(1.03, _BY_HAND), Bar(1, _KERAS)),
    "fit call on device arrays": Figure(_calls.fit_call, 31, (Bar(3e-3, what="beside its steps"),)),
    "fit from a stream, residual network": Figure(
        _streams.stream, 3, (Bar(1.05, "on the device", what="after the first batch"),)
    ),
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
    "a decoder of 12 blocks": Figure(_first_step.gpt_from_nothing, 2, (Bar(0.65, "keras", what="first train step"),)),
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
    "fit(donate=True)": Figure(
        _memory.donated, 1, (Bar(0.5, "fit", unit="B", what="peak memory beside the state that it is given"),)
    ),
    "loss and accuracy over 32,768 classes": Figure(
        _language.vocabulary, 1, (Bar(1.05, "by hand", unit="B", what="memory that a step needs"),)
    ),
    "cached generation, a token": Figure(_language.generation, 5, (Bar(1, "full forwards"),)),
    "profile that is over": Figure(_fit.profile_over, 15, (Bar(1.05, "before"),)),
    "verbose=1": Figure(_fit.shown, 15, (Bar(1.03, "silent"),)),
    "three metrics and grad_norm": Figure(_fit.measured, 15, (Bar(1.05, "the loss alone"),)),
    "300 rounds of build, fit and drop": Figure(
        _memory.drops, 1, (Bar(2**14, unit="B", what="memory that stays, a round"),)
    ),
    **{f"compiling 48 blocks, {name}": _of_blocks(name) for name in _deep.BLOCKS},
    "train step of 48 blocks in one loop": Figure(
        _deep.repeated,
        3,
        (
            Bar(1.3, "linen", what="traced and compiled"),
            Bar(1.3, "linen dots_saveable", "fkeras dots_saveable", what="with remat"),
            *(Bar(1.1, f"linen {p} bytes", f"fkeras {p} bytes", "B", f"memory of {p}") for p in _deep.POLICIES),
        ),
    ),
    "second process": Figure(_second_process.second_process, 1, (Bar(0, unit="", what="XLA compilations"),)),
}
# Seconds that a figure may take.
_LIMIT, _QUICK_LIMIT = 600, 100


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
    found, limit = 0, _QUICK_LIMIT if quick else _LIMIT
    try:
        for numbers in lines_of(command, environment, lambda: limit):
            found += 1
            yield names[found - 1], numbers
            if found == len(names):
                return
    except EndedError as error:
        yield "", {"error": str(error)}


def measure(names: list[str], quick: bool, to: int) -> None:
    """In the process of the figures: a line of JSON for each."""
    with os.fdopen(to, "w") as lines:
        for name in names:
            figure, began = FIGURES[name], _processor_seconds()
            try:
                found: dict[str, Any] = {"seconds": figure.measure(rounds=1 if quick else figure.rounds, quick=quick)}
            except MissingError as error:
                found = {"skipped": str(error)}
            except Exception as error:
                found = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
            found["processor seconds"] = round(_processor_seconds() - began, 1)
            print(json.dumps(found), file=lines, flush=True)


def _processor_seconds() -> float:
    """Of this process and those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


# ------------------------------------------------------------------ tables
def check_keras() -> None:
    """End with the line to write where Keras is not installed, which most figures are measured beside.

    Raises:
        SystemExit: it is not.
    """
    if importlib.util.find_spec("keras") is None:
        raise SystemExit("Keras, beside which figures are taken, is not installed. Write: pip install keras==3.15.1")


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
    add_arguments(parser)
    given = parser.parse_args()
    check_keras()
    if given.figures:
        measure(given.figures, given.quick, given.to)
        return 0
    os.environ.update(environment_of(given))  # the figures' processes find the peers by it
    about, rows, seconds = machine(), [], {}
    if not given.quick:
        about |= {peer: describe(peer) for peer in ("torch", "nightly")}
        print("".join(f"{peer}: {about[peer]}\n" for peer in ("torch", "nightly")))
    print("\n".join(HEAD), flush=True)
    asked = bool(given.only or given.quick)
    names = [name for name, figure in FIGURES.items() if re.search(given.only, name) and (asked or not figure.apart)]
    for name, found in in_own_processes(names, given.quick):
        if "seconds" in found:
            new = rows_of(name, FIGURES[name].bars, found["seconds"])
        else:
            new = [{"figure": name, **{key: found[key] for key in ("error", "skipped") if key in found}}]
        seconds[name] = found
        rows += new
        print("\n".join(map(line, new)), flush=True)
    about["load average after"] = _load()
    output = given.output or (None if given.quick or given.only else _HERE)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        (output / "results.json").write_text(json.dumps({"about": about, "rows": rows, "seconds": seconds}, indent=1))
        named = "\n".join(f"- {key}: {value}" for key, value in about.items())
        text = "\n".join(
            ["# Results", "", "Written by `python benchmarks/run.py`.", "", named, "", *HEAD, *map(line, rows)]
        )
        # written by hand, about the last whole run that was kept
        misses = "" if given.only else (_HERE / "MISSES.md").read_text()
        (output / "RESULTS.md").write_text(f"{text}\n\n{misses}")
    return int(not rows or any("error" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
