"""A recurrent layer over both directions of time."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ...core import Layer, explain, field, register, snake_case
from ...core.typing import Array, Config, Num, PyTree, Training
from .. import _arguments as arg
from .._wrappers import as_layer

_MERGE = arg.one_of("merge_mode", "concat", "sum", "mul", "ave", None)


@register("keras.layers")
class Bidirectional(Layer):
    """A recurrent layer run forwards and, as a copy with weights of its own, backwards.

    Args:
        layer: the layer, `RNN`, `LSTM`, `GRU`, … or any with `go_backwards`, `return_sequences`, `return_state`.
        merge_mode: how the two outputs become one: `"concat"`, `"sum"`, `"mul"`, `"ave"`, or `None` for both.
        weights: not taken, since layers hold no weights.
        backward_layer: the layer to run backwards, if it is another; its `go_backwards` must be the other's opposite.

    Call arguments: `inputs` `(batch, time, ...)`, `initial_state` (forward's, then backward's), `mask`, `training`.

    Raises:
        ValueError: layers that do not go together.

    >>> import fkeras as fk
    >>> fk.nn.Bidirectional(fk.nn.LSTM(4, return_sequences=True))(fk.Input((None, 3))).shape
    (None, None, 8)

    Reference: https://keras.io/api/layers/recurrent_layers/bidirectional/
    Each of the two layers chooses for itself what computes it on a GPU, see `LSTM`: two LSTMs are two calls of cuDNN's.
    """

    layer: Any = field(convert=as_layer)
    merge_mode: str | None = field("concat", convert=_MERGE)
    weights: None = field(None, convert=arg.no_weights)
    backward_layer: Any = None

    supports_masking = True
    # Whether masked steps give zeros where all steps are returned.
    _zeros_where_masked: ClassVar[bool] = True
    preserve_adopted_names = True  # variables lie under the two layers' names: forward_lstm, backward_lstm

    def __post_init__(self) -> None:
        forward = as_layer(self.layer)
        for name in ("go_backwards", "return_sequences", "return_state", "stateful"):
            if not hasattr(forward, name):
                raise ValueError(
                    explain(
                        "Bidirectional needs a recurrent layer.",
                        received=f"{type(forward).__name__}, which has no {name!r}",
                        write="fk.nn.Bidirectional(fk.nn.LSTM(32))",
                    )
                )
        base_name = forward.name or snake_case(type(forward).__name__)
        backward = self.backward_layer
        if backward is None:
            name = f"backward_{base_name.removeprefix('forward_').removeprefix('backward_')}"
            # the cells of an RNN are layers, whose weights are not shared
            own = copy.deepcopy(forward) if isinstance(getattr(forward, "cell", None), Layer) else forward
            backward = own.replace(go_backwards=not forward.go_backwards, name=name)
        elif as_layer(backward).name is None:
            backward = backward.replace(name=f"backward_{snake_case(type(backward).__name__)}")
        forward_name = f"forward_{base_name.removeprefix('forward_')}"
        if forward.name != forward_name:  # a copy that a lifted transformation makes is bound, and has the name
            forward = forward.replace(name=forward_name)
        self._check_pair(forward, backward)
        if self._zeros_where_masked:
            forward, backward = _with_zeros_for_mask(forward), _with_zeros_for_mask(backward)
        object.__setattr__(self, "layer", forward)
        object.__setattr__(self, "backward_layer", backward)
        super().__post_init__()

    @staticmethod
    def _check_pair(forward: Layer, backward: Layer) -> None:
        same = ("stateful", "return_sequences", "return_state")
        faults = [n for n in same if getattr(forward, n) != getattr(backward, n)]
        if forward.go_backwards == backward.go_backwards:
            faults.append("go_backwards")
        if faults:
            n = faults[0]
            rule = "opposite" if n == "go_backwards" else "the same"
            raise ValueError(
                explain(
                    f"The two layers of Bidirectional must have {rule} {n}.",
                    received=f"{n}={getattr(forward, n)} and {n}={getattr(backward, n)}",
                    write="fk.nn.Bidirectional(fk.nn.LSTM(8), backward_layer=fk.nn.LSTM(8, go_backwards=True))",
                )
            )

    @property
    def forward_layer(self) -> Layer:
        """The layer that runs forwards."""
        return self.layer

    @property
    def return_sequences(self) -> bool:
        """Whether the layers return the output of every step."""
        return self.layer.return_sequences

    @property
    def return_state(self) -> bool:
        """Whether the layers return their last states too."""
        return self.layer.return_state

    def call(
        self,
        inputs: Num[Array, "batch time ..."],
        initial_state: Sequence[PyTree] | None = None,
        mask: PyTree = None,
        training: Training = False,
    ) -> PyTree:
        states: list[Sequence[PyTree] | None] = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            states = [initial_state[:half], initial_state[half:]]
        ahead, back = (
            layer(inputs, initial_state=state, mask=mask, training=training)
            for layer, state in zip((self.layer, self.backward_layer), states, strict=True)
        )
        last: tuple[PyTree, ...] = ()
        if self.return_state:
            last = (*ahead[1:], *back[1:])
            ahead, back = ahead[0], back[0]
        if self.return_sequences:
            back = jnp.flip(back, axis=1)
        merged = {
            "concat": lambda: jnp.concatenate([ahead, back], axis=-1),
            "sum": lambda: ahead + back,
            "mul": lambda: ahead * back,
            "ave": lambda: (ahead + back) / 2,
            None: lambda: (ahead, back),
        }[self.merge_mode]()
        if self.return_state:
            return (*(merged if isinstance(merged, tuple) else (merged,)), *last)
        return merged

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        leaves = jax.tree.leaves(mask)
        output_mask = leaves[0] if leaves and self.return_sequences else None
        outputs = [output_mask, output_mask] if self.merge_mode is None else [output_mask]
        if not self.return_state:
            return outputs if self.merge_mode is None else output_mask
        return [*outputs, *[None] * (2 * self.layer._states)]

    def _keras_attributes(self) -> Mapping[str, Layer]:
        return {"forward_layer": self.layer, "backward_layer": self.backward_layer}

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "weights"}


@register("fkeras")
class BidirectionalOfKeras2(Bidirectional):
    """A `Bidirectional` as it was before Keras 2.4: masked steps give what the step before them gave, and no zeros.

    Old files become it; Keras 3 does not have it.

    Args:
        layer, merge_mode, weights, backward_layer: those of `Bidirectional`.

    >>> import fkeras as fk
    >>> BidirectionalOfKeras2(fk.nn.LSTM(4, return_sequences=True))(fk.Input((None, 3))).shape
    (None, None, 8)
    """

    _zeros_where_masked: ClassVar[bool] = False


def _with_zeros_for_mask(layer: Layer) -> Layer:
    """The layer with zeros for masked steps where it returns all of them, as Keras sets it."""
    if hasattr(layer, "zero_output_for_mask") and layer.zero_output_for_mask != layer.return_sequences:
        return layer.replace(zero_output_for_mask=layer.return_sequences)
    return layer
