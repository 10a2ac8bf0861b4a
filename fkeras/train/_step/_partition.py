"""Which weights move: splitting a parameter tree into what the optimizer sees and what rests."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import linen

from ...core import NON_TRAINABLE, Layer, explain, is_overwritten, weight_facts
from ...core.typing import PyTree
from ._forward import graph_of
from ._learner import Learner
from ._programs import shapes_of, structure
from ._state import TrainState


@dataclasses.dataclass(frozen=True, eq=False)
class Partition:
    """What the layers of a model say of its weights.

    Attributes:
        facts: what each layer says, by path.
    """

    facts: Mapping[tuple[str, ...], Any]

    def trains(self, path: tuple[str, ...]) -> bool:
        """Whether the weight at `path` moves: as the innermost layer that owns it says."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.facts:
                return bool(self.facts[path[:end]].trainable)
        return True

    def split(self, params: PyTree) -> tuple[PyTree, PyTree]:
        """`(moving, resting)`: two trees of the same dicts, each without the other's leaves.

        What is overwritten with its gradient rests: no optimizer moves it.
        """
        if all(fact.trainable for fact in self.facts.values()) and not self.overwritten:
            return params, {}
        return self._pick(params, (), self._moves), self._pick(params, (), lambda path: not self._moves(path))

    def split_overwritten(self, resting: PyTree) -> tuple[PyTree, PyTree]:
        """`(overwritten, resting)`: of what no optimizer moves, that of which the gradient is the next value."""
        if not self.overwritten:
            return {}, resting
        return (
            self._pick(resting, (), lambda path: path in self.overwritten),
            self._pick(resting, (), lambda path: path not in self.overwritten),
        )

    def _moves(self, path: tuple[str, ...]) -> bool:
        return self.trains(path) and path not in self.overwritten

    @functools.cached_property
    def overwritten(self) -> frozenset[tuple[str, ...]]:
        """The paths of the weights that train by being overwritten with their gradients."""
        return frozenset(
            (*path, name)
            for path, fact in self.facts.items()
            for name, rule in fact.constraints.items()
            if fact.trainable and is_overwritten(rule)
        )

    def _pick(self, tree: PyTree, path: tuple[str, ...], is_picked: Callable[[tuple[str, ...]], bool]) -> PyTree:
        picked = {}
        for key, value in tree.items():
            here = (*path, str(key))
            if isinstance(value, Mapping):
                inner = self._pick(value, here, is_picked)
                if inner:
                    picked[key] = inner
            elif is_picked(here):
                picked[key] = value
        return picked

    def constrain(self, params: PyTree) -> PyTree:
        """The weights after their constraints."""
        rules = {
            (*path, name): rule
            for path, fact in self.facts.items()
            for name, rule in fact.constraints.items()
            if rule is not None and fact.trainable and not is_overwritten(rule)
        }
        if not rules:
            return params

        def project(path: Any, leaf: Any) -> Any:
            rule = rules.get(tuple(str(getattr(k, "key", k)) for k in path))
            return leaf if rule is None else rule(leaf)

        return jax.tree_util.tree_map_with_path(project, params)


def check_overwrites(trainer: Learner, partition: Partition, of_rows: bool) -> None:
    """Refuse steps of several gradients where weights take one of them as their next value.

    Raises:
        NotImplementedError: naming the first of these weights.
    """
    if not of_rows and trainer.accumulate_in_step == 1 and not _accumulates(trainer.optimizer):
        return
    path = min(partition.overwritten)
    raise NotImplementedError(
        explain(
            f"The gradient of {'/'.join(path)!r} is its next value, and this step has several gradients.",
            received="gradients of rows" if of_rows else "gradients that are accumulated",
            usually="a layer of float8, whose scales follow from one batch.",
            write='model.compile("adam", "mse")   # without accumulation, or model.with_fake_quant("float8")',
        )
    )


def warn_that_nothing_trains(trainer: Learner, state: TrainState) -> None:
    """Say that a step moves no weight, of a model that has some; as Keras does."""
    resting = jax.tree.leaves((state.params, state.model_state.get(NON_TRAINABLE, {})))
    if not resting:
        return
    owner = trainer.model.path_text() if isinstance(trainer.model, Layer) else type(trainer.model).__name__
    warnings.warn(
        explain(
            f"No weight of {owner} trains: this step changes none of them.",
            received=f"{len(resting)} arrays, all of which rest",
            usually="the whole model was frozen, or `with_lora(filters=...)` chose layers without a kernel.",
            write='trainer = model.unfreeze("head").compile("adam", "mse")   # model.summary() has what trains',
        ),
        stacklevel=2,
    )


def _accumulates(optimizer: object) -> bool:
    steps = getattr(optimizer, "gradient_accumulation_steps", None)
    return steps is not None and steps > 1


def merge(moving: PyTree, resting: PyTree) -> PyTree:
    """The whole tree again from the two that `split` made."""
    if not resting:
        return moving
    merged = dict(moving)
    for key, value in resting.items():
        inside = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if inside else value
    return merged


def partition_for(trainer: Learner, x: PyTree) -> Partition:
    """The partition of a trainer's model, found out once for the model, or once for each shape of its input.

    Args:
        trainer: the trainer.
        x: an example input, or its shapes, for a model that does not know its input's shape.
    """
    if graph_of(trainer.model) is not None:
        x = None
    elif x is None:
        return Partition({})
    return structure(trainer, _partition_of, shapes_of(x), x)


def _partition_of(trainer: Learner, x: PyTree) -> Partition:
    return partition_of(trainer.model, x)


def partition_of(model: linen.Module, x: PyTree = None) -> Partition:
    """The partition of a model; a plain Linen module's weights all move.

    Args:
        model: the model.
        x: an example input, for a model without a graph.
    """
    if not isinstance(model, Layer):
        return Partition({})
    described = graph_of(model) is not None
    return Partition(weight_facts(model, () if described else (x,)))
