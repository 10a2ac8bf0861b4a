"""Model: a layer that is described as a graph, or as a subclass with `call`."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import linen
from flax.core import Scope

from .._graph._dimensions import is_symbolic
from .._graph._graph import Graph, rerecord
from .._graph._inferred import Inferred, needs_example
from .._graph._symbolic import SymbolicTensor
from .._graph._variable_program import fold_in
from .._layer._layer import Layer, default_name
from .._layer._sealing import call_state
from .._layer._trainable import at_rest
from .._layer._variables import counted
from .._words._config import register
from .._words._dtypes import policy_name
from .._words._errors import did_you_mean, explain
from .._words._random_key import as_key
from . import _map_layers, _match_inputs, _model_config, _summary
from ._init_from_example import variables_of
from ._input import InputLayer
from ._run_with_masks import run_graph, sow_masks
from ._sublayers import check_shared, children, find_path, weight_facts


@register("keras", aliases=("Functional",))
class Model(Layer):
    """A model: layers between inputs and outputs.

    `Model(inputs, outputs)` describes the graph that was recorded between symbolic tensors. A subclass with
    `__init__` and `call` is a model too, and one that passes `(inputs, outputs)` on, or is called with them, is a
    graph with methods of its own.

    Args:
        inputs: a symbolic tensor, or any pytree of them; inner tensors of another model's graph too.
        outputs: likewise.
        name: the model's name.

    Raises:
        ValueError: an output that depends on an input which is not given; two layers of one name.

    >>> import fkeras as fk, jax
    >>> inputs = fk.Input((37,))
    >>> x = fk.nn.Dense(32, activation="relu")(inputs)
    >>> outputs = fk.nn.Dense(5, activation="softmax")(x)
    >>> model = fk.Model(inputs, outputs)
    >>> jax.tree.map(lambda a: a.shape, model.init(jax.random.key(0)))["params"]["dense_1"]
    {'bias': (5,), 'kernel': (32, 5)}

    Reference: https://keras.io/api/models/model/
    Unlike Keras a model holds no weights: `init` makes them, `apply` takes them.
    """

    graph: Graph | None = None

    # ------------------------------------------------------------------ construction
    @classmethod
    def _rewrite_arguments(cls, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """`(inputs, outputs)` in any of Keras's spellings become the graph between them."""
        functional = len(args) == 2 or (len(args) == 1 and "outputs" in kwargs) or {"inputs", "outputs"} <= set(kwargs)
        if not functional:
            return args, kwargs
        kwargs = dict(kwargs)
        inputs = args[0] if args else kwargs.pop("inputs")
        outputs = args[1] if len(args) > 1 else kwargs.pop("outputs")
        owner = f"{cls.__name__} {kwargs['name']!r}" if kwargs.get("name") else cls.__name__
        return (), {**kwargs, "graph": Graph(inputs, outputs, owner)}

    def __post_init__(self) -> None:
        if type(self) is Model and self.graph is None:
            raise TypeError(
                explain(
                    "Model() needs inputs and outputs.",
                    usually="a model is described by a graph, or by a subclass with `call`.",
                    write="fk.Model(inputs, outputs), fk.Sequential([...]), or class MyModel(fk.Model): ...",
                )
            )
        copied = self.parent is None or isinstance(self.parent, linen.Module | Scope)  # a copy is told its parent
        super().__post_init__()
        if self.graph is not None and self.parent is None and not copied:
            check_shared(self)
        if self.parent is None and self.name is None and not copied:
            self._set_name(default_name(self) if type(self) is not Model else "functional", may_change=True)

    def setup(self) -> None:
        """Adopt the layers a Keras-style `__init__` made; those of a graph are bound where they run."""
        if not self._runs_graph:
            super().setup()
        elif self._description is not None:
            for name, value in (self._description.attributes or {}).items():
                object.__setattr__(self, name, value)

    # ------------------------------------------------------------------ running
    def call(self, inputs: Any, training: Any = False, mask: Any = None) -> Any:
        """Run the graph on arrays."""
        if self.graph is None:
            raise NotImplementedError(
                explain(
                    f"{type(self).__name__} has no `call` method.",
                    usually="the method is missing or misspelt.",
                    write="def call(self, inputs, training=False): return ...",
                )
            )
        values = _match_inputs.match(self.graph.inputs, inputs, self._input_leaf_names(), self.path_text())
        outputs, masks = run_graph(self, self.graph, values, mask, training)
        call_state(self).output_masks = masks
        sow_masks(self, masks)
        return outputs

    def operate(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run an operation of the graph; a method, so that Linen's interceptors see each under its name."""
        return function(*args, **kwargs)

    @linen.nowrap
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks of the outputs of the call that just ran."""
        masks = call_state(self).output_masks
        if masks is None:
            return super().compute_mask(inputs, mask)
        return masks if any(m is not None for m in masks) else None

    @linen.nowrap
    def init(self, rngs: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make the model's variables; a graph needs no example input.

        Args:
            rngs: a `jax.random.key`, or Linen's `{"params": key, …}`.
            *args: an example input, for a model without a graph, or with a variable that depends on the input
                (a cache as long as the batch).

        Returns:
            `{"params": {layer: {weight: array}}, …}`, a plain pytree; one subtree for each layer.

        Raises:
            ValueError: an example is needed and none was given.

        >>> import fkeras as fk, jax
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> model.init(jax.random.key(0))["params"]["dense"]["bias"]
        Array([0., 0.], dtype=float32)
        """
        if "method" in kwargs or "mutable" in kwargs or not self._runs_graph:
            if not args and not kwargs:
                raise _needs_input(self)
            return super().init(rngs, *args, **kwargs)
        assert self.graph is not None
        given = None
        if args:
            given = _match_inputs.match(self.graph.inputs, args[0], self._input_leaf_names(), self.path_text())
        key = as_key(rngs)

        def key_of(layer: Layer) -> jax.Array:
            # A layer's key depends on its name alone, not on its place or on its neighbours.
            return fold_in(key, zlib.crc32(str(layer.name).encode()))

        needs = self.graph.needs
        if not needs:
            return self._assemble(lambda layer, node: node.program(key_of(layer)))
        if given is None:
            raise needs_example(self.path_text(), needs[0])
        made = variables_of(self.graph, given, key_of)
        return self._assemble(lambda layer, node: made[id(layer)])

    @property
    def _runs_graph(self) -> bool:
        """Whether calling the model runs its graph, rather than a `call` of the user's own."""
        return self.graph is not None and getattr(type(self).call, "runs_graph", False)

    @linen.nowrap
    def _assemble(self, of_layer: Callable[[Layer, Any], Any]) -> dict[str, Any]:
        """One tree from what each layer of the graph contributes."""
        assert self.graph is not None
        variables: dict[str, Any] = {"params": {}}
        for layer in self.graph.layers:
            calls = self.graph.calls_of_index.get(id(layer), [])
            for collection, tree in of_layer(layer, calls[0]).items() if calls else ():
                if tree:
                    variables.setdefault(collection, {})[layer.name] = tree
        return variables

    @linen.nowrap
    def _text_outputs(self, args: Any, kwargs: Any) -> Inferred:
        """A model that takes text: its graph, recorded once more on these tensors."""
        if not self._runs_graph or self.graph is None:
            return super()._text_outputs(args, kwargs)
        inputs = args[0] if args else next(iter(kwargs.values()))
        starts = _match_inputs.match_structure(self.graph.inputs, inputs, self._input_leaf_names(), self.path_text())
        ends = rerecord(self.graph, starts)
        outputs = jax.tree.unflatten(jax.tree.structure(self.graph.outputs), [t.struct for t in ends])
        return Inferred(outputs, self.abstract_variables(), self.init)

    @linen.nowrap
    def abstract_variables(self, *args: Any) -> dict[str, Any]:
        """The variables' shapes and dtypes, a pytree of `jax.ShapeDtypeStruct`; nothing is allocated.

        Args:
            *args: an example input (arrays or structs), for a model without a graph; where a variable's shape
                depends on the input, its size is unknown without one.
        """
        if self._runs_graph and not (args and self.graph.needs):  # type: ignore[union-attr]
            return self._assemble(lambda layer, node: node.variables)
        if not args:
            nodes = self._recorded_nodes()
            if nodes:
                return {"params": {}, **nodes[0].variables}
        return jax.eval_shape(lambda key: self.init(key, *args), jax.eval_shape(lambda: jax.random.key(0)))

    # ------------------------------------------------------------------ looking inside
    @property
    def layers(self) -> tuple[Layer, ...]:
        """The model's layers, in Keras's order; read-only."""
        if self.graph is not None:
            return tuple(self.graph.layers)
        return tuple(layer for _, layer in children(self))

    @linen.nowrap
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its index; the index wins when both are given.

        Raises:
            ValueError: neither was given, the index is out of range, or no layer has the name.
        """
        layers = self.layers
        known = [layer.name for layer in layers]
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    explain(
                        f"{self.path_text()} has {len(layers)} layers, so there is none at index {index}.",
                        received=f"index={index}",
                        usually=f"the layers are {known}",
                    )
                )
            return layers[index]
        if name is None:
            raise ValueError(explain("get_layer needs a name or an index.", write='model.get_layer("dense")'))
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(
            explain(
                f"{self.path_text()} has no layer named {name!r}.",
                received=repr(name),
                usually=did_you_mean(name, [str(k) for k in known]),
                write="model.get_layer(name)",
            )
        )

    @property
    def input(self) -> Any:
        """The symbolic inputs, in the structure the model was described with."""
        return self.graph.inputs if self.graph is not None else Layer.input.fget(self)  # type: ignore[attr-defined]

    @property
    def output(self) -> Any:
        """The symbolic outputs, in the structure the model was described with."""
        return self.graph.outputs if self.graph is not None else Layer.output.fget(self)  # type: ignore[attr-defined]

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs as a flat list."""
        return jax.tree.leaves(self.input)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs as a flat list."""
        return jax.tree.leaves(self.output)

    @property
    def input_shape(self) -> Any:
        """Keras's shapes of the inputs, `None` where unknown."""
        return jax.tree.map(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Keras's shapes of the outputs, `None` where unknown."""
        return jax.tree.map(lambda t: t.shape, self.output)

    @linen.nowrap
    def _input_leaf_names(self) -> list[str]:
        assert self.graph is not None
        return [self.graph.tensor_name(t) for t in jax.tree.leaves(self.graph.inputs)]

    @property
    def input_names(self) -> list[str]:
        """The inputs' names, by leaf."""
        return self._input_leaf_names() if self.graph is not None else []

    @property
    def output_names(self) -> list[str]:
        """The outputs' names: dict keys, or the names of the layers that make them."""
        if self.graph is None:
            return []
        outputs = self.graph.outputs
        if isinstance(outputs, Mapping):
            return sorted(str(k) for k in outputs)
        return [self.graph.tensor_name(t) for t in jax.tree.leaves(outputs)]

    # ------------------------------------------------------------------ variables
    @linen.nowrap
    def count_params(self, variables: Any = None) -> int:
        """How many numbers the model's weights hold, in all collections.

        Args:
            variables: the variables, for a model without a graph.

        >>> import fkeras as fk
        >>> fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)]).count_params()
        8
        """
        tree = variables if variables is not None else self.abstract_variables()
        sizes = [1 if leaf.ndim == 0 else _product(leaf.shape) for leaf in jax.tree.leaves(counted(tree))]
        return sum(sizes)

    @linen.nowrap
    def variables_for(self, nested: Any, variables: Any) -> dict[str, Any]:
        """The part of this model's variables that belongs to a layer or model inside it.

        Args:
            nested: the layer or model itself, or its path (`"backbone/block3"`).
            variables: this model's variables.

        Returns:
            Variables that `nested.apply` takes; the arrays are the same objects.

        Raises:
            ValueError: `nested` is not in this model.

        >>> import fkeras as fk, jax
        >>> dense = fk.nn.Dense(2)
        >>> model = fk.Sequential([fk.Input((3,)), dense])
        >>> variables = model.init(jax.random.key(0))
        >>> sorted(model.variables_for(dense, variables)["params"])
        ['bias', 'kernel']
        """
        path = find_path(self, nested)
        found: dict[str, Any] = {}
        for collection, tree in variables.items():
            for key in path:
                tree = tree.get(key, {}) if isinstance(tree, Mapping) else {}
            if tree or collection == "params":
                found[collection] = tree
        return found

    @linen.nowrap
    def variable_map(self, variables: Any) -> dict[str, Any]:
        """The variables by path, `{"conv2d/kernel": array, …}`, all collections in one.

        >>> import fkeras as fk, jax
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> sorted(model.variable_map(model.init(jax.random.key(0))))
        ['dense/bias', 'dense/kernel']
        """
        found: dict[str, Any] = {}
        for tree in variables.values():
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
                found[jax.tree_util.keystr(path, simple=True, separator="/")] = leaf
        return found

    @linen.nowrap
    def weight_facts(self, *args: Any) -> Any:
        """Which weights train, and each one's constraint: `path -> WeightFacts`.

        Args:
            *args: an example input, for a model without a graph.
        """
        return weight_facts(self, args)

    # ------------------------------------------------------------------ the same model, changed
    @linen.nowrap
    def map_layers(self, function: Callable[[Layer], Layer]) -> Any:
        """A model of the same structure in which each layer is `function(layer)`.

        Args:
            function: called with each layer (of nested models and wrappers too, innermost first); returns the
                layer to put in its place, or the same one. Names, and so variables, stay.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> model.map_layers(lambda layer: layer.replace(dtype="bfloat16")).layers[0].dtype
        'bfloat16'
        """
        return _map_layers.map_layers(self, function)

    @linen.nowrap
    def freeze(self, *patterns: str) -> Any:
        """A model whose layers at the given paths do not train.

        Args:
            *patterns: regular expressions that match whole layer paths, `"backbone/.*"`. A model or wrapper
                that matches freezes all that is in it; `unfreeze` tells some of it to train again.

        Raises:
            ValueError: a pattern that matches no layer.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2), fk.nn.Dense(1)])
        >>> [layer.trainable for layer in model.freeze("dense").layers]
        [False, True]
        """
        return _map_layers.freeze(self, patterns)

    @linen.nowrap
    def unfreeze(self, *patterns: str) -> Any:
        """A model whose layers at the given paths train, also inside a model or wrapper that does not.

        In Keras: `base.trainable = False; base.get_layer("top").trainable = True`.

        Args:
            *patterns: regular expressions that match whole layer paths, `"backbone/block5.*"`. A model or wrapper
                that matches trains with all that is in it.

        Raises:
            ValueError: a pattern that matches no layer.

        >>> import fkeras as fk
        >>> base = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="low"), fk.nn.Dense(1, name="high")], name="base")
        >>> model = fk.Sequential([base, fk.nn.Dense(1)]).freeze("base").unfreeze("base/high")
        >>> sorted("/".join(path) for path, fact in model.weight_facts().items() if path and fact.trainable)
        ['base/high', 'dense']
        """
        return _map_layers.unfreeze(self, patterns)

    @linen.nowrap
    def _replaced(self, changes: dict[str, Any]) -> Any:
        """As Keras's setter does, `trainable=` is told to all layers inside as well."""
        made = super()._replaced(changes)
        return _map_layers.tell_inside(made, changes["trainable"]) if "trainable" in changes else made

    @linen.nowrap
    def with_dtype_policy(self, policy: Any) -> Any:
        """The same model computing under another dtype policy.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> model.with_dtype_policy("mixed_bfloat16").outputs[0].dtype
        dtype(bfloat16)
        """
        name = policy_name(policy)
        return self.map_layers(lambda layer: layer if isinstance(layer, InputLayer) else layer.replace(dtype=name))

    # ------------------------------------------------------------------ config
    @linen.nowrap
    def get_config(self) -> dict[str, Any]:
        """The model as Keras's own config: layers, and how they are called."""
        if self.graph is None:
            return super().get_config()
        return at_rest(_model_config.graph_config(self), self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The model that `get_config` described; its layers come from fkeras and `custom_objects`."""
        if "layers" not in config or "input_layers" not in config:
            return super().from_config(config, custom_objects)
        return _model_config.model_from_graph_config(cls, config, custom_objects)

    @linen.nowrap
    def to_json(self, **kwargs: Any) -> str:
        """The model's config as Keras 3's JSON text; `fk.model_from_json` reads it back."""
        return _model_config.to_json(self, **kwargs)

    @linen.nowrap
    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
        variables: Any = None,
    ) -> None:
        """Print the model's layers, output shapes and numbers of parameters.

        Args:
            line_length: the table's width in characters.
            positions: the columns' relative widths.
            print_fn: called with the whole text instead of `print`.
            expand_nested: whether nested models' layers are shown.
            show_trainable: whether to add a column that says which layers train.
            layer_range: two regular expressions, the names of the first and last layer to show.
            variables: the variables, for a model without a graph.
        """
        _summary.summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range, variables)

    # ------------------------------------------------------------------ doors to the later rooms
    @linen.nowrap
    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """A `Trainer` of this model; the arguments are `fk.train.compile`'s. The model is unchanged."""
        from ...train import compile as door

        return door(self, *args, **kwargs)

    @linen.nowrap
    def predict(self, variables: Any, x: Any, **kwargs: Any) -> Any:
        """The model's outputs for all of `x`, in batches; the arguments are `fk.train.predict`'s."""
        from ...train import predict as door

        return door(self, variables, x, **kwargs)

    @linen.nowrap
    def save(self, filepath: Any, variables: Any, **kwargs: Any) -> None:
        """Save the model and its variables; the arguments are `fk.checkpoint.save_model`'s."""
        from ...checkpoint import save_model as door

        return door(self, filepath, variables, **kwargs)

    @linen.nowrap
    def save_weights(self, filepath: Any, variables: Any, **kwargs: Any) -> None:
        """Save the variables alone; the arguments are `fk.checkpoint.save_weights`'s."""
        from ...checkpoint import save_weights as door

        return door(self, filepath, variables, **kwargs)

    @linen.nowrap
    def load_weights(self, filepath: Any, variables: Any, **kwargs: Any) -> Any:
        """Variables read from a file, checked against `variables`; see `fk.checkpoint.load_weights`."""
        from ...checkpoint import load_weights as door

        return door(self, filepath, variables, **kwargs)

    @linen.nowrap
    def export(self, filepath: Any, variables: Any, format: str = "stablehlo", **kwargs: Any) -> None:
        """Write the model as a program for elsewhere; the arguments are `fk.checkpoint.export`'s."""
        from ...checkpoint import export as door

        return door(self, filepath, variables, format, **kwargs)

    @linen.nowrap
    def quantize(self, variables: Any, mode: Any = "int8", **kwargs: Any) -> Any:
        """`(qmodel, qvariables)`: this model with weights in few bits; see `fk.checkpoint.quantize`."""
        from ...checkpoint import quantize as door

        return door(self, variables, mode, **kwargs)

    @linen.nowrap
    def with_fake_quant(self, mode: Any = "int8", **kwargs: Any) -> Any:
        """This model, computing as `quantize(mode)` will, to be trained so; see `fk.checkpoint.with_fake_quant`."""
        from ...checkpoint import with_fake_quant as door

        return door(self, mode, **kwargs)

    @linen.nowrap
    def with_lora(self, rank: int, filters: Any = None, **kwargs: Any) -> Any:
        """This model at rest, with low-rank changes that train; see `fk.checkpoint.with_lora`."""
        from ...checkpoint import with_lora as door

        return door(self, rank, filters, **kwargs)

    @linen.nowrap
    def lora_variables(self, variables: Any, *args: Any, **kwargs: Any) -> Any:
        """Variables of a model that `with_lora` made, from those of the model it was made from."""
        from ...checkpoint import lora_variables as door

        return door(self, variables, *args, **kwargs)

    @linen.nowrap
    def merge_lora(self, variables: Any, *args: Any) -> Any:
        """`(model, variables)` with the low-rank changes added to the weights; see `fk.checkpoint.merge_lora`."""
        from ...checkpoint import merge_lora as door

        return door(self, variables, *args)


Model.call.runs_graph = True  # type: ignore[attr-defined]


def _product(shape: Any) -> int:
    total = 1
    for d in shape:
        total *= int(d) if not is_symbolic(d) else 1
    return total


def _needs_input(model: Model) -> ValueError:
    return ValueError(
        explain(
            f"{model.path_text()} does not know its input's shape yet.",
            usually="a subclassed model, or a Sequential without an Input, learns its shapes from data.",
            write="variables = model.init(key, x)   # x: one batch, or jax.ShapeDtypeStruct((1, 8), 'float32')",
        )
    )
