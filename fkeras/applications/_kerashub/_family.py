"""What a family of KerasHub's models is: the backbone, the tasks on top of it, and the tables of their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from ...core import Model
from .._pretrained._names import Row
from ._described import Described


@dataclasses.dataclass(frozen=True)
class Opened:
    """A preset's model.

    Attributes:
        model: the model.
        rows: where the files have its weights.
        unused: names of weights that KerasHub's model has too and does not use.
    """

    model: Model
    rows: Sequence[Row]
    unused: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """A backbone of KerasHub's, and its tasks.

    Attributes:
        backbone: its registered name.
        opens: the backbone alone.
        tasks: what is on top of it, by registered name: `(backbone, task) -> Opened`.
        repeated: the classes of layers of which there may be several, as files write them.
    """

    backbone: str
    opens: Callable[[Described], Opened]
    tasks: Mapping[str, Callable[[Described, Described], Opened]]
    repeated: tuple[str, ...]


def scores_by(task: Described) -> str | None:
    """The activation that a task puts on its logits, if it has one."""
    name = task.one_of("activation", ("linear", "softmax", "sigmoid", "tanh", "relu", None), None)
    return None if name == "linear" else name
