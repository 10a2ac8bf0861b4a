"""How many breaks `make test-fast` sees: `python -m tests.mutate [--files 30] [--only REGEX] [--seed 0]`.

One line in each of thirty files, spread over all wings, is changed in a copy of the repository: a sign, a comparison, a
condition, a number or what is returned. The fast tests run on the copy, those of the file's own package first, and end
at the first failure: most breaks are seen within half a minute. At least `LEAST` of thirty have to be seen; those that
are not are printed as a diff. Before all that, the fast tests have to be green on a copy without a break.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[1]
#: The share of breaks that has to be seen.
LEAST = 27 / 30
# Calls whose arguments are words for people.
_WORDS = {"explain", "warn", "ValueError", "TypeError", "RuntimeError", "AttributeError", "KeyError", "print"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Break:
    """One line of one file, changed.

    Attributes:
        path: the file, below the repository.
        line: which line, counted from 1.
        before, after: the line as it is and as it becomes.
    """

    path: pathlib.Path
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}\n  - {self.before.strip()}\n  + {self.after.strip()}"


# ------------------------------------------------------------------ what can break
_SIGNS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*", ast.FloorDiv: "*", ast.And: "or", ast.Or: "and"}
_COMPARISONS = {
    ast.Lt: ">=", ast.LtE: ">", ast.Gt: "<=", ast.GtE: "<", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not",
    ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_TEXT = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.And: "and", ast.Or: "or",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes inside functions that are no words for people, no annotations and no defaults."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            stack: list[ast.AST] = list(function.body)
            while stack:
                node = stack.pop()
                called = node.func if isinstance(node, ast.Call) else None
                if isinstance(node, ast.Raise | ast.FunctionDef | ast.ClassDef | ast.JoinedStr):
                    continue
                if getattr(called, "id", getattr(called, "attr", "")) in _WORDS:
                    continue
                yield node
                stack.extend(ast.iter_child_nodes(node))


def between(lines: list[str], left: ast.expr, right: ast.expr, old: str, new: str) -> tuple[int, str] | None:
    """The line with the operator between two operands changed, where both are on that line."""
    if left.end_lineno != right.lineno or not left.end_lineno:
        return None
    line = lines[left.end_lineno - 1]
    start, end = left.end_col_offset or 0, right.col_offset
    gap = line.encode()[start:end].decode()
    if not re.fullmatch(rf"[\s)]*{re.escape(old)}[\s(]*", gap):
        return None
    head, tail = line.encode()[:start].decode(), line.encode()[end:].decode()
    return left.end_lineno, head + gap.replace(old, new, 1) + tail


def changes(lines: list[str], tree: ast.AST) -> Iterator[tuple[int, str]]:
    """`(line, changed line)` for every change that the file allows."""
    for node in running(tree):
        found = None
        if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
            found = between(lines, node.left, node.right, _TEXT[type(node.op)], _SIGNS[type(node.op)])
        elif isinstance(node, ast.BoolOp):
            found = between(lines, *node.values[:2], _TEXT[type(node.op)], _SIGNS[type(node.op)])
        elif isinstance(node, ast.Compare):
            found = between(
                lines, node.left, node.comparators[0], _TEXT[type(node.ops[0])], _COMPARISONS[type(node.ops[0])]
            )
        elif isinstance(node, ast.Return) and node.value is not None and node.lineno == node.end_lineno:
            line = lines[node.lineno - 1]
            found = node.lineno, line[: node.col_offset] + "return None"
        elif isinstance(node, ast.If) and node.test.lineno == node.test.end_lineno == node.lineno:
            line = lines[node.lineno - 1]
            start, end = node.test.col_offset, node.test.end_col_offset
            found = node.lineno, f"{line[:start]}not ({line[start:end]}){line[end:]}"
        if found is not None and found[1] != lines[found[0] - 1]:
            yield found


def breaks(count: int, seed: int) -> list[Break]:
    """Breaks in files of as many wings as there are, in an order that follows from the seed.

    Args:
        count: how many.
        seed: which.

    Returns:
        One break for each of `count` files.
    """
    draw = random.Random(seed)
    wings: dict[str, list[pathlib.Path]] = {}
    for path in sorted((ROOT / "fkeras").rglob("*.py")):
        if path.name != "__init__.py":
            wings.setdefault("/".join(path.relative_to(ROOT).parts[1:-1]), []).append(path)
    for files in wings.values():
        draw.shuffle(files)
    found: list[Break] = []
    while len(found) < count and any(wings.values()):
        for wing in sorted(wings, key=lambda _: draw.random()):  # the large wings get their second file last
            if len(found) == count or not wings[wing]:
                continue
            path = wings[wing].pop()
            lines = path.read_text().splitlines()
            every = sorted(changes(lines, ast.parse(path.read_text())))
            if every:
                line, after = draw.choice(every)
                found.append(Break(path=path.relative_to(ROOT), line=line, before=lines[line - 1], after=after))
    return found


# ------------------------------------------------------------------ whether it is seen
def is_seen(change: Break, copy: pathlib.Path, workers: str, places: list[str]) -> bool:
    """Whether the fast tests turn red on a copy with the change, which is taken back afterwards."""
    path = copy / change.path
    whole = path.read_text()
    lines = whole.splitlines()
    lines[change.line - 1] = change.after
    path.write_text("\n".join(lines) + "\n")
    near = [str(place) for place in (path, copy / "tests" / change.path.parts[1]) if place.exists()]
    try:
        runs = (places,) if places else (near, [])
        return any(_turn_red(copy, workers, run) for run in runs)
    finally:
        path.write_text(whole)


def _turn_red(copy: pathlib.Path, workers: str, places: list[str]) -> bool:
    """Whether the fast tests at some places, or all of them, fail."""
    shared = {"JAX_COMPILATION_CACHE_DIR": str(ROOT / ".cache" / "jax"), "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "--fast", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["-n", workers, "--dist", "loadfile", *places]
    try:
        done = subprocess.run(
            command, cwd=copy, env={**os.environ, **shared}, timeout=1800, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:  # a test that hangs is seen by whoever waits for it
        print("    ran for half an hour", flush=True)
        return True
    failed = [text for text in done.stdout.splitlines() if text.startswith(("FAILED", "ERROR"))]
    print("   ", (failed or [f"ended with {done.returncode}"])[0][:110], flush=True)
    return done.returncode != 0


def main() -> int:
    """Try the breaks one by one; 1 if too few are seen."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="a regular expression of files")
    parser.add_argument("--workers", default="2")
    parser.add_argument("places", nargs="*", help="files and folders of tests, instead of all")
    parser.add_argument("--list", action="store_true", help="print the breaks and run nothing")
    given = parser.parse_args()
    every = [change for change in breaks(given.files, given.seed) if re.search(given.only, str(change.path))]
    if given.list:
        print(*every, sep="\n")
        return 0
    unseen = []
    with tempfile.TemporaryDirectory() as place:
        copy = pathlib.Path(place) / "copy"
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, tracked.stdout.split("\0")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
        if _turn_red(copy, given.workers, given.places):
            print("The tests fail without a break, so that they say nothing of breaks.")
            return 1
        for number, change in enumerate(every, 1):
            begun = time.time()
            print(f"{number} of {len(every)}: {change}", flush=True)
            seen = is_seen(change, copy, given.workers, given.places)
            print(f"    {'seen' if seen else 'NOT SEEN'} after {time.time() - begun:.0f} s", flush=True)
            if not seen:
                unseen.append(change)
    print(f"{len(every) - len(unseen)} of {len(every)} breaks were seen.", *unseen, sep="\n")
    return int(len(unseen) > (1 - LEAST) * len(every) + 1e-9)


if __name__ == "__main__":
    sys.exit(main())
