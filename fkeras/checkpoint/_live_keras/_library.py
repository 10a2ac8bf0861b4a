"""Real Keras, imported where a model of it is handed over, and what is said where it cannot be used."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Protocol

from ...core import explain
from ...core.typing import PyTree


class LiveObject(Protocol):
    """A layer, model, variable, optimizer, loss or metric of Keras's, whose types nothing here imports."""

    name: str

    def __getattr__(self, name: str) -> Any: ...

    def __call__(self, *args: PyTree, **kwargs: PyTree) -> PyTree: ...


#: How Keras is installed.
_INSTALL = "pip install keras"
#: How it runs on JAX.
_ON_JAX = (
    'KERAS_BACKEND=jax python script.py   # or os.environ["KERAS_BACKEND"] = "jax" before the first import of keras'
)


def keras_library(what: str) -> ModuleType:
    """The module `keras`, of version 3 and on the JAX backend.

    Args:
        what: the function that needs it.

    Raises:
        ImportError: it is not installed, or what it runs on is not.
        RuntimeError: it is an older one, or runs on another backend.
    """
    try:
        import keras
    except ImportError as error:
        if (error.name or "keras").partition(".")[0] != "keras":  # Keras is there, and what it runs on is not
            raise ImportError(
                explain(
                    f"{what} needs Keras on JAX, and Keras could not be imported.",
                    received=str(error),
                    usually="KERAS_BACKEND is not set, so that Keras takes TensorFlow, which is not installed here.",
                    write=_ON_JAX,
                )
            ) from None
        raise ImportError(
            explain(
                f"{what} needs Keras, which is not installed here.",
                usually="fkeras itself needs no Keras; only a live model of it does.",
                write=_INSTALL,
            )
        ) from None
    version = str(getattr(keras, "__version__", "2"))
    if int(version.partition(".")[0]) < 3:
        raise RuntimeError(
            explain(
                f"{what} works with Keras 3.",
                received=f"Keras {version}",
                usually="an older TensorFlow, which brings its own Keras along.",
                write='pip install "keras>=3"   # or in Keras 2: model.save("model.h5"), and here fk.load_model',
            )
        )
    backend = keras.backend.backend()
    if backend != "jax":
        raise RuntimeError(
            explain(
                f"{what} works where Keras runs on JAX, so that its layers can be traced.",
                received=f"keras.backend.backend() == {backend!r}",
                usually="Keras takes TensorFlow where nothing says otherwise, and settles it when it is imported.",
                write=_ON_JAX,
            )
        )
    return keras


def as_arrays(keras: ModuleType, outputs: PyTree) -> PyTree:
    """What Keras's code returned, with the arrays of the variables among it; inside a scope, those of the scope."""
    return keras.tree.map_structure(lambda x: x.value if isinstance(x, keras.Variable) else x, outputs)


def checked_layer(value: LiveObject, what: str) -> LiveObject:
    """A layer or model of Keras 3, or words for what arrived instead.

    Args:
        value: what was handed over.
        what: the function that took it.

    Raises:
        TypeError: it is of fkeras, of Keras 2, or no layer at all.
        ImportError, RuntimeError: see `keras_library`.
    """
    homes = {cls.__module__.partition(".")[0] for cls in type(value).__mro__}
    older = homes & {"tf_keras"} or any(
        cls.__module__.startswith("tensorflow.python.keras") for cls in type(value).__mro__
    )
    if older:
        raise TypeError(_of_keras_2(value, what))
    if "fkeras" in homes or not homes & {"keras"}:
        raise TypeError(
            explain(
                f"{what} takes a model or a layer of Keras.",
                received=f"a {type(value).__name__} of {type(value).__module__}",
                usually="the model is fkeras's already."
                if "fkeras" in homes
                else "the class, or its weights, was passed.",
                write="model, variables = fk.from_keras(keras_model)",
            )
        )
    keras = keras_library(what)
    if not isinstance(value, keras.layers.Layer):
        if _is_from(value, "keras.engine"):
            raise TypeError(_of_keras_2(value, what))
        raise TypeError(
            explain(
                f"{what} takes a model or a layer of Keras.",
                received=f"a {type(value).__name__} of {type(value).__module__}",
                write="model, variables = fk.from_keras(keras_model)",
            )
        )
    return value


def _is_from(value: object, module: str) -> bool:
    return any(cls.__module__.startswith(module) for cls in type(value).__mro__)


def _of_keras_2(value: object, what: str) -> str:
    return explain(
        f"{what} takes models of Keras 3.",
        received=f"a {type(value).__name__} of {type(value).__module__}, which is Keras 2",
        usually="tf.keras under TF_USE_LEGACY_KERAS, or an older TensorFlow.",
        write='keras_model.save("model.h5"), and model, variables = fk.load_model("model.h5")',
    )
