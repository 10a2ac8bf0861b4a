"""Axis names that a module's layers reduce over, bound to the whole batch where no `pmap` or `shard_map` binds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
from flax import linen

T = TypeVar("T")


def with_axes_of(model: linen.Module, args: tuple[Any, ...], mode: Mapping[str, Any], run: Callable[[], T]) -> T:
    """`run()`; where it fails for want of an axis name, `run()` with the axis names of the model's layers bound.

    `linen.BatchNorm(axis_name="batch")` takes its statistics over the devices of a `pmap`. Here one program sees the
    whole batch, on however many devices it lies, so that such an axis has one entry, and the statistics are those of
    the batch.

    Args:
        model: the module.
        args: its inputs, or their shapes.
        mode: its keyword arguments.
        run: a pure function without arguments that runs the module.

    Raises:
        NameError: an axis that is no layer's `axis_name`.
    """
    try:
        return run()
    except NameError:
        names = _axis_names(model, args, mode)
        if not names:
            raise
    for name in names:
        run = jax.vmap(run, in_axes=(), out_axes=None, axis_name=name, axis_size=1)
    return run()


def _axis_names(model: linen.Module, args: tuple[Any, ...], mode: Mapping[str, Any]) -> list[str]:
    """The axis names of each layer that has some; `init`, which reduces over no axis, runs them all."""
    names: dict[str, None] = {}

    def look(run: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        for field in ("axis_name", "synchronized"):  # Linen's word and ours
            found = getattr(context.module, field, None)
            names.update(
                dict.fromkeys((found,) if isinstance(found, str) else found if isinstance(found, tuple) else ())
            )
        return run(*args, **kwargs)

    def init(key: jax.Array, args: tuple[Any, ...]) -> Any:
        return model.init({"params": key, "dropout": key}, *args, mutable=True, **mode)

    with linen.intercept_methods(look):
        jax.eval_shape(init, jax.eval_shape(lambda: jax.random.key(0)), args)
    return list(names)
