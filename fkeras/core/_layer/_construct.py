"""How a layer is constructed: Keras's calling conventions on Flax's dataclasses.

Two ways of writing a layer meet here.

* Fields (Flax's way): the class body lists typed fields; they are the constructor and the config.
* `__init__` (Keras's way): the constructor's *arguments* are the config, and what `__init__` sets on `self`
  is kept as a `Description`. When the layer is bound to variables, `setup` hands those attributes to Linen,
  which adopts the layers among them under their attribute names (`self.dense1 = Dense(32)` -> `dense1`).

`__init__` runs when the layer is made, so its errors come early and its layers can be listed. Inside another
module's compact method Linen would give those layers to the wrong parent, so there, and only there, it runs
in `setup`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from .._words._errors import did_you_mean, explain
from .._words._fields import NO_ARGUMENTS
from ..typing import PyTree
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
    """

    args: tuple[object, ...]
    kwargs: Arguments
    config: Arguments
    attributes: dict[str, PyTree] | None


def run_user_init(layer: Layer, description: Description) -> dict[str, PyTree]:
    """Run a Keras-style `__init__` on `layer`; return what it set."""
    memory = memory_of(layer)
    recorded: dict[str, PyTree] = {}
    memory.recorded = recorded
    try:
        type(layer)._user_init(layer, *description.args, **description.kwargs)
    finally:
        memory.recorded = None
    return recorded


def construct_keras_style(self: Layer, args: tuple[object, ...], kwargs: Arguments) -> None:
    """Make a layer whose class has an `__init__` of its own, or the copy of one, which comes with a description."""
    cls = type(self)
    description: Description | None = kwargs.pop("_description", None)
    is_copy = description is not None
    fields = {f.name for f in dataclasses.fields(cls)}
    parent = {"parent": kwargs.pop("parent")} if "parent" in kwargs else {}
    if description is None:
        args, base, kwargs = _split_base(cls, args, kwargs)
        bound = inspect.signature(cls._user_init).bind(self, *args, **kwargs)
        bound.apply_defaults()
        config = _flatten(cls._user_init, bound.arguments)
        base = {**{k: v for k, v in config.items() if k in BASE_ARGUMENTS and v is not None}, **base}
        config = {k: v for k, v in config.items() if k not in BASE_ARGUMENTS}
        description = Description(args, kwargs, config, None)
        values = base
    else:  # Linen's clone: every field by name, values already settled
        values = {k: v for k, v in kwargs.items() if k in fields}
    base_fields = {k: v for k, v in values.items() if k in BASE_ARGUMENTS and k in fields}
    for name in fields - set(base_fields) - {"parent", "name", "_description"}:
        if name in values:
            settle(self, name, values[name])
    _root_init(cls)(self, **base_fields, **parent, _description=description)
    # A copy of one that was made inside a module stays as that one: `__init__` runs in `setup` of what is bound.
    if self.parent is None and not (is_copy and description.attributes is None):
        if description.attributes is None:
            recorded = run_user_init(self, description)
            description = dataclasses.replace(description, attributes=recorded)
            settle(self, "_description", description)
        else:
            for name, value in description.attributes.items():
                settle(self, name, value)
    memory_of(self).sealed = True


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
    values = arguments_by_name(cls, args, kwargs)
    if self.scope is not None:
        values.pop("name", None)  # a bound layer's name is its place in the tree
    for f in dataclasses.fields(cls):
        if f.name in values:
            settle(self, f.name, values[f.name])
        elif (
            f.name not in self.__dict__
            and f.default is not dataclasses.MISSING
            and f.name not in (*NO_ARGUMENTS, "name")
        ):
            settle(self, f.name, f.default)
    unknown = set(values) - {f.name for f in dataclasses.fields(cls)} - {"autocast"}
    if unknown:
        raise TypeError(f"{cls.__name__}.__init__() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    self._convert()


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
    "weights": "variables = model.init(key), with the values you want in place of its own",
}


def check_arguments(cls: type[Layer], values: Arguments) -> None:
    """Refuse arguments that the class does not have, and miss none that it needs."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    known = [n for n in fields if n[0] != "_" and n not in NO_ARGUMENTS]
    for name in values:
        if name not in fields:
            raise TypeError(
                explain(
                    f"{cls.__name__} has no argument {name!r}.",
                    received=f"{name}={values[name]!r}"[:80],
                    usually=did_you_mean(name, known),
                    write=_WRITE_INSTEAD.get(name, f"fk.nn.{cls.__name__}({', '.join(cls._positional[:3])}, ...)"),
                )
            )
    missing = [n for n in cls._positional if n not in values and fields[n].default is dataclasses.MISSING]
    if missing:
        raise TypeError(
            explain(
                f"{cls.__name__} needs {' and '.join(repr(n) for n in missing)}.",
                received=f"{', '.join(values) or 'no arguments'}",
                write=f"{cls.__name__}({', '.join(f'{n}=...' for n in missing)})",
            )
        )


def _root_init(cls: type[Layer]) -> Callable[..., None]:
    """The constructor of the root class, which needs no field of a subclass."""
    init: Callable[..., None] = next(
        vars(b)["_dataclass_init"] for b in reversed(cls.__mro__) if "_dataclass_init" in vars(b)
    )
    return init


def _split_base(
    cls: type[Layer], args: tuple[object, ...], kwargs: Arguments
) -> tuple[tuple[object, ...], Arguments, Arguments]:
    """Set aside `name=`, `trainable=`, … where the user's `__init__` would not take them."""
    parameters = inspect.signature(cls._user_init).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return args, {k: kwargs[k] for k in BASE_ARGUMENTS if k in kwargs}, kwargs
    base = {k: v for k, v in kwargs.items() if k in BASE_ARGUMENTS and k not in parameters}
    return args, base, {k: v for k, v in kwargs.items() if k not in base}


def _flatten(user_init: Callable[..., None], arguments: Arguments) -> Arguments:
    """Bound arguments by name: `self` and `*args` out, `**kwargs` spread."""
    flat: Arguments = {}
    parameters = inspect.signature(user_init).parameters
    for position, (name, value) in enumerate(arguments.items()):
        kind = parameters[name].kind
        if position == 0 or kind is inspect.Parameter.VAR_POSITIONAL:
            continue
        flat.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
    return flat
