"""Keras's way to give parameters different optimizers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import optax

from ...core import deserialize, explain, register, serialize_function
from ...core.typing import Config, CustomObjects, DTypeLike, PyTree
from ._base import MODULE, LearningRate, Optimizer
from ._by_path import finalize_each
from ._loss_scale import LossScaleOptimizer
from ._paths import map_with_name
from ._serialize import serialize


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class OptimizerMap(Mapping[str, Optimizer]):
    """Optimizers by parameter path: the exact key first, then the one pattern that matches all of it.

    Args:
        default_optimizer: for the paths that nothing matches.
        optimizer_map: optimizers by path or regular expression.

    Raises:
        TypeError: a value that is no `Optimizer`.

    >>> from fkeras.train.optimizers import SGD, Adam
    >>> optimizers = OptimizerMap(SGD(), {"encoder/.*": Adam()})
    >>> optimizers["encoder/dense/kernel"], optimizers["head/kernel"]
    (Adam(learning_rate=0.001), SGD(learning_rate=0.01))

    Differs from Keras: frozen; give the whole map at once.
    """

    default_optimizer: Optimizer
    optimizer_map: Mapping[str, Optimizer] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "optimizer_map", dict(self.optimizer_map or {}))
        for key, optimizer in {"default_optimizer": self.default_optimizer, **self._map}.items():
            if not isinstance(optimizer, Optimizer) or isinstance(optimizer, LossScaleOptimizer | MultiOptimizer):
                raise TypeError(
                    explain(
                        f"OptimizerMap takes plain optimizers of fk.optimizers, but not for {key!r}.",
                        received=repr(optimizer)[:80],
                        write="by_path({...})   # for any optax transformations",
                    )
                )

    @property
    def _map(self) -> dict[str, Optimizer]:
        return dict(self.optimizer_map or {})

    def __getitem__(self, key: str) -> Optimizer:
        """The optimizer of the parameter at the path `key`.

        Raises:
            ValueError: two patterns match it.
        """
        if key in self._map:
            return self._map[key]
        matches = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(matches) > 1:
            raise ValueError(
                explain(
                    f"More than one optimizer for {key!r}.",
                    received=f"the patterns {matches}, which all match it",
                    write="by_path({...})   # where the first match wins",
                )
            )
        return self._map[matches[0]] if matches else self.default_optimizer

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def __eq__(self, other: object) -> bool:
        mine = (self.default_optimizer, self._map)
        return isinstance(other, OptimizerMap) and mine == (other.default_optimizer, other._map)

    def __hash__(self) -> int:
        return hash((self.default_optimizer, frozenset(self._map.items())))

    def with_loss_scale_factor(self, factor: float | None) -> OptimizerMap:
        """A map of the same optimizers with that loss scale."""
        scaled = {key: optimizer.replace(loss_scale_factor=factor) for key, optimizer in self._map.items()}
        return OptimizerMap(self.default_optimizer.replace(loss_scale_factor=factor), scaled)

    def get_config(self) -> Config:
        """Keras's config."""
        return {
            "default_optimizer": serialize(self.default_optimizer),
            "optimizer_map": {key: serialize(optimizer) for key, optimizer in self._map.items()},
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> OptimizerMap:
        """The map that `get_config`, or Keras, described."""
        optimizers = {key: deserialize(o, custom_objects, (MODULE,)) for key, o in config["optimizer_map"].items()}
        return cls(deserialize(config["default_optimizer"], custom_objects, (MODULE,)), optimizers)


@dataclasses.dataclass(frozen=True)
class Variable:
    """What an optimizer map of one's own is asked about: where a parameter is and what it looks like."""

    path: str
    shape: tuple[int, ...]
    dtype: DTypeLike

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class MultiState(NamedTuple):
    """How many updates there were, and the states of the optimizers by number (`optax.partition`'s)."""

    iterations: jax.Array
    inner: optax.PartitionState


@register(MODULE)
class MultiOptimizer(Optimizer):
    """Give each parameter the optimizer that a map names for it.

    Args:
        optimizer_map: an `OptimizerMap`, or a function of a variable (with `path`, `name`, `shape`, `dtype`) that
            returns an optimizer; equal optimizers are one.
        loss_scale_factor: takes the place of the optimizers' own.
        name: kept in the config.

    >>> from fkeras.train.optimizers import SGD
    >>> optimizer = MultiOptimizer(OptimizerMap(SGD(1.0), {"head/.*": SGD(0.1)}))
    >>> params = {"body": {"w": jnp.ones(1)}, "head": {"w": jnp.ones(1)}}
    >>> optimizer.update(params, optimizer.init(params), params)[0]
    {'body': {'w': Array([-1.], dtype=float32)}, 'head': {'w': Array([-0.1], dtype=float32)}}

    Differs from Keras: `by_path` is the shorter way here, and takes any optax transformation.
    """

    optimizer_map: OptimizerMap | Callable[[Variable], Optimizer]
    loss_scale_factor: float | None = None
    name: str | None = None

    _own: ClassVar[tuple[str, ...]] = ("optimizer_map", "loss_scale_factor")
    _options: ClassVar[tuple[str, ...]] = ("name",)

    def _check(self) -> None:
        if not callable(self.optimizer_map):
            raise TypeError(
                explain(
                    "MultiOptimizer takes an OptimizerMap, or a function of a variable.",
                    received=repr(self.optimizer_map)[:80],
                    write='MultiOptimizer(OptimizerMap(Adam(), {"head/.*": SGD()}))',
                )
            )

        if isinstance(self.optimizer_map, OptimizerMap):
            self.__dict__["optimizer_map"] = self.optimizer_map.with_loss_scale_factor(self.loss_scale_factor)

    @property
    def learning_rate(self) -> LearningRate:  # type: ignore[override]
        """There is none: each optimizer has its own.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(
            explain(
                "MultiOptimizer has no learning_rate: each of its optimizers has its own.",
                write="optax.tree.get_all_with_path(state, 'learning_rate')",
            )
        )

    def _parts(self, tree: PyTree) -> tuple[PyTree, list[Optimizer]]:
        """The number of each leaf's optimizer, and the optimizers by number."""
        rules: list[Optimizer] = []

        def number(name: str, leaf: PyTree) -> int:
            rule = self.optimizer_map(Variable(name, leaf.shape, leaf.dtype))
            if not isinstance(rule, Optimizer) or isinstance(rule, LossScaleOptimizer | MultiOptimizer):
                raise ValueError(
                    explain(f"The optimizer of {name!r} must be a plain optimizer.", received=repr(rule)[:80])
                )
            rule = rule.replace(loss_scale_factor=self.loss_scale_factor)
            if rule not in rules:
                rules.append(rule)
            return rules.index(rule)

        return map_with_name(number, tree), rules

    def _partition(self, tree: PyTree) -> optax.GradientTransformationExtraArgs:
        labels, rules = self._parts(tree)
        return optax.partition(dict(enumerate(rules)), labels)

    def _init(self, params: PyTree) -> MultiState:
        return MultiState(jnp.zeros((), jnp.int32), self._partition(params).init(params))

    def _update(
        self, updates: PyTree, state: PyTree, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, PyTree]:
        tree = updates if params is None else params
        moves, inner = self._partition(tree).update(updates, state.inner, params, **extra_args)
        return moves, MultiState(state.iterations + 1, inner)

    def finalize_variable_values(self, params: PyTree, state: PyTree) -> PyTree:
        """The parameters to keep after training: the moving averages of the optimizers that keep one."""
        return finalize_each(*self._parts(params), params, state.inner)

    def get_config(self) -> Config:
        """Keras's config."""
        given = self.optimizer_map
        described = serialize(given) if isinstance(given, OptimizerMap) else serialize_function(given)
        return {"optimizer_map": described, "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Self:
        """The optimizer that `get_config`, or Keras, described."""
        optimizers = deserialize(config["optimizer_map"], custom_objects, (MODULE,))
        return cls(**{**config, "optimizer_map": optimizers})
