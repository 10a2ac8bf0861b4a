"""Where each of several processes was in its data, when a run was saved."""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any, NamedTuple

import jax
import numpy as np

from ...core import explain
from ..distribution._processes import several_processes

_MARK = "fkeras positions"


class Positions(NamedTuple):
    """Where each process was.

    Attributes:
        words: what each one's source said, as text.
    """

    words: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """As it is kept with a run."""
        return {_MARK: list(self.words)}


def resume(source: Any, total: int, done: int, kept: object) -> int:
    """Put a source where a run was; how many batches its epoch still has to skip.

    Args:
        source: the source of this process.
        total: how many batches of the run were made.
        done: how many of them in its epoch.
        kept: what `source.position()` was, when the run was saved.

    Returns:
        See `Source.resume`.

    Raises:
        ValueError: iterators of so many processes cannot be put where others were.
    """
    words = kept.get(_MARK) if isinstance(kept, dict) else None
    before = len(words) if isinstance(words, list) else 1
    now = jax.process_count() if several_processes() and getattr(source, "own", False) else 1
    if before == now:
        return int(source.resume(total, done, Positions(tuple(words)) if isinstance(words, list) else kept))
    positioned = isinstance(words, list) and any(from_text(text) is not None for text in words)
    if positioned or (kept is not None and words is None):
        raise ValueError(
            explain(
                "The data were saved where they were in other processes, and cannot be put there in these.",
                received=f"{before} process{'es' * (before > 1)} with data of their own then, and {now} now",
                usually="iterators that say where they are, such as those of Grain.",
                write="as many processes as before; or data by index, or arrays",
            )
        )
    if done:
        warnings.warn(
            explain(
                "The rows of this epoch are divided in another way than when the run was saved.",
                received=f"{before} process{'es' * (before > 1)} with rows of their own then, and {now} now; "
                f"{done} batches of the epoch were made",
                usually="a run that goes on with more or fewer processes. Some rows of this epoch come twice, and "
                "others not at all; the next epoch has all of them.",
                write="as many processes as before, or the same data in each of them",
            ),
            RuntimeWarning,
            stacklevel=4,
        )
    return int(source.resume(total, done, None))


# ------------------------------------------------------------------ text
def as_text(position: object) -> str:
    """Where a source is, as text.

    Raises:
        TypeError: it holds what cannot be written.

    >>> from_text(as_text({"next": (1, b"x"), "seeds": np.arange(2)}))
    {'next': (1, b'x'), 'seeds': array([0, 1])}
    """
    return json.dumps(_plain(position))


def from_text(text: str) -> Any:
    """What `as_text` was given."""
    return _given(json.loads(text))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        said = {"numpy": [array.dtype.str, array.shape, base64.b64encode(array.tobytes()).decode()]}
        if array.dtype.kind in "biuf":
            return said
    if isinstance(value, dict):
        return {"dict": [[_plain(key), _plain(part)] for key, part in value.items()]}
    if isinstance(value, list | tuple):
        return {"tuple" if isinstance(value, tuple) else "list": [_plain(part) for part in value]}
    raise TypeError(
        explain(
            "The data say where they are in a way that cannot be saved.",
            received=f"get_state() with a {type(value).__name__}",
            write="numbers, strings, bytes, arrays of numpy, and lists, tuples and dicts of those",
        )
    )


def _given(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, said),) = value.items()
    if kind == "bytes":
        return base64.b64decode(said)
    if kind == "numpy":
        return np.frombuffer(base64.b64decode(said[2]), np.dtype(said[0])).reshape(said[1]).copy()
    if kind == "dict":
        return {_given(key): _given(part) for key, part in said}
    return tuple(map(_given, said)) if kind == "tuple" else [_given(part) for part in said]
