"""The directives of the reference's pages: `reference` describes names, `namespace` lists those of a namespace."""

from __future__ import annotations

import inspect

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from .entries import entry, first_line, source_of
from .names import namespaces, public
from .pages import homes
from .sources import page_of, remember


class Reference(SphinxDirective):
    """An entry for each name of its lines."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        for name in " ".join(self.content).split():
            found += self.parse_text_to_nodes(entry(name))
        return found


class Namespace(SphinxDirective):
    """A table of all names of a namespace, with what each is, linked to the place where it is described."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        for namespace in " ".join(self.content).split():
            rows = [self._row(namespace, name, value) for name, value in public(namespace).items()]
            about = first_line(namespaces()[namespace]).removeprefix(f"`{namespace}`: ")
            table = "\n".join([f"**`{namespace}`** {about}\n", "| name | what it is |", "| --- | --- |", *rows])
            aliases = {f"{namespace}.{name}": value for name, value in public(namespace).items()}
            found += [self._target(path, value) for path, value in aliases.items() if homes()[id(value)] != path]
            found += self.parse_text_to_nodes(table)
        return found

    def _row(self, namespace: str, name: str, value: object) -> str:
        home = homes()[id(value)]
        if place := source_of(value):
            self.env.note_dependency(place[0])
        also = "" if home == f"{namespace}.{name}" else f" Described as `{home}`."
        return f"| {{py:obj}}`{name} <{home}>` | {first_line(value)}{also} |"

    def _target(self, path: str, value: object) -> nodes.Node:
        """Lets the other names of what is described elsewhere be linked to."""
        target = nodes.target("", "", ids=[path])
        self.state.document.note_explicit_target(target)
        kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
        self.env.domains.python_domain.note_object(path, kind, path, aliased=True, location=target)
        return target


class Source(SphinxRole):
    """A link to a line of a file of the repository: `fkeras/nn/_linear.py:14`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        file, _, line = self.text.partition(":")
        remember(self.env, file)
        self.env.note_dependency(file)  # the page is read again when a docstring in there changes
        target = self.env.app.builder.get_relative_uri(self.env.docname, page_of(file)) + f"#L-{line}"
        link = nodes.reference("", "", nodes.literal("", f"{file}:{line}"), internal=True, refuri=target)
        return [nodes.inline("", "", nodes.Text("source: "), link, classes=["source-line"])], []


def setup(app: Sphinx) -> None:
    """Registers the directives and the role."""
    app.add_directive("reference", Reference)
    app.add_directive("namespace", Namespace)
    app.add_role("source", Source())
