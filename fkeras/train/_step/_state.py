"""TrainState: everything a run is, as one pytree."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from flax import serialization

from ...core import (
    View,
    Viewed,
    answers_setting,
    are_params,
    as_key,
    check_collections,
    describe,
    explain,
    given_instead,
    no_attribute,
)
from ...core.typing import Params, PyTree, VariablesLike
from ._private_copy import check_memory
from ._running_sums import RunningSums
from ._state_view import state_text, state_view

#: The structure, shapes and dtypes of an example input; it has a hash.
ExampleSpec: TypeAlias = tuple[jax.tree_util.PyTreeDef, tuple[jax.ShapeDtypeStruct, ...]]

# Part of the pytree's structure, as `jax.tree_util.register_dataclass` and `flax.struct.dataclass` ask of a field.
_STATIC = {"static": True, "pytree_node": False}


@answers_setting("TrainState", "state")
@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["step", "params", "model_state", "opt_state", "metrics", "rng_data"],
    meta_fields=["rng_impl", "example_spec"],
)
@dataclasses.dataclass(frozen=True, eq=False)
class TrainState(Viewed):
    """The state of a run; a step takes one and returns the next.

    A subclass may have fields of its own, arrays in any pytree, which steps carry along and checkpoints keep. It is
    registered as a pytree by `jax.tree_util.register_dataclass` (or `flax.struct.dataclass`).

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
    params: Params
    model_state: Params
    opt_state: PyTree
    metrics: Mapping[str, PyTree]
    rng_data: Any
    rng_impl: Any = dataclasses.field(metadata=_STATIC)
    example_spec: ExampleSpec | None = dataclasses.field(default=None, metadata=_STATIC)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__repr__" not in vars(cls):  # `dataclass` would write one, which prints every array
            cls.__repr__ = TrainState.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return state_text(self)

    def _view(self) -> View:
        return state_view(self)

    if not TYPE_CHECKING:  # a type checker refuses what is missing

        def __getattr__(self, name: str) -> NoReturn:
            raise no_attribute(self, ("TrainState",), name)

    @property
    def example(self) -> PyTree:
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
    def variables(self) -> dict[str, PyTree]:
        """What `model.apply` takes: `{"params": …, "batch_stats": …}`."""
        return {"params": self.params, **self.model_state}

    def replace(self, **changes: Any) -> Self:
        """The state with some parts changed; `rng=` takes a key or a seed."""
        if "rng" in changes:
            changes |= key_parts(changes.pop("rng"))
        return dataclasses.replace(self, **changes)

    def own_fields(self) -> list[str]:
        """The fields that a subclass added."""
        return [f.name for f in dataclasses.fields(self) if f.name not in TrainState.__dataclass_fields__]

    def parts(self) -> dict[str, Any]:
        """The fields that are part of the pytree, those of a subclass too; static ones are not.

        Raises:
            TypeError: a subclass that is no pytree, or does not say how its parts are called.
        """
        found = jax.tree_util.tree_leaves_with_path(self, is_leaf=lambda node: node is not self)
        if not all(len(path) == 1 and hasattr(path[0], "name") for path, _ in found):
            name = type(self).__name__
            raise TypeError(
                explain(
                    f"{name} is no pytree with named parts, so no step can take it.",
                    received=f"a subclass of TrainState, with its own fields {', '.join(self.own_fields()) or 'none'}",
                    usually="JAX does not register a subclass with the class it is made from.",
                    write=f"{name} = jax.tree_util.register_dataclass({name})   # a dataclass(frozen=True)",
                )
            )
        return {path[0].name: part for path, part in found}

    def tree(self) -> dict[str, Any]:
        """The state's arrays as plain dicts, the key a typed one: which is how files keep it."""
        sums = self.metrics.tree() if isinstance(self.metrics, RunningSums) else self.metrics
        if isinstance(self.metrics, RunningSums):
            # the sums of what a loss of one's own logs begin and end with a run, which keeps them itself
            sums = {part: of_part for part, of_part in sums.items() if part != "logs"}
        apart = ("rng_data", "rng_impl", "example_spec")
        named = {name: part for name, part in self.parts().items() if name not in apart}
        own = {name: jax.tree.map(_as_array, named[name]) for name in self.own_fields() if name in named}
        return {**named, **own, "metrics": sums, "rng": self.rng}

    def filled(self, tree: Mapping[str, Any]) -> Self:
        """The state with what `tree` returned in place of its own; static fields stay."""
        rest = {name: part for name, part in tree.items() if name != "rng"}
        sums = tree["metrics"]
        rest["metrics"] = RunningSums.of(sums) if isinstance(sums, Mapping) else sums
        return dataclasses.replace(self, **rest, **key_parts(tree["rng"]))

    def with_variables(self, variables: VariablesLike) -> Self:
        """The state with other weights and collections, given as variables or as the state that has them."""
        call = "state.with_variables(variables)"
        variables = check_collections("`with_variables`", variables, needs_params=True, call=call)
        rest = {k: v for k, v in variables.items() if k != "params"}
        return self.replace(params=variables["params"], model_state={**self.model_state, **rest})


