"""Layer: a Flax Linen module that speaks Keras.

A layer is a frozen description. On symbolic tensors its call records a node; bound to variables (inside
`apply`, or inside any Linen module) it runs; unbound on arrays it runs when it has no weights.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import errors as flax_errors
from flax import linen
from flax.core import FrozenDict, Scope

from .._graph._shape_inference import Inferred, infer, struct_of
from .._graph._symbolic import SymbolicTensor, has_symbolic, outputs_of, record
from .._graph._trace_cache import key_of_layer
from .._words._arrays import as_input
from .._words._config import call_with_config, deserialize_at, get, serialize
from .._words._config_types import check_types
from .._words._dtypes import DTypePolicy, is_string, policy_name
from .._words._errors import did_you_mean, explain
from .._words._fields import convert_fields, field
from .._words._hashing import hashable
from .._words._naming import snake_case
from .._words._random_key import as_key
from . import _construct, _copying
from ._bound_sublayers import parts_of
from ._call_parameters import Parameters, parameters_of
from ._checked_variables import check_collections
from ._construct import Description, is_module
from ._input_spec import check_input_spec
from ._layer_errors import check_attribute, check_name, concrete_shape, explained, frozen, lacking, losses_not_lifted
from ._lifted_transforms import Around, Mode, around, is_lifted, leave, top
from ._trainable import at_rest, told
from ._variables import LOSSES, NON_TRAINABLE, TRANSIENT, StateWeight


def _optional(module: str) -> Callable[[Any], Any]:
    return lambda value: get(module, value)


class Layer(linen.Module, kw_only=True):
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

    activity_regularizer: Any = field(None, convert=_optional("keras.regularizers"))
    trainable: bool = True
    dtype: Any = field(None, convert=policy_name)
    _weights_as: Any = None  # how the weights are kept, where not as plain arrays: see `stored_as`
    _unfrozen: bool = False  # trains though a layer around it does not: see `_trainable`
    _description: Description | None = None

    # Set on each class when it is made: what its `call` takes, and how it takes a field-style parent's arguments.
    _call_parameters: ClassVar[Parameters]
    # Some of Keras's constructors take `name` or `dtype` by position too, after their own arguments.
    _positional: ClassVar[tuple[str, ...]]
    _last_by_position: ClassVar[tuple[str, ...]] = ()
    _any_name: ClassVar[bool] = False
    _accept: ClassVar[Callable[..., None]]

    # Whether the layer hands its input's mask on unchanged (Keras's attribute of that name).
    supports_masking = False

    # ------------------------------------------------------------------ classes and instances
    def __init_subclass__(cls, **kwargs: Any) -> None:
        own = cls.__dict__
        lifted = "__call__" in own and is_lifted(own["__call__"])  # such as `nn.remat(Dense)`
        if "__call__" in own and "call" not in own and not lifted:  # Flax's spelling of the forward pass
            cls.call = own["__call__"]  # type: ignore[method-assign]
            del cls.__call__
        if "call" in own:
            cls._call_parameters = parameters_of(own["call"])
            cls.call = linen.compact(_building(own["call"]))  # type: ignore[method-assign]
        if "build" in own:
            cls.build = _in_turn(own["build"])  # type: ignore[method-assign]
        user_init = _construct.prepare_class(cls)
        super().__init_subclass__(kw_only=True)
        if lifted:
            cls.__call__ = _dispatching(cls.__call__)  # type: ignore[method-assign]
        _construct.finish_class(cls, user_init)
        cls._accept = staticmethod(_construct.accept_fields)
        cls.__hash__ = Layer.__hash__  # type: ignore[method-assign]
        cls.__eq__ = Layer.__eq__  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        self._convert()
        super().__post_init__()
        parent = self.parent
        if isinstance(parent, Layer) and parent.__dict__.get("_building"):
            parent.__dict__.setdefault("_made", []).append(self)

    @classmethod
    def _rewrite_arguments(cls, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """A class's chance to read its constructor's arguments in another way (a model by its outputs)."""
        return args, kwargs

    @linen.nowrap
    def _convert(self) -> None:
        """Resolve and check the arguments; an error names the layer."""
        try:
            check_name(self.name, self._any_name)
            if _holds_module(self.__dict__.get("params")):
                check_attribute(self, "params")
            convert_fields(self)
        except (ValueError, TypeError) as error:
            who = f"{type(self).__name__}" + (f" {self.name!r}" if self.name else "")
            if str(error).startswith(who):
                raise
            raise type(error)(f"{who}: {error}") from None

    def setup(self) -> None:
        """Hand what a Keras-style `__init__` set to Linen, which adopts the layers among it."""
        description = self._description
        if description is None:
            return
        attributes = description.attributes
        if type(self).build is not Layer.build:
            object.__setattr__(self, "_grows", {})
        if attributes is None:
            _construct.run_user_init(self, description)
            return
        for name, value in attributes.items():
            setattr(self, name, value)

    @linen.nowrap
    def __setattr__(self, name: str, value: Any) -> None:
        mine = self.__dict__
        if name in ("scope", "parent", "name") and not mine.get("_sealed") and "_recorded" not in mine:
            super().__setattr__(name, value)
        elif mine.get("scope") is not None:
            self._set_bound(name, value)
        elif "_recorded" in mine:
            if _holds_module(value):
                check_attribute(self, name)
            _name_by_attribute(name, value)
            mine["_recorded"][name] = value
            object.__setattr__(self, name, value)
        elif not mine.get("_sealed"):
            super().__setattr__(name, value)
        else:
            raise frozen(self, name)

    @linen.nowrap
    def clone(self, *, parent: Any = None, **updates: Any) -> Any:
        """Linen's copy; one that a lifted method runs on has what `build` set, made again where it runs."""
        made = super().clone(parent=parent, **updates)
        shapes = self.__dict__.get("_built_with")
        if shapes is not None and isinstance(parent, Scope):
            object.__setattr__(made, "_build_again", (shapes, self.__dict__.get("_built_names", frozenset())))
        return made

    @linen.nowrap
    def __getattr__(self, name: str) -> Any:
        shapes, names = self.__dict__.get("_build_again", (None, ()))
        if name in names and self.__dict__.get("_built_with") is None:
            _build_with(self, shapes)
            if name in self.__dict__:
                return self.__dict__[name]
        return super().__getattr__(name)

    @linen.nowrap
    def _set_bound(self, name: str, value: Any) -> None:
        """Attributes of a bound layer: Linen's rules in `setup`, free in `build`, frozen in `call`."""
        if self.__dict__.get("_building"):
            self.__dict__.setdefault("_built_names", set()).add(name)
            self.__dict__.pop(name, None)  # what is set last comes last: Keras lists weights in that order
            object.__setattr__(self, name, value)
            return
        fields = type(self).__dataclass_fields__
        if name in fields and self._description is not None:  # __init__ re-sets its own argument in setup
            object.__setattr__(self, name, value)
            return
        described = self._description is not None and self._description.attributes is not None  # and checked
        if not described and _holds_module(value):
            check_attribute(self, name)
        if "_grows" in self.__dict__:
            self._grows.pop(name, None)
            if isinstance(value, list | dict) and not _holds_module(value):
                self._grows[name] = _own(value)  # for `build` to put layers into
        try:
            super().__setattr__(name, value)
        except flax_errors.SetAttributeFrozenModuleError:
            raise frozen(self, name) from None

    @linen.nowrap
    def __delattr__(self, name: str) -> None:
        raise frozen(self, name)

    @linen.nowrap
    def _layer_key(self) -> tuple[Any, ...]:
        """What the layer is, as a hashable value: its class and configuration."""
        found = self.__dict__.get("_key_cache")
        if found is None:
            skip = ("parent", "name", "_description")
            names = [f.name for f in dataclasses.fields(self) if f.name not in skip]
            parts = [(n, hashable(getattr(self, n, None))) for n in names]
            if self._description is not None:
                parts.append(("arguments", hashable(self._description.config)))
                attributes = self._description.attributes or {}
                parts.append(("layers", hashable([v for v in attributes.values() if _holds_module(v)])))
            found = (type(self), tuple(parts))
            object.__setattr__(self, "_key_cache", found)
        return found

    @linen.nowrap
    def _trace_key(self) -> Any:
        """What two layers have in common that may share a trace."""
        return key_of_layer(self)

    def __hash__(self) -> int:
        found = self.__dict__.get("_hash_cache")
        if found is None:
            found = hash(self._layer_key())
            object.__setattr__(self, "_hash_cache", found)
        return found

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or not isinstance(other, Layer):
            return NotImplemented
        return self.name == other.name and self.scope is other.scope and self._layer_key() == other._layer_key()

    @linen.nowrap
    def __reduce__(self) -> tuple[Any, ...]:
        return _copying.reduce_layer(self)

    @linen.nowrap
    def __copy__(self) -> Any:
        return _copying.shallow_copy(self)

    @linen.nowrap
    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return _copying.deep_copy(self, memo)

    # ------------------------------------------------------------------ calling
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run a bound layer: cast, `build`, `call`, and the activity regularizer."""
        parameters = self._call_parameters
        training = self.__dict__["_training"]
        if "training" not in parameters.names and not parameters.any_keyword:
            kwargs.pop("training", None)
        elif "training" in parameters.names and "training" not in kwargs:
            if parameters.position("training") >= len(args):
                kwargs["training"] = training
        elif kwargs.get("training", 0) is None:
            kwargs["training"] = training
        if "mask" in kwargs and "mask" not in parameters.names and not parameters.any_keyword:
            kwargs.pop("mask")
        if getattr(self, "input_spec", None) is not None:
            check_input_spec(self, self.input_spec, args[0] if args else next(iter(kwargs.values()), None))
        args = self._cast(args)
        storage = self._storage()
        if storage is not None:
            args = storage.inputs(self, args)
        outputs = self.call(*args, **kwargs)
        if self.activity_regularizer is not None:
            for leaf in self._regularised(outputs):
                self.add_loss(self.activity_regularizer(leaf) / jnp.maximum(jnp.shape(leaf)[0], 1))
        return outputs

    @linen.nowrap
    def _regularised(self, outputs: Any) -> list[Any]:
        """The outputs that the activity regularizer sees."""
        return jax.tree.leaves(outputs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The forward pass; each layer writes its own."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} has no `call` method.",
                usually="the method is missing or misspelt.",
                write="def call(self, inputs, training=False): return ...",
            )
        )

    def build(self, input_shape: Any) -> None:
        """Make weights and layers that depend on the input's shape; runs once, before `call`."""

    @linen.nowrap
    def _cast(self, args: Any) -> Any:
        """Floating-point inputs in the layer's compute dtype, as Keras's autocast."""
        dtype = jnp.dtype(self.compute_dtype)
        if not jnp.issubdtype(dtype, jnp.floating):
            return args

        def cast(leaf: Any) -> Any:
            if isinstance(leaf, np.ndarray) and is_string(leaf.dtype):
                return leaf
            given = jnp.result_type(leaf) if isinstance(leaf, jax.Array | np.ndarray | np.floating | float) else dtype
            return jnp.asarray(leaf, dtype) if jnp.issubdtype(given, jnp.floating) and given != dtype else leaf

        return jax.tree.map(cast, args)

    @property
    def compute_dtype(self) -> str:
        """The dtype of the arithmetic and the outputs."""
        return DTypePolicy(self.dtype).compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return DTypePolicy(self.dtype).variable_dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        return DTypePolicy(self.dtype)

    @linen.nowrap
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output, from the mask of the first argument; `None` for no mask."""
        return mask if self.supports_masking else None

    # ------------------------------------------------------------------ weights and losses, inside `call`
    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Any:
        """Make, or on later calls read, a weight of this layer.

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

        Returns:
            The weight as an array, or a `StateWeight` when not trainable.

        Raises:
            ValueError: a dimension that is unknown.
        """
        shape = concrete_shape(self, shape, name)
        dtype = jnp.dtype(dtype or self.variable_dtype)
        made = self.__dict__.setdefault("_weights_made", {})
        try:
            check_name(name)
        except ValueError as error:
            raise ValueError(f"{self.path_text()}: {error}") from None
        if name is None:
            count = len([n for n in made if n.split("_")[0] == "weight"])
            name = f"weight_{count}" if count else "weight"
        if initializer is None:
            initializer = "glorot_uniform" if jnp.issubdtype(dtype, jnp.inexact) else "zeros"
        make = get("keras.initializers", initializer)
        made[name] = get("keras.constraints", constraint) if trainable else None
        if not trainable:
            variable = self.variable(
                NON_TRAINABLE, name, lambda: jnp.asarray(make(self.make_rng("params"), shape, dtype), dtype)
            )
            return StateWeight(variable, self)
        storage = self._storage()
        kept = storage is not None and jnp.issubdtype(dtype, jnp.floating)
        value = storage.weight(self, name, make, shape, dtype) if kept else self._param(name, make, shape, dtype)
        regularize = get("keras.regularizers", regularizer)
        if regularize is not None and self._collects_losses() and self.trains():
            # once for the weight, however often the layer is called
            self.sow(LOSSES, name, regularize(value), init_fn=lambda: None, reduce_fn=lambda _, penalty: penalty)
        if autocast and jnp.issubdtype(dtype, jnp.floating):
            value = value.astype(self.compute_dtype)
        return value

    @linen.nowrap
    def _param(self, name: str, make: Any, shape: Any, dtype: Any) -> Any:
        """Linen's `param`. A weight that is there in its shape is read without tracing how it would be made."""
        if not self.is_initializing():
            value: Any = self.get_variable("params", name)
            if isinstance(value, jax.Array | np.ndarray) and value.shape == shape:
                return value
        return self.param(name, make, shape, dtype)

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a function that makes one) to what the Trainer minimises.

        It is sown into the collection `losses`: kept by `apply(..., mutable=["losses"])`, dropped otherwise.
        """
        if not self._collects_losses():
            return
        for value in jax.tree.leaves(loss):
            self.sow(LOSSES, "loss", value() if callable(value) else jnp.asarray(value))

    @linen.nowrap
    def trains(self) -> bool:
        """Whether the layer's weights train: as the nearest layer at or around it says that was told."""
        module: Any = self
        while isinstance(module, linen.Module):
            if not getattr(module, "trainable", True) or getattr(module, "_unfrozen", False):
                return bool(module.trainable)
            last, module = module, module.parent
        return around(last).trains

    @linen.nowrap
    def _collects_losses(self) -> bool:
        if self.is_initializing():
            return False
        collects = self.is_mutable_collection(LOSSES)
        if not collects and around(top(self)).losses:
            warnings.warn(losses_not_lifted(self), stacklevel=3)
        return collects

    # ------------------------------------------------------------------ variables
    @linen.nowrap
    def init(self, rngs: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make the layer's variables, without running its forward pass.

        Shapes are inferred abstractly; then each weight is drawn, one compilation for each distinct
        (initializer, shape, dtype). Works under `jax.jit`, `jax.vmap` and `jax.eval_shape`.

        Args:
            rngs: a `jax.random.key`, or Linen's `{"params": key, …}`.
            *args: the call's inputs: arrays, or `jax.ShapeDtypeStruct`s.
            **kwargs: the call's keyword arguments.

        Returns:
            `{"params": …, "batch_stats": …}`, a plain pytree.
        """
        if "method" in kwargs or "mutable" in kwargs:
            return dict(super().init(rngs, *args, **kwargs))
        key = as_key(rngs)
        leaves, treedef = jax.tree.flatten((args, kwargs))
        if has_symbolic(leaves):
            leaves = [leaf.struct if isinstance(leaf, SymbolicTensor) else leaf for leaf in leaves]
        places = [i for i, leaf in enumerate(leaves) if _is_array(leaf)]

        def function(key: jax.Array, arrays: list[Any]) -> tuple[Any, Any]:
            filled = list(leaves)
            for place, array in zip(places, arrays, strict=True):
                filled[place] = array
            a, k = jax.tree.unflatten(treedef, filled)
            return self._abstract_call(key, a, k)

        with explained(self, leaves):
            found = infer(function, [struct_of(leaves[i]) for i in places])
        return found.program(key, [leaves[i] for i in places])

    @linen.nowrap
    def apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the layer on variables; Linen's own contract.

        Args:
            variables: what `init` made, `{"params": …, "batch_stats": …}`.
            *args: the call's inputs.
            **kwargs: the call's keyword arguments, and Linen's `rngs=`, `mutable=`, `method=`.

        Returns:
            The output; with `mutable=`, `(output, updates)`.

        Raises:
            ValueError: variables that lack what the layer reads, or randomness without a key.
        """
        check_collections(self.path_text(), variables)
        try:
            return super().apply(variables, *map(as_input, args), **kwargs)
        except _MISSING as error:
            raise lacking(self, variables, error) from None

    @linen.nowrap
    def _abstract_call(self, key: Any, args: Any, kwargs: Any, facts: dict[Any, Any] | None = None) -> tuple[Any, Any]:
        """`(outputs, variables)` by Linen's own init; for tracing only.

        `facts` is filled with what the layers that ran say of their weights, by path.
        """

        def note(run: Any, arguments: Any, keywords: Any, context: Any) -> Any:
            result = run(*arguments, **keywords)
            if context.method_name == "__call__" and isinstance(context.module, Layer) and facts is not None:
                layer = context.module
                facts[layer.path] = WeightFacts(
                    layer.trainable,
                    dict(layer.__dict__.get("_weights_made", {})),
                    tuple(tuple(leaf.shape) for leaf in jax.tree.leaves(result) if hasattr(leaf, "shape")),
                    layer._unfrozen,
                    parts_of(layer),
                )
            return result

        rngs = {"params": key, "dropout": key}
        with linen.intercept_methods(note):
            outputs, variables = self.init_with_output(rngs, *args, mutable=linen.DenyList(TRANSIENT), **kwargs)
        return outputs, dict(variables)

    # ------------------------------------------------------------------ graphs
    @linen.nowrap
    def _record(self, args: Any, kwargs: Any) -> Any:
        if self.scope is not None:
            raise ValueError(
                explain(
                    f"{self.path_text()} is bound to variables and was called on a symbolic tensor.",
                    usually="fk.Input was used inside `call`; a graph is built outside.",
                    write="the layer's computation on the arrays that `call` receives",
                )
            )
        leaves = jax.tree.leaves((args, kwargs))
        with explained(self, leaves):
            if any(isinstance(leaf, SymbolicTensor) and is_string(leaf.dtype) for leaf in leaves):
                return record(self, args, kwargs, found=self._text_outputs(args, kwargs))
            return record(self, args, kwargs, self._abstract_call)

    @linen.nowrap
    def _text_outputs(self, args: Any, kwargs: Any) -> Inferred:
        """What the layer makes of text, which JAX cannot trace; layers that run on the host say it themselves."""
        raise TypeError(
            explain(
                f"{self.path_text()} takes numbers, not text.",
                received="a symbolic tensor of dtype string",
                usually="text that was not looked up yet.",
                write="tokens = fk.nn.TextVectorization(vocabulary=[...])(text)",
            )
        )

    @linen.nowrap
    def _remember_call(self, node: Any, tensors: list[Any], treedef: Any) -> None:
        """Keep weak references to a recorded call, so that `layer.output` can find it."""
        calls = self.__dict__.get("_calls", [])
        if len(calls) & (len(calls) - 1) == 0:  # now and then, so that n calls cost n steps
            calls = [c for c in calls if c[0]() is not None]
        calls.append((node, tensors, treedef))
        object.__setattr__(self, "_calls", calls)

    @linen.nowrap
    def _recorded_call(self, what: str) -> Any:
        calls = [(n(), [t() for t in ts], d) for n, ts, d in self.__dict__.get("_calls", [])]
        calls = [c for c in calls if c[0] is not None]
        if len(calls) != 1:
            state = "was called in no graph that still exists" if not calls else f"was called {len(calls)} times"
            raise ValueError(  # not AttributeError, which Linen's descriptors would hide
                explain(
                    f"Layer {self.name!r} {state}, so it has no one {what}.",
                    usually="the layer is shared, or its model is gone." if calls else "the layer was never called.",
                    write="the tensor that the call returned: h = layer(x)",
                )
            )
        node, tensors, treedef = calls[0]
        if any(tensor is None for tensor in tensors):  # an output that nobody kept: the call knows it still
            again = outputs_of(node)
            tensors = [new if tensor is None else tensor for tensor, new in zip(tensors, again, strict=True)]
        return node, tensors, treedef

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's one recorded call."""
        _, tensors, treedef = self._recorded_call("output")
        return jax.tree.unflatten(treedef, tensors)

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's one recorded call."""
        args, kwargs = self._recorded_call("input")[0].arguments
        return args[0] if args else kwargs

    # ------------------------------------------------------------------ config and copies
    @linen.nowrap
    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON values, under Keras's names."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize(DTypePolicy(self.dtype)),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer)
        if self._description is not None:
            mine = {k: v for k, v in self._description.config.items() if k not in config}
            return at_rest({**config, **{k: serialize(v) for k, v in mine.items()}}, self)
        skip = {"parent", "name", "trainable", "dtype", "activity_regularizer", "graph"}
        if "activity_regularizer" in self._positional:
            config["activity_regularizer"] = serialize(self.activity_regularizer)
        for f in type(self).__dataclass_fields__.values():
            if f.init and f.name not in skip and not f.name.startswith("_"):
                config[f.name] = serialize(getattr(self, f.name))
        return at_rest(config, self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The layer that `get_config` described.

        Raises:
            ValueError: an argument the class does not take, or an unknown class inside the config.
        """
        made = {k: deserialize_at(k, v, custom_objects, ("keras.layers", "keras")) for k, v in config.items()}
        made.pop("autocast", None)
        check_types(cls, made)
        made = told(made) if made.get("trainable") is False else made
        return call_with_config(cls, made, always=_construct.BASE_ARGUMENTS)

    @linen.nowrap
    def build_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The layer's variables as shapes and dtypes, from a `build_config`.

        Args:
            config: `{"input_shape": [None, 8]}` as Keras writes it.

        Returns:
            A pytree of `jax.ShapeDtypeStruct` like the one `init` returns.

        >>> import fkeras as fk
        >>> fk.nn.Dense(2).build_from_config({"input_shape": [None, 3]})["params"]["kernel"]
        ShapeDtypeStruct(shape=(3, 2), dtype=float32)
        """
        structs = _structs_from_build_config(config)
        return jax.eval_shape(lambda key: self.init(key, *structs), jax.eval_shape(lambda: jax.random.key(0)))

    @linen.nowrap
    def replace(self, **changes: Any) -> Any:
        """A copy with some arguments changed; it has no recorded calls.

        >>> import fkeras as fk
        >>> fk.nn.Dense(3).replace(units=5).units
        5
        """
        made = self._replaced(changes)
        if "trainable" in changes:
            object.__setattr__(made, "_told", True)
        return made

    @linen.nowrap
    def _replaced(self, changes: dict[str, Any]) -> Any:
        known = set(type(self).__dataclass_fields__)
        if self._description is not None and not set(changes) <= set(_construct.BASE_ARGUMENTS):
            base = {n: getattr(self, n) for n in _construct.BASE_ARGUMENTS}
            arguments = {**base, **self._description.config, **changes}
            return type(self).from_config(arguments)
        unknown = [c for c in changes if c not in known]
        if unknown:
            raise TypeError(
                explain(
                    f"{type(self).__name__} has no argument {unknown[0]!r}.",
                    received=f"replace({', '.join(changes)})",
                    usually=did_you_mean(unknown[0], [n for n in known if n[0] != "_" and n != "parent"]),
                )
            )
        if "trainable" in changes:
            changes = {"_unfrozen": False, **changes}
        return self.clone(parent=None, **{"name": self.name, **changes})

    @linen.nowrap
    def stored_as(self, storage: Any) -> Any:
        """The same layer with its weights kept in another form; layers that it makes inside `call` follow it.

        Args:
            storage: a hashable value with a config and two methods. `weight(layer, name, make, shape, dtype)` reads
                (or makes) a weight and returns it as the layer computes with it; `inputs(layer, args)` may change
                what the layer computes on. `None` for plain arrays.
        """
        return self.clone(parent=None, name=self.name, _weights_as=storage)

    @linen.nowrap
    def _storage(self) -> Any:
        """How this layer's weights are kept: as it says itself, else as the nearest enclosing layer says."""
        module: Any = self
        while isinstance(module, linen.Module):
            found = module.__dict__.get("_weights_as")
            if found is not None:
                return found
            last, module = module, module.parent
        return around(last).storage

    @linen.nowrap
    def path_text(self) -> str:
        """How messages call this layer: class and name or path."""
        where = "/".join(self.path) if self.scope is not None else self.name
        return f"Layer {where!r} ({type(self).__name__})" if where else f"Layer {type(self).__name__}"

    def __repr__(self) -> str:
        if self.scope is not None:
            return f"<{type(self).__name__} {'/'.join(self.path)!r}, bound>"
        arguments = []
        if self._description is not None:
            arguments = [f"{k}={v!r}" for k, v in self._description.config.items() if v is not None]
        else:
            for name in self._positional:
                value, default = getattr(self, name, None), type(self).__dataclass_fields__[name].default
                if value is not default and value != default and not callable(value):
                    arguments.append(f"{name}={value!r}")
        if self.name is not None:
            arguments.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(dict.fromkeys(arguments))})"


