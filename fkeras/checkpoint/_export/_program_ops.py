"""What a program read from a file may do: compute, on this machine, with arrays.

A StableHLO program can name any function that is compiled into jaxlib, Python callbacks by their address among them.
Read from a file it may name those below, each of which JAX's own export takes for stable, and which neither leave
XLA nor write past their results.
Reference: https://docs.jax.dev/en/latest/export/export.html#compatibility-guarantees-for-custom-calls
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import mlir as portable
from jax.interpreters import mlir

from ._program_calls import check_calls
from ._program_kernels import fits, is_kernel
from ._program_types import bytes_of, open_shape_of, shape_of

#: An array's shape, `None` for a size that is open, and its dtype.
ArrayType: TypeAlias = tuple[tuple[int | None, ...], np.dtype]

# Custom calls that are allowed whatever their sizes; those of LAPACK, whose sizes are compared, are in
# `_program_kernels`. The GPU libraries compare sizes themselves, and XLA's compiler expands the others.
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
# Operations that wait for another process or machine; none is allowed.
_BETWEEN_MACHINES = frozenset({
    "infeed", "outfeed", "send", "recv", "create_token", "after_all", "partition_id", "replica_id",
    "cross-replica-sum", "all_gather", "all_reduce", "all_to_all", "collective_broadcast", "collective_permute",
    "reduce_scatter",
})  # fmt: skip

# Attributes in which an operation names the functions that it runs.
_RUNS = ("callee", "decomposition", "called_computations")
# Options of LAPACK's routines on which the sizes of their results depend.
_OPTIONS = ("mode", "side")

# The most bytes of one array of a program whose file is small, and the most operations.
_LARGEST = 2 << 30
_MOST_OPERATIONS = 500_000
_DEPTH = 64
# What MLIR's bytecode begins with. MLIR's text is refused: its parser recurses as deep as brackets nest.
BYTECODE = b"ML\xefR"


def check_module(serialized: bytes, look: Look) -> bool:
    """Refuse a module that does anything but compute.

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


def check_lowered(module: mlir.ir.Module, size: int) -> None:
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
    """A check of all operations of a module.

    Args:
        size: of the program's file in bytes, which bounds its arrays.
        taken: shape and dtype of each array that its main function takes, and
        given: of each that it gives; by default whatever they are.
    """

    def __init__(
        self, size: int, taken: Sequence[ArrayType] | None = None, given: Sequence[ArrayType] | None = None
    ) -> None:
        self._largest = max(_LARGEST, 16 * size)
        self._taken, self._given = taken, given
        self._bytes: dict[str, int] = {}
        self._open = False
        self._count = 0

    def module(self, module: mlir.ir.Module) -> bool:
        """Check each function and its calls; returns whether there are LAPACK routines whose sizes are open."""
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
        check_calls(calls, counts)
        return self._open

    def _check_main(self, function: mlir.ir.OpView) -> None:
        """Refuse a main function whose arguments or results are not those of the description."""
        kind = mlir.ir.FunctionType(mlir.ir.TypeAttr(function.attributes["function_type"]).value)
        for found, wanted in ((kind.inputs, self._taken), (kind.results, self._given)):
            described = [(shape, str(mlir.dtype_to_ir_type(jnp.dtype(dtype)))) for shape, dtype in wanted or ()]
            if [open_shape_of(t) for t in found] != described:
                raise ValueError(f"a function {str(kind)[:200]}, and another one is described")

    def _operations(self, root: mlir.ir.Operation) -> Iterator[mlir.ir.Operation]:
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

    def _check(self, op: mlir.ir.Operation) -> None:
        dialect, _, name = op.name.partition(".")
        if (
            dialect not in _DIALECTS
            or (dialect == "stablehlo" and name in _BETWEEN_MACHINES)
            or op.name == "builtin.module"
        ):
            raise ValueError(f"the operation {op.name[:80]!r}")
        for result in op.results:
            if self._size(result.type) > self._largest:
                raise ValueError(f"an array of {self._size(result.type):,} bytes, {str(result.type)[:80]}")
        if dialect == "stablehlo" and name == "custom_call":
            self._check_custom_call(op)

    def _check_custom_call(self, op: mlir.ir.Operation) -> None:
        target = str(mlir.ir.StringAttr(op.attributes["call_target_name"]).value)
        if target in _CUSTOM_CALLS:
            return
        if not is_kernel(target):
            raise ValueError(f"a custom call of {target[:80]!r}")
        extra = _numbers(op, "indices_of_shape_operands")
        operands = [shape_of(o.type) for i, o in enumerate(op.operands) if i not in extra]
        results = [shape_of(r.type) for r in op.results]
        if any(shape is None for shape in (*operands, *results)):
            self._open = True
        elif not fits(target, operands, results, _options(op)):  # type: ignore[arg-type]
            raise ValueError(f"a custom call of {target!r} with the sizes {operands} -> {results}")

    def _size(self, kind: mlir.ir.Type) -> int:
        """How many bytes an array of a type takes, those of unknown sizes left out."""
        text = str(kind)
        if text not in self._bytes:
            self._bytes[text] = bytes_of(kind)
        return self._bytes[text]


def _numbers(op: mlir.ir.Operation, name: str) -> set[int]:
    if name not in op.attributes:
        return set()
    found = mlir.ir.DenseIntElementsAttr(op.attributes[name])
    return {int(found[i]) for i in range(len(found))}


def _options(op: mlir.ir.Operation) -> Mapping[str, int]:
    """The numbers that a custom call is configured with."""
    names = [n for n in ("mhlo.backend_config", "backend_config") if n in op.attributes]
    found = op.attributes[names[0]] if names else None
    if not isinstance(found, mlir.ir.DictAttr):
        return {}
    return {n: mlir.ir.IntegerAttr(found[n]).value for n in _OPTIONS if n in found}


def _callees(op: mlir.ir.Operation) -> Iterator[str]:
    """The functions that an operation runs."""
    for name in _RUNS:
        if name in op.attributes:
            said = op.attributes[name]
            for function in said if isinstance(said, mlir.ir.ArrayAttr) else [said]:
                yield str(mlir.ir.FlatSymbolRefAttr(function).value)
