"""Ops in configs: Keras's class and module names for the functions of `fk.ops`, and which arguments go where."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence

from .._words._config import import_all, register, registered
from .._words._errors import did_you_mean, explain
from .._words._naming import snake_case
from .._words._ops_costs import REFUSED, refusal
from ..typing import Config, PyTree
from ._op import Op, Reduced, cast, getitem
from ._operators import OPERATORS
from ._ops_table import TABLE

for _name, _function in OPERATORS.values():
    register("keras.ops", _name)(_function)
register("keras.ops", "get_item")(getitem)
register("keras.ops", "cast")(cast)


# Lines of the same form for what the table does not say: any number of operands, and classes of other arguments.
_MORE = """
cond core Cond pred,true_fn,false_fn -
convert_to_tensor core ConvertToTensor x,dtype,sparse,ragged dtype,sparse,ragged
einsum numpy Einsum subscripts,*operands subscripts
geomspace numpy Geomspace start,stop,num,endpoint,dtype,axis num,endpoint,dtype,axis
image.extract_patches_3d image ExtractPatches images,size,strides,dilation_rate,padding,data_format size,strides,dilation_rate,padding,data_format
layer_normalization nn LayerNorm x,gamma,beta,axis,epsilon,rms_scaling axis,epsilon,rms_scaling
logspace numpy Logspace start,stop,num,endpoint,base,dtype,axis num,endpoint,base,dtype,axis
meshgrid numpy Meshgrid *x,indexing indexing
rearrange einops Rearrange tensor,pattern,**axes_lengths -
saturate_cast core SaturateCast x,dtype dtype
switch core Switch index,branches,*operands -
vectorized_map core VectorizedMap function,elements function
"""  # noqa: E501
#: Second names that fkeras takes for arguments.
SAME_ARGUMENTS = {
    "multi_hot": {"num_tokens": "num_classes"},
    "reshape": {"shape": "newshape"},
    "clip": {"min": "x_min", "max": "x_max"},
    "image.extract_patches_3d": {"volumes": "images"},
}


@dataclasses.dataclass(frozen=True)
class OpFacts:
    """How Keras writes an op.

    Attributes:
        module: where its class is.
        class_name: what it is called.
        arguments: the function's, in order; `*x` stands for any number of them.
        kept: those of them that are in the node's config; the others are in the call.
    """

    module: str
    class_name: str
    arguments: tuple[str, ...]
    kept: frozenset[str]

    @property
    def called(self) -> tuple[str, ...]:
        """What is in the call, in order."""
        return tuple(a for a in self.arguments if a not in self.kept)


class KerasOp(Op):
    """An op read from a config of Keras's: the call's arguments come first, whatever the function's order is."""

    def __reduce__(self) -> Reduced:
        return keras_op, (self.name,)


def keras_op(name: str) -> KerasOp:
    """The op of this name as Keras calls it; a name that pickles hold, so it stays as it is."""
    table, facts, _ = _index()
    return KerasOp(name, _in_keras_order(table[name], facts[name]))


@functools.cache
def _facts() -> dict[str, OpFacts]:
    found = {}
    for line in (TABLE + _MORE).strip().splitlines():
        if not line:
            continue
        name, room, class_name, arguments, kept = line.split()
        listed = tuple(arguments.split(",")) if arguments != "-" else ()
        keeps = frozenset(kept.split(",")) if kept != "-" else frozenset()
        found[name] = OpFacts(f"keras.src.ops.{room}", class_name, listed, keeps)
    return found


def facts_of(name: str) -> OpFacts:
    """What is known of an op; one that Keras does not have is written as if it were numpy's.

    >>> facts_of("expand_dims").class_name, sorted(facts_of("expand_dims").kept)
    ('ExpandDims', ['axis'])
    """
    plain = "".join(part.title() for part in name.split("_"))
    return _facts().get(name) or OpFacts("keras.src.ops.numpy", plain, (), frozenset())


