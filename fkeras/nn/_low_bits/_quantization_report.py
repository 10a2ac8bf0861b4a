"""What of a model is in few bits, and why the rest is not."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ...core import Layer, Model, Storage, check_variables, named_leaves, policy_of, split_path, stacks_around, walk
from ...core.typing import VariablesLike
from ._chosen_layers import LayerPath, always_plain, storage_for, storages
from ._lora_by_arguments import LoraWeights
from ._policy_weights import PolicyWeights
from ._weight_storage import FakeQuantizedWeights, LowRankWeights, QuantizedWeights, is_large
from ._weights_by_arguments import modes_of


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """One layer's weights.

    Attributes:
        path: of the layer, `"block/dense"`.
        kind: its class.
        mode: how its kernels or tables are kept, `"int8"` or `"gptq/4/128"`; `None` for floats.
        reason: why they are floats; empty where they are not.
        bytes_before: of its weights as floats.
        bytes_after: of its variables.
    """

    path: str
    kind: str
    mode: str | None
    reason: str
    bytes_before: int
    bytes_after: int


@dataclasses.dataclass(frozen=True)
class QuantizationReport:
    """A model's layers with weights, in order; printed as a table."""

    layers: tuple[LayerReport, ...]

    @property
    def bytes_before(self) -> int:
        """Of all weights as floats."""
        return sum(layer.bytes_before for layer in self.layers)

    @property
    def bytes_after(self) -> int:
        """Of all variables."""
        return sum(layer.bytes_after for layer in self.layers)

    @property
    def left(self) -> dict[str, str]:
        """Why layers stayed floats, by path."""
        return {layer.path: layer.reason for layer in self.layers if layer.mode is None}

    def __str__(self) -> str:
        table = Table("layer", "class", "kept as", "bytes before", "after", box=None, pad_edge=False)
        for layer in self.layers:
            how = layer.mode or f"float: {layer.reason}"
            table.add_row(layer.path, layer.kind, how, f"{layer.bytes_before:,}", f"{layer.bytes_after:,}")
        table.add_row("in all", "", "", f"{self.bytes_before:,}", f"{self.bytes_after:,}")
        out = io.StringIO()
        Console(file=out, width=120, no_color=True).print(table)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def quantization_report(model: Model, variables: VariablesLike) -> QuantizationReport:
    """What of a model is in few bits, how many bytes that saves, and why the other layers stayed floats.

    Args:
        model: a model, quantised or not.
        variables: its variables, or the state of a run.

    Returns:
        A row for each layer with weights, `str` of which is a table.

    Raises:
        ValueError: variables that are not the model's.

    >>> import fkeras as fk
    >>> model = fk.Sequential([fk.Input((8, 8)), fk.nn.Conv1D(4, 3, name="conv"), fk.nn.Dense(64, name="head")])
    >>> qmodel, qvariables = model.quantize(model.init(0), config=fk.quantizers.Int8QuantizationConfig())
    >>> print(fk.nn.quantization_report(qmodel, qvariables))
    layer   class   kept as                        bytes before  after
    conv    Conv1D  float: Conv1D has no int8      400           400
    head    Dense   int8                           1,280         768
    in all                                         1,680         1,168
    """
    variables = check_variables(model, variables, "quantization_report", "variables")
    leaves = named_leaves(dict(variables))
    plain, table, rows = always_plain(model), storages(model), []
    modes = {m for _, layer in walk(model) for m in [policy_of(layer.dtype).quantization_mode] if m is not None}
    taken: set[str] = set()
    for path, layer in sorted(walk(model), key=lambda found: -len(found[0])):
        own = {n: v for n, v in leaves.items() if n not in taken and split_path(n)[1 : len(path) + 1] == path}
        if isinstance(layer, Model) or not own:
            continue
        taken |= set(own)
        storage = storage_for(table, path)
        if policy_of(layer.dtype).quantization_mode is not None and path not in table:  # attention: of its projections
            storage = PolicyWeights(layer.dtype)
        mode = _mode_of(layer, storage)
        reason = "" if mode else _reason(model, path, layer, own, plain, modes)
        before = sum(_bytes_before(storage, layer, name, own) for name in own)
        after = sum(int(np.size(v)) * np.dtype(v.dtype).itemsize for v in own.values())
        rows.append(LayerReport("/".join(path), type(layer).__name__, mode, reason, before, after))
    order = {"/".join(path): i for i, (path, _) in enumerate(walk(model))}
    return QuantizationReport(tuple(sorted(rows, key=lambda row: order[row.path])))


