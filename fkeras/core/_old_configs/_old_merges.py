"""`Merge` of Keras 1: a layer for each of its modes, and a graph for the branches that a `Sequential` began with."""

from __future__ import annotations

from collections.abc import Mapping

from .._words._errors import explain
from ..typing import Config, PyTree

_MODES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "min": "Minimum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}


def kind_of_merge(config: Config) -> tuple[str, Config]:
    """The layer that a `Merge` is, and its arguments.

    Raises:
        ValueError: a mode that Keras 3 has no layer for: a function, above all.

    >>> kind_of_merge({"name": "m", "mode": "concat", "concat_axis": 1, "mode_type": "raw"})
    ('Concatenate', {'name': 'm', 'axis': 1})
    """
    mode = config.get("mode")
    if config.get("mode_type", "raw") != "raw" or mode not in _MODES:
        raise ValueError(
            explain(
                "A Merge layer of Keras 1 whose mode is a function, or one that is not known, is not read.",
                received=f"the layer {config.get('name')!r:.60}, mode_type {config.get('mode_type')!r:.20}",
                usually="the file holds the function's bytecode, which fkeras never runs.",
                write="the model in code, and model.load_weights(path, variables)",
            )
        )
    changed: Config = {k: config[k] for k in ("name", "trainable", "dtype") if k in config}
    if mode == "concat":
        changed["axis"] = config.get("concat_axis", -1)
    if mode in ("dot", "cos"):
        axes = config.get("dot_axes", -1)
        changed |= {"axes": _one_for_each(axes), "normalize": mode == "cos"}
    return _MODES[mode], changed


def _one_for_each(axes: PyTree) -> PyTree:
    """Keras 1 wrote a list of axes for each input."""
    if isinstance(axes, list) and len(axes) == 2 and all(isinstance(a, list) and len(a) == 1 for a in axes):
        return [axes[0][0], axes[1][0]]
    return axes


def merged(config: Config, merge: Mapping[str, PyTree]) -> Config:
    """The graph of a `Sequential` of Keras 1 whose first layer merges branches, in the old form of graphs.

    Args:
        config: the Sequential's config, `{"layers": [...]}`.
        merge: its first entry, whose config has the branches under `layers`.

    Returns:
        The config of a functional model.

    Raises:
        ValueError: branches that do not tell their inputs.
    """
    inner = merge["config"]
    assert isinstance(inner, Mapping)
    branches = inner.get("layers")
    if not isinstance(branches, list) or not branches:
        raise ValueError(explain("A Merge layer has no branches.", received=repr(branches)[:80]))
    layers: list[PyTree] = []
    inputs: list[PyTree] = []
    ends: list[PyTree] = []
    for i, branch in enumerate(branches):
        stack = branch.get("config") if isinstance(branch, Mapping) else None
        first = stack[0] if isinstance(stack, list) and stack and isinstance(stack[0], Mapping) else {}
        said = first.get("config")
        shape = said.get("batch_input_shape") if isinstance(said, Mapping) else None
        if not isinstance(branch, Mapping) or branch.get("class_name") != "Sequential" or shape is None:
            raise ValueError(
                explain(
                    "A branch of a Merge layer does not tell its input.",
                    received=repr(branch)[:80],
                    write="the model in code, and model.load_weights(path, variables)",
                )
            )
        assert isinstance(said, Mapping)
        start, name = f"merge_input_{i + 1}", f"merge_branch_{i + 1}"
        dtype = said.get("input_dtype") or "float32"
        layers.append(
            {
                "class_name": "InputLayer",
                "name": start,
                "config": {"batch_input_shape": shape, "dtype": dtype, "name": start},
                "inbound_nodes": [],
            }
        )
        stacked = {"name": name, "layers": stack}
        layers.append({"class_name": "Sequential", "name": name, "config": stacked, "inbound_nodes": [[[start, 0, 0]]]})
        inputs.append([start, 0, 0])
        ends.append([name, 0, 0])
    calls: PyTree = [ends]
    entries = [{**merge, "config": {k: v for k, v in inner.items() if k != "layers"}}, *config["layers"][1:]]
    last = ""
    for i, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), Mapping | list):
            raise ValueError(
                explain("A layer's record holds its class_name and its config.", received=f"{entry!r:.80}")
            )
        said = entry["config"]
        last = str(said.get("name") or f"layer_{i + 1}") if isinstance(said, Mapping) else f"layer_{i + 1}"
        layers.append({**entry, "name": last, "inbound_nodes": calls})
        calls = [[[last, 0, 0]]]
    return {
        "name": config.get("name") or "sequential",
        "layers": layers,
        "input_layers": inputs,
        "output_layers": [[last, 0, 0]],
    }
