"""An optimizer as Keras's JSON."""

from __future__ import annotations

from ...core import explain, serialize_object
from ...core.typing import Config


def serialize(optimizer: object) -> Config:
    """The optimizer as Keras's JSON form.

    Args:
        optimizer: an `Optimizer`; other optax transformations are closures and have no config.

    Returns:
        `{"module", "class_name", "config", "registered_name"}`.

    Raises:
        TypeError: an object without `get_config`.

    >>> from fkeras.train.optimizers import Adam
    >>> serialize(Adam())["class_name"]
    'Adam'
    """
    if not hasattr(optimizer, "get_config"):
        raise TypeError(
            explain(
                f"A {type(optimizer).__name__} cannot be written to a config.",
                received=repr(optimizer)[:80],
                usually="it is an optax transformation: two closures, which know nothing of their arguments.",
                write="an optimizer of fk.optimizers where one is to be saved by its config",
            )
        )
    return serialize_object(optimizer)
