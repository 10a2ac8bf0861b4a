"""How a class of layers is made: all that happens to a class happens here, while Python makes it.

Linen turns each subclass into a dataclass and wraps its methods. Before that a user's `__init__` is set aside (its
arguments are the config, see `_construct`), `call` becomes a compact method that runs `build` first, and `__call__`
is put outside Linen's wrapper, where it also takes symbolic tensors. After it the constructor is wrapped, so that it
takes Keras's conventions.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from flax import linen

from .._words._fields import NO_ARGUMENTS, converters_of
from .._words._tracebacks import caller, shorten
from ._axis_names import with_axes
from ._bound_call import RunsBound, dispatching
from ._build import build_first, in_turn
from ._call_parameters import Parameters, parameters_of
from ._construct import (
    arguments_by_name,
    check_arguments,
    construct_keras_style,
    continue_description,
    written_by_fields,
)
from ._first_layers import split_input_arguments
from ._inherited_weights import extended_call
from ._layer_config import config_of_arguments, has_own_fields
from ._lifted_transforms import is_lifted
from ._sealing import memory_of

if TYPE_CHECKING:
    from ._layer import Layer

Init = Callable[..., None]


class LayerClass(RunsBound, kw_only=True):
    """What the class of every layer has, found once, when the class is namespace.

    Attributes:
        _call_parameters: what its `call` takes.
        _extended_call: the `call` of the built-in layer that it extends with one of its own; `None` for others.
        _extended_parameters: what that takes.
        _positional: the constructor's arguments that may be given by position, in Keras's order.
        _rewritten: the first of them that are no fields and that `_rewrite_arguments` makes fields of.
        _last_by_position: those that Keras's constructor takes by position after the class's own (`name`, `dtype`).
        _converters: its fields that have a converter.
        _any_name: whether a layer of it may be called as Flax's collections are.
    """

    _call_parameters: ClassVar[Parameters] = Parameters([], 0, True)
    _extended_call: ClassVar[Callable[..., Any] | None] = None
    _extended_parameters: ClassVar[Parameters] = Parameters([], 0, True)
    _positional: ClassVar[tuple[str, ...]] = ()
    _rewritten: ClassVar[tuple[str, ...]] = ()
    _last_by_position: ClassVar[tuple[str, ...]] = ()
    _converters: ClassVar[tuple[dataclasses.Field[Any], ...]] = ()
    _any_name: ClassVar[bool] = False

    if TYPE_CHECKING:  # functions that a class has once it is made; the first where its author wrote an `__init__`

        def _user_init(self, *args: object, **kwargs: object) -> None: ...

        def _dataclass_init(self, *args: object, **kwargs: object) -> None: ...

    def __init_subclass__(cls, **kwargs: object) -> None:
        own, namespace = vars(cls), cast(Any, cls)
        is_root = LayerClass in cls.__bases__  # `Layer` itself
        lifted = not is_root and "__call__" in own and is_lifted(own["__call__"])  # such as `nn.remat(Dense)`
        if "__call__" in own and "call" not in own and not (lifted or is_root):  # Flax's spelling of the forward pass
            namespace.call = own["__call__"]
            del namespace.__call__
        if "call" in own and not is_root:
            cls._call_parameters = parameters_of(own["call"])
            cls._extended_call = extended_call(cls)
            if cls._extended_call is not None:
                cls._extended_parameters = parameters_of(cls._extended_call)
            namespace.call = linen.compact(build_first(own["call"]))
        if "build" in own and not is_root:
            namespace.build = in_turn(own["build"])
        user_init = _set_init_aside(cls)
        super().__init_subclass__(kw_only=True)
        if lifted:
            namespace.__call__ = dispatching(cls.__call__)
        _wrap_init(cls, user_init, is_root)
        if user_init is not None and "get_config" not in own and cls._config_is_arguments():
            namespace.get_config = linen.nowrap(config_of_arguments)
        if not is_root:  # not the dataclass's: layers are equal by their value
            root = next(base for base in cls.__mro__ if LayerClass in base.__bases__)
            namespace.__hash__, namespace.__eq__ = root.__hash__, root.__eq__
        cls._converters = converters_of(cls)

    @classmethod
    def _config_is_arguments(cls) -> bool:
        """Whether a class of Keras's style is made from its own arguments, and not from those of what it extends."""
        return has_own_fields(written_by_fields(cls))  # type: ignore[arg-type]


def _set_init_aside(cls: type[LayerClass]) -> Init | None:
    """Take a user's `__init__` out of the way of Linen's dataclass transform, which would replace it."""
    user_init: Init | None = vars(cls).get("__init__")
    if user_init is not None:
        del cls.__init__
        return user_init
    for base in cls.__mro__[1:]:  # a mixin that comes before the layer class: its __init__ is Python's choice
        if issubclass(base, linen.Module):
            return None
        if "__init__" in vars(base):
            return cast(Init, vars(base)["__init__"])
    return None


def _wrap_init(cls: Any, user_init: Init | None, is_root: bool) -> None:
    """Put Keras's calling conventions around the constructor that the dataclass transform namespace."""
    if user_init is not None:
        cls._user_init = user_init
    own = [n for n in inspect.get_annotations(cls) if n not in (*NO_ARGUMENTS, "name") and not n.startswith("_")]
    fields = {f.name for f in dataclasses.fields(cls)}
    if is_root:  # what every layer takes, it takes by keyword
        own = []
    before = list(cls._positional)
    last = list(vars(cls).get("_last_by_position", ()))
    cls._positional = tuple(before + [n for n in own + last if n in fields and n not in before])
    dataclass_init = cls.__init__

    def __init__(self: Layer, *args: object, **kwargs: object) -> None:  # noqa: N807
        memory = memory_of(self)
        try:
            if memory.recorded is not None:  # a user's __init__ called super().__init__(...)
                continue_description(self, cls, args, kwargs)
            elif hasattr(type(self), "_user_init"):
                construct_keras_style(self, args, kwargs)
            else:
                values, shape = split_input_arguments(cls, with_axes(cls, arguments_by_name(cls, args, kwargs)))
                check_arguments(cls, values)
                if shape is not None:
                    values["_batch_input_shape"] = shape
                dataclass_init(self, **values)
                memory.sealed = True
        except Exception as error:
            shorten(error, caller())
            raise

    functools.update_wrapper(__init__, dataclass_init)
    __init__.__signature__ = _signature(cls)  # type: ignore[attr-defined]
    cls.__init__ = __init__
    cls._dataclass_init = dataclass_init


def _signature(cls: type[LayerClass]) -> inspect.Signature:
    user_init: Init | None = getattr(cls, "_user_init", None)
    if user_init is not None:
        return inspect.signature(user_init)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    by_keyword = [n for n in fields if n not in (*cls._positional, *NO_ARGUMENTS) and n[0] != "_"]
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    if getattr(getattr(cls, "call", None), "runs_graph", False):  # there is no `call` of the user's own
        parameters += [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in cls._rewritten]
    for kind, names in (
        (inspect.Parameter.POSITIONAL_OR_KEYWORD, cls._positional),
        (inspect.Parameter.KEYWORD_ONLY, by_keyword),
    ):
        for name in names:
            default = fields[name].default
            shown = inspect.Parameter.empty if default is dataclasses.MISSING else default
            parameters.append(inspect.Parameter(name, kind, default=shown))
    return inspect.Signature(parameters)
