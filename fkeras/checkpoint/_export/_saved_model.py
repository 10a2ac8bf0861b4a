"""SavedModel, which TensorFlow, TF Serving and TensorFlow.js read, made by JAX's own jax2tf."""

from __future__ import annotations

import functools
import pathlib
import types
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.typing import Array, Config, PyTree
from .._files._export_names import KIND
from .._files._missing_library import missing
from .._files._quiet_loggers import quiet
from .._orbax._manifest import MANIFEST, seal
from ._signature import Argument, Signature
from ._sizes import cannot, open_sizes, with_conditions
from ._task import Run, Task

TITLE = "SavedModel"
PLATFORMS = ("cpu", "cuda", "tpu")


def write_saved_model(task: Task, place: pathlib.Path) -> tuple[Signature, Run]:
    """Write a SavedModel into `place`; returns the signature that it has, and what runs it from there."""
    tf, _ = libraries("tf_saved_model")
    _, signature = open_sizes(task, functools.partial(save, task, place=place), TITLE, with_conditions)
    (place / MANIFEST).write_text(seal(_manifest(task, signature, tf.__version__)))

    def run(leaves: list[np.ndarray]) -> list[np.ndarray]:
        with quiet():
            serve = tf.saved_model.load(str(place)).signatures["serving_default"]
        try:
            outputs = serve(**{a.name: tf.constant(x) for a, x in zip(signature.arguments, leaves, strict=True)})
        except tf.errors.OpError as error:  # the program has an operation of a later StableHLO than this TensorFlow's
            raise cannot(task, TITLE, error) from error
        return [outputs[name].numpy() for name in task.output_names]

    return signature, run


def libraries(format: str) -> tuple[types.ModuleType, types.ModuleType]:
    """TensorFlow and jax2tf.

    Raises:
        ImportError: TensorFlow is not installed; says the line that installs it.
    """
    try:
        import tensorflow as tf
        from jax.experimental import jax2tf
    except ImportError as error:
        raise missing("TensorFlow", "export", f"export(..., format={format!r})") from error
    return tf, jax2tf


def save(task: Task, signature: Signature, place: pathlib.Path, platforms: tuple[str, ...] = PLATFORMS) -> None:
    """Write a SavedModel with the signature `serving_default`; the weights are variables of it."""
    tf, jax2tf = libraries("tf_saved_model")

    def program(weights: Mapping[str, Array], *leaves: Array) -> tuple[Array, ...]:
        return tuple(task.apply(task.with_weights(weights), leaves))

    function = jax2tf.convert(
        program,
        polymorphic_shapes=[None, *(f"({', '.join(map(str, a.dims))})" for a in signature.arguments)],
        polymorphic_constraints=signature.constraints,
        native_serialization_platforms=platforms,
        with_gradient=_has_gradient(program, task, signature),
    )
    module = tf.Module()
    # `params` are trainable for whoever loads the model, as they were here, and no other collection is.
    module.weights = {
        path: tf.Variable(np.asarray(array), trainable=path.startswith("params/"), name=path)
        for path, array in task.weights.items()
    }

    def serve(*leaves: Any) -> dict[str, Any]:  # tensors of TensorFlow
        return dict(zip(task.output_names, function(module.weights, *leaves), strict=True))

    specs = [_spec(tf, a) for a in signature.arguments]
    module.serve = tf.function(serve, autograph=False, input_signature=specs)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    with quiet():
        tf.saved_model.save(module, str(place), signatures={"serving_default": module.serve}, options=options)


def _has_gradient(program: Callable[..., tuple[Array, ...]], task: Task, signature: Signature) -> bool:
    """Whether the program can be differentiated for all the sizes; one without a gradient is better than none."""

    def slope(weights: Mapping[str, Array], *leaves: Array) -> PyTree:
        outputs, back = jax.vjp(program, weights, *leaves)
        return back(jax.tree.map(jnp.zeros_like, outputs))

    weights = {path: jax.ShapeDtypeStruct(a.shape, a.dtype) for path, a in task.weights.items()}
    try:
        jax.eval_shape(slope, weights, *signature.structs())
    except Exception:  # JAX raises many types where a comparison of sizes is inconclusive
        return False
    return True


def _spec(tf: types.ModuleType, argument: Argument) -> Any:
    shape = [d if isinstance(d, int) else None for d in argument.dims]
    return tf.TensorSpec(shape, tf.as_dtype(argument.dtype), name=argument.name)


def _manifest(task: Task, signature: Signature, tensorflow: str) -> Config:
    """The manifest beside the SavedModel, by which a later export over it and `fk.load_exported` know what it is."""
    from ... import __version__

    return {
        "kind": KIND,
        "exported": "tf_saved_model",
        "name": str(task.model.name),
        "inputs": [{"name": a.name, "shape": list(a.dims), "dtype": a.dtype.name} for a in signature.arguments],
        "outputs": [{"name": name} for name in task.output_names],
        "constraints": list(signature.constraints),
        "versions": {"fkeras": __version__, "jax": jax.__version__, "tensorflow": tensorflow},
        "arrays": {},
    }
