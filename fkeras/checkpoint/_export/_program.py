"""An exported program from a file: its bytes are checked before JAX reads them, its operations before they may run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import export

from ...core import explain
from ...core.typing import PyTree
from ._program_bytes import check_bytes
from ._program_ops import BYTECODE, ArrayType, Look, check_lowered, check_module
from ._program_trial import try_elsewhere

# How many times a program may have been differentiated.
_MOST_ORDERS = 8
# Programs up to this size are checked again for each new size of an input: a small file must not ask for large arrays.
_SMALL = 16 << 20


@dataclasses.dataclass(frozen=True)
class Program:
    """A program that was checked.

    Attributes:
        exported: JAX's own.
        label: how messages call it.
        size: of its file in bytes.
        routines: the orders of gradients (0 is the program itself) with LAPACK routines of sizes that are still open.
    """

    exported: export.Exported
    label: str
    size: int
    routines: frozenset[int] = frozenset()

    def check_sizes(self, arguments: PyTree) -> None:
        """Check the program again, for inputs of these sizes.

        Raises:
            ValueError: it asks for arrays without bound, or gives a routine less room than that writes.
        """
        is_open = any(not isinstance(d, int) for a in self.exported.in_avals for d in a.shape)
        if not is_open or not (self.routines or self.size <= _SMALL):
            return
        structs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(jnp.shape(a), a.dtype), arguments)
        if any(not isinstance(d, int) for s in jax.tree.leaves(structs) for d in s.shape):
            if self.routines:
                raise refused(self.label, "LAPACK routines, for sizes that are still open")
            return
        self._look(self.exported, structs)
        if 1 in self.routines:
            flat = jax.tree.leaves(structs)
            self._look(self.exported.vjp(), [*flat, *jax.tree.leaves(jax.eval_shape(self.exported.call, *structs))])

    def _look(self, exported: export.Exported, structs: Sequence[PyTree]) -> None:
        module = jax.jit(exported.call).lower(*structs).compiler_ir("stablehlo")
        assert module is not None
        try:
            check_lowered(module, self.size)
        except (ValueError, RuntimeError) as error:
            raise refused(self.label, _line(error)) from None


def read_program(content: bytes, label: str, versions: Mapping[str, str], own: bool = False) -> Program:
    """The program in a file's bytes, if it does nothing but compute.

    Args:
        content: what `jax.export` serialised.
        label: how messages call it: the file's path.
        versions: what its manifest says of the versions that wrote it.
        own: whether this process has just written it, so that nothing in it was made to harm.

    Returns:
        The program.

    Raises:
        ValueError: it does something else, it is damaged, or this JAX does not read it.
        ImportError: JAX needs `flatbuffers` for it.
    """
    try:
        check_bytes(content)
    except ValueError as error:
        raise refused(label, _line(error)) from None
    try:
        exported = export.deserialize(bytearray(content))
        chain = list(_orders(exported))
    except ImportError:
        raise  # JAX says that it needs flatbuffers
    except Exception as error:  # JAX raises many types for a program of another version
        raise _unreadable(label, versions, error) from None
    for program in chain:
        _check_frame(program, label, versions)
    if not own:
        try:
            try_elsewhere([program.mlir_module_serialized for program in chain])
        except ValueError as error:
            raise _unreadable(label, versions, error) from None
    routines = set()
    for order, program in enumerate(chain):
        try:
            if check_module(program.mlir_module_serialized, Look(len(content), *_types(program))):
                routines.add(order)
        except RuntimeError as error:  # JAX's own, of StableHLO that this version does not know
            raise _unreadable(label, versions, error) from None
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise refused(label, _line(error)) from None
    if routines - {0, 1}:
        raise refused(label, "LAPACK routines of open sizes in a gradient's gradient")
    return Program(exported, label, len(content), frozenset(routines))


def _orders(exported: export.Exported) -> Iterator[export.Exported]:
    """The program, its gradient, the gradient's gradient, and so on, as many as the file has."""
    yield exported
    for _ in range(_MOST_ORDERS):
        if not exported.has_vjp():
            return
        exported = exported.vjp()
        yield exported
    raise ValueError(f"more than {_MOST_ORDERS} gradients of gradients")


def _check_frame(program: export.Exported, label: str, versions: Mapping[str, str]) -> None:
    """Refuse a program whose description, beside the module itself, is not one that an export of fkeras writes."""
    least, most = (
        export.minimum_supported_calling_convention_version,
        export.maximum_supported_calling_convention_version,
    )
    if not least <= program.calling_convention_version <= most:
        said = f"calling convention {program.calling_convention_version}; this JAX has {least} to {most}"
        raise _unreadable(label, versions, ValueError(said))
    kept = tuple(program.module_kept_var_idx)
    if not program.mlir_module_serialized.startswith(BYTECODE):
        raise refused(label, "a module that is no MLIR bytecode")
    if program.ordered_effects or program.unordered_effects:
        raise refused(label, "effects beside its results")
    if program.nr_devices != 1:
        raise refused(label, f"a program for {program.nr_devices} devices")
    if not program.platforms or len(set(program.platforms)) != len(program.platforms):
        raise refused(label, f"a program for the platforms {program.platforms}")
    if list(kept) != sorted(set(kept)) or not all(i < len(program.in_avals) for i in kept):
        raise refused(label, "arguments that it does not have")


def _types(program: export.Exported) -> tuple[list[ArrayType], list[ArrayType]]:
    """Shape and dtype of what the module's main function takes and gives, `None` for a size that is open."""
    kept = [program.in_avals[i] for i in program.module_kept_var_idx]
    taken = [_type(a) for a in kept]
    if len(program.platforms) > 1:
        taken.insert(0, ((), jnp.dtype("int32")))  # the number of the platform
    return taken, [_type(a) for a in program.out_avals]


def _type(aval: jax.core.ShapedArray) -> ArrayType:
    return tuple(d if isinstance(d, int) else None for d in aval.shape), aval.dtype


def _line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__


def refused(label: str, received: str) -> ValueError:
    """The error for a program that is not one that an export writes."""
    return ValueError(
        explain(
            f"The program in {label!r} is not run.",
            received=received,
            usually="the file was damaged or made to harm, or has operations that an export of fkeras has not: "
            "custom calls are those that jax.export takes for stable, none calls Python or the outside.",
            write="model.export(path, variables) again, from the model's own file",
        )
    )


def _unreadable(label: str, versions: Mapping[str, str], error: BaseException) -> ValueError:
    """The error for a program of another version of JAX, or for bytes that are no program."""
    wrote, reads = versions.get("jax", "an unknown version"), jax.__version__
    other = wrote != reads
    return ValueError(
        explain(
            f"This JAX ({reads}) cannot read the program in {label!r}, which JAX {wrote} wrote.",
            received=_line(error),
            usually="JAX reads programs that are at most about six months older, and only some that are newer."
            if other
            else "the file was damaged before its checksum was made.",
            write="model, variables = fk.load_model(path)   # the model's own file: it has no such limit\n"
            f"model.export(path, variables)   # again, with JAX {reads}"
            + (f"; or: pip install 'jax=={wrote}'" if other else ""),
        )
    )
