"""The optimizer as a value: Keras's arguments outside, an optax transformation inside.

Read `Optimizer._update` for the order of things: unscale, accumulate, move (clip, decay, rule), average.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...core import explain, register, serialize, serialize_function, serialize_object
from ...core.typing import JSON, ArrayLike, Config, CustomObjects, PyTree
from . import schedules
from ._from_arguments import FromArguments, rebuild
from ._move import average
from ._move import move as move_once
from ._optimizer_state import OptimizerState, ScheduledState
from ._paths import any_pattern_in
from ._rate_functions import check_function, rate_at

MODULE = "keras.optimizers"

LearningRate = float | jax.Array | Callable[[jax.Array], ArrayLike] | Callable[[], ArrayLike]


@dataclass_transform(frozen_default=True)
class Optimizer(FromArguments):
    """What all optimizers are: an optax transformation that knows its Keras arguments.

    `init(params)` and `update(grads, state, params)` are pure functions, so an optimizer works wherever optax
    takes a transformation. To write your own, declare the arguments and return the rule; everything that Keras's
    base options promise comes with it.

    >>> class SignSGD(Optimizer):
    ...     learning_rate: LearningRate = 0.1
    ...     def rule(self, learning_rate, step):
    ...         return optax.chain(optax.scale_by_sign(), optax.scale_by_learning_rate(learning_rate))
    >>> optimizer = SignSGD(clipnorm=1.0)
    >>> params = {"w": jnp.ones(2)}
    >>> state = optimizer.init(params)
    >>> updates, state = optimizer.update({"w": jnp.array([3.0, -4.0])}, state, params)
    >>> updates["w"], optax.tree.get(state, "learning_rate")
    (Array([-0.1,  0.1], dtype=float32), Array(0.1, dtype=float32))

    Args:
        learning_rate: a number, a `LearningRateSchedule`, any function of the step (an optax schedule), or, as in
            Keras, a function without arguments. That one is called while the step is compiled, so its number is part of
            the program: what changes from step to step is a function of the step.
        weight_decay: decoupled: each step first takes `learning_rate * weight_decay * w` off every weight `w`.
        clipnorm: the largest L2 norm of each variable's gradient.
        clipvalue: the largest magnitude of a gradient's element.
        global_clipnorm: the largest L2 norm of all gradients together.
        use_ema: keep a moving average of the parameters, `optax.tree.get(state, "ema")`.
        ema_momentum: `ema = ema_momentum * ema + (1 - ema_momentum) * params`; the first step copies.
        ema_overwrite_frequency: every so many steps the update lands on the average.
        loss_scale_factor: what `scale_loss` multiplies the loss with; `update` divides the gradients by it.
        gradient_accumulation_steps: move once per so many updates, by the mean of their gradients; where
            batches differ in size, `accumulate` is exact. Schedules count updates, everything else counts moves.
        name: kept in the config.

    Raises:
        ValueError: arguments that contradict each other.

    Differs from Keras: the state is a value that you hold (`optax.tree.set(state, learning_rate=1e-4)` in place
    of `optimizer.learning_rate = 1e-4`); names do not count up (`adam`, never `adam_1`); arithmetic on bfloat16
    and float16 parameters is done in float32; a callable learning rate may take the step.
    """

    learning_rate: LearningRate
    weight_decay: float | None = None
    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None
    use_ema: bool = False
    ema_momentum: float = 0.99
    ema_overwrite_frequency: int | None = None
    loss_scale_factor: float | None = None
    gradient_accumulation_steps: int | None = None
    name: str | None = None

    # The arguments that come before the base options, in order, and the base options.
    _own: ClassVar[tuple[str, ...]] = ("learning_rate",)
    _options: ClassVar[tuple[str, ...]] = (
        "weight_decay",
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "use_ema",
        "ema_momentum",
        "ema_overwrite_frequency",
        "loss_scale_factor",
        "gradient_accumulation_steps",
        "name",
    )
    _needs_params: ClassVar[bool] = False
    # Numbers that no update is made of, or that change none: they cannot be data of a run.
    _fixed: ClassVar[tuple[str, ...]] = ("loss_scale_factor",)

    def _check(self) -> None:
        rate = self.learning_rate
        if callable(rate):
            check_function(type(self).__name__, rate)
        elif isinstance(rate, str | bool | Mapping) or np.ndim(rate) != 0:
            raise ValueError(
                explain(
                    f"{type(self).__name__} cannot take this learning_rate.",
                    received=repr(rate)[:80],
                    write="learning_rate=1e-3, or a schedule, or any function of the step",
                )
            )
        clips = {k: getattr(self, k) for k in ("clipnorm", "clipvalue", "global_clipnorm")}
        if sum(v is not None for v in clips.values()) > 1:
            raise ValueError(explain("Only one of clipnorm, clipvalue and global_clipnorm can be set.", received=clips))
        steps = self.gradient_accumulation_steps
        if steps and steps < 2:
            raise ValueError(
                explain("gradient_accumulation_steps must be an integer of at least 2, or None.", received=steps)
            )
        if self.use_ema and not isinstance(self.ema_momentum, jax.Array) and not 0 <= self.ema_momentum <= 1:
            raise ValueError(explain("ema_momentum must lie in [0, 1].", received=self.ema_momentum))
        every = self.ema_overwrite_frequency
        if self.use_ema and every and (not isinstance(every, int) or every < 1):
            raise ValueError(
                explain("ema_overwrite_frequency must be an integer of at least 1, or None.", received=every)
            )

    def exclude_from_weight_decay(self, var_names: list[str] | tuple[str, ...] | None = None) -> Self:
        """A new optimizer that spares some parameters from weight decay.

        Args:
            var_names: regular expressions, searched in each parameter's "/"-joined path, such as `"bias"`.

        Returns:
            The new optimizer; this one is unchanged. Its config gains the key `exclude_from_weight_decay`.
        """
        return rebuild(type(self), self._arguments(), tuple(var_names or ()))

    # ---------------------------------------------------------------- what a subclass says
    def rule(self, learning_rate: jax.Array, step: jax.Array) -> optax.GradientTransformation:
        """The algorithm, for one learning rate and one step.

        Args:
            learning_rate: float32 scalar, a value of the state.
            step: int32 scalar, the number of moves made before this one.

        Returns:
            A transformation of clipped gradients into what is added to the decayed parameters. Its state may not
            depend on the two arguments, which change from update to update.

        Raises:
            NotImplementedError: in a class that does not override it.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} has no rule.",
                write="def rule(self, learning_rate, step): return optax.scale(-learning_rate)",
            )
        )

    def decay_of(self, name: str, param: jax.Array) -> float | None:
        """The weight decay of the parameter at the "/"-joined path `name`; `None` for none."""
        return None if any_pattern_in(self._no_decay, name) else self.weight_decay

    # ---------------------------------------------------------------- init and update
    def _rate(self, iterations: jax.Array, current: LearningRate) -> jax.Array:
        if callable(self.learning_rate):
            return rate_at(self.learning_rate, iterations)
        return jnp.asarray(self.learning_rate if self._is_injected else current, jnp.float32)

    @property
    def _is_injected(self) -> bool:
        """Whether `optax.inject_hyperparams` makes this anew in each update, with the numbers of its own state.

        It hands over every numeric argument as an array, also those that nobody gives as one.
        """
        return isinstance(self.learning_rate, jax.Array) and isinstance(self.ema_momentum, jax.Array)

    @property
    def _state(self) -> type[OptimizerState]:
        return ScheduledState if callable(self.learning_rate) else OptimizerState

    def _init(self, params: PyTree) -> PyTree:
        zero = jnp.zeros((), jnp.int32)
        rate = self._rate(zero, self.learning_rate)
        return self._state(
            iterations=zero,
            learning_rate=rate,
            inner=self.rule(rate, zero).init(params),
            accumulator=jax.tree.map(jnp.zeros_like, params) if self.gradient_accumulation_steps else None,
            # a copy, since parameters and state may be donated to one call
            ema=jax.tree.map(jnp.copy, params) if self.use_ema else None,
        )

    def _update(
        self, updates: PyTree, state: PyTree, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, PyTree]:
        if params is None and (self._needs_params or self.use_ema or self.weight_decay is not None):
            raise ValueError(
                explain(
                    f"{type(self).__name__} needs the parameters to update them.",
                    usually="weight decay, the moving average and some rules look at the weights.",
                    write="updates, state = optimizer.update(grads, state, params)",
                )
            )
        rate = self._rate(state.iterations, state.learning_rate)
        every = self.gradient_accumulation_steps
        step = state.iterations // every if every else state.iterations
        gradients = updates
        if self.loss_scale_factor is not None:
            gradients = jax.tree.map(lambda g: g / self.loss_scale_factor, gradients)

        def move(gradients: PyTree) -> tuple[PyTree, PyTree]:
            return move_once(self, gradients, state.inner, params, rate, step, extra_args)

        extra_args.pop("batch_weight", None)  # Keras counts batches, not rows; `accumulate` is exact
        accumulator = state.accumulator
        if every:
            full = (state.iterations + 1) % every == 0
            total = jax.tree.map(lambda a, g: a + g.astype(a.dtype), accumulator, gradients)
            still = jax.tree.map(jnp.zeros_like, total if params is None else params)
            moves, inner = jax.lax.cond(
                full, lambda: move(jax.tree.map(lambda t: t / every, total)), lambda: (still, state.inner)
            )
            accumulator = jax.tree.map(lambda t: jnp.where(full, jnp.zeros_like(t), t), total)
        else:
            moves, inner = move(gradients)
        ema = state.ema
        if self.use_ema:
            moves, ema = average(self, moves, params, ema, step)
        return moves, self._state(state.iterations + 1, rate, inner, accumulator, ema)

    # ---------------------------------------------------------------- Keras's other verbs, state in hand
    def stateless_apply(
        self, optimizer_variables: PyTree, grads: PyTree, trainable_variables: PyTree
    ) -> tuple[PyTree, PyTree]:
        """A step under Keras's name: `update`, and the weights moved by what it returns.

        Args:
            optimizer_variables: the optimizer's state, which `init(params)` makes.
            grads: the gradients.
            trainable_variables: the weights, a pytree like `grads`.

        Returns:
            `(trainable_variables, optimizer_variables)`. Constraints are the trainer's to apply: layers have them.

        >>> import fkeras as fk
        >>> optimizer, params = fk.optimizers.SGD(0.5), {"w": jnp.ones(2)}
        >>> optimizer.stateless_apply(optimizer.init(params), {"w": jnp.ones(2)}, params)[0]
        {'w': Array([0.5, 0.5], dtype=float32)}
        """
        updates, state = self.update(grads, optimizer_variables, trainable_variables)
        return optax.apply_updates(trainable_variables, updates), state

    def scale_loss(self, loss: ArrayLike, state: PyTree = None) -> ArrayLike:
        """The loss to differentiate: multiplied by what `update` divides the gradients by.

        Args:
            loss: scalar.
            state: the optimizer state; a dynamic loss scale is read from it.

        Returns:
            The scalar to differentiate.
        """
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def finalize_variable_values(self, params: PyTree, state: PyTree) -> PyTree:
        """The parameters to keep after training: the moving average with `use_ema`, else `params`."""
        return state.ema if self.use_ema else params

    # ---------------------------------------------------------------- config
    def get_config(self) -> Config:
        """Keras's config: the arguments as JSON values, the learning rate rounded to float32."""
        config = {"name": self.name, **{k: serialize(v) for k, v in self._arguments().items()}}
        if "learning_rate" in config:
            config["learning_rate"] = _serialize_rate(self.learning_rate)
        if self._no_decay:
            config["exclude_from_weight_decay"] = list(self._no_decay)
        return config

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Self:
        """The optimizer that `get_config`, or Keras, described.

        Raises:
            TypeError: a key that is no argument of the class.
        """
        config = dict(config)
        no_decay = tuple(config.pop("exclude_from_weight_decay", ()))
        if isinstance(config.get("learning_rate"), Mapping):
            config["learning_rate"] = schedules.deserialize(config["learning_rate"], custom_objects)
        return rebuild(cls, config, no_decay)


def _serialize_rate(rate: LearningRate) -> JSON:
    if hasattr(rate, "get_config"):
        return serialize_object(rate)
    return serialize_function(rate) if callable(rate) else float(np.float32(rate))


register(MODULE)(Optimizer)
