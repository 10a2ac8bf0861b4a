"""How much memory saving and loading a model takes, beside the model's own.

    python benchmarks/memory_of_save.py --megabytes 500

Each format is saved and then loaded in processes of their own. What is measured is the peak of the process's memory
(`VmHWM`), less what it had after the imports and a first small save and load: for a save that is the model, which is
held, and what the save takes beside it; for a load the model, which is made, and what the load takes beside it. So 1.0
is the least there can be.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

FORMATS = {"Orbax run": "run", ".keras": "m.keras", ".weights.h5": "m.weights.h5", ".safetensors": "m.safetensors"}
LIMIT = 1.5
_WIDTH = 2048  # a kernel of 16 MB


def memory(kind: str = "VmHWM") -> int:
    """The process's peak (`VmHWM`) or present (`VmRSS`) memory in bytes."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) << 10
    raise RuntimeError(f"no {kind} in /proc/self/status: this benchmark needs Linux")


def forget_peak() -> None:
    """Let the peak start anew from what the process holds now."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def network(megabytes: float) -> Any:
    """A model whose training state has so many megabytes, and its trainer."""
    import fkeras as fk

    width = _WIDTH if megabytes >= 50 else 64
    layers = max(1, round(megabytes * 1e6 / 3 / (4 * width * (width + 1))))  # weights, and Adam's two moments
    model = fk.Sequential([fk.Input((width,)), *(fk.nn.Dense(width) for _ in range(layers))])
    return model.compile("adam", "mse")


def random(like: Any) -> Any:
    """Random numbers, which do not compress, one leaf at a time."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(0)

    def draw(leaf: Any) -> Any:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.key(0)
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.zeros(leaf.shape, leaf.dtype)
        return jnp.asarray(rng.standard_normal(leaf.shape, "float32"))

    return jax.tree.map(draw, like)


def contents(trainer: Any, path: pathlib.Path) -> Any:
    """The shapes of what a format holds: weights alone, or a whole state."""
    import jax

    if path.suffix in (".h5", ".safetensors"):
        return trainer.model.abstract_variables()
    return jax.eval_shape(trainer.init, jax.random.key(0))


def save(trainer: Any, content: Any, path: pathlib.Path) -> None:
    """Save in the format that the path's suffix names."""
    if path.suffix in (".h5", ".safetensors"):
        trainer.model.save_weights(path, content)
    else:
        trainer.save(path, content)


def load(trainer: Any, path: pathlib.Path) -> Any:
    """What `save` wrote."""
    import fkeras as fk

    if path.suffix in (".h5", ".safetensors"):
        return trainer.model.load_weights(path, contents(trainer, path))
    return fk.load_trainer(path)[1]


def size(tree: Any) -> int:
    """The bytes of a pytree's arrays."""
    import jax

    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def measure(verb: str, place: str, megabytes: float) -> None:
    """One process: save or load, and say what it took."""
    path = pathlib.Path(place)
    weights_alone = path.suffix in (".h5", ".safetensors")
    trainer, small = network(megabytes * 3 if weights_alone else megabytes), network(0.1)
    with tempfile.TemporaryDirectory() as folder:  # so that everything is imported
        first = pathlib.Path(folder) / path.name
        save(small, random(contents(small, path)), first)
        load(small, first)
    before = memory("VmRSS")
    if verb == "save":
        made = random(contents(trainer, path))
    forget_peak()
    began = time.perf_counter()
    if verb == "save":
        save(trainer, made, path)
    else:
        made = load(trainer, path)
    seconds, took = time.perf_counter() - began, memory() - before
    own = size(made)
    print(json.dumps({"bytes": own, "peak": took, "ratio": took / own, "seconds": seconds}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=500)
    parser.add_argument("--json", help="where to write the result")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure, options.megabytes)
        return
    found: dict[str, Any] = {}
    print(f"{'':14}{'':6}{'MB':>8}{'peak MB':>10}{'peak / own':>12}{'seconds':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for name, path in FORMATS.items():
            for verb in ("save", "load"):
                command = [sys.executable, __file__, "--megabytes", str(options.megabytes)]
                command += ["--measure", verb, str(pathlib.Path(folder) / path)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                row = found[f"{verb} {name}"] = json.loads(done.stdout.splitlines()[-1])
                numbers = (
                    f"{row['bytes'] / 1e6:8.0f}{row['peak'] / 1e6:10.0f}{row['ratio']:12.2f}{row['seconds']:10.2f}"
                )
                print(f"{name:14}{verb:6}{numbers}", flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found))
    over = [name for name, row in found.items() if row["ratio"] > LIMIT]
    if over:
        sys.exit(f"over {LIMIT} times the model's own size: {', '.join(over)}")


if __name__ == "__main__":
    main()
