"""How a layer is constructed: Keras's calling conventions on Flax's dataclasses.

Two ways of writing a layer meet here.

* Fields (Flax's way): the class body lists typed fields; they are the constructor and the config.
* `__init__` (Keras's way): the constructor's *arguments* are the config, and what `__init__` sets on `self`
  is kept as a `Description`. When the layer is bound to variables, `setup` hands those attributes to Linen,
  which adopts the layers among them under their attribute names (`self.dense1 = Dense(32)` -> `dense1`).

A class of Keras's style may extend one of fields, `class Scaled(fk.nn.Dense)`. Its `__init__` fills the fields where it
calls `super().__init__(units, ...)`: that part of the dataclass's constructor is done there, and the other, which gives
the layer its place in a module, before `__init__` runs.

`__init__` runs when the layer is made, so its errors come early and its layers can be listed. Inside another
module's compact method Linen would give those layers to the wrong parent, so there, and only there, it runs
in `setup`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from .._words._errors import did_you_mean, explain, nearest
from .._words._fields import NO_ARGUMENTS
from .._words._short_repr import keyword_texts
from ..typing import PyTree, Shape
from ._axis_names import is_axes_argument, with_axes
from ._first_layers import INPUT_ARGUMENTS, split_input_arguments
from ._linen_modules import adopted, holds_module
from ._planned_weights import PlannedWeight
from ._sealing import memory_of, settle

if TYPE_CHECKING:
    from ._layer import Layer

#: A constructor's arguments by name: whatever a layer may be made with.
Arguments: TypeAlias = dict[str, Any]

# The arguments every layer takes by keyword; a user's __init__ need not name them.
BASE_ARGUMENTS = ("name", "trainable", "dtype", "activity_regularizer")


@dataclasses.dataclass(frozen=True, eq=False)
class Description:
    """What a Keras-style layer is made of.

    Attributes:
        args, kwargs: the constructor's arguments as given.
        config: the same by name, with defaults filled in.
        attributes: what `__init__` set on `self`; `None` where it has not run yet.
        rest: what an `__init__` with `*args` was given by position beyond its names.
        weights: those that `__init__` asked for.
    """

    args: tuple[object, ...]
    kwargs: Arguments
    config: Arguments
    attributes: dict[str, PyTree] | None
    rest: tuple[object, ...] = ()
    weights: tuple[PlannedWeight, ...] = ()


def written_by_fields(cls: type[Layer]) -> type[Layer]:
    """The class that a Keras-style class extends: the nearest whose constructor takes its fields."""
    return next(base for base in cls.__mro__ if not hasattr(base, "_user_init"))


def run_user_init(layer: Layer, description: Description) -> Description:
    """Run a Keras-style `__init__` on `layer`; return the description with what it set, and what it asked for."""
    memory = memory_of(layer)
    recorded: dict[str, PyTree] = {}
    memory.recorded, memory.planned, memory.fields_are_filled = recorded, [], False
    try:
        type(layer)._user_init(layer, *description.args, **description.kwargs)
        if not memory.fields_are_filled:  # an `__init__` without `super().__init__()`
            _accept_fields(layer, written_by_fields(type(layer)), (), {})
    finally:
        planned = tuple(memory.planned or ())
        memory.recorded = memory.planned = None
    return dataclasses.replace(description, attributes=recorded, weights=planned)


def construct_keras_style(self: Layer, args: tuple[object, ...], kwargs: Arguments) -> None:
    """Make a layer whose class has an `__init__` of its own, or the copy of one, which comes with a description."""
    description: Description | None = kwargs.pop("_description", None)
    if description is None:
        _make(self, args, kwargs)
    else:
        _copy(self, description, kwargs)
    memory_of(self).sealed = True


def _make(self: Layer, args: tuple[object, ...], kwargs: Arguments) -> None:
    """A new layer: its own fields, its place in a module, and then `__init__`."""
    cls = type(self)
    parent = {"parent": kwargs.pop("parent")} if "parent" in kwargs else {}
    base, shape, kwargs = _split_base(cls, kwargs)
    axes = base.pop("_weight_axes", None)
    bound = inspect.signature(cls._user_init).bind(self, *args, **kwargs)
    bound.apply_defaults()
    config, rest = _flatten(cls._user_init, bound.arguments)
    base = {**{k: v for k, v in config.items() if k in BASE_ARGUMENTS and v is not None}, **base}
    config = {k: v for k, v in config.items() if k not in BASE_ARGUMENTS}
    description = Description(args, kwargs, config, None, rest)
    told = {**base, **parent, "_description": description, "_batch_input_shape": shape, "_weight_axes": axes}
    _settle_fields(self, cls, told)
    self._attach()
    if self.parent is None:
        description = run_user_init(self, description)
        if self._batch_input_shape is not None:  # arguments that the constructor of all layers took
            taken = INPUT_ARGUMENTS.intersection(kwargs).difference(inspect.signature(cls._user_init).parameters)
            config = {k: v for k, v in config.items() if k not in taken or k in cls.__dataclass_fields__}
        if self._weight_axes is not None:
            config = {k: v for k, v in config.items() if not _handed_on(cls, k)}
        settle(self, "_description", dataclasses.replace(description, config=config))


def _copy(self: Layer, description: Description, kwargs: Arguments) -> None:
    """Linen's clone, or what a pickle held: every field by name, the values already settled."""
    _settle_fields(self, type(self), {**kwargs, "_description": description})
    if description.attributes is None:  # of one that was made inside a module: `__init__` runs in `setup`
        self._attach()
        return
    self.__post_init__()
    if self.parent is None:
        fields = type(self).__dataclass_fields__
        for name, value in description.attributes.items():
            if name not in fields:  # which the copy has, and may have been told anew
                settle(self, name, value)


