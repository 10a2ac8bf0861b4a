"""ONNX: one file that onnxruntime and most inference engines read, through jax2onnx."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .._files._export_names import missing
from .._orbax import _directory
from ._signature import Signature, unique
from ._sizes import as_described, open_sizes
from ._task import Task


def write_onnx(task: Task, place: pathlib.Path, opset: int = 23) -> tuple[Signature, Callable[[Any], Any]]:
    """Write the file at `place`; returns the signature that it has, and what runs it with onnxruntime."""
    try:
        import jax2onnx
        import onnxruntime
    except ImportError as error:
        raise missing("jax2onnx with onnxruntime", "onnx", 'export(..., format="onnx")') from error

    # a graph of ONNX has one name for one value, inputs and outputs alike
    inputs = [a.name for a in task.signature.arguments]
    outputs = unique([*inputs, *task.output_names])[len(inputs) :]

    def make(signature: Signature) -> bytes:
        model = jax2onnx.to_onnx(
            lambda *leaves: _apart(task.run(*leaves), leaves),
            inputs=signature.structs(),
            model_name=str(task.model.name),
            opset=opset,
            input_names=inputs,
            output_names=outputs,
        )
        content = model.SerializeToString()
        # what the converter writes and the runtime does not know is found here, where other sizes can be tried
        run(content, jax.tree.leaves(dataclasses.replace(task, signature=signature).example))
        return content

    def run(content: Any, leaves: list[np.ndarray]) -> list[Any]:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what fails is raised; what its optimizer removes is nobody's concern
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return session.run(outputs, dict(zip(inputs, leaves, strict=True)))

    with _directory.quiet():
        content, signature = open_sizes(task, make, "ONNX", as_described)
    place.write_bytes(content)
    return signature, lambda leaves: run(str(place), leaves)


def _apart(outputs: Any, inputs: Any) -> tuple[Any, ...]:
    """Outputs that are values of their own: a graph of ONNX gives one value one name, an input's or an output's."""
    seen = {id(x) for x in inputs}
    found = []
    for x in outputs:
        again = id(x) in seen
        seen.add(id(x))
        found.append((x | False if x.dtype == bool else x * 1) if again else x)
    return tuple(found)
