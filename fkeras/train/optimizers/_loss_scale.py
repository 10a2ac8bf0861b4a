"""Dynamic loss scaling for float16."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import optax

from ...core import deserialize, explain, register
from ...core.typing import ArrayLike, Config, CustomObjects, PyTree
from ._base import MODULE, LearningRate, Optimizer
from ._gradients import wide
from ._serialize import serialize


class LossScaleState(NamedTuple):
    """The loss scale, the finite steps since it last changed, and the state of the optimizer inside."""

    step_counter: jax.Array
    dynamic_scale: jax.Array
    inner: PyTree


@register(MODULE)
class LossScaleOptimizer(Optimizer):
    """Scale the loss up, the gradients down, and skip the steps that overflow.

    The loss is multiplied by a scale $s$ before it is differentiated, so that small float16 gradients do not
    vanish. A step whose gradients are not all finite changes nothing and halves $s$; after
    `dynamic_growth_steps` finite steps in a row $s$ doubles.

    Args:
        inner_optimizer: an `Optimizer` or any other optax transformation.
        initial_scale: $s$ at the start.
        dynamic_growth_steps: finite steps until $s$ doubles.
        name: kept in the config.

    Differentiate `optimizer.scale_loss(loss, state)` and give `update` the gradients as they come.

    >>> optimizer = LossScaleOptimizer(optax.sgd(0.5), initial_scale=8.0)
    >>> params = {"w": jnp.ones(2)}
    >>> state = optimizer.init(params)
    >>> grads = jax.grad(lambda p: optimizer.scale_loss(p["w"].sum(), state))(params)
    >>> updates, state = optimizer.update(grads, state, params)
    >>> grads["w"], updates["w"]
    (Array([8., 8.], dtype=float32), Array([-0.5, -0.5], dtype=float32))
    >>> updates, state = optimizer.update({"w": jnp.array([jnp.inf, 1.0])}, state, params)
    >>> updates["w"], state.dynamic_scale
    (Array([0., 0.], dtype=float32), Array(4., dtype=float32))

    References:
        Micikevicius et al., 2018, [Mixed precision training](https://arxiv.org/abs/1710.03740).
    """

    inner_optimizer: optax.GradientTransformation
    initial_scale: float = 2.0**15
    dynamic_growth_steps: int = 2000
    name: str | None = None

    _own: ClassVar[tuple[str, ...]] = ("inner_optimizer", "initial_scale", "dynamic_growth_steps")
    _options: ClassVar[tuple[str, ...]] = ("name",)
    _fixed: ClassVar[tuple[str, ...]] = (*Optimizer._fixed, "initial_scale")

    def _check(self) -> None:
        inner = self.inner_optimizer
        if not isinstance(inner, optax.GradientTransformation):
            raise ValueError(
                explain(
                    "LossScaleOptimizer wraps an optimizer.",
                    received=repr(inner)[:80],
                    write="LossScaleOptimizer(Adam(1e-3))",
                )
            )
        if getattr(inner, "loss_scale_factor", None) is not None:  # gradients would be unscaled twice
            self.__dict__["inner_optimizer"] = inner.replace(loss_scale_factor=None)  # type: ignore[attr-defined]

    @property
    def learning_rate(self) -> LearningRate | None:  # type: ignore[override]
        """The learning rate that the optimizer inside was made with."""
        return getattr(self.inner_optimizer, "learning_rate", None)

    def exclude_from_weight_decay(self, var_names: list[str] | tuple[str, ...] | None = None) -> Self:
        """The same for the optimizer inside."""
        return self.replace(inner_optimizer=self.inner_optimizer.exclude_from_weight_decay(var_names))  # type: ignore[attr-defined]

    def _init(self, params: PyTree) -> LossScaleState:
        return LossScaleState(
            step_counter=jnp.zeros((), jnp.int32),
            dynamic_scale=jnp.asarray(self.initial_scale, jnp.float32),
            inner=self.inner_optimizer.init(params),
        )

    def _update(
        self, updates: PyTree, state: PyTree, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, PyTree]:
        finite = jnp.array([jnp.isfinite(g).all() for g in jax.tree.leaves(updates)], bool).all()
        inner = optax.with_extra_args_support(self.inner_optimizer)
        # in float32: float16 may not be able to represent the unscaled gradient
        unscaled = jax.tree.map(lambda g: g / state.dynamic_scale, wide(updates))
        like = updates if params is None else params

        def step() -> tuple[PyTree, PyTree]:
            moves, new = inner.update(unscaled, state.inner, params, **extra_args)
            return jax.tree.map(lambda m, p: m.astype(p.dtype), moves, like), new

        moves, new = jax.lax.cond(finite, step, lambda: (jax.tree.map(jnp.zeros_like, like), state.inner))
        grow = state.step_counter == self.dynamic_growth_steps - 1
        scale = state.dynamic_scale * jnp.where(finite, jnp.where(grow, 2.0, 1.0), 0.5)
        counter = jnp.where(finite & ~grow, state.step_counter + 1, 0)
        return moves, LossScaleState(counter, scale, new)

    def scale_loss(self, loss: ArrayLike, state: PyTree = None) -> ArrayLike:
        """The loss times the scale of `state`, or times the initial scale when there is no state yet."""
        return loss * (self.initial_scale if state is None else state.dynamic_scale)

    def finalize_variable_values(self, params: PyTree, state: PyTree) -> PyTree:
        """What the optimizer inside makes of them."""
        finalize = getattr(self.inner_optimizer, "finalize_variable_values", None)
        return finalize(params, state.inner) if finalize else params

    def get_config(self) -> Config:
        """Keras's config.

        Raises:
            TypeError: the optimizer inside is an optax transformation without a config.
        """
        return {**super().get_config(), "inner_optimizer": serialize(self.inner_optimizer)}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Self:
        """The optimizer that `get_config`, or Keras, described (older Keras wrote unused base options: dropped)."""
        unused = {n: getattr(Optimizer, n) for n in Optimizer._options if n != "name"}
        kept = {k: v for k, v in config.items() if not (k in unused and v == unused[k])}
        kept["inner_optimizer"] = deserialize(kept["inner_optimizer"], custom_objects, (MODULE,))
        return cls(**kept)
