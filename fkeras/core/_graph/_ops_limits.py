"""The calls of ops in the graph of a file: which may be made, and what they may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import jax
import numpy as np

from .._words._config import registered
from .._words._errors import explain
from .._words._ops_costs import BOUNDED, LOOPS, refusal
from .._words._reading_budget import Budget, too_large
from ..typing import ArrayLike, PyTree
from ._dimensions import Dimension, is_symbolic
from ._ops_config import facts_of, not_called
from ._symbolic import SymbolicTensor

#: The arguments of a call by name: tensors and settings.
Arguments: TypeAlias = Mapping[str, PyTree]

# numpy has arrays of at most 64 axes; an axis, or a whole array, beyond these sizes is no array's.
_MOST_AXES = 64
_LARGEST = 1 << 48
# The longest pattern, equation or name of a mode, and the longest text of a symbolic size: "floordiv(h, 2) + 1".
_LONGEST_TEXT = 1_000
_LONGEST_SIZE = 2_000
# Operands whose order of contraction is searched for: numpy's own search takes seconds from here on.
_MOST_OPERANDS = 16
_ORDERS = (None, False, "greedy", "auto")
# Settings that are lists with an entry for each axis.
_BY_AXIS = {
    *("axis", "axes", "shape", "newshape", "source", "destination", "shift", "pad_width", "size", "strides", "repeats"),
    *("kernel_size", "pool_size", "output_size", "output_shape", "dilation_rate", "spatial_dims", "key"),
}


def check_call(name: str, args: Sequence[PyTree], settings: Arguments, budget: Budget) -> None:
    """Refuse a call that no graph of a saved model makes, and spend what describing it costs.

    Args:
        name: the op.
        args: the operands in Keras's order.
        settings: the arguments by name.
        budget: what the reading of the file may still cost.

    Raises:
        ValueError: an op that does more than compute, a call without a tensor of the graph, or one that costs too much.
    """
    check_op(name)
    leaves = jax.tree.leaves((args, dict(settings)))
    if not any(isinstance(leaf, SymbolicTensor) for leaf in leaves):
        raise ValueError(
            explain(
                f"The graph calls the op {name!r} on no tensor of its own.",
                received=f"{len(leaves)} constants",
                usually="a file made to harm: what does not depend on an input is saved as a number.",
            )
        )
    for leaf in leaves:
        if isinstance(leaf, str) and len(leaf) > _LONGEST_TEXT:
            raise too_large(f"a text of {len(leaf):,} characters in a call of {name!r}")
        if callable(leaf):
            raise ValueError(explain(f"The op {name!r} in the graph of a file takes no function.", received=repr(leaf)))
    call = _by_name(name, args, settings)
    for key in _BY_AXIS & set(call):
        if isinstance(call[key], list | tuple) and len(call[key]) > _MOST_AXES and name != "repeat":
            raise too_large(f"{len(call[key]):,} entries in {key} of {name!r}, where there are at most 64 axes")
    if name in LOOPS:
        budget.spend("work", max((d for leaf in leaves for d in _known_sizes(leaf)), default=1))
    elif name in BOUNDED:
        budget.spend("work", _STEPS[name](call))


def check_op(name: str) -> None:
    """Refuse an op that no file may call.

    Raises:
        ValueError: saying why.
    """
    why = refusal(name)
    if why is not None:
        raise not_called(name, why)


def check_result(result: PyTree) -> None:
    """Refuse what no layer of a model makes: too many axes, or sizes beyond any array's.

    Raises:
        ValueError: saying which.
    """
    for leaf in jax.tree.leaves(result):
        dims = leaf.symbolic_shape
        if len(dims) > _MOST_AXES:
            raise too_large(f"an array of {len(dims)} axes, where there are at most {_MOST_AXES}")
        size = 1
        for dim in dims:
            if is_symbolic(dim):
                length = len(str(dim))
                if length > _LONGEST_SIZE:
                    raise too_large(f"a size that takes {length:,} characters to write: {str(dim)[:60]} …")
            else:
                size *= max(int(dim), 1)
        if size > _LARGEST:
            raise too_large(f"an array of {size:,} numbers")


def _by_name(name: str, args: Sequence[PyTree], settings: Arguments) -> dict[str, PyTree]:
    """The arguments of a call by Keras's names; operands of any number under the name with its star."""
    called = facts_of(name).called or tuple(_names_of(name))
    many = next((i for i, a in enumerate(called) if a.startswith("*")), len(called))
    found = dict(zip(called[:many], args, strict=False))
    if many < len(called):
        found[called[many]] = list(args[many:])
    return {**found, **settings}


def _names_of(name: str) -> list[str]:
    import inspect

    try:
        return list(inspect.signature(registered("keras.ops")[name]).parameters)
    except (KeyError, ValueError):
        return []


def _shape_of(leaf: ArrayLike | SymbolicTensor | None) -> tuple[Dimension, ...]:
    return leaf.symbolic_shape if isinstance(leaf, SymbolicTensor) else np.shape(leaf)


def _known_sizes(leaf: PyTree) -> list[int]:
    if not hasattr(leaf, "shape"):
        return []
    return [int(d) for d in _shape_of(leaf) if not is_symbolic(d)]


def _whole(value: object, default: int = 1) -> int:
    """A number of steps; what is no whole number is left to the op, which says so."""
    return abs(value) if isinstance(value, int) else default


def _pieces(call: Arguments) -> int:
    wanted = call.get("indices_or_sections")
    return len(wanted) + 1 if isinstance(wanted, list | tuple) else _whole(wanted)


def _differences(call: Arguments) -> int:
    return 4 * _whole(call.get("n", 1))


def _operands(call: Arguments) -> int:
    given = call.get("*operands", [])
    if len(given) > _MOST_OPERANDS or (len(given) > 4 and call.get("optimize") not in _ORDERS):
        raise too_large(f"an order of {len(given)} operands that einsum is to find")
    return 1 << min(len(given), 8)


def _corners(call: Arguments) -> int:
    """Between entries, each corner of the cell around a place is read."""
    rank = max(
        len(_shape_of(call.get("inputs"))), max((d for d in _known_sizes(call.get("coordinates"))[:1]), default=1)
    )
    return 4 << min(rank, 32)


def _borders(call: Arguments) -> int:
    """A border that mirrors or repeats an array is made in pieces as long as the array."""
    shape = _shape_of(call.get("x"))
    if call.get("mode", "constant") in (
        "constant",
        "edge",
        "empty",
        "linear_ramp",
        "maximum",
        "mean",
        "median",
        "minimum",
    ):
        return 1
    widths = np.asarray(call.get("pad_width"), object).reshape(-1)
    widest = max((_whole(w) for w in widths), default=0)
    return sum(2 + widest // max(1 if is_symbolic(d) else int(d) - 1, 1) for d in shape)


def _frames(call: Arguments) -> int:
    return _borders({"x": call.get("x"), "mode": "reflect", "pad_width": _whole(call.get("fft_length")) // 2})


_STEPS = {
    "array_split": _pieces,
    "split": _pieces,
    "hsplit": _pieces,
    "vsplit": _pieces,
    "dsplit": _pieces,
    "diff": _differences,
    "einsum": _operands,
    "image.map_coordinates": _corners,
    "pad": _borders,
    "stft": _frames,
}
