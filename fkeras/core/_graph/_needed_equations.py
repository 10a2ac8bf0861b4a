"""The part of a traced program that some of its outputs need, also where they are made inside Flax's lifted transforms.

Dead-code elimination says that weights need only the key. One equation of a program may make weights and run the
forward pass, though: `remat`, `jit`, `scan`, … around layers. What JAX merely calls in an equation is entered; a scan
is run for the outputs that are wanted, and carries what they need. Any other equation is taken as a whole: it is
compiled for the outputs that are wanted alone, from which JAX drops what they do not need, and reads zeros where `vmap`
has shown that they do not depend on what stands there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from jax.extend import core as jex

T = TypeVar("T")
#: What an equation reads.
Atom: TypeAlias = "jex.Var | jex.Literal"
#: An array, or `None` in the place of one that is not read.
Value: TypeAlias = "jax.Array | None"

# Equations that do what the one program in their parameters does. An equation that is not listed is taken as a whole.
_CALLS = (
    "jit", "pjit", "remat2", "checkpoint", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call"
)  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class _Step:
    """One equation of a cut: as it stands, entered, a scan, or as a whole with zeros at the places `blank`."""

    equation: jex.JaxprEqn
    wanted: tuple[bool, ...]
    inner: Cut | None = None
    blank: tuple[bool, ...] = ()

    @property
    def inputs(self) -> list[Atom]:
        """What the equation reads; a branch that all choices share does not read the choice."""
        given = list(self.equation.invars)
        return given if self.inner is None else _last(given, len(self.inner.jaxpr.invars))

    @property
    def reads(self) -> list[bool]:
        """Which of its inputs the step reads."""
        if self.inner is not None:
            return list(self.inner.reads)
        return [not b for b in self.blank] or [True] * len(self.inputs)

    def run(self, given: Sequence[Value]) -> list[Value]:
        """The wanted outputs."""
        if self.inner is None:
            return _whole(self, given)
        if self.equation.primitive.name == "scan":
            return _scan(self, self.inner, given)
        return self.inner.run((), given)


@dataclasses.dataclass(frozen=True, eq=False)
class Cut:
    """What of a program some outputs need.

    Attributes:
        jaxpr: the program.
        wanted: which of its outputs.
        steps: what is left of its equations.
        reads: which of its inputs are read.
        whole: whether an equation is taken as a whole, at the sizes that it was traced with.
    """

    jaxpr: jex.Jaxpr
    wanted: tuple[bool, ...]
    steps: tuple[_Step, ...]
    reads: tuple[bool, ...]
    whole: bool

    def run(self, consts: Sequence[jax.Array], values: Sequence[Value]) -> list[Value]:
        """The wanted outputs, for the inputs that are read; other values may be `None`."""
        value_of: dict[jex.Var, Value] = dict(zip(self.jaxpr.constvars, consts, strict=True))
        value_of.update(zip(self.jaxpr.invars, values, strict=True))
        for step in self.steps:
            given = [a.val if isinstance(a, jex.Literal) else value_of.get(a) for a in step.inputs]
            results = step.run(given)
            places = [v for v, wanted in zip(step.equation.outvars, step.wanted, strict=True) if wanted]
            value_of.update(zip(places, results, strict=True))
        ends = [v for v, wanted in zip(self.jaxpr.outvars, self.wanted, strict=True) if wanted]
        return [v.val if isinstance(v, jex.Literal) else value_of[v] for v in ends]


def cut(jaxpr: jex.Jaxpr, wanted: Sequence[bool], unknown: Sequence[bool]) -> Cut:
    """Cut a program down to some of its outputs.

    Args:
        jaxpr: the program.
        wanted: which outputs.
        unknown: which inputs have no value; an equation is entered or taken as a whole where it reads one.
    """
    maybe, _ = reached(jaxpr, wanted)
    tainted = _tainted(jaxpr, maybe, unknown)
    needed = {v for v, w in zip(jaxpr.outvars, wanted, strict=True) if w and isinstance(v, jex.Var)}
    steps: list[_Step] = []
    whole = False
    for equation in reversed(maybe):
        outputs = tuple(v in needed for v in equation.outvars)
        if not any(outputs):
            continue
        open_ = [_is_in(a, tainted) for a in equation.invars]
        step = _Step(equation, outputs)
        if any(open_):
            inner = _inner(equation, outputs, open_)
            if inner is not None:
                step, whole = _Step(equation, outputs, inner), whole or inner.whole
            elif not any(w and v in tainted for v, w in zip(equation.outvars, outputs, strict=True)):
                step, whole = _Step(equation, outputs, None, tuple(open_)), True
        needed.update(a for a, read in zip(step.inputs, step.reads, strict=True) if read and isinstance(a, jex.Var))
        steps.append(step)
    return Cut(jaxpr, tuple(wanted), tuple(reversed(steps)), tuple(v in needed for v in jaxpr.invars), whole)


def reached(jaxpr: jex.Jaxpr, wanted: Sequence[bool]) -> tuple[list[jex.JaxprEqn], set[jex.Var]]:
    """The equations that some outputs of a program need when each is taken as a whole, and all variables in them."""
    needed = {v for v, w in zip(jaxpr.outvars, wanted, strict=True) if w and isinstance(v, jex.Var)}
    equations = []
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            equations.append(equation)
            needed.update(v for v in equation.invars if isinstance(v, jex.Var))
    return equations[::-1], needed


def _tainted(jaxpr: jex.Jaxpr, equations: Sequence[jex.JaxprEqn], unknown: Sequence[bool]) -> set[jex.Var]:
    """The variables that some equations of a program make from inputs without a value."""
    tainted = {v for v, u in zip(jaxpr.invars, unknown, strict=True) if u}
    for equation in equations:
        open_ = [_is_in(a, tainted) for a in equation.invars]
        if any(open_):
            tainted.update(v for v, o in zip(equation.outvars, _open_outputs(equation, open_), strict=True) if o)
    return tainted


def _open_outputs(equation: jex.JaxprEqn, open_: Sequence[bool]) -> list[bool]:
    """Which outputs of an equation depend on the inputs `open_`."""
    programs = list(jex.jaxprs_in_params(equation.params))
    ends = range(len(equation.outvars))
    if not programs:
        return [True for _ in ends]
    if equation.primitive.name == "cond":
        return [_depends(_entered(equation, [i == end for i in ends]), end, open_) for end in ends]
    if _scanned(equation) is not None:
        return [_reads_open(_inner(equation, [i == end for i in ends], open_), open_) for end in ends]
    entered = _entered(equation, [True for _ in ends])
    if entered is None:
        return _mapped_outputs(equation, open_)
    tainted = _tainted(entered, entered.eqns, open_)
    return [_is_in(v, tainted) for v in entered.outvars]


def _depends(branch: jex.Jaxpr | None, end: int, open_: Sequence[bool]) -> bool:
    """Whether an output of a choice depends on inputs; `branch` is the one program that makes it, if there is one."""
    if branch is None:
        return True
    wanted = [i == end for i in range(len(branch.outvars))]
    return _is_in(branch.outvars[end], _tainted(branch, reached(branch, wanted)[0], _last(open_, len(branch.invars))))


def _reads_open(inner: Cut | None, open_: Sequence[bool]) -> bool:
    return inner is None or any(read and o for read, o in zip(inner.reads, open_, strict=True))


def _inner(equation: jex.JaxprEqn, wanted: Sequence[bool], open_: Sequence[bool]) -> Cut | None:
    """What the wanted outputs need of the program in an equation; `None` for one that is taken as a whole."""
    if _scanned(equation) is not None:
        return _cut_scan(equation, wanted, open_)
    entered = _entered(equation, wanted)
    return None if entered is None else cut(entered, wanted, _last(open_, len(entered.invars)))


def _scanned(equation: jex.JaxprEqn) -> tuple[int, int] | None:
    """How many inputs of a scan are constants and how many are carried; `None` for another equation.

    What is scanned has an axis more outside than inside.
    """
    programs = list(jex.jaxprs_in_params(equation.params))
    if equation.primitive.name != "scan" or len(programs) != 1 or programs[0].constvars:
        return None
    (program,) = programs
    rows = [_rank(a) > _rank(v) for a, v in zip(equation.invars, program.invars, strict=True)]
    carried = [_rank(a) == _rank(v) for a, v in zip(equation.outvars, program.outvars, strict=True)]
    return len(rows) - sum(rows) - sum(carried), sum(carried)


def aval_of(atom: Atom) -> Any:
    """What is known of a variable: an object with a shape and a dtype, of a class that JAX keeps to itself."""
    return atom.aval


def _rank(atom: Atom) -> int:
    return len(aval_of(atom).shape)


def _cut_scan(equation: jex.JaxprEqn, wanted: Sequence[bool], open_: Sequence[bool]) -> Cut:
    """What some outputs of a scan need of its body, and of what it carries."""
    (program,) = jex.jaxprs_in_params(equation.params)
    constants, carried = _scanned(equation) or (0, 0)
    ends = list(wanted)
    while True:
        unknown = [o or (0 <= i - constants < carried and not ends[i - constants]) for i, o in enumerate(open_)]
        inner = cut(program, ends, unknown)
        more = [inner.reads[constants + i] and not ends[i] for i in range(carried)]
        if not any(more):
            return inner
        ends = [e or (i < carried and more[i]) for i, e in enumerate(ends)]


def _scan(step: _Step, inner: Cut, given: Sequence[Value]) -> list[Value]:
    """The wanted outputs of a scan, which carries only what they need."""
    constants, carried = _scanned(step.equation) or (0, 0)
    kept = [i for i in range(carried) if inner.wanted[i]]
    rows = [i for i in range(constants + carried, len(given)) if inner.reads[i]]

    def body(carry: list[Value], row: list[Value]) -> tuple[list[Value], list[Value]]:
        values: list[Value] = [*given[:constants], *([None] * (len(given) - constants))]
        for place, value in [*zip([constants + i for i in kept], carry, strict=True), *zip(rows, row, strict=True)]:
            values[place] = value
        results = inner.run((), values)
        return results[: len(kept)], results[len(kept) :]

    start = [given[constants + i] for i in kept]
    length, reverse = step.equation.params["length"], step.equation.params["reverse"]
    carry, stacked = jax.lax.scan(body, start, [given[i] for i in rows], length, reverse)
    results = [
        *zip(kept, carry, strict=True),
        *zip([i for i, w in enumerate(inner.wanted) if w and i >= carried], stacked, strict=True),
    ]
    return [value for place, value in results if step.wanted[place]]


def _entered(equation: jex.JaxprEqn, wanted: Sequence[bool]) -> jex.Jaxpr | None:
    """The program that an equation calls; of a choice, the branch if all make the wanted outputs alike."""
    programs = list(jex.jaxprs_in_params(equation.params))
    if equation.primitive.name == "cond":
        texts = {_text(program, wanted) for program in programs}
        return programs[0] if len(texts) == 1 and None not in texts else None
    plain = equation.primitive.name in _CALLS and len(programs) == 1 and not programs[0].constvars
    return programs[0] if plain and len(programs[0].invars) == len(equation.invars) else None


def _text(program: jex.Jaxpr, wanted: Sequence[bool]) -> str | None:
    """What a program does for some outputs, in words that are equal for equal programs; `None` where none are sure."""
    if program.constvars or not _spelt_out(program):
        return None
    ends = [v for v, w in zip(program.outvars, wanted, strict=True) if w]
    return str(program.replace(eqns=reached(program, wanted)[0], outvars=ends))


def _spelt_out(program: jex.Jaxpr) -> bool:
    """Whether all constants in a program are numbers, which its text shows."""
    atoms = [a for e in program.eqns for a in e.invars if isinstance(a, jex.Literal)]
    inner = [p for e in program.eqns for p in jex.jaxprs_in_params(e.params)]
    return all(not jnp.shape(a.val) for a in atoms) and all(not p.constvars and _spelt_out(p) for p in inner)


def _mapped_outputs(equation: jex.JaxprEqn, open_: Sequence[bool]) -> list[bool]:
    """Which outputs of an equation depend on the inputs `open_`: those that `vmap` over these maps."""
    mapped: list[bool] = [True] * len(equation.outvars)

    @jax.custom_batching.custom_vmap
    def note(outputs: list[Value]) -> list[Value]:
        return outputs

    @note.def_vmap
    def _(axis_size: int, in_batched: list[list[bool]], outputs: list[Value]) -> tuple[list[Value], list[bool]]:
        mapped[:] = in_batched[0]
        return outputs, in_batched[0]

    def run(*given: jax.Array) -> list[Value]:
        outputs: list[Value] = note(_evaluate(equation, [True] * len(equation.outvars), given))
        return outputs

    structs = []
    for atom, is_open in zip(equation.invars, open_, strict=True):
        shape = (2, *aval_of(atom).shape) if is_open else aval_of(atom).shape
        structs.append(jax.ShapeDtypeStruct(shape, aval_of(atom).dtype))
    try:
        jax.eval_shape(jax.vmap(run, in_axes=tuple(0 if o else None for o in open_), axis_size=2), *structs)
    except (NotImplementedError, ValueError, TypeError):  # what cannot be mapped may depend on anything
        return [True] * len(equation.outvars)
    return mapped


def _evaluate(equation: jex.JaxprEqn, wanted: Sequence[bool], given: Sequence[Value]) -> list[Value]:
    """Some outputs of an equation."""
    places = [i for i, w in enumerate(wanted) if w and not isinstance(equation.outvars[i], jex.DropVar)]
    inputs = {a: value for a, value in zip(equation.invars, given, strict=True) if isinstance(a, jex.Var)}
    ends = [equation.outvars[i] for i in places]
    shell = jax.make_jaxpr(lambda: ())().jaxpr
    program = shell.replace(eqns=[equation], invars=list(inputs), outvars=ends)
    results = dict(zip(places, jex.jaxpr_as_fun(jex.ClosedJaxpr(program, ()))(*inputs.values()), strict=True))
    return [results.get(i) for i, w in enumerate(wanted) if w]


def _whole(step: _Step, given: Sequence[Value]) -> list[Value]:
    """An equation as it stands; on zeros, and compiled for what is wanted of it, where inputs have no value."""
    if not any(step.blank):
        return _evaluate(step.equation, step.wanted, given)
    places = [i for i, blank in enumerate(step.blank) if not blank]

    def wanted(*read: jax.Array) -> list[Value]:
        filled = [
            None if not b else jnp.zeros(aval_of(a).shape, aval_of(a).dtype)
            for a, b in zip(step.inputs, step.blank, strict=True)
        ]
        for place, value in zip(places, read, strict=True):
            filled[place] = value
        return _evaluate(step.equation, step.wanted, filled)

    results: list[Value] = jax.jit(wanted)(*(given[i] for i in places))
    return results


def _is_in(atom: Atom, variables: set[jex.Var]) -> bool:
    return isinstance(atom, jex.Var) and atom in variables


def _last(items: Sequence[T], count: int) -> list[T]:
    return list(items[len(items) - count :])