def split_arguments(
    op: Op, args: Sequence[PyTree], kwargs: Mapping[str, PyTree]
) -> tuple[list[PyTree], dict[str, PyTree], dict[str, PyTree]]:
    """A call's `(args, kwargs)` as Keras writes them, and what goes into the node's config.

    Arguments that were left out are written with their defaults: many of Keras's classes have none.

    >>> split_arguments(Op("sum", sum), ("x", 1), {})
    (['x'], {}, {'axis': 1, 'keepdims': False})
    """
    facts = facts_of(op.name)
    order = facts.called if isinstance(op, KerasOp) else facts.arguments
    many = next((i for i, a in enumerate(order) if a.startswith("*")), len(order))
    any_number = many < len(order) and not order[many].startswith("**")
    same = SAME_ARGUMENTS.get(op.name, {})
    named = {same.get(k, k): v for k, v in kwargs.items()}
    unknown = {k: v for k, v in named.items() if k not in facts.arguments}
    if (len(args) > many and not any_number) or (unknown and not any(a.startswith("**") for a in facts.arguments)):
        return list(args), dict(kwargs), {}
    given = {**_defaults(op.name, facts), **dict(zip(order[:many], args, strict=False))}
    given |= {k: v for k, v in named.items() if k not in unknown}
    config = _as_keras_keeps(op.name, {n: given[n] for n in facts.arguments if n in facts.kept and n in given})
    return [given[n] for n in facts.called if n in given] + list(args[many:]), unknown, config


@functools.cache
def _defaults(name: str, facts: OpFacts) -> dict[str, PyTree]:
    """The defaults of an op's arguments."""
    import_all()
    function = registered("keras.ops").get(name)
    try:
        found = inspect.signature(function).parameters if function is not None else {}
    except ValueError:
        return {}
    return {n: p.default for n, p in found.items() if n in facts.arguments and p.default is not p.empty}


def _as_keras_keeps(name: str, config: Config) -> Config:
    """Settings as Keras's functions hand them to its classes."""
    if config.get("data_format", "") is None:
        config["data_format"] = "channels_last"  # here it is not a setting of the machine
    if name in ("one_hot", "multi_hot"):
        config["dtype"] = config["dtype"] or "float32"
    if name == "reshape" and isinstance(config["newshape"], int):
        config["newshape"] = [config["newshape"]]
    if name in ("image.extract_patches", "image.extract_patches_3d"):
        rank = 3 if name.endswith("3d") else 2
        config["size"] = [config["size"]] * rank if isinstance(config["size"], int) else config["size"]
        config["strides"] = config["strides"] or config["size"]
    return config


def is_op_entry(entry: Config) -> bool:
    """Whether a layer entry of a Keras config is an op's node."""
    return str(entry.get("module") or "").startswith(("keras.src.ops", "keras.ops"))


def op_of(class_name: str, module: str = "") -> Op:
    """The op that a Keras config calls by its class name.

    Raises:
        ValueError: an op that fkeras does not have.
    """
    table, facts, by_class = _index()
    named = by_class.get(class_name, [])
    exact = [n for n in named if facts[n].module == module]
    name = (exact or named or [snake_case(class_name)])[0]
    if name not in table:
        why = refusal(name)
        if why in REFUSED:
            raise not_called(name, why)
        raise ValueError(
            explain(
                f"The config calls the op {class_name!r}, which fkeras does not have.",
                received=repr(class_name),
                usually=did_you_mean(class_name, [f.class_name for f in facts.values()]),
            )
        )
    if facts[name].arguments[: len(facts[name].called)] == facts[name].called:
        return Op(name, table[name])
    return keras_op(name)


def module_of_class(class_name: str) -> str | None:
    """The module of the op that a Keras config calls by its class name, where it leaves the module out; else `None`."""
    _, facts, by_class = _index()
    return next((facts[name].module for name in by_class.get(class_name, ())), None)


@functools.cache
def _index() -> tuple[dict[str, Callable[..., PyTree]], dict[str, OpFacts], dict[str, list[str]]]:
    """The ops by name, what is known of each, and the names of those whose class has a name."""
    import_all()
    table = registered("keras.ops")
    facts = {name: facts_of(name) for name in table}
    by_class: dict[str, list[str]] = {}
    for name, fact in facts.items():
        by_class.setdefault(fact.class_name, []).append(name)
    return table, facts, by_class


def not_called(name: str, why: str) -> ValueError:
    """The error for an op that no file may call."""
    return ValueError(
        explain(
            f"The graph calls the op {name!r}, which {why}.",
            received=repr(name),
            usually="a file made to harm, or a graph that only code can make.",
            write=f"a layer of your own that calls fk.ops.{name}, and custom_objects={{...}} to load it",
        )
    )


def _in_keras_order(function: Callable[..., PyTree], facts: OpFacts) -> Callable[..., PyTree]:
    """`function` of the call's arguments in order and of the config's by name."""

    @functools.wraps(function)
    def called(*args: PyTree, **settings: PyTree) -> PyTree:
        if facts.called[0].startswith("*"):
            first = [settings.pop(n) for n in facts.arguments if n in facts.kept and n in settings]
            return function(*first, *args, **settings)
        return function(**dict(zip(facts.called, args, strict=False)), **settings)

    return called
