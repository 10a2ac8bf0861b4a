"""Arguments that callbacks share: how often one saves, how many stay, one of a few words."""

from __future__ import annotations

import numpy as np

from ...core import did_you_mean, explain


def check_save_freq(owner: str, save_freq: object, unit: str) -> None:
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


def check_max_to_keep(owner: str, max_to_keep: object) -> None:
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


def check_choice(owner: str, name: str, given: object, choices: tuple[str, ...]) -> None:
    """Refuse what is none of a few words.

    Args:
        owner: whose argument it is.
        name: the argument's name.
        given: what was given.
        choices: the words.

    Raises:
        ValueError: it is another.

    >>> check_choice("fit", "on_interrupt", "return", ("return", "raise"))
    """
    if not isinstance(given, str) or given not in choices:
        raise ValueError(
            explain(
                f"{owner}: `{name}` is {' or '.join(map(repr, choices))}.",
                received=f"{name}={given!r}",
                usually=did_you_mean(given, choices),
                write=f'{name}="{choices[0]}"',
            )
        )


def check_numbers(owner: str, **given: object) -> None:
    """Refuse what is no number, where a number is compared at the end of an epoch; `None` stands for none.

    Args:
        owner: the callback's name.
        **given: its arguments by name.

    Raises:
        TypeError: one of them is something else.

    >>> check_numbers("EarlyStopping", patience=3, baseline=None)
    """
    for name, value in given.items():
        if value is not None and (isinstance(value, bool | str) or np.ndim(value) or not hasattr(value, "__float__")):
            raise TypeError(
                explain(f"{owner}: `{name}` is a number.", received=f"{name}={value!r:.60}", write=f"{name}=1")
            )
