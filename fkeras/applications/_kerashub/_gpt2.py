"""GPT-2 as KerasHub has it: its arguments, and where its files have which weight."""

from __future__ import annotations

from ..gpt2 import GPT2, GPT2Config
from ._described import MOST_LAYERS, Described
from ._family import Family, Opened
from ._names import attention, dense, norm, own


def _opened(backbone: Described, task: Described | None = None) -> Opened:
    """KerasHub's arguments in the public words; what it fixes is from its `GPT2Backbone`."""
    dropout = backbone.number("dropout", 0.1, most=1)
    config = GPT2Config(
        vocab_size=backbone.whole("vocabulary_size"),
        n_positions=backbone.whole("max_sequence_length", 1024),
        n_embd=backbone.whole("hidden_dim"),
        n_layer=backbone.whole("num_layers", most=MOST_LAYERS),
        n_head=backbone.whole("num_heads"),
        n_inner=backbone.whole("intermediate_dim"),
        activation_function="gelu_new",
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
        layer_norm_epsilon=1e-5,
    )
    there, here = "model:layers/transformer_decoder_{i}", "layers/block"
    rows = [
        *own("model:layers/reversible_embedding", "token_embedding", "embedding"),
        *own("model:layers/position_embedding", "position_embedding", "embeddings"),
        *norm(f"{there}/_self_attention_layer_norm", f"{here}/attention_norm"),
        *attention(f"{there}/_self_attention_layer", f"{here}/attention"),
        *norm(f"{there}/_feedforward_layer_norm", f"{here}/feedforward_norm"),
        *dense(f"{there}/_feedforward_intermediate_dense", f"{here}/feedforward_up"),
        *dense(f"{there}/_feedforward_output_dense", f"{here}/feedforward_down"),
        *norm("model:layers/layer_normalization", "final_norm"),
    ]
    return Opened(GPT2(config), rows)


GPT2_FAMILY = Family(
    backbone="keras_hub>GPT2Backbone",
    opens=_opened,
    tasks={"keras_hub>GPT2CausalLM": _opened},
    repeated=("transformer_decoder",),
)
