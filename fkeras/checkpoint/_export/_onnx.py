"""ONNX: one file that onnxruntime and most inference engines read, through jax2onnx."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable

import jax
import numpy as np

from ...core.typing import Array
from .._files._missing_library import missing
from .._files._quiet_loggers import quiet
from ._signature import Signature, unique
from ._sizes import as_described, open_sizes
from ._task import Run, Task


def write_onnx(task: Task, place: pathlib.Path, opset: int = 23) -> tuple[Signature, Run]:
    """Write the file at `place`; returns the signature that it has, and what runs it with onnxruntime."""
    try:
        import jax2onnx
        import onnxruntime
    except ImportError as error:
        raise missing("jax2onnx with onnxruntime", "onnx", 'export(..., format="onnx")') from error

    # in a graph of ONNX no output may have the name of an input
    inputs = [a.name for a in task.signature.arguments]
    outputs = unique([*inputs, *task.output_names])[len(inputs) :]

    def make(signature: Signature) -> bytes:
        model = jax2onnx.to_onnx(
            lambda *leaves: _distinct(task.run(*leaves), leaves),
            inputs=signature.structs(),
            model_name=str(task.model.name),
            opset=opset,
            input_names=inputs,
            output_names=outputs,
        )
        content = model.SerializeToString()
        # run it here, where other sizes can be tried if the runtime lacks an operation that the converter wrote
        run(content, jax.tree.leaves(dataclasses.replace(task, signature=signature).example))
        return content

    def run(content: bytes | str, leaves: list[np.ndarray]) -> list[np.ndarray]:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are raised; warnings of its optimizer do not concern the user
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return session.run(outputs, dict(zip(inputs, leaves, strict=True)))

    with quiet():
        content, signature = open_sizes(task, make, "ONNX", as_described)
    place.write_bytes(content)
    return signature, lambda leaves: run(str(place), leaves)


def _distinct(outputs: Iterable[Array], inputs: Iterable[Array]) -> tuple[Array, ...]:
    """The outputs, copied where one is an input or another output: a value of ONNX has one name only."""
    seen = {id(x) for x in inputs}
    distinct = []
    for x in outputs:
        again = id(x) in seen
        seen.add(id(x))
        distinct.append((x | False if x.dtype == bool else x * 1) if again else x)
    return tuple(distinct)
