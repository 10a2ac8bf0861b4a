"""h5py, loaded when a Keras file is first read or written, and the attribute that fkeras adds to datasets."""

from __future__ import annotations

import types

from ...core import explain

# The attribute with the checksum of each dataset that fkeras writes; Keras does not look at it.
DIGEST = "fkeras_sha256"


def h5py_module() -> types.ModuleType:
    """h5py.

    Raises:
        ImportError: it is not installed; says the line that installs it.
    """
    try:
        import h5py
    except ImportError:
        raise ImportError(
            explain(
                "Keras files need h5py.",
                usually="it is an optional dependency.",
                write="pip install 'fkeras[keras]'",
            )
        ) from None
    return h5py
