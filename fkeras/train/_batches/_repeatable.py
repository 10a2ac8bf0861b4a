"""Whether data yield the same batches again, which a replay of a run needs."""

from __future__ import annotations

from collections.abc import Iterator

from ...core import describe, explain
from ...core.typing import PyTree
from ._data_kinds import is_arrays
from ._indexed import is_indexed
from ._sources import Positioned


def check_repeatable(x: PyTree) -> None:
    """Refuse data of which nobody knows that a second pass is as the first one was.

    Repeatable are arrays, lists of batches, data sets by index without hooks of their own at an epoch's end, data sets
    of Grain, and iterators with `get_state` and `set_state`.

    Raises:
        ValueError: others.

    >>> check_repeatable([([1.0], [2.0])])
    """
    if is_arrays(x) or isinstance(x, list | tuple):
        return
    if isinstance(x, Iterator):
        if isinstance(x, Positioned):
            return
        raise _no_replay(x, "an iterator or a generator, which can be read once.")
    if is_indexed(x):
        own = [hook for hook in ("on_epoch_begin", "on_epoch_end") if _has_own(x, hook)]
        if not own:
            return
        raise _no_replay(x, f"its {' and '.join(own)} may change which batches it has, and nobody wrote down how.")
    if any(base.__module__.partition(".")[0] == "grain" for base in type(x).__mro__):
        return
    raise _no_replay(x, "it begins a pass anew, and may shuffle in another order.")


def _has_own(x: PyTree, hook: str) -> bool:
    """Whether a class of the user's own says what a hook does."""
    definer = next((c for c in type(x).__mro__ if hook in vars(c)), None)
    return hook in vars(x) or (definer is not None and definer.__module__.partition(".")[0] not in ("keras", "fkeras"))


def _no_replay(x: PyTree, usually: str) -> ValueError:
    return ValueError(
        explain(
            "The batches of a run cannot be made again from this.",
            received=describe(x),
            usually=usually,
            write="arrays, a list of batches, or an object with __len__ and __getitem__",
        )
    )
