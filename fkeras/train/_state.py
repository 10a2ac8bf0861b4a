"""TrainState: everything a run is, as one pytree."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import serialization

from ..core import as_key, explain
from ._running_sums import RunningSums


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["step", "params", "model_state", "opt_state", "metrics", "rng_data"],
    meta_fields=["rng_impl", "example_spec"],
)
@dataclasses.dataclass(frozen=True, eq=False)
class TrainState:
    """The state of a run; a step takes one and returns the next.

    Attributes:
        step: int32, how many steps were made; the run's only position counter.
        params: the weights that training may move.
        model_state: every other collection of the model (`batch_stats`, …).
        opt_state: the optimizer's state, over the weights that do move.
        metrics: the running sums of loss and metrics since the epoch began.
        rng_data: the numbers of the run's key, which is a plain array in the pytree: JAX's fast path for calls of a
            compiled function does not know typed keys, and took a quarter longer for a tiny model's step.
        rng_impl: the kind of the key; part of the pytree's structure.
        example_spec: the shapes and dtypes of the example input that the state was made from, where the model does not
            know its input's shape; part of the pytree's structure. `state.example` has them as a pytree.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> state = trainer.init(0)
    >>> state.step, sorted(state.variables)
    (Array(0, dtype=int32), ['params'])
    """

    step: jax.Array
    params: Any
    model_state: Any
    opt_state: Any
    metrics: Any
    rng_data: Any
    rng_impl: Any
    example_spec: Any = None

    @property
    def example(self) -> Any:
        """Shapes and dtypes of the example input that the state was made from; `None` where there was none."""
        if self.example_spec is None:
            return None
        treedef, leaves = self.example_spec
        return jax.tree.unflatten(treedef, leaves)

    @property
    def rng(self) -> Any:
        """The run's key, a typed one that never advances: step `n` uses `fold_in(rng, n)`."""
        return None if self.rng_data is None else jax.random.wrap_key_data(self.rng_data, impl=self.rng_impl)

    @property
    def variables(self) -> dict[str, Any]:
        """What `model.apply` takes: `{"params": …, "batch_stats": …}`."""
        return {"params": self.params, **self.model_state}

    def replace(self, **changes: Any) -> TrainState:
        """The state with some parts changed; `rng=` takes a key or a seed."""
        if "rng" in changes:
            changes |= key_parts(changes.pop("rng"))
        return dataclasses.replace(self, **changes)

    def tree(self) -> dict[str, Any]:
        """The state's arrays as plain dicts, the key a typed one: which is how files keep it."""
        sums = self.metrics.tree() if isinstance(self.metrics, RunningSums) else self.metrics
        apart = ("rng_data", "rng_impl", "example_spec")
        named = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in apart}
        return {**named, "metrics": sums, "rng": self.rng}

    @classmethod
    def of(cls, tree: Mapping[str, Any], example: Any = None) -> TrainState:
        """The state of what `tree` returned, made from an `example` of these shapes."""
        rest = {name: part for name, part in tree.items() if name != "rng"}
        sums = tree["metrics"]
        rest["metrics"] = RunningSums.of(sums) if isinstance(sums, Mapping) else sums
        return cls(**rest, **key_parts(tree["rng"]), example_spec=spec_of(example))

    def with_variables(self, variables: Any) -> TrainState:
        """The state with other weights and collections."""
        rest = {k: v for k, v in variables.items() if k != "params"}
        return self.replace(params=variables["params"], model_state={**self.model_state, **rest})


def spec_of(example: Any) -> Any:
    """An example input as a hashable record of its structure, shapes and dtypes; `None` of none.

    >>> import numpy as np
    >>> spec_of(np.zeros((8, 3), "float32"))
    (PyTreeDef(*), (ShapeDtypeStruct(shape=(8, 3), dtype=float32),))
    """
    if example is None:
        return None
    leaves, treedef = jax.tree.flatten(example)
    return treedef, tuple(jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)


def key_parts(key: Any) -> dict[str, Any]:
    """A key as the two fields of a state that hold it."""
    if key is None:
        return {"rng_data": None, "rng_impl": None}
    key = as_key(key)
    return {"rng_data": jax.random.key_data(key), "rng_impl": jax.random.key_impl(key)}


def _to_state_dict(state: TrainState) -> Any:
    return serialization.to_state_dict({**state.tree(), "rng": state.rng_data})


def _from_state_dict(state: TrainState, saved: dict[str, Any]) -> TrainState:
    tree = serialization.from_state_dict({**state.tree(), "rng": state.rng_data}, saved)
    key = jax.random.wrap_key_data(tree["rng"], impl=state.rng_impl)
    return TrainState.of({**tree, "rng": key}, state.example)


# so that flax.serialization.to_bytes and from_bytes know a state, as they know Flax's own
serialization.register_serialization_state(TrainState, _to_state_dict, _from_state_dict)


def check_state(state: Any, method: str, arguments: str) -> None:
    """Refuse what is no state.

    Raises:
        TypeError: something else came first.
    """
    if not isinstance(state, TrainState):
        raise TypeError(
            explain(
                f"`{method}` takes the state of the run first.",
                received=type(state).__name__,
                usually="Keras keeps weights in the model; or variables were passed, or data.",
                write=f"state = trainer.init(0); trainer.{method}({arguments})",
            )
        )
