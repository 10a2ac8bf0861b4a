"""Sequential: layers one after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import jax
from flax import linen

from .._graph._graph import Graph
from .._graph._operation_order import unique
from .._graph._symbolic import SymbolicTensor
from .._layer._build_config import check_build_config
from .._layer._construct import BASE_ARGUMENTS
from .._layer._layer import Layer
from .._layer._layer_config import config_of_arguments
from .._layer._sealing import call_state, settle
from .._layer._trainable import at_rest, told
from .._old_configs._old_records import config_in_keras_3_form
from .._words._call_arguments import checked_by_name
from .._words._config import deserialize_at, register, serialize, serialize_object
from .._words._config_errors import at
from .._words._dtypes import DTypePolicy, dtype_name
from .._words._errors import explain
from .._words._fields import ListedField
from .._words._naming import name_layers
from ..typing import Config, CustomObjects, Key, KeyLike, PyTree
from ._input import InputLayer, tensor_of
from ._looking_inside import input_names_of, only_one
from ._match_inputs import match
from ._model import Model, runs_graph
from ._read_functional_config import check_keys
from ._run_with_masks import MaskOf, call_with_masks, sow_masks
from ._sublayers import check_shared
from ._text_on_host import TextRead, first_of_chain
from ._write_functional_config import layer_entry

#: What `Sequential` takes for layers: an `Input` stands for its input layer.
Layers: TypeAlias = Iterable[Layer | SymbolicTensor] | Layer | SymbolicTensor | None


@register("keras")
class Sequential(Model):
    """A model of layers in a row, each fed by the one before.

    Args:
        layers: layers and models; an `fk.Input` first tells the shapes at once, without one they are
            learnt from the data given to `init`.
        trainable: whether the weights train.
        name: the model's name.

    Raises:
        TypeError: something that is no layer.

    >>> import fkeras as fk, jax
    >>> model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3, activation="relu"), fk.nn.Dense(1)])
    >>> [layer.name for layer in model.layers], model.output_shape
    (['dense', 'dense_1'], (None, 1))

    Reference: https://keras.io/api/models/sequential/
    Unlike Keras, `add` and `pop` return new models.
    """

    layers: Any = ListedField()  # kept as a tuple, from whatever lists them; read as a list, as in Keras
    start: InputLayer | None = None

    # Layers' variables live under the layers' own names, as in a functional model.
    preserve_adopted_names = True
    _is_chain: ClassVar[bool] = True
    _rewritten: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:  # checkers and editors make one of the fields

        def __init__(
            self, layers: Layers = None, *, trainable: bool = True, name: str | None = None, **kwargs: PyTree
        ) -> None: ...

    @classmethod
    def _rewrite_arguments(
        cls, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]
    ) -> tuple[tuple[PyTree, ...], dict[str, PyTree]]:
        return args, kwargs

    def __post_init__(self) -> None:
        if self.graph is None:
            start, layers = _split(self.layers, self.start, type(self).__name__)
            settle(self, "layers", layers)
            settle(self, "start", start)
            if self.parent is None or not isinstance(self.parent, linen.Module):
                name_layers(unique(layers), type(self).__name__)
            if start is not None and layers:
                settle(self, "graph", _chain(start, layers, type(self).__name__))
        super().__post_init__()
        if self.graph is None and self.parent is None:
            check_shared(self)

    @runs_graph
    def call(self, inputs: PyTree, training: bool | None = None, mask: PyTree = None) -> PyTree:
        """Run the layers in order.

        Returns:
            What the last layer returns.
        """
        self._check_not_empty("called")
        masks: MaskOf = {} if mask is None else {id(inputs): mask}
        kept = [inputs]  # masks are found by id: keep every value alive
        layers = self.layers
        if isinstance(inputs, TextRead):
            inputs, is_through = first_of_chain(inputs)
            layers = layers[1:] if is_through else layers
        elif self.graph is not None and isinstance(self.start, InputLayer):
            inputs = self._matched(inputs, masks)
        x = inputs
        for layer in layers:
            x = call_with_masks(layer, (x,), {}, masks, training)
            kept.append(x)
        found = [masks.get(id(leaf)) for leaf in jax.tree.leaves(x)]
        call_state(self).output_masks = found
        sow_masks(self, found)
        return x

    @linen.nowrap
    @checked_by_name("model")
    def init(self, rngs: KeyLike | Mapping[str, Key], *args: PyTree, **kwargs: Any) -> dict[str, PyTree]:
        """Make the model's variables: see `Model.init`.

        Raises:
            ValueError: there are no layers; or an example is needed and none was given.
        """
        self._check_not_empty("initialised")
        return super().init(rngs, *args, **kwargs)

    @linen.nowrap
    def _check_not_empty(self, what: str) -> None:
        if not self.layers:
            raise ValueError(
                explain(
                    f"{self.path_text()} has no layers, so it cannot be {what}.",
                    received=repr(self),
                    usually="`model.add(layer)` as in Keras: here `add` returns the longer model, which was not kept.",
                    write="model = model.add(fk.nn.Dense(1)), or fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])",
                ).complete()
            )

    @linen.nowrap
    def _matched(self, inputs: PyTree, masks: MaskOf) -> PyTree:
        assert self.graph is not None
        (value,) = match(self.graph.inputs, inputs, input_names_of(self.graph), self.path_text())
        if value is not inputs and id(inputs) in masks:
            masks[id(value)] = masks[id(inputs)]
        return value

    @linen.nowrap
    def add(self, layer: Layer | SymbolicTensor) -> Sequential:
        """A new model with one more layer at the end (or an `Input` for one that has none).

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((4,))]).add(fk.nn.Dense(3))
        >>> model.output_shape
        (None, 3)
        """
        if isinstance(layer, SymbolicTensor | InputLayer):
            start, _ = _split([layer], None, type(self).__name__)
            return self._with(self.layers, start, None)
        layer = _checked_layer(layer, type(self).__name__)
        graph = None
        if self.graph is not None:
            name_layers(unique([*self.layers, layer]), type(self).__name__)
            graph = Graph(self.graph.inputs, layer(self.graph.outputs), type(self).__name__)
        return self._with([*self.layers, layer], self.start, graph)

    @linen.nowrap
    def pop(self) -> Sequential:
        """A new model without the last layer.

        Raises:
            ValueError: there is no layer.

        >>> import fkeras as fk
        >>> len(fk.Sequential([fk.nn.Dense(3), fk.nn.Dense(2)]).pop().layers)
        1
        """
        if not self.layers:
            raise ValueError(explain("There are no layers to pop.", received="an empty Sequential"))
        graph = None
        if self.graph is not None and len(self.layers) > 1:
            before = jax.tree.leaves(self.graph.outputs)[0].node.inputs[0]
            graph = Graph(self.graph.inputs, before, type(self).__name__)
        return self._with(self.layers[:-1], self.start, graph)

    @linen.nowrap
    def _with(self, layers: list[Layer], start: InputLayer | None, graph: Graph | None) -> Sequential:
        kept = {n: getattr(self, n) for n in BASE_ARGUMENTS if n != "name"}
        name = None if self._name_may_change() else self.name
        return type(self)(layers=layers, start=start, graph=graph, name=name, **kept)

    @linen.nowrap
    def get_config(self) -> Config:
        """The layers' configs in a list, as Keras's Sequential; of an `__init__` of one's own, its arguments."""
        description = self._description
        if description is not None and "layers" not in description.config and not description.rest:
            return config_of_arguments(self)  # which make the layers again
        config: Config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize(DTypePolicy(self.dtype)),
            "layers": [],
        }
        if self.start is not None:
            config["layers"].append(serialize_object(self.start))
        config["layers"] += [layer_entry(layer, self.graph) for layer in self.layers]
        if self.start is not None:
            config["build_input_shape"] = list(self.start.get_config()["batch_shape"])
        return at_rest(config, self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | Sequence[Any], custom_objects: CustomObjects | None = None) -> Any:
        """The model that `get_config` described, of Keras 1 to 3: before Keras 2.2 that is a list of layers."""
        described: Mapping[str, Any] = config_in_keras_3_form("Sequential", config, custom_objects)
        if "input_layers" in described:  # branches that a Merge of Keras 1 began with
            return Model.from_config(described, custom_objects)
        return cls._from_new_config(described, custom_objects)

    @classmethod
    def _from_new_config(cls, config: Mapping[str, Any], custom_objects: CustomObjects | None) -> Any:
        """The model of a config in Keras 3's form."""
        if "layers" not in config:
            return super().from_config(config, custom_objects)
        check_keys(config, ("name", "trainable", "dtype", "layers", "build_input_shape"), "A Sequential")
        with at("layers"):
            layers = [
                deserialize_at(i, entry, custom_objects, ("keras.layers", "keras"))
                for i, entry in enumerate(config["layers"])
            ]
        if config.get("trainable") is False:
            layers = [layer if isinstance(layer, InputLayer) else told(layer) for layer in layers]
        extra = {k: config[k] for k in ("name", "trainable", "dtype") if config.get(k) is not None}
        shape = config.get("build_input_shape")
        if shape and layers and not isinstance(layers[0], InputLayer) and not isinstance(shape[0], list | tuple):
            layers = [InputLayer(batch_shape=shape), *layers]
        model = cls(layers, **extra)
        if model.graph is not None:
            for i, (entry, layer) in enumerate(zip(config["layers"], layers, strict=False)):
                calls = model.graph.calls_of_index.get(id(layer))
                with at("layers", i):
                    check_build_config(layer, entry.get("build_config"), calls[0] if calls else None)
        return model


