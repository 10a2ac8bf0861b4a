"""Models in few bits, and models trained to be put into few bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from ..core import (
    NON_TRAINABLE,
    Layer,
    Model,
    check_patterns,
    did_you_mean,
    explain,
    join_path,
    matches_path,
    named_leaves,
    split_path,
    walk,
)
from ..nn import RNN, FakeQuantizedWeights, PlainWeights, QuantizedWeights, Wrapper, contracts
from . import _storages
from ._models import check_variables

# mode: (grid of the weights, grid of the inputs)
MODES: dict[str, tuple[str, str | None]] = {
    "int8": ("int8", "int8"),
    "int4": ("int4", "int8"),
    "float8": ("float8", "float8"),
    "int8_weight_only": ("int8", None),
    "int4_weight_only": ("int4", None),
    "float8_weight_only": ("float8", None),
    "nf4": ("nf4", None),
}


def quantize(
    model: Any,
    variables: Any,
    mode: Any = "int8",
    filters: Any = None,
    calibration_data: Any = None,
    block_size: int | None = None,
) -> tuple[Any, dict[str, Any]]:
    """A model whose kernels and tables are kept in few bits, and its variables.

    `kernel ≈ numbers · scale`, one scale for each output channel (each row of an embedding). Modes with a second part
    also round each layer's inputs, as Keras's do.

    Args:
        model: a model, or one made by `with_fake_quant`.
        variables: its variables; they are not changed.
        mode: `"int8"`, `"int4"` (inputs int8), `"float8"` round weights and inputs; `"int8_weight_only"`,
            `"int4_weight_only"`, `"float8_weight_only"` and `"nf4"` weights alone. Or rules by path,
            `{"head": None, ".*": "int4"}`: whole paths, the first that matches counts, `None` stays float.
        filters: which layers: a pattern of whole paths, several, or `layer -> bool`; all by default.
        calibration_data: inputs (one batch) whose ranges become those of the layers' inputs; by default each example's
            range is found when it comes.
        block_size: how many inputs share a scale; all of a channel's by default.

    Returns:
        `(qmodel, qvariables)`. What is kept in few bits is in the collection `non_trainable` as `kernel` and
        `kernel_scale`, plain arrays: int8 and float8 of the kernel's shape, four-bit numbers two in a byte (uint8).

    Raises:
        ValueError: an unknown mode, a pattern that matches no layer, variables that are not the model's.

    >>> import fkeras as fk, jax
    >>> model = fk.Sequential([fk.Input((64,)), fk.nn.Dense(32)])
    >>> qmodel, qvariables = model.quantize(model.init(jax.random.key(0)), "int4_weight_only")
    >>> jax.tree.map(lambda a: f"{a.dtype}{list(a.shape)}", qvariables["non_trainable"]["dense"])
    {'kernel': 'uint8[32, 32]', 'kernel_scale': 'float32[1, 32]'}

    Reference: https://keras.io/api/models/model_saving_apis/ (`Model.quantize`)
    Unlike Keras this returns a new model, quantises convolutions and recurrent layers too, and computes in floating
    point on the rounded numbers: what it saves is memory, not time.
    """
    _storages.check_float(model, "quantize")
    check_variables(model, variables, "quantize", "state.variables, ...")
    ranges = {} if calibration_data is None else _ranges(model, variables, calibration_data)
    qmodel = _stored(model, mode, filters, block_size, QuantizedWeights, ranges)
    known = named_leaves(qmodel.abstract_variables()) if getattr(qmodel, "graph", None) is not None else ()
    found = _storages.convert(qmodel, variables, known)
    table = _storages.storages(qmodel)
    scales = {
        join_path((NON_TRAINABLE, *path, "input_scale")): largest
        for path, largest in ranges.items()
        if getattr(_storages.storage_for(table, path), "static", False)
    }
    return qmodel, _storages.with_leaves(found, scales)


def with_fake_quant(model: Any, mode: Any = "int8", filters: Any = None, block_size: int | None = None) -> Any:
    """A model that computes as `quantize(mode)` will, on the same variables, so that training prepares for it.

    Gradients pass straight through the rounding.

    Args:
        model: the model.
        mode, filters, block_size: as for `quantize`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> variables = model.init(jax.random.key(0))
    >>> prepared = model.with_fake_quant("int4")
    >>> qmodel, qvariables = prepared.quantize(variables, "int4")
    >>> x = jnp.ones((1, 3))
    >>> bool((prepared.apply(variables, x) == qmodel.apply(qvariables, x)).all())
    True

    Reference: Jacob et al., arXiv:1712.05877.
    """
    _storages.check_float(model, "with_fake_quant")
    return _stored(model, mode, filters, block_size, FakeQuantizedWeights, {})


def _stored(model: Any, mode: Any, filters: Any, block_size: Any, kind: Any, ranges: Mapping[Any, Any]) -> Any:
    rules = dict(mode) if isinstance(mode, Mapping) else {None: mode}
    check_patterns(model, [p for p in rules if p is not None], "mode=", 'mode="backbone/.*"')
    for one in rules.values():
        _check_mode(one)
    if block_size is not None and (isinstance(block_size, bool) or not isinstance(block_size, int) or block_size < 1):
        raise ValueError(
            explain("block_size is a positive number of inputs.", received=repr(block_size), write="block_size=64")
        )
    wanted = _storages.chosen(model, filters, "filters")
    left = _storages.unsuitable(model)
    found: dict[Any, Any] = {}

    def storage_at(layer: Layer, path: Any) -> Any:
        rule = next((m for p, m in rules.items() if p is None or matches_path(p, path)), None)
        if rule is None or path in left or not wanted(layer, path):
            return PlainWeights()
        form, activation = MODES[rule]
        static = activation is not None and any(p[: len(path)] == path for p in ranges)
        found[path] = kind(form, activation, block_size, static)
        return found[path]

    made = _storages.store(model, storage_at)
    if not found:
        raise ValueError(
            explain(
                f"No layer of {model.path_text()} would be quantised.",
                received=f"mode={mode!r}, filters={filters!r}",
                usually="the filters choose none.",
                write='model.quantize(variables, "int8")',
            )
        )
    return made


def _check_mode(mode: Any) -> None:
    if mode is not None and (not isinstance(mode, str) or mode not in MODES):
        raise ValueError(
            explain(
                f"Unknown quantisation mode {mode!r}.",
                received=repr(mode),
                usually=did_you_mean(mode, MODES),
                write='model.quantize(variables, "int8")',
            )
        )


def _ranges(model: Any, variables: Any, data: Any) -> dict[Any, jax.Array]:
    """The largest input of each layer that multiplies, by path, over a batch of data.

    Layers inside wrappers and recurrent layers run many times under a transformation; their ranges stay dynamic.
    """
    around = [path for path, layer in walk(model) if isinstance(layer, Wrapper | RNN) and not isinstance(layer, Model)]

    def largest(variables: Any, x: Any) -> dict[str, jax.Array]:
        seen: dict[str, jax.Array] = {}

        def note(run: Any, args: Any, kwargs: Any, context: Any) -> Any:
            layer = context.module
            if context.method_name == "__call__" and contracts(layer) and args and layer.scope is not None:
                path = layer.path
                if not any(path[: len(a)] == a for a in around):
                    size, name = jnp.max(jnp.abs(jnp.asarray(args[0], jnp.float32))), join_path(path)
                    seen[name] = jnp.maximum(seen[name], size) if name in seen else size
            return run(*args, **kwargs)

        with linen.intercept_methods(note):
            model.apply(variables, x)
        return seen

    found = jax.jit(largest)(variables, data)
    return {split_path(name): size for name, size in found.items()}
