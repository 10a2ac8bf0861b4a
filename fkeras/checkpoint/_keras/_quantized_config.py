"""The config of layers that real Keras quantised: a float layer's, and beside it how its weights are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...core import explain, serialize
from ...core.typing import JSON, Config
from ...nn import QuantizedWeights

_POLICIES = ("QuantizedDTypePolicy", "Int4DTypePolicy")
_ALL_POLICIES = (*_POLICIES, "QuantizedFloat8DTypePolicy", "GPTQDTypePolicy", "AWQDTypePolicy")


def in_plain_policies(config: JSON, label: str) -> JSON:
    """A model's config with each quantised layer's policy as the float one, and `weights_as` beside it.

    Args:
        config: the config, or a part of one.
        label: the file, as messages call it.

    Returns:
        The same kind of value.

    Raises:
        ValueError: a layer that was quantised in a way that is not read.
    """
    if isinstance(config, list):
        return [in_plain_policies(c, label) for c in config]
    if not isinstance(config, Mapping):
        return config
    inner = config.get("config")
    policy = inner.get("dtype") if isinstance(inner, Mapping) else None
    if isinstance(policy, Mapping) and policy.get("class_name") in _ALL_POLICIES:
        return _plain(config, policy, label)
    if config.get("class_name") in _ALL_POLICIES:  # in a map of policies, or in the compile config
        raise _refused(label, f"a {config['class_name']}")
    return {k: in_plain_policies(v, label) for k, v in config.items()}


def _plain(config: Config, policy: Config, label: str) -> Config:
    said, inner = policy.get("config"), dict(config["config"])
    mode = said.get("mode") if isinstance(said, Mapping) else None
    kind = config.get("class_name")
    if kind not in ("Dense", "Embedding") or policy["class_name"] not in _POLICIES or not isinstance(mode, str):
        raise _refused(label, f"a {kind} with a {policy['class_name']} ({mode})")
    options = inner.pop("quantization_config", None)
    options = options.get("config") if isinstance(options, Mapping) else None
    form, _, block = mode.partition("/")
    if form == "int8" and not block:
        # without a config of its own, a layer rounds its inputs too
        rounds = options is None or options.get("activation_quantizer") is not None
        storage = QuantizedWeights("int8", "int8" if rounds and kind == "Dense" else None)
    elif form == "int4" and block.lstrip("-").isdigit() and (options or {}).get("activation_quantizer") is None:
        storage = QuantizedWeights("int8", None, int(block)) if int(block) > 0 else QuantizedWeights("int4")
    else:
        raise _refused(label, f"a {kind} in mode {mode!r}")
    inner["dtype"] = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": said["source_name"]}}  # type: ignore[index]
    return {**config, "config": inner, "weights_as": serialize(storage)}


def refuse_quantized_parts(label: str, faults: Iterable[str], mismatched: Mapping[str, tuple[str, str]]) -> None:
    """Refuse quantised layers inside another layer, of which no config speaks.

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
            f"{label!r} holds a model that Keras quantised in a way that fkeras does not read.",
            received=received,
            usually="model.quantize(mode) was called in Keras; Dense and Embedding in int8 and int4 are read.",
            write='the float model\'s file, and qmodel, qvariables = model.quantize(variables, "int8") here',
        )
    )
