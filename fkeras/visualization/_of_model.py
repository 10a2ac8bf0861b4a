"""The diagram of a model: a box for each layer, and lines where the model's graph says what feeds what."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeAlias

import jax

from ..core import (
    Graph,
    Input,
    InputLayer,
    Layer,
    Model,
    Op,
    Sequential,
    SymbolicTensor,
    WeightFacts,
    children,
    explain,
    weight_facts,
)
from ._calls import Called, Node, calls_of
from ._diagram import Box, Diagram, Wire
from ._families import family_of
from ._folded import folded
from ._options import Options
from ._text_width import shortened

#: What the layers of a model say of their weights, by path.
Facts: TypeAlias = Mapping[tuple[str, ...], WeightFacts]
# So many shapes are named on a line.
_SHAPES = 2
_UNWIRED = "call() is Python: what feeds what in it is not recorded"


def diagram_of(model: Layer, options: Options) -> Diagram:
    """What the picture of a model shows.

    Args:
        model: a model, or a layer.
        options: what is said of each layer.
    """
    facts = weight_facts(model, ()) if model.graph is not None else {}
    diagram = _inside(model, options, facts, options.layer_range)
    if diagram is None:  # a layer, or a model whose layers are made in `call`: one box
        called = Called(model, str(model.name or ""), tuple(model._recorded_nodes()[:1]))
        return Diagram((_box(called, options, None, {}),))
    if not diagram.wired:
        return Diagram((_frame(model, diagram, options),))
    return diagram


def _inside(model: Layer, options: Options, facts: Facts, layer_range: Sequence[str] | None = None) -> Diagram | None:
    """What is in a model or layer; `None` where nothing is known of it."""
    if model.graph is not None:
        diagram: Diagram | None = _of_graph(model, model.graph, options, facts, layer_range)
    else:
        diagram = _of_list(model, options, facts, layer_range)
    return diagram if diagram is None or not diagram.wired or not options.fold_repeated else folded(diagram)


def _of_list(model: Layer, options: Options, facts: Facts, layer_range: Sequence[str] | None) -> Diagram | None:
    """The layers of a model without a graph: a row that was not built, or the parts of a subclass."""
    names = dict(children(model))
    if not names:
        return None
    kept = range(len(names)) if layer_range is None else _in_range(list(names), layer_range)
    listed = list(names.items())
    parts = [Called(listed[i][1], listed[i][0], tuple(listed[i][1]._recorded_nodes()[:1])) for i in kept]
    boxes = tuple(_box(part, options, _nested(part, options, facts), facts) for part in parts)
    if not isinstance(model, Sequential):
        return Diagram(boxes, wired=False)
    wires = tuple(Wire(i, i + 1) for i in range(len(boxes) - 1))
    return Diagram(boxes, wires, (((0, 0),),), ((len(boxes) - 1, 0),))


def _of_graph(model: Layer, graph: Graph, options: Options, facts: Facts, layer_range: Sequence[str] | None) -> Diagram:
    """What a graph calls, and what feeds what."""
    called, ends = calls_of(graph)
    kept = range(len(called)) if layer_range is None else _in_range([each.name for each in called], layer_range)
    is_row = isinstance(model, Sequential)  # as in Keras, a row of layers begins with its first layer
    shown = [i for i in kept if called[i].tensor is None or not is_row]
    number = {i: place for place, i in enumerate(shown)}
    boxes = [_box(called[i], options, _nested(called[i], options, facts), facts) for i in shown]
    wires: dict[Wire, None] = {}
    entries: list[list[tuple[int, int]]] = [[] for _ in graph.input_tensors]
    for i in shown:
        if called[i].tensor is not None:
            entries[i].append((number[i], 0))
        for source, out, argument in called[i].fed_by:
            into = _port(boxes[number[i]], argument)
            if source in number:
                wires[Wire(number[source], number[i], _exit(boxes[number[source]], out), into)] = None
            elif source < len(entries) and (number[i], into) not in entries[source]:
                entries[source].append((number[i], into))
    exits = tuple((number[i], _exit(boxes[number[i]], out)) for i, out in ends if i in number)
    return Diagram(tuple(boxes), tuple(wires), tuple(map(tuple, entries)), exits)


def _nested(called: Called, options: Options, facts: Facts) -> Diagram | None:
    """What is shown in the box of a layer."""
    operation = called.operation
    if not options.expand_nested or not isinstance(operation, Layer):
        return None
    within = _below(facts, called.name)
    if isinstance(operation, Model):
        return _inside(_on_its_input(operation, called.nodes), options, within)
    if operation._stacked_blocks:
        name, block = children(operation)[0]
        inside = _inside(block, options, _below(within, name)) if isinstance(block, Model) else None
        box = _box(Called(block, name, ()), options, inside, within)
        return Diagram((box,), (), (((0, 0),),), ((0, 0),))
    return None


def _on_its_input(model: Layer, nodes: Sequence[Node]) -> Layer:
    """A row of layers as one that begins with the input that it was called on: the shapes in it are known then."""
    given = {
        (tuple(size if isinstance(size, int) else None for size in tensor.shape), str(tensor.dtype))
        for node in nodes
        for tensor in node.inputs
    }
    if type(model) is not Sequential or model.graph is not None or len(given) != 1:
        return model
    ((shape, dtype),) = given
    return model.add(Input(batch_shape=shape, dtype=dtype))


def _below(facts: Facts, name: str) -> Facts:
    """What is known of the weights in a layer."""
    return {path[1:]: fact for path, fact in facts.items() if path[:1] == (name,)}


def _port(box: Box, number: int) -> int:
    """Which entry of a box an argument of a call goes to."""
    return 0 if box.inside is None else min(number, max(0, len(box.inside.entries) - 1))


def _exit(box: Box, number: int) -> int:
    return 0 if box.inside is None else min(number, max(0, len(box.inside.exits) - 1))


# ------------------------------------------------------------------ boxes
def _frame(model: Layer, diagram: Diagram, options: Options) -> Box:
    """The box of a model whose lines are not known, around its layers."""
    called = Called(model, str(model.name or ""), tuple(model._recorded_nodes()[:1]))
    return _box(called, options, diagram, {})


def _box(called: Called, options: Options, inside: Diagram | None, facts: Facts) -> Box:
    operation, name = called.operation, called.name
    is_layer = isinstance(operation, Layer)
    kind = _kind(called)
    lines = []
    if is_layer:
        lines += _what_is_in(operation, inside)
    if called.call is not None:
        lines.append(f"call {called.call[0]} of {called.call[1]}, with shared weights")
    elif len(called.nodes) > 1:
        lines.append(f"called {len(called.nodes)} times, with shared weights")
    if options.show_layer_activations and getattr(operation, "activation", None) is not None:
        lines.append(f"Activation: {_activation(operation.activation)}")
    shapes = _shapes(called, facts)
    if options.show_shapes:
        if kind != "InputLayer":
            lines.append(f"Input shape: {shapes[0]}")
        lines.append(f"Output shape: {shapes[1]}")
    if options.show_dtype:
        lines.append(f"Output dtype: {shapes[2]}")
    trains = _trains(called, facts) if options.show_trainable and is_layer else None
    family = "model" if isinstance(operation, Model) else family_of(kind)
    times = operation._stacked_blocks if is_layer else 0
    return Box(
        kind=shortened(kind),
        name=shortened(name) if options.show_layer_names else "",
        family=family,
        lines=tuple(shortened(line) for line in lines),
        trains=trains,
        times=times or 1,
        inside=inside,
        alike=(_alike(called), shapes, trains, tuple(lines)) if options.fold_repeated else None,
    )


def _kind(called: Called) -> str:
    if called.tensor is not None:
        return "InputLayer"
    if isinstance(called.operation, Op):
        return "".join(part.capitalize() for part in called.operation.name.rpartition(".")[2].split("_"))
    return _class_name(called.operation)


def _class_name(layer: Layer) -> str:
    """A layer's class as Keras calls it."""
    return "Functional" if type(layer) is Model else type(layer).__name__


