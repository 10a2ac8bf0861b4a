"""NNXModule, an NNX module among Linen modules: its variables are of a scope, its random streams of a call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx

from ...core import explain, mode_arguments
from ...core.typing import Key, PyTree, Training
from ._host import Host, Method, Place
from ._nnx_collections import collection_of, flat_state, places_of, pop_sown, sown_types, value_of, with_value
from ._nnx_source import Flat, NNXSource, unmade
from ._signatures import check_keywords, method_of


class NNXModule(Host):
    """A Linen module that runs an NNX module; what `fk.nn.FlaxLayer` and `fk.Trainer` make of one.

    Each call merges the module anew from its structure and from the variables, tells it the mode, calls it, and takes
    what changed. `Param`s of any type are the collection `params`, every other type of variable is a collection of
    its own, and the state of random streams is none: their keys follow from the keys of the call.

    Attributes:
        source: what the module starts as.
        wrt: which variables train, a filter as `nnx.Optimizer` has it. `Param`s that it leaves out are in
            `non_trainable`.
    """

    source: NNXSource
    wrt: Any = nnx.Param

    @property
    def axis_name(self) -> tuple[str, ...]:
        """The axes that layers of the module reduce over."""
        module, _, _ = self.source.abstract()
        names = [getattr(part, "axis_name", None) for _, part in nnx.iter_modules(module)]
        return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))

    @linen.compact
    def __call__(self, *inputs: PyTree, method: Method = None, training: Training = False, **kwargs: PyTree) -> PyTree:
        training = bool(training) and not self.is_initializing()  # which reduces over no axis, as in Linen
        call = _Call(self, method, inputs, kwargs, training)
        example = call.run if unmade(self.source.abstract()[0]) else None
        if self.is_initializing():
            graphdef, state = nnx.split(self.source.make(self.make_rng("params"), example))
            flat = flat_state(state)
            places = places_of(flat, self.source.name, self.wrt)
            self.keep({places[path]: _boxed(leaf) for path, leaf in flat if path in places})
        else:
            _, graphdef, flat = self.source.abstract(example)
            places = places_of(flat, self.source.name, self.wrt)
            flat = [(p, self._from_scope(places[p], leaf) if p in places else leaf) for p, leaf in flat]
        module = self._with_streams(graphdef, flat)
        set_mode(module, training)
        before = nnx.graphdef(module)
        outputs, sown = call.collect(module)
        after, state = nnx.split(module)
        if after != before:
            raise_changed(self.source.name, before, after)
        if not self.is_initializing():
            self.keep(sown)
            new = dict(flat_state(state))
            self.keep({place: value_of(new[path]) for path, place in places.items() if place[0] != "params"})
        return outputs

    def _from_scope(self, place: Place, leaf: Any) -> PyTree:
        """A leaf with its value of the variables."""
        value = self.kept(place, self.source.name)
        wanted, found = jax.tree.map(jnp.shape, value_of(leaf)), jax.tree.map(jnp.shape, value)
        if wanted != found:
            raise ValueError(
                explain(
                    f"{'/'.join((place[0], *place[1]))!r} of {self.source.name} has the shape {wanted}.",
                    received=f"{found}",
                    usually="the variables are of a module with other arguments.",
                    write="variables = model.init(key, x)",
                ).complete()
            )
        return with_value(leaf, value)

    def key(self, *streams: str) -> Key | None:
        """A key of the first of these streams that the call has."""
        for stream in streams:
            if self.has_rng(stream):
                key = self.make_rng(stream)
                return key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
        return None

    def _with_streams(self, graphdef: Any, flat: Flat) -> nnx.Module:
        """The module, whose random streams begin at keys of the call; reading one is an error where it has none."""
        keys: dict[str, Key | None] = {}
        leaves = []
        for i, (path, leaf) in enumerate(flat):
            if isinstance(leaf, nnx.RngKey):
                if leaf.tag not in keys:
                    keys[leaf.tag] = self.key(leaf.tag, "dropout", "params")
                start = keys[leaf.tag]
                key = jax.random.key(0) if start is None else jax.random.fold_in(start, i)
                shape = leaf.shape
                leaf = with_value(leaf, jax.random.split(key, shape) if shape else key)
            elif isinstance(leaf, nnx.RngCount):
                leaf = with_value(leaf, jnp.zeros(leaf.shape, jnp.uint32))
            leaves.append((path, leaf))
        module = nnx.merge(graphdef, nnx.from_flat_state(leaves))
        if None in keys.values():
            _without_keys(module, self.source.name)
        return module


class _UndrawnKey(nnx.RngKey):
    """The key of a stream that the caller gave none for."""

    def get_value(self, **kwargs: Any) -> Any:
        raise ValueError(
            explain(
                f"{self.of} draws from its random stream {self.tag!r}, and the call has no key.",
                received="no rngs",
                usually="a call that trains, or that samples, without keys.",
                write='model.apply(variables, x, rngs={"dropout": key})',
            ).complete()
        )


def _without_keys(module: nnx.Module, name: str) -> None:
    for _, part in list(nnx.iter_graph(module)):
        if isinstance(part, nnx.bridge.ToNNX):
            part.to_nnx__rngs = None  # which draws from each of its streams, whether the call needs one or not
    for _, part in list(nnx.iter_graph(module)):
        if isinstance(part, nnx.RngStream):
            part.key = _UndrawnKey(part.key.get_raw_value(), tag=part.tag, of=name)


class _Call:
    """A call of a module: its method and arguments, with those that tell the mode."""

    def __init__(
        self, host: NNXModule, method: Method, inputs: tuple[PyTree, ...], kwargs: Mapping[str, PyTree], training: bool
    ) -> None:
        self._host, self._method, self._inputs, self._kwargs, self._training = host, method, inputs, kwargs, training

    def run(self, module: nnx.Module) -> PyTree:
        """What the call returns."""
        name = self._host.source.name
        if callable(self._method):
            function: Callable[..., PyTree] = self._method
            run = functools.partial(self._method, module)
        else:
            function = method_of(module, name, self._method, "FlaxLayer")
            run = getattr(module, self._method or "__call__")
        parameters = inspect.signature(function).parameters
        called = name if callable(self._method) else f"{name}.{self._method or '__call__'}"
        check_keywords(called, parameters, self._kwargs)
        mode: dict[str, Any] = dict(mode_arguments(function, self._training))
        if "use_running_average" in parameters:
            mode["use_running_average"] = not self._training
        by_position = list(parameters)[1 : 1 + len(self._inputs)]
        given = {n: value for n, value in mode.items() if n not in by_position}
        if "rngs" in parameters and "rngs" not in by_position:
            given.update(self._rngs(parameters["rngs"]))
        return run(*self._inputs, **{**given, **self._kwargs})

    def _rngs(self, parameter: inspect.Parameter) -> dict[str, nnx.Rngs]:
        scope = self._host.scope
        names = [] if scope is None else [name for name in scope.rngs if name != "params"]
        key = self._host.key("default", "dropout", *names, "params")
        if key is None:
            return {}
        own: dict[str, Any] = {name: self._host.key(name) for name in names}
        return {parameter.name: nnx.Rngs(jax.random.fold_in(key, 0), **own)}

    def collect(self, module: nnx.Module) -> tuple[PyTree, dict[Place, PyTree]]:
        """What the call returns, and what the module sowed in it."""
        states: list[nnx.State] = []
        if any(isinstance(part, nnx.bridge.ToNNX) for _, part in nnx.iter_modules(module)):
            outputs = self.run(module)  # a bridged module takes what `capture` leaves there for variables
        else:
            outputs, *states = nnx.capture(self.run_in, *sown_types())(module, self)
        sown: dict[Place, PyTree] = {}
        states.append(pop_sown(module))
        for state in states:
            for path, leaf in flat_state(state):
                sown[(collection_of(type(leaf)), tuple(str(k) for k in path))] = value_of(leaf)
        return outputs, sown

    @staticmethod
    def run_in(module: nnx.Module, call: _Call) -> PyTree:
        """`call.run(module)`, with the module first, as Flax's `capture` has it."""
        return call.run(module)


