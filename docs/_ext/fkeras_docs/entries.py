"""An entry of the reference as Markdown: signature, docstring, variables, methods, the place in the source."""

from __future__ import annotations

import functools
import inspect
import pathlib

import jax
import jax.scipy.special

import fkeras

from .docstrings import to_markdown
from .names import find
from .pages import homes
from .parameters import variables_of

#: Where JAX keeps functions that are ops here as they are.
_JAX = (jax.numpy, jax.nn, jax.numpy.linalg, jax.numpy.fft, jax.lax, jax.scipy.special, jax.image)
ROOT = pathlib.Path(fkeras.__file__).parents[1]


def entry(path: str) -> str:
    """The Markdown of what a public name has to say."""
    value = find(path)
    if inspect.isclass(value):
        body = [_docstring(value) + "\n\n" + variables_of(path), *_members(path, value)]
        return _object("class", path + _signature(value), body, value)
    if callable(value):
        return _object("function", path + _signature(value), [_docstring(value)], value)
    return _object("data", path, [f"`{value!r}`" if len(repr(value)) < 80 else ""], value)


def source_of(value: object) -> tuple[str, int] | None:
    """The file of the repository and the line where something is defined; `None` for what others define."""
    inner = inspect.unwrap(value) if callable(value) else value
    inner = getattr(inner, "func", inner)
    try:
        file, line = inspect.getsourcefile(inner), inspect.getsourcelines(inner)[1]  # type: ignore[arg-type]
    except (TypeError, OSError):
        return None
    place = pathlib.Path(str(file))
    return (place.relative_to(ROOT).as_posix(), max(line, 1)) if place.is_relative_to(ROOT) else None


def first_line(value: object) -> str:
    """The first sentence of a docstring, for tables."""
    text = to_markdown(_text(value)).partition("\n\n")[0] if _text(value) else ""
    return text.replace("\n", " ").replace("|", "\\|")


def _object(kind: str, signature: str, body: list[str], value: object) -> str:
    described, *members = body
    text = "\n\n".join(part for part in [described, _place(value), *members] if part)
    fence = "`" * (max((len(run) for run in _fences(text)), default=2) + 1)
    return f"{fence}{{py:{kind}}} {signature}\n\n{text}\n{fence}"


def _place(value: object) -> str:
    """Where it is defined: a line of this repository, or a name of JAX."""
    place = source_of(value)
    if place:
        return f"{{source}}`{place[0]}:{place[1]}`"
    name = getattr(inspect.unwrap(value), "__name__", "") if callable(value) else ""  # type: ignore[arg-type]
    module = next((m for m in _JAX if hasattr(m, name)), None) if name else None
    return f"A function of JAX: `{module.__name__}.{name}`." if module else ""


def _fences(text: str) -> list[str]:
    return [line[: len(line) - len(line.lstrip("`"))] for line in text.splitlines() if line.startswith("```")]


def _members(path: str, cls: type) -> list[str]:
    """Methods and properties that a class adds, and has something to say about."""
    found = []
    for name, member in _own(cls).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if isinstance(function, functools.cached_property):
            function = function.func
        if name.startswith("_") or not inspect.isfunction(inspect.unwrap(function)) or not _text(function):
            continue
        if function is member or isinstance(member, classmethod | staticmethod):
            bound = "static" if isinstance(member, staticmethod) else ""
            signature = f"{path}.{name}{_signature(function, skip_first=not bound)}"
            found.append(_object("method", signature, [_docstring(function)], function))
        else:
            found.append(_object("property", f"{path}.{name}", [_docstring(function)], function))
    return found


def _own(cls: type) -> dict[str, object]:
    """What a class has beyond its public bases; that of private ones, its parts, counts as its own."""
    found: dict[str, object] = {}
    bases = cls.__mro__[1:]
    known = {id(base) for base in bases if id(base) in homes()}
    inherited = {id(b) for base in bases if id(base) in known for b in base.__mro__}
    for one in cls.__mro__:
        if one.__module__.startswith("fkeras") and (one is cls or id(one) not in inherited):
            for name, member in vars(one).items():
                found.setdefault(name, member)
    return found


def _text(value: object) -> str:
    """What a name says itself: no docstring of a base, and none that a dataclass makes up."""
    own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    text = inspect.cleandoc(own or "")
    made_up = inspect.isclass(value) and text.startswith(f"{value.__name__}(")
    return "" if made_up else text


def _docstring(value: object) -> str:
    return to_markdown(_text(value)) if _text(value) else ""


def _signature(value: object, skip_first: bool = False) -> str:
    try:
        signature = inspect.signature(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "(...)"
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()][int(skip_first) :]
    short = [p.replace(default=_Short(p.default)) if p.default is not p.empty else p for p in parameters]
    return str(signature.replace(parameters=short, return_annotation=signature.empty))


class _Short:
    """A default that is shown in one line, without an address."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        if inspect.isclass(self._value) or inspect.isfunction(self._value):
            return self._value.__name__
        text = repr(self._value)
        return "..." if " at 0x" in text or "\n" in text or len(text) > 60 else text
