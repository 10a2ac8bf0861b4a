"""Models in few bits, and models trained to be put into few bits."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from ...core import (
    NON_TRAINABLE,
    Layer,
    Model,
    Storage,
    check_patterns,
    check_variables,
    did_you_mean,
    explain,
    join_path,
    matches_path,
    named_leaves,
)
from ...core.typing import PyTree, Variables, VariablesLike
from ._chosen_layers import (
    LayerFilter,
    LayerPath,
    always_plain,
    check_float,
    chosen,
    is_inside,
    storage_for,
    storages,
    with_storage,
)
from ._input_ranges import input_ranges
from ._quantization_configs import QuantizationConfig
from ._quantize_by_config import quantize_by_config
from ._stored_variables import convert_variables, with_leaves
from ._weight_storage import FakeQuantizedWeights, PlainWeights, QuantizedWeights

# By mode: the grid of the weights and the grid of the inputs.
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
    model: Model,
    variables: VariablesLike,
    mode: str | Mapping[str, str | None] = "int8",
    filters: LayerFilter = None,
    calibration_data: PyTree = None,
    block_size: int | None = None,
    config: QuantizationConfig | None = None,
) -> tuple[Model, Variables]:
    """A model whose kernels and tables are kept in few bits, and its variables.

    `kernel ≈ numbers · scale`, one scale for each output channel (each row of an embedding). Modes with a second part
    also round each layer's inputs, as Keras's do.

    Args:
        model: a model, or one made by `with_fake_quant`.
        variables: its variables, or the state of a run; they are not changed.
        mode: `"int8"`, `"int4"` (inputs int8), `"float8"` round weights and inputs; `"int8_weight_only"`,
            `"int4_weight_only"`, `"float8_weight_only"` and `"nf4"` weights alone. Or rules by path,
            `{"head": None, ".*": "int4"}`: whole paths, the first that matches counts, `None` stays float.
        filters: which layers: a pattern of whole paths, several, or `layer -> bool`; all by default.
        calibration_data: inputs (one batch) whose ranges become those of the layers' inputs; by default the range is
            computed anew for each example.
        block_size: how many inputs share a scale; all of a channel's by default.
        config: of `fk.quantizers`, for Keras's own forms in place of the modes above: the layers get the config's dtype
            policy, and the files are Keras's. `GPTQConfig` and `AWQConfig` measure the model with their data, and
            `mode` is `"gptq"` or `"awq"` then, or is left out.

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
    point on the rounded numbers: it saves memory, not time.
    """
    check_float(model, "quantize")
    variables = check_variables(model, variables, "quantize", "variables")
    if config is not None or mode in ("gptq", "awq"):
        _check_config(mode, config, calibration_data, block_size)
        return quantize_by_config(model, variables, config, filters)  # type: ignore[arg-type]
    ranges = {} if calibration_data is None else input_ranges(model, variables, calibration_data)
    qmodel = _with_grids(model, mode, filters, block_size, QuantizedWeights, ranges)
    own_names = named_leaves(qmodel.abstract_variables()) if qmodel.graph is not None else ()
    converted = convert_variables(qmodel, variables, own_names)
    table = storages(qmodel)
    scales = {}
    for path, largest in ranges.items():
        storage = storage_for(table, path)
        if isinstance(storage, QuantizedWeights) and storage.static:
            scales[join_path((NON_TRAINABLE, *path, "input_scale"))] = largest
    return qmodel, with_leaves(converted, scales)


def with_fake_quant(
    model: Model,
    mode: str | Mapping[str, str | None] = "int8",
    filters: LayerFilter = None,
    block_size: int | None = None,
) -> Model:
    """A model that computes as `quantize(mode)` will, on the same variables, so that training prepares for it.

    Gradients pass straight through the rounding.

    Args:
        model: the model.
        mode, filters, block_size: as for `quantize`.

    Returns:
        The model; it takes the variables of the one it was made from.

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
    check_float(model, "with_fake_quant")
    return _with_grids(model, mode, filters, block_size, FakeQuantizedWeights, {})


def _with_grids(
    model: Model,
    mode: str | Mapping[str, str | None],
    filters: LayerFilter,
    block_size: int | None,
    kind: type[QuantizedWeights],
    ranges: Mapping[LayerPath, jax.Array],
) -> Model:
    """The model with a storage of class `kind` in each layer that the mode and the filters choose."""
    rules = dict[str | None, str | None](mode.items() if isinstance(mode, Mapping) else [(None, mode)])
    check_patterns(model, [p for p in rules if p is not None], "mode=", 'mode="backbone/.*"')
    for name in rules.values():
        _check_mode(name)
    _check_block_size(block_size)
    is_chosen, plain = chosen(model, filters), always_plain(model)
    quantised: list[LayerPath] = []

    def storage_at(layer: Layer, path: LayerPath) -> Storage:
        name = next((m for p, m in rules.items() if p is None or matches_path(p, path)), None)
        if name is None or path in plain or not is_chosen(layer, path):
            return PlainWeights()
        quantised.append(path)
        form, activation = MODES[name]
        static = activation is not None and any(is_inside(measured, [path]) for measured in ranges)
        return kind(form, activation, block_size, static)

    result = with_storage(model, storage_at)
    if not quantised:
        raise ValueError(
            explain(
                f"No layer of {model.path_text()} would be quantised.",
                received=f"mode={mode!r}, filters={filters!r}",
                usually="the filters choose none.",
                write='model.quantize(variables, "int8")',
            )
        )
    return result


def _check_config(mode: object, config: object, calibration_data: PyTree, block_size: int | None) -> None:
    """Refuse a config that does not belong to the mode, and arguments that it has its own of."""
    if not isinstance(config, QuantizationConfig) or mode not in ("int8", config.mode):
        raise ValueError(
            explain(
                "A config of fk.quantizers says how, and the mode is its own.",
                received=f"mode={mode!r}, config={config!r:.80}",
                usually="GPTQ and AWQ, which need data, without a config.",
                write="model.quantize(variables, config=fk.quantizers.GPTQConfig(dataset=x[:128]))",
            )
        )
    if calibration_data is not None or block_size is not None:
        raise ValueError(
            explain(
                "With a config, data and sizes are the config's.",
                received="calibration_data or block_size beside config",
                write="fk.quantizers.GPTQConfig(dataset=x, group_size=64)",
            )
        )


def _check_block_size(size: int | None) -> None:
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise ValueError(
            explain("block_size is a positive number of inputs.", received=repr(size), write="block_size=64")
        )


def _check_mode(mode: object) -> None:
    if mode is not None and (not isinstance(mode, str) or mode not in MODES):
        raise ValueError(
            explain(
                f"Unknown quantisation mode {mode!r}.",
                received=repr(mode),
                usually=did_you_mean(mode, MODES),
                write='model.quantize(variables, "int8")',
            )
        )
