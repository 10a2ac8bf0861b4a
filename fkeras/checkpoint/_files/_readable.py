"""A file that a reader would refuse is not kept: what was written is opened again first."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from ...core import MOST_BYTES, Budget, Model, explain, explanation_of, model_record
from ...core.typing import Config


@contextlib.contextmanager
def readable(label: str) -> Iterator[None]:
    """A context for reading what was just written, whose error says that it is not kept.

    Raises:
        ValueError: the reader refuses it.
    """
    try:
        yield
    except ValueError as error:
        said = explanation_of(error)
        received = str(error) if said is None else said.received or said.wrong
        raise ValueError(
            explain(
                f"{label} could not be read again, so it is not written.",
                received=received.strip().partition("\n")[0][:400],
                usually="a vocabulary, a constant or a nesting beyond the bounds in docs/files.md.",
                write="the large part kept by the program that uses the model, and handed to it there",
            )
        ) from None


def readable_config(model: Model, label: str) -> Config:
    """The description of a model as JSON, within the bounds of a reader.

    Args:
        model: the model.
        label: the file that will hold the description, as messages call it.

    Returns:
        The record that `model.to_json()` writes.

    Raises:
        ValueError: it is beyond a reader's bounds.
    """
    config = model_record(model)
    written = json.dumps(config)
    with readable(label):
        Budget().examine(config)
        if len(written) > MOST_BYTES:
            raise ValueError(
                explain(
                    f"The description of {model.path_text()} is too long.",
                    received=f"a description of {len(written):,} bytes, where at most {MOST_BYTES:,} are read",
                )
            )
    return config
