"""Model: a layer that is described as a graph, or as a subclass with `call`."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import jax
from flax import linen

from .._graph._graph import Graph, rerecord
from .._graph._inferred import Inferred, needs_example
from .._graph._symbolic import Node, has_symbolic
from .._graph._variable_program import fold_in
from .._layer._bound_sublayers import Path
from .._layer._layer import Layer, WeightFacts, default_name
from .._layer._layer_config import config_of_arguments
from .._layer._sealing import call_state, is_copied, settle
from .._layer._trainable import at_rest
from .._layer._variables import count
from .._old_configs._old_records import config_in_keras_3_form
from .._words._array_errors import describe
from .._words._call_arguments import checked_by_name
from .._words._config import register
from .._words._dtypes import DTypePolicy
from .._words._errors import explain
from .._words._given_instead import holds_weights, variables_in
from .._words._quantized_policies import layer_policy_name
from .._words._random_key import as_key
from .._words._tracebacks import door
from .._words._views import View, Viewed
from ..typing import JSON, Config, CustomObjects, Key, KeyLike, PyTree, Variables, VariablesLike
from . import _map_layers, _match_inputs, _model_json, _model_variables, _model_view, _summary, _summary_view
from ._doors import Doors
from ._init_from_example import variables_of
from ._input import InputLayer
from ._keras_training import returning_a_trainer
from ._looking_inside import LooksInside, input_names_of
from ._not_adapted import warn_of_layers_not_adapted
from ._read_functional_config import model_from_graph_config
from ._run_with_masks import run_graph, sow_masks
from ._sublayers import check_shared
from ._text_on_host import TextRead, known_calls
from ._which_weights_train import weight_facts
from ._with_remat import with_remat
from ._write_functional_config import graph_config

# Who messages say has the verb.
_named = checked_by_name("model")


def runs_graph(call: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Mark a `call` that runs the model's graph, rather than code of a user's own, which may take what it likes."""
    call.runs_graph = True  # type: ignore[attr-defined]
    return call


