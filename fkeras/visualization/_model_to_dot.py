"""`model_to_dot`: a model as a graph in the DOT language, which graphviz and others draw."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from ..core import Layer, html_text
from ._check_model import check_model
from ._diagram import Box, Diagram
from ._of_model import diagram_of
from ._options import DIRECTIONS, SPLINES, Options, check_word


def model_to_dot(
    model: Layer,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    layer_range: Sequence[str] | None = None,
) -> str:
    """A model as a graph in the DOT language.

    Args:
        model: a model, built or not, or a layer.
        show_shapes: whether the shapes of what goes in and comes out are shown.
        show_dtype: whether the dtypes of what comes out are.
        show_layer_names: whether the layers' names are, beside their classes.
        rankdir: `"TB"`, `"LR"`, `"BT"` or `"RL"`: which way it runs.
        expand_nested: whether nested models are clusters.
        dpi: dots per inch.
        subgraph: whether the result is a cluster, to put into another graph.
        show_layer_activations: whether the activations of layers that have one are shown.
        show_trainable: whether it is shown which layers train.
        splines: how graphviz draws lines: `"ortho"`, `"curved"`, `"polyline"`, `"spline"` or `"line"`.
        layer_range: patterns of two names: only the layers from the first to the last are drawn.

    Returns:
        The text: `pathlib.Path("model.dot").write_text(text)`, then `dot -Tpdf model.dot -o model.pdf`.

    Raises:
        TypeError: something that is neither a model nor a layer.
        ValueError: another direction or kind of line; a `layer_range` of names that no layer has.

    >>> import fkeras as fk
    >>> model = fk.Sequential([fk.Input((8,)), fk.nn.Dense(4), fk.nn.Dense(1)])
    >>> print(fk.utils.model_to_dot(model).splitlines()[-2])
      n0 -> n1 [penwidth=2];

    Reference: https://keras.io/api/utils/model_plotting_utils/, https://graphviz.org/doc/info/lang.html
    Keras returns a graph of pydot's, `pydot.graph_from_dot_data(text)[0]`; the boxes and arrows are the same. Of a
    subclassed model both show one box.
    """
    model = check_model(model, "utils.model_to_dot")
    check_word(rankdir, "rankdir", DIRECTIONS)
    check_word(splines, "splines", SPLINES)
    options = Options(
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        expand_nested=expand_nested,
        fold_repeated=False,
        layer_range=layer_range,
    )
    diagram = diagram_of(model, options)
    diagram = dataclasses.replace(diagram, boxes=tuple(map(_closed, diagram.boxes)))
    names = _Names(diagram, "n")
    name = str(model.name or type(model).__name__)
    head = [f"subgraph {_quoted('cluster_' + name)} {{", *_cluster(name)] if subgraph else ["digraph {"]
    if not subgraph:
        head += [
            f"  graph [rankdir={rankdir}, concentrate=true, dpi={dpi}, splines={splines}];",
            "  node [shape=record, fontname=Helvetica, margin=0];",
        ]
    lines = [*head, *_nodes(diagram, names, "  "), *_edges(diagram, names), "}"]
    return "\n".join(lines) + "\n"


def _closed(box: Box) -> Box:
    """A box whose lines inside are not known, as one box."""
    if box.inside is None:
        return box
    if not box.inside.wired:
        return dataclasses.replace(box, inside=None)
    return dataclasses.replace(box, inside=dataclasses.replace(box.inside, boxes=tuple(map(_closed, box.inside.boxes))))


class _Names:
    """The names of a diagram's boxes: `n0`, and `n0_1` for the second box in it."""

    def __init__(self, diagram: Diagram, prefix: str) -> None:
        self.prefix = prefix
        self.inside = [
            None if box.inside is None else _Names(box.inside, f"{prefix}{i}_") for i, box in enumerate(diagram.boxes)
        ]

    def of(self, number: int) -> str:
        return f"{self.prefix}{number}"


def _nodes(diagram: Diagram, names: _Names, indent: str) -> Iterator[str]:
    for i, box in enumerate(diagram.boxes):
        within = names.inside[i]
        if box.inside is None or within is None:
            yield f"{indent}{names.of(i)} [label={_label(box)}];"
            continue
        title = box.name or box.kind
        yield f"{indent}subgraph {_quoted('cluster_' + names.of(i))} {{"
        yield from (indent + line for line in _cluster(title + (f" ×{box.times}" if box.times > 1 else "")))
        yield from _nodes(box.inside, within, indent + "  ")
        yield f"{indent}}}"


def _cluster(name: str) -> list[str]:
    return [f"  label={_quoted(name)};", "  labeljust=l;", "  style=dashed;"]


def _label(box: Box) -> str:
    """A table of HTML, as Keras makes it."""
    title = f"<b>{html_text(box.name)}</b> ({html_text(box.kind)})" if box.name else f"<b>{html_text(box.kind)}</b>"
    times = f" ×{box.times}" if box.times > 1 else ""
    rows = [f'<tr><td bgcolor="black"><font point-size="16" color="white">{title}{times}</font></td></tr>']
    for line in box.lines:
        word, colon, rest = line.partition(": ")
        text = f"{html_text(word)}: <b>{html_text(rest)}</b>" if colon else html_text(line)
        rows.append(f'<tr><td bgcolor="white"><font point-size="14">{text}</font></td></tr>')
    if box.trains is not None:
        colour, word = ("forestgreen", "Trainable") if box.trains else ("firebrick", "Non-trainable")
        font = f'<font point-size="14" color="white"><b>{word}</b></font>'
        rows.append(f'<tr><td bgcolor="{colour}">{font}</td></tr>')
    return f'<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{"".join(rows)}</table>>'


def _edges(diagram: Diagram, names: _Names) -> list[str]:
    """The arrows, each once, between boxes that have nothing inside: a cluster has no arrows of its own."""
    pairs: dict[tuple[str, str], None] = {}
    _collect(diagram, names, pairs)
    return [f"  {start} -> {end} [penwidth=2];" for start, end in pairs]


def _collect(diagram: Diagram, names: _Names, pairs: dict[tuple[str, str], None]) -> None:
    for box, within in zip(diagram.boxes, names.inside, strict=True):
        if box.inside is not None and within is not None:
            _collect(box.inside, within, pairs)
    for wire in diagram.wires:
        for start in _left_by(diagram, names, wire.start, wire.out):
            for end in _entered(diagram, names, wire.end, wire.into):
                pairs[start, end] = None


def _left_by(diagram: Diagram, names: _Names, number: int, out: int) -> list[str]:
    """The innermost box that a line comes from."""
    inside, within = diagram.boxes[number].inside, names.inside[number]
    if inside is None or within is None:
        return [names.of(number)]
    return _left_by(inside, within, *inside.exits[out]) if inside.exits else []


def _entered(diagram: Diagram, names: _Names, number: int, into: int) -> list[str]:
    """The innermost boxes that a line goes to."""
    inside, within = diagram.boxes[number].inside, names.inside[number]
    if inside is None or within is None:
        return [names.of(number)]
    fed = inside.entries[into] if inside.entries else ()
    return [name for box, port in fed for name in _entered(inside, within, box, port)]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
