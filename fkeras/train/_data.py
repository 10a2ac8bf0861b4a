"""Where batches come from: arrays in memory, or anything that yields batches."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from ..core import explain

Batch = tuple[Any, Any, Any]


def unpack(batch: Any) -> Batch:
    """`(x, y, sample_weight)` of a batch in any of Keras's forms.

    >>> unpack((1, 2))
    (1, 2, None)
    """
    if isinstance(batch, list):
        batch = tuple(batch)
    if not isinstance(batch, tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError(
            explain(
                "A batch is (x,), (x, y) or (x, y, sample_weight).",
                received=f"a tuple of {len(batch)}",
                usually="several inputs in one tuple.",
                write="((x1, x2), y), or a dict of inputs",
            )
        )
    return (*batch, *(None,) * (3 - len(batch)))  # type: ignore[return-value]


def rows(tree: Any) -> int:
    """The batch size of a pytree of arrays."""
    if isinstance(tree, np.ndarray) and tree.ndim:
        return len(tree)
    return next((int(np.shape(leaf)[0]) for leaf in jax.tree.leaves(tree) if np.ndim(leaf)), 1)


def as_arrays(tree: Any) -> Any:
    """Lists of numbers as numpy arrays; arrays as they are. A list of arrays stays a list."""
    if tree is None or isinstance(tree, np.ndarray | jax.Array):
        return tree
    if hasattr(tree, "shape") and not hasattr(tree, "to_numpy"):
        if hasattr(tree, "detach"):  # a tensor of torch, on whatever device, part of a graph or not
            return tree.detach().cpu().numpy()
        return np.asarray(tree) if hasattr(tree, "__array__") else tree
    if isinstance(tree, Mapping):
        return {k: as_arrays(v) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        if any(hasattr(v, "shape") or isinstance(v, Mapping | tuple) for v in tree) or _ragged(tree):
            return type(tree)(as_arrays(v) for v in tree)
        return np.asarray(tree)
    if hasattr(tree, "to_numpy"):  # pandas
        return tree.to_numpy()
    return np.asarray(tree)


def _ragged(values: Any) -> bool:
    try:
        np.asarray(values)
    except ValueError:
        return True
    return False


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayData:
    """Batches of arrays in memory.

    Attributes:
        x, y, sample_weight: pytrees of arrays of one length.
        batch_size: rows in a batch; the last may have fewer.
    """

    x: Any
    y: Any
    sample_weight: Any
    batch_size: int

    @functools.cached_property
    def count(self) -> int:
        return rows(self.x)

    @property
    def steps(self) -> int:
        return -(-self.count // self.batch_size)

    @property
    def tree(self) -> Batch:
        """All the arrays."""
        return self.x, self.y, self.sample_weight

    def batch(self, place: int, order: np.ndarray | None = None) -> Batch:
        """The batch at a place, of the rows in the given order."""
        start, stop = place * self.batch_size, min((place + 1) * self.batch_size, self.count)
        rows = slice(start, stop) if order is None else order[start:stop]
        leaves, treedef = self._flat
        return jax.tree.unflatten(treedef, [leaf[rows] for leaf in leaves])

    @functools.cached_property
    def _flat(self) -> tuple[list[Any], Any]:
        return jax.tree.flatten(self.tree)

    def spec(self, size: int) -> Batch:
        """Shapes and dtypes of a batch of so many rows, as a device has them."""
        return spec(self.tree, size)

    def slice(self, start: int, stop: int) -> ArrayData:
        """Some of the rows."""
        parts = jax.tree.map(lambda a: a[start:stop], self.tree)
        return ArrayData(parts[0], parts[1], parts[2], self.batch_size)


def spec(tree: Any, size: int) -> Any:
    """Shapes and dtypes of so many rows of arrays, as a device has them."""

    def one(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((size, *leaf.shape[1:]), jax.dtypes.canonicalize_dtype(leaf.dtype))

    return jax.tree.map(one, tree)


def array_data(x: Any, y: Any, sample_weight: Any, batch_size: int | None) -> ArrayData:
    """Arrays, checked to have one length.

    Raises:
        ValueError: arrays of different lengths, each named; no rows; a batch size that is no positive integer.
    """
    x, y, sample_weight = as_arrays(x), as_arrays(y), as_arrays(sample_weight)
    lengths = {}
    for what, tree in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            if np.ndim(leaf) == 0:
                raise ValueError(
                    explain(f"{what} holds a scalar where an array of examples was expected.", received=leaf)
                )
            lengths[what + jax.tree_util.keystr(path)] = int(np.shape(leaf)[0])
    if len(set(lengths.values())) > 1:
        raise ValueError(
            explain(
                "The arrays have different numbers of examples.",
                received=", ".join(f"{k}: {v}" for k, v in lengths.items()),
                usually="y was split or filtered apart from x.",
                write="arrays whose first axes are equally long",
            )
        )
    if not lengths or next(iter(lengths.values())) == 0:
        raise ValueError(
            explain("There are no examples.", received=str(lengths), usually="an empty array or selection.")
        )
    size = 32 if batch_size is None else batch_size
    if isinstance(size, bool) or not hasattr(size, "__index__") or size < 1:
        raise ValueError(explain("batch_size must be a positive integer.", received=repr(size), write="batch_size=32"))
    if isinstance(x, jax.Array | np.ndarray) or jax.tree.leaves(x):
        x, y, sample_weight = jax.tree.map(_indexable, (x, y, sample_weight))
    return ArrayData(x, y, sample_weight, int(size))


def _indexable(leaf: Any) -> Any:
    """Arrays that numpy can index cheaply; on the CPU a jax array's memory is read in place."""
    if isinstance(leaf, jax.Array):
        return np.asarray(leaf)
    # float64 is converted once, not batch by batch, unless JAX was told to keep it
    narrow = jax.dtypes.canonicalize_dtype(leaf.dtype) if leaf.dtype == np.float64 else leaf.dtype
    return leaf if narrow == leaf.dtype else leaf.astype(narrow)


