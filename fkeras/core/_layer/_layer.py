"""Layer: a Flax Linen module that speaks Keras.

A layer is a frozen description. On symbolic tensors its call records a node; bound to variables (inside
`apply`, or inside any Linen module) it runs; unbound on arrays it runs when it has no weights.

This file is what an author of layers meets. README.md of this folder says how it works.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar, Self, cast

import jax
import jax.numpy as jnp
from flax import linen
from flax.core import Scope

from .._graph._graph import Graph  # noqa: F401 - named in a type comment
from .._graph._inferred import Inferred
from .._graph._symbolic import Node, SymbolicTensor
from .._graph._trace_cache import key_of_layer
from .._words._arrays import as_input
from .._words._config import get
from .._words._dtypes import DTypePolicy
from .._words._errors import explain
from .._words._fields import field
from .._words._naming import snake_case
from .._words._quantized_policies import layer_policy_name, policy_of
from .._words._random_key import as_key, as_rngs
from .._words._tracebacks import door
from ..typing import JSON, Config, CustomObjects, DTypeLike, Key, KeyLike, PyTree, Shape, Spec, Variables, VariablesLike
from . import (
    _build,
    _copying,
    _layer_config,
    _layer_repr,
    _layer_value,
    _output_shapes,
    _recorded_calls,
    _sealing,
    _weights,
)
from ._axis_names import WeightAxes
from ._bound_call import MISSING, RunsBound, cast_inputs, dispatching
from ._checked_variables import check_collections
from ._construct import Arguments, Description, run_user_init
from ._inherited_weights import inherited_weight
from ._keras_attributes import AnswersKerasNames
from ._layer_class import LayerClass
from ._layer_errors import check_attribute, check_name, lacking, said_of
from ._linen_modules import holds_module
from ._planned_weights import with_made
from ._recorded_calls import RecordedCall
from ._remat import remat_policy
from ._shown_names import shown_names
from ._stacked_weights import Overwritten
from ._sublayers import sublayers_of
from ._variables import as_arrays
from ._variables_of_inside import of_a_layer_inside
from ._weight_facts import WeightFacts as WeightFacts
from ._weight_facts import abstract_call, abstract_init
from ._weight_verbs import WeightVerbs
from ._weights import Storage


def _optional(module: str) -> Callable[[Spec], Callable[..., jax.Array] | None]:
    return lambda value: get(module, value)


class Layer(AnswersKerasNames, WeightVerbs, LayerClass, kw_only=True):
    """The base of every layer and model.

    Write a subclass as in Keras: `__init__`, `build(input_shape)` with `add_weight`, `call(inputs)`; or as in
    Flax: typed fields, and `call` as `@nn.compact`, or `setup`. Both have a config, work in graphs, and work
    inside any Linen module.

    Args:
        activity_regularizer: function of the output whose value, divided by the batch size, joins the loss.
        trainable: whether the optimizer moves the weights; `False` holds for all layers inside it as well, but for
            those that `unfreeze` told to train.
        dtype: a dtype's name or a policy's (`"mixed_bfloat16"`); float32 by default.
        name: the layer's name in a model; by default its class's in snake case, counted per model.
        weight_axes: what the axes of its weights are called, `{"query/kernel": ("embed", "heads", None)}`, for a layout
            by names (`fk.distribution.LogicalAxes`). Of one weight also `<weight>_axes=`:
            `fk.nn.Dense(64, kernel_axes=("embed", "mlp"))`. It is in no file that Keras reads as an argument.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> class Linear(fk.nn.Layer):
    ...     def __init__(self, units=32, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.units = units
    ...     def build(self, input_shape):
    ...         self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")
    ...     def call(self, inputs):
    ...         return jnp.einsum("...i,io->...o", inputs, self.w)
    >>> variables = Linear(4).init(jax.random.key(0), jnp.ones((2, 3)))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'w': (3, 4)}}

    Reference: https://keras.io/api/layers/base_layer/
    Unlike Keras a layer holds no weights, and setting an attribute after construction is an error.
    """

    activity_regularizer: Callable[..., jax.Array] | None = field(None, convert=_optional("keras.regularizers"))
    trainable: bool = True
    dtype: Any = field(None, convert=layer_policy_name)
    _weights_as: Storage | None = None  # how the weights are kept, where not as plain arrays: see `stored_as`
    _remat: str | None = None  # what a backward pass keeps of it, where not all: see `remat`
    _weight_axes: WeightAxes | None = None  # what the axes of its weights are called: see `_axis_names`
    _unfrozen: bool = False  # trains though a layer around it does not: see `_trainable`
    _batch_input_shape: Shape | None = None  # of the Input that a Sequential puts before it: see `_first_layers`
    _description: Description | None = None

    # Whether the layer hands its input's mask on unchanged (Keras's attribute of that name).
    supports_masking = False
    # What its inputs have to be (Keras's attribute of that name).
    input_spec = None  # type: PyTree
    # Whether floating-point inputs are cast to the compute dtype.
    autocast = True
    # Whether the constructor takes `input_shape=`; models have inputs of their own.
    _takes_input_shape: ClassVar[bool] = True
    # The graph that a model is described by. No annotation, which would make a field of it.
    graph = None  # type: Graph | None

    # Outside Linen's wrapper, which refuses an unbound compact module before anything else runs.
    __call__ = dispatching(RunsBound.__call__)

    # ------------------------------------------------------------------ what an author writes
    def call(self, *args: PyTree, **kwargs: PyTree) -> PyTree:
        """The forward pass; each layer writes its own."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} has no `call` method.",
                usually="the method is missing or misspelt.",
                write="def call(self, inputs, training=False): return ...",
            )
        )

    @_build.makes_nothing
    def build(self, *args: PyTree, **kwargs: PyTree) -> None:
        """Make weights and layers that depend on the input's shape; runs once, before `call`.

        Args:
            *args, **kwargs: `input_shape`; or `query_shape` and so on, a shape for each argument of `call` that the
                method of one's own names.
        """
        if self.scope is None:
            _build.say_nothing_is_built(self)

    @linen.nowrap
    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        """The mask of the output, from the mask of the first argument; `None` for no mask."""
        return mask if self.supports_masking else None

    # ------------------------------------------------------------------ weights and losses, inside `call`
    def add_weight(
        self,
        shape: Shape | int | None = None,
        initializer: Spec = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Spec = None,
        constraint: Spec = None,
        name: str | None = None,
        overwrite_with_gradient: bool = False,
    ) -> Any:
        """Make, or on later calls read, a weight of this layer.

        In `build` or `call`; in an `__init__`, where the shape is known there, it is made when the layer is bound.

        Args:
            shape: its shape, concrete integers; `()` by default.
            initializer: a name or object of `fk.initializers`, or `(key, shape, dtype) -> array`; by default
                `glorot_uniform` for floats and `zeros` for the rest.
            dtype: the stored dtype; the policy's by default.
            trainable: `False` puts it in the collection `non_trainable` and returns a `StateWeight`.
            autocast: whether a floating-point weight is read in the compute dtype.
            regularizer: function of the weight whose value joins the loss.
            constraint: projection that the Trainer applies after each update.
            name: its name in the variables; `weight`, `weight_1`, … by default.
            overwrite_with_gradient: whether the Trainer takes the weight's gradient as its next value, and no optimizer
                moves it; a function with a derivative of its own (`jax.custom_vjp`) says what that is.

        Returns:
            The weight as an array, or a `StateWeight` when not trainable.

        Raises:
            ValueError: a dimension that is unknown.
        """
        rule = Overwritten() if overwrite_with_gradient else constraint
        return _weights.add_weight(self, shape, initializer, dtype, trainable, autocast, regularizer, rule, name)

    def add_variable(self, *args: PyTree, **kwargs: PyTree) -> Any:
        """Keras's other name for `add_weight`, with its arguments."""
        return self.add_weight(*args, **kwargs)

    def add_loss(self, loss: PyTree) -> None:
        """Add a scalar (or a function that makes one) to what the Trainer minimises.

        It is sown into the collection `losses`: kept by `apply(..., mutable=["losses"])`, dropped otherwise.
        """
        _weights.add_loss(self, loss)

    trains = linen.nowrap(_weights.trains)
    # How this layer says that its weights are kept; and what stands for the product of inputs and kernel then.
    _storage_told = linen.nowrap(_weights.storage_told)
    _contract = linen.nowrap(_weights.contract)

    @property
    def compute_dtype(self) -> str:
        """The dtype of the arithmetic and the outputs."""
        return policy_of(self.dtype).compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return policy_of(self.dtype).variable_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype that floating-point inputs are cast to."""
        return self.compute_dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """Both dtypes, as Keras's policy."""
        return policy_of(self.dtype)

    # ------------------------------------------------------------------ variables
    @linen.nowrap
    @door
    def init(self, rngs: KeyLike | Mapping[str, Key], *args: PyTree, **kwargs: PyTree) -> dict[str, PyTree]:
        """Make the layer's variables, without running its forward pass.

        Shapes are inferred abstractly; then each weight is drawn, one compilation for each distinct
        (initializer, shape, dtype). Works under `jax.jit`, `jax.vmap` and `jax.eval_shape`.

        Args:
            rngs: a seed or a `jax.random.key`, or Linen's `{"params": key, …}`.
            *args: the call's inputs: arrays, or `jax.ShapeDtypeStruct`s.
            **kwargs: the call's keyword arguments.

        Returns:
            `{"params": …, "batch_stats": …}`, a plain pytree.
        """
        if "method" in kwargs or "mutable" in kwargs:
            return dict(super().init(as_rngs(rngs), *args, **kwargs))
        return abstract_init(self, as_key(rngs), args, kwargs)

    @linen.nowrap
    @door
    def apply(self, variables: VariablesLike, *args: PyTree, **kwargs: PyTree) -> PyTree:
        """Run the layer on variables; Linen's own contract.

        Args:
            variables: what `init` made, `{"params": …, "batch_stats": …}`, or the state of a run, which has them.
            *args: the call's inputs.
            **kwargs: the call's keyword arguments, and Linen's `rngs=` (seeds or keys), `mutable=`, `method=`.

        Returns:
            The output; with `mutable=`, `(output, updates)`. Without it new values of variables, such as those of a
            BatchNormalization that trains, are dropped with a warning, where Linen raises; `mutable=[]` drops them
            in silence.

        Raises:
            ValueError: variables that lack what the layer reads, or randomness without a key.
        """
        variables = check_collections(self.path_text(), variables, rest=args)
        if "rngs" in kwargs:
            kwargs["rngs"] = as_rngs(kwargs["rngs"])
        try:
            outputs = super().apply(variables, *map(as_input, args), **kwargs)
        except MISSING as error:
            raise lacking(self, variables, error, of_a_layer_inside(self, variables)) from None
        return as_arrays(outputs) if "method" in kwargs else outputs

    @linen.nowrap
    def build_from_config(self, config: Mapping[str, JSON]) -> Variables:
        """The layer's variables as shapes and dtypes, from a `build_config`.

        Args:
            config: `{"input_shape": [None, 8]}` as Keras writes it.

        Returns:
            A pytree of `jax.ShapeDtypeStruct` like the one `init` returns.

        >>> import fkeras as fk
        >>> fk.nn.Dense(2).build_from_config({"input_shape": [None, 3]})["params"]["kernel"]
        ShapeDtypeStruct(shape=(3, 2), dtype=float32)
        """
        return _layer_config.abstract_from_build_config(self, config)

    @linen.nowrap
    def compute_output_shape(self, *args: PyTree, **kwargs: PyTree) -> PyTree:
        """The shape of what the layer returns, for inputs of a shape; nothing is allocated.

        Args:
            *args: the shapes of the call's arguments, each a tuple with `None` for what is not known; lists and dicts
                of shapes where the layer takes such.
            **kwargs: shapes by argument, `query_shape=…`.

        Returns:
            A shape, or the outputs' structure of them.

        Raises:
            ValueError: an input that the layer cannot take.

        >>> import fkeras as fk
        >>> fk.nn.Conv2D(6, 3, strides=2).compute_output_shape((None, 9, 9, 1))
        (None, 4, 4, 6)
        """
        return _output_shapes.output_shape(self, args, kwargs)

    @linen.nowrap
    def compute_output_spec(self, *args: PyTree, **kwargs: PyTree) -> PyTree:
        """What the layer returns as symbolic tensors, with shapes and dtypes; the call is not remembered.

        Args:
            *args, **kwargs: the call's arguments: symbolic tensors, `jax.ShapeDtypeStruct`s or arrays.

        Returns:
            A symbolic tensor in the place of each array that a call returns.

        >>> import fkeras as fk
        >>> fk.nn.Dense(2).compute_output_spec(fk.Input((3,))).shape
        (None, 2)
        """
        return _output_shapes.output_spec(self, args, kwargs)

    # ------------------------------------------------------------------ looking inside
    @linen.nowrap
    def sublayers(self) -> dict[str, Layer]:
        """The layers directly inside this one, each once, by the name under which its variables live.

        Those that `build` or `setup` makes are not among them: they are there while the layer runs.

        >>> import fkeras as fk
        >>> fk.nn.TimeDistributed(fk.nn.Dense(2)).sublayers()
        {'layer': Dense(units=2)}
        """
        return sublayers_of(self)

    @linen.nowrap
    def count_params(self, variables: VariablesLike | None = None) -> int:
        """How many numbers the weights hold, in all collections.

        Args:
            variables: the layer's own variables, for one that was called in no graph.

        Returns:
            The count.

        Raises:
            ValueError: neither is there.

        >>> import fkeras as fk
        >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
        >>> model.layers[0].count_params()
        8
        """
        return _recorded_calls.count_params(self, variables)

    @property
    def output(self) -> PyTree:
        """The symbolic output of the layer's one recorded call."""
        _, tensors, treedef = _recorded_calls.the_call(self, "output")
        return jax.tree.unflatten(treedef, tensors)

    @property
    def input(self) -> PyTree:
        """The symbolic input of the layer's one recorded call."""
        args, kwargs = _recorded_calls.the_call(self, "input")[0].arguments
        return args[0] if args else kwargs

    @linen.nowrap
    def path_text(self) -> str:
        """How messages call this layer: class and name or path."""
        where = "/".join(self.path) if self.scope is not None else self.name
        return f"Layer {where!r} ({type(self).__name__})" if where else f"Layer {type(self).__name__}"

    def __repr__(self) -> str:
        return _layer_repr.repr_of(self)

    def __dir__(self) -> list[str]:
        return shown_names(self, super().__dir__())

    # ------------------------------------------------------------------ config and changed copies
    @linen.nowrap
    def get_config(self) -> Config:
        """The constructor's arguments as JSON values, under Keras's names."""
        return _layer_config.config_of(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: CustomObjects | None = None) -> Any:
        """The layer that `get_config` described.

        Raises:
            ValueError: an argument the class does not take, or an unknown class inside the config.
        """
        return _layer_config.layer_from_config(cls, config, custom_objects)

    @linen.nowrap
    def replace(self, **changes: object) -> Self:
        """A copy with some arguments changed; it has no recorded calls.

        >>> import fkeras as fk
        >>> fk.nn.Dense(3).replace(units=5).units
        5
        """
        changed = self._replaced(changes)
        if "trainable" in changes:
            _sealing.memory_of(changed).trainable_was_told = True
        return changed

    @linen.nowrap
    def _replaced(self, changes: Arguments) -> Self:
        return cast(Self, _layer_config.replaced(self, changes))

    @linen.nowrap
    def stored_as(self, storage: Storage | None) -> Self:
        """The same layer with its weights kept in another form; layers that it makes inside `call` follow it.

        Args:
            storage: a hashable value with a config and two methods. `weight(layer, name, make, shape, dtype)` reads
                (or makes) a weight and returns it as the layer computes with it; `inputs(layer, args)` may change
                what the layer computes on. `None` for plain arrays.

        Returns:
            The layer.
        """
        return self.clone(parent=None, name=self.name, _weights_as=storage)

    @linen.nowrap
    def _with_remat(self, policy: object) -> Self:
        """The same layer, of which a backward pass keeps what the policy says: see `remat`."""
        return self.clone(parent=None, name=self.name, _remat=remat_policy(policy))

    @property
    def _stacked_blocks(self) -> int:
        """How many times it runs the layers in it, whose variables are stacked; 0 for a layer that does not."""
        return 0

    # ------------------------------------------------------------------ construction, see _construct.py and _sealing.py
    @classmethod
    def _rewrite_arguments(cls, args: tuple[object, ...], kwargs: Arguments) -> tuple[tuple[object, ...], Arguments]:
        """A class's chance to read its constructor's arguments in another way (a model by its outputs)."""
        return args, kwargs

    def __post_init__(self) -> None:
        self._convert()
        if _sealing.memory_of(self).recorded is None:  # while a Keras-style `__init__` runs it has its place already
            self._attach()

    @linen.nowrap
    def _attach(self) -> None:
        """Give the layer its place in the module around it, which is Linen's part of construction."""
        super().__post_init__()
        parent = self.parent
        if isinstance(parent, Layer):
            state = _sealing.call_state_if_any(parent)
            if state is not None and state.is_building:
                state.layers_built.append(self)

    @linen.nowrap
    def _convert(self) -> None:
        """Resolve and check the arguments; an error names the layer."""
        try:
            check_name(self.name, self._any_name)
            if "params" in self.__dict__ and holds_module(self.__dict__["params"]):
                check_attribute(self, "params")
            for f in self._converters:
                value = getattr(self, f.name, None)
                converted = f.metadata["convert"](value)
                if converted is not value:
                    _sealing.settle(self, f.name, converted)
        except (ValueError, TypeError) as error:
            named = said_of(f"{type(self).__name__}" + (f" {self.name!r}" if self.name else ""), error)
            if named is error:
                raise
            raise named from None

    def setup(self) -> None:
        """Hand what a Keras-style `__init__` set to Linen, which adopts the layers among it."""
        description = self._description
        if description is None:
            return
        if _build.has_build(self):
            _sealing.call_state(self).growing = {}
        if description.attributes is None:
            run_user_init(self, description)
            return
        fields = type(self).__dataclass_fields__
        made = [_weights.add_weight(self, **planned.arguments) for planned in description.weights]
        for name, value in description.attributes.items():
            if name not in fields:  # which Linen adopted when the layer got its place
                setattr(self, name, with_made(value, made) if made else value)

    __setattr__ = linen.nowrap(_sealing.set_attribute)  # type: ignore[assignment]
    __delattr__ = linen.nowrap(_sealing.delete_attribute)

    @linen.nowrap
    def __getattr__(self, name: str) -> Any:
        state = _sealing.call_state_if_any(self)
        if state is not None and state.build_again is not None and _build.build_again(self, state, name):
            return vars(self)[name]
        weight = inherited_weight(self, name)
        return super().__getattr__(name) if weight is None else weight

    @linen.nowrap
    def clone(self, *, parent: Any = None, **updates: Any) -> Self:
        """Linen's copy; one that a lifted method runs on has what `build` set, made again where it runs."""
        copy = super().clone(parent=parent, **updates)
        if isinstance(parent, Scope):
            _build.carry_build(self, copy)
        return copy

    # ------------------------------------------------------------------ a layer is a value
    @linen.nowrap
    def _layer_key(self) -> tuple[object, ...]:
        """What the layer is, as a hashable value: its class and configuration."""
        return _sealing.cached_key(self, lambda: _layer_value.key_of(self))

    @linen.nowrap
    def _trace_key(self) -> Hashable:
        """What two layers have in common that may share a trace."""
        return key_of_layer(self)

    def __hash__(self) -> int:
        return _sealing.cached_hash(self)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or not isinstance(other, Layer):
            return NotImplemented
        return _layer_value.are_equal(self, other)

    __reduce__ = linen.nowrap(_copying.reduce_layer)
    __copy__ = linen.nowrap(_copying.shallow_copy)
    __deepcopy__ = linen.nowrap(_copying.deep_copy)

    # ------------------------------------------------------------------ what other rooms of core ask and tell a layer
    @property
    def _not_adapted(self) -> str:
        """What a model with the layer in it has to be told, where `adapt` would fill the layer and did not."""
        return ""

    _name_may_change = linen.nowrap(_sealing.name_may_change)
    _set_name = linen.nowrap(_sealing.set_name)

    @linen.nowrap
    def _cast(self, args: PyTree) -> PyTree:
        """Floating-point inputs in the layer's compute dtype, as Keras's autocast."""
        return cast_inputs(args, jnp.dtype(self.compute_dtype)) if self.autocast else args

    @linen.nowrap
    def _regularised(self, outputs: PyTree) -> list[jax.Array]:
        """The outputs that the activity regularizer sees."""
        return jax.tree.leaves(outputs)

    _abstract_call = linen.nowrap(abstract_call)

    _record = linen.nowrap(_recorded_calls.record_call)

    @linen.nowrap
    def _text_outputs(self, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> Inferred:
        """What the layer makes of text, which JAX cannot trace; layers that run on the host say it themselves."""
        raise _recorded_calls.no_text(self)

    @property
    def _text_shape(self) -> Shape | None:
        """The shape of the text that the layer takes, where it takes nothing else; else `None`."""
        return None

    @linen.nowrap
    def _remember_call(
        self, node: weakref.ref[Node], tensors: list[weakref.ref[SymbolicTensor]], treedef: jax.tree_util.PyTreeDef
    ) -> None:
        """Keep weak references to a recorded call, so that `layer.output` can find it."""
        _recorded_calls.remember_call(self, RecordedCall(node, tensors, treedef))

    @linen.nowrap
    def _learnt_config(self) -> Config:
        """What a layer has learnt from data (`adapt`) and has in no variable, as arguments of the built-in layer."""
        return {}

    _recorded_nodes = linen.nowrap(_recorded_calls.nodes_of)


def default_name(layer: Layer) -> str:
    """The name a layer shows before it has one."""
    return layer.name or snake_case(type(layer).__name__)
