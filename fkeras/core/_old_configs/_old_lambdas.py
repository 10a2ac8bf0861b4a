"""`Lambda` layers of Keras 1 and 2: their functions are the user's or a refusal, and never code of a file."""

from __future__ import annotations

from collections.abc import Collection

from .._words._errors import explain
from ..typing import Config

# What says which function it is; the rest of the config is the layer's own.
_OF_THE_FUNCTION = (
    "function",
    "function_type",
    "module",
    "output_shape_type",
    "output_shape_module",
    "mask_type",
    "mask_module",
)


def lambda_config(config: Config, own: Collection[str]) -> Config:
    """The config of a `Lambda` whose function the user gives by the function's name, or by the layer's.

    Args:
        config: the layer's config.
        own: the names of what the user gives.

    Returns:
        The config, in Keras 3's form.

    Raises:
        ValueError: the function is bytecode, or has a name that the user does not give.
    """
    name, function = config.get("name"), config.get("function")
    kept = {k: v for k, v in config.items() if k not in (*_OF_THE_FUNCTION, "output_shape", "batch_input_shape")}
    if kept.get("arguments") is None:
        kept["arguments"] = {}
    kind = config.get("function_type", "lambda")
    given = name if isinstance(name, str) and name in own else function if kind == "function" else None
    if isinstance(given, str) and given in own:
        return {**kept, "function": {"class_name": "function", "config": given, "registered_name": given}}
    raise ValueError(
        explain(
            f"The layer {str(name)[:80]!r} is a Lambda, whose function is not in the file as anything but code.",
            received=f"the name {function!r:.80}" if kind == "function" else "bytecode, which fkeras never runs",
            usually="Keras 2 writes the bytecode of a lambda, and of a function its name.",
            write=f"fk.load_model(path, custom_objects={{{str(name)[:80]!r}: the_function}})   # by the layer's name",
        )
    )
