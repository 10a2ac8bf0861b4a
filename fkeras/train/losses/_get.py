"""Losses by name, config or function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from ...core import TORCH_LOSS, address_of, explain, keyword_texts, register, registered, torch_loss
from ...core import get as get_object
from ...core import serialize as serialize_value
from ...core.typing import JSON, Config, CustomObjects, PyTree, Spec
from ._base import SUM_OVER_BATCH_SIZE, Loss
from ._frozen import DTypeSpec, Frozen, set_fields
from ._inputs import MODULE, is_by_row, match_ranks
from ._probabilistic import crossentropy


@register("keras.src.losses.losses")  # the address that Keras writes for it
class LossFunctionWrapper(Loss):
    """A function `(y_true, y_pred, **kwargs)` as a loss.

    Args:
        fn: the function; returns one value for each sample, or one number for the batch.
        reduction, name, dtype: see `Loss`; named after the function by default.
        **kwargs: further arguments of the function.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.losses.get(lambda y, p: jnp.abs(y - p))(jnp.zeros(2), jnp.ones(2))
    Array(1., dtype=float32)
    """

    fn: Callable[..., jax.Array]
    kwargs: Mapping[str, Any]

    def __init__(
        self,
        fn: Callable[..., jax.Array],
        reduction: str | None = SUM_OVER_BATCH_SIZE,
        name: str | None = None,
        dtype: DTypeSpec = None,
        **kwargs: Any,
    ) -> None:
        set_fields(self, fn=fn, kwargs=kwargs)
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)

    @property
    def _casts_targets(self) -> bool:  # type: ignore[override]
        return address_of(self.fn) is None and self.fn is not crossentropy

    def call(self, y_true: PyTree, y_pred: PyTree) -> jax.Array:
        leaves = jax.tree.leaves((y_true, y_pred))
        if len(leaves) == 2 and leaves[0] is y_true and leaves[1] is y_pred:
            y_true, y_pred = match_ranks(y_true, y_pred)
        return self.fn(y_true, y_pred, **self.kwargs)

    def _formula(self) -> Callable[..., jax.Array]:
        return self.fn

    @property
    def by_row(self) -> bool:
        return is_by_row(self.fn) or self.fn is crossentropy

    def get_config(self) -> Config:
        return {**super().get_config(), "fn": function_config(self.fn), **serialize_value(dict(self.kwargs))}

    def __repr__(self) -> str:
        reduction = [] if self.reduction == "sum_over_batch_size" else [("reduction", self.reduction)]
        return f"LossFunctionWrapper({', '.join([str(self.name), *keyword_texts([*reduction, *self.kwargs.items()])])})"


def function_config(fn: Callable[..., object]) -> JSON:
    """Keras's record of a function in a config: its name, for Keras to look up."""
    config = serialize_value(fn)
    if isinstance(config, str):
        return {"module": "builtins", "class_name": "function", "config": config, "registered_name": "function"}
    return config


def get(identifier: Spec, custom_objects: CustomObjects | None = None) -> Loss | None:
    """A loss from a name, a config, a function, a class or a loss; `None` for `None`.

    `"crossentropy"` and `"ce"` are binary, sparse or categorical by the shapes they meet.

    Args:
        identifier: what `compile(loss=...)` may be given for one output.
        custom_objects: the user's own classes and functions by name.

    Returns:
        A `Loss`.

    Raises:
        ValueError: an unknown name, or something that is no loss.

    >>> import fkeras as fk
    >>> fk.losses.get("mse").name, fk.losses.get("Huber").delta
    ('mean_squared_error', 1.0)

    Unlike Keras, the name of a function gives a loss that reduces (its `fn` is the function); `deserialize` gives
    the function itself.
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        return LossFunctionWrapper(crossentropy, name=identifier)
    is_known = not isinstance(identifier, str) or identifier in {**registered(MODULE), **(custom_objects or {})}
    write = None if is_known else torch_loss(str(identifier))
    if write is not None:
        raise ValueError(
            explain(f"There is no loss {identifier!r}.", received=repr(identifier), usually=TORCH_LOSS, write=write)
        )
    result = get_object(MODULE, identifier, custom_objects)
    if result is None or isinstance(result, Loss):
        return result
    if not callable(result) or isinstance(result, Frozen):
        write = 'loss="mse", or a function (y_true, y_pred)'
        raise ValueError(explain("This is no loss.", received=repr(result)[:80], write=write))
    _check_order(result)
    return LossFunctionWrapper(result)


def _check_order(fn: Callable[..., object]) -> None:
    """Refuse a function of optax, all of which take predictions first: called as Keras calls it, many give a number."""
    if getattr(fn, "__module__", "").partition(".")[0] == "optax":
        name = getattr(fn, "__name__", "loss")
        raise ValueError(
            explain(
                f"optax's {name} takes predictions first and targets second; a loss here takes targets first.",
                received=f"loss=optax.{name}",
                usually="a loss of optax handed over as it is.",
                write=f"loss=lambda y_true, y_pred: optax.{name}(y_pred, y_true)",
            )
        )


def serialize(loss: Loss | Callable[..., jax.Array]) -> JSON:
    """A loss as Keras's config; a function, wrapped or not, as its name.

    >>> import fkeras as fk
    >>> fk.losses.serialize(fk.losses.Hinge())["config"], fk.losses.serialize(fk.losses.get("mse"))
    ({'name': 'hinge', 'reduction': 'sum_over_batch_size'}, 'mean_squared_error')
    """
    if isinstance(loss, LossFunctionWrapper) and loss.fn is crossentropy:
        return "crossentropy"
    if isinstance(loss, LossFunctionWrapper) and loss == LossFunctionWrapper(loss.fn):
        return serialize_value(loss.fn)
    return serialize_value(loss)


def deserialize(name: Spec, custom_objects: CustomObjects | None = None) -> Loss | Callable[..., jax.Array] | None:
    """The loss that a config describes, or the function that a name names.

    >>> import fkeras as fk
    >>> fk.losses.deserialize("mse").__name__
    'mean_squared_error'
    """
    return get_object(MODULE, name, custom_objects)


def is_known(loss: object) -> bool:
    """Whether a loss is one of fkeras's own that treats each row by itself, so that rows may be added and dropped."""
    own = isinstance(loss, LossFunctionWrapper) or address_of(type(loss)) is not None
    return own and loss.by_row  # type: ignore[attr-defined]