def _mode_of(layer: Layer, storage: Storage) -> str | None:
    """The mode in which a layer's kernels are kept."""
    base = storage.base if isinstance(storage, LoraWeights | LowRankWeights) else storage
    policy = base.policy if isinstance(base, PolicyWeights) else layer.dtype
    if policy_of(policy).quantization_mode is not None:
        return str(policy_of(policy).mode)  # type: ignore[attr-defined]
    if isinstance(base, QuantizedWeights) and not isinstance(base, FakeQuantizedWeights):
        return base.form if base.activation else f"{base.form} weights"
    return None


def _reason(
    model: Model, path: LayerPath, layer: Layer, own: Mapping[str, Any], plain: set[LayerPath], modes: set[str]
) -> str:
    """Why a layer's weights are floats."""
    large = [n for n, v in own.items() if is_large(split_path(n)[-1], len(v.shape))]
    if not large:
        return "no kernel and no table"
    if path in plain:
        return "another layer, or another library, reads its weights"
    lacking = sorted(mode for mode in modes if mode not in modes_of(layer))
    if modes and len(lacking) == len(modes):
        return f"{type(layer).__name__} has no {' or '.join(lacking)}"
    if stacks_around(model, path):
        return "it runs several times with stacked weights"
    if modes & {"gptq", "awq"} and any(len(own[n].shape) > 3 for n in large):
        return f"a kernel of {max(len(own[n].shape) for n in large)} axes"
    return "the filters, the rules or the blocks leave it out" if modes or storages(model) else "nothing was quantised"


def _bytes_before(storage: Storage, layer: Layer, name: str, own: Mapping[str, Any]) -> int:
    """How many bytes a leaf stands for in the float model; 0 for what only few bits need."""
    *where, last = split_path(name)
    value = own[name]
    item = np.dtype(layer.variable_dtype).itemsize if np.dtype(layer.variable_dtype).kind != "V" else 2
    if last.startswith("lora_"):
        return 0
    beside = {split_path(n)[-1]: v for n, v in own.items() if split_path(n)[:-1] == (*where,)}
    scale = beside.get(f"{last}_scale")
    kinds = ("_scale", "_zero", "_amax_history")
    if last in ("g_idx", "awq_scales", "input_scale") or last.endswith(kinds):
        return 0
    if scale is None or (value.dtype not in (np.int8, np.uint8) and "float8" not in str(value.dtype)):
        return int(np.size(value)) * np.dtype(value.dtype).itemsize
    return _count(storage, last, value, scale, beside) * item


def _count(storage: Storage, name: str, value: Any, scale: Any, beside: Mapping[str, Any]) -> int:
    """How many numbers a packed kernel or table has."""
    base = storage.base if isinstance(storage, LoraWeights | LowRankWeights) else storage
    if not isinstance(base, PolicyWeights):
        packs = isinstance(base, QuantizedWeights) and base.form in ("int4", "nf4")
        return int(np.size(value)) * (2 if packs else 1)
    if base.mode in ("gptq", "awq"):
        return int(value.shape[1]) * int(scale.shape[0])
    if base.mode != "int4":
        return int(np.size(value))
    if name == "kernel":
        return int(value.shape[0]) * int(scale.shape[-1])
    return int(value.shape[0]) * int(value.shape[1]) * 2  # a table of an odd width counts one column too many
