"""Data sets of Grain, over what has a length and entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..core import explain
from ..core.typing import PyTree

if TYPE_CHECKING:
    from grain import MapDataset


class ByIndex(Protocol):
    """What has a length and entries."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> PyTree: ...


def map_dataset(source: ByIndex) -> MapDataset[PyTree]:
    """A data set of Grain with the entries of a source.

    Raises:
        ImportError: Grain is not installed.
    """
    try:
        import grain
    except ImportError:
        raise ImportError(
            explain(
                "This returns a data set of Grain, which is not installed.",
                usually="it is an extra.",
                write="pip install 'fkeras[data]'",
            )
        ) from None
    from ._in_words import After

    return After(grain.MapDataset.source(source))


def is_of_grain(data: object) -> bool:
    """Whether Grain made a data set; Grain is not imported for it."""
    return any(base.__module__.partition(".")[0] == "grain" for base in type(data).__mro__)
