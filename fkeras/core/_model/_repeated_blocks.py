"""One block of a layer that runs equal blocks with stacked variables, by its number: `"repeat/3"`, `"repeat/3/dense"`.

No layer stands at such a path, for there is one block; its variables are the ones that stand there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .._layer._bound_sublayers import Path
from .._layer._layer import Layer
from .._layer._sealing import set_name
from .._layer._sublayers import sublayers_of
from .._words._errors import explain


class Step(NamedTuple):
    """One step of a path through a tree of variables.

    Attributes:
        key: the name there.
        number: which of the stacked blocks is meant from there on; `None` for all, or where nothing is stacked.
    """

    key: str
    number: int | None = None


def steps_to(model: Layer, text: str) -> list[Step] | None:
    """The way to a layer that is given by a path with numbers of blocks in it; `None` where there is no such layer.

    Raises:
        ValueError: a number that is too large.
    """
    steps: list[Step] = []
    layer, keys = model, text.split("/")
    for i, key in enumerate(keys):
        inside = sublayers_of(layer)
        if layer._stacked_blocks and key.isdigit():
            _check_number(layer, int(key), "/".join(keys[: i + 1]))
            ((name, layer),) = inside.items()
            steps.append(Step(name, int(key)))
        elif key in inside:
            layer = inside[key]
            steps.append(Step(key))
        else:
            return None
    return steps


def numbered_block(layers: Iterable[Layer], text: str) -> Layer | None:
    """The block that `"repeat/3"` names among some layers, by the name of the layer that has it or by its own.

    It is the one block, called `repeat_3`; where its variables are, the path says.
    """
    name, _, number = text.partition("/")
    if not number.isdigit():
        return None
    stacks = [layer for layer in layers if layer._stacked_blocks]
    found = [layer for layer in stacks if layer.name == name]
    found = found or [layer for layer in stacks if name in {*sublayers_of(layer), *_own_names(layer)}]
    if len(found) != 1:
        return None
    _check_number(found[0], int(number), text)
    (block,) = sublayers_of(found[0]).values()
    copy = block.clone(parent=None, name=None)
    set_name(copy, f"{name}_{number}")
    return copy


def stacks_around(model: Layer, path: Path) -> int:
    """How many axes of stacked blocks the variables of the layer at a path have first."""
    layer, count = model, 0
    for key in path:
        count += bool(layer._stacked_blocks)
        inside = sublayers_of(layer)
        if key not in inside:  # made while it runs, or a Linen module's
            break
        layer = inside[key]
    return count


def _own_names(layer: Layer) -> set[str]:
    return {str(block.name) for block in sublayers_of(layer).values()}


def _check_number(layer: Layer, number: int, text: str) -> None:
    if number >= layer._stacked_blocks:
        raise ValueError(
            explain(
                f"{layer.path_text()} has {layer._stacked_blocks} blocks, so there is none of number {number}.",
                received=repr(text),
                write=f"{text.rpartition('/')[0]}/{layer._stacked_blocks - 1}   # the last; the first is 0",
            )
        )
