"""What fits a device, and what is worth copying to it."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from ...core.typing import PyTree
from .._batches._arrays import is_on_accelerator
from .._step._learner import Learner

# Arrays that are copied to the device as a whole: up to this share of an accelerator's memory. On the CPU the copy
# is in the memory the arrays are in already, so large ones are read batch by batch, where they lie.
_SHARE = 0.25
_ON_CPU = 256 * 2**20
# Bytes of a batch that the CPU copies in the time that one dispatch takes.
_CHEAP = 2**16


def fits_device(tree: PyTree) -> bool:
    """Whether arrays may be copied to the device as a whole."""
    leaves = jax.tree.leaves(tree)
    if not are_numbers(leaves):
        return False
    leaves = [leaf for leaf in leaves if not is_on_accelerator(leaf)]  # the others are on a device already
    device = jax.local_devices()[0]
    limit = _ON_CPU if on_cpu() else (device.memory_stats() or {}).get("bytes_limit", 2**30) * _SHARE
    return nbytes(leaves) <= limit


def worth_copying(tree: PyTree, steps: int) -> bool:
    """Whether one pass is faster over a copy on the device: where the copy costs less than a dispatch a batch."""
    if not fits_device(tree):
        return False
    return not on_cpu() or all(map(is_on_accelerator, jax.tree.leaves(tree))) or nbytes(tree) <= steps * _CHEAP


def are_numbers(leaves: list[Any]) -> bool:
    """Whether arrays hold numbers that a device knows."""
    return all(getattr(leaf, "dtype", np.dtype(object)).kind in "biufcV" for leaf in leaves)


def nbytes(tree: PyTree) -> int:
    """The bytes of arrays, or of what stands for arrays."""
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def depth_for(trainer: Learner, prefetch: int) -> int:
    """How many batches are copied ahead: none on a CPU, which has them in its memory, unless it stands for several."""
    return 0 if on_cpu() and trainer.distribution is None else prefetch


def on_cpu() -> bool:
    """Whether steps run on the CPU, whose memory the data is in already."""
    return jax.local_devices()[0].platform == "cpu"
