"""Many models as one run, beside as many runs of `fit` in the same process.

    python benchmarks/many_models.py            # a table
    python benchmarks/many_models.py --json many.json

Each case is measured in a process of its own, the two ways in turns, and the first of each way has its compilation in
it, as a user's script has. `warm` is what comes after: the better of the repetitions of each.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

#: name: (members, rows, batch, epochs, the most that fit_many may take of the time of as many runs of fit)
CASES: dict[str, tuple[int, int, int, int, float]] = {
    "32 tiny MLPs": (32, 1024, 32, 250, 0.25),
    "8 of 784-128-10": (8, 12_000, 128, 4, 1.0),
    "8 small CNNs": (8, 2048, 64, 3, 1.0),
}


def describe(case: str) -> tuple[Any, tuple[int, ...], int]:
    """The model of a case, the shape of its input and the number of its classes."""
    import fkeras as fk

    nn = fk.nn
    if case == "32 tiny MLPs":
        return fk.Sequential([fk.Input((8,)), nn.Dense(16, "relu"), nn.Dense(2)]), (8,), 2
    if case == "8 of 784-128-10":
        return fk.Sequential([fk.Input((784,)), nn.Dense(128, "relu"), nn.Dense(10)]), (784,), 10
    layers = [nn.Conv2D(8, 3, activation="relu"), nn.MaxPooling2D(), nn.Conv2D(16, 3, activation="relu"), nn.Flatten()]
    return fk.Sequential([fk.Input((16, 16, 1)), *layers, nn.Dense(10)]), (16, 16, 1), 10


def measure(case: str, repetitions: int) -> dict[str, Any]:
    """Seconds of both ways, and how far a member is from its solo run."""
    import jax
    import numpy as np

    import fkeras as fk

    count, rows, batch, epochs, most = CASES[case]
    model, shape, classes = describe(case)
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, *shape)).astype("float32")
    y = (x.reshape(rows, -1)[:, :4].sum(-1) > 0).astype("int32") * (classes - 1)
    options: dict[str, Any] = {"batch_size": batch, "epochs": epochs, "verbose": 0}
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    # two trainers that share no program
    alone = model.compile(fk.optimizers.Adam(1e-3), loss, loss_weights=1.0)
    many = model.compile(fk.optimizers.Adam(1e-3), loss)

    def solo() -> Any:
        return [alone.fit(alone.init(seed), x, y, **options)[0] for seed in range(count)]

    def together() -> Any:
        return many.fit_many(x, y, seeds=range(count), **options)

    warm = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)]).compile("sgd", "mse")  # what a process does once
    warm.fit(warm.init(0), np.ones((4, 2), "float32"), np.ones((4, 1), "float32"), verbose=0)
    states, histories = None, None
    seconds: dict[str, list[float]] = {"solo": [], "many": []}
    processor: dict[str, list[float]] = {"solo": [], "many": []}
    for _ in range(1 + repetitions):
        runs = timed(solo, seconds["solo"], processor["solo"])
        states, histories = timed(together, seconds["many"], processor["many"])
    pairs = zip(jax.tree.leaves(fk.train.member(states, 1).params), jax.tree.leaves(runs[1].params), strict=True)
    apart = max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in pairs)
    best = {way: min(found[1:]) for way, found in seconds.items()}
    busy = {way: min(found[1:]) for way, found in processor.items()}
    return {
        "case": case, "how": histories.how[0], "compilations": len(many.programs.traces), "most": most,
        "first": seconds["many"][0] / seconds["solo"][0], "warm": best["many"] / best["solo"],
        "processor_first": processor["many"][0] / processor["solo"][0], "processor_warm": busy["many"] / busy["solo"],
        "seconds": {way: [round(s, 3) for s in found] for way, found in seconds.items()}, "apart": apart,
    }  # fmt: skip


def timed(run: Callable[[], Any], seconds: list[float], processor: list[float]) -> Any:
    """What a call returns; it notes how long it takes until that is there, by the clock and on the processor."""
    import jax

    began = time.perf_counter(), time.process_time()
    found = run()
    jax.block_until_ready(jax.tree.leaves(found[0]))
    seconds.append(time.perf_counter() - began[0])
    processor.append(time.process_time() - began[1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=[*CASES], help="one case alone, in this process")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", help="where to write the results")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.repetitions)))
        return
    results = []
    for case in CASES:
        command = [sys.executable, __file__, "--case", case, "--repetitions", str(options.repetitions)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        results.append(found)
        print(
            f"{case}: {found['first']:.2f} of the time of solo runs with compiling, {found['warm']:.2f} warm "
            f"(at most {found['most']}; on the processor {found['processor_first']:.2f} and "
            f"{found['processor_warm']:.2f}); {found['how']}, compiled {found['compilations']} times; solo "
            f"{found['seconds']['solo']} s, many {found['seconds']['many']} s; weights {found['apart']:.1e} apart",
            flush=True,
        )
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
