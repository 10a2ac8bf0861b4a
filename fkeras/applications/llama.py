"""Llama, Mistral and Qwen2: decoders of one plan, from their public `config.json` and with their public names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .. import nn
from ..core import Input, Model, explain
from ..core.typing import JSON
from ..nn.initializers import RandomNormal
from ._pretrained._activations import ACTIVATIONS, activation_in
from ._pretrained._config_file import check_choice, check_config, check_fields, check_heads, from_fields, public_fields
from ._pretrained._family import Family
from ._pretrained._layouts import Flat, Linear
from ._pretrained._names import Row

# The class that a public config names, by its `model_type`.
_ARCHITECTURES = {"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RopeScaling:
    """How the angles of positions are scaled to longer texts than those of the training.

    Attributes:
        rope_type: `"linear"`, all angles divided by `factor`, or `"llama3"`, those of the slow features only.
        factor: what they are divided by.
        low_freq_factor, high_freq_factor, original_max_position_embeddings: of `"llama3"`: features that turn less than
            the first times over so many positions are slow, and more than the second times, quick.
    """

    rope_type: str
    factor: float
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_max_position_embeddings: int = 8192

    def __post_init__(self) -> None:
        check_choice("RopeScaling", "rope_type", self.rope_type, ("linear", "llama3"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LlamaConfig:
    """The fields of the public `config.json` of Llama, Mistral and Qwen2, under their names there.

    Attributes:
        model_type: `"llama"`, `"mistral"` or `"qwen2"`.
        vocab_size: how many tokens there are.
        hidden_size: the size of each token's vector.
        intermediate_size: of the wide layers of each block.
        num_hidden_layers: how many blocks.
        num_attention_heads: of queries; `num_key_value_heads` of keys and values, as many by default.
        head_dim: the size of each; `hidden_size / num_attention_heads` by default.
        hidden_act: what follows the gate, by its public name.
        max_position_embeddings: the longest text that the weights are made for. It changes no number.
        initializer_range: the standard deviation of new weights.
        rms_norm_eps: added to mean squares.
        tie_word_embeddings: whether the scores of tokens are by the table that embeds them.
        attention_bias, mlp_bias: whether projections have a bias. Those of Qwen2's queries, keys and values have one.
        attention_dropout: of attention weights, in training.
        rope_theta: the wavelength of the slowest feature, over 2π.
        rope_scaling: how positions are scaled.
        sliding_window: a token sees so many, itself among them; all by default.
        others: fields of the `config.json` that it was read from which change nothing here: numbers of tokens, names of
            classes. They go back into a `config.json` that is written, and are no part of what is compared.

    >>> doubled = RopeScaling(rope_type="linear", factor=2.0)
    >>> LlamaConfig(hidden_size=64, num_attention_heads=4, rope_scaling=doubled).heads
    (4, 4, 16)
    """

    model_type: str = "llama"
    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    hidden_act: str = "silu"
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    attention_dropout: float = 0.0
    rope_theta: float = 10000.0
    rope_scaling: RopeScaling | None = None  # or the dict of a config.json, which becomes one
    sliding_window: int | None = None
    others: Mapping[str, JSON] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.head_dim is None:
            check_heads(
                "LlamaConfig", self.hidden_size, self.num_attention_heads, "hidden_size and num_attention_heads"
            )
        if isinstance(self.rope_scaling, Mapping):  # as a config.json has it
            _, scaling = _rope({"rope_scaling": self.rope_scaling})
            object.__setattr__(self, "rope_scaling", scaling)
        check_choice("LlamaConfig", "model_type", self.model_type, _ARCHITECTURES)
        check_choice("LlamaConfig", "hidden_act", self.hidden_act, ACTIVATIONS)

    @property
    def heads(self) -> tuple[int, int, int]:
        """How many of queries, how many of keys and values, and the size of each."""
        shared = self.num_attention_heads if self.num_key_value_heads is None else self.num_key_value_heads
        size = self.hidden_size // self.num_attention_heads if self.head_dim is None else self.head_dim
        return self.num_attention_heads, shared, size


def Llama(config: LlamaConfig) -> Model:  # noqa: N802 - a model, as those of `keras.applications`
    """A decoder of Llama's plan with scores of the next token, of the catalogue's layers.

    Attention in groups of heads with rotated queries and keys, gated wide layers, and a root mean square before each.

    Args:
        config: its sizes.

    Returns:
        A model of tokens `(batch, time)`, which returns logits `(batch, time, vocab_size)`. `fk.nn.generate` continues
        prompts with it; padding stands behind the tokens of a row, where no token sees it.

    >>> config = LlamaConfig(vocab_size=30, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
    ...                      num_attention_heads=2, num_key_value_heads=1)
    >>> model = Llama(config)
    >>> model.output.shape, model.count_params()
    ((None, None, 30), 1480)

    Reference: Touvron et al., arXiv:2302.13971; Jiang et al., arXiv:2310.06825, for Mistral.
    KerasHub has them as `LlamaCausalLM`, `MistralCausalLM` and `QwenCausalLM`.
    """
    check_config(LlamaConfig, config)
    normal = RandomNormal(stddev=config.initializer_range)
    tokens = Input((None,), dtype="int32", name="tokens")
    embedding = nn.ReversibleEmbedding(
        config.vocab_size,
        config.hidden_size,
        tie_weights=config.tie_word_embeddings,
        embeddings_initializer=normal,
        name="token_embedding",
    )
    x = nn.Repeat(_block(config, normal), config.num_hidden_layers, name="layers")(embedding(tokens))
    x = nn.RMSNormalization(epsilon=config.rms_norm_eps, name="final_norm")(x)
    return Model(tokens, embedding(x, reverse=True), name=config.model_type)  # type: ignore[misc, arg-type]


def _block(config: LlamaConfig, normal: RandomNormal) -> Model:
    """Attention and a gated wide layer, each of the normalised input, and added to it."""
    queries, shared, size = config.heads
    hidden = Input((None, config.hidden_size), name="hidden")
    attention = nn.RotaryAttention(
        size,
        queries,
        shared,
        dropout=config.attention_dropout,
        use_bias=config.attention_bias,
        use_output_bias=config.attention_bias and config.model_type != "qwen2",
        sliding_window=config.sliding_window,
        kernel_initializer=normal,
        rotary=_rotary(config),
        name="attention",
    )

    def dense(units: int, name: str) -> nn.Dense:
        return nn.Dense(units, use_bias=config.mlp_bias, kernel_initializer=normal, name=name)

    y = nn.RMSNormalization(epsilon=config.rms_norm_eps, name="attention_norm")(hidden)
    x = nn.Add(name="attention_sum")([hidden, attention(y, y, use_causal_mask=True)])
    y = nn.RMSNormalization(epsilon=config.rms_norm_eps, name="feedforward_norm")(x)
    gate = ACTIVATIONS[config.hidden_act](dense(config.intermediate_size, "feedforward_gate")(y))
    y = dense(config.hidden_size, "feedforward_down")(gate * dense(config.intermediate_size, "feedforward_up")(y))
    return Model(hidden, nn.Add(name="feedforward_sum")([x, y]), name="block")  # type: ignore[misc, arg-type]


def _rotary(config: LlamaConfig) -> nn.RotaryEmbedding:
    scaling = config.rope_scaling
    if scaling is None:
        return nn.RotaryEmbedding(config.rope_theta)
    if scaling.rope_type == "linear":
        return nn.RotaryEmbedding(config.rope_theta, scaling.factor)
    return nn.RotaryEmbedding(
        config.rope_theta,
        frequency_adjustment_factor=scaling.factor,
        low_freq_factor=scaling.low_freq_factor,
        high_freq_factor=scaling.high_freq_factor,
        pretraining_sequence_length=scaling.original_max_position_embeddings,
    )


# ------------------------------------------------------------------ the names of its weights
def _rows(config: LlamaConfig) -> tuple[Row, ...]:
    here, there = "params/layers/block", "model.layers.{i}"
    projections = {name: (f"{there}.self_attn.{name[0]}_proj", f"{here}/attention/{name}")
                   for name in ("query", "key", "value", "out")}  # fmt: skip
    dense = {f"{there}.mlp.{name}_proj": f"{here}/feedforward_{name}" for name in ("gate", "up", "down")}
    return (
        Row("model.embed_tokens.weight", "params/token_embedding/embedding"),
        *(Row(f"{public}.weight", f"{path}/kernel", Linear(inputs=2 if name == "out" else 1))
          for name, (public, path) in projections.items()),
        *(Row(f"{public}.bias", f"{path}/bias", Flat()) for public, path in projections.values()),
        *(Row(f"{public}.weight", f"{path}/kernel", Linear()) for public, path in dense.items()),
        *(Row(f"{public}.bias", f"{path}/bias") for public, path in dense.items()),
        Row(f"{there}.input_layernorm.weight", f"{here}/attention_norm/scale"),
        Row(f"{there}.post_attention_layernorm.weight", f"{here}/feedforward_norm/scale"),
        Row("model.norm.weight", "params/final_norm/scale"),
        Row("lm_head.weight", "params/token_embedding/reverse_embeddings", Linear()),
    )  # fmt: skip


def _unread(config: LlamaConfig) -> tuple[str, ...]:
    angles = (r"layers\.\d+\.self_attn\.rotary_emb\.inv_freq",)
    return (*angles, r"lm_head\.weight") if config.tie_word_embeddings else angles


# ------------------------------------------------------------------ its public config
# What a config that does not say it has.
_DEFAULTS: Mapping[str, Mapping[str, JSON]] = {
    "llama": {},
    "mistral": {"intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072,
                "sliding_window": 4096},
    "qwen2": {"vocab_size": 151936, "intermediate_size": 22016, "num_key_value_heads": 32,
              "max_position_embeddings": 32768, "sliding_window": 4096},
}  # fmt: skip
_SLIDES = ("sliding_window", "use_sliding_window", "max_window_layers", "layer_types")
_ROPE = ("rope_theta", "rope_scaling", "rope_parameters")


def _read_config(fields: Mapping[str, Any]) -> LlamaConfig:
    kind = str(fields["model_type"])
    fields = {**_DEFAULTS[kind], **fields}
    theta, scaling = _rope(fields)
    config = from_fields(
        LlamaConfig,
        {name: value for name, value in fields.items() if name not in _ROPE},
        {"attention_bias": (False,), "mlp_bias": (False,)} if kind != "llama" else None,
        ("pretraining_tp", "rope_interleaved"),
        (*_SLIDES, *_ROPE),
    )
    return dataclasses.replace(
        config,
        model_type=kind,
        rope_theta=theta,
        rope_scaling=scaling,
        sliding_window=_window(kind, fields),
        attention_bias=kind == "qwen2" or config.attention_bias,
        others={**config.others, **{name: fields[name] for name in _SLIDES if kind == "qwen2" and name in fields}},
    )


def _rope(fields: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
    """The wavelength and the scaling of positions, in either of the forms that configs have had.

    Raises:
        ValueError: another scaling, or one with parts that are not built.
    """
    said = {**(fields.get("rope_scaling") or {}), **(fields.get("rope_parameters") or {})}
    theta = float(said.pop("rope_theta", None) or fields.get("rope_theta") or 10000.0)
    old = said.pop("type", None)
    kind = said.pop("rope_type", old)
    known = {field.name for field in dataclasses.fields(RopeScaling)}
    partial = said.pop("partial_rotary_factor", None) or fields.get("partial_rotary_factor") or 1.0
    others = {name: value for name, value in said.items() if name not in known and value is not None}
    if kind not in (None, "default", "linear", "llama3") or partial != 1.0 or others:
        raise ValueError(
            explain(
                "LlamaConfig: the scaling of positions is none, linear or llama3.",
                received=f"rope_type={kind!r:.40}, partial_rotary_factor={partial!r:.40}"
                + "".join(f", {name}={value!r:.40}" for name, value in others.items()),
                usually="a model that was stretched to longer texts in another way.",
                write='"rope_scaling": null   # in config.json: texts as long as those of the training',
            )
        )
    if kind in (None, "default"):
        return theta, None
    return theta, RopeScaling(rope_type=kind, **said)


def _window(kind: str, fields: Mapping[str, Any]) -> int | None:
    """How many tokens a token sees.

    Raises:
        ValueError: blocks of two kinds.
    """
    window = fields.get("sliding_window")
    if window is None or kind == "llama" or (kind == "qwen2" and not fields.get("use_sliding_window", False)):
        return None
    kinds = set(fields.get("layer_types") or ())
    from_block = fields.get("max_window_layers", 28) if kind == "qwen2" and not kinds else 0
    if len(kinds) > 1 or 0 < from_block < fields.get("num_hidden_layers", 32):
        raise ValueError(
            explain(
                "LlamaConfig: all blocks have the same window.",
                received=f"sliding_window={window}, layer_types={sorted(kinds)}, max_window_layers={from_block}",
                usually="a model whose last blocks alone have one.",
            )
        )
    return None if from_block or kinds == {"full_attention"} else int(window)


def _slides(config: LlamaConfig) -> dict[str, JSON]:
    """The fields of Qwen2's windows: those that were read, where they still say what the model does."""
    said = {name: config.others[name] for name in _SLIDES if name in config.others}
    count, kinds = config.num_hidden_layers, said.get("layer_types")
    fits = not isinstance(kinds, list) or len(kinds) == count
    if said and fits and _window("qwen2", {**said, "num_hidden_layers": count}) == config.sliding_window:
        return said
    if config.sliding_window is None:
        return {"use_sliding_window": False, "sliding_window": None}
    return {"use_sliding_window": True, "sliding_window": config.sliding_window, "max_window_layers": 0}