def _what_is_in(layer: Layer, inside: Diagram | None) -> list[str]:
    """What is in a layer that is a box of its own, in a few words."""
    if inside is not None:
        return [] if inside.wired else [_UNWIRED]
    if "module" in {field.name for field in dataclasses.fields(layer)} and not isinstance(layer.module, Layer):
        return [_guest(layer.module)]
    within = children(layer)
    if layer._stacked_blocks:
        return [f"{_class_name(within[0][1])}, one after another"]
    if isinstance(layer, Model):
        count = len([sub for _, sub in within if not isinstance(sub, InputLayer)])
        return [f"{count} layer{'s' * (count != 1)} inside"]
    if len(within) == 1:
        return [f"of {_class_name(within[0][1])}"]
    return []


def _guest(module: object) -> str:
    """A module of another library by its library and its class."""
    source = getattr(module, "source", None)
    if source is None:
        return f"Linen module {type(module).__name__}"
    library = "Equinox" if type(module).__name__.startswith("Equinox") else "NNX"
    factory = getattr(source, "factory", None)
    # what was made already shows itself as "<Its class as it was>"
    name = getattr(factory, "__name__", None) or repr(source).strip("<>").partition(" ")[0]
    return f"{library} module {name}"


def _activation(activation: object) -> str:
    return str(getattr(activation, "__name__", None) or getattr(activation, "name", None) or type(activation).__name__)