@register("keras", aliases=("Functional",))
class Model(Doors, Viewed, LooksInside):
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

    _rewritten: ClassVar[tuple[str, ...]] = ("inputs", "outputs")
    _takes_input_shape: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: object) -> None:
        if "compile" in vars(cls):
            cls.compile = returning_a_trainer(vars(cls)["compile"])  # type: ignore[method-assign]
        super().__init_subclass__(**kwargs)

    # ------------------------------------------------------------------ construction
    if TYPE_CHECKING:  # checkers and editors make one of the fields

        def __init__(
            self,
            inputs: PyTree = None,
            outputs: PyTree = None,
            *,
            trainable: bool = True,
            name: str | None = None,
            **kwargs: PyTree,
        ) -> None: ...

    @classmethod
    def _rewrite_arguments(
        cls, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]
    ) -> tuple[tuple[PyTree, ...], dict[str, PyTree]]:
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
        copied = is_copied(self)
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
                settle(self, name, value)

    # ------------------------------------------------------------------ running
    @runs_graph
    def call(self, inputs: PyTree, training: bool | None = None, mask: PyTree = None) -> PyTree:
        """Run the graph on arrays.

        Returns:
            The outputs, in the structure that the model was described with.
        """
        if self.graph is None:
            raise NotImplementedError(
                explain(
                    f"{type(self).__name__} has no `call` method.",
                    usually="the method is missing or misspelt.",
                    write="def call(self, inputs, training=False): return ...",
                )
            )
        known: Mapping[int, Any] = {}
        if isinstance(inputs, TextRead):
            values, known = inputs.inputs, known_calls(self.graph, inputs)
        else:
            values = _match_inputs.match(self.graph.inputs, inputs, input_names_of(self.graph), self.path_text())
        outputs, masks = run_graph(self, self.graph, values, mask, training, known)
        call_state(self).output_masks = masks
        sow_masks(self, masks)
        return outputs

    def operate(
        self, name: str, function: Callable[..., Any], args: tuple[PyTree, ...], kwargs: Mapping[str, PyTree]
    ) -> PyTree:
        """Run an operation of the graph; a method, so that Linen's interceptors see each under its name."""
        return function(*args, **kwargs)

    @linen.nowrap
    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        """The masks of the outputs of the call that just ran; `None` where none has one."""
        masks = call_state(self).output_masks
        if masks is None:
            return super().compute_mask(inputs, mask)
        return masks if any(m is not None for m in masks) else None

    @linen.nowrap
    @door
    @_named
    def init(self, rngs: KeyLike | Mapping[str, Key], *args: PyTree, **kwargs: Any) -> dict[str, PyTree]:
        """Make the model's variables; a graph needs no example input.

        Args:
            rngs: a seed or a `jax.random.key`, or Linen's `{"params": key, …}`.
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
        warn_of_layers_not_adapted(self, rngs)
        if "method" in kwargs or "mutable" in kwargs or not self._runs_graph:
            if not args and not kwargs:
                raise _needs_input(self)
            return super().init(rngs, *args, **kwargs)
        assert self.graph is not None
        given = None
        if args:
            given = _match_inputs.match(self.graph.inputs, args[0], input_names_of(self.graph), self.path_text())
        key = as_key(rngs)

        def key_of(layer: Layer) -> Key:
            # A layer's key depends on its name alone, not on its place or on its neighbours.
            return fold_in(key, zlib.crc32(str(layer.name).encode()))

        needs = self.graph.needs
        if not needs:
            return self._assemble(lambda layer, node: node.program(key_of(layer)))
        if given is None:
            raise needs_example(self.path_text(), needs[0])
        of_layer = variables_of(self.graph, given, key_of)
        return self._assemble(lambda layer, node: of_layer[id(layer)])

    @property
    def _runs_graph(self) -> bool:
        """Whether calling the model runs its graph, rather than a `call` of the user's own."""
        return self.graph is not None and getattr(type(self).call, "runs_graph", False)

    @linen.nowrap
    def _assemble(self, of_layer: Callable[[Layer, Node], Variables]) -> dict[str, PyTree]:
        """One tree from what each layer of the graph contributes."""
        assert self.graph is not None
        variables: dict[str, PyTree] = {"params": {}}
        for layer in self.graph.layers:
            calls = self.graph.calls_of_index.get(id(layer), ())
            for collection, tree in of_layer(layer, calls[0]).items() if calls else ():
                if tree:
                    variables.setdefault(collection, {})[layer.name] = tree
        return variables

    @linen.nowrap
    def _text_outputs(self, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> Inferred:
        """A model that takes text: its graph, recorded once more on these tensors."""
        if not self._runs_graph or self.graph is None:
            return super()._text_outputs(args, kwargs)
        inputs = args[0] if args else next(iter(kwargs.values()))
        names = input_names_of(self.graph)
        starts = _match_inputs.match_structure(self.graph.inputs, inputs, names, self.path_text())
        ends = rerecord(self.graph, starts)
        outputs = self.graph.in_structure_of_outputs([tensor.struct for tensor in ends])
        return Inferred(outputs, self.abstract_variables(), self.init)

    @linen.nowrap
    def abstract_variables(self, *args: PyTree) -> dict[str, PyTree]:
        """The variables' shapes and dtypes, a pytree of `jax.ShapeDtypeStruct`; nothing is allocated.

        Args:
            *args: an example input (arrays or structs), for a model without a graph; where a variable's shape
                depends on the input, its size is unknown without one.

        Returns:
            A pytree like the one that `init` returns.
        """
        if self._runs_graph and not (args and self.graph.needs):  # type: ignore[union-attr]
            return self._assemble(lambda layer, node: _model_variables.with_own_dicts(node.variables))
        if not args:
            nodes = self._recorded_nodes()
            if nodes:
                return {"params": {}, **nodes[0].variables}
        key_struct = jax.eval_shape(lambda: jax.random.key(0))
        structs: dict[str, PyTree] = jax.eval_shape(lambda key: self.init(key, *args), key_struct)
        return structs

    # ------------------------------------------------------------------ variables
    @linen.nowrap
    def count_params(self, variables: VariablesLike | None = None) -> int:
        """How many numbers the model's weights hold, in all collections.

        Args:
            variables: the variables or the state of a run, for a model without a graph.

        Returns:
            The count.

        >>> import fkeras as fk
        >>> fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)]).count_params()
        8
        """
        return count(self.abstract_variables() if variables is None else variables_in(variables))

    @linen.nowrap
    @_named
    def variables_for(self, nested: Layer | str, variables: VariablesLike) -> dict[str, PyTree]:
        """The part of this model's variables that belongs to a layer or model inside it.

        Args:
            nested: the layer or model itself, or its path (`"backbone/block3"`).
            variables: this model's variables, or the state of a run.

        Returns:
            Variables that `nested.apply` takes; the arrays are the same objects. `put` puts others in their place.

        Raises:
            ValueError: `nested` is not in this model.

        >>> import fkeras as fk, jax
        >>> dense = fk.nn.Dense(2)
        >>> model = fk.Sequential([fk.Input((3,)), dense])
        >>> variables = model.init(jax.random.key(0))
        >>> sorted(model.variables_for(dense, variables)["params"])
        ['bias', 'kernel']
        """
        return _model_variables.part_of(variables_in(variables), self, nested)

    @linen.nowrap
    def put(self, variables: VariablesLike, nested: Layer | str, part: VariablesLike) -> dict[str, PyTree]:
        """This model's variables with other ones for a layer or model inside it; the inverse of `variables_for`.

        Args:
            variables: this model's variables, which stay as they are.
            nested: the layer or model itself, or its path (`"backbone/block3"`).
            part: all its variables, `{"params": …, "batch_stats": …}`, as `nested.init` or a file has them.

        Returns:
            New variables; all other arrays are the same objects.

        Raises:
            ValueError: `nested` is not in this model, or arrays that are missing, unexpected, or of another shape or
                dtype: all are listed.

        >>> import fkeras as fk, jax
        >>> base = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)], name="base")
        >>> model = fk.Sequential([base, fk.nn.Dense(1)])
        >>> trained = base.init(jax.random.key(7))
        >>> variables = model.put(model.init(jax.random.key(0)), "base", trained)
        >>> variables["params"]["base"]["dense"]["kernel"] is trained["params"]["dense"]["kernel"]
        True
        """
        expected = self.abstract_variables() if self._runs_graph else None
        return _model_variables.with_part(variables_in(variables), self, nested, variables_in(part), expected)

    @linen.nowrap
    def weight_facts(self, *args: PyTree) -> dict[Path, WeightFacts]:
        """Which weights train, and each one's constraint: `path -> WeightFacts`.

        Args:
            *args: an example input, for a model without a graph.

        Returns:
            Facts by the path of each weight.
        """
        return weight_facts(self, args)

    # ------------------------------------------------------------------ the same model, changed
    @linen.nowrap
    def map_layers(self, function: Callable[[Layer], Layer]) -> Self:
        """A model of the same structure in which each layer is `function(layer)`.

        Args:
            function: called with each layer (of nested models and wrappers too, innermost first); returns the
                layer to put in its place, or the same one. Names, and so variables, stay.

        Returns:
            The new model; this one stays as it is.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> model.map_layers(lambda layer: layer.replace(dtype="bfloat16")).layers[0].dtype
        'bfloat16'
        """
        return _map_layers.map_layers(self, function)

    @linen.nowrap
    def freeze(self, *patterns: str | Layer) -> Self:
        """A model whose layers at the given paths do not train.

        Args:
            *patterns: layers, or regular expressions that match whole layer paths, `"backbone/.*"`. A model or wrapper
                that matches freezes all that is in it; `unfreeze` tells some of it to train again. Without a pattern
                nothing trains, as after Keras's `model.trainable = False`.

        Returns:
            A model for the same variables.

        Raises:
            ValueError: a pattern that matches no layer.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2), fk.nn.Dense(1)])
        >>> [layer.trainable for layer in model.freeze("dense").layers]
        [False, True]
        """
        return _map_layers.freeze(self, patterns) if patterns else self.replace(trainable=False)

    @linen.nowrap
    def unfreeze(self, *patterns: str | Layer) -> Self:
        """A model whose layers at the given paths train, also inside a model or wrapper that does not.

        In Keras: `base.trainable = False; base.get_layer("top").trainable = True`.

        Args:
            *patterns: layers, or regular expressions that match whole layer paths, `"backbone/block5.*"`. A model or
                wrapper that matches trains with all that is in it. Without a pattern everything trains, as after
                Keras's `model.trainable = True`.

        Returns:
            A model for the same variables.

        Raises:
            ValueError: a pattern that matches no layer.

        >>> import fkeras as fk
        >>> base = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="low"), fk.nn.Dense(1, name="high")], name="base")
        >>> model = fk.Sequential([base, fk.nn.Dense(1)]).freeze("base").unfreeze("base/high")
        >>> sorted("/".join(path) for path, fact in model.weight_facts().items() if path and fact.trainable)
        ['base/high', 'dense']
        """
        return _map_layers.unfreeze(self, patterns) if patterns else self.replace(trainable=True)

    @linen.nowrap
    def with_remat(self, policies: Mapping[str, object]) -> Self:
        """The same model, in which a backward pass computes values of the layers at the given paths again.

        Args:
            policies: `{pattern: policy}`. A pattern matches whole layer paths, as those of `freeze`, and means the
                outermost layers that it matches, each as a whole; the first that matches a layer counts. A policy is
                one of `fk.nn.remat`, `"dots_saveable"` say, or `None` to keep nothing.

        Returns:
            A model of the same variables and numbers.

        Raises:
            ValueError: a pattern that matches no layer, or an unknown policy.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(3, name="block_0"), fk.nn.Dense(1)])
        >>> model.with_remat({"block_.*": "dots_saveable"}).layers
        [remat(Dense(units=3, name='block_0'), 'dots_saveable'), Dense(units=1, name='dense')]

        Reference: https://docs.jax.dev/en/latest/gradient-checkpointing.html
        """
        return with_remat(self, policies)

    @linen.nowrap
    def _replaced(self, changes: dict[str, Any]) -> Self:
        """As Keras's setter does, `trainable=` is told to all layers inside as well."""
        model: Self = super()._replaced(changes)
        return _map_layers.tell_inside(model, changes["trainable"]) if "trainable" in changes else model

    @linen.nowrap
    def with_dtype_policy(self, policy: str | DTypePolicy) -> Self:
        """The same model computing under another dtype policy.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> model.with_dtype_policy("mixed_bfloat16").outputs[0].dtype
        dtype(bfloat16)
        """
        name = layer_policy_name(policy)
        return self.map_layers(lambda layer: layer if isinstance(layer, InputLayer) else layer.replace(dtype=name))

    # ------------------------------------------------------------------ config
    @classmethod
    def _config_is_arguments(cls) -> bool:
        return False  # an `__init__` may be given inputs and outputs: each model's `get_config` looks

    @linen.nowrap
    def get_config(self) -> Config:
        """The model as Keras's own config: layers and their calls; of an `__init__` of one's own, its arguments."""
        description = self._description
        if description is not None and not has_symbolic((description.args, description.kwargs)):
            return config_of_arguments(self)  # which make the graph again
        if self.graph is None:
            return super().get_config()
        return at_rest(graph_config(self, self.graph), self)

    @classmethod
    def from_config(cls, config: Mapping[str, JSON], custom_objects: CustomObjects | None = None) -> Any:
        """The model that `get_config` described, of Keras 1 to 3; its layers come from fkeras and `custom_objects`."""
        config = config_in_keras_3_form("Functional", config, custom_objects)
        if "layers" not in config or "input_layers" not in config:
            return super().from_config(config, custom_objects)
        return model_from_graph_config(cls, config, custom_objects)

    @linen.nowrap
    def to_json(self, **kwargs: Any) -> str:
        """The model's config as Keras 3's JSON text; `fk.model_from_json` reads it back.

        Args:
            **kwargs: those of `json.dumps`.

        Returns:
            The text.
        """
        return _model_json.to_json(self, **kwargs)

    @linen.nowrap
    def summary(
        self,
        line_length: int | VariablesLike | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
        variables: VariablesLike | None = None,
        *,
        cost: bool | int = False,
    ) -> None:
        """Print the model's layers, output shapes and numbers of parameters; in a notebook, show them as a table.

        Args:
            line_length: the table's width in characters; or what `variables` takes.
            positions: the columns' relative widths.
            print_fn: called with the whole text instead of `print`.
            expand_nested: whether nested models' layers are shown.
            show_trainable: whether to add a column that says which layers train.
            layer_range: two regular expressions, the names of the first and last layer to show.
            variables: the variables or the state of a run, for a model without a graph.
            cost: whether to add what a call of each layer costs in inference mode, for one row, or for so many as the
                number says: floating-point operations, and bytes that are read and written, by XLA's analysis before
                it compiles.

        Raises:
            ValueError: `cost` of a model that has an input whose shape is not known.
        """
        if holds_weights(line_length):  # `summary(state)`
            line_length, variables = None, cast(VariablesLike, line_length)
        if not isinstance(line_length, int | None):
            raise TypeError(
                explain(
                    f"`summary` of {self.path_text()} takes the table's width first, or the state of a run.",
                    received=describe(line_length),
                    write="model.summary(80), model.summary(state)",
                )
            )
        summary = _summary.summary_of(self, expand_nested, show_trainable, layer_range, variables, cost)
        _summary_view.show(summary, line_length, positions, print_fn)

    @linen.nowrap
    def _view(self) -> View:
        return _model_view.model_view(self)

    def __repr__(self) -> str:
        written = _model_view.model_repr(self)
        return written if self._remat is None else f"remat({written}, {self._remat!r})"


def _needs_input(model: Model) -> ValueError:
    return ValueError(
        explain(
            f"{model.path_text()} does not know its input's shape yet.",
            usually="a subclassed model, or a Sequential without an Input, learns its shapes from data.",
            write="variables = model.init(key, x)   # x: one batch, or jax.ShapeDtypeStruct((1, 8), 'float32')",
        )
    )
