"""The same model, in which a backward pass computes values of some layers again, chosen by their paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from .._layer._bound_sublayers import Path
from .._layer._layer import Layer
from .._layer._remat import remat_policy
from .._words._errors import explain
from ._input import InputLayer
from ._map_layers import map_layers_with_path
from ._path_patterns import check_patterns

ModelT = TypeVar("ModelT", bound=Layer)
_WRITE = 'model.with_remat({"block_.*": "dots_saveable"})'


def with_remat(model: ModelT, policies: Mapping[str, object]) -> ModelT:
    """A copy of `model` with policies by pattern: see `Model.with_remat`.

    Raises:
        TypeError: no mapping from patterns.
        ValueError: a pattern that matches no layer, or an unknown policy.
    """
    if not isinstance(policies, Mapping) or not all(isinstance(pattern, str) for pattern in policies):
        raise TypeError(
            explain(
                "Policies of rematerialisation are told by pattern.",
                received=repr(policies)[:80],
                usually="a pattern or a policy alone.",
                write=_WRITE,
            )
        )
    check_patterns(model, policies, "", _WRITE)
    named = {pattern: remat_policy(policy) for pattern, policy in policies.items()}

    def change(layer: Layer, path: Path) -> Layer:
        policy = next((name for pattern, name in named.items() if _is_outermost(pattern, path)), None)
        return layer if policy is None or isinstance(layer, InputLayer) else layer._with_remat(policy)

    return map_layers_with_path(model, change)


def _is_outermost(pattern: str, path: Path) -> bool:
    """Whether a pattern matches a path and that of no layer around it."""
    ends = [i for i in range(1, len(path) + 1) if re.fullmatch(pattern, "/".join(path[:i]))]
    return ends == [len(path)]
