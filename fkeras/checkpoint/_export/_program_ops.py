"""What a program read from a file may do: compute, on this machine, with arrays.

A StableHLO program can name any function that is compiled into jaxlib, Python callbacks by their address among them.
Read from a file it may name those below, each of which JAX's own export takes for stable, and which neither leave
XLA nor write past their results.
Reference: https://docs.jax.dev/en/latest/export/export.html#compatibility-guarantees-for-custom-calls
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import mlir as portable
from jax.interpreters import mlir

from ._program_kernels import fits, is_kernel

# Beside LAPACK's (see _program_kernels), whose sizes are compared: those of the GPU libraries look at theirs
# themselves, and what has no such name is expanded by XLA's compiler.
_CUSTOM_CALLS = frozenset({
    "Sharding", "SPMDFullToShardShape", "SPMDShardToFullShape", "annotate_device_placement",
    "cu_threefry2x32_ffi", "hip_threefry2x32_ffi",
    "cu_lu_pivots_to_permutation", "hip_lu_pivots_to_permutation", "cusolver_getrf_ffi", "hipsolver_getrf_ffi",
    "cusolver_geqrf_ffi", "hipsolver_geqrf_ffi", "cusolver_orgqr_ffi", "hipsolver_orgqr_ffi",
    "cusolver_potrf_ffi", "hipsolver_potrf_ffi", "cusolver_syevd_ffi", "hipsolver_syevd_ffi",
    "cusolver_gesvd_ffi", "cusolver_gesvdj_ffi", "hipsolver_gesvd_ffi", "hipsolver_gesvdj_ffi", "hipsolver_gesdd_ffi",
    "Eigh", "Qr", "ProductOfElementaryHouseholderReflectors", "LuDecomposition",
    "ApproxTopK", "stablehlo.dynamic_approx_top_k", "AllocateBuffer",
    "stablehlo.dynamic_reduce_window", "stablehlo.dynamic_rng_bit_generator", "stablehlo.dynamic_top_k",
    "shape_assertion",
})  # fmt: skip

_DIALECTS = frozenset({"builtin", "func", "stablehlo", "chlo", "sdy"})
# Operations that wait for another process or machine.
_APART = frozenset({
    "infeed", "outfeed", "send", "recv", "create_token", "after_all", "partition_id", "replica_id",
    "cross-replica-sum", "all_gather", "all_reduce", "all_to_all", "collective_broadcast", "collective_permute",
    "reduce_scatter",
})  # fmt: skip

# Where an operation says which functions it runs.
_RUNS = ("callee", "decomposition", "called_computations")
# The options of LAPACK's routines on which sizes depend.
_OPTIONS = ("mode", "side")

# One array of a program, in bytes, where its file is small; operations, and those when every call is written out.
_LARGEST = 2 << 30
_MOST_OPERATIONS = 500_000
_MOST_RUN = 5_000_000
_DEPTH = 64
# What MLIR's bytecode begins with. Its text would be read too, by a parser that goes as deep as brackets do.
BYTECODE = b"ML\xefR"


def check_module(serialized: bytes, look: Look) -> bool:
    """Refuse a module that does anything else than compute.

    Args:
        serialized: JAX's `Exported.mlir_module_serialized`.
        look: what is expected of it.

    Returns:
        Whether it holds LAPACK routines whose sizes are open; they are looked at when they are known.

    Raises:
        ValueError: in one line, what it holds.
        jax.errors.JaxRuntimeError: this JAX cannot read it.
    """
    with mlir.make_ir_context():
        return look.module(portable.deserialize_portable_artifact(serialized))


def check_lowered(module: Any, size: int) -> None:
    """Refuse a module whose sizes, now that those of the inputs are known, are not what its routines need.

    Args:
        module: what `jax.stages.Lowered.compiler_ir` gives, a call of a program.
        size: of the program's file in bytes.

    Raises:
        ValueError: in one line, what it holds.
    """
    refined = portable.refine_polymorphic_shapes(
        mlir.module_to_bytecode(module), enable_shape_assertions=False, validate_static_shapes=True,
        enable_shardy=jax.config.jax_use_shardy_partitioner,
    )  # fmt: skip
    with mlir.make_ir_context():
        Look(size).module(mlir.ir.Module.parse(refined))


class Look:
    """One look at all operations of a module.

    Args:
        size: of the program's file in bytes, which bounds its arrays.
        taken: shape and dtype of each array that its main function takes, `None` for a size that is open, and
        given: of each that it gives; by default whatever they are.
    """

    def __init__(self, size: int, taken: Sequence[Any] | None = None, given: Sequence[Any] | None = None) -> None:
        self._largest = max(_LARGEST, 16 * size)
        self._taken, self._given = taken, given
        self._bytes: dict[str, int] = {}
        self._open = False
        self._count = 0

    def module(self, module: Any) -> bool:
        """Look at each function, and at which others it calls; whether routines with open sizes are among them."""
        calls: dict[str, list[str]] = {}
        counts: dict[str, int] = {}
        for function in module.body.operations:
            if function.operation.name != "func.func":
                list(self._operations(function.operation))
                continue
            name, before = str(mlir.ir.StringAttr(function.attributes["sym_name"]).value), self._count
            calls[name] = [callee for op in self._operations(function.operation) for callee in _callees(op)]
            counts[name] = self._count - before
            if name == "main" and self._taken is not None:
                self._check_main(function)
        if "main" not in calls:
            raise ValueError("no function 'main'")
        _check_calls(calls, counts)
        return self._open

    def _check_main(self, function: Any) -> None:
        """Refuse a main function that takes or gives other arrays than is said beside it."""
        kind = mlir.ir.FunctionType(mlir.ir.TypeAttr(function.attributes["function_type"]).value)
        for found, wanted in ((kind.inputs, self._taken), (kind.results, self._given)):
            told = [(shape, str(mlir.dtype_to_ir_type(jnp.dtype(dtype)))) for shape, dtype in wanted or ()]
            if [_open_shape(t) for t in found] != told:
                raise ValueError(f"a function {str(kind)[:200]}, and another one is described")

    def _operations(self, root: Any) -> Iterator[Any]:
        """The operations in an operation, itself first, each checked."""
        waiting = [(root, 0)]
        while waiting:
            op, depth = waiting.pop()
            self._count += 1
            if depth > _DEPTH or self._count > _MOST_OPERATIONS:
                raise ValueError(f"more than {_MOST_OPERATIONS:,} operations, or some {_DEPTH} levels deep")
            self._check(op)
            yield op
            waiting += [(o.operation, depth + 1) for region in op.regions for block in region for o in block.operations]

    def _check(self, op: Any) -> None:
        dialect, _, name = op.name.partition(".")
        if dialect not in _DIALECTS or (dialect == "stablehlo" and name in _APART) or op.name == "builtin.module":
            raise ValueError(f"the operation {op.name[:80]!r}")
        for result in op.results:
            if self._size(result.type) > self._largest:
                raise ValueError(f"an array of {self._size(result.type):,} bytes, {str(result.type)[:80]}")
        if dialect == "stablehlo" and name == "custom_call":
            self._check_custom_call(op)

    def _check_custom_call(self, op: Any) -> None:
        target = str(mlir.ir.StringAttr(op.attributes["call_target_name"]).value)
        if target in _CUSTOM_CALLS:
            return
        if not is_kernel(target):
            raise ValueError(f"a custom call of {target[:80]!r}")
        extra = _numbers(op, "indices_of_shape_operands")
        operands = [_shape(o.type) for i, o in enumerate(op.operands) if i not in extra]
        results = [_shape(r.type) for r in op.results]
        if any(shape is None for shape in (*operands, *results)):
            self._open = True
        elif not fits(target, operands, results, _options(op)):  # type: ignore[arg-type]
            raise ValueError(f"a custom call of {target!r} with the sizes {operands} -> {results}")

    def _size(self, kind: Any) -> int:
        """How many bytes an array of a type takes, those of unknown sizes left out."""
        text = str(kind)
        if text not in self._bytes:
            self._bytes[text] = _bytes_of(kind)
        return self._bytes[text]


def _bytes_of(kind: Any) -> int:
    if not isinstance(kind, mlir.ir.RankedTensorType):
        return 0
    size = 1
    for i in range(kind.rank):
        size *= 1 if kind.is_dynamic_dim(i) else max(kind.get_dim_size(i), 1)
    element = str(kind.element_type)
    bits = re.search(r"\d+", element)
    return size * int(bits[0] if bits else 64) * (2 if element.startswith("complex") else 1) // 8


def _shape(kind: Any) -> tuple[int, ...] | None:
    """An array's shape; `None` where a size is open."""
    if not isinstance(kind, mlir.ir.RankedTensorType) or not kind.has_static_shape:
        return None
    return tuple(kind.shape)


