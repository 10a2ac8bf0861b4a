"""The pictures of the documentation are those that the library draws, and small."""

from __future__ import annotations

import pathlib
import runpy
import xml.etree.ElementTree as ET

FOLDER = pathlib.Path(__file__).parents[2] / "docs" / "pictures"


def test_the_pictures_are_those_that_are_drawn():
    drawn = runpy.run_path(str(FOLDER / "make.py"))["pictures"]()
    assert len(drawn) == 5
    for name, picture in drawn.items():
        text = (FOLDER / name).read_text()
        assert text == picture.svg + "\n", f"python docs/pictures/make.py; {name} is another one"
        assert len(text) < 30_000
        assert ET.fromstring(text).get("role") == "img"
