"""JaxLayer: a pair of pure functions as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ..core import NON_TRAINABLE, Layer, explain, field, keeps_changes, register
from ..core.typing import Key, PyTree, Training

_CALL = {"params", "state", "rng", "inputs", "training"}
_INIT = {"rng", "inputs", "training"}


def _function(name: str, allowed: set[str]) -> Callable[[Callable[..., PyTree]], Callable[..., PyTree] | None]:
    """A converter: a function whose arguments are among the allowed ones."""

    def convert(value: Callable[..., PyTree] | None) -> Callable[..., PyTree] | None:
        if value is None and name == "init_fn":
            return None
        names = set(inspect.signature(value).parameters) if callable(value) else set()
        if "inputs" not in names or names - allowed:
            raise ValueError(
                explain(
                    f"JaxLayer: `{name}` is a function of `inputs`, and of any of {sorted(allowed - {'inputs'})}.",
                    received=f"{sorted(names)}" if callable(value) else repr(value)[:80],
                    write="def call_fn(params, inputs): ...",
                )
            )
        return value

    return convert


@register("keras.layers")
class JaxLayer(Layer):
    """Pure functions of JAX, from any library, as a layer.

    Args:
        call_fn: the forward pass. It takes any of `params`, `state`, `rng`, `inputs` and `training`, by those names,
            and returns the outputs; or, if it takes `state`, `(outputs, new state)`.
        init_fn: makes the weights from any of `rng`, `inputs` and `training`: `params`, or `(params, state)`.
        params, state: what to start with, instead of `init_fn`.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Raises:
        ValueError: functions of other arguments, or no way to make the weights.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> def call(params, inputs):
    ...     return inputs @ params["w"]
    >>> def init(rng, inputs):
    ...     return {"w": jax.random.normal(rng, (inputs.shape[-1], 2))}
    >>> x = fk.Input((3,))
    >>> model = fk.Model(x, fk.nn.JaxLayer(call, init)(x))
    >>> jax.tree.map(jnp.shape, model.init(jax.random.key(0)))
    {'params': {'jax_layer': {'weights': {'w': (3, 2)}}}}

    Reference: https://keras.io/api/layers/backend_specific_layers/jax_layer/
    """

    call_fn: Callable[..., PyTree] = field(convert=_function("call_fn", _CALL))
    init_fn: Callable[..., PyTree] | None = field(None, convert=_function("init_fn", _INIT))
    params: PyTree = None
    state: PyTree = None
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        needs = {"params", "state"} & set(inspect.signature(self.call_fn).parameters)
        if needs and self.init_fn is None and self.params is None and self.state is None:
            raise ValueError(
                explain(
                    "JaxLayer: `call_fn` takes weights, and nothing says how they begin.",
                    received=f"call_fn takes {sorted(needs)}",
                    write="JaxLayer(call_fn, init_fn), or params=...",
                )
            )

    def call(self, inputs: PyTree, training: Training = False) -> PyTree:
        names = list(inspect.signature(self.call_fn).parameters)
        given: dict[str, PyTree] = {"inputs": inputs, "training": training}
        if "params" in names:
            given["params"] = self.param("weights", lambda key: self._start(key, inputs)[0])
        kept = None
        if "state" in names:
            kept = self.variable(NON_TRAINABLE, "state", lambda: self._start(self.make_rng("params"), inputs)[1])
            given["state"] = kept.value
        if "rng" in names:
            given["rng"] = self.make_rng("dropout") if training else None
        result = self.call_fn(*(given[name] for name in names))
        if kept is None:
            return result
        outputs, state = result
        if keeps_changes(self, NON_TRAINABLE):
            kept.value = state
        return outputs

    def _start(self, key: Key, inputs: PyTree) -> tuple[PyTree, PyTree]:
        """The weights and the state at the beginning."""
        if self.params is not None or self.state is not None or self.init_fn is None:
            return jax.tree.map(jnp.asarray, (self.params, self.state))
        given = {"rng": key, "inputs": inputs, "training": True}
        start = self.init_fn(*(given[name] for name in inspect.signature(self.init_fn).parameters))
        return start if "state" in inspect.signature(self.call_fn).parameters else (start, None)