def _open_shape(kind: Any) -> tuple[tuple[int | None, ...], str]:
    """An array's shape, `None` for a size that is open, and its elements' type."""
    if not isinstance(kind, mlir.ir.RankedTensorType):
        return (), str(kind)
    shape = tuple(None if kind.is_dynamic_dim(i) else kind.get_dim_size(i) for i in range(kind.rank))
    return shape, str(kind.element_type)


def _numbers(op: Any, name: str) -> set[int]:
    if name not in op.attributes:
        return set()
    found = mlir.ir.DenseIntElementsAttr(op.attributes[name])
    return {int(found[i]) for i in range(len(found))}


def _options(op: Any) -> Mapping[str, int]:
    """The numbers that a custom call is configured with."""
    names = [n for n in ("mhlo.backend_config", "backend_config") if n in op.attributes]
    found = op.attributes[names[0]] if names else None
    if not isinstance(found, mlir.ir.DictAttr):
        return {}
    return {n: mlir.ir.IntegerAttr(found[n]).value for n in _OPTIONS if n in found}


def _callees(op: Any) -> Iterator[str]:
    """The functions that an operation runs."""
    for name in _RUNS:
        if name in op.attributes:
            said = op.attributes[name]
            for function in said if isinstance(said, mlir.ir.ArrayAttr) else [said]:
                yield str(mlir.ir.FlatSymbolRefAttr(function).value)


def _check_calls(calls: Mapping[str, list[str]], counts: Mapping[str, int]) -> None:
    """Refuse functions that call themselves, and calls that double until nobody could compile them.

    Raises:
        ValueError: there are such.
    """
    whole: dict[str, int] = {}
    waiting, entered = list(calls), set[str]()
    while waiting:
        name = waiting[-1]
        inner = [c for c in calls[name] if c in calls and c not in whole]
        if name not in whole and inner:
            if name in entered:
                raise ValueError(f"the function {name[:80]!r}, which calls itself")
            entered.add(name)
            waiting += inner
            continue
        waiting.pop()
        if name not in whole:
            whole[name] = counts[name] + sum(whole[c] for c in calls[name] if c in whole)
        if whole[name] > _MOST_RUN:
            raise ValueError(f"more than {_MOST_RUN:,} operations when its calls are written out")
