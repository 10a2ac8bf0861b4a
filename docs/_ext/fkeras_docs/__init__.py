"""What Sphinx has to be told to show fkeras: its public names, and where they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the directives of the reference, and the pages of source."""
    from . import mathml, offline, reference, sources, tutorials  # the tests read the names without Sphinx

    for part in (mathml, offline, reference, sources, tutorials):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
