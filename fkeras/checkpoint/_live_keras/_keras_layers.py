"""Layers of fkeras as layers of live Keras: Keras's own of the same config, copies of guests, and wrappers."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Callable
from types import ModuleType

import jax

from ...core import (
    Graph,
    InputLayer,
    Layer,
    Model,
    Op,
    Sequential,
    SymbolicTensor,
    address_of,
    dtype_name,
    explain,
    named_leaves,
    replay,
    serialize_object,
)
from ...core.typing import Config, PyTree, Variables
from ...nn import Lambda
from .._keras._layout import weight_order
from ._known import is_known_config, with_live_functions
from ._library import LiveObject
from ._live_weights import example_of, is_guest, part_at
from ._own_layer import as_keras_layer


@dataclasses.dataclass
class KerasLayers:
    """Layers of fkeras as layers of Keras, each once.

    Attributes:
        keras: the library.
        variables: of the whole model.
        made: the Keras layer by the `id` of fkeras's.
        placed: where each layer that holds weights has its variables.
        own: `id`s of layers that Keras has not.
    """

    keras: ModuleType
    variables: Variables
    made: dict[int, LiveObject] = dataclasses.field(default_factory=dict)
    placed: list[tuple[tuple[str, ...], Layer]] = dataclasses.field(default_factory=list)
    own: set[int] = dataclasses.field(default_factory=set)

    def layer(self, layer: Layer, path: tuple[str, ...]) -> LiveObject:
        """The layer or model of Keras for one of fkeras."""
        if id(layer) not in self.made:
            self.made[id(layer)] = self._new(layer, path)
        return self.made[id(layer)]

    def _new(self, layer: Layer, path: tuple[str, ...]) -> LiveObject:
        if type(layer) is Sequential and layer.graph is not None:
            layers = [self.layer(sub, (*path, str(sub.name))) for sub in layer.layers]
            start = self._inputs(layer.graph)
            return self.keras.Sequential([*start, *layers], name=layer.name, trainable=layer.trainable)
        if isinstance(layer, Model) and layer.graph is not None:
            return self._functional(layer, layer.graph, path)
        self.placed.append((path, layer))
        if is_guest(layer):
            return self._copied(layer, outermost=not path)
        return self._known(layer) or self._of_fkeras(layer, path)

    def _inputs(self, graph: Graph) -> list[LiveObject]:
        return [self._input(tensor) for tensor in graph.input_tensors]

    def _input(self, tensor: SymbolicTensor) -> LiveObject:
        made = tensor.node.operation
        name = made.name if isinstance(made, InputLayer) else None
        return self.keras.Input(batch_shape=tensor.shape, dtype=dtype_name(tensor.dtype), name=name)

    def _functional(self, model: Model, graph: Graph, path: tuple[str, ...]) -> LiveObject:
        starts = self._inputs(graph)

        def call(node: PyTree, leaves: list[PyTree]) -> list[PyTree]:
            args, kwargs = node.arguments_with(leaves)
            if isinstance(node.operation, Op):
                outputs = self._operation(node.operation)(*args, **kwargs)
            else:
                kwargs = {key: value for key, value in kwargs.items() if value is not None}
                outputs = self.layer(node.operation, (*path, str(node.operation.name)))(*args, **kwargs)
            return list(jax.tree.leaves(outputs))

        ends = graph.in_structure_of_outputs(replay(graph, starts, call))
        made = self.keras.Model(graph.in_structure_of_inputs(starts), ends, name=model.name)
        if not model.trainable:
            made.trainable = False
        return made

    def _operation(self, op: Op) -> Callable[..., PyTree]:
        if op.name == "get_item":
            return lambda x, key: x[tuple(key) if isinstance(key, list) else key]
        found: PyTree = self.keras.ops
        for part in op.name.split("."):
            found = getattr(found, part, None)
        if found is None:
            raise ValueError(
                explain(
                    f"Keras has no op {op.name!r}.",
                    usually="a function of your own, or of jax.numpy, in the graph.",
                    write="a fk.nn.Layer subclass whose call does it, or fk.nn.Lambda(function)",
                )
            )
        if op.name == "einsum":
            return lambda *args, subscripts=None, **kw: found(*([subscripts] if subscripts else []), *args, **kw)
        return found  # type: ignore[no-any-return]

    def _copied(self, guest: PyTree, outermost: bool) -> LiveObject:
        """Another layer like the live one: that one stays as it is."""
        live = guest.live.layer
        if not hasattr(live, "weights"):
            return live  # an operation, which has no state
        try:
            copy = type(live).from_config(live.get_config())
            if outermost and not copy.built:
                copy.build_from_config(live.get_build_config())
        except Exception as error:
            said = str(error).strip().splitlines()
            raise no_copy(live, said[0][:200] if said else type(error).__name__) from error
        copy.name = live.name
        if live.trainable != copy.trainable or guest.trainable != copy.trainable:
            copy.trainable = guest.trainable
        return copy

    def _known(self, layer: Layer) -> LiveObject | None:
        """Keras's own layer of the same config; `None` where Keras does not know all of it."""
        if isinstance(layer, Lambda):
            return self.keras.layers.Lambda(
                layer.function, mask=layer.mask, arguments=dict(layer.arguments), name=layer.name
            )
        own = {f.name: getattr(layer, f.name, None) for f in dataclasses.fields(layer) if f.name[0] != "_"}
        own = {name: value for name, value in own.items() if inspect.isfunction(value) and address_of(value) is None}
        try:
            record = serialize_object(layer.replace(**dict.fromkeys(own)) if own else layer)
        except (TypeError, ValueError):
            return None
        unnamed: Config = {name: {} for name in own}  # stands for the function, which is handed over as it is
        config, functions = with_live_functions(layer, {**record["config"], **unnamed})
        if not str(record.get("module")).startswith("keras") or not is_known_config(config):
            return None
        with warnings.catch_warnings(action="ignore"):
            entry = {**record, "config": {**config, "name": layer.name}}
            return self.keras.saving.deserialize_keras_object(entry, custom_objects=functions)

    def _of_fkeras(self, layer: Layer, path: tuple[str, ...]) -> LiveObject:
        if isinstance(layer, Model):
            raise ValueError(
                explain(
                    f"{layer.path_text()} has no graph, so Keras cannot be told how it computes.",
                    received=f"a {type(layer).__name__}",
                    usually="a subclassed model of fkeras.",
                    write="inputs = fk.Input(shape); fk.to_keras(fk.Model(inputs, model(inputs)), variables)",
                )
            )
        self.own.add(id(layer))
        own = part_at(self.variables, path)
        names = weight_order(layer, own, example_of(layer)) if jax.tree.leaves(own) else []
        leaves = named_leaves(own)
        return as_keras_layer(self.keras, layer, {name: leaves[name] for name in names})


def no_copy(live: LiveObject, why: str) -> TypeError:
    """The error for a live layer of which Keras cannot make another one."""
    return TypeError(
        explain(
            f"Keras cannot make another {type(live).__name__} like {live.name!r}, and the live one is not changed.",
            received=why,
            usually="a layer or model of your own without a get_config, or without a shape to build it for.",
            write="fk.to_keras(model, variables, into=keras_model)   # gives the live model the numbers",
        )
    )
