"""Models in Keras's forms of few bits, by its configs: int8, int4, float8, and with calibration GPTQ and AWQ."""

from __future__ import annotations

import dataclasses
import math
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from ...core import (
    NON_TRAINABLE,
    Layer,
    Model,
    explain,
    join_path,
    map_layers_with_path,
    named_leaves,
    split_path,
    stacks_around,
    walk,
)
from ...core.typing import Array, Float, PyTree, Variables
from .._einsum import EinsumDense
from .._embedding import Embedding
from ._calibrated_kernels import Calibrated, awq, gptq
from ._calibration_data import calibration_inputs
from ._chosen_layers import LayerFilter, LayerPath, always_plain, chosen, is_inside
from ._equation_axes import Axes
from ._nibbles import pack
from ._policy_conversion import decoded, encoded
from ._policy_weights import PolicyWeights, matrix_sizes
from ._quantization_configs import AWQConfig, GPTQConfig, QuantizationConfig
from ._stored_variables import with_leaves, without_leaves
from ._weights_by_arguments import grid_of, modes_of

_ATTENDS = ("query", "key", "value", "gate", "out")


@dataclasses.dataclass(frozen=True)
class _Kernel:
    """A kernel that is quantised, or a table."""

    path: LayerPath  # of the layer whose weight it is
    layer: Layer  # whose arguments say how it multiplies; of a projection one that is made alike
    name: str

    @property
    def at(self) -> str:
        return join_path(("params", *self.path, self.name))


def quantize_by_config(
    model: Model, variables: Variables, config: QuantizationConfig, filters: LayerFilter
) -> tuple[Model, Variables]:
    """A model whose layers have the config's dtype policy, and its variables in Keras's arrays.

    Raises:
        ValueError: no layer that the config's mode can quantise is chosen.
    """
    leaves = named_leaves(dict(variables))
    targets = {path: layer for path, layer, reason in candidates(model, leaves, config, filters) if reason is None}
    if not targets:
        raise ValueError(
            explain(
                f"No layer of {model.path_text()} would be quantised.",
                received=f"mode {config.mode!r}, filters={filters!r}",
                usually="the filters choose none, or the mode has no form for the layers: "
                "fk.nn.quantization_report says which.",
                write='model.quantize(variables, "int8"), which takes convolutions and recurrent layers too',
            )
        )
    qmodel = with_policies(model, targets, config)
    kernels = [kernel for path, layer in targets.items() for kernel in kernels_of(path, layer, leaves)]
    if isinstance(config, GPTQConfig | AWQConfig):
        made = _calibrated(model, variables, kernels, config)
    else:
        made = _rounded(qmodel, leaves, kernels, config)
    replaced = {kernel.at for kernel in kernels} if config.mode != "float8" else set()
    return qmodel, with_leaves(without_leaves(dict(variables), replaced), made)


def with_policies(model: Model, targets: Mapping[LayerPath, Layer], config: QuantizationConfig) -> Model:
    """The model with the config's policy on the layers at these paths."""

    def change(layer: Layer, path: LayerPath) -> Layer:
        if path not in targets:
            return layer
        policy = f"{config.policy_mode()}_from_{layer.dtype}"
        if hasattr(layer, "quantization_config"):
            return layer.replace(dtype=policy, quantization_config=_without_data(config))
        changed = layer.replace(dtype=policy)
        grid = getattr(config, "activation_quantizer", None)
        usual = config.mode not in ("int8", "int4") or grid == grid_of(changed, config.mode)
        return changed if usual else layer.stored_as(PolicyWeights(policy, grid))

    return map_layers_with_path(model, change)


def _without_data(config: QuantizationConfig) -> QuantizationConfig:
    if not isinstance(config, GPTQConfig | AWQConfig):
        return config
    return dataclasses.replace(config, dataset=None, tokenizer=None, quantization_layer_structure=None)


def candidates(
    model: Model, leaves: Mapping[str, Any], config: QuantizationConfig, filters: LayerFilter
) -> Iterator[tuple[LayerPath, Layer, str | None]]:
    """Each layer with weights, and why a config leaves it; `None` for one that it quantises."""
    is_chosen, plain = chosen(model, filters), always_plain(model)
    blocks = blocks_of(model, config)
    for path, layer in walk(model):
        if isinstance(layer, Model) or not any(split_path(name)[1 : len(path) + 1] == path for name in leaves):
            continue
        if config.mode not in modes_of(layer):
            reason: str | None = f"{type(layer).__name__} has no form in {config.mode}"
        elif path in plain:
            reason = "another layer, or another library, reads its weights"
        elif not is_chosen(layer, path):
            reason = "the filters leave it out"
        elif stacks_around(model, path):
            reason = "it runs several times with stacked weights"
        elif blocks is not None and not any(is_inside(path, [block]) for block in blocks):
            reason = "it is in no block of the quantization_layer_structure"
        else:
            reason = _misfit(path, layer, leaves) if isinstance(config, GPTQConfig | AWQConfig) else None
        yield path, layer, reason


