"""Networks whose arguments are the eight that most have; and how a table's row becomes a function."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from ...core import Model, SymbolicTensor
from ...core.typing import FilePath
from ._arguments import CLASSES, Activation, Arguments, ImageShape
from ._described import described
from ._named import Named

P = ParamSpec("P")
Row = TypeVar("Row")

#: What a family makes of its input: `(layer, x, arguments) -> outputs`.
Body = Callable[[Named, SymbolicTensor, Arguments], SymbolicTensor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What is known of a network before its arguments are.

    Attributes:
        network: its public name.
        name: what its models are called.
        size: the rows and columns that it was made for.
        least: the fewest that it takes.
        body: its layers.
    """

    network: str
    name: str
    size: int
    least: int
    body: Body


def standard(
    plan: Plan,
    include_top: bool = True,
    weights: FilePath | None = "imagenet",
    input_tensor: SymbolicTensor | None = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = CLASSES,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> Model:
    """The model of a plan."""
    given = Arguments(
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
    shape = given.shape(plan.size, plan.least)
    return described(plan.network, given, shape, lambda layer, x: plan.body(layer, x, given), name or plan.name)


_TEXT = """{network}, a network for images.

    Args:{more}
        include_top: whether the layers that classify stand at the end.
        weights: `None` for weights that `init` draws; a file of weights (`.weights.h5`, `.h5`, `.keras`,
            `.safetensors`); or `"imagenet"`, the published ones, which `fk.applications.download` has put into Keras's
            cache. The model's `init` then returns the weights of the file.
        input_tensor: a symbolic tensor to begin with, in place of an input of the network's own.
        input_shape: `(rows, columns, channels)` of the images; with the top and `"imagenet"` the network's own.
        pooling: without the top: `"avg"` or `"max"` over the image, or `None` for the features as they are.
        classes: how many classes the top tells apart.
        classifier_activation: the top's activation; `None` for logits.
        name: the model's name.

    Returns:
        A `Model`. Like any it holds no variables: `init` makes them.

    Raises:
        ValueError: `weights` that are no file, a shape that the network cannot take, or arguments that its weights were
            not made for.
        FileNotFoundError: the published weights are not on this machine; the error has the line that downloads them.

    >>> import fkeras as fk
    >>> base = fk.applications.{network}(weights=None, include_top=False, pooling="avg")

    Reference: {reference}
    Unlike Keras nothing is downloaded here.
    """


def variant(
    family: Callable[Concatenate[Row, P], Model],
    row: Row,
    network: str,
    name: str | None,
    reference: str,
    more: str = "",
) -> Callable[P, Model]:
    """The function of one network: its family's, for one row of the table.

    Args:
        family: takes the row and the arguments.
        row: what makes the network this one.
        network: the function's name.
        name: what its models are called, if that follows from no argument.
        reference: the paper.
        more: what is said of further arguments.
    """

    def describe(*args: P.args, **kwargs: P.kwargs) -> Model:
        return family(row, *args, **kwargs)

    _, *parameters = inspect.signature(family).parameters.values()
    shown = [p.replace(default=name) if p.name == "name" else p for p in parameters]
    public: Any = describe
    public.__signature__ = inspect.Signature(shown, return_annotation="Model")
    public.__name__ = described.__qualname__ = network
    public.__module__ = "fkeras.applications"
    public.__doc__ = _TEXT.format(network=network, reference=reference, more=more)
    return describe
