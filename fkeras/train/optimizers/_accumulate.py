"""Gradients of several batches in one move, each batch by what it holds."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...core import deserialize, explain, register
from ...core.typing import ArrayLike, Config, CustomObjects, PyTree
from ..losses._exact_key import exact_key
from ._base import MODULE, Optimizer
from ._equal_by_key import EqualByKey
from ._gradients import wide
from ._loss_scale import LossScaleOptimizer
from ._serialize import serialize


class AccumulateState(NamedTuple):
    """Batches since the last move, the weighted sum of their gradients and its weight, and the optimizer's state."""

    batches: jax.Array
    total: PyTree
    weight: jax.Array
    inner: PyTree


@register("fkeras.optimizers")
class Accumulate(EqualByKey, optax.GradientTransformationExtraArgs):
    """What `accumulate` makes: an optax transformation that remembers its arguments, so that it can be saved."""

    optimizer: optax.GradientTransformation
    steps: int

    def __new__(cls, optimizer: optax.GradientTransformation, steps: int) -> Accumulate:
        _check(optimizer, steps)
        inside = optax.with_extra_args_support(optimizer)

        def init(params: PyTree) -> AccumulateState:
            # in float32: a sum in bfloat16 loses small gradients
            total = jax.tree.map(jnp.zeros_like, wide(params))
            return AccumulateState(jnp.zeros((), jnp.int32), total, jnp.zeros((), jnp.float32), optimizer.init(params))

        def update(
            updates: PyTree, state: PyTree, params: PyTree = None, *, batch_weight: ArrayLike = 1, **_: object
        ) -> PyTree:
            batch_weight = jnp.asarray(batch_weight, jnp.float32)
            weight = state.weight + batch_weight
            total = jax.tree.map(lambda t, g: t + g * batch_weight, state.total, wide(updates))
            batches = (state.batches + 1) % steps
            full = batches == 0
            # where all sample weights were 0 there is no mean, and the sum is 0
            mean = jax.tree.map(lambda t, g: (t / jnp.where(weight > 0, weight, 1)).astype(g.dtype), total, updates)
            still = jax.tree.map(jnp.zeros_like, updates if params is None else params)

            def move() -> tuple[PyTree, PyTree]:
                try:
                    moves, inner = inside.update(mean, state.inner, params)
                except TypeError as error:
                    raise TypeError(
                        explain(
                            f"The optimizer inside accumulate could not be called: {error}.",
                            usually="it asks for the loss, and that of the last batch is not that of all of them.",
                            write="accumulate(optimizer, steps) of one that needs only gradients and parameters",
                        )
                    ) from error
                return jax.tree.map(lambda m, s: m.astype(s.dtype), moves, still), inner

            moves, inner = jax.lax.cond(full, move, lambda: (still, state.inner))
            total, weight = jax.tree.map(lambda s: jnp.where(full, jnp.zeros_like(s), s), (total, weight))
            return moves, AccumulateState(batches, total, weight, inner)

        self = super().__new__(cls, init, update)
        self.__dict__.update(optimizer=optimizer, steps=int(steps))
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            explain(f"{self!r} is frozen: {name} cannot be set.", write="accumulate(optimizer, steps)")
        )

    def __reduce__(self) -> tuple[type[Accumulate], tuple[optax.GradientTransformation, int]]:
        return type(self), (self.optimizer, self.steps)

    def _key(self) -> Hashable:
        return (type(self), exact_key(self.optimizer), self.steps)

    def __repr__(self) -> str:
        return f"accumulate({self.optimizer!r}, {self.steps})"

    def finalize_variable_values(self, params: PyTree, state: PyTree) -> PyTree:
        """What the optimizer inside makes of them."""
        finalize = getattr(self.optimizer, "finalize_variable_values", None)
        return finalize(params, state.inner) if finalize else params

    def get_config(self) -> Config:
        """The arguments, the optimizer in Keras's form.

        Raises:
            TypeError: the optimizer inside is an optax transformation without a config.
        """
        return {"optimizer": serialize(self.optimizer), "steps": self.steps}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Accumulate:
        """The optimizer that `get_config` described."""
        return cls(deserialize(config["optimizer"], custom_objects, (MODULE,)), config["steps"])


jax.tree_util.register_static(Accumulate)


def _check(optimizer: object, steps: int) -> None:
    if not isinstance(optimizer, optax.GradientTransformation):
        raise ValueError(
            explain(
                "accumulate wraps an optimizer.",
                received=repr(optimizer)[:80],
                write="accumulate(fk.optimizers.Adam(1e-3), 4), accumulate(optax.adam(1e-3), 4)",
            )
        )
    if isinstance(steps, bool) or not hasattr(steps, "__index__") or steps < 2:
        raise ValueError(explain("The steps of accumulate must be an integer of at least 2.", received=repr(steps)))
    if isinstance(optimizer, Optimizer) and optimizer.__dict__.get("gradient_accumulation_steps"):
        raise ValueError(
            explain(
                "The optimizer inside accumulate accumulates too.",
                received=repr(optimizer),
                write="accumulate(optimizer.replace(gradient_accumulation_steps=None), steps)",
            )
        )
    if isinstance(optimizer, LossScaleOptimizer) or getattr(optimizer, "loss_scale_factor", None) is not None:
        raise ValueError(
            explain(
                "The optimizer inside accumulate scales the loss, which each batch's gradients would show.",
                received=repr(optimizer),
                write="LossScaleOptimizer(accumulate(optimizer, steps))",
            )
        )


def accumulate(optimizer: optax.GradientTransformation, steps: int) -> Accumulate:
    r"""Move once per `steps` batches, as one batch of all their rows would.

    $$\bar g = \frac{\sum_i w_i g_i}{\sum_i w_i}$$

    where $g_i$ is the gradient of batch $i$'s mean loss and $w_i$ what that mean was divided by. A Trainer says it: the
    batch's rows, or the sum of its sample weights under `reduction="mean_with_sample_weight"`. So a short last batch
    counts for what it holds. Keras's `gradient_accumulation_steps`, which `fk.optimizers` have too, gives each batch
    one vote.

    Args:
        optimizer: an optimizer of `fk.optimizers`, or any optax transformation that asks for nothing but gradients and
            parameters: the loss of one batch (`optax.polyak_sgd`, `optax.lbfgs`) is not that of all.
        steps: batches in a move.

    Returns:
        An optax transformation; in a loop of one's own, `update(..., batch_weight=rows)`.

    Raises:
        ValueError: `optimizer` is none, accumulates by itself, or scales the loss; `steps` is no integer of at least 2.
        TypeError: at `update`, an optimizer that asks for more.

    >>> import jax.numpy as jnp
    >>> optimizer, w = accumulate(optax.sgd(1.0), 2), jnp.zeros(1)
    >>> state = optimizer.init(w)
    >>> move, state = optimizer.update(jnp.array([4.0]), state, w, batch_weight=3)
    >>> optimizer.update(jnp.array([8.0]), state, w, batch_weight=1)[0]  # -(3 * 4 + 1 * 8) / 4
    Array([-5.], dtype=float32)
    """
    return Accumulate(optimizer, steps)