@dataclasses.dataclass(frozen=True)
class WeightFacts:
    """What a layer says of itself when it runs.

    Attributes:
        trainable: whether its weights train.
        constraints: each weight's constraint (or `None`) by the weight's name.
        output_shapes: the shapes of its output's leaves.
        unfrozen: whether they train though a layer around it does not.
        inside: the layers in it by attribute, those that `build` and `setup` made too: see `Part`.
    """

    trainable: bool
    constraints: dict[str, Any]
    output_shapes: tuple[Any, ...] = ()
    unfrozen: bool = False
    inside: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _building(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` that runs the layer's `build` first, where Linen lets it make weights."""

    @functools.wraps(call)
    def built(self: Layer, *args: Any, **kwargs: Any) -> Any:
        _build_once(self, args, kwargs)
        return call(self, *args, **kwargs)

    @functools.wraps(call, updated=())  # without the marks of a method that Linen has wrapped already
    def built_inside(self: Layer, *args: Any, **kwargs: Any) -> Any:
        """Of a lifted `call`: weights are made where it runs, in a copy of the layer."""

        def first(run: Any, arguments: Any, keywords: Any, context: Any) -> Any:
            if context.method_name == call.__name__ and type(context.module) is type(self):
                _build_once(context.module, arguments, keywords)
            return run(*arguments, **keywords)

        if "training" in kwargs and isinstance(kwargs["training"], bool):
            kwargs["training"] = Mode(kwargs["training"])
        with linen.intercept_methods(first):
            return call(self, *args, **kwargs)

    return built_inside if is_lifted(call) else built


def _in_turn(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build` that waits for the layer's own call where a layer around it asks for it, as Keras's layers do."""

    @functools.wraps(build)
    def built(self: Layer, *args: Any, **kwargs: Any) -> Any:
        asked = self.scope is not None and not self.__dict__.get("_building")
        return None if asked else build(self, *args, **kwargs)

    return built


def _build_once(layer: Layer, args: Any, kwargs: Any) -> None:
    """Run `build` with the shape of the first input, or of each input that it names (`query_shape`)."""
    if type(layer).build is Layer.build or layer.__dict__.get("_built_with") is not None:
        return
    names = list(inspect.signature(type(layer).build).parameters)[1:]
    inputs = {**dict(zip(layer._call_parameters.names, args, strict=False)), **kwargs}
    if len(names) == 1:
        shapes = {names[0]: _shapes(args[0] if args else next(iter(kwargs.values()), None))}
    else:
        shapes = {n: _shapes(inputs.get(n.removesuffix("_shape"))) for n in names}
    _build_with(layer, shapes)


def _build_with(layer: Layer, shapes: dict[str, Any]) -> None:
    object.__setattr__(layer, "_built_with", shapes)
    object.__setattr__(layer, "_building", True)
    grows = layer.__dict__.pop("_grows", {})
    layer.__dict__.update(grows)  # lists and dicts that Linen froze
    layer.__dict__.setdefault("_built_names", set()).update(grows)
    try:
        layer.build(**shapes)
    finally:
        object.__setattr__(layer, "_building", False)
        for name in (n for n, value in grows.items() if layer.__dict__[n] is value):
            object.__setattr__(layer, name, _frozen(grows[name]))


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: tuple(jnp.shape(leaf)), tree)


Layer._call_parameters = Parameters([], 0, True)
_construct.finish_class(Layer)
Layer._accept = staticmethod(_construct.accept_fields)


def _dispatching(run: Callable[..., Any]) -> Callable[..., Any]:
    """Stand outside Linen's wrapper, which refuses an unbound compact module before anything else runs."""
    lifted = is_lifted(run)

    @functools.wraps(run)
    def __call__(self: Layer, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        if has_symbolic((args, kwargs)):
            return self._record(args, kwargs)
        if self.scope is None:
            return _call_unbound(self, args, kwargs)
        training = _training(self, args, kwargs)
        object.__setattr__(self, "_training", training)
        collects = self.is_mutable_collection(LOSSES) and not self.is_initializing()
        losses = collects or around(top(self)).losses
        leave(self, Around(training, self.trains(), self._storage(), losses))
        if lifted:  # whose arguments become arrays
            kwargs.pop("training", None)
        return run(self, *args, **kwargs)

    return __call__


# What Linen raises where variables or keys lack something.
_MISSING = (
    flax_errors.ScopeParamNotFoundError,
    flax_errors.ScopeCollectionNotFound,
    flax_errors.ScopeVariableNotFoundError,
    flax_errors.InvalidRngError,
    flax_errors.ApplyScopeInvalidVariablesStructureError,
    flax_errors.ScopeParamShapeError,
)


def _call_unbound(layer: Layer, args: Any, kwargs: Any) -> Any:
    try:
        return super(Layer, layer).apply({}, *args, **kwargs)
    except _MISSING[:2] as error:
        shown = "x" if args else ""
        raise ValueError(
            explain(
                f"{layer.path_text()} was called on arrays, but it holds no weights.",
                received=str(error).split("(")[0].strip(),
                usually="Keras layers carry their weights; here they are a pytree that you pass.",
                write=f"variables = layer.init(key, {shown}); y = layer.apply(variables, {shown})",
            )
        ) from None


Layer.__call__ = _dispatching(Layer.__call__)  # type: ignore[method-assign]


def _training(layer: Layer, args: Any, kwargs: Any) -> Any:
    """Whether this call trains: as told, else as the nearest enclosing layer was told, else not."""
    place = layer._call_parameters.position("training")
    given = kwargs.get("training")
    if given is None and place < len(args):
        given = args[place]
    module: Any = layer
    while given is None and isinstance(module.parent, linen.Module):
        module = module.parent
        given = module.__dict__.get("_training")
    if given is None:
        given = around(module).training
    return bool(given) if given is None or isinstance(given, Mode) else given


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct)


def _name_by_attribute(attribute: str, value: Any, suffix: str = "") -> None:
    """Layers without a name get their attribute's, which is where Linen keeps their variables."""
    if isinstance(value, Layer):
        if value.name is None or getattr(value, "_provisional_name", False):
            object.__setattr__(value, "name", attribute + suffix)
            object.__setattr__(value, "_provisional_name", False)
    elif isinstance(value, list | tuple):
        for i, v in enumerate(value):
            _name_by_attribute(attribute, v, f"{suffix}_{i}")
    elif isinstance(value, Mapping):
        for k, v in value.items():
            _name_by_attribute(attribute, v, f"{suffix}_{k}")


def _own(value: Any) -> Any:
    """A copy of lists and dicts, not of what is in them."""
    if isinstance(value, Mapping):
        return {key: _own(item) for key, item in value.items()}
    return [_own(item) for item in value] if isinstance(value, list) else value


def _frozen(value: Any) -> Any:
    """Lists and dicts as Linen's modules have them once they are set up."""
    if isinstance(value, Mapping):
        return FrozenDict({key: _frozen(item) for key, item in value.items()})
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _holds_module(value: Any) -> bool:
    return any(is_module(v) for v in jax.tree.leaves(value, is_leaf=is_module))


def _structs_from_build_config(config: Mapping[str, Any]) -> list[Any]:
    shapes = config.get("shapes_dict") or {"input": config.get("input_shape")}

    def struct(shape: Any) -> Any:
        if shape and isinstance(shape[0], list | tuple):
            return [struct(s) for s in shape]
        return jax.ShapeDtypeStruct(tuple(1 if d is None else d for d in shape), jnp.float32)

    if any(s is None for s in shapes.values()):
        raise ValueError(
            explain("This build_config holds no shape.", received=repr(config), write='{"input_shape": [None, 8]}')
        )
    return [struct(s) for s in shapes.values()]


def default_name(layer: Layer) -> str:
    """The name a layer shows before it has one."""
    return layer.name or snake_case(type(layer).__name__)
