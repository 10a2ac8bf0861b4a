"""Names of `tf.data`, as they are typed on a data set of Grain."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable

from ..core import Explanation, did_you_mean, explain

_NOTHING = "dataset   # nothing is to be written"
#: A method of `tf.data.Dataset` -> why there is none, and the line that does its work.
ANSWERS: dict[str, tuple[str, str]] = {
    "take": ("entries are had by index.", "dataset[:2]"),
    "skip": ("entries are had by index.", "dataset[2:]"),
    "shard": ("entries are had by index.", "dataset[index::num_shards]"),
    "cache": (
        "what fits in memory is arrays, which fit shuffles.",
        "x, y = map(np.concatenate, zip(*dataset)); trainer.fit(state, x, y, batch_size=32)",
    ),
    "prefetch": ("an iterator of this data set reads ahead, in threads.", "trainer.fit(state, dataset)"),
    "unbatch rebatch ragged_batch padded_batch": (
        "the function that made the data set makes its batches; without a size it has entries one by one.",
        "batch_size=None, and dataset.batch(32) for batches of another size",
    ),
    "as_numpy_iterator": ("the entries are arrays of numpy.", "iter(dataset)"),
    "cardinality": ("it has a length.", "len(dataset)"),
    "element_spec": ("an entry says it.", "jax.tree.map(lambda a: (a.shape, a.dtype), dataset[0])"),
    "enumerate": ("Python's own does it.", "enumerate(dataset)"),
    "reduce": ("Python's own does it.", "functools.reduce(function, dataset, initial)"),
    "concatenate": ("Grain's takes a list.", "grain.MapDataset.concatenate([dataset, other])"),
    "zip": ("Python's own does it.", "zip(dataset, other)"),
    "with_options options": ("TensorFlow's settings of its graph.", _NOTHING),
}


def missing(name: str, known: list[str]) -> Explanation:
    """What is said where an attribute is asked for that a data set does not have.

    Args:
        name: the attribute.
        known: those that there are.

    Returns:
        The text of the error.

    >>> print(missing("cardinality", []))
    This is a data set of Grain, which has no `cardinality`.
      Usually:  a habit of tf.data: it has a length.
      Write:    len(dataset)
    """
    row = next((row for names, row in ANSWERS.items() if name in names.split()), None)
    what = f"This is a data set of Grain, which has no `{name}`."
    if name in ("class_names", "file_paths"):
        why = "it was made of the data set of a directory, which has them."
        return explain(what, usually=why, write=f"names = dataset.{name}   # before dataset.map(...)")
    if row is None:
        return explain(what, usually=did_you_mean(name, [k for k in known if not k.startswith("_")]))
    return explain(what, usually=f"a habit of tf.data: {row[0]}", write=row[1])


def check_no_options(method: str, options: dict[str, object]) -> None:
    """Refuse the arguments of tf.data that Grain does not have.

    Raises:
        TypeError: there are some.
    """
    if options:
        raise TypeError(
            explain(
                f"Grain's {method} takes a function alone.",
                received=", ".join(f"{name}={value!r}" for name, value in options.items()),
                usually="an argument of tf.data; threads read the entries ahead without it.",
                write=f"dataset.{method}(function)",
            )
        )


def spread(function: object) -> object:
    """A function of two or more positional arguments as one of a tuple, as tf.data calls it; any other as it is.

    >>> spread(lambda x, y: x + y)((1, 2))
    3
    >>> spread(lambda batch: batch[0])((1, 2))
    1
    """
    if not callable(function):  # an object of Grain's
        return function
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function of C
        return function
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    needed = [p for p in parameters if p.kind in kinds and p.default is p.empty]
    return Spread(function) if len(needed) > 1 else function


@dataclasses.dataclass(frozen=True)
class Spread:
    """A function that gets the parts of a tuple.

    Attributes:
        function: it.
    """

    function: Callable[..., object]

    def __call__(self, entry: object) -> object:
        return self.function(*entry) if isinstance(entry, tuple) else self.function(entry)