def spec_of(example: PyTree) -> ExampleSpec | None:
    """An example input as a hashable record of its structure, shapes and dtypes; `None` of none.

    >>> import numpy as np
    >>> spec_of(np.zeros((8, 3), "float32"))
    (PyTreeDef(*), (ShapeDtypeStruct(shape=(8, 3), dtype=float32),))
    """
    if example is None:
        return None
    leaves, treedef = jax.tree.flatten(example)
    return treedef, tuple(jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)


def example_of(state: Any, x: PyTree) -> PyTree:
    """The input that a model's structure follows from: what the state was made from, else what is at hand.

    A batch of a loss of one's own need not hold the model's input, so the state's comes first.
    """
    example = state.example if isinstance(state, TrainState) else None
    return x if example is None else example


def _as_array(leaf: Any) -> Any:
    return leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf)


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
    return state.filled({**tree, "rng": jax.random.wrap_key_data(tree["rng"], impl=state.rng_impl)})


# so that flax.serialization.to_bytes and from_bytes know a state, as they know Flax's own
serialization.register_serialization_state(TrainState, _to_state_dict, _from_state_dict)


def check_state(given: Any, method: str, arguments: str, rest: Iterable[object] = ()) -> TrainState:
    """The state, or an error for what is none, before anything is trained or written.

    Args:
        given: what came first.
        method: the Trainer's method.
        arguments: what to write in its brackets.
        rest: the arguments after it, in which the state may stand by mistake.

    Raises:
        TypeError: something else came first, a subclass that JAX does not know, or a state with something else in it.
        ValueError: a state whose memory was given away.
    """
    check_is_state(given, method, arguments, rest)
    state: TrainState = given
    if type(state) is not TrainState:
        state.parts()
    if not isinstance(state.params, Mapping) or state.rng_data is None or not hasattr(state.step, "dtype"):
        wrong = "params" if not isinstance(state.params, Mapping) else "rng" if state.rng_data is None else "step"
        raise TypeError(
            explain(
                f"The state that `{method}` got has no {wrong} that could be trained on.",
                received=f"{wrong}={describe(getattr(state, wrong))}",
                usually="state.replace with another value in its place.",
                write="state.replace(rng=0), state.with_variables(variables), or trainer.init(0)",
            )
        )
    if isinstance(state.step, jax.core.Tracer):
        raise TypeError(
            explain(
                f"`{method}` was called on a state that is being traced, and it is a loop of Python over real arrays.",
                received=f"a step of type {type(state.step).__name__}",
                usually="a call inside jax.jit, grad, vmap or scan.",
                write="trainer.train_step(state, batch), trainer.eval_step or trainer.predict_step: pure functions",
            )
        )
    check_memory(state, method)
    return state


def check_is_state(given: object, method: str, arguments: str, rest: Iterable[object]) -> None:
    """Refuse what is no state, also while a step is traced.

    Raises:
        TypeError: naming what came instead, where it is variables, a trainer or another part of a run.
    """
    call = f"trainer.{method}({arguments})"
    if isinstance(given, TrainState):
        if np.ndim(given.step) != 1:
            return
        raise TypeError(
            explain(
                f"`{method}` takes the state of one model, and these are states of {len(given.step)} members.",
                received="a state with a leading axis of members, as `fit_many` returns it",
                write=f"state = fk.train.member(states, 0); {call}",
            )
        )
    usually, write = "Keras keeps weights in the model; here they are in a state.", f"state = trainer.init(0); {call}"
    if isinstance(given, Mapping) and "params" in given:
        usually = "variables were passed, and a run needs the optimizer's state too."
        write = f"state = trainer.init(0, variables=variables); {call}"
    elif are_params(given) and not any(isinstance(x, TrainState) for x in rest):
        usually = "`state.params` was passed, or data."
    usually, write = given_instead(given, call, rest) or (usually, write)
    raise TypeError(
        explain(
            f"`{method}` takes the state of the run first.",
            received="no state" if given is None else describe(given),
            usually=usually,
            write=write,
        )
    )