def _settle_fields(self: Layer, cls: type[Layer], values: Arguments) -> None:
    """Set the fields that a class has: the values given, or defaults, or `None` where there is no default."""
    for f in dataclasses.fields(cls):
        default = None if f.default is dataclasses.MISSING else f.default
        settle(self, f.name, values.get(f.name, default))


def continue_description(self: Layer, cls: type[Layer], args: tuple[object, ...], kwargs: Arguments) -> None:
    """`super().__init__(...)` inside a Keras-style `__init__`: the parent's own, or its fields."""
    if "_user_init" in cls.__dict__:
        cls._user_init(self, *args, **kwargs)
        return
    of_parent = next((vars(b)["_user_init"] for b in cls.__mro__[1:] if "_user_init" in vars(b)), None)
    if of_parent is not None and not inspect.get_annotations(cls):
        of_parent(self, *args, **kwargs)
        return
    _accept_fields(self, cls, args, kwargs)


def _accept_fields(self: Layer, cls: type[Layer], args: tuple[object, ...], kwargs: Arguments) -> None:
    """Set a field-style parent's fields from the arguments that `super().__init__` was given."""
    values, shape = split_input_arguments(cls, with_axes(cls, arguments_by_name(cls, args, kwargs), self._weight_axes))
    autocast = values.pop("autocast", True)
    check_arguments(cls, values, type(self))
    if shape is not None:
        values["_batch_input_shape"] = shape
    if self.scope is not None:
        values.pop("name", None)  # a bound layer's name is its place in the tree
    for name, value in values.items():
        settle(self, name, value)
    if not autocast:
        self.autocast = False
    memory_of(self).fields_are_filled = True
    self.__post_init__()
    if self.scope is not None:  # Linen adopted what was in the fields when the layer got its place, before
        for f in dataclasses.fields(cls):
            if f.name != "parent" and holds_module(value := self.__dict__.get(f.name)):
                settle(self, f.name, adopted(self, f.name, value))


def arguments_by_name(cls: type[Layer], args: tuple[object, ...], kwargs: Arguments) -> Arguments:
    """Positional arguments by Keras's order. Every field is keyword-only to the dataclass."""
    args, kwargs = cls._rewrite_arguments(args, kwargs)
    if len(args) > len(cls._positional):
        raise TypeError(
            explain(
                f"{cls.__name__} takes at most {len(cls._positional)} arguments by position; {len(args)} were given.",
                received=f"{args}"[:80],
                usually=f"the order is {', '.join(cls._positional) or '(none by position)'}.",
                write="arguments by name",
            )
        )
    values = dict(zip(cls._positional, args, strict=False))
    twice = set(values) & set(kwargs)
    if twice:
        raise TypeError(f"{cls.__name__} got multiple values for argument {sorted(twice)[0]!r}")
    return {**values, **kwargs}


