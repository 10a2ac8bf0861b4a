"""How two sets of named arrays differ in paths, shapes and dtypes, and what is said of it: every difference at once."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Container, Mapping
from typing import TypeAlias

from ._errors import explain

#: An array's shape, with -1 for a size that is not known, and its dtype's name.
ArraySpec: TypeAlias = tuple[tuple[int, ...], str]

# A message lists so many lines, and looks for near names among so many pairs.
_MAX_LINES = 1_000
_MAX_PAIRS = 1_000_000


@dataclasses.dataclass(frozen=True)
class ArrayDifferences:
    """What differs between the arrays that are expected and those that are there.

    Attributes:
        missing: expected paths that are not there, each with its shape and dtype.
        unexpected: paths that nothing expects.
        mismatched: `(there, expected)` for paths where shape or dtype differ.

    >>> differences = compare_arrays({"a/kernel": ((2, 3), "float32")}, {"a/kernal": ((2, 3), "float32")})
    >>> print(differences.text())
    missing     a/kernel float32(2, 3)   (did you mean 'a/kernal'?)
    unexpected  a/kernal float32(2, 3)
    """

    missing: Mapping[str, str]
    unexpected: Mapping[str, str]
    mismatched: Mapping[str, tuple[str, str]]

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.unexpected or self.mismatched)

    def text(self, there: str = "in the file") -> str:
        """The differences, one line each; `there` says where the arrays are that were compared with the expected."""
        lines = []
        close = len(self.missing) * len(self.unexpected) <= _MAX_PAIRS
        for path, spec in self.missing.items():
            near = difflib.get_close_matches(path, self.unexpected, n=1, cutoff=0.6) if close else []
            lines.append(f"missing     {path} {spec}" + (f"   (did you mean {near[0]!r}?)" if near else ""))
        lines += [f"unexpected  {path} {spec}" for path, spec in self.unexpected.items()]
        lines += [f"mismatched  {path} {got} {there}, {want} expected" for path, (got, want) in self.mismatched.items()]
        more = [f"… and {len(lines) - _MAX_LINES:,} more"] if len(lines) > _MAX_LINES else []
        return "\n".join(lines[:_MAX_LINES] + more)

    def among(self, paths: Container[str]) -> ArrayDifferences:
        """The differences at some paths only."""
        return ArrayDifferences(
            missing={p: s for p, s in self.missing.items() if p in paths},
            unexpected={p: s for p, s in self.unexpected.items() if p in paths},
            mismatched={p: s for p, s in self.mismatched.items() if p in paths},
        )

    def error(self, what: str) -> ValueError:
        """The error that lists these differences of `what`."""
        return ValueError(
            explain(
                f"{what} does not fit: {len({*self.missing, *self.unexpected, *self.mismatched})} arrays differ.",
                received="\n" + self.text(),
                usually="the model was changed after it was saved, or this is another model's file.",
                write='the model the file was saved with, or load_weights(..., rename={"old/(.*)": r"new/\\1"}, '
                'allow=["head/.*"])',
            )
        )


def compare_arrays(expected: Mapping[str, ArraySpec], given: Mapping[str, ArraySpec]) -> ArrayDifferences:
    """The differences between expected and given arrays, by path."""
    return ArrayDifferences(
        missing={p: show_spec(s) for p, s in expected.items() if p not in given},
        unexpected={p: show_spec(s) for p, s in given.items() if p not in expected},
        mismatched={
            p: (show_spec(given[p]), show_spec(s)) for p, s in expected.items() if p in given and not fits(given[p], s)
        },
    )


def fits(given: ArraySpec, expected: ArraySpec) -> bool:
    """Whether an array has the expected shape and dtype; an expected -1 is a size that follows from the input."""
    same_kind = str(given[1]) == str(expected[1]) and len(given[0]) == len(expected[0])
    return same_kind and all(size in (-1, int(d)) for d, size in zip(given[0], expected[0], strict=True))


def show_spec(spec: ArraySpec) -> str:
    """A shape and a dtype as messages write them: `float32(2, 3)`."""
    return f"{spec[1]}{tuple(spec[0])}"