def _split(layers: Layers, start: InputLayer | None, owner: str) -> tuple[InputLayer | None, tuple[Layer, ...]]:
    """The input layer, if there is one, and the rest, each checked."""
    given: Iterable[Layer | SymbolicTensor] = [layers] if isinstance(layers, Layer | SymbolicTensor) else layers or ()
    rest: list[Layer] = []
    for layer in given:
        if isinstance(layer, SymbolicTensor) and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if isinstance(layer, InputLayer) and not rest:
            start = layer
        else:
            rest.append(_checked_layer(layer, owner))
    if rest and start is None and (rest[0]._batch_input_shape or rest[0]._text_shape) is not None:
        dtype = None if rest[0]._text_shape is None else "string"
        start = InputLayer(batch_shape=rest[0]._batch_input_shape or rest[0]._text_shape, dtype=dtype)
    first_graph = rest[0].graph if rest and start is None else None
    tensor = None if first_graph is None else only_one(first_graph.inputs)
    if isinstance(tensor, SymbolicTensor):  # a model that knows its input tells the Sequential's
        start = InputLayer(batch_shape=tensor.shape, dtype=dtype_name(tensor.dtype))
    return start, tuple(rest)


def _checked_layer(layer: object, owner: str) -> Layer:
    if isinstance(layer, Layer):
        return layer
    raise TypeError(
        explain(
            f"{owner} takes layers.",
            received=f"{type(layer).__name__}: {str(layer)[:60]}",
            usually="a function or a Linen module was given where a layer was meant.",
            write="fk.nn.Lambda(function), fk.nn.Activation('relu'), fk.nn.FlaxLayer(module)",
        )
    )


def _chain(start: InputLayer, layers: tuple[Layer, ...], owner: str) -> Graph:
    first = tensor_of(start)
    x: PyTree = first
    for layer in layers:
        x = layer(x)
    return Graph(first, x, owner)