# What to write where Keras code passes what no layer takes here.
_WRITE_INSTEAD = {
    "input_shape": "fk.Sequential([fk.Input((8,)), ...])",
    "input_dim": "fk.Sequential([fk.Input((8,)), ...])",
    "batch_input_shape": "fk.Sequential([fk.Input(batch_shape=(4, 8)), ...])",
    "batch_size": "fk.Input((8,), batch_size=4) before the layer",
    "weights": "variables = model.init(key), with the values you want in place of its own",
    **dict.fromkeys(("input", "inputs", "output", "outputs"), "fk.Model(inputs=inputs, outputs=outputs)"),
}


def check_arguments(cls: type[Layer], values: Arguments, made: type[Layer] | None = None) -> None:
    """Refuse arguments that the class does not have, and miss none that it needs.

    Args:
        cls: the class whose constructor was called.
        values: the arguments by name.
        made: the class of the layer that is made, where its `__init__` called that constructor.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    known = [n for n in fields if n[0] != "_" and n not in NO_ARGUMENTS]
    own = made is None or made is cls
    for name in values:
        if name not in fields:
            raise TypeError(
                explain(
                    f"{cls.__name__} has no argument {name!r}.",
                    received=f"{name}={values[name]!r}"[:80] + ("" if own else f" from {made.__name__}.__init__"),  # type: ignore[union-attr]
                    usually=did_you_mean(name, known),
                    write=_WRITE_INSTEAD.get(name) or _meant(cls, name, values, known),
                )
            )
    missing = [n for n in cls._positional if n not in values and fields[n].default is dataclasses.MISSING]
    if missing:
        given = f"{n}={n}" if (n := missing[0]) and len(missing) == 1 else ", ".join(f"{n}=..." for n in missing)
        raise TypeError(
            explain(
                f"{cls.__name__} needs {' and '.join(repr(n) for n in missing)}.",
                received=f"{', '.join(values) or 'no arguments'}" + ("" if own else f" from {made.__name__}.__init__"),  # type: ignore[union-attr]
                write=f"{cls.__name__}({', '.join(f'{n}=...' for n in missing)})"
                if own
                else f"super().__init__({given}, **kwargs)",
            )
        )


def _meant(cls: type[Layer], name: str, values: Arguments, known: Iterable[str]) -> str:
    """The call with the argument that is meant in place of the one that does not exist."""
    near = nearest(name, known)
    if near and near[0] not in values:
        arguments = ", ".join(keyword_texts((near[0] if n == name else n, value) for n, value in values.items()))
    else:
        arguments = ", ".join([*cls._positional[:3], "..."])
    return f"{'fk.nn.' if cls.__module__.startswith('fkeras.') else ''}{cls.__name__}({arguments})"


def _split_base(cls: type[Layer], kwargs: Arguments) -> tuple[Arguments, Shape | None, Arguments]:
    """Set aside `name=`, `trainable=`, … and `input_shape=` where the user's `__init__` would not take them."""
    parameters = inspect.signature(cls._user_init).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return {k: kwargs[k] for k in BASE_ARGUMENTS if k in kwargs}, None, kwargs
    named = {k: v for k, v in kwargs.items() if k in parameters}
    others = with_axes(cls, {k: v for k, v in kwargs.items() if k not in parameters})
    others, shape = split_input_arguments(cls, others)
    base = {k: v for k, v in others.items() if k in (*BASE_ARGUMENTS, "_weight_axes")}
    return base, shape, {**named, **{k: v for k, v in others.items() if k not in base}}


def _handed_on(cls: type[Layer], name: str) -> bool:
    """Whether an argument is one of names of axes that an `__init__` took as one of its `**kwargs`."""
    return is_axes_argument(cls, name) and name not in inspect.signature(cls._user_init).parameters


def _flatten(user_init: Callable[..., None], arguments: Arguments) -> tuple[Arguments, tuple[object, ...]]:
    """Bound arguments by name, `self` left out and `**kwargs` spread; and what `*args` took."""
    flat: Arguments = {}
    rest: tuple[object, ...] = ()
    parameters = inspect.signature(user_init).parameters
    for position, (name, value) in enumerate(arguments.items()):
        kind = parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            rest = value[position == 0 :]  # an `__init__(*args)` has `self` among them
        elif position > 0:
            flat.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
    return flat, rest
