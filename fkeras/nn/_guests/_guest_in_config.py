"""The config of a layer around a guest: its module as JSON, and the module of that JSON again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flax import linen

from ...core import Layer, explain
from ...core.typing import Config, CustomObjects


def config_of_guest(layer: Layer, module: linen.Module) -> Config:
    """A layer's config, with its module as JSON and without the values that it starts with.

    Args:
        layer: the layer.
        module: its guest.

    Raises:
        TypeError: a guest that has no config.
    """
    from ._guest_config import Said, written  # what loads flax.nnx

    try:
        record = written(module)
    except (TypeError, ValueError) as error:
        library = "Equinox" if type(layer).__name__ == "EquinoxLayer" else "Flax"
        raise TypeError(
            explain(
                f"{layer.path_text()} wraps a module of {library} that has no config: {str(error).splitlines()[0]}.",
                received=" ".join(repr(module).split())[:80],
                usually="a model of it is saved or written as JSON.",
                write='model.save_weights("name", variables), or trainer.save("run", state), which need no config; '
                f"or fk.nn.{type(layer).__name__}(TheClass, args=(3, 4)), whose arguments are its config",
            )
        ) from None
    without = {"variables_given": None} if "variables_given" in type(layer).__dataclass_fields__ else {}
    config = Layer.get_config(layer.clone(parent=None, name=layer.name, module=Said(record, parent=None), **without))
    return {name: value for name, value in config.items() if name not in without}


def with_guest(config: Mapping[str, Any], custom_objects: CustomObjects | None) -> Config:
    """A config with the module that it describes.

    Raises:
        ValueError: a class that nobody knows, or a module that cannot be made of its arguments.
    """
    from ._guest_config import read

    module = config.get("module")
    return {**config, "module": module if isinstance(module, linen.Module) else read(module, custom_objects)}
