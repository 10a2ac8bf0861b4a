"""What is said of values that are no arrays of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import jax
import numpy as np

from ._errors import explain

_UNREAD = "a file whose columns were not read as numbers."


def refusal(wrong: str, value: object, usually: str, write: str, received: str | None = None) -> TypeError:
    """The error for a value that is no array of numbers; by default it says what arrived."""
    if received is None:
        received = describe(value)
    return TypeError(explain(wrong, received=received, usually=usually, write=write).complete())


def of_text(what: str, array: np.ndarray) -> TypeError:
    """The error for an array of text."""
    name = name_of(what)
    if what.startswith("y"):
        usually, write = "class names.", f"classes, {name} = np.unique({name}, return_inverse=True)"
    else:
        usually = "text that was not looked up yet; it stays on the host, where no compiled step can see it."
        write = f"tokens = fk.nn.StringLookup(vocabulary=[...])({name})"
    return refusal(f"{what} holds text, and only numbers can be computed with.", array, usually, write)


def missing(what: str, how_many: str, write: str) -> ValueError:
    """The error for values that are not there."""
    usually = "gaps in the data, for which an array of numbers has no sign but NaN."
    text = explain(f"{what} has missing values.", received=how_many, usually=usually, write=write)
    return ValueError(text.complete())


def ragged(what: str, rows: Iterable[object]) -> ValueError:
    """The error for rows of different lengths."""
    sizes = [len(r) if hasattr(r, "__len__") else 1 for r in itertools.islice(rows, 6)]
    text = explain(
        f"{what} has rows of different lengths.",
        received=f"rows of {', '.join(map(str, sizes))}, …",
        usually="sequences that were not padded; an array of arrays is not one array either.",
        write=f"rows padded to one length (0 with mask_zero=True), or np.stack({name_of(what)})",
    )
    return ValueError(text.complete())


def no_array(what: str, value: object) -> TypeError:
    """The error for an object that nothing reads as an array."""
    return refusal(f"{what} is no array of numbers.", value, "another object in its place.", "a numpy or jax array")


def of_objects(what: str, array: np.ndarray) -> Exception:
    """What is said of an array of Python objects."""
    name = name_of(what)
    some = list(itertools.islice(array.flat, 10_000))
    has_text = any(isinstance(v, str | bytes) for v in some)
    if gaps := sum(_is_gap(v, has_text) for v in some):
        write = f'{name}.fillna("")' if has_text else f"{name} with numbers in their place"
        return missing(what, f"{gaps} of {array.size} entries", write)
    if any(np.ndim(v) for v in some if isinstance(v, list | tuple | np.ndarray | jax.Array)):
        return ragged(what, some)
    kinds = sorted({type(v).__name__ for v in some})
    received = f"an array of dtype object and shape {array.shape}, holding {', '.join(kinds[:4]) or 'nothing'}"
    if {str, bytes} & {type(v) for v in some}:
        return refusal(f"{what} holds text among its numbers.", None, _UNREAD, f'{name}.astype("float32")', received)
    usually = "numbers that are kept as Python objects." if all(map(_is_number, some)) else _UNREAD
    return refusal(
        f"{what} holds Python objects (dtype object).",
        None,
        usually,
        f'{name}.astype("float32")',
        received,
    )


def _is_gap(value: object, among_text: bool) -> bool:
    """Whether an entry stands for one that is missing; NaN does, where all else is text."""
    is_nan = among_text and isinstance(value, float) and value != value
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def name_of(what: str) -> str:
    """What a line of code calls it."""
    return what if what.replace("_", "").isalnum() else what.rpartition("['")[2].rstrip("']") if "['" in what else "x"


def is_text(value: object) -> bool:
    """Whether a value is text, or bytes."""
    return isinstance(value, str | bytes)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | complex | np.number) or type(value).__name__ in ("Decimal", "Fraction")


def describe(value: object) -> str:
    """A value in a few words, for messages: its type, and its dtype and shape or its beginning."""
    kind = type(value).__name__
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"a {kind} of dtype {value.dtype} and shape {tuple(value.shape)}"
    if value is None or isinstance(value, str | bytes | int | float):
        return f"{value!r}"[:80]
    if isinstance(value, Mapping):
        return f"a {kind} with the keys {list(value)[:6]}"
    return f"a {kind} of {len(value)}" if hasattr(value, "__len__") and not isinstance(value, type) else f"a {kind}"