def _misfit(path: LayerPath, layer: Layer, leaves: Mapping[str, Any]) -> str | None:
    """Why a kernel is none that Keras calibrates: its inputs come first, and are the axes that Keras takes for them."""
    for kernel in kernels_of(path, layer, leaves):
        shape = leaves[kernel.at].shape
        if len(shape) not in (2, 3):
            return f"a kernel of {len(shape)} axes"
        if isinstance(kernel.layer, EinsumDense):
            letters, outputs = kernel.layer.equation.partition(",")[2].split("->")
            summed = [i for i, c in enumerate(letters) if c not in outputs]
            rows = math.prod(shape[i] for i in summed)
            if summed != list(range(len(summed))) or matrix_sizes(kernel.layer, shape)[0] != rows:
                return f"of a kernel of shape {tuple(shape)} Keras takes other axes for the inputs"
    return None


def kernels_of(path: LayerPath, layer: Layer, leaves: Mapping[str, Any]) -> list[_Kernel]:
    """The kernels or tables of a layer; of attention those of its projections."""
    if isinstance(layer, Embedding):
        names = ("embedding", "reverse_embeddings")
        return [k for k in (_Kernel(path, layer, n) for n in names) if k.at in leaves]
    if hasattr(layer, "quantization_config"):
        return [_Kernel(path, layer, "kernel")]
    found = []
    for part in _ATTENDS:
        name = join_path(("params", *path, part, "kernel"))
        if name in leaves:
            shape, bound = leaves[name].shape, 2 if part == "out" else 1
            letters = string.ascii_lowercase[: len(shape)]
            inputs, outputs = letters[:bound], letters[bound:]
            equation = f"...{inputs},{letters}->...{outputs}"
            made = EinsumDense(equation, output_shape=shape[bound:], dtype=layer.dtype, name=part)
            found.append(_Kernel((*path, part), made, "kernel"))
    return found


# ------------------------------------------------------------------ without data
def _rounded(
    qmodel: Model, leaves: Mapping[str, Any], kernels: Sequence[_Kernel], config: QuantizationConfig
) -> dict[str, jax.Array]:
    spec = named_leaves(qmodel.abstract_variables()) if qmodel.graph is not None else {}
    made: dict[str, jax.Array] = {}
    for kernel in kernels:
        layer = (
            kernel.layer.replace(quantization_config=config)
            if hasattr(kernel.layer, "quantization_config")
            else kernel.layer
        )
        if config.mode == "float8":
            for part in ("inputs", "kernel", "outputs_grad"):
                made[join_path(("params", *kernel.path, f"{part}_scale"))] = jnp.ones((), jnp.float32)
                made[join_path(("params", *kernel.path, f"{part}_amax_history"))] = jnp.zeros(1024, jnp.float32)
            continue
        where = (NON_TRAINABLE, *kernel.path)
        storage = PolicyWeights(f"{config.policy_mode()}_from_{layer.dtype}")
        known = spec.get(join_path((*where, "kernel_scale")))
        shape = known.shape if known is not None else None
        for name, value in encoded(storage, layer, kernel.name, leaves[kernel.at], shape).items():
            made[join_path((*where, name))] = value
    return made


# ------------------------------------------------------------------ with data
def blocks_of(model: Model, config: QuantizationConfig) -> list[LayerPath] | None:
    """The paths of the blocks that a config names; `None` where it names none.

    Raises:
        ValueError: a block that is no layer of the model.
    """
    structure = getattr(config, "quantization_layer_structure", None)
    if structure is None:
        return None
    places = list(walk(model))
    found = []
    for block in structure.get("sequential_blocks", ()):
        name = block if isinstance(block, str) else block.name
        paths = [p for p, layer in places if layer is block or name in ("/".join(p), layer.name)]
        if not paths:
            raise ValueError(
                explain(
                    f"{name!r} is no layer of {model.path_text()}.",
                    received="quantization_layer_structure",
                    write='{"pre_block_layers": ["embedding"], "sequential_blocks": ["block", "block_1"]}',
                )
            )
        found.append(min(paths, key=len))
    return found


