"""Which names of fkeras are public: what a namespace says is its own, and nothing that a file merely imports."""

from __future__ import annotations

import ast
import functools
import inspect
import pathlib
from types import ModuleType

import fkeras

SHORT = "fk"


@functools.cache
def namespaces() -> dict[str, ModuleType]:
    """Every public namespace by the path that one types: `fk`, `fk.nn`, `fk.ops.image`, …"""
    found: dict[str, ModuleType] = {}

    def walk(path: str, module: ModuleType) -> None:
        found[path] = module
        for name in sorted(exported(module)):
            inner = getattr(module, name)
            if inspect.ismodule(inner) and f"{path}.{name}" not in found:
                walk(f"{path}.{name}", inner)

    walk(SHORT, fkeras)
    return found


@functools.cache
def public(namespace: str) -> dict[str, object]:
    """The names of a namespace, without the namespaces in it."""
    module = namespaces()[namespace]
    found = {name: getattr(module, name) for name in sorted(exported(module))}
    return {name: value for name, value in found.items() if not inspect.ismodule(value)}


def exported(module: ModuleType) -> set[str]:
    """What a module exports: its `__all__`, or what its file defines and re-exports as `name as name`."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return {name for name in listed if not name.startswith("_")}
    source = getattr(module, "__file__", None)
    if source is None:  # made of functions: fk.ops.image
        return {name for name in dir(module) if not name.startswith("_")}
    names = {name for node in ast.parse(pathlib.Path(source).read_text()).body for name in _defined(node)}
    return {name for name in names if not name.startswith("_")}


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.ImportFrom():
            return [alias.name for alias in node.names if alias.asname == alias.name]
        case ast.FunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign(targets=[ast.Name(id=name)]) if name.islower():  # load_data = _load_mnist
            return [name]
    return []


def find(path: str) -> object:
    """What a path names, `fk.nn.Dense`."""
    namespace, _, name = path.rpartition(".")
    return public(namespace)[name]
