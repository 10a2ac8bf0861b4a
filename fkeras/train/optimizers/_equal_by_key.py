"""Optimizers as values: equal where what they were made of is."""

from __future__ import annotations

from collections.abc import Hashable


class EqualByKey:
    """What optimizers that remember their arguments are compared by.

    An optax transformation is a tuple of two functions, which is equal to itself alone. This class stands before the
    tuple among the bases, so that its comparisons are the ones that count.
    """

    def _key(self) -> Hashable:
        """The class and the arguments, as a value to look up by."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, EqualByKey) and self._key() == other._key())

    def __ne__(self, other: object) -> bool:  # a tuple's own would compare the closures
        return not self == other

    def __hash__(self) -> int:
        return hash(self._key())
