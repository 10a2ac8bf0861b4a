"""What a run on disk says of the call of `fit` that made it: its arguments, its data, its callbacks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from ...core import explain
from ...core.typing import Config, PyTree
from .._batches._fingerprint import fingerprint
from .._batches._sources import Arrays, Stream
from ..callbacks import CallbackList
from ..callbacks._replayed import changes_state

# What the order of the batches, and what is in them, follows from.
DECIDE = (
    "batch_size", "class_weight", "initial_epoch", "shuffle", "steps_per_epoch", "validation_split", "check_nans",
    "overfit_batches",
)  # fmt: skip

# Those of them that a run which goes on takes from its new call, from the next step on.
_COUNT_ANEW = ("batch_size", "class_weight", "shuffle", "steps_per_epoch", "validation_split", "overfit_batches")


def asked_for(
    source: Arrays | Stream, validation: Arrays | Stream | None, calls: CallbackList, arguments: Config
) -> Config:
    """The record of a call of `fit`: its arguments, its data, its callbacks.

    It has `arguments`, fingerprints of `data` and of `validation`, empty where there is none, whether it `validates`,
    the names of `callbacks`, of each whether it may change what trains, and their `settings`.

    Args:
        source: the batches.
        validation: those of the validation, if there is one.
        calls: the callbacks.
        arguments: those of `fit` that the steps, and what follows them, depend on.
    """
    said = {name: plain(value) for name, value in arguments.items()}
    said["batch_size"] = source.data.batch_size if isinstance(source, Arrays) else None
    return {
        "arguments": said,
        "data": fingerprint(source) or "",
        "validates": validation is not None,
        "validation": fingerprint(validation) or "",
        "callbacks": [[type(c).__name__, changes_state(calls, i)] for i, c in enumerate(calls.callbacks)],
        "settings": settings_of(calls),
    }


def settings_of(calls: CallbackList) -> list[str]:
    """How each callback of fkeras that may change what trains is set, as text; empty of others.

    >>> from fkeras.train import callbacks
    >>> settings_of(CallbackList([callbacks.SwapEMAWeights(), callbacks.CSVLogger("log.csv")]))
    ['swap_on_epoch=False', '']
    """
    package = f"{__package__.partition('.')[0]}."
    own = [
        vars(callback) if changes_state(calls, place) and type(callback).__module__.startswith(package) else {}
        for place, callback in enumerate(calls.callbacks)
    ]
    return [
        ", ".join(
            f"{name}={value!r}"
            for name, value in sorted(settings.items())
            if name != "verbose" and isinstance(value, bool | int | float | str | None)
        )
        for settings in own
    ]


def since(before: Config, now: Config, total: int) -> int:
    """The step from which on a run that goes on has had the arguments and the data that it has now.

    Args:
        before: the record of the call that was cut off; empty where it left none.
        now: that of the call that goes on.
        total: how many steps were made before.
    """
    if not before:
        return total
    old, new = before["arguments"], now["arguments"]
    same = all(old.get(name) == new.get(name) for name in DECIDE)
    same = same and before["data"] == now["data"] and before["callbacks"] == now["callbacks"]
    same = same and before.get("settings") == now["settings"]
    return int(before["since"]) if same else total


def warn_of_other_arguments(before: Config, now: Config, place: str, level: int) -> None:
    """Say which arguments of `fit`, of those that its batches follow from, are others than the run had.

    Args:
        before: the record of the call that was cut off; empty where it left none.
        now: that of the call that goes on.
        place: the run's directory.
        level: at which frame above the caller's the warning is.
    """
    old, new = before.get("arguments", {}), now["arguments"]
    changed = [name for name in _COUNT_ANEW if name in old and old[name] != new.get(name)]
    if old.get("batch_size") is None or new.get("batch_size") is None:  # batches that somebody else makes
        changed = [name for name in changed if name != "batch_size"]
    if changed:
        shown = [f"{n}={str(unplain(new.get(n)))[:60]}, the run had {str(unplain(old[n]))[:60]}" for n in changed]
        warnings.warn(
            explain(
                f"The run in {place!r} resumes with other arguments of fit: those of this call count from here on.",
                received="; ".join(shown),
                usually="the call was changed; what is left of the epoch is cut into batches as this call says, so "
                "that rows may come twice or not at all.",
                write='the arguments that the run had, or another directory: checkpoint="another"',
            ),
            stacklevel=level + 1,
        )


def plain(value: PyTree) -> PyTree:
    """An argument as numbers, texts and lists of them; a dict as a list of its pairs under one name, if it is not yet.

    >>> plain({0: np.float32(0.5)}), plain(np.int64(3)), plain("auto")
    ({'pairs': [[0, 0.5]]}, 3, 'auto')
    """
    if isinstance(value, Mapping):
        if isinstance(value.get("pairs"), list):
            return value
        return {"pairs": [[plain(key), plain(part)] for key, part in value.items()]}
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, range | set | frozenset | Sequence):
        return [plain(part) for part in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def unplain(value: PyTree) -> PyTree:
    """The argument again.

    >>> unplain(plain({0: 0.5, "a": {1: 2}}))
    {0: 0.5, 'a': {1: 2}}
    """
    if isinstance(value, Mapping):
        return {key: unplain(part) for key, part in value["pairs"]}
    return value
