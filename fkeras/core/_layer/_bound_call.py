"""A call of a layer, from `layer(x)` to the layer's own `call`.

`layer(x)` is told apart by its arguments and by the layer: symbolic tensors record a node in a graph, a layer that is
bound to variables runs, and one that is not runs without any. A bound layer casts its inputs, makes its weights in
`build` (see `_build`), runs `call`, and adds its activity regularizer's loss.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import errors as flax_errors
from flax import linen

from .._graph._symbolic import has_symbolic
from .._words._arrays import as_input
from .._words._dtypes import is_string
from .._words._errors import explain
from .._words._given_instead import holds_weights
from .._words._random_key import as_rngs
from .._words._tracebacks import caller, shorten
from ..typing import PyTree
from ._called_alone import is_called_alone, no_key, run_alone
from ._input_spec import check_input_spec
from ._layer_errors import unknown_argument
from ._lifted_transforms import CallContext, Mode, inherited_context, is_lifted, outermost, set_context
from ._remat import run_rematerialised
from ._sealing import call_state, call_state_if_any
from ._variables import LOSSES, StateWeight, as_arrays
from ._weights import storage_of, trains

if TYPE_CHECKING:
    from ._layer import Layer

Run = Callable[..., PyTree]

# What Linen raises where variables or keys lack something.
MISSING = (
    flax_errors.ScopeParamNotFoundError,
    flax_errors.ScopeCollectionNotFound,
    flax_errors.ScopeVariableNotFoundError,
    flax_errors.InvalidRngError,
    flax_errors.ApplyScopeInvalidVariablesStructureError,
    flax_errors.ScopeParamShapeError,
)


# Other outputs, arrays most of all, are no weights and hold none.
_MAY_HOLD_WEIGHTS = (StateWeight, tuple, list, dict)


class RunsBound(linen.Module, kw_only=True):
    """The part of a layer's `__call__` that Linen wraps: its scope, its interceptors and its named scope are here."""

    def __call__(self, *args: PyTree, **kwargs: PyTree) -> PyTree:
        """Run a bound layer: cast, `build`, `call`, and the activity regularizer."""
        layer = cast("Layer", self)
        _tell_mode(layer, args, kwargs)
        if layer.input_spec is not None:
            check_input_spec(layer, layer.input_spec, args[0] if args else next(iter(kwargs.values()), None))
        args = layer._cast(args)
        storage = storage_of(layer)
        if storage is not None:
            args = storage.inputs(layer, args)
        outputs = layer.call(*args, **kwargs)
        if type(outputs) in _MAY_HOLD_WEIGHTS:
            outputs = as_arrays(outputs)
        if layer.activity_regularizer is not None:
            for leaf in layer._regularised(outputs):
                layer.add_loss(layer.activity_regularizer(leaf) / jnp.maximum(jnp.shape(leaf)[0], 1))
        return outputs


def _tell_mode(layer: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> None:
    """Put `training` among the keywords where `call` takes it and it is not given, and leave out what `call` lacks."""
    parameters = layer._call_parameters
    takes_any = parameters.any_keyword
    if "training" not in parameters.names and not takes_any:
        kwargs.pop("training", None)
    elif (
        kwargs["training"] is None
        if "training" in kwargs
        else "training" in parameters.names and parameters.position("training") >= len(args)
    ):
        training = call_state(layer).training
        if training is not None:
            kwargs["training"] = training
        else:  # nobody said, so that the default of `call` counts
            kwargs.pop("training", None)
    if "mask" in kwargs and "mask" not in parameters.names and not takes_any:
        kwargs.pop("mask")


def dispatching(run: Run) -> Run:
    """`__call__` around Linen's wrapper, which refuses an unbound compact module before anything else runs.

    Args:
        run: `__call__` as Linen wrapped it, or as a lifted transform made it.

    Returns:
        The function that a class has as its `__call__`.
    """
    lifted = is_lifted(run)

    @functools.wraps(run)
    def __call__(self: Layer, *args: PyTree, **kwargs: PyTree) -> PyTree:  # noqa: N807
        try:
            if has_symbolic((args, kwargs)):
                return self._record(args, kwargs)
            if self.scope is None:
                return _run_without_variables(self, args, kwargs)
            training = _training(self, args, kwargs)
            call_state(self).training = training
            collects = self.is_mutable_collection(LOSSES) and not self.is_initializing()
            around = inherited_context(outermost(self))
            losses = collects or around.losses
            set_context(self, CallContext(training, trains(self), storage_of(self), losses, around.loops))
            if lifted:  # whose arguments become arrays
                kwargs.pop("training", None)
            if self._remat is not None:
                return run_rematerialised(run, self, self._remat, args, kwargs)
            return run(self, *args, **kwargs)
        except Exception as error:
            shorten(error, caller())
            # a call without variables has arguments of `apply`, and the bound call inside it says what is wrong
            alone = self.scope is None and not has_symbolic((args, kwargs))
            said = None if alone else unknown_argument(self, kwargs, error)
            if said is not None:
                raise said.with_traceback(error.__traceback__) from None
            raise

    return __call__


def _run_without_variables(layer: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> PyTree:
    if len(args) > 1 and holds_weights(args[0]):
        raise TypeError(
            explain(
                f"{layer.path_text()} was called on variables: a call takes the inputs alone.",
                received=f"a {type(args[0]).__name__} that holds weights, and then the input",
                usually="a call in place of `apply`, which takes the variables, or the state of a run, first.",
                write="y = layer.apply(variables, x)",
            )
        )
    kwargs.setdefault("method", run_alone)
    if "rngs" in kwargs:
        kwargs["rngs"] = as_rngs(kwargs["rngs"])
    try:
        return linen.Module.apply(layer, {}, *map(as_input, args), **kwargs)
    except flax_errors.InvalidRngError as error:
        raise no_key(layer, str(error).split("(https")[0].strip()) from None
    except MISSING[:2] as error:
        shown = "x" if args else ""
        raise ValueError(
            explain(
                f"{layer.path_text()} was called on arrays, but it holds no weights.",
                received=str(error).split("(")[0].strip(),
                usually="Keras layers carry their weights; here they are a pytree that you pass.",
                write=f"variables = layer.init(key, {shown}); y = layer.apply(variables, {shown})",
            )
        ) from None


def _training(layer: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> bool | jax.Array | None:
    """Whether this call trains: as told, else as the nearest enclosing layer was told, else not.

    In a call `layer(x)` by itself, where nobody said, it is `None`, as in Keras.
    """
    place = layer._call_parameters.position("training")
    given = kwargs.get("training")
    if given is None and place < len(args):
        given = args[place]
    module: linen.Module = layer
    while given is None and isinstance(module.parent, linen.Module):
        module = module.parent
        state = call_state_if_any(module)
        given = None if state is None else state.training
    if given is None:
        given = inherited_context(module).training
    if given is None and is_called_alone(layer):
        return None
    return bool(given) if given is None or isinstance(given, Mode) else given


def cast_inputs(args: PyTree, dtype: np.dtype) -> PyTree:
    """Floating-point arrays in a compute dtype, as Keras's autocast; all else, and text, as it is."""
    if not jnp.issubdtype(dtype, jnp.floating):
        return args

    def cast_leaf(leaf: object) -> object:
        if isinstance(leaf, np.ndarray) and is_string(leaf.dtype):
            return leaf
        given = jnp.result_type(leaf) if isinstance(leaf, jax.Array | np.ndarray | np.floating | float) else dtype
        return jnp.asarray(leaf, dtype) if jnp.issubdtype(given, jnp.floating) and given != dtype else leaf

    return jax.tree.map(cast_leaf, args)
