"""Weights of equal layers that run one after another in a loop: each is one array, whose first axis is the layers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax

from ._lifted_transforms import loops_around
from ._sealing import call_state

if TYPE_CHECKING:
    from ._call_state import Constraint
    from ._layer import Layer


@dataclasses.dataclass(frozen=True)
class OfEachBlock:
    """A constraint of one weight as one of stacked weights, each of which it projects by itself.

    Attributes:
        constraint: that of one.
        axes: how many leading axes there are before those of one weight.

    >>> import jax.numpy as jnp
    >>> OfEachBlock(lambda w: w / w.sum(), 1)(jnp.ones((2, 4)))
    Array([[0.25, 0.25, 0.25, 0.25],
           [0.25, 0.25, 0.25, 0.25]], dtype=float32)
    """

    constraint: Constraint
    axes: int

    def __call__(self, weights: jax.Array) -> jax.Array:
        project = self.constraint
        for _ in range(self.axes):
            project = jax.vmap(project)
        return project(weights)


@dataclasses.dataclass(frozen=True)
class Overwritten:
    """What stands for the constraint of a weight whose gradient is its next value, as that of float8's scales is."""

    def __call__(self, weights: jax.Array) -> jax.Array:
        return weights


def is_overwritten(constraint: Constraint | None) -> bool:
    """Whether the step writes a weight's gradient over it.

    >>> is_overwritten(Overwritten()), is_overwritten(OfEachBlock(Overwritten(), 1)), is_overwritten(None)
    (True, True, False)
    """
    return isinstance(constraint.constraint if isinstance(constraint, OfEachBlock) else constraint, Overwritten)


def constraints_of(layer: Layer) -> dict[str, Constraint | None]:
    """The constraints of a bound layer's weights, as the arrays are kept: those in a loop with an axis more."""
    constraints, axes = dict(call_state(layer).constraints), loops_around(layer)
    if not axes:
        return constraints
    return {name: None if one is None else OfEachBlock(one, axes) for name, one in constraints.items()}
