"""The tests of `make test-fast`: few enough for three minutes on two cores, and a break in any room turns them red.

- Of a test that runs over a table of public names and compares numbers (`NUMBERS`), one case for each.
- All of the architecture's tests, and of those of what comes first in a Trainer's verbs.
- Of any other test, two cases: laws that hold for every name are held by the whole suite.
- None that takes long (`slow.txt`), none that runs examples, benchmarks or notebooks.

`make test-floor` takes the same cases, those that take long too, of the files that the Makefile names (`--few`): what
the oldest versions do otherwise, they do in the first cases.

`slow.txt` is written from a run of the whole suite, and so is `longest.txt`, the order in which workers take files:
what takes long first, so that no worker waits at the end.
`pytest -n 2 --junit-xml run.xml; python -m tests.fast run.xml`; `python -m tests.mutate` says how many breaks are seen.
"""

from __future__ import annotations

import collections
import pathlib
import re
import statistics
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence

#: Seconds that the cases of a test may take on average.
LONGEST = 0.7
#: How many cases of a test are run.
CASES = 2
SLOW = pathlib.Path(__file__).with_name("slow.txt")
#: Files, those that take most seconds first.
FILES = pathlib.Path(__file__).with_name("longest.txt")

# Tests that compare the numbers of every public name of a kind with an oracle, or its shapes with the real ones.
NUMBERS = re.compile(
    r"::test_(equals?_keras\w*|(numbers|values|streams|functions)_\w*keras\w*|given_keras_draw\w*|symbolic_shape\w*)$"
)
# Files of which every case is run.
WHOLE = ("tests/test_architecture.py", "tests/train/test_state_or_variables.py")
# Files that are not about one room.
LEFT_OUT = ("tests/test_benchmarks.py", "tests/test_notebooks.py", "tests/test_shapes.py", "examples/")

_WORD = re.compile(r"[A-Za-z_][\w.]*$")


def function_of(node_id: str) -> str:
    """The test without its parameters.

    >>> function_of("tests/test_laws.py::test_equals_keras[Dense-default]")
    'tests/test_laws.py::test_equals_keras'
    """
    return node_id.partition("[")[0]


def chosen(node_ids: Iterable[str], slow: Iterable[str]) -> set[str]:
    """Which of the collected tests are run.

    Args:
        node_ids: all tests, as pytest names them.
        slow: tests without their parameters that are left out.

    Returns:
        The names of those that are run.
    """
    slow = set(slow)
    cases: dict[str, list[str]] = collections.defaultdict(list)
    for node_id in node_ids:
        cases[function_of(node_id)].append(node_id)
    found: set[str] = set()
    for function, own in cases.items():
        if function in slow or function.startswith(LEFT_OUT):
            continue
        if NUMBERS.search(function):
            own = one_each(own)
        elif not function.startswith(WHOLE):
            own = own[:: max(1, len(own) // CASES)][:CASES]
        found.update(own)
    return found


def one_each(node_ids: Sequence[str]) -> list[str]:
    """One case for each name, the part of the parameters that says most: `Dense` in `[True-Dense-default]`.

    >>> one_each(["t[True-Dense-a]", "t[True-Dense-b]", "t[False-Conv-a]"])
    ['t[True-Dense-a]', 't[False-Conv-a]']
    """
    parameters = [node_id.partition("[")[2].removesuffix("]").split("-") for node_id in node_ids]
    places = range(min(map(len, parameters)))
    names = lambda place: {p[place] for p in parameters if _WORD.match(p[place])}  # noqa: E731
    place = max(places, key=lambda place: (len(names(place)), -place))
    first: dict[str, str] = {}
    for parts, node_id in zip(parameters, node_ids, strict=True):
        first.setdefault(parts[place], node_id)
    return list(first.values())


def longest_first(files: Iterable[str], order: Sequence[str]) -> list[str]:
    """Files in the order in which workers take them.

    Args:
        files: those of the run.
        order: files that take long, the longest first.

    Returns:
        The files: those of `order` first, the others as they came.

    >>> longest_first(["a.py", "b.py", "c.py"], ["c.py", "gone.py"])
    ['c.py', 'a.py', 'b.py']
    """
    place = {file: place for place, file in enumerate(order)}
    return sorted(dict.fromkeys(files), key=lambda file: place.get(file, len(place)))


def slow_tests(junit: pathlib.Path) -> list[str]:
    """Tests whose cases took longer than `LONGEST` on average, in a recorded run.

    Args:
        junit: what `pytest --junit-xml` wrote.

    Returns:
        Tests without their parameters, sorted.
    """
    seconds: dict[str, list[float]] = collections.defaultdict(list)
    for case in ET.parse(junit).iter("testcase"):
        module, name = case.get("classname", ""), function_of(case.get("name", ""))
        seconds[f"{module.replace('.', '/')}.py::{name}"].append(float(case.get("time", 0)))
    return sorted(test for test, found in seconds.items() if statistics.mean(found) > LONGEST)


def long_files(junit: pathlib.Path, seconds: float = 5) -> list[str]:
    """Files whose tests took longer than `seconds` together, in a recorded run.

    Args:
        junit: what `pytest --junit-xml` wrote.
        seconds: the least that counts.

    Returns:
        The files, the longest first.
    """
    found: collections.Counter[str] = collections.Counter()
    for case in ET.parse(junit).iter("testcase"):
        found[f"{case.get('classname', '').replace('.', '/')}.py"] += float(case.get("time", 0))
    return [file for file, total in found.most_common() if total > seconds]


if __name__ == "__main__":
    FILES.write_text("\n".join(long_files(pathlib.Path(sys.argv[1]))) + "\n")
    SLOW.write_text("\n".join(slow_tests(pathlib.Path(sys.argv[1]))) + "\n")
