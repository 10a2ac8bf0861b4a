"""Attention in few bits in Keras's files: its projections are layers of their own, of which the config says too little.

Keras writes an attention layer that was quantised with the policy that it had as a float one, and cannot open the file
again. Here the projections' arrays tell the policy. What is written has a `DTypePolicyMap` of the projections' names,
which real Keras opens.
Reference: https://keras.io/api/mixed_precision/policy/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...core import ArraySpec, Layer, Model, explain, map_layers_with_path, policy_of, walk
from ...core.typing import JSON, Config, PyTree
from ...nn import PolicyWeights
from ._layout import layers_at
from ._weights_source import WeightsSource

_ATTENTION = ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
_PROJECTIONS = "(.*/)?(query|key|value|gate|attention_output)"
_MAP = "DTypePolicyMap"


# ------------------------------------------------------------------ configs
def with_policy_maps(config: Any) -> Any:
    """A model's record in which each attention layer of few bits has a map of policies, as Keras needs it."""
    if isinstance(config, list):
        return [with_policy_maps(c) for c in config]
    if not isinstance(config, Mapping):
        return config
    policy = _policy_of(config)
    if policy is None or config.get("class_name") not in _ATTENTION or "source_name" not in policy["config"]:
        return {k: with_policy_maps(v) for k, v in config.items()}
    inner = {"default_policy": policy["config"]["source_name"], "policy_map": {_PROJECTIONS: policy}}
    found = {"module": "keras.dtype_policies", "class_name": _MAP, "config": inner, "registered_name": None}
    return {**config, "config": {**config["config"], "dtype": found}}


def without_policy_maps(config: Any, label: str) -> Any:
    """A model's record in which each attention layer has the one policy of its projections in place of a map.

    Args:
        config: the record, or a part of one.
        label: the file, as messages call it.

    Returns:
        The same kind of value.

    Raises:
        ValueError: a map of several policies, or of another layer.
    """
    if isinstance(config, list):
        return [without_policy_maps(c, label) for c in config]
    if not isinstance(config, Mapping):
        return config
    policy = _policy_of(config)
    if policy is None or policy.get("class_name") != _MAP:
        return {k: without_policy_maps(v, label) for k, v in config.items()}
    policies = policy["config"].get("policy_map")
    records = list(policies.values()) if isinstance(policies, Mapping) else []
    told = {str(r.get("config")) for r in records if isinstance(r, Mapping)}
    if config.get("class_name") not in _ATTENTION or len(told) != 1 or len(records) < 1:
        raise _refused(label, f"a {config.get('class_name')} with policies {policies!r:.120}")
    return {**config, "config": {**config["config"], "dtype": records[0]}}


def _policy_of(config: Mapping[str, JSON]) -> Config | None:
    inner = config.get("config")
    policy = inner.get("dtype") if isinstance(inner, Mapping) else None
    is_one = isinstance(policy, Mapping) and isinstance(policy.get("config"), Mapping)
    return policy if is_one else None  # type: ignore[return-value]


# ------------------------------------------------------------------ what the arrays tell
def as_the_file_keeps_it(
    model: Layer, spec: PyTree, args: tuple[PyTree, ...], weights: WeightsSource
) -> tuple[Layer, PyTree]:
    """A model whose attention layers keep their projections as a file does, and its variables as shapes.

    Args:
        model: the model of the file's record.
        spec: its variables as shapes.
        args: the call's inputs, for a model without a graph.
        weights: the open file.

    Raises:
        ValueError: projections of one layer that are kept in several ways.
    """
    if not isinstance(model, Model):
        return model, spec
    plain = {
        at: layer
        for at, layer in layers_at(model).items()
        if isinstance(layer, Layer)
        and _attends(layer)
        and policy_of(layer.dtype).quantization_mode is None
        and layer._weights_as is None
    }
    others = {mode: layer for _, layer in walk(model) for mode in [policy_of(layer.dtype).quantization_mode] if mode}
    paths = {id(layer): path for path, layer in walk(model)}
    found: dict[tuple[str, ...], str] = {}
    for at, layer in plain.items():
        modes = {_mode_of(f"{at}/{name}", layer, others, weights) for name in _groups_of(layer)}
        if len(modes) != 1:
            raise _refused(weights.label, f"{layer.path_text()} with projections in {sorted(map(str, modes))}")
        (mode,) = modes
        if mode is not None:
            found[paths[id(layer)]] = f"{mode}_from_{layer.dtype}"
    if not found:
        return model, spec
    # the one choice beside the mode: whether int8 rounds the inputs too, as it does in the model's other layers
    config = getattr(others.get("int8"), "quantization_config", None)
    rounds = config is None or getattr(config, "activation_quantizer", None) is not None

    def change(layer: Layer, path: tuple[str, ...]) -> Layer:
        policy = found.get(path)
        if policy is None:
            return layer
        if policy.startswith("int8") and not rounds:
            return layer.stored_as(PolicyWeights(policy, None))
        return layer.replace(dtype=policy)

    model = map_layers_with_path(model, change)
    return model, model.abstract_variables(*args)


