"""`export`: a format by its name, each program run and compared with the model before it is put in its place."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ...core import Layer, Model, as_path, check_variables, did_you_mean, explain, walk
from ...core.typing import Array, FilePath, PyTree, VariablesLike
from .._files._atomic_file import whole_file
from .._orbax._whole_directory import whole_directory
from ._litert import write_litert
from ._onnx import write_onnx
from ._saved_model import write_saved_model
from ._signature import Signature
from ._signature_of import signature_of
from ._stablehlo import write_stablehlo
from ._task import Run, Task
from ._verify import verify as verify_program


@dataclasses.dataclass(frozen=True)
class _Format:
    """A format that `export` writes.

    Attributes:
        title: how messages call it.
        write: `(task, place, **options) -> (signature, run)`; writes, and returns the sizes that it allows and
            what runs it on arrays.
        place: `(path, overwrite) -> context` in which to write, moved to its place when it is whole.
        suffix: of the file; "" for a directory.
    """

    title: str
    write: Callable[..., tuple[Signature, Run]]
    place: Callable[[FilePath, bool], contextlib.AbstractContextManager[pathlib.Path]]
    suffix: str = ""


_FORMATS = {
    "stablehlo": _Format("StableHLO", write_stablehlo, whole_directory),
    "tf_saved_model": _Format("SavedModel", write_saved_model, whole_directory),
    "onnx": _Format("ONNX", write_onnx, whole_file, ".onnx"),
    "litert": _Format("LiteRT", write_litert, whole_file, ".tflite"),
}


def export(
    model: Model,
    filepath: FilePath,
    variables: VariablesLike,
    format: str = "stablehlo",
    input_signature: PyTree = None,
    verify: bool = True,
    overwrite: bool = True,
    **options: Any,
) -> None:
    """Write a model as a program that runs without fkeras, for inference.

    What was written is run on a random batch and compared with `model.apply` before it is put in its place.

    Args:
        model: the model.
        filepath: the directory (`"stablehlo"`, `"tf_saved_model"`) or file (`"onnx"`, `"litert"`) to make.
        variables: the model's variables, or the state of a run.
        format: `"stablehlo"` (read by JAX alone), `"tf_saved_model"` (TensorFlow), `"onnx"` (ONNX runtimes), or
            `"litert"` (phones and small devices).
        input_signature: shapes to use in place of those of the model's `Input`s, in their structure or by their
            names: `fk.Input(...)`, `fk.nn.InputSpec`, `jax.ShapeDtypeStruct` or shapes such as `(None, 64, 64, 3)`.
            `None` is a dimension that may vary. Needed for a model without a graph.
        verify: whether to run and compare.
        overwrite: whether an export that is already there may be replaced.
        **options: of `"stablehlo"`: `weights="embedded" | "separate"` (in the program, or a safetensors file beside
            it), `vjp_order=1` (can be differentiated), `platforms=("cpu", "cuda", "tpu")`; of `"onnx"`: `opset=23`.

    Raises:
        ImportError: a library that the format needs is not installed; says the line that installs it.
        ValueError: an unknown format or option, variables that are not the model's, sizes that the program cannot
            leave open (says how to give them), or layers that the format cannot express.
        RuntimeError: what was written computes something else than the model.
        FileExistsError: something else is at `filepath`, or `overwrite` is false.

    >>> import fkeras as fk, jax, json, pathlib, tempfile
    >>> model = fk.Sequential([fk.Input((8,), name="x"), fk.nn.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as place:
    ...     model.export(f"{place}/program", model.init(jax.random.key(0)), vjp_order=1)
    ...     manifest = json.loads(pathlib.Path(place, "program", "fkeras.json").read_text())
    ...     slope = jax.grad(lambda x: fk.load_exported(f"{place}/program")(x).sum())(jax.numpy.ones((1, 8)))
    >>> manifest["inputs"], manifest["platforms"], slope.shape
    ([{'name': 'x', 'shape': ['batch', 8], 'dtype': 'float32'}], ['cpu', 'cuda', 'tpu'], (1, 8))

    Reference: https://keras.io/api/models/model_saving_apis/export/
    Unlike Keras the default format needs no TensorFlow, and every format is checked.
    """
    form = _look_up(format)
    _check_options(form, format, options)
    filepath = as_path(filepath, "model.export", '"program"')
    _check_suffix(filepath, form, format)
    variables = check_variables(model, variables, "export")
    task = Task(on_any_device(model), jax.tree.map(_on_one_device, variables), signature_of(model, input_signature))
    with form.place(filepath, overwrite) as place:
        signature, run = form.write(task, place, **options)
        if verify:
            verify_program(dataclasses.replace(task, signature=signature), run, form.title)


def on_any_device(model: Model) -> Model:
    """A model that takes no kernel of one kind of device: JAX lowers no program with one for several kinds."""
    if not any(_kernels(layer) for _, layer in walk(model)):
        return model
    return model.map_layers(lambda a: a.replace(**_kernels(a)) if _kernels(a) else a)


def _kernels(layer: Layer) -> dict[str, bool]:
    """The arguments by which a layer takes kernels, turned off; nothing of one that takes none."""
    return {name: False for name in ("flash_attention", "use_cudnn") if getattr(layer, name, False) is not False}


def _on_one_device(array: Array) -> Array:
    """An array on one device: a program is exported for one, however many the model was trained on."""
    spread = isinstance(array, jax.Array) and len(array.sharding.device_set) > 1
    return jnp.asarray(jax.device_get(array)) if spread else array


def _look_up(format: object) -> _Format:
    if not isinstance(format, str) or format not in _FORMATS:
        raise ValueError(
            explain(
                f"Unknown export format {format!r}.",
                received=repr(format),
                usually=did_you_mean(format, _FORMATS),
                write='model.export(path, variables, format="stablehlo")',
            )
        )
    return _FORMATS[format]


def _check_options(form: _Format, format: str, options: Mapping[str, object]) -> None:
    allowed = list(inspect.signature(form.write).parameters)[2:]
    for name in options:
        if name not in allowed:
            raise ValueError(
                explain(
                    f"The export format {format!r} has no option {name!r}.",
                    received=f"{name}={options[name]!r}",
                    usually=did_you_mean(name, allowed) if allowed else "it has none.",
                    write=f"model.export(path, variables, format={format!r})",
                )
            )


def _check_suffix(filepath: FilePath, form: _Format, format: str) -> None:
    """Refuse a name that says another format."""
    suffix = pathlib.Path(os.fspath(filepath)).suffix
    named = {f.suffix: name for name, f in _FORMATS.items() if f.suffix}
    named |= {".keras": "", ".h5": "", ".safetensors": ""}
    if suffix in named and suffix != form.suffix:
        other = named[suffix]
        raise ValueError(
            explain(
                f"{form.title} would be written under the name of a {suffix} file.",
                received=f"{os.fspath(filepath)!r}, format={format!r}",
                usually="format= is missing." if other else "`save` was meant.",
                write=f"model.export(path, variables, format={other!r})" if other else "model.save(path, variables)",
            )
        )
