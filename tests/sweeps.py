"""Which cases of a long test `make test` runs: `@pytest.mark.sweep`.

- `sweep` on a test of several parameters: cases enough that each value of each parameter is seen.
- `sweep(3)` on a test of one: each third case, the first among them; `sweep(3, 1)` begins at the second. Laws of one
  table that begin at different places see all of its rows together.
- `SHARES` has files whose tests are cases of one kind.
- Doctests that run under the checker of types and shapes, in `test_shapes.py`, run once.

`FKERAS_TEST=all` (`make test-all`) runs every case, and so does a run that names tests (`pytest file.py::test`).
"""

from __future__ import annotations

import collections
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence

import pytest

from . import checked

#: Every which test is run, by file: networks of Keras's, whose layers have tests of their own, and programs that train.
SHARES = {"fkeras/applications/__init__.py": 4, "tests/train/test_examples.py": 3, "tests/train/test_from_flax.py": 3}


def left_out(config: pytest.Config, items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The cases that wait for `make test-all`.

    Args:
        config: of the run.
        items: what pytest collected.

    Returns:
        Those of them that are not run.
    """
    if os.environ.get("FKERAS_TEST") == "all" or any("::" in argument for argument in config.args):
        return []
    marked: dict[str, list[pytest.Item]] = collections.defaultdict(list)
    for item in items:
        if item.get_closest_marker("sweep"):
            marked[item.nodeid.partition("[")[0]].append(item)
    waiting: list[pytest.Item] = []
    if not config.getoption("--fast") and any(file_of(item) == "tests/test_shapes.py" for item in items):
        waiting += [item for item in items if checked.is_checked(file_of(item))]
    for file, step in SHARES.items():
        found = [item for item in items if file_of(item) == file]
        waiting += [item for place, item in enumerate(found) if place % step]
    for cases in marked.values():
        every = cases[0].get_closest_marker("sweep").args
        if every:
            chosen = set(range(len(cases))[every[1] if every[1:] else 0 :: every[0]])
        else:
            chosen = set(covering([_values(case) for case in cases]))
        waiting += [case for place, case in enumerate(cases) if place not in chosen]
    return waiting


def file_of(item: pytest.Item) -> str:
    """The file that a test is of, from the project's folder on."""
    return item.nodeid.partition("::")[0]


def _values(case: pytest.Item) -> dict[str, str]:
    return {name: repr(value) for name, value in case.callspec.params.items()}


def covering(cases: Sequence[Mapping[str, Hashable]]) -> list[int]:
    """Places of cases that hold each value of each parameter, taken one after another.

    The case with most values that no chosen one has is next, the first of equals.

    >>> covering([{"a": 0, "b": 0}, {"a": 0, "b": 1}, {"a": 1, "b": 0}, {"a": 1, "b": 1}])
    [0, 3]
    """
    open_values = {pair for case in cases for pair in case.items()}
    chosen: list[int] = []
    while open_values:
        best = max(range(len(cases)), key=lambda place: (len(open_values & cases[place].items()), -place))
        chosen.append(best)
        open_values -= cases[best].items()
    return sorted(chosen)
