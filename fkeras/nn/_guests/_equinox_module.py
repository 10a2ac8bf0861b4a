"""EquinoxModule, an Equinox module among Linen modules: its arrays are variables of a scope."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import linen

from ...core import explain, mode_arguments
from ...core.typing import Key, PyTree, Training
from ._equinox_source import EquinoxSource
from ._host import Host, Method
from ._signatures import check_keywords, method_of


class EquinoxModule(Host):
    """A Linen module that runs an Equinox module; what `fk.nn.EquinoxLayer` and `fk.Trainer` make of one.

    Attributes:
        source: what the module starts as.
        vmap: whether the module takes one example, and is mapped over the first axis of its inputs.
    """

    source: EquinoxSource
    vmap: bool = True

    @property
    def axis_name(self) -> tuple[str, ...]:
        """The axes that layers of the module reduce over."""
        structure = self.source.structure
        module, _ = structure.filled(structure.shapes())
        nodes = jax.tree.leaves(module, is_leaf=lambda x: isinstance(x, eqx.Module) and hasattr(x, "axis_name"))
        names = [getattr(node, "axis_name", None) for node in nodes]
        return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))

    @linen.compact
    def __call__(self, *inputs: PyTree, method: Method = None, training: Training = False, **kwargs: PyTree) -> PyTree:
        structure = self.source.structure
        training = bool(training) and not self.is_initializing()  # which reduces over no axis, as in Linen
        if self.is_initializing():
            values = structure.values(*self.source.make(self.make_rng("params")))
            self.keep(values)
        else:
            values = {place: self.kept(place, self.source.name) for place in structure.shapes()}
            self._check_shapes(values)
        module, state = structure.filled(values)
        module = eqx.nn.inference_mode(module, value=not training)
        function = method if callable(method) else method_of(module, self.source.name, method, "EquinoxLayer")
        check_keywords(self.source.name, inspect.signature(function).parameters, kwargs)
        stateful = bool(structure.state_places) and "state" in inspect.signature(function).parameters
        key, axis = self._key(), next(iter(self.axis_name), "batch")

        def call(key: Key | None, inputs: tuple[PyTree, ...], state: Any, kwargs: Mapping[str, PyTree]) -> Any:
            return self._run(function, module, training, key, stateful, inputs, state, kwargs)

        def of_example(inputs: tuple[PyTree, ...], arrays: Mapping[str, PyTree], state: Any) -> Any:
            own = None if key is None else jax.random.fold_in(key, jax.lax.axis_index(axis))
            return call(own, inputs, state, {**kwargs, **arrays})

        if self.vmap:  # all examples have one state
            arrays = {name: value for name, value in kwargs.items() if eqx.is_array(value)}
            mapped = jax.vmap(of_example, in_axes=(0, 0, None), out_axes=(0, None), axis_name=axis)
            outputs, state = mapped(inputs, arrays, state)
        else:
            outputs, state = call(key, inputs, state, kwargs)
        if stateful and not self.is_initializing():
            self.keep(structure.state_values(state), training)
        return outputs

    def _check_shapes(self, values: Mapping[Any, PyTree]) -> None:
        for place, struct in self.source.structure.shapes().items():
            if jnp.shape(values[place]) != struct.shape:
                raise ValueError(
                    explain(
                        f"{'/'.join((place[0], *place[1]))!r} of {self.source.name} has the shape {struct.shape}.",
                        received=f"{jnp.shape(values[place])}",
                        usually="the variables are of a module with other arguments.",
                        write="variables = model.init(key, x)",
                    ).complete()
                )

    def _key(self) -> Key | None:
        return next((self.make_rng(name) for name in ("dropout", "params") if self.has_rng(name)), None)

    def _run(
        self,
        function: Callable[..., PyTree],
        module: Any,
        training: bool,
        key: Key | None,
        stateful: bool,
        inputs: tuple[PyTree, ...],
        state: eqx.nn.State,
        kwargs: Mapping[str, PyTree],
    ) -> tuple[PyTree, eqx.nn.State]:
        """What the module returns for one call, and its state after it."""
        parameters = inspect.signature(function).parameters
        given: dict[str, Any] = {"state": state} if stateful else {}
        if "key" in parameters and (key is not None or parameters["key"].default is inspect.Parameter.empty):
            given["key"] = self._needed(key) if training else key
        if not type(module).__module__.startswith("equinox."):  # whose own layers have the mode as an attribute
            given.update(mode_arguments(function, training))
        by_position = list(parameters)[1 : 1 + len(inputs)]
        given = {name: value for name, value in given.items() if name not in by_position}
        before = jax.tree.leaves(module)
        result = function(module, *inputs, **{**given, **kwargs})
        self._check_unchanged(before, jax.tree.leaves(module))
        if not stateful:
            return result, state
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], eqx.nn.State)):
            raise ValueError(
                explain(
                    f"{self.source.name} takes a state, and does not return it.",
                    received=type(result).__name__,
                    usually="the outputs alone were returned.",
                    write="return outputs, state",
                ).complete()
            )
        return result

    def _check_unchanged(self, before: list[Any], after: list[Any]) -> None:
        """Refuse a call that wrote into the module, which Equinox forbids: nothing keeps what it wrote."""
        if len(before) != len(after) or any(a is not b for a, b in zip(before, after, strict=True)):
            raise ValueError(
                explain(
                    f"A call of {self.source.name} changed the module itself, and a pure call keeps nothing of that.",
                    received=f"{len(before)} leaves before and {len(after)} after, of which some are others",
                    usually="`object.__setattr__`, or a list or dict of the module that was written into.",
                    write="self.index = eqx.nn.StateIndex(...) in __init__, and state = state.set(self.index, value)",
                ).complete()
            )

    def _needed(self, key: Key | None) -> Key:
        if key is None:
            raise ValueError(
                explain(
                    f"{self.source.name} draws from a key, and the call has none.",
                    received="no rngs",
                    usually="a call that trains, without a key.",
                    write='model.apply(variables, x, rngs={"dropout": key})',
                ).complete()
            )
        return key
