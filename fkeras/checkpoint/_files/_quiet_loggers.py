"""The loggers of the libraries that read and write files, made quiet while they work."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

# Orbax logs to absl, jax2onnx to onnx_ir; asyncio reports each read of Orbax that fails beside the one that is raised.
_LEVELS = {"absl": logging.ERROR, "onnx_ir": logging.ERROR, "asyncio": logging.CRITICAL}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings of routine, and the traces of reads that fail, out of the terminal."""
    before = {name: logging.getLogger(name).level for name in _LEVELS}
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
