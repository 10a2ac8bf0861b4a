"""What the bits of a run follow from beside its arguments: the device, JAX's version and settings, XLA's flags."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from typing import NotRequired, TypedDict

import jax
import jaxlib

from ...core import explain
from ...core.typing import PyTree, Variables
from ...train.distribution import Distribution

# Flags of XLA by which programs on a GPU give the same bits each time. The first also chooses kernels without timing
# them, so that another process chooses the same ones; the second only leaves out kernels that add in any order.
DETERMINISTIC = ("xla_gpu_deterministic_ops", "xla_gpu_exclude_nondeterministic_ops")


class Conditions(TypedDict):
    """What the bits of a run follow from beside its arguments.

    Attributes:
        platform: where the state is: `"cpu"`, `"gpu"`, `"tpu"`.
        device: the kind of device, as its maker names it.
        devices: how many of them the state is on.
        jax: the version of JAX.
        jaxlib: the version of jaxlib, which has XLA.
        matmul_precision: `jax_default_matmul_precision`; `None` is what the platform thinks best, TF32 on a GPU.
        x64: whether there are numbers of 64 bits.
        deterministic: which of XLA's flags for the same bits on a GPU is on; empty where none is.
        processes: how many processes have the devices.
        mesh: the axes of the devices of a trainer that is distributed, and how long they are.
        layout: its layout by name, and a digest of where it puts each weight.
    """

    platform: str
    device: str
    devices: int
    jax: str
    jaxlib: str
    matmul_precision: str | None
    x64: bool
    deterministic: str
    processes: NotRequired[int]
    mesh: NotRequired[str]
    layout: NotRequired[str]


def conditions(
    state: PyTree, where: Distribution | None = None, variables: Variables | None = None, example: PyTree = None
) -> Conditions:
    """Those of the process, for a state that is there.

    Args:
        state: arrays.
        where: on which devices the trainer has its arrays.
        variables: those of its model, which a layout has places for.
        example: an example input, for a layout that asks the model.
    """
    arrays = (leaf for leaf in jax.tree.leaves(state) if isinstance(leaf, jax.Array))
    found = next((leaf.sharding.device_set for leaf in arrays if leaf.ndim), set(jax.local_devices()[:1]))
    device = min(found, key=lambda d: d.id)
    precision = jax.config.jax_default_matmul_precision
    said: Conditions = {
        "platform": device.platform,
        "device": device.device_kind,
        "devices": len(found),
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "matmul_precision": None if precision is None else str(precision),
        "x64": bool(jax.config.jax_enable_x64),
        "deterministic": deterministic(os.environ.get("XLA_FLAGS", "")),
    }
    if where is not None:
        specs = {path: str(place.spec) for path, place in where.places(variables or {}, example).items()}
        text = json.dumps([specs, where.batch_axes], sort_keys=True)
        said["processes"] = len({d.process_index for d in where.mesh.devices.flat})
        said["mesh"] = ", ".join(f"{axis}={size}" for axis, size in where.mesh.shape.items())
        said["layout"] = f"{type(where.layout).__name__} {hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return said


def deterministic(flags: str) -> str:
    """Which flag in the text of `XLA_FLAGS` asks for the same bits each time on a GPU; empty where none does.

    >>> deterministic("--xla_dump_to=/tmp/x --xla_gpu_deterministic_ops=true")
    'xla_gpu_deterministic_ops'
    >>> deterministic("--xla_gpu_deterministic_ops=true --xla_gpu_deterministic_ops=false")
    ''
    """
    said = {}
    for word in flags.split():
        name, _, value = word.lstrip("-").partition("=")
        said[name] = value.lower() in ("", "true", "1")  # the last one counts
    return next((name for name in DETERMINISTIC if said.get(name)), "")


def warn_of_changes(place: str, before: Mapping[str, object] | None, now: Conditions, level: int) -> None:
    """Say what can make a run that goes on another one than the run that was never cut off.

    Args:
        place: the run's directory.
        before: the conditions that it was saved in; `None` of a run of an older version.
        now: those in which it goes on.
        level: at which frame above the caller's the warnings are.
    """
    on_gpu = now["platform"] == "gpu"
    # flags for a GPU change nothing elsewhere
    compared = [name for name in now if name != "deterministic" or on_gpu]
    changed = [
        f"{name} {_shown(before[name])}, now {_shown(now[name])}"  # type: ignore[literal-required]
        for name in compared
        if before is not None and name in before and before[name] != now[name]  # type: ignore[literal-required]
    ]
    usually = "the resumed run then equals the unbroken one to rounding, not to the bit."
    if changed:
        what = f"The run in {place!r} goes on where numbers are rounded in another way."
        write = "the same device, versions and settings, where the bits matter"
        warnings.warn(
            explain(what, received="; ".join(changed), usually=usually, write=write),
            RuntimeWarning,
            stacklevel=level + 1,
        )
    elif on_gpu and not now["deterministic"]:
        what = f"The run in {place!r} goes on on a GPU, and XLA was not told to make the same bits each time."
        received = "no --xla_gpu_deterministic_ops=true in XLA_FLAGS"
        write = "XLA_FLAGS=--xla_gpu_deterministic_ops=true python train.py   # from the run's beginning"
        warnings.warn(
            explain(what, received=received, usually=usually, write=write), RuntimeWarning, stacklevel=level + 1
        )


def _shown(value: object) -> str:
    return "default" if value in (None, "") else str(value)[:80]
