"""What the files of an exported program are called, and the error for a library that writes or reads them."""

from __future__ import annotations

from ...core import explain

KIND = "exported"  # the kind of its manifest
PROGRAM = "model.stablehlo"
WEIGHTS = "weights.safetensors"


def missing(library: str, extra: str, what: str) -> ImportError:
    """The error for a library that is not installed, with the line that installs it."""
    return ImportError(
        explain(
            f"{what} needs {library}, which is not installed here.",
            usually="fkeras was installed without this extra.",
            write=f"pip install 'fkeras[{extra}]'",
        )
    )
