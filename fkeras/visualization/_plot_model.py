"""`plot_model`: a picture of a model."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..core import Layer, Picture, check_picture_path, svg_of
from ._check_model import check_model
from ._diagram import Diagram
from ._draw import MARGIN, drawn, families_in, measured, style_of
from ._layout._place import Placed
from ._layout._turned import placed
from ._of_model import diagram_of
from ._options import DIRECTIONS, SPLINES, Options, check_word


def plot_model(
    model: Layer,
    to_file: str | os.PathLike[str] | None = None,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    layer_range: Sequence[str] | None = None,
    fold_repeated: bool = True,
) -> Picture:
    """A picture of a model: a box for each layer, and lines for what feeds what.

    Neither graphviz nor pydot is needed: the layout is a layered one, drawn as SVG. A layer that is called twice is one
    box, which says so, and lines that would run in a circle show each of its calls. Of a subclassed model the layers
    are shown, and that its lines are in Python.

    Args:
        model: a model, built or not, or a layer.
        to_file: where to write it, a path that ends in `.svg` or `.png`; nowhere by default.
        show_shapes: whether the shapes of what goes in and comes out are shown.
        show_dtype: whether the dtypes of what comes out are.
        show_layer_names: whether the layers' names are, beside their classes.
        rankdir: `"TB"` runs from the top to the bottom, `"LR"` from the left to the right, `"BT"` and `"RL"` back.
        expand_nested: whether the inside of nested models, and of `Repeat`, is drawn in a frame.
        dpi: dots per inch of a `.png`.
        show_layer_activations: whether the activations of layers that have one are shown.
        show_trainable: whether it is shown which layers train; nothing is said of one without weights.
        splines: `"ortho"` for lines with right angles, `"curved"` or `"spline"`, `"polyline"` or `"line"`.
        layer_range: patterns of two names: only the layers from the first to the last are drawn.
        fold_repeated: whether equal blocks in a row are one block that says `×12`.

    Returns:
        A `Picture`: a notebook shows it, `.save("model.png")` writes it, `.svg` is its text, the same each time.

    Raises:
        TypeError: something that is neither a model nor a layer.
        ValueError: another direction, kind of line or ending of the path; a `layer_range` of names that no layer has.
        ImportError: a `.png`, and `resvg-py` is not installed (`pip install 'fkeras[plots]'`).

    >>> import fkeras as fk
    >>> block = [fk.nn.Dense(8, activation="relu") for _ in range(12)]
    >>> model = fk.Sequential([fk.Input((8,)), *block, fk.nn.Dense(1)])
    >>> picture = fk.plot_model(model, show_shapes=True)
    >>> picture
    <Picture of Sequential 'sequential': 2 boxes, 223 x 212 pixels>
    >>> "×12" in picture.svg
    True

    Reference: https://keras.io/api/utils/model_plotting_utils/; the layout is that of Sugiyama, Tagawa and Toda, 1981.
    Keras writes `model.png` if it is told nothing, returns it, and needs graphviz; `layer_range` is of Keras 2;
    `fold_repeated` is new.
    """
    path = None if to_file is None else check_picture_path(to_file, "plot_model")
    model = check_model(model, "plot_model")
    options = Options(
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        expand_nested=expand_nested,
        fold_repeated=fold_repeated,
        layer_range=layer_range,
    )
    check_word(rankdir, "rankdir", DIRECTIONS)
    check_word(splines, "splines", SPLINES)
    picture = picture_of(model, laid_out(model, options, rankdir), splines)
    if path is not None:
        picture.save(path, dpi)
    return picture


def laid_out(model: Layer, options: Options, rankdir: str = "TB") -> Placed:
    """The boxes and lines of a model's picture, each at its place."""
    diagram = diagram_of(model, options)
    inner = Diagram(diagram.boxes, diagram.wires, wired=diagram.wired)  # nothing comes in from outside
    return placed(inner, measured, rankdir)


def picture_of(model: Layer, found: Placed, splines: str) -> Picture:
    """The picture of a model whose boxes and lines have their places."""
    width, height = round(found.width + 2 * MARGIN), round(found.height + 2 * MARGIN)
    count = len(found.boxes)
    title = f"{type(model).__name__} {str(model.name or '')!r}"
    boxes = f"{count} box{'es' * (count != 1)}"
    body = (
        f'<rect width="{width}" height="{height}" rx="8" class="ground"/>'
        f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">{drawn(found, splines)}</g>'
    )
    words = f"{boxes}: {', '.join(box.box.name or box.box.kind for box in found.boxes[:40])}"
    svg = svg_of(width, height, f"The model {title}", words, body, "model", style_of(families_in(found)))
    return Picture(svg, width, height, f"{title}: {boxes}")
