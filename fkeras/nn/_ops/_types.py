"""The words that signatures of ops use, beside those of `fkeras.core.typing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ...core.typing import ArrayLike

#: One axis, several, or all of them.
Axis: TypeAlias = int | Sequence[int] | None
#: One number for every axis of space, or a number for each.
Sizes: TypeAlias = int | Sequence[int]
#: `"channels_last"`, which `None` stands for, or `"channels_first"`.
DataFormat: TypeAlias = str | None
#: A complex array; Keras writes one as the pair `(real, imaginary)`.
ComplexLike: TypeAlias = ArrayLike | Sequence[ArrayLike]
#: The functions that a file of this wing adds to `fk.ops`, by name.
Table: TypeAlias = dict[str, Callable[..., object]]
