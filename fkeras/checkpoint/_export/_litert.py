"""LiteRT (TensorFlow Lite): one flatbuffer for phones and small devices, through the SavedModel."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import pathlib
import tempfile
import warnings

import jax
import numpy as np

from ._saved_model import libraries, save
from ._signature import Signature
from ._sizes import as_described, open_sizes
from ._task import Run, Task


def write_litert(task: Task, place: pathlib.Path) -> tuple[Signature, Run]:
    """Write the file at `place`; returns the signature that it has, and what runs it with TensorFlow's interpreter."""
    tf, _ = libraries("litert")

    def make(signature: Signature) -> bytes:
        with tempfile.TemporaryDirectory() as beside, contextlib.redirect_stderr(io.StringIO()):
            save(task, signature, pathlib.Path(beside), platforms=("cpu",))
            content = tf.lite.TFLiteConverter.from_saved_model(beside).convert()
        # run it here, where other sizes can be tried if the interpreter lacks an operation that the converter wrote
        run(content, signature, jax.tree.leaves(dataclasses.replace(task, signature=signature).example))
        return content

    def run(content: bytes, signature: Signature, leaves: list[np.ndarray]) -> list[np.ndarray]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that the interpreter will move to a package of its own
            serve = tf.lite.Interpreter(model_content=content).get_signature_runner("serving_default")
        outputs = serve(**{a.name: x for a, x in zip(signature.arguments, leaves, strict=True)})
        return [outputs[name] for name in task.output_names]

    content, signature = open_sizes(task, make, "LiteRT", as_described)
    place.write_bytes(content)
    return signature, lambda leaves: run(place.read_bytes(), signature, leaves)
