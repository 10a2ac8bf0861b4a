"""Ops in configs: Keras's class and module names for the functions of `fk.ops`, and which arguments go where."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from ._config import register, registered
from ._errors import did_you_mean, explain
from ._naming import snake_case
from ._ops_table import TABLE
from ._symbolic import OPERATORS, Op, _cast, getitem

for _name, _function in OPERATORS.values():
    register("keras.ops", _name)(_function)
register("keras.ops", "get_item")(getitem)
register("keras.ops", "cast")(_cast)


@dataclasses.dataclass(frozen=True)
class OpFacts:
    """How Keras writes an op.

    Attributes:
        module: where its class is.
        class_name: what it is called.
        arguments: the function's, in order.
        kept: those of them that are in the node's config; the others are in the call.
    """

    module: str
    class_name: str
    arguments: tuple[str, ...]
    kept: frozenset[str]


@functools.cache
def _facts() -> dict[str, OpFacts]:
    found = {}
    for line in TABLE.strip().splitlines():
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


def split_arguments(op: Op, args: Any, kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    """A call's `(args, kwargs)` as Keras writes them, and what goes into the node's config."""
    facts = facts_of(op.name)
    named = dict(zip(facts.arguments, args, strict=False))
    if not facts.arguments or len(named) < len(args) or set(kwargs) - set(facts.arguments):
        return list(args), dict(kwargs), {}
    given = {**named, **kwargs}
    config = {n: v for n, v in given.items() if n in facts.kept}
    rest = [n for n in facts.arguments if n not in facts.kept and n in given]
    return [given[n] for n in rest], {}, config


def is_op_entry(entry: Any) -> bool:
    """Whether a layer entry of a Keras config is an op's node."""
    return str(entry.get("module") or "").startswith(("keras.src.ops", "keras.ops"))


def op_of(class_name: str, module: str = "") -> Op:
    """The op that a Keras config calls by its class name.

    Raises:
        ValueError: an op that fkeras does not have.
    """
    table = registered("keras.ops")
    facts = {name: facts_of(name) for name in table}
    named = [n for n, f in facts.items() if f.class_name == class_name]
    exact = [n for n in named if facts[n].module == module]
    name = (exact or named or [snake_case(class_name)])[0]
    if name not in table:
        raise ValueError(
            explain(
                f"The config calls the op {class_name!r}, which fkeras does not have.",
                received=repr(class_name),
                usually=did_you_mean(class_name, [f.class_name for f in facts.values()]),
            )
        )
    return Op(name, table[name])
