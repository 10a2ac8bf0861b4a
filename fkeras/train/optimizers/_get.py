"""From a name, a config or a dict of path rules to an optimizer, and back."""

from __future__ import annotations

from collections.abc import Mapping

import optax

from ...core import deserialize as _deserialize
from ...core import did_you_mean, explain, nearest, registered
from ...core.typing import CustomObjects, Spec
from ._base import MODULE, Optimizer
from ._by_path import by_path


def deserialize(
    config: Mapping[str, object], custom_objects: CustomObjects | None = None
) -> optax.GradientTransformation:
    """The optimizer that `serialize`, or Keras, described.

    Args:
        config: `{"class_name": …, "config": {…}}`; the class name of a built-in in any case.
        custom_objects: the user's own classes by name.

    Returns:
        An `Optimizer`, or one of the transformations that wrap optimizers.

    Raises:
        ValueError: an unknown class.
    """
    name = config.get("class_name")
    if isinstance(name, str) and name not in (custom_objects or {}):
        config = {"config": {}, **config, "class_name": _any_case().get(name.lower(), name)}
    return _deserialize(config, custom_objects, (MODULE,))


def get(
    identifier: Spec | optax.GradientTransformation, custom_objects: CustomObjects | None = None
) -> optax.GradientTransformation | None:
    """An optimizer from whatever names one.

    Args:
        identifier: a Keras name in any case (`"adam"`), a config dict, a dict `{path regex: identifier}` (see
            `by_path`), an `Optimizer`, a class of it, or any optax transformation (returned as it is).
        custom_objects: the user's own classes by name.

    Returns:
        An optax transformation, or `None` for `None`.

    Raises:
        ValueError: an unknown name, or something that is no optimizer.

    >>> get("RMSProp")
    RMSprop(learning_rate=0.001)
    """
    if identifier is None or isinstance(identifier, optax.GradientTransformation):
        return identifier
    if isinstance(identifier, Mapping):
        if "class_name" in identifier:
            return deserialize(identifier, custom_objects)
        return by_path({pattern: get(rule, custom_objects) for pattern, rule in identifier.items()})
    if isinstance(identifier, str):
        choices = {**registered(MODULE), **(custom_objects or {})}
        name = identifier if identifier in choices else _any_case().get(identifier.lower())
        if name is None:
            near = nearest(identifier, [*choices, *_any_case()])
            raise ValueError(
                explain(
                    f"Unknown optimizer {identifier!r}.",
                    received=repr(identifier),
                    usually=did_you_mean(identifier, [*choices, *_any_case()]),
                    write=f"{near[0]!r}, or any optax transformation"
                    if near
                    else "fk.optimizers.<Name>(...), or any optax transformation",
                )
            )
        identifier = choices[name]
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    if callable(getattr(identifier, "init", None)) and callable(getattr(identifier, "update", None)):
        return identifier
    raise ValueError(
        explain(
            f"Cannot make an optimizer from a {type(identifier).__name__}.",
            received=repr(identifier)[:80],
            write='"adam", fk.optimizers.Adam(1e-3), or optax.adam(1e-3)',
        )
    )


def _any_case() -> dict[str, str]:
    return {name.lower(): name for name in registered(MODULE)}
