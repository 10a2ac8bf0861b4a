"""The share of annotations that say `Any`: `python -m tests.count_any` prints it by package, with a folder by wing."""

from __future__ import annotations

import ast
import collections
import pathlib
import sys
from collections.abc import Iterable, Iterator

ROOT = pathlib.Path(__file__).parents[1] / "fkeras"


def annotations(tree: ast.AST) -> Iterator[ast.expr]:
    """Every annotation of an argument, a return value, a variable or a field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            yield node.returns


def says_any(annotation: ast.expr) -> bool:
    """Whether `Any` stands anywhere in an annotation, also inside one that is written as text."""
    names = (getattr(node, "id", getattr(node, "value", None)) for node in ast.walk(annotation))
    return any(name == "Any" for name in names)


def count(paths: Iterable[pathlib.Path], levels: int = 1) -> dict[str, tuple[int, int]]:
    """`{package: (annotations that say Any, annotations)}`, by the first `levels` folders of each file."""
    found: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for path in paths:
        package = "/".join(path.relative_to(ROOT).parts[:-1][:levels])
        for annotation in annotations(ast.parse(path.read_text())):
            found[package][0] += says_any(annotation)
            found[package][1] += 1
    return {package: (some, every) for package, (some, every) in sorted(found.items())}


def share(counts: dict[str, tuple[int, int]]) -> float:
    """The share over all packages."""
    return sum(some for some, _ in counts.values()) / sum(every for _, every in counts.values())


if __name__ == "__main__":
    counts = count(sorted(ROOT.rglob("*.py")), levels=int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    for package, (some, every) in counts.items():
        print(f"{package or 'fkeras':32} {some:5} of {every:5}  {some / every:.0%}")
    print(f"{'all':32} {share(counts):.1%}")
