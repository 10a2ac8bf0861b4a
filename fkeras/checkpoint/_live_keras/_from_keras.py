"""A live model of Keras as a model of fkeras and its variables, in one process and without a file."""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any, cast

import jax

from ...core import Input, InputLayer, Layer, Model, Sequential, explain, op_of, walk
from ...core.typing import Config, PyTree
from ._graph import ends_counted_from, skeleton
from ._guest import KerasLayer, KerasModel, Live
from ._known import is_of_keras, leaf_layer
from ._library import LiveObject, checked_layer, keras_library
from ._live_weights import Misfit, Pair, copied, is_guest, matched
from ._made import Made, entry_of


def from_keras(keras_model: LiveObject) -> tuple[Any, dict[str, PyTree]]:
    """A live model of Keras 3 as an fkeras model, with its weights; Keras has to run on JAX.

    Layers whose classes fkeras knows become its own, by their configs: functional and sequential models, nested ones,
    layers that are called twice, and functions of one's own (activations, `Lambda`) as they are. Any other layer, one
    of the user's own, of KerasHub or KerasRS, becomes a guest: an fkeras layer whose forward pass is Keras's `call`, on
    variables that go in and come out. So does a subclassed model, as a whole. A guest's weights that train are in
    `params`, the rest in `non_trainable`; what it draws follows from `rngs={"dropout": key}`; masks, `add_loss`,
    regularizers, constraints, dtype policies and `training` are Keras's. In inference without a key a guest that draws
    does so from the seeds that it had when it was handed over, the same numbers each time.

    The live model is not changed, now or by what is trained here; what Keras trains later does not change the
    variables, which are copies. A guest is equal to guests of the same reading of the same live layer; see
    `fk.to_keras` for the way back and for how such a model is saved.

    Args:
        keras_model: a model, or a layer, of Keras 3, built.

    Returns:
        `(model, variables)`: what `model.init` would return, with the weights that Keras has.

    Raises:
        ImportError: Keras is not installed.
        RuntimeError: Keras runs on another backend, or is Keras 2.
        TypeError: no model of Keras 3.
        ValueError: a model that is not built, so that it has no weights yet.

    >>> import fkeras as fk
    >>> try:
    ...     fk.from_keras("model.keras")
    ... except TypeError as error:
    ...     print(str(error).splitlines()[0])
    fk.from_keras takes a model or a layer of Keras.

    Reference: https://keras.io/api/models/model/
    """
    found = translated(keras_model, "fk.from_keras")
    return found.model, copied(found.spec, found.variables)


@dataclasses.dataclass(frozen=True)
class Translated:
    """A live model in fkeras.

    Attributes:
        model: the model.
        spec: its variables as shapes.
        variables: the Keras variable that each of them is, by name.
        live: the live model.
    """

    model: Layer
    spec: dict[str, PyTree]
    variables: dict[str, LiveObject]
    live: LiveObject


def translated(keras_model: LiveObject, what: str) -> Translated:
    """A live model in fkeras, and which of its variables is which.

    Args:
        keras_model: the live model or layer.
        what: the function that took it.

    Raises:
        See `from_keras`.
    """
    live = checked_layer(keras_model, what)
    keras = keras_library(what)
    _check_built(keras, live)
    translation = Translation(keras)
    while True:
        try:
            model = translation.layer(live, outermost=True)
            spec, variables = matched(model, translation.pairs(model))
        except Misfit as misfit:  # Keras has other weights than the layer's config says: it is taken as it is
            translation = Translation(keras, translation.guests | misfit.layers)
            continue
        except _InTwoModels:  # one set of weights at two places of the tree of variables
            translation = Translation(keras, frozenset({id(live)}))
            continue
        return Translated(model, dict(spec), variables, live)


def _check_built(keras: ModuleType, layer: LiveObject) -> None:
    if layer.built:
        return
    is_model = isinstance(layer, keras.Model)
    raise ValueError(
        explain(
            f"{type(layer).__name__} {layer.name!r} is not built: it has no weights yet.",
            received="built=False",
            usually="a subclassed model, or a Sequential without an Input, that was not called.",
            write=f"keras_{'model' if is_model else 'layer'}(x[:1])   # or .build(input_shape), before fk.from_keras",
        )
    )


class _InTwoModels(Exception):  # noqa: N818 - says how a model is to be taken, which is no error
    """A layer is called in a model and in one inside it: only Keras's own `call` keeps it one."""


