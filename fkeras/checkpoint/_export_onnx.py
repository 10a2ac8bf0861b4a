"""ONNX: one file that onnxruntime and most inference engines read, through jax2onnx."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _directory
from ._export_files import missing
from ._export_signature import Signature
from ._export_sizes import as_described, cannot, open_sizes
from ._export_task import Task

TITLE = "ONNX"


def write_onnx(task: Task, place: pathlib.Path, opset: int = 23) -> tuple[Signature, Callable[[Any], Any]]:
    """Write the file at `place`; returns the signature that it has, and what runs it with onnxruntime."""
    try:
        import jax2onnx
        import onnxruntime
    except ImportError as error:
        raise missing("jax2onnx with onnxruntime", "onnx", 'export(..., format="onnx")') from error

    def make(signature: Signature) -> bytes:
        model = jax2onnx.to_onnx(
            lambda *leaves: _apart(task.run(*leaves), leaves),
            inputs=signature.structs(),
            model_name=str(task.model.name),
            opset=opset,
            input_names=[a.name for a in signature.arguments],
            output_names=task.output_names,
        )
        return model.SerializeToString()

    with _directory.quiet():
        content, signature = open_sizes(task, make, TITLE, as_described)
    place.write_bytes(content)

    def run(leaves: list[np.ndarray]) -> list[Any]:
        feed = {a.name: x for a, x in zip(signature.arguments, leaves, strict=True)}
        try:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3  # errors; not what its optimizer removes
            session = onnxruntime.InferenceSession(str(place), options, providers=["CPUExecutionProvider"])
            return session.run(task.output_names, feed)
        except Exception as error:  # what the converter wrote and the runtime does not know
            raise cannot(task, TITLE, error) from error

    return signature, run


def _apart(outputs: Any, inputs: Any) -> tuple[Any, ...]:
    """Outputs that are values of their own: a graph of ONNX gives one value one name, an input's or an output's."""
    seen = {id(x) for x in inputs}
    found = []
    for x in outputs:
        again = id(x) in seen
        seen.add(id(x))
        found.append((x | False if x.dtype == bool else x * 1) if again else x)
    return tuple(found)
