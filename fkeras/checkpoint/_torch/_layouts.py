"""How torch keeps a weight, by what it is: the shape that it has there, and what makes the weight here of it.

Reference: the modules' own pages, https://docs.pytorch.org/docs/stable/nn.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

Shape: TypeAlias = tuple[int, ...]


class Layout(NamedTuple):
    """How torch keeps one weight.

    Attributes:
        shapes: of the arrays there: one, or two that are added.
        make: those arrays -> the weight here.
    """

    shapes: tuple[Shape, ...]
    make: Callable[[Sequence[np.ndarray]], np.ndarray]


#: The shape of a weight here -> how torch keeps it.
LayoutOf: TypeAlias = Callable[[Shape], Layout]


def same(shape: Shape) -> Layout:
    """As it is: tables, scales, biases, moments."""
    return Layout((shape,), lambda arrays: arrays[0])


def flat(shape: Shape) -> Layout:
    """A vector there, which has axes for heads here."""
    return Layout(((math.prod(shape),),), lambda arrays: arrays[0].reshape(shape))


def linear(inputs: int = 1) -> LayoutOf:
    """`(outputs, inputs)` there; here so many axes are inputs, and the others outputs."""

    def layout(shape: Shape) -> Layout:
        there = math.prod(shape[inputs:]), math.prod(shape[:inputs])
        return Layout((there,), lambda arrays: arrays[0].T.reshape(shape))

    return layout


def after_flattening(channels: int, window: Shape) -> LayoutOf:
    """`(outputs, inputs)` of a layer behind a flattened image, whose channels come first there and last here."""

    def layout(shape: Shape) -> Layout:
        def make(arrays: Sequence[np.ndarray]) -> np.ndarray:
            images = arrays[0].reshape(shape[1], channels, *window)
            return np.moveaxis(images, 1, -1).reshape(shape[1], shape[0]).T

        return Layout(((shape[1], shape[0]),), make)

    return layout


def vector_after_flattening(channels: int, window: Shape) -> LayoutOf:
    """A vector of the features of a flattened image."""

    def make(arrays: Sequence[np.ndarray]) -> np.ndarray:
        return np.moveaxis(arrays[0].reshape(channels, *window), 0, -1).reshape(-1)

    return lambda shape: Layout((shape,), make)


def convolution(shape: Shape) -> Layout:
    """`(outputs, inputs, *window)` there, `(*window, inputs, outputs)` here; of a transposed one both are exchanged."""
    there = shape[-1], shape[-2], *shape[:-2]
    return Layout((there,), lambda arrays: np.moveaxis(arrays[0], (0, 1), (-1, -2)))


def depthwise(shape: Shape) -> Layout:
    """`(inputs * multiplier, 1, *window)` there, a group for each input; `(*window, inputs, multiplier)` here."""
    *window, inputs, multiplier = shape
    there = inputs * multiplier, 1, *window
    apart = inputs, multiplier, *window
    return Layout((there,), lambda arrays: np.moveaxis(arrays[0].reshape(apart), (0, 1), (-2, -1)))


def one_of_three(number: int) -> LayoutOf:
    """A kernel of queries, keys or values, of which one matrix has all three, one below the other."""

    def layout(shape: Shape) -> Layout:
        outputs, inputs = math.prod(shape[1:]), shape[0]

        def make(arrays: Sequence[np.ndarray]) -> np.ndarray:
            return arrays[0][number * outputs : (number + 1) * outputs].T.reshape(shape)

        return Layout(((3 * outputs, inputs),), make)

    return layout


def vector_of_three(number: int) -> LayoutOf:
    """The bias of queries, keys or values, of which one vector has all three."""

    def layout(shape: Shape) -> Layout:
        size = math.prod(shape)
        return Layout(((3 * size,),), lambda arrays: arrays[0][number * size : (number + 1) * size].reshape(shape))

    return layout


def added_biases(shape: Shape) -> Layout:
    """The bias of an LSTM or of a plain recurrent layer: torch has one for inputs and one for the state."""
    return Layout((shape, shape), lambda arrays: arrays[0] + arrays[1])


def gru_kernel(shape: Shape) -> Layout:
    """A GRU's kernel: torch has the reset gate first, Keras the update gate."""
    return Layout(((shape[1], shape[0]),), lambda arrays: _update_first(arrays[0]).T)


def gru_biases(shape: Shape) -> Layout:
    """A GRU's two biases, of inputs and of the state."""
    there = shape[1:]
    return Layout((there, there), lambda arrays: np.stack([_update_first(array) for array in arrays]))


def _update_first(array: np.ndarray) -> np.ndarray:
    reset, update, new = np.split(array, 3)
    return np.concatenate([update, reset, new])


def permuted(axes: Sequence[int]) -> LayoutOf:
    """Axes in an order that is given: `array.transpose(axes)` is the weight here."""

    def layout(shape: Shape) -> Layout:
        there = [0] * len(shape)
        for here, axis in enumerate(axes):
            there[axis] = shape[here]
        return Layout((tuple(there),), lambda arrays: arrays[0].transpose(tuple(axes)))

    return layout


def stacked(layout: LayoutOf) -> LayoutOf:
    """Equal blocks, one after another there, with an axis of blocks in front here."""

    def of_blocks(shape: Shape) -> Layout:
        block = layout(shape[1:])
        each = len(block.shapes)

        def make(arrays: Sequence[np.ndarray]) -> np.ndarray:
            return np.stack([block.make(arrays[i * each : (i + 1) * each]) for i in range(shape[0])])

        return Layout(block.shapes * shape[0], make)

    return of_blocks
