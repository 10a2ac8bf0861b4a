"""What a stub lists: where each name of a module comes from."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import pathlib


class NotListedError(LookupError):
    """A stub does not list a name."""


@dataclasses.dataclass(frozen=True)
class Stub:
    """The imports of a `.pyi` file, which are what its module has.

    Attributes:
        names: a name -> the module that it is in; a module is under its own address.
        modules: which of the names are modules.
        whole: modules of which every public name is here.
    """

    names: dict[str, str]
    modules: frozenset[str]
    whole: tuple[str, ...]

    @classmethod
    def read(cls, module: str, file: str) -> Stub:
        """The stub beside a module's file; one without imports where there is none.

        Args:
            module: the module's name.
            file: its `.py` file.
        """
        path = pathlib.Path(file)
        stub, package = path.with_suffix(".pyi"), module if path.stem == "__init__" else module.rpartition(".")[0]
        names: dict[str, str] = {}
        modules: set[str] = set()
        whole: list[str] = []
        for node in ast.parse(stub.read_text(encoding="utf-8")).body if stub.exists() else ():
            if not isinstance(node, ast.ImportFrom):
                continue
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                if alias.name == "*":
                    whole.append(source)
                elif node.module is None:
                    names[alias.name] = f"{source}.{alias.name}"
                    modules.add(alias.name)
                else:
                    names[alias.name] = source
        return cls(names, frozenset(modules), tuple(whole))

    def listed(self) -> list[str]:
        """Every name, in alphabetical order."""
        found = {name for source in self.whole for name in dir(importlib.import_module(source)) if name[0] != "_"}
        return sorted(found | set(self.names))

    def find(self, name: str) -> object:
        """What a name stands for.

        Raises:
            NotListedError: the stub does not have it.
        """
        if name in self.names:
            found = importlib.import_module(self.names[name])
            return found if name in self.modules else getattr(found, name)
        for source in () if name.startswith("_") else self.whole:
            module = importlib.import_module(source)
            if name in dir(module):
                return getattr(module, name)
        raise NotListedError(name)
