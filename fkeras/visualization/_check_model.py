"""What a picture is drawn of: a model or a layer; what else may come is answered in words."""

from __future__ import annotations

from ..core import Layer, explain


def check_model(given: object, owner: str) -> Layer:
    """A model or a layer.

    Raises:
        TypeError: something else.
    """
    if isinstance(given, Layer):
        return given
    module = type(given).__module__.partition(".")[0]
    usually, write = "a picture is drawn of a model or of a layer.", f"fk.{owner}(model)"
    if isinstance(getattr(given, "model", None), Layer):
        usually, write = "a trainer holds its model.", f"fk.{owner}(trainer.model)"
    elif isinstance(given, type):
        usually, write = "the class stands where one of its models is meant.", f"fk.{owner}({given.__name__}(...))"
    elif _is_guest(given):
        usually = "a module of another library is one box of a model; what it calls is not recorded."
        layer = (
            "EquinoxLayer" if any(cls.__module__.startswith("equinox") for cls in type(given).__mro__) else "FlaxLayer"
        )
        write = f"fk.{owner}(fk.Model(inputs, fk.nn.{layer}(module)(inputs)))"
    elif module == "keras":
        usually, write = "it is a model of Keras's.", f"model, variables = fk.from_keras(model); fk.{owner}(model)"
    elif isinstance(given, dict):
        usually = "these are variables; a picture shows the model that they belong to."
    raise TypeError(
        explain(
            f"{owner} draws a model.",
            received=f"a {type(given).__name__}" if not isinstance(given, type) else f"the class {given.__name__}",
            usually=usually,
            write=write,
        )
    )


def _is_guest(given: object) -> bool:
    """Whether a value is a module of Linen, NNX or Equinox."""
    return any(cls.__module__.partition(".")[0] in ("flax", "equinox") for cls in type(given).__mro__)
