"""Llama, Mistral and Qwen2 as KerasHub has them: their arguments, and where their files have which weight."""

from __future__ import annotations

import functools
import warnings

from .._pretrained._names import Row
from ..llama import Llama, LlamaConfig, RopeScaling
from ._described import MOST_LAYERS, Described
from ._family import Family, Opened
from ._names import attention, dense, own

_FACTORS = ("frequency_adjustment", "low_freq", "high_freq")


def _opened(kind: str, class_name: str, backbone: Described, task: Described | None = None) -> Opened:
    """KerasHub's arguments in the public words; what it fixes is from its backbones."""
    config = LlamaConfig(
        model_type=kind,
        vocab_size=backbone.whole("vocabulary_size"),
        hidden_size=backbone.whole("hidden_dim"),
        intermediate_size=backbone.whole("intermediate_dim"),
        num_hidden_layers=backbone.whole("num_layers", most=MOST_LAYERS),
        num_attention_heads=backbone.whole("num_query_heads"),
        num_key_value_heads=backbone.whole("num_key_value_heads"),
        head_dim=backbone.maybe_whole("head_dim") if kind == "mistral" else None,
        hidden_act="silu",
        rms_norm_eps=backbone.number("layer_norm_epsilon", 1e-6),
        tie_word_embeddings=kind != "mistral" and backbone.flag("tie_word_embeddings", kind == "qwen2"),
        attention_bias=kind == "qwen2",
        attention_dropout=_dropout(backbone),
        rope_theta=backbone.number("rope_max_wavelength", 10000),
        rope_scaling=_scaling(kind, backbone),
        sliding_window=_window(kind, backbone),
    )
    there, here = f"model:layers/{class_name}_transformer_decoder_{{i}}", "layers/block"
    norm = f"{class_name}_layer_norm" if kind != "mistral" else "mistral_layer_normalization"
    up, gate, down = (f"{there}/_feedforward_{name}_dense" for name in ("intermediate", "gate", "output"))
    rows: list[Row] = [
        *own("model:layers/reversible_embedding", "token_embedding", "embedding", "reverse_embeddings"),
        *own(f"{there}/_self_attention_layernorm", f"{here}/attention_norm", "scale"),
        *attention(f"{there}/_self_attention_layer", f"{here}/attention", config.attention_bias, mark="_"),
        *own(f"{there}/_feedforward_layernorm", f"{here}/feedforward_norm", "scale"),
        *dense(up, f"{here}/feedforward_up", bias=False),
        *dense(gate, f"{here}/feedforward_gate", bias=False),
        *dense(down, f"{here}/feedforward_down", bias=False),
        *own(f"model:layers/{norm}", "final_norm", "scale"),
    ]
    return Opened(Llama(config), rows)


def _dropout(backbone: Described) -> float:
    """Of attention's weights, which is not where KerasHub has it; its own presets have none."""
    rate = backbone.number("dropout", 0, most=1)
    if rate:
        warnings.warn(
            f"{backbone.where}: in training, dropout={rate} is of the weights of attention here, and of what attention "
            "returns in KerasHub.",
            stacklevel=6,
        )
    return rate


def _scaling(kind: str, backbone: Described) -> RopeScaling | None:
    """How positions are scaled: by one factor, or as Llama 3.1 does."""
    if kind != "llama":
        factor = backbone.number("rope_scaling_factor", 1.0)
        return None if factor == 1.0 else RopeScaling(rope_type="linear", factor=factor)
    backbone.one_of("rope_position_scaling_factor", (1.0, 1), 1.0)  # which KerasHub 0.32 keeps and does not use
    adjustment, low, high = (backbone.maybe_number(f"rope_{name}_factor") for name in _FACTORS)
    length = backbone.maybe_whole("rope_pretraining_sequence_length")
    if adjustment is None or low is None or high is None or length is None:
        return None
    return RopeScaling(
        rope_type="llama3",
        factor=adjustment,
        low_freq_factor=low,
        high_freq_factor=high,
        original_max_position_embeddings=length,
    )


def _window(kind: str, backbone: Described) -> int | None:
    """How many tokens a token sees."""
    if kind == "qwen2":  # KerasHub 0.32 has windows in one of the two ways in which it computes attention
        backbone.one_of("use_sliding_window_attention", (False,), False)
        backbone.passed("sliding_window_size")
    return backbone.whole("sliding_window", 512) if kind == "mistral" else None


def _family(kind: str, class_name: str, name: str) -> Family:
    opens = functools.partial(_opened, kind, class_name)
    return Family(
        backbone=f"keras_hub>{name}Backbone",
        opens=opens,
        tasks={f"keras_hub>{name}CausalLM": opens},
        repeated=(f"{class_name}_transformer_decoder",),
    )


LLAMA, LLAMA_3 = _family("llama", "llama", "Llama"), _family("llama", "llama", "Llama3")
MISTRAL, QWEN = _family("mistral", "mistral", "Mistral"), _family("qwen2", "qwen", "Qwen")
