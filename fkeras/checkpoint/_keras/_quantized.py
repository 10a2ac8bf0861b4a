"""Weights that real Keras quantised, in the form in which fkeras keeps such weights: the same numbers, to the bit.

Keras keeps a kernel's numbers and a `scale` (int8, and int4 by channel: `kernel = numbers / scale`), or `scale` and
`zero` of each block of inputs (int4: `kernel = (numbers - zero) · scale`). Here it is `numbers · scale`, so blocks
of int4 are kept as int8, where `numbers - zero` fits.
Reference: https://keras.io/api/quantizers/
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ...core import ArraySpec, Layer, Part, explain
from ...nn import Dense, Embedding, QuantizedWeights
from .._files._tree_arrays import ArraySpecs
from ._weights_source import WeightsSource


@dataclasses.dataclass(frozen=True)
class _Kept:
    """Where one layer's parts are in the file."""

    at: str
    layer: Dense | Embedding
    storage: QuantizedWeights

    @property
    def by_row(self) -> bool:
        return isinstance(self.layer, Embedding)

    @property
    def numbers(self) -> str:
        return f"{self.at}/vars/0"

    def part(self, place: int) -> str:
        """The parts after the numbers and the bias: scale, zero, and the block of each input."""
        return f"{self.at}/vars/{1 + place + int(getattr(self.layer, 'use_bias', False))}"

    @property
    def columns(self) -> int:
        return int(self.layer.output_dim if isinstance(self.layer, Embedding) else self.layer.units)

    @property
    def blocks(self) -> int | None:
        return self.storage.block_size

    def packed(self) -> bool:
        return self.blocks is not None or self.storage.form == "int4"


class QuantizedFile:
    """A weights file whose quantised layers are seen in fkeras's form.

    Args:
        weights: the open file.
        layers: the model's layers by the path of their groups.
    """

    def __init__(self, weights: WeightsSource, layers: Mapping[str, Layer | Part]) -> None:
        self._weights = weights
        self.label, self.size = weights.label, weights.size
        kept = [
            _Kept(at, layer, layer._weights_as)
            for at, layer in layers.items()
            if isinstance(layer, Dense | Embedding)
            and type(layer) in (Dense, Embedding)
            and type(layer._weights_as) is QuantizedWeights
        ]
        self._parts = {path: (k, i) for k in kept for i, path in enumerate((k.numbers, *map(k.part, range(3))))}
        self.specs: ArraySpecs = dict(self._seen(weights.specs))

    def _seen(self, specs: ArraySpecs) -> Iterator[tuple[str, ArraySpec]]:
        for path, (shape, dtype) in specs.items():
            kept, part = self._parts.get(path, (None, 0))
            if kept is None:
                yield path, (shape, dtype)
            elif part == 0 and len(shape) == 2 and dtype == "int8":
                yield path, self._numbers_spec(kept, shape)
            elif part == 1 and dtype.startswith(("float", "bfloat")):
                yield path, ((1, *shape) if len(shape) == 1 else shape[::-1] if kept.by_row else shape, "float32")
            elif part > 1 and kept.blocks is not None:
                continue  # these are read, and checked, with the numbers
            else:
                yield path, (shape, dtype)

    @staticmethod
    def _numbers_spec(kept: _Kept, shape: tuple[int, ...]) -> ArraySpec:
        rows, columns = shape
        if not kept.packed():
            return shape, "int8"
        if columns != math.ceil(kept.columns / 2):
            return shape, "int8 (two in a byte)"
        if kept.storage.form == "int4":  # fkeras packs two in a byte too, but along the other axis
            return (-(-kept.columns // 2), rows) if kept.by_row else (-(-rows // 2), kept.columns), "uint8"
        return (rows, kept.columns), "int8"

    def check_room(self, paths: Iterable[str]) -> None:
        """See `WeightsFile.check_room`."""
        parts = {k.part(i) for k, _ in self._parts.values() for i in (1, 2)}
        self._weights.check_room([*paths, *(p for p in parts if p in self._weights.specs)])

    def read(self, path: str) -> np.ndarray:
        """One dataset as fkeras keeps it."""
        array = self._weights.read(path)
        kept, part = self._parts.get(path, (None, 0))
        if kept is None:
            return array
        if part == 1:
            return self._scale(kept, array)
        if not kept.packed():
            return array
        numbers = _unpacked(array, kept.columns)
        if kept.storage.form == "int4":
            return _packed(numbers.T if kept.by_row else numbers)
        return self._less_zero(kept, numbers)

    def _scale(self, kept: _Kept, array: np.ndarray) -> np.ndarray:
        wide = np.asarray(array, "float32")
        if kept.blocks is None:
            return (1 / wide)[None]
        return wide.T if kept.by_row else wide

    def _less_zero(self, kept: _Kept, numbers: np.ndarray) -> np.ndarray:
        """Numbers around zero: each less the zero of its block."""
        assert kept.blocks is not None
        axis = 1 if kept.by_row else 0
        block = np.arange(numbers.shape[axis]) // kept.blocks
        zero, said = kept.part(1), kept.part(2)
        if zero not in self._weights.specs or said not in self._weights.specs:
            raise self._damaged(f"no {zero!r} and {said!r}")
        zeros, places = self._weights.read(zero), self._weights.read(said)
        fits = (
            zeros.ndim == 2 and zeros.shape[axis] == block[-1] + 1 and zeros.shape[1 - axis] == numbers.shape[1 - axis]
        )
        if not fits or zeros.dtype != np.int8 or np.abs(zeros).max() > 8 or not np.array_equal(places, block):
            raise self._damaged(f"{zero!r} and {said!r}, which do not belong to blocks of {kept.blocks}")
        return (numbers - np.take(zeros, block, axis=axis)).astype("int8")

    def _damaged(self, received: str) -> ValueError:
        return ValueError(
            explain(
                f"The quantised weights in {self.label} cannot be read.", received=received, usually="a damaged file."
            )
        )


def _unpacked(packed: np.ndarray, columns: int) -> np.ndarray:
    """Keras's packing: two columns in a byte, the even one in the low half, each from -8 to 7."""
    bits = packed.view("uint8")
    halves = np.stack([bits & 15, bits >> 4], axis=-1).reshape(len(bits), -1)[:, :columns].astype("int8")
    return np.where(halves > 7, halves - 16, halves).astype("int8")


def _packed(numbers: np.ndarray) -> np.ndarray:
    """fkeras's packing: two rows in a byte, the even one in the low half."""
    even = np.pad(numbers, ((0, len(numbers) % 2), (0, 0))).astype("uint8") & 15
    return even[0::2] | (even[1::2] << 4)
