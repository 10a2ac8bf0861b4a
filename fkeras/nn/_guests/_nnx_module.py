"""NNXModule, an NNX module among Linen modules: its variables are of a scope, its random streams of a call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from flax import linen, nnx

from ...core import explain, mode_arguments
from ...core.typing import Key, PyTree, Training
from ._host import Host, Method, Place
from ._nnx_collections import collection_of, flat_state, places_of, pop_sown, sown_types, value_of, with_value
from ._nnx_source import Flat, NNXSource, unmade
from ._nnx_writes import Values, warn_of_writes
from ._signatures import check_keywords, method_of

T = TypeVar("T")


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
        abstract, graphdef, flat = self.source.abstract()
        call = _Call(self, method_function(abstract, self.source.name, method), inputs, kwargs, training)
        example = call.run if unmade(abstract) else None
        if self.is_initializing():
            graphdef, state = nnx.split(self.source.make(self.make_rng("params"), example))
            flat = flat_state(state)
            places = places_of(flat, self.source.name, self.wrt)
            self.keep({places[path]: _boxed(leaf) for path, leaf in flat if path in places})
            if len(inputs) == 1 and inputs[0] is None:  # nobody asked for an output, and no weight depends on an input
                return None
        else:
            if example is not None:
                _, graphdef, flat = self.source.abstract(example)
            places = places_of(flat, self.source.name, self.wrt)
            flat = [(p, self._from_scope(places[p], leaf) if p in places else leaf) for p, leaf in flat]
        keys = self._stream_keys(flat)

        weights = [path for path, place in places.items() if place[0] == "params"]

        def run(key: Key) -> tuple[PyTree, dict[Place, PyTree]]:
            start = _with_streams(flat, keys, key)
            module, outputs, sown, new = call_once(start)
            if not self.is_initializing():
                before = {path: value_of(leaf) for path, leaf in start if path in weights}
                after = {path: new[path] for path in weights}
                warn_of_writes(self.source.name, module, before, after, lambda values: call_once(start, values)[-1])
            kept = {place: new[path] for path, place in places.items() if place[0] != "params"}
            return outputs, {**sown, **kept}

        def call_once(start: Flat, weights: Values | None = None) -> tuple[nnx.Module, PyTree, Any, dict[Any, PyTree]]:
            given = weights or {}
            leaves = [(path, with_value(leaf, given.get(path, value_of(leaf)))) for path, leaf in start]
            module = nnx.merge(graphdef, nnx.from_flat_state(leaves))
            set_mode(module, training)
            before = nnx.graphdef(module)
            outputs, sown = call.collect(module)
            after, state = nnx.split(module)
            if after != before:
                raise_changed(self.source.name, before, after)
            return module, outputs, sown, {path: value_of(leaf) for path, leaf in flat_state(state)}

        if None in keys.values() and not self.is_initializing():
            outputs, values = _without_a_draw(run, self.source.name, [tag for tag, key in keys.items() if key is None])
        else:
            outputs, values = run(jax.random.key(0))
        if not self.is_initializing():
            self.keep(values, training)
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

    def stream_keys_of_the_call(self) -> dict[str, Key]:
        """A key for each random stream that the call has, and one for any other; nothing where it has none."""
        names = [] if self.scope is None else [name for name in self.scope.rngs if name != "params"]
        key = self.key("default", "dropout", *names, "params")
        if key is None:
            return {}
        own = {name: found for name in names if (found := self.key(name)) is not None}
        return {"default": jax.random.fold_in(key, 0), **own}

    def _stream_keys(self, flat: Flat) -> dict[str, Key | None]:
        """A key for each random stream that the module holds, by its tag; `None` where the call has none."""
        tags = dict.fromkeys(leaf.tag for _, leaf in flat if isinstance(leaf, nnx.RngKey))
        return {tag: self.key(tag, "dropout", "params") for tag in tags}


def _with_streams(flat: Flat, keys: Mapping[str, Key | None], otherwise: Key) -> Flat:
    """The leaves with random streams that begin at the keys of a call."""
    leaves: Flat = []
    for i, (path, leaf) in enumerate(flat):
        if isinstance(leaf, nnx.RngKey):
            start = keys[leaf.tag]
            key = jax.random.fold_in(otherwise if start is None else start, i)
            leaf = with_value(leaf, jax.random.split(key, leaf.shape) if leaf.shape else key)
        elif isinstance(leaf, nnx.RngCount):
            leaf = with_value(leaf, jnp.zeros(leaf.shape, jnp.uint32))
        else:
            leaf = with_value(leaf, value_of(leaf))  # a variable is of the trace that it is made in
        leaves.append((path, leaf))
    return leaves


def _without_a_draw(run: Callable[[Key], T], name: str, streams: list[str]) -> T:
    """`run(key)` of any key, where what it returns is the same for all.

    Recurrent cells and bridged modules draw from their streams whether the number is used or not. `vmap` knows what
    depends on a mapped key.
    """
    keys = jax.random.split(jax.random.key(0), 1)
    try:
        return jax.vmap(run, out_axes=None)(keys)
    except ValueError:
        jax.eval_shape(run, keys[0])  # raises by itself what has another reason
        raise ValueError(
            explain(
                f"{name} draws random numbers, and the call has no key.",
                received=f"no rngs for the streams {', '.join(map(repr, streams))}",
                usually="a call that trains, or that samples, without keys.",
                write='model.apply(variables, x, rngs={"dropout": key})',
            ).complete()
        ) from None


def method_function(module: nnx.Module, name: str, method: Method) -> Callable[..., PyTree]:
    """What is called, as a function of the module and the inputs."""
    return method if callable(method) else method_of(module, name, method, "FlaxLayer")


class _Call:
    """A call of a module: its method and arguments, with those that tell the mode and the random streams."""

    def __init__(
        self,
        host: NNXModule,
        function: Callable[..., PyTree],
        inputs: tuple[PyTree, ...],
        kwargs: Mapping[str, PyTree],
        training: bool,
    ) -> None:
        parameters = inspect.signature(function).parameters
        check_keywords(f"{host.source.name}.{getattr(function, '__name__', 'method')}", parameters, kwargs)
        mode: dict[str, Any] = dict(mode_arguments(function, training))
        by_position = list(parameters)[1 : 1 + len(inputs)]
        self._function, self._inputs = function, inputs
        self._kwargs = {**{n: value for n, value in mode.items() if n not in by_position}, **kwargs}
        wants = "rngs" in parameters and "rngs" not in (*by_position, *kwargs)
        self._streams = host.stream_keys_of_the_call() if wants else {}

    def run(self, module: nnx.Module) -> PyTree:
        """What the call returns."""
        rngs = {"rngs": nnx.Rngs(self._streams)} if self._streams else {}
        return self._function(module, *self._inputs, **rngs, **self._kwargs)

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
