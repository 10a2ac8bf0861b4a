"""Weights in few bits and of low rank as Keras's files have them: their order, and changes of low rank merged.

A layer whose dtype says few bits keeps Keras's own arrays, so nothing of them changes on the way. A layer with
`lora_rank` is written with the change in its kernel, as Keras writes it; what is read has a change that adds nothing.
Reference: https://keras.io/api/quantizers/
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from ...core import NON_TRAINABLE, Layer, explain, join_path, named_leaves, nest, split_path, walk
from ...core.typing import PyTree, Variables
from ...nn import factors_of, initializers, with_change_merged
from .._files._tree_arrays import ArraySpecs
from ._weights_source import WeightsSource

# The order of Keras's `variable_serialization_spec`s, of all modes and classes at once.
_ORDER = (
    "kernel", "bias", "inputs_scale", "inputs_amax_history", "kernel_scale", "kernel_amax_history",
    "outputs_grad_scale", "outputs_grad_amax_history", "kernel_zero", "awq_scales", "embedding", "embedding_scale",
    "embedding_zero", "g_idx", "reverse_embeddings", "reverse_embeddings_scale", "reverse_embeddings_zero",
    "lora_kernel_a", "lora_kernel_b", "lora_embeddings_a", "lora_embeddings_b",
)  # fmt: skip
_MARKS = {"inputs_scale", "lora_kernel_a", "lora_embeddings_a"}
#: The classes, or those that they derive from, whose weights may be kept so.
KEPT_SO = ("Dense", "EinsumDense", "Embedding", "_Conv")


def order_in_few_bits(names: Iterable[str], leaves: Mapping[str, PyTree]) -> list[str]:
    """One layer's arrays in the order in which Keras's files have them, where it keeps them in few bits or low rank.

    Args:
        names: the arrays of the layer, by their whole paths.
        leaves: all arrays, or their shapes.

    Returns:
        The same names; none where the layer's weights are plain.
    """
    own = {split_path(name)[-1]: name for name in names}
    stays = any(own.get(n, "").startswith(f"{NON_TRAINABLE}/") for n in ("kernel", "embedding"))
    if not stays and not _MARKS & set(own):
        return []
    first = str(leaves[own["kernel"]].dtype) == "uint8" if "kernel" in own else False
    order = ("bias", *_ORDER) if first and "g_idx" in own else _ORDER  # what was calibrated has its bias in front
    return list(dict.fromkeys(own[n] for n in order if n in own))


class WithZeros:
    """A weights file of layers that GPTQ or AWQ quantised, with the zeros that Keras 3.15 leaves out when it saves.

    Of a symmetric grid they are its middle. Of others the file has lost them, and neither Keras nor anyone reads it.

    Args:
        weights: the open file.
        model: the model, whose layers' configs say whether the grid is symmetric.

    Raises:
        ValueError: zeros that are lost.
    """

    def __init__(self, weights: WeightsSource, model: Layer) -> None:
        self._weights, self.label, self.size = weights, weights.label, weights.size
        self._places: dict[str, str] = {}
        self._zeros: dict[str, np.ndarray] = {}
        config = next(
            (c for _, x in walk(model) for c in [getattr(x, "quantization_config", None)] if _is_gptq(c)), None
        )
        for place, kernel in _without_zeros(weights.specs).items():
            if config is None or not config.symmetric:
                raise ValueError(
                    explain(
                        f"{weights.label!r} lacks the zeros of {place!r}.",
                        received="a kernel of GPTQ or AWQ as Keras 3.15 saves it",
                        usually="Keras leaves kernel_zero out of its files, and cannot open them again either.",
                        write="GPTQConfig(..., symmetric=True) in Keras; or model.quantize(variables, config=...) here",
                    )
                )
            group, _, first = place.rpartition("/")
            shape = weights.specs[f"{group}/{int(first) + 1}"][0]
            self._zeros[f"{group}/{int(first) + 2}"] = np.full(shape, 2 ** (config.weight_bits - 1), "uint8")
            for i in range(int(first) + 2, kernel):
                self._places[f"{group}/{i + 1}"] = f"{group}/{i}"
        kept = {path: spec for path, spec in weights.specs.items() if path not in self._zeros}
        moved = {path: weights.specs[old] for path, old in self._places.items()}
        self.specs: ArraySpecs = {**kept, **moved, **{p: (a.shape, "uint8") for p, a in self._zeros.items()}}

    def check_room(self, paths: Iterable[str]) -> None:
        """See `WeightsFile.check_room`."""
        self._weights.check_room(self._places.get(p, p) for p in paths if p not in self._zeros)

    def read(self, path: str) -> np.ndarray:
        """One dataset, or the zeros in the place of one that is not there."""
        return self._zeros[path] if path in self._zeros else self._weights.read(self._places.get(path, path))


def _is_gptq(config: object) -> bool:
    return getattr(config, "mode", None) == "gptq"


def _without_zeros(specs: ArraySpecs) -> dict[str, int]:
    """The kernels of GPTQ and AWQ that have no zeros after their scales, each with how many arrays its layer has."""
    found = {}
    for path, (_, dtype) in specs.items():
        group, _, name = path.rpartition("/")
        if dtype != "uint8" or not group.endswith("vars") or not name.isdigit():
            continue
        count = next(i for i in itertools.count() if f"{group}/{i}" not in specs)
        kinds = [specs[f"{group}/{i}"][1] for i in range(count)]
        if kinds.count("uint8") == 1 and len(kinds) - int(name) in (3, 4):
            found[path] = count
    return found


def changes_merged(model: Layer, variables: Variables) -> Variables:
    """Variables with each change of low rank in its kernel, without the factors."""
    merged = named_leaves(dict(variables))
    if not any(factors_of(layer) for _, layer in walk(model)):
        return variables
    for path, layer in walk(model):
        if not any(join_path(("params", *path, n)) in merged for n in factors_of(layer)):
            continue
        own = {split_path(name)[-1]: name for name in merged if split_path(name)[1:-1] == path}
        arrays = with_change_merged(layer, {n: merged[name] for n, name in own.items()})
        merged = {name: v for name, v in merged.items() if name not in own.values()}
        merged |= {own[n]: v for n, v in arrays.items()}
    return {"params": {}, **nest(merged)}


def without_changes(model: Layer, variables: Variables) -> tuple[Variables, dict[str, PyTree]]:
    """Variables, or their shapes, as a file has them; and the changes' factors, which it lacks, by name."""
    names = {join_path(("params", *path, n)) for path, layer in walk(model) for n in factors_of(layer)}
    leaves = named_leaves(dict(variables))
    factors = {name: leaf for name, leaf in leaves.items() if name in names}
    if not factors:
        return variables, {}
    return {"params": {}, **nest({n: v for n, v in leaves.items() if n not in factors})}, factors


def with_changes(variables: Variables, factors: Mapping[str, PyTree]) -> Variables:
    """Variables with factors whose product is zero.

    Keras sets both factors to zero, and neither ever trains again. Here the first stays as it is, or is drawn as in a
    new layer where there is only its shape.
    """
    if not factors:
        return variables
    made = {}
    for i, (name, leaf) in enumerate(sorted(factors.items())):
        if name.endswith("_b"):
            made[name] = jnp.zeros(leaf.shape, leaf.dtype)
        elif isinstance(leaf, jax.ShapeDtypeStruct):
            made[name] = initializers.get("he_uniform")(jax.random.key(i), leaf.shape, leaf.dtype)
        else:
            made[name] = leaf
    return {"params": {}, **nest({**named_leaves(dict(variables)), **made})}
