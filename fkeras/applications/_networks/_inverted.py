"""What the mobile and efficient networks share: rounding of widths, and padding before a stride."""

from __future__ import annotations

from ...core import SymbolicTensor


def rounded(width: float, divisor: int = 8, at_least: float = 0.9) -> int:
    """The nearest multiple of `divisor`, and not less than a part of the width.

    >>> rounded(24 * 0.35), rounded(16), rounded(3)
    (8, 16, 8)
    """
    nearest = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < at_least * width else nearest


def padding_before_stride(x: SymbolicTensor, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The zeros around an image with which a `"valid"` convolution of stride 2 halves it.

    An image of an even or unknown number of rows gets one less before its first.
    """
    rows, columns = x.shape[1], x.shape[2]
    half = size // 2
    less = (1, 1) if rows is None or columns is None else (1 - rows % 2, 1 - columns % 2)
    return (half - less[0], half), (half - less[1], half)
