"""The table of a family: the public name of each weight, and where it is here. Files are read and written by it.

`{i}` in a public name is the number of a block. Where the path here has it too, each block is a layer of its own;
otherwise the blocks are stacked, with an axis for them in front.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import numpy as np

from ...core import ArraySpec, compare_arrays, explain, nest, show_spec
from ...core.typing import Array, Variables
from ._layouts import Layout

Specs = Mapping[str, ArraySpec]


@dataclasses.dataclass(frozen=True)
class Row:
    """A weight, or the same one of each block.

    Attributes:
        public: its name in public files, `"h.{i}.ln_1.weight"`.
        paths: its path here, `"params/layers/block/attention_norm/scale"`; several where one public weight is several
            here, one after another along `axis`.
        layout: how both have it.
        axis: of the public weight.
    """

    public: str
    paths: str | tuple[str, ...]
    layout: Layout = dataclasses.field(default_factory=Layout)
    axis: int = 0


@dataclasses.dataclass(frozen=True)
class Place:
    """One public weight, and what it is here.

    Attributes:
        paths: the paths here.
        shapes: what each has here, without an axis of blocks.
        block: which of the stacked blocks; `None` where nothing is stacked.
        layout, axis: as in `Row`.
    """

    paths: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    block: int | None
    layout: Layout
    axis: int

    @property
    def public_shape(self) -> tuple[int, ...]:
        """The shape in a public file."""
        shapes = [self.layout.public_shape(shape) for shape in self.shapes]
        first = list(shapes[0])
        first[self.axis] = sum(shape[self.axis] for shape in shapes)
        return tuple(first)

    def write(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """The public weight, of the arrays here by path."""
        found = [arrays[path] if self.block is None else arrays[path][self.block] for path in self.paths]
        parts = [self.layout.to_public(part) for part in found]
        return np.ascontiguousarray(parts[0] if len(parts) == 1 else np.concatenate(parts, self.axis))

    def read(self, public: np.ndarray, into: Mapping[str, np.ndarray]) -> None:
        """Fill the arrays here with the public weight, in their dtype."""
        sizes = [self.layout.public_shape(shape)[self.axis] for shape in self.shapes]
        parts = np.split(public, np.cumsum(sizes)[:-1], self.axis) if len(sizes) > 1 else [public]
        for path, shape, part in zip(self.paths, self.shapes, parts, strict=True):
            into[path][... if self.block is None else self.block] = self.layout.from_public(part, shape)


def places(rows: Sequence[Row], specs: Specs) -> dict[str, Place]:
    """What each public weight of a model is here.

    Args:
        rows: the family's table. Rows of weights that the model does not have are passed over.
        specs: the model's variables.

    Returns:
        The places, by public name.

    Raises:
        ValueError: variables that no row has: a model that is not of the family.
    """
    found: dict[str, Place] = {}
    for row in rows:
        for name, paths, block in _blocks(row, specs):
            shapes = tuple(specs[path][0][0 if block is None else 1 :] for path in paths)
            found[name] = Place(paths, shapes, block, row.layout, row.axis)
    covered = {path for place in found.values() for path in place.paths}
    others = [f"{path} {show_spec(spec)}" for path, spec in specs.items() if path not in covered]
    if others:
        raise ValueError(
            explain(
                "The model has weights that its family has no public name for.",
                received=", ".join(others[:10]) + (f", … ({len(others) - 10} more)" if len(others) > 10 else ""),
                usually="layers of one's own on top, weights of few bits, or changes of low rank that were not merged.",
                write="model, variables = model.merge_lora(variables), and the model without the layers on top",
            )
        )
    return found


def _blocks(row: Row, specs: Specs) -> Iterator[tuple[str, tuple[str, ...], int | None]]:
    """The public name, the paths and the stacked block of each weight that a row is of."""
    paths = (row.paths,) if isinstance(row.paths, str) else row.paths
    if "{i}" in paths[0]:
        for i in itertools.count():
            numbered = tuple(path.replace("{i}", str(i)) for path in paths)
            if not all(path in specs for path in numbered):
                return
            yield row.public.replace("{i}", str(i)), numbered, None
    elif all(path in specs for path in paths):
        if "{i}" not in row.public:
            yield row.public, paths, None
            return
        for i in range(specs[paths[0]][0][0]):
            yield row.public.replace("{i}", str(i)), paths, i


def read_variables(expected: Mapping[str, Place], specs: Specs, read: Callable[[str], np.ndarray]) -> Variables:
    """A model's variables, on the default device, of a file's tensors; the host has those of one variable at a time.

    Args:
        expected: the places of all of its weights, by the names that `read` takes.
        specs: the model's variables.
        read: the tensor of a name.
    """
    by_paths: dict[tuple[str, ...], list[str]] = {}
    for name, place in expected.items():
        by_paths.setdefault(place.paths, []).append(name)
    found: dict[str, Array] = {}
    for paths, names in by_paths.items():  # one variable of stacked blocks, or those that one tensor has
        arrays = {path: np.empty(*specs[path]) for path in paths}
        for name in names:
            expected[name].read(read(name), arrays)
        found |= jax.block_until_ready(jax.device_put(arrays))
    variables: Variables = nest({path: found[path] for path in specs})
    return variables


def check_names(expected: Mapping[str, Place], found: Specs, label: str, write: str) -> None:
    """Compare the public weights of a model with those of a file, before any is read; dtypes may differ.

    Args:
        expected: the model's.
        found: the file's.
        label: what messages call the file.
        write: what messages advise.

    Raises:
        ValueError: names or shapes that differ, all of them listed.
    """
    wanted = {name: (place.public_shape, "float") for name, place in expected.items()}
    there = {name: (shape, "float" if _is_float(dtype) else dtype) for name, (shape, dtype) in found.items()}
    differ = compare_arrays(wanted, there)
    if not differ.ok:
        count = len({*differ.missing, *differ.unexpected, *differ.mismatched})
        raise ValueError(
            explain(
                f"{label} does not fit its config: {count} arrays differ.",
                received="\n" + differ.text(),
                usually="a config.json of another model, or weights of another architecture.",
                write=write,
            )
        )


def _is_float(dtype: str) -> bool:
    return dtype in ("float32", "float16", "bfloat16", "float64")
