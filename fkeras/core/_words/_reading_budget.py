"""What the reading of one config may cost: counted before it is spent, and refused where it is too much.

A file of a few kilobytes can ask for any amount of work: models inside models of which each runs the inner one twice,
an op whose number is a loop, names of megabytes. Whoever reads a part of a config spends from the one `Budget` of
its reading. The limits are far beyond the largest models that are known: those have about a thousand layers, and
descriptions of two megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..typing import CustomObjects, PyTree
from ._config_errors import at
from ._config_sizes import check_size
from ._errors import explain

# What is left at first, and what a message calls it.
_LIMITS = {
    "values": (4_000_000, "numbers, texts, lists and dicts"),
    "characters": (32 << 20, "characters of text"),
    "layers": (5_000, "layers"),
    "calls": (20_000, "calls of layers, those of models inside models each time that they run"),
    "work": (50_000, "steps of work that its numbers ask for"),
    "metrics": (1_000, "losses and metrics"),
    "kept": (1 << 26, "numbers that its metrics keep"),
}
# Lists and dicts within each other, and objects (layers, models, initializers) within each other.
MAX_DEPTH = 120
_MAX_OBJECTS_DEEP = 32
# The longest name, equation or entry of a vocabulary, and the largest whole number: an index of 64 bits.
_LONGEST_TEXT = 1 << 16
_LARGEST_NUMBER = 1 << 64
# These call what they hold more than once.
_CALLS_OF = {"Bidirectional": 2, "TimeDistributed": 3}
# Arguments of `compile` of which there may be several.
_MANY = ("loss", "metrics", "weighted_metrics")


class Budget:
    """What the reading of one config may still cost.

    Attributes:
        left: how much of each kind is left, see `_LIMITS`.

    >>> Budget().spend("layers", 6_000)
    Traceback (most recent call last):
    ...
    ValueError: The model is larger than any that is read.
      Received: more than 5,000 layers
      Usually:  a file made to fill the memory or the time of its reader.
      Write:    the model in code, and model.load_weights(path, variables)
    """

    def __init__(self) -> None:
        self.left = {kind: most for kind, (most, _) in _LIMITS.items()}

    def spend(self, kind: str, amount: int = 1) -> None:
        """Take some of a kind.

        Raises:
            ValueError: there is not so much left.
        """
        self.left[kind] -= amount
        if self.left[kind] < 0:
            most, words = _LIMITS[kind]
            raise too_large(f"more than {most:,} {words}")

    def examine(self, config: PyTree) -> None:
        """Spend what a config holds, and refuse what no config of a model holds.

        Raises:
            ValueError: it costs too much, or has a number, a text or a nesting that no saved model has.
        """
        self._size(config, 0, 0)

    def _size(self, value: PyTree, depth: int, objects: int) -> int:
        """How many calls running the objects in a value makes; everything in it is spent."""
        if isinstance(value, Mapping):
            return self._size_of_mapping(value, depth, objects)
        if isinstance(value, list | tuple):
            self._deeper(value, depth)
            parts = [v for v in value if isinstance(v, Mapping | list | tuple)]
            for v in value:
                _check_plain(v, self)
            return sum(self._size(v, depth + 1, objects) for v in parts)
        _check_plain(value, self)
        return 0

    def _size_of_mapping(self, value: Mapping[PyTree, PyTree], depth: int, objects: int) -> int:
        self._deeper(value, depth)
        class_name: PyTree = value.get("class_name")
        inner: PyTree = value.get("config")
        is_object = isinstance(class_name, str) and isinstance(inner, Mapping) and not class_name.startswith("__")
        if is_object and objects >= _MAX_OBJECTS_DEEP:
            raise too_large(f"layers and models nested more than {_MAX_OBJECTS_DEEP} deep")
        if is_object:
            self.spend("kept", check_size(class_name, inner))
        for key in _MANY:
            self.spend("metrics", _count(value.get(key)))
        if isinstance(value.get("layers"), list | tuple):
            self.spend("layers", len(value["layers"]))
        sizes = {key: self._size_at(key, part, depth, objects + is_object) for key, part in value.items()}
        if isinstance(value.get("layers"), list | tuple):
            self.spend("calls", sizes["layers"])
        calls = value.get("inbound_nodes")
        within = sum(sizes.values()) - sizes.get("inbound_nodes", 0)
        times = max(len(calls) if isinstance(calls, list) else 1, 1) * _CALLS_OF.get(class_name, 1)
        return (within + is_object) * times

    def _size_at(self, key: object, part: PyTree, depth: int, objects: int) -> int:
        _check_plain(key, self)
        if not isinstance(part, Mapping | list | tuple):
            _check_plain(part, self)
            return 0
        with at(key):
            return self._size(part, depth + 1, objects)

    def _deeper(self, value: PyTree, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise too_large(f"lists and dicts nested more than {MAX_DEPTH} deep")
        self.spend("values", 1 + len(value))


def _check_plain(value: object, budget: Budget) -> None:
    if isinstance(value, str):
        budget.spend("characters", len(value))
        if len(value) > _LONGEST_TEXT:
            raise too_large(f"a text of {len(value):,} characters, where at most {_LONGEST_TEXT:,} are read")
        if not value.isascii():
            _check_whole(value)
    elif isinstance(value, int) and not -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
        raise too_large("a number of more than 64 bits")


def _count(value: PyTree) -> int:
    """How many names and objects a list or dict of them has, and those within it."""
    if isinstance(value, Mapping):
        return 1 if "class_name" in value else sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list | tuple) else int(value is not None)


def _check_whole(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise too_large(f"a text with half a character: {text[:40]!r}") from None


def too_large(received: str) -> ValueError:
    """The error for a config that asks for more than a model does."""
    return ValueError(
        explain(
            "The model is larger than any that is read.",
            received=received,
            usually="a file made to fill the memory or the time of its reader.",
            write="the model in code, and model.load_weights(path, variables)",
        )
    )


class Reading(Mapping[str, Any]):
    """The user's own classes and functions by name, and the budget of the reading they are given to.

    Whoever makes an object from a config hands on `custom_objects`, so it is what carries the one budget to every part.

    >>> reading = Reading.of({"Net": dict})
    >>> Reading.of(reading) is reading, reading["Net"]
    (True, <class 'dict'>)
    """

    def __init__(self, objects: CustomObjects, budget: Budget) -> None:
        self._objects = dict(objects)
        self.budget = budget

    @classmethod
    def of(cls, custom_objects: CustomObjects | None) -> Reading:
        """The reading that goes on, or a new one."""
        return custom_objects if isinstance(custom_objects, Reading) else cls(custom_objects or {}, Budget())

    def __getitem__(self, name: str) -> Any:
        return self._objects[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)
