"""A docstring as Markdown: its sections as headed lists, its doctests as code.

Ours are Markdown within Google's sections. Those of JAX, which most of `fk.ops` has, are reStructuredText: of these the
first paragraph, the arguments and what is returned are taken.
"""

from __future__ import annotations

import re

import griffe

#: How griffe calls the sections that are lists of names, and what stands above each.
_LISTS = {
    "parameters": "Arguments",
    "other parameters": "Further arguments",
    "attributes": "Attributes",
    "raises": "Raises",
    "returns": "Returns",
    "yields": "Yields",
    "warns": "Warns",
}
_DOCTEST = re.compile(r"^(>>> .*(?:\n(?!\s*$).*)*)", re.M)
_URL = re.compile(r"(?<![<(`\"'])https?://[^\s)>`,;]+[^\s)>`,;.:]")
_PAGE = re.compile(r"(?<![`/\w])docs/([\w/]+\.md)")
_OF_JAX = re.compile(r"^(?:JAX implementation of|.*\bJAX-specific\b|LAX-backend implementation)", re.M)
_ROLE = re.compile(r":[a-z:]+:`~?\.?([^`<]*?)(?:\s*<[^`]*>)?`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]+>`_{1,2}")
_FOOTNOTE = re.compile(r"\s?\[#?\w*\]_")


def to_markdown(text: str) -> str:
    """A docstring's Markdown, with sections for what Google's style names.

    >>> print(to_markdown("Twice.\\n\\nArgs:\\n    x: a number."))
    Twice.
    <BLANKLINE>
    **Arguments**
    <BLANKLINE>
    `x`
    : a number.
    """
    sections = griffe.Docstring(text, lineno=1).parse(
        "google", warnings=False, returns_named_value=False, returns_multiple_items=False
    )
    of_jax = bool(_OF_JAX.search(text))
    parts = [_section(section, of_jax) for section in sections if not of_jax or _is_kept(section)]
    return "\n\n".join(part for part in parts if part)


def _is_kept(section: griffe.DocstringSection) -> bool:
    return section.kind.value in ("text", "parameters", "returns")


def _section(section: griffe.DocstringSection, of_jax: bool) -> str:
    kind = section.kind.value
    clean = _from_rest if of_jax else _prose
    if kind == "text":
        return clean(section.value)
    if kind == "examples":
        return "\n\n".join(clean(text) for _, text in section.value)
    if kind == "admonition":
        return f"**{section.title}**\n\n{clean(section.value.description)}"
    if kind in _LISTS:
        return f"**{_LISTS[kind]}**\n\n" + "\n\n".join(_item(item, clean) for item in section.value)
    raise ValueError(f"A docstring has a section of a kind that has no form here: {kind!r}.")


def _item(item: griffe.DocstringNamedElement, clean: object) -> str:
    """One line of a list: a term and its text, or the text alone where nothing is named."""
    name = getattr(item, "name", "")
    term = name or (str(item.annotation) if item.annotation else "")
    text = clean(item.description)  # type: ignore[operator]
    if not term:
        return text
    names = ", ".join(f"`{one.strip()}`" for one in term.split(","))
    return f"{names}\n: " + text.replace("\n", "\n  ")


def _prose(text: str) -> str:
    """Ours: doctests stand alone among paragraphs, and become code that is marked as such; addresses become links."""
    parts = _DOCTEST.split(text)
    parts[::2] = [_PAGE.sub(r"[docs/\1](/docs/\1)", _URL.sub(r"<\g<0>>", part)) for part in parts[::2]]
    parts[1::2] = [f"```pycon\n{part}\n```" for part in parts[1::2]]
    return "".join(parts).strip()


def _from_rest(text: str) -> str:
    """JAX's: roles and links become code, directives are left out."""
    paragraphs = [part for part in text.split("\n\n") if not part.lstrip().startswith("..")]
    plain = "\n\n".join(paragraphs).replace("``", "`")
    plain = _FOOTNOTE.sub("", _LINK.sub(r"\1", _ROLE.sub(r"`\1`", plain)))
    plain = re.sub(r"::$", ":", plain, flags=re.M)
    return _prose(re.sub(r"(?<!`)\*(?=\w)", r"\\*", plain))
