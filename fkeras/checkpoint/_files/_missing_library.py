"""The error for a library that a file format needs and that is not installed."""

from __future__ import annotations

from ...core import explain


def missing(library: str, extra: str, label: str) -> ImportError:
    """The error for a library that is not installed, with the line that installs it.

    Args:
        library: its name.
        extra: the extra of fkeras that installs it.
        label: what needs it.

    Returns:
        The error, to raise.
    """
    return ImportError(
        explain(
            f"{label} needs {library}, which is not installed here.",
            usually="fkeras was installed without this extra.",
            write=f"pip install 'fkeras[{extra}]'",
        )
    )