def _shapes(called: Called, facts: Facts) -> tuple[str, str, str]:
    """The shapes of what goes in and comes out, and its dtype; `?` where that is not known."""
    if called.tensor is not None:
        return "?", _shape(called.tensor.shape), str(called.tensor.dtype)
    if not called.nodes:
        made_there = facts[called.name,].output_shapes if (called.name,) in facts else ()
        return "?", _each([_shape(shape) for shape in made_there]), "?"
    given = [_each([_shape(tensor.shape) for tensor in node.inputs]) for node in called.nodes]
    made = [jax.tree.leaves(node.outputs) for node in called.nodes]
    out = [_each([_shape(struct.shape) for struct in structs]) for structs in made]
    dtypes = [", ".join(dict.fromkeys(str(struct.dtype) for struct in structs)) for structs in made]
    each = tuple(" / ".join(dict.fromkeys(texts)) for texts in (given, out, dtypes))
    return each[0], each[1], each[2]


def _each(shapes: Sequence[str]) -> str:
    """Shapes on one line: equal ones after each other are counted, and of many the first are named."""
    counted = [(shape, len(list(same))) for shape, same in itertools.groupby(shapes)]
    texts = [shape if count == 1 else f"{count} × {shape}" for shape, count in counted]
    more = [f"{len(texts) - _SHAPES} more"] if len(texts) > _SHAPES + 1 else texts[_SHAPES:]
    return ", ".join([*texts[:_SHAPES], *more]) or "?"


def _shape(shape: Sequence[object]) -> str:
    return str(tuple(size if isinstance(size, int) else None for size in shape))


def _trains(called: Called, facts: Facts) -> bool | None:
    """Whether some of a layer's weights train; `None` for one without weights."""
    nodes = called.nodes
    if nodes and not jax.tree.leaves(nodes[0].variables):
        return None
    if called.tensor is not None or (not nodes and not children(called.operation)):
        return None
    own = [path for path in facts if path[:1] == (called.name,)]
    around = {path[:i] for path in own for i in range(len(path))}
    innermost = [facts[path].trainable for path in own if path not in around]
    return any(innermost) if innermost else bool(called.operation.trainable)


def _alike(called: Called) -> Hashable:
    """Equal for layers that are made and called alike, whatever they are called."""
    operation = called.operation
    if called.tensor is not None:
        return id(called.tensor)  # an input is like no other
    if isinstance(operation, Op):
        constants = [repr(leaf)[:200] for leaf in called.nodes[0].leaves if not isinstance(leaf, SymbolicTensor)]
        return operation.name, tuple(constants)
    if len(called.nodes) > 1 or called.call is not None:
        return id(operation)  # shared weights are no repetition
    if isinstance(operation, Model) and operation.graph is not None:
        calls, ends = calls_of(operation.graph)
        inner = tuple((_alike(each) if each.tensor is None else "input", each.fed_by) for each in calls)
        return type(operation), operation.trainable, inner, tuple(ends)
    try:
        alike = operation.replace(name="layer")
        hash(alike)
    except Exception:  # of a user's own class, which need not be a value
        return id(operation)
    return alike


def _in_range(names: Sequence[str], layer_range: Sequence[str]) -> list[int]:
    """The numbers of the layers between two that are named by patterns.

    Raises:
        ValueError: no two names, or one that no layer has.
    """
    if isinstance(layer_range, str) or len(layer_range) != 2:
        raise ValueError(
            explain(
                "layer_range takes two names, of the first and of the last layer.",
                received=repr(layer_range),
                write=f"layer_range=({names[0]!r}, {names[-1]!r})",
            )
        )
    places = []
    for pattern in layer_range:
        at = [i for i, name in enumerate(names) if re.match(pattern, name)]
        if not at:
            raise ValueError(
                explain(
                    f"layer_range: no layer's name matches {pattern!r}.",
                    received=repr(tuple(layer_range)),
                    usually=f"the layers are {', '.join(names)}",
                    write=f"layer_range=({names[0]!r}, {names[-1]!r})",
                )
            )
        places.append(at)
    low, high = sorted((min(places[0]), max(places[1])))
    return list(range(low, high + 1))
