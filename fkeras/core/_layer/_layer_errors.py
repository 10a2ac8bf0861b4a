"""What a layer says when it is used in a way that cannot be."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from flax import errors as flax_errors

from .._words._errors import Explanation, did_you_mean, explain, explanation_of, nearest
from .._words._given_instead import are_params
from .._words._keras_names import to_set
from .._words._naming import snake_case
from .._words._short_repr import keyword_texts, short_repr
from .._words._tracebacks import passes_through_users_code
from ..typing import PyTree, Variables
from ._checked_variables import mismatches, other_shapes, params_alone
from ._linen_modules import MODE_ARGUMENTS

if TYPE_CHECKING:
    from ._layer import Layer

# Methods for users, which core itself never calls, so that a layer may have an attribute in their place.
_MAY_BE_HIDDEN = {"sublayers"}

_FITTING = "an input of the shape the layer expects; model.summary() shows each layer's"

# What other libraries call `training`.
_MODES = MODE_ARGUMENTS.keys() - {"training"}
_ONE_NAME = "Flax's modules choose the name; here it is Keras's, `training`."

E = TypeVar("E", bound=Exception)


def check_name(name: object, weightless: bool = False) -> None:
    """Refuse a name that could not be part of a path, or would be taken for Flax's collection.

    Args:
        name: a layer's or a weight's.
        weightless: of something that has no variables, such as an input.
    """
    if name is not None and (not isinstance(name, str) or "/" in name):
        raise ValueError(
            explain(
                "`name` must be text without '/'.",
                received=f"name={name!r}",
                usually="another argument in its place, or a path.",
                write='name="block1_dense"',
            )
        )
    if name == "params" and not weightless:
        raise ValueError(
            explain(
                "'params' cannot be the name of a layer or weight.",
                received=f"name={name!r}",
                usually="variables['params'] is Flax's collection of weights; below it no second 'params' may stand.",
                write='name="parameters"',
            )
        )


def check_attribute(layer: Layer, name: str) -> None:
    """Refuse an attribute for a layer under a name that every layer uses itself."""
    core = [cls for cls in type(layer).__mro__ if cls.__module__.startswith(("fkeras.core", "flax."))]
    own = {field for cls in core for field in getattr(cls, "__dataclass_fields__", ())}
    taken = name in own or any(name in vars(cls) for cls in core)
    if (taken and name not in _MAY_BE_HIDDEN) or name in ("scope", "_id", "_state"):
        raise ValueError(
            explain(
                f"A layer cannot be kept under the name {name!r}: {type(layer).__name__} has something else there.",
                received=f"self.{name} = a layer",
                usually="Keras or Flax gives every layer an attribute of that name.",
                write=f"self.{name.strip('_')}_layer = ...",
            )
        )
    try:
        check_name(name)
    except ValueError as error:
        raise said_of(type(layer).__name__, error) from None


def said_of(owner: str, error: E) -> E:
    """The error of a check that does not know whose value it sees, said of the owner; its type and parts stay."""
    said = explanation_of(error)
    if said is not None and said.is_about(owner):
        return error
    return type(error)(f"{owner}: {error}" if said is None else said.of(owner))


def lacking(layer: Layer, variables: Variables, error: Exception, known: tuple[str, str] | None = None) -> ValueError:
    """The error for variables or keys that a call needs and did not get.

    Args:
        layer: what was called.
        variables: what it was given.
        error: Flax's error.
        known: why it happened, and the line to write, where that is known: see `of_a_layer_inside`.

    Returns:
        The error.
    """
    what = str(error).split("(https")[0].strip()
    if isinstance(error, flax_errors.ApplyScopeInvalidVariablesStructureError):
        return ValueError(
            explain(
                f"{layer.path_text()} was given variables with a 'params' inside their 'params'.",
                received=f"{sorted(variables['params'])} in variables['params']",
                usually="variables were wrapped once more: {'params': variables}; or a module inside bears that name.",
                write="variables = model.init(key); model.apply(variables, x)",
            )
        )
    if isinstance(error, flax_errors.InvalidRngError):
        return ValueError(
            explain(
                f"{layer.path_text()} draws random numbers and was given no key for them.",
                received=what,
                usually="training=True without rngs=.",
                write='model.apply(variables, x, training=True, rngs={"dropout": jax.random.key(0)})',
            )
        )
    if isinstance(error, flax_errors.ScopeParamShapeError):
        spec = layer.abstract_variables() if layer.graph is not None else None
        return other_shapes(layer.path_text(), (spec and mismatches(spec, variables)) or [what])
    usually, write = known or (
        "another model's variables.",
        "variables = model.init(jax.random.key(0)); model.apply(variables, x)   # untrained ones; those of a layer "
        'inside: model.put(variables, "its name", trained)',
    )
    if are_params(variables):
        usually, write = params_alone("model.apply(variables, x)")
    return ValueError(
        explain(
            f"{layer.path_text()} finds no weights of its own in these variables.",
            received=f"{sorted(variables) if isinstance(variables, Mapping) else type(variables).__name__}: {what}",
            usually=usually,
            write=write,
        )
    )


def no_loss_outside(path: str) -> ValueError:
    """The error for a loss that is added to a layer which does not run, such as a finished model."""
    return ValueError(
        explain(
            f"{path}: a loss is added where a layer runs, and this one does not.",
            usually="Keras 2 hung the loss of a graph's tensors on the finished model.",
            write="self.add_loss(...) in the call(self, inputs) of a layer, which returns its inputs; or "
            "compute_loss(self, params, state, batch, rng) of a subclass of fk.Trainer",
        )
    )


def losses_not_lifted(layer: Layer) -> str:
    """The warning for a loss that a lifted transform keeps from the Trainer."""
    return explain(
        f"A loss of {layer.path_text()} is dropped: the lifted transform around it does not lift 'losses'.",
        usually="nn.vmap or nn.scan with variable_axes for the weights alone.",
        write='variable_axes={"params": 0, "losses": 0}',
    )


class explained:  # noqa: N801 - a context manager read as a word
    """Say of what goes wrong in a layer which layer it is, and on what it was called.

    An error in code of the user's own is the user's: it passes as it is, with a note. One in a layer of ours that does
    not say itself what is wrong is replaced by an error that does.
    """

    def __init__(self, layer: Layer, leaves: list[PyTree]) -> None:
        self.layer, self.leaves = layer, leaves

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception):
            return
        said = explanation_of(error)
        if said is None and passes_through_users_code(error.__traceback__):
            self._note(error)
            return
        several = isinstance(error, AttributeError) and type(error.obj) in (list, dict)
        if not (isinstance(error, TypeError | ValueError) or several):
            return
        if said is not None and (said.is_complete or (said.received is not None and self._is_own(said))):
            return
        text = explain(
            f"{self.layer.path_text()} cannot take this input.",
            received=self._shapes(),
            usually="several tensors were passed where the layer takes one." if several else _first_line(error),
            write=(said and said.write)
            or "an input of the shape the layer expects; model.summary() shows each layer's",
        )
        raise ValueError(text.complete()) from None

    def _shapes(self) -> str:
        shapes = [tuple(x.shape) for x in self.leaves if hasattr(x, "shape") and hasattr(x, "dtype")]
        return f"shape {', '.join(map(str, shapes)) or '()'}"

    def _note(self, error: Exception) -> None:
        """Say it once, of the layer that is nearest to what went wrong."""
        began = "In the call of "
        if not any(note.startswith(began) for note in getattr(error, "__notes__", ())):
            with contextlib.suppress(AttributeError):  # a frozen exception takes none
                error.add_note(f"{began}{self.layer.path_text()}, on an input of {self._shapes()}.")

    def _is_own(self, said: Explanation) -> bool:
        """Whether it was the layer itself that said what is wrong."""
        return said.is_about(self.layer.path_text()) or said.is_about(type(self.layer).__name__)


# What every layer may be called with, and what runs it takes out where its `call` has no such argument.
_TAKEN_BEFORE = ("training", "mask")


def unknown_argument(layer: Layer, kwargs: Mapping[str, PyTree], error: Exception) -> TypeError | None:
    """What is said of an argument by name that `call` does not take; `None` where each has a place.

    Python binds the arguments of a call before it runs a line of it, so where one has no place nothing else went wrong.
    """
    known = layer._call_parameters
    unknown = [name for name in kwargs if name not in known.names and name not in _TAKEN_BEFORE]
    if not isinstance(error, TypeError) or explanation_of(error) is not None or known.any_keyword or not unknown:
        return None
    # every layer is told the mode by `training`, whether its `call` takes it or not
    near = ["training"] if unknown[0] in _MODES else nearest(unknown[0], known.names)
    value = kwargs[unknown[0]]
    if unknown[0] in _MODES and not MODE_ARGUMENTS[unknown[0]] and isinstance(value, bool):
        value = not value
    return TypeError(
        explain(
            f"{layer.path_text()} takes no argument {unknown[0]!r} when it is called.",
            received=", ".join(keyword_texts(kwargs.items())),
            usually=did_you_mean(unknown[0], known.names) if unknown[0] not in _MODES else _ONE_NAME,
            write=f"model.apply(variables, x, {near[0]}={short_repr(value)})" if near else "",
        ).complete()
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def concrete_shape(layer: Layer, shape: Sequence[int | None] | int | None, name: str | None) -> tuple[int, ...]:
    """The shape of a weight as integers; an unknown dimension is an error."""
    given = shape
    shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    if not all(isinstance(d, int | np.integer) for d in shape):
        if isinstance(given, str):
            raise name_before_shape(layer, given)
        raise ValueError(
            explain(
                f"{layer.path_text()} needs a known size for its weight {name!r}.",
                received=f"shape {shape}",
                usually="an Input has None where the layer needs a number (the features, most often).",
                write="fk.Input((..., 8)) with that dimension given",
            )
        )
    return tuple(int(d) for d in shape if d is not None)


def name_before_shape(layer: Layer, name: str) -> TypeError:
    """The error for `add_weight` with a name in the place of the shape."""
    return TypeError(
        explain(
            f"{layer.path_text()}: `add_weight` takes the shape first, and the name by `name=`.",
            received=f"{name!r} as the shape",
            usually="Keras before version 3 took the name first.",
            write=f'self.add_weight(name="{name}", shape=(...))',
        )
    )


def place_of(layer: Layer) -> str | None:
    """What the lines of Keras's names call a layer: its name, or what it would be; `None` for a model."""
    return None if "Model" in layer._keras_kinds else layer.name or snake_case(type(layer).__name__)


def frozen(layer: Layer, name: str) -> AttributeError:
    """The error for setting an attribute."""
    cls = type(layer).__name__
    fields = type(layer).__dataclass_fields__
    generic = (
        f"layer.replace({name}=...)" if name in fields else f"self.{name} = ...   # in `__init__` of {cls}; or a weight"
    )
    return AttributeError(
        explain(
            f"{layer.path_text()} is immutable: its attribute {name!r} cannot be set.",
            usually="Keras code that changes a layer in place; here a change makes a new layer.",
            write=to_set(layer._keras_kinds, name, place_of(layer)) or generic,
        )
    )