def _write_config(config: LlamaConfig) -> dict[str, JSON]:
    fields = public_fields(config)
    scaling = fields.pop("rope_scaling")
    theta = fields.pop("rope_theta")
    if config.model_type != "llama":
        del fields["attention_bias"], fields["mlp_bias"]
    if config.model_type == "llama":
        del fields["sliding_window"]
    if scaling is not None and scaling["rope_type"] == "linear":
        scaling = {"rope_type": "linear", "factor": scaling["factor"]}
    if config.model_type == "qwen2":
        fields = {name: value for name, value in fields.items() if name not in _SLIDES} | _slides(config)
    fields["num_key_value_heads"] = config.heads[1]  # their defaults differ
    if config.head_dim is None:
        del fields["head_dim"]
    # both forms: programs of before and after rope_parameters came
    rope = {"rope_theta": theta, "rope_scaling": scaling,
            "rope_parameters": {"rope_theta": theta, **(scaling or {"rope_type": "default"})}}  # fmt: skip
    return {**fields, "architectures": [_ARCHITECTURES[config.model_type]], **rope}


def _config_of(model: Model) -> LlamaConfig:
    repeat, embedding = model.get_layer("layers"), model.get_layer("token_embedding")
    block = repeat.block
    attention, up = block.get_layer("attention"), block.get_layer("feedforward_up")
    return LlamaConfig(
        model_type=str(model.name),
        vocab_size=embedding.input_dim,
        hidden_size=embedding.output_dim,
        intermediate_size=up.units,
        num_hidden_layers=repeat.n,
        num_attention_heads=attention.num_query_heads,
        num_key_value_heads=attention.num_key_value_heads,
        head_dim=None if attention.head_dim * attention.num_query_heads == embedding.output_dim else attention.head_dim,
        hidden_act=activation_in(block, "silu"),
        initializer_range=embedding.embeddings_initializer.stddev,
        rms_norm_eps=model.get_layer("final_norm").epsilon,
        tie_word_embeddings=embedding.tie_weights,
        attention_bias=attention.use_bias,
        mlp_bias=up.use_bias,
        attention_dropout=attention.dropout,
        rope_theta=attention.rotary.max_wavelength,
        rope_scaling=_scaling_of(attention.rotary),
        sliding_window=attention.sliding_window,
    )


def _scaling_of(rotary: nn.RotaryEmbedding) -> RopeScaling | None:
    if rotary.frequency_adjustment_factor is None:
        linear = RopeScaling(rope_type="linear", factor=rotary.scaling_factor)
        return None if rotary.scaling_factor == 1.0 else linear
    assert rotary.low_freq_factor is not None
    assert rotary.high_freq_factor is not None
    assert rotary.pretraining_sequence_length is not None
    return RopeScaling(
        rope_type="llama3",
        factor=rotary.frequency_adjustment_factor,
        low_freq_factor=rotary.low_freq_factor,
        high_freq_factor=rotary.high_freq_factor,
        original_max_position_embeddings=rotary.pretraining_sequence_length,
    )


FAMILY = Family(
    read_config=_read_config,
    write_config=_write_config,
    build=Llama,
    rows=_rows,
    config_of=_config_of,
    unread=_unread,
    not_in_model=("max_position_embeddings",),
    prefixes=("model.",),
)
