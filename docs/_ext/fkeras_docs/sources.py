"""Pages of source: the files of the repository that the other pages link to, with an anchor for each line.

The repository has no public host that every copy of it knows, so the site brings the files that it points at.
"""

from __future__ import annotations

import pathlib
import posixpath
from collections.abc import Iterator

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def page_of(file: str) -> str:
    """The page of a file, as Sphinx names pages."""
    return f"source/{file}"


def remember(env: BuildEnvironment, file: str) -> None:
    """Notes that the page that is read points to a file."""
    _pointed_at(env).setdefault(env.docname, set()).add(file)


def setup(app: Sphinx) -> None:
    """Registers the pages, and turns links to files into links to them."""
    app.connect("env-purge-doc", lambda app, env, name: _pointed_at(env).pop(name, None))
    app.connect("env-merge-info", _merge)
    app.connect("doctree-read", _link_to_pages, priority=100)  # before files to download are collected
    app.connect("html-collect-pages", _pages)


def _pointed_at(env: BuildEnvironment) -> dict[str, set[str]]:
    if not hasattr(env, "fkeras_sources"):
        env.fkeras_sources = {}  # type: ignore[attr-defined]
    return env.fkeras_sources  # type: ignore[attr-defined]


def _merge(app: Sphinx, env: BuildEnvironment, names: set[str], other: BuildEnvironment) -> None:
    _pointed_at(env).update({name: found for name, found in _pointed_at(other).items() if name in names})


def _link_to_pages(app: Sphinx, doctree: nodes.document) -> None:
    env = app.env
    for node in [*doctree.findall(addnodes.download_reference), *doctree.findall(addnodes.pending_xref)]:
        file = _file_of(app, node)
        if file is None or not (pathlib.Path(app.srcdir) / file).is_file():
            continue
        remember(env, file)
        uri = app.builder.get_relative_uri(env.docname, page_of(file))
        node.replace_self(nodes.reference("", "", *node.children, internal=True, refuri=uri))


def _file_of(app: Sphinx, node: nodes.Element) -> str | None:
    """The file of the repository that a link leads to, where it is no page of the site."""
    target = str(node["reftarget"])
    if isinstance(node, addnodes.pending_xref):  # Markdown
        is_page = node.get("refdomain") != "doc" or target in app.env.found_docs
        return None if is_page else f"{target}.md"
    folder = "" if target.startswith("/") else posixpath.dirname(app.env.docname)
    return posixpath.normpath(posixpath.join(folder, target.lstrip("/")))


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, object], str]]:
    formatter = HtmlFormatter(linenos="inline", lineanchors="L", anchorlinenos=True, cssclass="highlight source")
    for file in sorted(set().union(*_pointed_at(app.env).values())):
        text = (pathlib.Path(app.srcdir) / file).read_text()
        try:
            lexer = get_lexer_for_filename(file)
        except ClassNotFound:
            lexer = get_lexer_for_filename("plain.txt")
        body = f"<h1><code>{file}</code></h1>\n{highlight(text, lexer, formatter)}"
        yield page_of(file), {"title": file, "body": body, "parents": []}, "page.html"
