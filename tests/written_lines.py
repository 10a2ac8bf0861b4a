"""Whether code contains the line that an answer says to write, whatever its variables are called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

#: Names that are the same in every program.
FIXED = {"fk", "jax", "np", "optax", "pd", "sklearn", "keras", "self", "super", "event"}

_OTHERWISE = re.compile(r"(?:;|,)? or,? ")
_COMMENT = re.compile(r" +#[^\n]*")
_SAYS_NOTHING = (ast.Name, ast.Attribute)
_SKIPPED = {"ctx", "type_comment", "kind"}

Names = Mapping[str, str]


def contains(code: str, line: str) -> bool:
    """Whether a cell has one of the alternatives of a line to write.

    Names of variables may be others, each in one way throughout; a call may have more arguments by name; what the line
    leaves open with `...` may be anything; `loss=...` alone is an argument. Text and comments in the line are no code.

    >>> line = "state, history = trainer.fit(state, x, y)   # or trainer.predict(state, ..., steps=2)"
    >>> contains("s, h = t.fit(s, a, b, epochs=2)", line)
    True
    >>> contains("h = t.fit(s, a, b)", line), contains("s, h = t.fit(s, a, a)", line)
    (False, False)
    """
    nodes = list(ast.walk(ast.parse(code)))
    return any(_all_found(statements, nodes, {}) for statements in alternatives(line))


def alternatives(line: str) -> list[list[ast.stmt]]:
    """The parts of a line to write that are code, each a row of statements.

    >>> [len(found) for found in alternatives("a = f(x); b = g(a), or any other function")]
    [2]
    """
    text = _COMMENT.sub("", line)
    found = []
    for part in dict.fromkeys([text, *_OTHERWISE.split(text)]):
        try:
            statements = ast.parse(part.strip()).body
        except SyntaxError:
            continue
        if statements and not any(isinstance(getattr(s, "value", None), _SAYS_NOTHING) for s in statements):
            found.append(statements)
    return found


def _all_found(statements: Sequence[ast.stmt], nodes: Sequence[ast.AST], names: Names) -> bool:
    if not statements:
        return True
    ways = (again for node in nodes for again in _statement(statements[0], node, names))
    return any(_all_found(statements[1:], nodes, again) for again in ways)


def _statement(wanted: ast.stmt, node: ast.AST, names: Names) -> Iterator[Names]:
    if isinstance(wanted, ast.Expr):
        yield from _match(wanted.value, node, names)
        return
    yield from _match(wanted, node, names)
    if isinstance(wanted, ast.Assign) and isinstance(node, ast.keyword):
        (target,) = wanted.targets
        if isinstance(target, ast.Name) and target.id == node.arg:
            yield from _match(wanted.value, node.value, names)


def _match(wanted: object, node: object, names: Names) -> Iterator[Names]:
    """Every way in which a node is the one that is wanted: the names of variables with it."""
    if isinstance(wanted, ast.Constant) and wanted.value is Ellipsis:
        yield names
    elif isinstance(wanted, list):
        if isinstance(node, list):
            yield from _sequence(wanted, node, names)
    elif type(wanted) is not type(node):
        return
    elif isinstance(wanted, ast.Name):
        yield from _renamed(wanted.id, node.id, names)  # type: ignore[attr-defined]
    elif isinstance(wanted, ast.arg):
        yield from _renamed(wanted.arg, node.arg, names)  # type: ignore[attr-defined]
    elif isinstance(wanted, ast.Call):
        for found in _match(wanted.func, node.func, names):  # type: ignore[attr-defined]
            for again in _sequence(wanted.args, node.args, found):  # type: ignore[attr-defined]
                yield from _by_name(wanted.keywords, node.keywords, again)  # type: ignore[attr-defined]
    elif isinstance(wanted, ast.AST):
        fields = [field for field in wanted._fields if field not in _SKIPPED]
        values = [[getattr(one, field, None) for field in fields] for one in (wanted, node)]
        yield from _sequence(*values, names)
    elif wanted == node:
        yield names


def _renamed(wanted: str, name: str, names: Names) -> Iterator[Names]:
    is_free = wanted not in names and name not in names.values() and not {wanted, name} & FIXED
    if names.get(wanted) == name or is_free or (wanted == name and name in FIXED):
        yield {**names, wanted: name}


def _sequence(wanted: Sequence[object], nodes: Sequence[object], names: Names) -> Iterator[Names]:
    if not wanted:
        if not nodes:
            yield names
        return
    first, rest = wanted[0], wanted[1:]
    if isinstance(first, ast.Constant) and first.value is Ellipsis:
        for taken in range(len(nodes) + 1):
            yield from _sequence(rest, nodes[taken:], names)
    elif nodes:
        for again in _match(first, nodes[0], names):
            yield from _sequence(rest, nodes[1:], again)


def _by_name(wanted: Sequence[ast.keyword], nodes: Sequence[ast.keyword], names: Names) -> Iterator[Names]:
    if not wanted:
        yield names
        return
    for node in nodes:
        if node.arg == wanted[0].arg:
            for again in _match(wanted[0].value, node.value, names):
                yield from _by_name(wanted[1:], nodes, again)
