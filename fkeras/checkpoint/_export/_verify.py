"""Whether a program that was written computes what the model does, on a random batch."""

from __future__ import annotations

import jax
import numpy as np

from ...core import Model, explain, walk
from ...core.typing import ArrayLike
from ._task import Run, Task


def verify(task: Task, run: Run, label: str) -> None:
    """Compare what was written with the model, on a random batch.

    Args:
        task: the model.
        run: the inputs in order to the outputs in order, by what is on the disk.
        label: how messages call it.

    Raises:
        RuntimeError: an output of another shape, or one too far from the model's.
    """
    leaves = jax.tree.leaves(task.example)
    wanted = [np.asarray(a) for a in jax.jit(task.run)(*leaves)]
    outputs = [np.asarray(a) for a in run(leaves)]
    bound = tolerance(task.model)
    for name, want, got in zip(task.output_names, wanted, outputs, strict=True):
        if got.shape != want.shape:
            raise _differs(label, name, f"shape {got.shape}, and the model gives {want.shape}")
        off = distance(want, got)
        if not off <= bound:
            raise _differs(label, name, f"max |difference| {off:.3g}, and the bound is {bound:.0e}")


def distance(want: ArrayLike, got: ArrayLike) -> float:
    """`max |got - want| / max(1, max |want|)`, where NaN equals NaN; infinite if only one of two numbers is finite."""
    want, got = (np.asarray(a).astype("float64") for a in (want, got))
    same = (want == got) | (np.isnan(want) & np.isnan(got))
    if same.all():
        return 0.0
    off = np.abs(got - want)[~same].max()
    scale = np.abs(want[np.isfinite(want)]).max(initial=1.0)
    return float(off / scale) if np.isfinite(off) else float("inf")


def tolerance(model: Model) -> float:
    """How far two compilers' results of one model may be from each other.

    1e-5 is some ulps of float32 sums in another order. Where a layer computes in a half type it is some ulps of
    that, and where inputs are rounded to a grid one of them may fall to the other side: both about 0.02.
    """
    for _, layer in walk(model):
        rounds = getattr(layer._storage_told(), "activation", None) is not None
        if rounds or str(layer.compute_dtype) in ("bfloat16", "float16"):
            return 2e-2
    return 1e-5


def _differs(label: str, name: str, how: str) -> RuntimeError:
    return RuntimeError(
        explain(
            f"The {label} program that was written does not compute what the model does, so it is not kept.",
            received=f"output {name!r}: {how}",
            usually="an operation that the format computes in another way.",
            write="another format; or verify=False, and a comparison of your own",
        )
    )
