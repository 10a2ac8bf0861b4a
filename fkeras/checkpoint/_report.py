"""Strict comparison of a file's arrays with what is expected: every mismatch at once, before any array is read."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from ..core import explain

# What a manifest knows of an array: its shape and its dtype's name.
Spec = Mapping[str, tuple[tuple[int, ...], str]]


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """How a file's arrays compare with what is expected.

    Attributes:
        missing: expected paths that the file does not have.
        unexpected: paths of the file that nothing expects.
        mismatched: `(path, in the file, expected)` where shape or dtype differ.

    >>> report = compare({"a/kernel": ((2, 3), "float32")}, {"a/kernal": ((2, 3), "float32")})
    >>> print(report.text())
    missing     a/kernel float32(2, 3)   (did you mean 'a/kernal'?)
    unexpected  a/kernal float32(2, 3)
    """

    missing: dict[str, str]
    unexpected: dict[str, str]
    mismatched: dict[str, tuple[str, str]]

    @property
    def ok(self) -> bool:
        """Whether file and expectation are the same."""
        return not (self.missing or self.unexpected or self.mismatched)

    def text(self) -> str:
        """One line a mismatch."""
        lines = []
        for path, spec in self.missing.items():
            near = difflib.get_close_matches(path, self.unexpected, n=1, cutoff=0.6)
            lines.append(f"missing     {path} {spec}" + (f"   (did you mean {near[0]!r}?)" if near else ""))
        lines += [f"unexpected  {path} {spec}" for path, spec in self.unexpected.items()]
        lines += [
            f"mismatched  {path} {got} in the file, {want} expected" for path, (got, want) in self.mismatched.items()
        ]
        return "\n".join(lines)

    def require(self, what: str) -> None:
        """Raise when anything differs.

        Raises:
            ValueError: listing every mismatch.
        """
        if not self.ok:
            count = len(self.missing) + len(self.unexpected) + len(self.mismatched)
            raise ValueError(
                explain(
                    f"{what} does not fit: {count} arrays differ.",
                    received="\n" + self.text(),
                    usually="the model was changed after it was saved, or this is another model's file.",
                    write="the model the file was saved with, or load_weights(..., skip_mismatch=True)",
                )
            )


def compare(expected: Spec, found: Spec) -> LoadReport:
    """Compare paths, shapes and dtypes."""
    return LoadReport(
        missing={p: show(s) for p, s in expected.items() if p not in found},
        unexpected={p: show(s) for p, s in found.items() if p not in expected},
        mismatched={
            p: (show(found[p]), show(s)) for p, s in expected.items() if p in found and _plain(found[p]) != _plain(s)
        },
    )


def show(spec: tuple[Any, str]) -> str:
    """A spec as messages write it: `float32(2, 3)`."""
    return f"{spec[1]}{tuple(spec[0])}"


def _plain(spec: tuple[Any, str]) -> tuple[tuple[int, ...], str]:
    return tuple(int(d) for d in spec[0]), str(spec[1])
