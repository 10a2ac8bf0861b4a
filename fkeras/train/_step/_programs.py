"""The compiled programs of a trainer, shared by all trainers that are equal."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import weakref
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
from flax import linen

from ...core import HashedOnce, explain, hashable, plain_path_name, shorten
from ...core.typing import PyTree
from ..losses._exact_key import exact_key

if TYPE_CHECKING:
    from ._learner import Learner

T = TypeVar("T")

# What JAX raises where a function of the user's asks a traced array for its numbers, and what is said beside it.
_NO_NUMBERS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
_NOTE = (
    "A step is compiled, and its arrays have no numbers while it is traced: numpy, float() and `if` cannot take them.\n"
    "  Write:    fk.ops.square(x) or jax.numpy.square(x) for np.square(x), x itself for float(x), "
    "fk.ops.where(c, a, b) for if; or compile(..., run_eagerly=True), which is slow, to look at the numbers"
)

# What a trainer is, or the shapes of an input, as a value to look up by.
Key = Hashable


@dataclasses.dataclass(frozen=True, eq=False)
class Programs:
    """What was compiled for one value of a trainer, and what is known of that value without a single number.

    Every entry follows from the trainer's fields and from shapes, so it does not matter which of several equal
    trainers made it, nor when. It lives as long as one of them.

    Attributes:
        compiled: jitted functions, by the function and by which arguments are donated and which are static.
        structures: facts that a function finds out from the fields and from shapes, by the function and the shapes.
        traces: for which arrays the train step was traced, in order; each is one compilation.
    """

    compiled: dict[Key, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    structures: dict[Key, Any] = dataclasses.field(default_factory=dict)
    traces: list[dict[str, str]] = dataclasses.field(default_factory=list)


_PROGRAMS: weakref.WeakValueDictionary[HashedOnce, Programs] = weakref.WeakValueDictionary()


def programs_for(value: HashedOnce) -> Programs:
    """The programs of all trainers that are this value; a new record where no such trainer is left."""
    found = _PROGRAMS.get(value)
    if found is None:
        found = _PROGRAMS[value] = Programs()
    return found


def value_of(kind: type, fields: Mapping[str, Any]) -> HashedOnce:
    """A class and its fields as a value: equal for fields that are equal and of equal types.

    Python takes 1, 1.0 and True for equal, and they make different programs.

    >>> value_of(dict, {"a": [1]}) == value_of(dict, {"a": [1]}), value_of(dict, {"a": 1}) == value_of(dict, {"a": 1.0})
    (True, False)
    """
    return HashedOnce(kind, *((name, _exact(field)) for name, field in fields.items()))


def _exact(field: object) -> Key:
    return hashable(field) if isinstance(field, linen.Module) else exact_key(field)


def compiled(
    trainer: Learner, function: Callable[..., T], *, donate: tuple[int, ...] = (), static: tuple[int, ...] = ()
) -> Callable[..., T]:
    """`function(trainer, …)` as a program of the arguments after the trainer; uncompiled where it runs eagerly.

    Args:
        trainer: the trainer.
        function: a pure function, the same object at each call.
        donate: which of the other arguments the program may reuse the memory of.
        static: which of them are part of the program.

    Returns:
        What `jax.jit` returns.
    """
    if trainer.run_eagerly:
        return functools.partial(function, trainer)
    programs, key = trainer.programs.compiled, (function, donate, static)
    found = programs.get(key)
    if found is None:
        run = _traced(function, trainer)
        found = programs[key] = jax.jit(run, donate_argnums=donate, static_argnums=static)
    return found


def _traced(function: Callable[..., T], trainer: Learner) -> Callable[..., T]:
    """`function` of a trainer, as it is traced: under its own name and signature, with short tracebacks."""
    signature = inspect.signature(functools.partial(function, trainer))

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> T:
        try:
            _check_count(function, signature, args, kwargs)
            return function(trainer, *args, **kwargs)
        except Exception as error:
            shorten(error, with_door=False)
            if isinstance(error, _NO_NUMBERS) and _NOTE not in getattr(error, "__notes__", ()):
                error.add_note(_NOTE)
            raise

    traced.__signature__ = signature  # type: ignore[attr-defined]
    return traced


def _check_count(function: Callable[..., Any], signature: inspect.Signature, args: Any, kwargs: Any) -> None:
    """Refuse arguments that a step does not take, while it is traced."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        name, names = function.__name__, list(signature.parameters)
        call = ", ".join("(x, y)" if each == "batch" else each for each in names)
        raise TypeError(
            explain(
                f"`{name}` takes {' and '.join(names)}.",
                received=", ".join([f"{len(args)} by position", *(f"{each}=" for each in kwargs)]),
                usually="a batch is one argument, a tuple." if "batch" in names else "",
                write=f"trainer.{name}({call})",
            )
        ) from None


def structure(trainer: Learner, function: Callable[..., T], shapes: Key, *args: Any) -> T:
    """`function(trainer, *args)`, found out once for the trainer's fields and these shapes.

    Args:
        trainer: the trainer.
        function: what is found out; it must not depend on a number in its arguments.
        shapes: all of its arguments that matter, as a value.
        *args: its arguments.
    """
    structures, key = trainer.programs.structures, (function, shapes)
    if key not in structures:
        structures[key] = function(trainer, *args)
    found: T = structures[key]
    return found


def shapes_of(x: PyTree) -> Key:
    """What of an input decides on a model's structure, as a value to look up by: all but how many rows it has."""
    if x is None:
        return None
    leaves, treedef = jax.tree.flatten(x)
    return treedef, tuple((jnp.shape(leaf)[1:], str(jnp.result_type(leaf))) for leaf in leaves)


def exact_shapes_of(tree: PyTree) -> Key:
    """The structure, shapes and dtypes of a tree, as a value to look up by."""
    leaves, treedef = jax.tree.flatten(tree)
    return treedef, tuple((jnp.shape(leaf), getattr(leaf, "dtype", None)) for leaf in leaves)


def note_trace(trainer: Learner, args: PyTree) -> None:
    """Record that the train step is being traced, and for which arrays; called while it is."""
    if trainer.run_eagerly:
        return
    trainer.programs.traces.append(
        {
            plain_path_name(path): f"{jnp.result_type(leaf)}{jnp.shape(leaf)}"
            for path, leaf in jax.tree_util.tree_leaves_with_path(args)
        }
    )
