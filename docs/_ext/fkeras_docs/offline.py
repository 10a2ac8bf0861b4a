"""Pictures of other hosts, such as a badge, stand as their text: a page asks nobody else for anything."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    """Registers what is done to each page."""
    app.connect("doctree-read", _as_text, priority=100)  # before pictures are collected


def _as_text(app: Sphinx, doctree: nodes.document) -> None:
    for image in list(doctree.findall(nodes.image)):
        if "://" in image["uri"]:
            image.replace_self(nodes.Text(image.get("alt") or image["uri"]))
