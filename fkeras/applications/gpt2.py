"""GPT-2: a decoder of text, from the public `config.json` and with the public names of its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .. import nn
from ..core import Input, Model
from ..core.typing import JSON
from ..nn.initializers import RandomNormal
from ._pretrained._activations import ACTIVATIONS, activation_in
from ._pretrained._config_file import check_choice, check_config, check_fields, check_heads, from_fields, public_fields
from ._pretrained._family import Family
from ._pretrained._layouts import Flat, Kernel, Linear
from ._pretrained._names import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class GPT2Config:
    """The fields of GPT-2's public `config.json`, under their names there.

    Attributes:
        vocab_size: how many tokens there are.
        n_positions: the longest text, in tokens.
        n_embd: the size of each token's vector.
        n_layer: how many blocks.
        n_head: how many heads each has; they divide `n_embd`.
        n_inner: the size of the wide layer of each block; `4 * n_embd` by default.
        activation_function: what follows it, by its public name.
        resid_pdrop, embd_pdrop, attn_pdrop: in training: behind each part of a block, behind the embeddings, and of
            attention weights.
        layer_norm_epsilon: added to variances.
        initializer_range: the standard deviation of new weights.
        tie_word_embeddings: whether the scores of tokens are by the table that embeds them.
        others: fields of the `config.json` that it was read from which change nothing here: numbers of tokens, names of
            classes. They go back into a `config.json` that is written, and are no part of what is compared.

    >>> GPT2Config(n_layer=24, n_head=16, n_embd=1024).n_positions
    1024
    """

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    others: Mapping[str, JSON] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fields(self)
        check_heads("GPT2Config", self.n_embd, self.n_head, "n_embd and n_head")
        check_choice("GPT2Config", "activation_function", self.activation_function, ACTIVATIONS)


def GPT2(config: GPT2Config) -> Model:  # noqa: N802 - a model, as those of `keras.applications`
    """GPT-2 with scores of the next token, of the catalogue's layers.

    Args:
        config: its sizes.

    Returns:
        A model of tokens `(batch, time)`, which returns logits `(batch, time, vocab_size)`. `fk.nn.generate` continues
        prompts with it; padding stands behind the tokens of a row, where no token sees it.

    >>> config = GPT2Config(vocab_size=30, n_positions=16, n_embd=8, n_layer=2, n_head=2)
    >>> model = GPT2(config)
    >>> model.output.shape, model.count_params()
    ((None, None, 30), 2128)

    Reference: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
    KerasHub has it as `GPT2CausalLM`.
    """
    check_config(GPT2Config, config)
    normal = RandomNormal(stddev=config.initializer_range)
    tokens = Input((None,), dtype="int32", name="tokens")
    embedding = nn.ReversibleEmbedding(
        config.vocab_size,
        config.n_embd,
        tie_weights=config.tie_word_embeddings,
        embeddings_initializer=normal,
        name="token_embedding",
    )
    x = embedding(tokens)
    x = x + nn.PositionEmbedding(config.n_positions, normal, name="position_embedding")(x)
    x = nn.Dropout(config.embd_pdrop, name="embedding_dropout")(x)
    x = nn.Repeat(_block(config, normal), config.n_layer, name="layers")(x)
    x = nn.LayerNormalization(epsilon=config.layer_norm_epsilon, name="final_norm")(x)
    return Model(tokens, embedding(x, reverse=True), name="gpt2")  # type: ignore[misc, arg-type]


def _block(config: GPT2Config, normal: RandomNormal) -> Model:
    """Attention and a wide layer, each of the normalised input, and added to it.

    An `Add` adds in the dtype that the policy says, so a block returns what it takes in half precision too.
    """
    hidden = Input((None, config.n_embd), name="hidden")
    attention = nn.MultiHeadAttention(
        config.n_head,
        config.n_embd // config.n_head,
        dropout=config.attn_pdrop,
        kernel_initializer=normal,
        name="attention",
    )
    y = nn.LayerNormalization(epsilon=config.layer_norm_epsilon, name="attention_norm")(hidden)
    y = attention(y, y, use_causal_mask=True)
    y = nn.Dropout(config.resid_pdrop, name="attention_dropout")(y)
    x = nn.Add(name="attention_sum")([hidden, y])
    y = nn.LayerNormalization(epsilon=config.layer_norm_epsilon, name="feedforward_norm")(x)
    inner = 4 * config.n_embd if config.n_inner is None else config.n_inner
    y = nn.Dense(inner, kernel_initializer=normal, name="feedforward_up")(y)
    y = ACTIVATIONS[config.activation_function](y)
    y = nn.Dense(config.n_embd, kernel_initializer=normal, name="feedforward_down")(y)
    y = nn.Dropout(config.resid_pdrop, name="feedforward_dropout")(y)
    return Model(hidden, nn.Add(name="feedforward_sum")([x, y]), name="block")  # type: ignore[misc, arg-type]


# ------------------------------------------------------------------ its public form
# Fields that would change the numbers, with the values that do not.
_ONLY: Mapping[str, tuple[JSON, ...]] = {
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "reorder_and_upcast_attn": (False,),  # the order of rounding in half precision
    "add_cross_attention": (False,),
}
_IGNORED = ("n_ctx", "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type",
            "summary_use_proj")  # fmt: skip


def _rows(config: GPT2Config) -> tuple[Row, ...]:
    block = "params/layers/block"
    attention = [f"{block}/attention/{name}" for name in ("query", "key", "value")]
    norms = {"h.{i}.ln_1": f"{block}/attention_norm", "h.{i}.ln_2": f"{block}/feedforward_norm",
             "ln_f": "params/final_norm"}  # fmt: skip
    dense = {"h.{i}.mlp.c_fc": f"{block}/feedforward_up", "h.{i}.mlp.c_proj": f"{block}/feedforward_down"}
    return (
        Row("transformer.wte.weight", "params/token_embedding/embedding"),
        Row("transformer.wpe.weight", "params/position_embedding/embeddings"),
        Row("transformer.h.{i}.attn.c_attn.weight", tuple(f"{p}/kernel" for p in attention), Kernel(), axis=1),
        Row("transformer.h.{i}.attn.c_attn.bias", tuple(f"{p}/bias" for p in attention), Flat()),
        Row("transformer.h.{i}.attn.c_proj.weight", f"{block}/attention/out/kernel", Kernel(inputs=2)),
        Row("transformer.h.{i}.attn.c_proj.bias", f"{block}/attention/out/bias"),
        *(Row(f"transformer.{public}.weight", f"{path}/scale") for public, path in norms.items()),
        *(Row(f"transformer.{public}.bias", f"{path}/bias") for public, path in norms.items()),
        *(Row(f"transformer.{public}.weight", f"{path}/kernel", Kernel()) for public, path in dense.items()),
        *(Row(f"transformer.{public}.bias", f"{path}/bias") for public, path in dense.items()),
        Row("lm_head.weight", "params/token_embedding/reverse_embeddings", Linear()),
    )


def _unread(config: GPT2Config) -> tuple[str, ...]:
    masks = (r"h\.\d+\.attn\.(masked_)?bias",)
    return (*masks, r"lm_head\.weight") if config.tie_word_embeddings else masks


def _read_config(fields: Mapping[str, Any]) -> GPT2Config:
    return from_fields(GPT2Config, fields, _ONLY, _IGNORED)


def _write_config(config: GPT2Config) -> dict[str, JSON]:
    return {**public_fields(config), "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}


def _config_of(model: Model) -> GPT2Config:
    layer = model.get_layer
    repeat, embedding = layer("layers"), layer("token_embedding")
    block = repeat.block
    attention, up = block.get_layer("attention"), block.get_layer("feedforward_up")
    return GPT2Config(
        vocab_size=embedding.input_dim,
        n_positions=layer("position_embedding").sequence_length,
        n_embd=embedding.output_dim,
        n_layer=repeat.n,
        n_head=attention.num_heads,
        n_inner=None if up.units == 4 * embedding.output_dim else up.units,
        activation_function=activation_in(block, "gelu_new"),
        resid_pdrop=block.get_layer("attention_dropout").rate,
        embd_pdrop=layer("embedding_dropout").rate,
        attn_pdrop=attention.dropout,
        layer_norm_epsilon=layer("final_norm").epsilon,
        initializer_range=embedding.embeddings_initializer.stddev,
        tie_word_embeddings=embedding.tie_weights,
    )


FAMILY = Family(
    read_config=_read_config,
    write_config=_write_config,
    build=GPT2,
    rows=_rows,
    config_of=_config_of,
    unread=_unread,
    prefixes=("transformer.",),
)
