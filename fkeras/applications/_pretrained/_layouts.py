"""How torch keeps a weight, and how a layer of the catalogue does: one rule for reading and for writing."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Layout:
    """A weight as it is, which is the layout of tables and vectors; the classes below are of others."""

    def public_shape(self, shape: Shape) -> Shape:
        """The shape that the weight has in a public file.

        Args:
            shape: its shape here.

        Returns:
            The sizes.
        """
        return shape

    def to_public(self, array: np.ndarray) -> np.ndarray:
        """The weight as a public file has it."""
        return array.reshape(self.public_shape(array.shape))

    def from_public(self, array: np.ndarray, shape: Shape) -> np.ndarray:
        """The weight as it is here, of the given shape."""
        return array.reshape(shape)


@dataclasses.dataclass(frozen=True)
class Flat(Layout):
    """A vector there, which has axes for heads here: the bias of a projection."""

    def public_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)


@dataclasses.dataclass(frozen=True)
class Kernel(Layout):
    """A matrix `(inputs, outputs)` there, whose inputs or outputs have axes for heads here: GPT-2's `Conv1D`.

    Attributes:
        inputs: how many axes of the kernel are inputs.
    """

    inputs: int = 1

    def public_shape(self, shape: Shape) -> Shape:
        return math.prod(shape[: self.inputs]), math.prod(shape[self.inputs :])


@dataclasses.dataclass(frozen=True)
class Linear(Kernel):
    """A matrix `(outputs, inputs)` there: `torch.nn.Linear`."""

    def public_shape(self, shape: Shape) -> Shape:
        inputs, outputs = super().public_shape(shape)
        return outputs, inputs

    def to_public(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(super().public_shape(array.shape)).T

    def from_public(self, array: np.ndarray, shape: Shape) -> np.ndarray:
        return array.T.reshape(shape)


@dataclasses.dataclass(frozen=True)
class Convolution(Layout):
    """`(outputs, inputs, *window)` there, `(*window, inputs, outputs)` here."""

    def public_shape(self, shape: Shape) -> Shape:
        return shape[-1], shape[-2], *shape[:-2]

    def to_public(self, array: np.ndarray) -> np.ndarray:
        return np.moveaxis(array, (-1, -2), (0, 1))

    def from_public(self, array: np.ndarray, shape: Shape) -> np.ndarray:
        return np.moveaxis(array, (0, 1), (-1, -2)).reshape(shape)
