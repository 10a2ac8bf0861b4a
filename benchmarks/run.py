"""Measure fkeras beside real Keras and a loop written by hand, in one run.

    python benchmarks/run.py [--quick] [--only REGEX] [--output DIRECTORY]

Prints each figure with the ratio it must reach and writes `results.json` and `RESULTS.md`. Every figure runs in a
process of its own; what is compared runs in that one process, in turns. `--quick` only shows that all of it runs: its
times mean nothing, and it writes files only where `--output` says.
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
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import _calls
import _describe
import _fit

_HERE = pathlib.Path(__file__).parent


class Bar(NamedTuple):
    """Our time over the best time of those `peers` that were measured must not exceed `most`."""

    peers: str
    most: float


class Figure(NamedTuple):
    """What is measured, how often in a full run, and what must hold."""

    measure: Callable[..., dict[str, float]]
    rounds: int
    bars: tuple[Bar, ...]


def _of_fit(name: str, *bars: Bar) -> Figure:
    return Figure(functools.partial(_fit.fit, name), 3 if name == "CNN" else 5, bars)


_BY_HAND, _KERAS = "loop|scan", r"keras/\d+"
FIGURES = {
    "fit, tiny MLP": _of_fit("tiny MLP", Bar("keras/1", 1 / 7), Bar(_KERAS, 1 / 3.5), Bar("scan", 1.25)),
    "fit, MLP 784-128-10": _of_fit("MLP 784", Bar(_BY_HAND, 1.05)),
    "fit, CNN": _of_fit("CNN", Bar(_BY_HAND, 1.03), Bar(_KERAS, 1)),
    "fit, Transformer": _of_fit("Transformer", Bar(_BY_HAND, 1.03), Bar(_KERAS, 1)),
    "fit, LSTM": _of_fit("LSTM", Bar(_BY_HAND, 1.03), Bar(_KERAS, 1)),
    "train_step in the user's loop": Figure(_calls.train_step, 7, (Bar("jit", 1.10),)),
    "predict, one sample": Figure(
        _calls.predict_one, 5, (Bar("jit", 2.5), Bar("keras.predict", 1 / 20), Bar("keras.__call__", 1 / 10))
    ),
    "predict, 60,000 rows": Figure(functools.partial(_calls.many_rows, "predict"), 5, (Bar("loop", 1.05),)),
    "evaluate, 60,000 rows": Figure(functools.partial(_calls.many_rows, "evaluate"), 5, (Bar("loop", 1.05),)),
    "graph of 500 layers": Figure(_describe.graph, 5, (Bar("keras", 0.5),)),
    "graph, 100 to 1,000 layers": Figure(_describe.scaling, 5, (Bar("a tenth", 12),)),
    "import": Figure(_describe.imports, 5, (Bar("jax, flax.linen, optax", 1.10),)),
}


def rows_of(name: str, seconds: dict[str, float]) -> list[dict[str, Any]]:
    """Each bar of a figure with its ratio."""
    rows = []
    for peers, most in FIGURES[name].bars:
        known = {who: value for who, value in seconds.items() if re.fullmatch(peers, who)}
        peer = min(known, key=lambda who: known[who])
        ratio = seconds["fkeras"] / known[peer]
        rows.append({"figure": name, "fkeras": seconds["fkeras"], "peer": peer, "peer_seconds": known[peer],
                     "ratio": ratio, "bar": most, "holds": ratio <= most})  # fmt: skip
    return rows


def in_own_process(name: str, quick: bool) -> dict[str, Any]:
    """A figure's seconds, or the last line of what went wrong."""
    # XLA as users have it: no flags of a test run, no cache on the disk.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XLA_", "JAX_"))}
    environment |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(_HERE.parent)}
    command = [sys.executable, __file__, "--figure", name, *(["--quick"] if quick else [])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    return {"seconds": json.loads(done.stdout.splitlines()[-1])}


def _shown(seconds: float) -> str:
    return (
        f"{seconds * 1e6:.1f} µs"
        if seconds < 1e-3
        else f"{seconds * 1e3:.2f} ms"
        if seconds < 1
        else f"{seconds:.2f} s"
    )


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"| {row['figure']} | did not run: {row['error']} | | | | | no |"
    cells = (row["figure"], _shown(row["fkeras"]), row["peer"], _shown(row["peer_seconds"]), f"{row['ratio']:.3f}",
             f"≤ {row['bar']:.3g}", "yes" if row["holds"] else "**no**")  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def machine() -> dict[str, str]:
    """Where and with what the numbers were taken."""
    versions = {name: importlib.metadata.version(name) for name in ("jax", "flax", "optax", "keras", "numpy")}
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "system": platform.platform(),
            "python": platform.python_version(), **versions, "load average before": load}  # fmt: skip


def main() -> int:
    """Run what was asked for; nonzero when a figure did not run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke of all figures")
    parser.add_argument("--only", default="", metavar="REGEX", help="figures whose name matches")
    parser.add_argument("--output", type=pathlib.Path, help="where to write; benchmarks/ for a whole full run")
    parser.add_argument("--figure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.figure:
        figure = FIGURES[given.figure]
        print(json.dumps(figure.measure(rounds=1 if given.quick else figure.rounds, quick=given.quick)))
        return 0
    about, rows, seconds = machine(), [], {}
    head = [
        "| figure | fkeras | peer | its time | ratio | bar | holds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(head), flush=True)
    for name in (name for name in FIGURES if re.search(given.only, name)):
        found = in_own_process(name, given.quick)
        new = rows_of(name, found["seconds"]) if "seconds" in found else [{"figure": name, "error": found["error"]}]
        seconds[name] = found
        rows += new
        print("\n".join(map(_line, new)), flush=True)
    output = given.output or (None if given.quick or given.only else _HERE)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        (output / "results.json").write_text(json.dumps({"about": about, "rows": rows, "seconds": seconds}, indent=1))
        named = "\n".join(f"- {key}: {value}" for key, value in about.items())
        text = "\n".join(
            ["# Results", "", "Written by `python benchmarks/run.py`.", "", named, "", *head, *map(_line, rows)]
        )
        (output / "RESULTS.md").write_text(text + "\n")
    return int(not rows or any("error" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
