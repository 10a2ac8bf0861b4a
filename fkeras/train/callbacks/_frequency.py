"""How often a callback saves."""

from __future__ import annotations

from typing import Any

from ...core import explain


def check_save_freq(owner: str, save_freq: Any, unit: str) -> None:
    """Refuse what is neither `"epoch"` nor a positive number.

    Args:
        owner: the callback's name.
        save_freq: what was given.
        unit: what a number counts.

    Raises:
        ValueError: it is neither.

    >>> check_save_freq("ModelCheckpoint", 100, "batches")
    """
    counts = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
    if save_freq != "epoch" and not counts:
        raise ValueError(
            explain(
                f"{owner}: `save_freq` is 'epoch' or a number of {unit}.",
                received=f"save_freq={save_freq!r}",
                write='save_freq="epoch"',
            )
        )
