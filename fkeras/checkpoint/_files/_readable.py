"""What a reader would refuse is not written: files are opened again before they are kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from ...core import MOST_BYTES, Budget, explain


@contextlib.contextmanager
def readable(what: str) -> Iterator[None]:
    """Around the reading of what was just written.

    Raises:
        ValueError: the reader refuses it.
    """
    try:
        yield
    except ValueError as error:
        told = next((line for line in str(error).splitlines() if "Received:" in line), str(error))
        raise ValueError(
            explain(
                f"{what} could not be read again, so it is not written.",
                received=told.partition("Received:")[2].strip() or told[:200],
                usually="a vocabulary, a constant or a nesting beyond the bounds in docs/files.md.",
                write="the large part kept by the program that uses the model, and handed to it there",
            )
        ) from None


def check_config(config: Any, what: str) -> None:
    """Refuse the description of a model that is beyond what a reader takes.

    Raises:
        ValueError: it is.
    """
    with readable(what):
        Budget().examine(config)
        size = len(json.dumps(config))
        if size > MOST_BYTES:
            raise ValueError(f"Received: a description of {size:,} bytes, where at most {MOST_BYTES:,} are read")
