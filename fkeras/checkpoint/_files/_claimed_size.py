"""Files that say that they hold far more than they do are refused before memory is taken for them."""

from __future__ import annotations

from ...core import explain

# A small file may unpack to this much, and a larger one to so many times its size: trained weights hardly compress.
_SMALL = 64 << 20
_MAX_RATIO = 200


def check_claimed_size(claimed: int, kept: int, label: str) -> None:
    """Refuse a file whose arrays have far more bytes than the file itself.

    Args:
        claimed: how many bytes its arrays would have.
        kept: how many bytes it has on disk.
        label: how messages call it.

    Raises:
        ValueError: more than 64 MB, and more than two hundred times the size of the file.
    """
    if claimed > max(_SMALL, _MAX_RATIO * kept):
        raise ValueError(
            explain(
                f"{label} cannot be read.",
                received=f"{claimed:,} bytes of arrays in {kept:,} bytes of files",
                usually="a damaged file, or one made to fill the memory of its reader.",
            )
        )
