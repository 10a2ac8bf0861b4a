"""Which axes of an einsum are summed over, and how scales of the others lie beside the output."""

from __future__ import annotations

import dataclasses
import string

import jax.numpy as jnp

from ...core.typing import Array, Num


@dataclasses.dataclass(frozen=True)
class Axes:
    """The letters of an einsum, one for each axis.

    >>> Axes.of("...a,abc->...bc", 3)
    Axes(inputs='ABa', kernel='abc', outputs='ABbc')
    """

    inputs: str
    kernel: str
    outputs: str

    @classmethod
    def of(cls, equation: str, ndim: int) -> Axes:
        """The letters of an equation for inputs of `ndim` axes, each of the dots' with one of its own."""
        inputs, kernel, outputs = equation.replace("->", ",").split(",")
        free = [c for c in string.ascii_uppercase + string.ascii_lowercase if c not in equation]
        dots = "".join(free[: ndim - len(inputs.replace(".", ""))])
        return cls(inputs.replace("...", dots), kernel, outputs.replace("...", dots))

    @property
    def summed_inputs(self) -> tuple[int, ...]:
        """The inputs' axes that one output sums over."""
        return tuple(i for i, c in enumerate(self.inputs) if c not in self.outputs)

    @property
    def summed_kernel(self) -> tuple[int, ...]:
        """The kernel's axes that one output sums over."""
        return summed(self.kernel, self.outputs)

    def beside_outputs(self, scale: Num[Array, "*kept"], letters: str) -> Num[Array, "*outputs"]:
        """A scale with all axes of the inputs or the kernel, those summed over of size 1, as the output's axes lie."""
        kept = [i for i, c in enumerate(letters) if c in self.outputs]
        flat = scale.reshape([scale.shape[i] for i in kept])
        order = sorted(range(len(kept)), key=lambda i: self.outputs.index(letters[kept[i]]))
        return jnp.transpose(flat, order).reshape(self.scale_shape([scale.shape[i] for i in kept], letters))

    def scale_shape(self, sizes: list[int], letters: str) -> list[int]:
        """The shape that `beside_outputs` gives a scale whose axes that are not summed over have these sizes."""
        by_letter = dict(zip([c for c in letters if c in self.outputs], sizes, strict=True))
        return [by_letter.get(c, 1) for c in self.outputs]

    def beside_kernel(self, scale: Num[Array, "*outputs"]) -> Num[Array, "*kernel"]:
        """What `beside_outputs` made of a kernel's scale, as the kernel's axes lie."""
        kept = [c for c in self.kernel if c in self.outputs]
        flat = scale.reshape([scale.shape[i] for i, c in enumerate(self.outputs) if c in kept])
        ordered = [c for c in self.outputs if c in kept]
        moved = jnp.transpose(flat, [ordered.index(c) for c in kept])
        return moved.reshape([scale.shape[self.outputs.index(c)] if c in kept else 1 for c in self.kernel])


def summed(kernel: str, outputs: str) -> tuple[int, ...]:
    """The axes of a kernel whose letters the output does not have."""
    return tuple(i for i, c in enumerate(kernel) if c not in outputs)
