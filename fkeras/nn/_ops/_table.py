"""All ops by name: jax.numpy's and jax.nn's functions, Keras's activations, and what the other files of this wing add.

Each is registered here under Keras's address, so that graphs of ops in files find it.
"""

from __future__ import annotations

import types
from collections.abc import Iterable

import jax
import jax.numpy as jnp

from ...core import lift, register, registered
from .. import activations
from . import (
    _arrays,
    _blocks,
    _control,
    _convolution,
    _facts,
    _images,
    _indexing,
    _linalg,
    _names,
    _neural,
    _normalizing,
    _reductions,
    _segments,
    _signals,
)
from ._types import Table

# Names of jax.numpy that make no array of arrays: settings, input and output.
_LEFT_OUT = {"load", "save", "savez", "set_printoptions", "get_printoptions", "printoptions", "array_repr", "array_str"}

# What Keras has, and neither jax.numpy nor jax.nn has it, or has it under another name or other arguments.
_OWN: Table = {
    **_arrays.OWN,
    **_reductions.OWN,
    **_indexing.OWN,
    **_segments.OWN,
    **_linalg.OWN,
    **_signals.OWN,
    **_normalizing.OWN,
    **_convolution.OWN,
    **_blocks.OWN,
    **_neural.OWN,
    "stop_gradient": jax.lax.stop_gradient,
    "rsqrt": jax.lax.rsqrt,
    "erf": jax.scipy.special.erf,
    "erfc": jax.scipy.special.erfc,
    "erfinv": jax.scipy.special.erfinv,
    "softsign": jax.nn.soft_sign,
}


def _makes_arrays(name: str, value: object) -> bool:
    """Whether a name of a JAX module is a function, and no dtype or setting."""
    hidden = name.startswith("_") or name in _LEFT_OUT
    return not hidden and callable(value) and not isinstance(value, type)


def _activations() -> Table:
    """Keras's activations; what only old files name is none of Keras's ops."""
    return {name: f for name, f in registered(activations.MODULE).items() if not name.endswith("_of_keras_2")}


def _functions() -> Table:
    """Every function of arrays by name; of several with one name the last."""
    table: Table = {}
    for module in (jnp, jax.nn):
        table |= {n: getattr(module, n) for n in dir(module) if _makes_arrays(n, getattr(module, n))}
    return {**table, **_activations(), **_OWN, **_control.LIFTED}


def _lifted(functions: Table, room: str = "") -> Table:
    """Functions that take symbolic tensors too, registered under Keras's addresses."""
    lifted: Table = {}
    for name, function in functions.items():
        register("keras.ops", room + name)(function)
        lifted[name] = lift(function, room + name)
        lifted[name].__module__ = "fkeras.ops"  # where pickles find it
    return lifted


def _namespace(name: str, functions: Table) -> types.ModuleType:
    module = types.ModuleType(f"fkeras.ops.{name}")
    vars(module).update(functions)
    return module


def _chosen(names: Iterable[str]) -> Table:
    return {name: OPS[name] for name in names if name in OPS}


#: What `fk.ops` has, by name.
OPS: Table = {
    **_lifted({name: _names.under_keras_names(name, function) for name, function in _functions().items()}),
    **_control.PLAIN,
    **_facts.OWN,
}

_NEURAL = {*_normalizing.OWN, *_convolution.OWN, *_blocks.OWN, *_neural.OWN, *_activations()}
# Keras has these outside of its room for numpy's names.
_OUTSIDE = {"cast", "convert_to_tensor", "in_top_k", "multi_hot", "one_hot", "top_k"}
_NUMPY = {*_arrays.OWN, *_reductions.OWN, *_indexing.OWN, "slogdet"} - _OUTSIDE

#: Groups of them under second names, as Keras has them: `fk.ops.image.resize`, `fk.ops.linalg.svd`.
NAMESPACES: dict[str, types.ModuleType] = {
    "image": _namespace("image", _lifted(_images.IMAGE, "image.")),
    "linalg": _namespace("linalg", _chosen([*_linalg.LINALG, "jvp"])),
    "nn": _namespace("nn", _chosen({*dir(jax.nn), *_NEURAL, "one_hot", "multi_hot", "polar", "softsign"})),
    "numpy": _namespace("numpy", _chosen({*dir(jnp), *_NUMPY} - {"linalg"})),
}
