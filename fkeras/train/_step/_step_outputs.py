"""Shown: what a step tells beside the next state, and the structure of the outputs that it measured."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax

from ._outputs import Outputs


@functools.partial(jax.tree_util.register_dataclass, data_fields=["numbers", "averaged"], meta_fields=["outputs"])
@dataclasses.dataclass(frozen=True)
class Shown:
    """What a step returns beside the state.

    Which metrics there are follows from the outputs' shapes, which are known where the step is traced and are part of
    this pytree's structure, so that they come out of a compiled program, a loop or a `vmap` with the numbers.

    Attributes:
        numbers: those of this step alone.
        outputs: the outputs that were measured; `None` where a `compute_loss` handed none out.
        averaged: the numbers of this step of which an epoch shows the mean.

    >>> import jax.numpy as jnp
    >>> outputs = Outputs.of(jnp.zeros((8, 2)))
    >>> jax.jit(lambda: Shown({"grad_norm": jnp.float32(1)}, outputs))().outputs.names
    ('output',)
    """

    numbers: dict[str, Any]
    outputs: Outputs | None
    averaged: dict[str, Any] = dataclasses.field(default_factory=dict)