def set_mode(module: nnx.Module, training: bool) -> None:
    """`module.train()` or `module.eval()`: the module's own where it has one, else Flax's."""
    name = "train" if training else "eval"
    method = getattr(module, name, None)
    if callable(method) and _takes_nothing(method):
        method()
    else:  # the name is something else of the module's
        getattr(nnx.Module, name)(module)


def _takes_nothing(method: Callable[..., object]) -> bool:
    return all(
        p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in inspect.signature(method).parameters.values()
    )


def _boxed(leaf: Any) -> PyTree:
    """A leaf's value, with the names of its axes where it has some."""
    value = value_of(leaf)
    names = leaf.get_metadata().get("out_sharding") if isinstance(leaf, nnx.Variable) else None
    names = tuple(names) if isinstance(names, tuple | jax.sharding.PartitionSpec) else ()
    return linen.Partitioned(value, names) if any(names) else value


def raise_changed(name: str, before: Any, after: Any) -> None:
    """Say what a call changed of a module that is no variable's value."""
    was, now = set(_attributes(before)), set(_attributes(after))
    new, gone = sorted(now - was), sorted(was - now)
    changes = [f"new: {', '.join(new)}"] * bool(new) + [f"gone: {', '.join(gone)}"] * bool(gone)
    raise ValueError(
        explain(
            f"A call of {name} changed the module itself, and a pure call keeps nothing but the values of variables.",
            received="; ".join(changes) or "an attribute that is no variable has another value than before",
            usually="a variable that the first call makes, or a Python number or list that counts calls.",
            write="self.calls = nnx.Variable(jnp.zeros(())) in __init__, and self.calls[...] += 1 in the call",
        ).complete()
    )


def _attributes(graphdef: Any) -> Iterator[str]:
    for attribute in graphdef.attributes:
        yield str(attribute[0] if isinstance(attribute, tuple) else attribute)
