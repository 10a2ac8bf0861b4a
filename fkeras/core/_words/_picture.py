"""A picture as SVG: what a notebook shows, and what is written to a file, as it is or as PNG."""

from __future__ import annotations

import dataclasses
import importlib
import os
import pathlib
from typing import Any

from ._errors import explain
from ._file_paths import as_path
from ._views import html_text

#: Dots per inch of a screen, at which a picture's PNG is as large as its SVG.
_SCREEN = 96
#: To what share of its width a picture shrinks on a narrow page, before the page scrolls.
_NARROWEST = 0.7
#: What a PNG may be at most across and down: what is larger opens nowhere.
_MOST_PIXELS = 30_000


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture as SVG text.

    A notebook shows it, `print` writes its text, and `save` puts it into a file.

    Attributes:
        svg: the text.
        width, height: its size in pixels.
        description: what it shows, in words: what `repr` says.

    >>> Picture('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"></svg>', 4, 2, "a line")
    <Picture of a line, 4 x 2 pixels>
    """

    svg: str
    width: int
    height: int
    description: str = ""

    def __repr__(self) -> str:
        what = f" of {self.description}," if self.description else ""
        return f"<Picture{what} {self.width} x {self.height} pixels>"

    def __str__(self) -> str:
        return self.svg

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | os.PathLike[str], dpi: float = 200) -> None:
        """Write the picture to a file.

        Args:
            path: ends in `.svg` or `.png`.
            dpi: dots per inch of a PNG; 96 makes it as large as the SVG.

        Raises:
            ValueError: another ending; a `dpi` that makes no picture.
            ImportError: a PNG, and `resvg-py` is not installed (`pip install 'fkeras[plots]'`).
        """
        place = check_picture_path(path, "save")
        if place.suffix.lower() == ".svg":
            place.write_text(self.svg + "\n", encoding="utf-8")
        else:
            place.write_bytes(self.png(dpi))

    def png(self, dpi: float = 200) -> bytes:
        """The picture as the bytes of a PNG file.

        Args:
            dpi: dots per inch; 96 makes it as large as the SVG.

        Returns:
            The bytes.

        Raises:
            ValueError: a `dpi` that makes no picture.
            ImportError: `resvg-py` is not installed (`pip install 'fkeras[plots]'`).
        """
        zoom = dpi / _SCREEN
        if not 0 < zoom * max(self.width, self.height) <= _MOST_PIXELS:
            raise ValueError(
                explain(
                    f"A PNG has up to {_MOST_PIXELS:,} pixels across and down.",
                    received=f"dpi={dpi} for {self.width} x {self.height} pixels at {_SCREEN} dpi",
                    usually="a tall picture of a deep model; SVG has no such limit.",
                    write=f"dpi={_MOST_PIXELS * _SCREEN // max(self.width, self.height)}, or save('model.svg')",
                )
            )
        library = needed("resvg_py", "a PNG", "resvg-py", 'an .svg needs no library: picture.save("model.svg")')
        return bytes(library.svg_to_bytes(svg_string=self.svg, zoom=zoom, **_fonts()))


def _fonts() -> dict[str, Any]:
    """The font that matplotlib brings, where it is installed: a machine may have no other."""
    try:
        folder = importlib.import_module("matplotlib").get_data_path()
    except ImportError:
        return {}
    return {"font_dirs": [os.path.join(folder, "fonts", "ttf")], "sans_serif_family": "DejaVu Sans"}


def check_picture_path(path: str | os.PathLike[str], owner: str) -> pathlib.Path:
    """A path that a picture can be written to.

    Raises:
        ValueError: an ending other than `.svg` and `.png`.
    """
    place = pathlib.Path(as_path(path, owner, '"model.svg"'))
    if place.suffix.lower() not in (".svg", ".png"):
        raise ValueError(
            explain(
                f"{owner} writes .svg and .png files.",
                received=repr(str(place)),
                usually="Keras writes what graphviz can; here a picture is drawn as SVG, which converts to the others."
                if place.suffix
                else "the ending is missing, and it says which kind of file is written.",
                write=repr(str(place.with_suffix(".svg"))),
            )
        )
    return place


def needed(module: str, what: str, package: str, instead: str) -> Any:
    """A module of a library that is not installed with fkeras.

    Args:
        module: what is imported.
        what: what it makes.
        package: its name on the package index.
        instead: what can be done without it.

    Returns:
        The module.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            explain(
                f"{what} is drawn by {package}, which is not installed.",
                usually=instead,
                write="pip install 'fkeras[plots]'",
            )
        ) from error


# ------------------------------------------------------------------ pieces of SVG
#: Letters of a page, in any browser.
FONT = 'font-family="system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,DejaVu Sans,sans-serif"'


#: What comes before the rules for dark ground.
DARK = "@media(prefers-color-scheme:dark)"


def svg_of(width: float, height: float, title: str, description: str, body: str, kind: str, style: str) -> str:
    """An SVG document that says in words what it shows.

    Args:
        width, height: in pixels.
        title: a few words.
        description: what is in it, for who does not see it.
        body: its elements.
        kind: of picture, one word: the rules are those of the class `fkeras-` and this, as a page has many pictures.
        style: rules for what is in it, `.card{fill:#fff}`; at the end those for dark ground, in braces after `DARK`.

    Returns:
        The document's text.
    """
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} class="fkeras-{kind}" role="img" {FONT} '
        f'style="max-width:100%;min-width:{_NARROWEST * width:.0f}px;height:auto">'
        f"<title>{html_text(title)}</title><desc>{html_text(description)}</desc>"
        f"<style>{_within(kind, style)}</style>{body}</svg>"
    )


def _within(kind: str, style: str) -> str:
    """Rules that hold in one kind of picture.

    >>> _within("chart", ".a{fill:#fff}@media(prefers-color-scheme:dark){.a{fill:#000}}")
    '.fkeras-chart .a{fill:#fff}@media(prefers-color-scheme:dark){.fkeras-chart .a{fill:#000}}'
    """
    light, dark = (
        "".join(f".fkeras-{kind} {rule}}}" for rule in part.split("}") if rule)
        for part in (style.partition(DARK)[0], style.partition(DARK)[2].removeprefix("{"))
    )
    return light + (f"{DARK}{{{dark}}}" if dark else "")
