"""`lora_rank=` of a layer, as Keras has it: the kernel stays as it was made, a change of low rank and the bias train.

`kernel + alpha / rank · lora_kernel_a lora_kernel_b`, where the first factor is drawn by `he_uniform` and the second is
zero. `model.with_lora` makes the same of a model that is there, and freezes the biases too.
Reference: Hu et al., arXiv:2106.09685.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings

import jax
import jax.numpy as jnp

from ...core import Configured, Layer, explain, register
from ...core.typing import Array, DTypeLike, Float, Num
from .._embedding import Embedding
from .._linear import Dense
from ._policy_products import Multiply
from ._policy_weights import PolicyWeights, keep
from ._weight_storage import Arguments, Initialize, Sizes

#: The weights that have a change, by the word for them in Keras's names of its factors.
CHANGED = {"kernel": "kernel", "embedding": "embeddings"}


@register("fkeras")
@dataclasses.dataclass(frozen=True)
class LoraWeights(Configured):
    """A kernel or table that does not train, with a change of low rank that does.

    Args:
        rank: of the change.
        alpha: the change's factor is `alpha / rank`.
        base: how the kernel is kept; `None` for a plain array.
    """

    rank: int
    alpha: float
    base: PolicyWeights | None = None

    frozen = tuple(CHANGED)

    @property
    def activation(self) -> str | None:
        """What the inputs are rounded to."""
        return None if self.base is None else self.base.activation

    def inputs(self, layer: Layer, args: Arguments) -> Arguments:
        return args

    def weight(self, layer: Layer, name: str, make: Initialize, shape: Sizes, dtype: DTypeLike) -> jax.Array:
        if name not in CHANGED:
            return (
                layer.param(name, make, shape, dtype)
                if self.base is None
                else self.base.weight(layer, name, make, shape, dtype)
            )
        factor = functools.partial(
            layer.add_weight, dtype="float32", regularizer=getattr(layer, f"{CHANGED[name]}_regularizer", None)
        )
        if self.base is None:
            value = keep(layer, name, shape, dtype, make)
        else:
            value = self.base.weight(layer, name, make, shape, dtype)
        a = factor((*shape[:-1], self.rank), "he_uniform", name=f"lora_{CHANGED[name]}_a")
        b = factor((self.rank, shape[-1]), "zeros", name=f"lora_{CHANGED[name]}_b")
        if self.base is not None and name == "kernel":  # its numbers, whose product `contract` changes
            return value
        return (value.astype(layer.compute_dtype) + self.change(a, b)).astype(dtype)

    def change(self, a: Float[Array, "*inputs rank"], b: Float[Array, "rank channels"]) -> Float[Array, "*weight"]:
        """What the two factors add to the weight."""
        return self.alpha / self.rank * jnp.tensordot(a, b, axes=1)

    def contract(
        self,
        layer: Layer,
        multiply: Multiply,
        equation: str,
        inputs: Num[Array, "*inputs"],
        kernel: Float[Array, "*kernel"],
        name: str,
    ) -> Float[Array, "*outputs"]:
        """What stands for `multiply(inputs, weight)`: see `Layer._contract`."""
        if self.base is None:
            return multiply(inputs, kernel)
        outputs = self.base.contract(layer, multiply, equation, inputs, kernel, name)
        if name == "reverse_embeddings" or (name == "embedding" and self.base.block_size is not None):
            return outputs  # a table without a change, or one that has it
        a: jax.Array = layer.get_variable("params", f"lora_{CHANGED[name]}_a")
        b: jax.Array = layer.get_variable("params", f"lora_{CHANGED[name]}_b")
        change = self.change(a, b).astype(layer.compute_dtype)
        return outputs + multiply(inputs.astype(layer.compute_dtype), change.T if name == "embedding" else change)


def lora_of(layer: Layer, rank: int, base: PolicyWeights | None) -> LoraWeights:
    """The storage of a layer with `lora_rank`.

    Raises:
        ValueError: a constraint of the kernel.
        NotImplementedError: a kernel in a form that Keras does not change.
    """
    for word in CHANGED.values():
        if getattr(layer, f"{word}_constraint", None) is not None:
            raise ValueError(
                explain(
                    f"{layer.path_text()}: LoRA does not go with a constraint of the {word}.",
                    received=f"lora_rank={rank}, {word}_constraint",
                    usually="the sum of the kernel and its change would have to be projected.",
                    write=f"{word}_constraint=None",
                )
            )
    if base is not None and base.mode not in ("int8", "int4"):
        raise NotImplementedError(
            explain(
                f"{layer.path_text()}: LoRA is on float, int8 and int4 weights.",
                received=f"lora_rank={rank}, dtype={layer.dtype!r}",
                write='dtype="int4/128_from_float32"',
            )
        )
    alpha = getattr(layer, "lora_alpha", None)
    if isinstance(layer, Dense | Embedding):
        if alpha not in (None, rank):
            warnings.warn(
                f"{layer.path_text()}: lora_alpha={alpha} is not used. Keras 3.15 builds Dense and Embedding with "
                f"lora_alpha = lora_rank = {rank}; EinsumDense, convolutions and model.with_lora take another.",
                stacklevel=2,
            )
        alpha = rank
    return LoraWeights(rank, float(rank if alpha is None else alpha), base)
