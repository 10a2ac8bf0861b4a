"""Several optimizers in one, each for the parameters whose path it names."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence

import jax
import optax

from ...core import deserialize, did_you_mean, explain, matches_path, plain_path_name, register
from ...core.typing import Config, CustomObjects, PyTree
from ..losses._exact_key import exact_key
from ._base import MODULE, Optimizer
from ._equal_by_key import EqualByKey
from ._loss_scale import LossScaleOptimizer
from ._paths import map_with_name
from ._serialize import serialize


@register("fkeras.optimizers")
class ByPath(EqualByKey, optax.GradientTransformationExtraArgs):
    """What `by_path` makes: an optax transformation that remembers its rules, so that it can be saved."""

    rules: tuple[tuple[str, optax.GradientTransformation], ...]

    def __new__(cls, rules: Mapping[str, optax.GradientTransformation]) -> ByPath:
        for pattern, rule in rules.items():
            _check_rule(pattern, rule)
        transformation = optax.partition(dict(enumerate(rules.values())), lambda tree: _labels(tuple(rules), tree))
        self = super().__new__(cls, transformation.init, transformation.update)
        self.__dict__["rules"] = tuple(rules.items())
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(explain(f"{self!r} is frozen: {name} cannot be set.", write="by_path({...})"))

    def __reduce__(self) -> tuple[type[ByPath], tuple[dict[str, optax.GradientTransformation]]]:
        return type(self), (dict(self.rules),)

    def _key(self) -> Hashable:
        return (type(self), exact_key(self.rules))

    def __repr__(self) -> str:
        return f"by_path({dict(self.rules)!r})"

    def finalize_variable_values(self, params: PyTree, state: PyTree) -> PyTree:
        """The parameters to keep after training: the moving averages of the rules that keep one."""
        labels = _labels(tuple(pattern for pattern, _ in self.rules), params)
        return finalize_each(labels, [rule for _, rule in self.rules], params, state)

    def get_config(self) -> Config:
        """The rules in order, each optimizer in Keras's form.

        Raises:
            TypeError: a rule is an optax transformation without a config.
        """
        return {"rules": [[pattern, serialize(rule)] for pattern, rule in self.rules]}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> ByPath:
        """The rules that `get_config` described."""
        return cls({pattern: deserialize(rule, custom_objects, (MODULE,)) for pattern, rule in config["rules"]})


jax.tree_util.register_static(ByPath)


def _check_rule(pattern: str, rule: object) -> None:
    if not isinstance(rule, optax.GradientTransformation):
        raise ValueError(
            explain(
                f"The rule {pattern!r} of by_path is no optimizer.",
                received=repr(rule)[:80],
                write="fk.optimizers.get({...})   # which also takes names and configs",
            )
        )
    if isinstance(rule, LossScaleOptimizer) or getattr(rule, "loss_scale_factor", None) is not None:
        raise ValueError(
            explain(
                f"The rule {pattern!r} of by_path cannot scale the loss, which all rules share.",
                received=repr(rule),
                write="LossScaleOptimizer(by_path({...}))",
            )
        )


def by_path(rules: Mapping[str, optax.GradientTransformation]) -> ByPath:
    """Give each parameter the optimizer of the first rule that matches its path.

    Args:
        rules: optimizers by regular expression, which must match the whole "/"-joined path of a weight (`".*/bias"`),
            or of a layer or model around it (`"backbone"`): the patterns of `model.freeze`. The order counts: the first
            match wins, as in Keras's `OptimizerMap`.

    Returns:
        An optax transformation (`optax.partition`, with labels made from the paths).

    Raises:
        ValueError: at `init`, when a parameter is matched by no rule; all of them are listed. At once, when a rule
            is no optax transformation or scales the loss.

    >>> import jax.numpy as jnp
    >>> optimizer = by_path({"backbone/.*": optax.set_to_zero(), ".*": optax.sgd(0.5)})
    >>> params = {"backbone": {"w": jnp.ones(2)}, "head": {"w": jnp.ones(2)}}
    >>> optimizer.update(params, optimizer.init(params), params)[0]
    {'backbone': {'w': Array([0., 0.], dtype=float32)}, 'head': {'w': Array([-0.5, -0.5], dtype=float32)}}
    """
    return ByPath(rules)


def warn_of_idle_rules(optimizer: optax.GradientTransformation, params: PyTree) -> None:
    """Say which rules of an optimizer match no weight of a model, frozen ones included.

    Args:
        optimizer: one that `by_path` made; nothing is said of any other.
        params: all the model's parameters.
    """
    if not isinstance(optimizer, ByPath):
        return
    paths = [tuple(plain_path_name(place).split("/")) for place, _ in jax.tree_util.tree_leaves_with_path(params)]
    for pattern, _ in optimizer.rules:
        if not any(matches_path(pattern, path) for path in paths):
            known = {"/".join(path[:end]) for path in paths for end in range(1, len(path) + 1)}
            warnings.warn(
                explain(
                    f"The rule {pattern!r} of the optimizer matches no parameter.",
                    received=f"rules {[rule for rule, _ in optimizer.rules]}",
                    usually=did_you_mean(pattern.rstrip("/.*"), known),
                    write='{"backbone": optimizer, ".*": optimizer}   # whole paths of weights or layers',
                ),
                stacklevel=3,
            )


def finalize_each(
    labels: PyTree, rules: Sequence[optax.GradientTransformation], params: PyTree, state: optax.PartitionState
) -> PyTree:
    """`params`, with the moving average where a leaf's rule (`labels` holds its number) keeps one."""
    for number, rule in enumerate(rules):
        if isinstance(rule, Optimizer):
            last = rule.finalize_variable_values(params, state.inner_states[number].inner_state)
            params = jax.tree.map(lambda label, p, e, n=number: e if label == n else p, labels, params, last)
    return params


def _labels(patterns: tuple[str, ...], tree: PyTree) -> PyTree:
    """The number of the rule of each leaf."""
    unmatched: list[str] = []

    def label(name: str, _: PyTree) -> int:
        for number, pattern in enumerate(patterns):
            if matches_path(pattern, tuple(name.split("/"))):
                return number
        unmatched.append(name)
        return -1

    labels = map_with_name(label, tree)
    if unmatched:
        raise ValueError(
            explain(
                f"No optimizer for {len(unmatched)} of the parameters: {', '.join(unmatched)}.",
                received=f"rules {list(patterns)}",
                usually="a rule matches the whole path of a weight, or of a layer around it.",
                write='{..., ".*": optimizer}   # for all that is left; optax.set_to_zero() leaves them as they are',
            )
        )
    return labels