def is_arrays(x: Any) -> bool:
    """Whether `x` is arrays in memory rather than something that yields batches."""
    if x is None or isinstance(x, Iterator):
        return False
    if isinstance(x, list) and x and all(isinstance(v, tuple) for v in x):
        return False  # a list of (x, y) batches
    if hasattr(x, "shape") or isinstance(x, Mapping | list | tuple) or hasattr(x, "to_numpy"):
        return True
    return not (isinstance(x, Iterable) or hasattr(x, "__getitem__") or callable(x))


def stream(source: Any) -> Callable[[], Iterator[Batch]]:
    """A function that starts one pass over a source of batches.

    Args:
        source: an iterable of batches (restarted for each pass when it can be), an iterator (continued), a
            callable that returns one, or an object with `__len__` and `__getitem__` (Keras's `PyDataset`).

    Raises:
        TypeError: none of those.
    """
    if callable(source) and not hasattr(source, "__iter__") and not hasattr(source, "__getitem__"):
        return lambda: map(unpack, source())
    if isinstance(source, Iterator):
        return lambda: map(unpack, source)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__") and not isinstance(source, Mapping):
        return lambda: _items(source)
    if isinstance(source, Iterable):
        return lambda: map(unpack, iter(source))
    raise TypeError(
        explain(
            "Cannot read batches from this.",
            received=type(source).__name__,
            write="arrays, or an iterable of (x, y) batches",
        )
    )


def _items(source: Any) -> Iterator[Batch]:
    """One pass over an object with a length and items, its `on_epoch_begin` and `on_epoch_end` called as Keras does."""
    count = len(source)
    call(source, "on_epoch_begin")
    for i in range(count):
        batch = unpack(source[i])
        if i == count - 1:  # nobody asks again after the last one
            call(source, "on_epoch_end")
        yield batch


def call(source: Any, hook: str) -> None:
    """Call a hook of a dataset, if it has one."""
    getattr(source, hook, lambda: None)()


def length_of(source: Any) -> int | None:
    """How many batches a pass has; `None` where nobody knows, or there is no end."""
    try:
        return len(source)
    except TypeError:  # also what datasets with a `__len__` raise when they cannot say
        return None


def order_of(rng_data: np.ndarray, step: int, count: int) -> np.ndarray:
    """The order of an epoch's rows: a function of the run's seed and of the step at which the epoch begins."""
    return np.random.default_rng([*rng_data.ravel().tolist(), step]).permutation(count)


def pad(tree: Any, size: int) -> Any:
    """Arrays with rows appended up to `size`, copies of the last one: finite wherever the data is."""

    def one(leaf: Any) -> Any:
        short = size - leaf.shape[0]
        return leaf if short <= 0 else np.concatenate([leaf, np.repeat(np.asarray(leaf[-1:]), short, axis=0)])

    return jax.tree.map(one, tree)


def class_weights(y: Any, weights: Mapping[int, float], sample_weight: Any) -> Any:
    """Sample weights from class weights, Keras's way: by the label, or the largest entry of a one-hot row.

    Raises:
        ValueError: several outputs.
    """
    if not hasattr(y, "shape"):
        raise ValueError(
            explain(
                "class_weight needs one target array.",
                received=type(y).__name__,
                usually="the model has several outputs.",
                write="sample_weight={output: array}",
            )
        )
    labels = np.asarray(y)
    if labels.ndim > 1 and labels.shape[-1] != 1:
        labels = labels.argmax(-1)
    labels = np.round(labels.reshape(labels.shape[0], -1)[:, 0] if labels.ndim > 1 else labels).astype(int)
    table = {int(k): float(v) for k, v in weights.items()}  # Keras: a class that is not named weighs 1
    per_row = np.asarray([table.get(int(c), 1.0) for c in labels], np.float32)
    return per_row if sample_weight is None else per_row * np.asarray(sample_weight, np.float32)
