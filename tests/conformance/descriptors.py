"""The one table of public layers: each row says how to make a layer, in fkeras and in Keras, and what to feed it."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer in one configuration.

    Attributes:
        cls: the public class name, the same in `fk.nn` and `keras.layers`.
        kwargs: the constructor's arguments.
        shapes: the inputs' shapes, batch of 3 first; one shape for one input, a list for a list of inputs.
        dtype: the inputs' dtype; integer inputs are drawn from [0, high).
        variant: what sets this row apart from the class's others.
        call_kwargs: keyword arguments of the call.
        atol: the tolerance against Keras; anything but 1e-5 has its reason in `why`.
        spread: whether a list of inputs is spread over the call's arguments.
        pack: how the inputs become the call's positional arguments, where neither of the two will do.
        random: the training output is random, so only inference is compared.
        make: builds the layer from a namespace (`fk.nn` or `keras.layers`), for arguments that are layers.
        keras: whether Keras has the class (`FlaxLayer` rows compare with something else).
        skip: laws that do not apply, each with a reason.
    """

    cls: str
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)
    shapes: Any = (3, 4)
    dtype: str = "float32"
    high: int = 5
    variant: str = "default"
    call_kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)
    atol: float = 1e-5
    why: str = ""
    spread: bool = False
    pack: Callable[[Any], tuple[Any, ...]] | None = None
    random: bool = False
    make: Callable[[Any], Any] | None = None
    keras: bool = True
    skip: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.cls}-{self.variant}"

    def layer(self, namespace: Any) -> Any:
        """The layer, made by `fk.nn` or by `keras.layers`."""
        return self.make(namespace) if self.make else getattr(namespace, self.cls)(**self.kwargs)

    def kwargs_by_name(self) -> dict[str, Any]:
        """Functions among the arguments, as `custom_objects`."""
        return {v.__name__: v for v in self.kwargs.values() if callable(v) and hasattr(v, "__name__")}

    def args(self, seed: int = 0) -> tuple[Any, ...]:
        """The call's positional arguments."""
        return self.packed(self.inputs(seed))

    def packed(self, inputs: Any) -> tuple[Any, ...]:
        """Inputs as the call's positional arguments."""
        return self.pack(inputs) if self.pack else tuple(inputs) if self.spread else (inputs,)

    def inputs(self, seed: int = 0) -> Any:
        """Numpy inputs: an array, or a list of them."""
        rng = np.random.default_rng(seed)

        def draw(shape: tuple[int, ...]) -> np.ndarray:
            if np.issubdtype(np.dtype(self.dtype), np.integer):
                return rng.integers(0, self.high, shape).astype(self.dtype)
            return rng.normal(size=shape).astype(self.dtype)

        return [draw(s) for s in self.shapes] if isinstance(self.shapes, list) else draw(self.shapes)


# One module of rows per family of layers, so that a family's table can be read on its own.
FAMILIES = (
    "rows_linear",
    "rows_convolutional",
    "rows_pooling",
    "rows_reshaping",
    "rows_merging",
    "rows_activation",
    "rows_stochastic",
    "rows_image",
    "rows_normalization",
    "rows_recurrent",
    "rows_attention",
    "rows_tabular",
    "rows_core",
)


def rows() -> list[Row]:
    """The whole table."""
    return [row for family in FAMILIES for row in importlib.import_module(f"tests.conformance.{family}").ROWS]
