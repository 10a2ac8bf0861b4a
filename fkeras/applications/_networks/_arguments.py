"""The arguments that all networks take: what they may be, and the input that follows from them."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ... import activations
from ...core import Input, SymbolicTensor, explain
from ...core.typing import FilePath

#: `(rows, columns, channels)`; `None` for a size that may be any.
ImageShape: TypeAlias = Sequence[int | None]
Activation: TypeAlias = str | Callable[..., Any] | None

CLASSES = 1000  # of ImageNet


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments:
    """What a network is called with, under Keras's names.

    Attributes:
        include_top: whether the layers that classify stand at the end.
        weights: `None`, `"imagenet"`, or a file.
        input_tensor: what the network is called on, where not on an input of its own.
        input_shape: `(rows, columns, channels)`.
        pooling: what stands at the end without the top: `None`, `"avg"` or `"max"`.
        classes: how many classes the top tells apart.
        classifier_activation: the top's activation.
        name: the model's name.

    Raises:
        ValueError: weights that are no file, classes that ImageNet's weights do not have, or another pooling.
    """

    include_top: bool
    weights: FilePath | None
    input_tensor: SymbolicTensor | None
    input_shape: ImageShape | None
    pooling: str | None
    classes: int
    classifier_activation: Activation
    name: str | None

    def __post_init__(self) -> None:
        if self.weights is not None and not self.imagenet and not os.path.exists(self.weights):
            raise ValueError(
                explain(
                    "`weights` is None, 'imagenet' or a file that is there.",
                    received=f"weights={self.weights!r}",
                    usually="a path that is relative to another directory.",
                    write="weights=None   # or weights='resnet50.weights.h5'",
                )
            )
        if self.imagenet and self.include_top and self.classes != CLASSES:
            raise ValueError(
                explain(
                    f"The weights of ImageNet tell {CLASSES} classes apart.",
                    received=f"weights='imagenet', include_top=True, classes={self.classes}",
                    usually="classes of one's own, which need a top of their own.",
                    write="base = ResNet50(weights='imagenet', include_top=False, pooling='avg'), "
                    f"and fk.nn.Dense({self.classes}, activation='softmax')(base(inputs))",
                )
            )
        if self.pooling not in (None, "avg", "max"):
            raise ValueError(
                explain(
                    "`pooling` is None, 'avg' or 'max'.",
                    received=f"pooling={self.pooling!r}",
                    usually="Keras takes any other word for None, and gives a network without pooling.",
                    write="pooling='avg'",
                )
            )

    @property
    def imagenet(self) -> bool:
        """Whether the published weights are asked for."""
        return isinstance(self.weights, str) and self.weights == "imagenet"

    def shape(self, default_size: int, min_size: int) -> tuple[int | None, ...]:
        """The shape of one image.

        Args:
            default_size: the rows and columns that the network was made for.
            min_size: the fewest that it takes.

        Raises:
            ValueError: a shape that the network, or its weights, cannot take.
        """
        given = None if self.input_shape is None else tuple(self.input_shape)
        channels = 3
        if given and not self.imagenet and len(given) == 3:
            channels = given[-1] or 3
            if given[-1] not in (1, 3):
                warnings.warn(
                    explain(
                        "These networks usually take images of 1 or 3 channels.",
                        received=f"input_shape={given}",
                        usually="the channels stand first; here they are last.",
                        write="input_shape=(224, 224, 3)",
                    ),
                    stacklevel=5,
                )
        default = (default_size, default_size, channels)
        if self.imagenet and self.include_top:
            if given not in (None, default):
                raise ValueError(
                    explain(
                        f"With the weights of ImageNet and the top, images are of {default}.",
                        received=f"input_shape={given}",
                        usually="the network is to see images of another size, for which the top is left out.",
                        write=f"include_top=False, input_shape={given}",
                    )
                )
            return default
        if not given:
            return default if self.include_top else (None, None, 3)
        self._check(given, min_size)
        return given

    def _check(self, shape: tuple[int | None, ...], min_size: int) -> None:
        """Refuse a shape that the network cannot take."""
        write = f"input_shape=({max(min_size, 224)}, {max(min_size, 224)}, 3)"
        if len(shape) != 3:
            raise ValueError(
                explain(
                    "`input_shape` is (rows, columns, channels), without the batch.",
                    received=f"input_shape={shape}",
                    write=write,
                )
            )
        if self.imagenet and shape[-1] != 3:
            raise ValueError(
                explain("The weights of ImageNet take 3 channels.", received=f"input_shape={shape}", write=write)
            )
        if any(size is not None and size < min_size for size in shape[:2]):
            raise ValueError(
                explain(
                    f"This network takes images of at least {min_size} x {min_size}.",
                    received=f"input_shape={shape}",
                    usually="smaller ones are gone before the last layers; or the channels stand first.",
                    write=write,
                )
            )
        if self.include_top and None in shape:
            raise ValueError(
                explain(
                    "With its top a network needs to know the size of its images.",
                    received=f"include_top=True, input_shape={shape}",
                    write=f"{write}, or include_top=False",
                )
            )

    def start(self, shape: Sequence[int | None]) -> SymbolicTensor:
        """What the network begins with: the tensor that was given, or an input of `shape`."""
        if self.input_tensor is None:
            made: SymbolicTensor = Input(tuple(shape))
            return made
        if not isinstance(self.input_tensor, SymbolicTensor):
            raise ValueError(
                explain(
                    "`input_tensor` is a symbolic tensor.",
                    received=type(self.input_tensor).__name__,
                    usually="an array, on which the model is called when it is there.",
                    write="input_tensor=fk.Input((224, 224, 3)); and model.apply(variables, images)",
                )
            )
        return self.input_tensor

    def check_input_tensor(self) -> None:
        """Refuse a tensor and a shape that do not say the same."""
        if self.input_tensor is None or self.input_shape is None:
            return
        if self.start(self.input_shape).shape[2] != tuple(self.input_shape)[1]:
            raise ValueError(
                explain(
                    "`input_tensor` and `input_shape` say different sizes.",
                    received=f"a tensor of shape {self.input_tensor.shape}, input_shape={tuple(self.input_shape)}",
                    write="input_tensor=x   # the shape is the tensor's",
                )
            )

    def top_activation(self) -> Activation:
        """The activation of the top.

        Raises:
            ValueError: one that the weights of a file were not trained with.
        """
        if self.weights is not None and activations.get(self.classifier_activation) not in (
            activations.softmax,
            activations.linear,
        ):
            raise ValueError(
                explain(
                    "With weights from a file the top has the activation 'softmax', or None for logits.",
                    received=f"classifier_activation={self.classifier_activation!r}",
                    usually="a top for another task, which has to be trained.",
                    write="include_top=False, pooling='avg', and a Dense layer of your own",
                )
            )
        return self.classifier_activation
