"""How a layer's own arguments say that its weights are kept: a quantised `dtype`, and `lora_rank`."""

from __future__ import annotations

import dataclasses

from ...core import Configured, Layer, Storage, explain, policy_of, register
from .._attention._grouped_query import GroupedQueryAttention
from .._attention._multi_head import MultiHeadAttention
from .._einsum import EinsumDense
from .._embedding import Embedding, ReversibleEmbedding
from .._linear import Dense
from ._abs_max import AbsMaxQuantizer
from ._lora_by_arguments import lora_of
from ._policy_weights import PolicyWeights

_ANY = ("int8", "int4", "float8", "gptq", "awq")
#: The modes that a class of layers has, and those that it only hands to the layers in it.
MODES_OF: dict[type[Layer], tuple[str, ...]] = {
    Dense: _ANY,
    EinsumDense: _ANY,
    Embedding: ("int8", "int4"),
    MultiHeadAttention: _ANY,
    GroupedQueryAttention: _ANY,
}
_AROUND = (MultiHeadAttention, GroupedQueryAttention)


@register("fkeras")
@dataclasses.dataclass(frozen=True)
class WeightsByArguments(Configured):
    """What a layer's arguments say of how its weights are kept."""

    @staticmethod
    def of(layer: Layer) -> Storage | None:
        """The storage; `None` for plain arrays.

        Raises:
            NotImplementedError: a mode that the layer does not have.
        """
        mode = policy_of(layer.dtype).quantization_mode
        if mode is not None and mode not in modes_of(layer):
            raise NotImplementedError(
                explain(
                    f"{layer.path_text()} has no form of its weights in {mode}.",
                    received=f"dtype={layer.dtype!r}",
                    usually="Keras quantises Dense, EinsumDense and attention, and embeddings in int8 and int4.",
                    write='dtype="float32"; or qmodel, qvariables = model.quantize(variables, "int8"), for more layers',
                )
            )
        is_kept = mode is not None and not isinstance(layer, _AROUND)
        base = PolicyWeights(layer.dtype, grid_of(layer, str(mode))) if is_kept else None
        rank = getattr(layer, "lora_rank", None)
        return lora_of(layer, int(rank), base) if rank else base


def modes_of(layer: Layer) -> tuple[str, ...]:
    """The modes of Keras's that a layer has."""
    return next((modes for kind, modes in MODES_OF.items() if isinstance(layer, kind)), ())


def grid_of(layer: Layer, mode: str) -> AbsMaxQuantizer | None:
    """The grid of a layer's inputs, by its `quantization_config`, or by default as Keras has it."""
    if mode not in ("int8", "int4") or (isinstance(layer, Embedding) and not isinstance(layer, ReversibleEmbedding)):
        return None
    config = getattr(layer, "quantization_config", None)
    if config is not None:
        return getattr(config, "activation_quantizer", None)
    return AbsMaxQuantizer() if mode == "int8" or isinstance(layer, ReversibleEmbedding) else None