def _calibrated(
    model: Model, variables: Variables, kernels: Sequence[_Kernel], config: GPTQConfig | AWQConfig
) -> dict[str, jax.Array]:
    """The arrays of all kernels, block by block: each is measured on what the blocks before it are rounded to."""
    inputs = calibration_inputs(model, config)
    blocks = blocks_of(model, config) or list(dict.fromkeys(kernel.path[:1] for kernel in kernels))
    made: dict[str, jax.Array] = {}
    for block in blocks:
        own = [
            kernel
            for kernel in kernels
            if is_inside(kernel.path, [block]) and join_path((NON_TRAINABLE, *kernel.path, "kernel")) not in made
        ]
        if not own:
            continue
        measured = _measured(model, variables, own, inputs, config)
        floats = {}
        for kernel in own:
            weight = named_leaves(dict(variables))[kernel.at]
            rows, columns = matrix_sizes(kernel.layer, weight.shape)
            matrix = jnp.asarray(weight, jnp.float32).reshape(rows, columns).T
            plain: Any = _without_data(config)
            found = (gptq if isinstance(config, GPTQConfig) else awq)(matrix, measured[join_path(kernel.path)], plain)
            arrays = _arrays(found, config, weight.dtype)
            made |= {join_path((NON_TRAINABLE, *kernel.path, name)): value for name, value in arrays.items()}
            storage = PolicyWeights(f"{config.policy_mode()}_from_{kernel.layer.dtype}")
            floats[kernel.at] = decoded(storage, kernel.layer, "kernel", arrays, weight.shape).astype(weight.dtype)
        variables = with_leaves(dict(variables), floats)
    return made


def _arrays(found: Calibrated, config: GPTQConfig | AWQConfig, dtype: Any) -> dict[str, jax.Array]:
    factors = {} if found.factors is None else {"awq_scales": found.factors.astype(dtype)}
    return {
        "kernel": pack(found.numbers, 0) if config.weight_bits == 4 else found.numbers,
        "kernel_scale": found.scale.astype(dtype),
        "kernel_zero": found.zero,
        "g_idx": found.groups,
        **factors,
    }


def _measured(
    model: Model,
    variables: Variables,
    kernels: Sequence[_Kernel],
    inputs: Sequence[PyTree],
    config: GPTQConfig | AWQConfig,
) -> dict[str, jax.Array]:
    """Of each kernel the Hessian of its inputs, or their sizes, over all samples; a sample at a time."""
    by_path = {kernel.path: kernel for kernel in kernels}
    sums_products = isinstance(config, GPTQConfig)

    def one(variables: Variables, x: PyTree) -> dict[str, tuple[jax.Array, int]]:
        found: dict[str, list[jax.Array]] = {}

        def measure(run: Callable[..., PyTree], args: tuple, kwargs: dict[str, PyTree], context: Any) -> PyTree:
            layer = context.module
            if context.method_name == "__call__" and layer.scope is not None and layer.path in by_path:
                given = args[0] if args else kwargs["inputs"]
                found.setdefault(join_path(layer.path), []).append(_rows(by_path[layer.path], given))
            return run(*args, **kwargs)

        with linen.intercept_methods(measure):
            model.apply(variables, x)
        result = {}
        for name, parts in found.items():
            rows = jnp.concatenate(parts).astype(jnp.float32)
            result[name] = (rows.T @ rows if sums_products else jnp.abs(rows).max(axis=0)), len(rows)
        return result

    step = jax.jit(one)
    total: dict[str, jax.Array] = {}
    counts: dict[str, int] = {}
    for x in inputs:
        for name, (part, count) in step(variables, x).items():
            before, count = counts.get(name, 0), int(count)
            if not sums_products:
                total[name] = jnp.maximum(total[name], part) if before else part
            else:
                even = 2.0 / (before + count) * ((part + part.T) / 2)
                total[name] = total[name] * (before / (before + count)) + even if before else even
            counts[name] = before + count
    lost = [join_path(path) for path in by_path if join_path(path) not in total]
    if lost:
        raise ValueError(
            explain(
                "The calibration's data never reached some layers.",
                received=", ".join(lost[:5]),
                usually="a layer that only runs in training, or under a lifted transform.",
                write="filters=..., which leave them out",
            )
        )
    return total


def _rows(kernel: _Kernel, x: Float[Array, "*inputs"]) -> Float[Array, "samples inputs"]:
    """The inputs of a product as rows, in the order of the kernel's rows."""
    if not isinstance(kernel.layer, EinsumDense):
        return x.reshape(-1, x.shape[-1])
    axes = Axes.of(kernel.layer.equation, x.ndim)
    summed = [axes.inputs.index(axes.kernel[i]) for i in axes.summed_kernel]
    size = math.prod(x.shape[i] for i in summed)
    return jnp.moveaxis(x, summed, range(x.ndim - len(summed), x.ndim)).reshape(-1, size)
