"""A train step's program for CUDA beside one written by hand: what both compute, and by which kernels.

    python benchmarks/cuda_programs.py [PART OF A NAME ...]

For a machine without a GPU: both are traced from shapes and lowered for CUDA; nothing is compiled, run or timed.
Operations are those of JAX's own analysis of the program before XLA fuses it. It knows nothing of what is inside of a
kernel, and counts a loop's body once, so two programs are compared where they call the same. `gpu.py` has the times.
"""

from __future__ import annotations

import collections
import os
import pathlib
import re
import sys
import tempfile
from typing import Any

# JAX asks the package of its CUDA plugin which cuDNN there is, and how much memory a kernel needs.
_PLUGIN = {
    "__init__": "",
    "_versions": "def __getattr__(name):\n    return lambda *_: 91000\n",
    "_rnn": (
        "registrations = dict\n"
        "compute_rnn_workspace_reserve_space_sizes = lambda *_: (1000, 2000)\n"
        "build_rnn_descriptor = lambda *_: b''\n"
    ),
}


def stand_in(place: pathlib.Path) -> None:
    """Make a package that answers as the CUDA plugin does, and let JAX find it."""
    for name in ("jax_cuda12_plugin", "jax_cuda13_plugin"):
        (place / name).mkdir()
        for module, text in _PLUGIN.items():
            (place / name / f"{module}.py").write_text(text)
    sys.path.insert(0, str(place))


def lowered(work: Any) -> dict[str, Any]:
    """The step of a case for CUDA: fkeras's and the one by hand."""
    import jax
    import numpy as np
    from _handwritten import Loop

    import fkeras as fk

    target = work.shape if work.tokens else (() if work.classes else (1,))
    x = jax.ShapeDtypeStruct((work.batch, *work.shape), "int32" if work.tokens else "float32")
    y = jax.ShapeDtypeStruct((work.batch, *target), "int32" if work.classes else "float32")
    model = work.build(fk, fk.nn)
    if work.policy != "float32":
        model = model.with_dtype_policy(work.policy)
    trainer = model.compile("adam", **work.arguments(fk))
    state = jax.eval_shape(lambda: trainer.init(0))
    module = work.linen()
    loop = Loop(module, np.zeros((1, *work.shape), x.dtype), np.zeros(1), work.classes, work.batch)
    rest = dict(jax.eval_shape(module.init, jax.random.key(0), x))
    params, number = {"params": rest.pop("params")}, jax.ShapeDtypeStruct((), "float32")
    by_hand = (params, rest, jax.eval_shape(loop.tx.init, params), number, number)
    return {
        "fkeras": trainer.train_step.trace(state, (x, y)).lower(lowering_platforms=("cuda",)),
        "by hand": loop.bare.trace(by_hand, (x, y)).lower(lowering_platforms=("cuda",)),
    }


def kernels(program: Any) -> str:
    """Calls of kernels, and loops, in a lowered program."""
    text = program.as_text()
    found = collections.Counter(re.findall(r"custom_call @([\w.$]+)", text))
    found["loops"] = text.count("stablehlo.while")
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()) if count) or "-"


def main(wanted: list[str]) -> None:
    """Print a table."""
    from _gpu_cases import cases

    print("| step | operations, beside by hand | kernels and loops | by hand |")
    print("| --- | --- | --- | --- |")
    for name, work in cases(smoke=False, on_gpu=True).items():
        if wanted and not any(part in name for part in wanted):
            continue
        found = lowered(work)
        ours, theirs = (program.cost_analysis()["flops"] for program in found.values())
        called = [kernels(program) for program in found.values()]
        ratio = f"{ours / theirs:.4f}" if called[0] == called[1] else ""
        print(f"| {name} | {ratio} | {' | '.join(called)} |", flush=True)


if __name__ == "__main__":
    os.environ["JAX_PLATFORMS"] = "cpu"
    with tempfile.TemporaryDirectory() as folder:
        stand_in(pathlib.Path(folder))
        main(sys.argv[1:])
