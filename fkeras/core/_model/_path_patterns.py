"""Layers and weights chosen by patterns of whole paths: `"backbone/.*"`.

There is one kind of pattern. It is a regular expression that has to match, from its first to its last letter, the
"/"-joined path of a layer or weight, or of a model or layer around it: `"backbone"`, `"backbone/block5_.*"`,
`".*/bias"`. `freeze`, `unfreeze`, `filters=` of `with_lora` and `quantize`, and the rules of an optimizer all take it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .._layer._bound_sublayers import Path
from .._layer._layer import Layer
from .._layer._sublayers import walk
from .._words._errors import did_you_mean, explain
from ._sublayers import find_path


def matches_path(pattern: str, path: Path) -> bool:
    """Whether a pattern matches the path of a layer or a weight, or that of a layer around it.

    >>> matches_path("backbone", ("backbone", "dense")), matches_path("dense", ("backbone", "dense"))
    (True, False)
    """
    return any(re.fullmatch(pattern, "/".join(path[: i + 1])) for i in range(len(path)))


def as_patterns(model: Layer, given: Iterable[str | Layer]) -> tuple[str, ...]:
    """Patterns as they are, and for a layer of the model the pattern that matches it alone.

    Raises:
        TypeError: neither.
        ValueError: a layer that is not in the model.
    """
    patterns = []
    for one in given:
        if not isinstance(one, str | Layer):
            raise TypeError(
                explain(
                    "Layers are chosen by patterns of their paths.",
                    received=repr(one)[:80],
                    usually="a list in place of its items.",
                    write='model.freeze("backbone/.*", "neck")',
                )
            )
        patterns.append(one if isinstance(one, str) else re.escape("/".join(find_path(model, one))))
    return tuple(patterns)


def check_patterns(model: Layer, patterns: Iterable[str], argument: str, write: str) -> None:
    """Refuse patterns that match no layer.

    Args:
        model: whose layers.
        patterns: regular expressions of whole paths.
        argument: what the message puts before the pattern that was received.
        write: the line to write instead.

    Raises:
        ValueError: naming the first that matches none.
    """
    paths = ["/".join(path) for path, _ in walk(model)]
    for pattern in patterns:
        if not any(re.fullmatch(pattern, path) for path in paths):
            raise ValueError(
                explain(
                    f"The pattern {pattern!r} matches no layer of {model.path_text()}.",
                    received=f"{argument}{pattern!r}",
                    usually=did_you_mean(pattern, paths),
                    write=f"{write}   # whole layer paths",
                )
            )
