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


def check_max_to_keep(owner: str, max_to_keep: Any) -> None:
    """Refuse what is no positive number.

    Args:
        owner: the callback's name.
        max_to_keep: what was given.

    Raises:
        ValueError: it is none.

    >>> check_max_to_keep("ModelCheckpoint", 3)
    """
    if isinstance(max_to_keep, bool) or not isinstance(max_to_keep, int) or max_to_keep < 1:
        raise ValueError(
            explain(
                f"{owner}: `max_to_keep` is how many checkpoints stay.",
                received=f"max_to_keep={max_to_keep!r}",
                write="max_to_keep=3",
            )
        )
