"""What goes wrong while a file is read, said in words: a file is input, and no input ends in a bare KeyError."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..core import explain

# What code that reads, h5py's included, raises for content that is not what it should be.
FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
)


@contextlib.contextmanager
def described(what: Any) -> Iterator[None]:
    """Errors of building a model from the config in `what`, as a ValueError that names the file.

    Raises:
        ValueError: from the error that was raised.
    """
    try:
        yield
    except (FileNotFoundError, ImportError):
        raise  # said in words where it was raised
    except (*FAULTS, AssertionError) as error:
        text = str(error).strip().splitlines()
        raise ValueError(
            explain(
                f"The model in {str(what)!r} cannot be built from its config.",
                received=f"{type(error).__name__}: {text[0][:200] if text else ''}",
                usually="the file is damaged or was edited, or a class of your own raised it.",
                write="a file that model.save wrote",
            )
        ) from error
