"""Strict comparison of a file's arrays with what is expected: every mismatch at once, before any array is read."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypedDict

from ...core import (
    ArrayDifferences,
    View,
    Viewed,
    did_you_mean,
    explain,
    fits,
    html_box,
    html_code,
    html_faint,
    html_folded,
    html_table,
    html_text,
    show_spec,
)
from ._tree_arrays import ArraySpecs


class MayDiffer(TypedDict, total=False):
    """What of a file may differ from what is expected: the arguments of `compare`."""

    skip_mismatch: bool
    rename: Mapping[str, str] | None
    allow: Sequence[str] | str


@dataclasses.dataclass(frozen=True, repr=False)
class LoadReport(Viewed, ArrayDifferences):
    """How a file's arrays compare with those that are expected, and which of them are loaded.

    Attributes:
        missing: expected paths that the file does not have, each with its shape and dtype.
        unexpected: paths of the file that nothing expects.
        mismatched: `(in the file, expected)` for paths where shape or dtype differ.
        loaded: the path in the file of each array that is taken from it, by its path here.
        skipped: paths that keep the values they had, as they were allowed to differ.
        renamed: paths in the file that were loaded under another name, with that name.
        faults: the paths that differ and were not allowed to; with any of these nothing is loaded.

    >>> report = compare({"a/kernel": ((2, 3), "float32")}, {"a/kernal": ((2, 3), "float32")})
    >>> print(report.text())
    missing     a/kernel float32(2, 3)   (did you mean 'a/kernal'?)
    unexpected  a/kernal float32(2, 3)
    >>> print(compare({"a": ((2,), "float32")}, {"b": ((2,), "float32")}, rename={"b": "a"}))
    loaded 1, skipped 0, ignored 0
    renamed     b -> a
    """

    loaded: Mapping[str, str] = dataclasses.field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        renamed = [f"renamed     {old} -> {new}" for old, new in self.renamed.items()]
        return "\n".join([self._count(), *renamed, *([self.text()] if not self.ok else [])])

    def _count(self) -> str:
        return f"loaded {len(self.loaded)}, skipped {len(self.skipped)}, ignored {len(self.unexpected)}"

    def __repr__(self) -> str:
        return f"<LoadReport: {self._count()}>"

    def _view(self) -> View:
        differ = {p: f"{found} in the file, {here} expected" for p, (found, here) in self.mismatched.items()}
        loaded = {p: "" if source == p else f"from {source}" for p, source in self.loaded.items()}
        lists = {"mismatched": differ, "missing": self.missing, "unexpected": self.unexpected, "loaded": loaded}
        parts = [
            html_folded(
                f"{title} {html_faint(str(len(paths)))}",
                html_table((), [(html_code(path), html_text(what)) for path, what in paths.items()]),
                opened=title != "loaded",
            )
            for title, paths in lists.items()
            if paths
        ]
        return View(str(self), html_box(f"LoadReport: {self._count()}", "".join(parts)))

    def require(self, what: str) -> None:
        """Raise if anything differs that was not allowed to.

        Raises:
            ValueError: listing every mismatch.
        """
        if self.faults:
            raise self.among(set(self.faults)).error(what)


def compare(
    expected: ArraySpecs,
    found: ArraySpecs,
    *,
    skip_mismatch: bool = False,
    rename: Mapping[str, str] | None = None,
    allow: Sequence[str] | str = (),
    place_of: Callable[[str], str] = str,
) -> LoadReport:
    """Compare paths, shapes and dtypes.

    Args:
        expected: what the model has.
        found: what the file has.
        skip_mismatch: whether everything may differ.
        rename: regular expressions and replacements (`re.sub`) for paths in the file; the first that is found counts.
        allow: regular expressions of whole paths that may differ, with or without the collection: `"head/.*"`.
        place_of: where a path of the file belongs; by default it is its own.

    Returns:
        What differs, and what may be loaded.

    Raises:
        ValueError: a pattern that matches nothing, or two arrays of the file with one name.
    """
    sources: dict[str, str] = {}
    for path, new in _renamed(found, rename or {}).items():
        here = place_of(new)
        if here in sources:
            raise ValueError(explain(f"{sources[here]!r} and {path!r} of the file would both be {here!r}."))
        sources[here] = path
    missing = {p: show_spec(s) for p, s in expected.items() if p not in sources}
    unexpected = {p: show_spec(found[source]) for p, source in sources.items() if p not in expected}
    mismatched = {
        p: (show_spec(found[sources[p]]), show_spec(s))
        for p, s in expected.items()
        if p in sources and not fits(found[sources[p]], s)
    }
    differ = [*missing, *unexpected, *mismatched]
    patterns = (allow,) if isinstance(allow, str) else tuple(allow)
    chosen = chosen_paths(patterns, [*expected, *unexpected], "allow")
    allowed = {p for p in differ if skip_mismatch or p in chosen}
    return LoadReport(
        missing=missing,
        unexpected=unexpected,
        mismatched=mismatched,
        loaded={p: sources[p] for p in expected if p in sources and p not in mismatched},
        skipped=tuple(p for p in expected if (p in missing or p in mismatched) and p in allowed),
        renamed={path: p for p, path in sources.items() if p in expected and p != place_of(path)},
        faults=tuple(p for p in differ if p not in allowed),
    )


def _renamed(found: ArraySpecs, rename: Mapping[str, str]) -> dict[str, str]:
    _check_patterns(rename, found, "rename", search=True)
    return {path: renamed_by(rename, path) for path in found}


def renamed_by(rules: Mapping[str, str], name: str) -> str:
    """A name after the first rule that is found in it: `{regular expression: replacement}`.

    >>> renamed_by({"^a/": "b/", "a": "c"}, "a/kernel")
    'b/kernel'
    """
    rule = next((rule for rule in rules if re.search(rule, name)), None)
    return name if rule is None else re.sub(rule, rules[rule], name)


def _names(pattern: str, path: str) -> bool:
    return bool(re.fullmatch(pattern, path) or re.fullmatch(pattern, path.partition("/")[2]))


def chosen_paths(patterns: Sequence[str], paths: Sequence[str], argument: str) -> set[str]:
    """The paths that patterns of whole paths choose, with or without the collection.

    Args:
        patterns: regular expressions.
        paths: what there is to choose from.
        argument: the user's argument that the patterns came in.

    Returns:
        The chosen paths.

    Raises:
        ValueError: a pattern that chooses none, naming the nearest path.
    """
    _check_patterns(patterns, paths, argument)
    return {path for path in paths if any(_names(pattern, path) for pattern in patterns)}


def _check_patterns(patterns: Iterable[str], paths: Collection[str], argument: str, search: bool = False) -> None:
    for pattern in patterns:
        if not any(re.search(pattern, p) if search else _names(pattern, p) for p in paths):
            raise ValueError(
                explain(
                    f"The pattern {pattern!r} matches no array.",
                    received=f"{argument}={pattern!r}",
                    usually=did_you_mean(pattern, paths),
                    write=f'{argument}={{"old/": "new/"}}' if search else f'{argument}=["head/.*"]   # whole paths',
                )
            )
