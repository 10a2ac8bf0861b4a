"""LiteRT (TensorFlow Lite): one flatbuffer for phones and small devices, through the SavedModel."""

from __future__ import annotations

import contextlib
import io
import pathlib
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ._export_saved_model import libraries, save
from ._export_signature import Signature
from ._export_sizes import as_described, cannot, open_sizes
from ._export_task import Task

TITLE = "LiteRT"


def write_litert(task: Task, place: pathlib.Path) -> tuple[Signature, Callable[[Any], Any]]:
    """Write the file at `place`; returns the signature that it has, and what runs it with TensorFlow's interpreter."""
    tf, _ = libraries("litert")

    def make(signature: Signature) -> bytes:
        with tempfile.TemporaryDirectory() as beside, contextlib.redirect_stderr(io.StringIO()):
            save(task, signature, pathlib.Path(beside), platforms=("cpu",))
            return tf.lite.TFLiteConverter.from_saved_model(beside).convert()

    content, signature = open_sizes(task, make, TITLE, as_described)
    place.write_bytes(content)

    def run(leaves: list[np.ndarray]) -> list[Any]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the interpreter will move to a package of its own
                serve = tf.lite.Interpreter(model_content=content).get_signature_runner("serving_default")
            found = serve(**{a.name: x for a, x in zip(signature.arguments, leaves, strict=True)})
        except (RuntimeError, ValueError) as error:  # operations that the converter writes and the interpreter lacks
            raise cannot(task, TITLE, error) from error
        return [found[name] for name in task.output_names]

    return signature, run
