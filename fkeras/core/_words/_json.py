"""JSON from a file: decoded once, in one way, before anything else looks at it."""

from __future__ import annotations

import json
from typing import Any

from ..typing import JSON
from ._errors import explain

# The descriptions of the largest known models have two megabytes, and some fifty thousand lists and dicts.
MOST_BYTES = 16 << 20
MOST_OBJECTS = 500_000


def read_json(data: bytes | str, what: str, most: int = MOST_BYTES, objects: int = MOST_OBJECTS) -> Any:
    """What a JSON text says.

    Every check after this one looks at the value that is returned, so that no way of writing a text changes which
    checks run: bytes are decoded here and nowhere else (UTF-8, or the encoding that a byte order mark names), and a
    name that is given twice, of which one reader takes the first and another the last, is refused.

    Args:
        data: the text, or its bytes.
        what: what messages call it: a file's name.
        most: the most bytes, and
        objects: the most lists and dicts, counted before Python makes something of each.

    Returns:
        What the text says, as Python has it.

    Raises:
        ValueError: no JSON, a name twice, or more than a description has.

    >>> read_json('\\ufeff{"a": [1]}'.encode(), "a file")
    {'a': [1]}
    """
    if len(data) > most:
        raise _refused(what, f"{len(data):,} bytes, where at most {most:,} are read", "a file made to fill memory.")
    try:
        text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise _refused(what, f"bytes that are no text: {str(error)[:200]}") from None
    text = text.removeprefix("\ufeff")
    count = text.count("[") + text.count("{")
    if count > objects:
        raise _refused(what, f"{count:,} lists and dicts", "a file made to fill memory.")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise _refused(what, "lists and dicts nested too deeply to be read", "a file made to harm.") from None
    except ValueError as error:
        raise _refused(what, str(error)[:200]) from None


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {twice[:80]!r} is given twice in one dict")
    return made


def _refused(what: str, received: str, usually: str = "the file was cut off, edited, or is another one.") -> ValueError:
    return ValueError(
        explain(
            f"{what} is no JSON that can be read.",
            received=received,
            usually=usually,
            write="the text that Keras's or fkeras's own save wrote",
        )
    )