def _attends(layer: Layer) -> str:
    """The name of the class of attention layers that a layer is of; none for others."""
    return next((c.__name__ for c in type(layer).__mro__ if c.__name__ in _ATTENTION), "")


def _groups_of(layer: Layer) -> tuple[str, ...]:
    """Keras's attributes for the projections."""
    before = "" if _attends(layer) == "MultiHeadAttention" else "_"
    names = tuple(f"{before}{name}_dense" for name in ("query", "key", "value", "output"))
    return (*names, "_gate_dense") if layer.use_gate else names  # type: ignore[attr-defined]


def _mode_of(at: str, layer: Layer, others: Mapping[str, Layer], weights: WeightsSource) -> str | None:
    """The mode in which one projection's arrays are kept; `None` for floats."""
    parts: list[ArraySpec] = []
    while f"{at}/vars/{len(parts)}" in weights.specs:
        parts.append(weights.specs[f"{at}/vars/{len(parts)}"])
    bias = int(layer.use_bias)  # type: ignore[attr-defined]
    own = parts[:1] if not bias or len(parts) < 2 else parts[:2]
    kinds = [dtype for _, dtype in own]
    if "uint8" in kinds:
        zeros = [dtype for _, dtype in parts].count("uint8") - 1  # which Keras leaves out
        mode = "awq" if len(parts) - bias - zeros == 4 else "gptq"
        size = _group_size(f"{at}/vars/{len(parts) - 1}", weights)
        shape, columns = parts[bias][0], parts[bias + 1][0][0]
        bits = 4 if shape[0] != columns else 8
        like = policy_of(others[mode].dtype).mode if mode in others else None  # type: ignore[attr-defined]
        return like or f"{mode}/{bits}/{size}"
    if kinds and kinds[0] == "int8":
        if len(parts) - bias == 2:
            return "int8" if len(parts[0][0]) > 2 else "int4/-1"
        like = policy_of(others["int4"].dtype).mode if "int4" in others else None  # type: ignore[attr-defined]
        return like or f"int4/{_group_size(f'{at}/vars/{len(parts) - 1}', weights)}"
    if len(parts) - bias == 7:
        length = parts[bias + 2][0][0]
        return "float8" if length == 1024 else f"float8/{length}"
    return None


def _group_size(place: str, weights: WeightsSource) -> int:
    """How many inputs share a scale, by the group of each; where all do, Keras's usual size, or all."""
    groups = np.asarray(weights.read(place)).astype(int)
    if groups.ndim != 1 or not groups.max(initial=0):
        return 128 if groups.size <= 128 else -1
    return int((groups == 0).sum())


def refuse_quantized_parts(label: str, faults: Iterable[str], mismatched: Mapping[str, tuple[str, str]]) -> None:
    """Refuse quantised layers of which the model does not know.

    Raises:
        ValueError: a file with whole numbers of eight bits where floats belong.
    """
    found = [
        p for p in faults if p in mismatched and mismatched[p][0].startswith("int8") and "float" in mismatched[p][1]
    ]
    if found:
        raise _refused(label, f"{found[0]}: {mismatched[found[0]][0]} in the file, {mismatched[found[0]][1]} expected")


def _refused(label: str, received: str) -> ValueError:
    return ValueError(
        explain(
            f"{label!r} holds a model that Keras quantised in a way that this model does not have.",
            received=received,
            usually="model.quantize(mode) was called in Keras, and this model is the float one.",
            write='a model of layers with dtype="int8_from_float32", as theirs have it, attention too',
        )
    )
