"""Where the layers of a model are: each has one path, by which it is found."""

from __future__ import annotations

import jax

from .._layer._bound_sublayers import Path
from .._layer._layer import Layer
from .._layer._sublayers import sublayers_of, walk
from .._words._errors import did_you_mean, explain


def children(layer: Layer) -> list[tuple[str, Layer]]:
    """The layers directly inside a layer, each once, with the name under which its variables live."""
    return list(sublayers_of(layer).items())


def check_shared(model: Layer) -> None:
    """Refuse a layer that is reached at two places of the model's tree: its weights would become two silent copies.

    A layer without weights may stand at both, as an `Input` does from which a model and a model around it begin.

    Raises:
        ValueError: naming both paths.
    """
    where: dict[int, Path] = {}
    for path, layer in walk(model):
        other = where.setdefault(id(layer), path)
        if other != path and _may_have_weights(layer):
            raise ValueError(
                explain(
                    f"{layer.path_text()} is reached twice in {type(model).__name__}: "
                    f"at {'/'.join(other)!r} and at {'/'.join(path)!r}.",
                    usually="a layer is used directly and inside a nested model; its weights live in one place.",
                    write="call the nested model for both uses, or call the layer twice at the same level",
                )
            )


def _may_have_weights(layer: Layer) -> bool:
    """Whether the layer made weights when it was called; one that was called in no graph may."""
    nodes = layer._recorded_nodes()
    return not nodes or any(jax.tree.leaves(node.variables) for node in nodes)


def find_path(model: Layer, nested: Layer | str) -> Path:
    """The path of a layer inside a model: by identity, by path text, or else by a name that occurs once.

    Raises:
        ValueError: not in the model.
    """
    everything = list(walk(model))
    if isinstance(nested, str):
        for path, _ in everything:
            if "/".join(path) == nested:
                return path
    else:
        for path, layer in everything:
            if layer is nested:
                return path
        named = [p for p, layer in everything if layer.name == nested.name and type(layer) is type(nested)]
        if len(named) == 1:
            return named[0]
    shown = nested if isinstance(nested, str) else nested.name
    raise ValueError(
        explain(
            f"{model.path_text()} contains no layer {shown!r}.",
            received=repr(nested)[:80],
            usually=did_you_mean(shown, ["/".join(path) for path, _ in everything]),
            write="model.variables_for(layer, variables), with a layer the model was built from",
        )
    )