@dataclasses.dataclass
class Translation:
    """The layers of one live model as layers of fkeras: each of them once, wherever it is called.

    Attributes:
        keras: the library.
        guests: `id`s of layers that must be guests.
        made: the layer of fkeras, and the live one, by the live one's `id`.
        models: the live model in which each layer is, by the layer's `id`.
    """

    keras: ModuleType
    guests: frozenset[int] = frozenset()
    made: dict[int, tuple[Layer, LiveObject]] = dataclasses.field(default_factory=dict)
    models: dict[int, LiveObject] = dataclasses.field(default_factory=dict)

    def layer(self, live: LiveObject, outermost: bool = False, model: LiveObject | None = None) -> Layer:
        """The fkeras layer or model for a live one, which is in a model.

        Raises:
            _InTwoModels: it is in another one as well.
        """
        if model is not None and self.models.setdefault(id(live), model) is not model:
            raise _InTwoModels
        if id(live) not in self.made:
            self.made[id(live)] = self._translated(live, outermost), live
        return self.made[id(live)][0]

    def pairs(self, model: Layer) -> list[Pair]:
        """The layers of a model that hold weights, each once."""
        by_layer = {id(ours): theirs for ours, theirs in self.made.values()}
        first: dict[int, Pair] = {}
        inside: set[tuple[str, ...]] = set()
        for path, layer in [((), model), *walk(model)]:
            theirs = by_layer.get(id(layer))
            below = any(path[:n] in inside for n in range(len(path)))
            if theirs is None or below or (self._is_walked(theirs) and not is_guest(layer)):
                continue
            inside.add(path)
            first.setdefault(id(theirs), Pair(path, layer, theirs))
        return list(first.values())

    def _is_walked(self, live: LiveObject) -> bool:
        return self._is_functional(live) or self._is_sequential(live)

    def _is_functional(self, live: LiveObject) -> bool:
        return isinstance(live, self.keras.Model) and hasattr(live, "operations") and _calls_as_keras(live)

    def _is_sequential(self, live: LiveObject) -> bool:
        return isinstance(live, self.keras.Sequential) and _calls_as_keras(live)

    def _translated(self, live: LiveObject, outermost: bool) -> Layer:
        if id(live) not in self.guests:
            if self._is_functional(live):
                return self._functional(live)
            if self._is_sequential(live):
                return self._sequential(live)
        if outermost and isinstance(live, self.keras.Model):
            if self._is_walked(live):
                return self._whole(live)
            return KerasModel(live=Live(live), name=live.name, trainable=bool(live.trainable))
        if isinstance(live, self.keras.Model):
            return KerasLayer(live=Live(live), name=live.name, trainable=bool(live.trainable))
        return leaf_layer(self.keras, live, id(live) in self.guests)

    def _whole(self, live: LiveObject) -> Model:
        """A model with a graph as one guest on its own inputs."""
        inputs = jax.tree.map(lambda x: Input(batch_shape=(None, *x.shape[1:]), dtype=x.dtype, name=x.name), live.input)
        guest = KerasLayer(live=Live(live), name=live.name, trainable=bool(live.trainable))
        self.made[-id(live)] = guest, live
        made: Model = Model(inputs=inputs, outputs=guest(inputs), name=live.name)  # type: ignore[call-arg]
        return made

    def _sequential(self, live: LiveObject) -> Sequential:
        layers = [self.layer(layer, model=live) for layer in live.layers]
        first = self.keras.layers.InputLayer
        starts = [] if any(isinstance(layer, first) for layer in live.layers) else self._input_of(live)
        return Sequential(layers=[*starts, *layers], name=live.name, trainable=bool(live.trainable))

    def _input_of(self, live: LiveObject) -> list[Layer]:
        try:
            tensor = live.inputs[0]
        except (AttributeError, IndexError, TypeError, ValueError):
            return []
        return [InputLayer(batch_shape=(None, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name)]

    def _functional(self, live: LiveObject) -> Model:
        config, operations = skeleton(self.keras, live)
        objects: dict[str, Made] = {}
        offsets: dict[str, int] = {}
        entries: list[Config] = []
        for i, entry in enumerate(config["layers"]):
            name = entry["name"]
            made = self._operation(operations[name], live)
            if isinstance(made, dict):
                kept = made
            else:
                token = f"live layer {i}"
                objects[token] = Made(made)
                kept = entry_of(token)
                offsets[name] = int(type(made) is Model and made.graph is not None)
            entries.append({**kept, "name": name, "inbound_nodes": entry["inbound_nodes"]})
        ends = {key: ends_counted_from(config[key], offsets) for key in ("input_layers", "output_layers")}
        trains = {} if live.trainable else {"trainable": False}
        whole: Config = {"name": live.name, "layers": entries, **ends, **trains}
        return cast(Model, Model.from_config(whole, objects))

    def _operation(self, live: LiveObject, model: LiveObject) -> Layer | Config:
        """A layer, or the record of an input or an op, which the reader of configs makes."""
        if isinstance(live, self.keras.layers.InputLayer):
            return self.keras.saving.serialize_keras_object(live)
        if isinstance(live, self.keras.layers.Layer):
            return self.layer(live, model=model)
        record: Config = self.keras.saving.serialize_keras_object(live)
        if is_of_keras(live):
            try:
                op_of(record["class_name"], str(record.get("module") or ""))
                return record
            except ValueError:
                pass
        if id(live) not in self.made:
            self.made[id(live)] = KerasLayer(live=Live(live), name=live.name), live
        return self.made[id(live)][0]


def _calls_as_keras(live: LiveObject) -> bool:
    """Whether a model's forward pass is Keras's own, and not one that a subclass wrote."""
    kind = type(live)
    return all(str(getattr(kind, name).__module__).partition(".")[0] == "keras" for name in ("call", "__call__"))
