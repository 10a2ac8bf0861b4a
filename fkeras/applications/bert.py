"""BERT: an encoder of text, from the public `config.json` and with the public names of its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from .. import nn
from ..core import Input, Model, SymbolicTensor
from ..core.typing import JSON
from ..nn.initializers import TruncatedNormal
from ._pretrained._activation_after import activation_after
from ._pretrained._activations import ACTIVATIONS
from ._pretrained._config_file import check_choice, from_fields, public_fields
from ._pretrained._family import Family
from ._pretrained._heads import architecture_in, check_heads, check_public, labels_in, labels_of
from ._pretrained._layouts import Flat, Linear
from ._pretrained._names import Row
from ._pretrained._unit_axes import UnitAxes

#: What a model of the family returns: one tensor, or several by name.
Outputs: TypeAlias = "SymbolicTensor | dict[str, SymbolicTensor]"

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BertConfig:
    """The fields of BERT's public `config.json`, under their names there, and those that KerasHub's heads have beside.

    Attributes:
        architecture: the public name of the model: what is on top of the encoder.
        vocab_size: how many tokens there are.
        hidden_size: the size of each token's vector.
        num_hidden_layers: how many blocks.
        num_attention_heads: of each block; they divide `hidden_size`.
        intermediate_size: of the wide layer of each block.
        hidden_act: what follows it, by its public name.
        hidden_dropout_prob, attention_probs_dropout_prob, classifier_dropout: in training; that of the classifier is
            `hidden_dropout_prob` by default.
        max_position_embeddings: the longest text, in tokens.
        type_vocab_size: how many kinds of segments.
        initializer_range: the standard deviation of new weights.
        layer_norm_eps: added to variances.
        tie_word_embeddings: whether the scores of words are by the table that embeds them.
        num_labels: how many classes.
        pooler: whether a bare encoder has the layer on its first token.
        head_act, head_layer_norm_eps: of the head for masked words, where they are not those of the blocks.
        classifier_act: what makes scores of classes of the logits: `"softmax"`, where a model returns scores.
        others: fields of the `config.json` that it was read from which change nothing here: numbers of tokens, names of
            classes. They go back into a `config.json` that is written, and are no part of what is compared.
    """

    architecture: str = "BertModel"
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    classifier_dropout: float | None = None
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    tie_word_embeddings: bool = True
    num_labels: int = 2
    pooler: bool = True
    head_act: str | None = None
    head_layer_norm_eps: float | None = None
    classifier_act: str | None = None
    others: Mapping[str, JSON] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice("BertConfig", "architecture", self.architecture, _HEADS)
        for name in ("hidden_act", "head_act"):
            if (act := getattr(self, name)) is not None:
                check_choice("BertConfig", name, act, ACTIVATIONS)
        check_heads("BertConfig", self.hidden_size, self.num_attention_heads)


def Bert(config: BertConfig) -> Model:  # noqa: N802 - a model, as those of `keras.applications`
    """The model that a config describes, of the catalogue's layers.

    Args:
        config: its fields; `dataclasses.replace` makes another.

    Returns:
        A model of a dict of `input_ids`, `attention_mask` (1 for tokens, 0 for padding) and `token_type_ids`, each
        `(batch, time)` of integers. It returns

        - `BertModel`: a dict of `last_hidden_state` `(batch, time, hidden_size)` and, with a pooler, `pooler_output`
          `(batch, hidden_size)`;
        - `BertForMaskedLM`: logits `(batch, time, vocab_size)`;
        - `BertForSequenceClassification`: logits `(batch, num_labels)`;
        - `BertForTokenClassification`: logits `(batch, time, num_labels)`;
        - `BertForQuestionAnswering`: logits `(batch, time, 2)`, of the answer's first and last token;
        - `BertForPreTraining`: a dict of `prediction_logits` and `seq_relationship_logits`.

    Raises:
        ValueError: an architecture, activation or size that the family does not have.

    >>> model = Bert(BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2))
    >>> {name: tensor.shape for name, tensor in model.output.items()}
    {'last_hidden_state': (None, None, 8), 'pooler_output': (None, 8)}

    Reference: Devlin et al., arXiv:1810.04805.
    """
    inputs = {name: Input((None,), dtype="int32", name=name) for name in INPUTS}
    words = nn.ReversibleEmbedding(
        config.vocab_size,
        config.hidden_size,
        tie_weights=config.tie_word_embeddings,
        embeddings_initializer=_normal(config),
        name="word_embeddings",
    )
    x = words(inputs["input_ids"])
    x = x + nn.PositionEmbedding(config.max_position_embeddings, _normal(config), name="position_embeddings")(x)
    x = x + nn.Embedding(
        config.type_vocab_size, config.hidden_size, embeddings_initializer=_normal(config), name="token_type_embeddings"
    )(inputs["token_type_ids"])
    x = _norm("embeddings_norm", config)(x)
    x = nn.Dropout(config.hidden_dropout_prob, name="embeddings_dropout")(x)
    for i in range(config.num_hidden_layers):
        x = _block(x, inputs["attention_mask"], config, f"layer_{i}")
    outputs = _HEADS[config.architecture](x, words, config)
    return Model(inputs, outputs, name="bert")  # type: ignore[misc, arg-type]


# ------------------------------------------------------------------ parts
def _normal(config: BertConfig) -> TruncatedNormal:
    return TruncatedNormal(stddev=config.initializer_range)


def _dense(name: str, size: int, config: BertConfig) -> nn.Dense:
    return nn.Dense(size, kernel_initializer=_normal(config), name=name)


def _norm(name: str, config: BertConfig, epsilon: float | None = None) -> nn.LayerNormalization:
    return nn.LayerNormalization(epsilon=config.layer_norm_eps if epsilon is None else epsilon, name=name)


def _block(x: SymbolicTensor, mask: SymbolicTensor, config: BertConfig, name: str) -> SymbolicTensor:
    """Attention and a wide layer, each added to its input and normalised after that."""
    attention = nn.MultiHeadAttention(
        config.num_attention_heads,
        config.hidden_size // config.num_attention_heads,
        dropout=config.attention_probs_dropout_prob,
        kernel_initializer=_normal(config),
        name=f"{name}_attention",
    )
    y = attention(x, x, key_mask=mask)
    y = nn.Dropout(config.hidden_dropout_prob, name=f"{name}_attention_dropout")(y)
    x = _norm(f"{name}_attention_norm", config)(x + y)
    y = ACTIVATIONS[config.hidden_act](_dense(f"{name}_intermediate", config.intermediate_size, config)(x))
    y = _dense(f"{name}_output", config.hidden_size, config)(y)
    y = nn.Dropout(config.hidden_dropout_prob, name=f"{name}_output_dropout")(y)
    return _norm(f"{name}_output_norm", config)(x + y)


def _pooled(x: SymbolicTensor, config: BertConfig) -> SymbolicTensor:
    return nn.Dense(config.hidden_size, activation="tanh", kernel_initializer=_normal(config), name="pooler")(x[:, 0])


def _scores(x: SymbolicTensor, words: nn.ReversibleEmbedding, config: BertConfig) -> SymbolicTensor:
    """A score for each word."""
    x = ACTIVATIONS[config.head_act or config.hidden_act](_dense("transform", config.hidden_size, config)(x))
    x = _norm("transform_norm", config, config.head_layer_norm_eps)(x)
    # a number for each word: a vector of size 1 for each position of the axis of words
    scores = words(x, reverse=True)[..., None]
    return (scores + nn.PositionEmbedding(config.vocab_size, "zeros", name="decoder_bias")(scores))[..., 0]


def _classes(x: SymbolicTensor, config: BertConfig) -> SymbolicTensor:
    """A score for each class."""
    rate = config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
    x = nn.Dropout(rate, name="classifier_dropout")(x)
    x = _dense("classifier", config.num_labels, config)(x)
    return x if config.classifier_act is None else nn.Activation(config.classifier_act, name="scores")(x)


# ------------------------------------------------------------------ what is on top, by its public name
def _encoder(x: SymbolicTensor, words: nn.ReversibleEmbedding, config: BertConfig) -> Outputs:
    pooled = {"pooler_output": _pooled(x, config)} if config.pooler else {}
    return {"last_hidden_state": x, **pooled}


def _masked_lm(x: SymbolicTensor, words: nn.ReversibleEmbedding, config: BertConfig) -> Outputs:
    return _scores(x, words, config)


def _sequence_classifier(x: SymbolicTensor, words: nn.ReversibleEmbedding, config: BertConfig) -> Outputs:
    return _classes(_pooled(x, config), config)


def _token_classifier(x: SymbolicTensor, words: nn.ReversibleEmbedding, config: BertConfig) -> Outputs:
    return _classes(x, config)


def _question_answering(x: SymbolicTensor, words: nn.ReversibleEmbedding, config: BertConfig) -> Outputs:
    return _dense("qa_outputs", 2, config)(x)


def _pre_training(x: SymbolicTensor, words: nn.ReversibleEmbedding, config: BertConfig) -> Outputs:
    related = _dense("seq_relationship", 2, config)(_pooled(x, config))
    return {"prediction_logits": _scores(x, words, config), "seq_relationship_logits": related}


_HEADS: dict[str, Callable[[SymbolicTensor, nn.ReversibleEmbedding, BertConfig], Outputs]] = {
    "BertModel": _encoder,
    "BertForMaskedLM": _masked_lm,
    "BertForSequenceClassification": _sequence_classifier,
    "BertForTokenClassification": _token_classifier,
    "BertForQuestionAnswering": _question_answering,
    "BertForPreTraining": _pre_training,
}


# ------------------------------------------------------------------ its public form
# Fields that would change the numbers, with the values that do not.
_ONLY: Mapping[str, tuple[JSON, ...]] = {
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
    "add_cross_attention": (False,),
}
_IGNORED = ("directionality", "num_labels", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
            "pooler_size_per_head", "pooler_type")  # fmt: skip
_OF_HEADS = ("architecture", "num_labels", "pooler", "head_act", "head_layer_norm_eps", "classifier_act")


def _rows(config: BertConfig) -> tuple[Row, ...]:
    prefix = "" if config.architecture == "BertModel" else "bert."
    there, here = f"{prefix}encoder.layer.{{i}}", "params/layer_{i}"
    norms = {
        f"{prefix}embeddings.LayerNorm": "params/embeddings_norm",
        f"{there}.attention.output.LayerNorm": f"{here}_attention_norm",
        f"{there}.output.LayerNorm": f"{here}_output_norm",
        "cls.predictions.transform.LayerNorm": "params/transform_norm",
    }
    dense = {
        f"{there}.intermediate.dense": f"{here}_intermediate",
        f"{there}.output.dense": f"{here}_output",
        f"{prefix}pooler.dense": "params/pooler",
        "cls.predictions.transform.dense": "params/transform",
        "cls.seq_relationship": "params/seq_relationship",
        "classifier": "params/classifier",
        "qa_outputs": "params/qa_outputs",
    }
    heads = {f"{there}.attention.self.{name}": f"{here}_attention/{name}" for name in ("query", "key", "value")}
    out, mixed = f"{there}.attention.output.dense", f"{here}_attention/out"
    bias = "cls.predictions.bias" if config.tie_word_embeddings else "cls.predictions.decoder.bias"
    return (
        Row(f"{prefix}embeddings.word_embeddings.weight", "params/word_embeddings/embedding"),
        Row(f"{prefix}embeddings.position_embeddings.weight", "params/position_embeddings/embeddings"),
        Row(f"{prefix}embeddings.token_type_embeddings.weight", "params/token_type_embeddings/embedding"),
        *(Row(f"{public}.weight", f"{path}/scale") for public, path in norms.items()),
        *(Row(f"{public}.bias", f"{path}/bias") for public, path in norms.items()),
        *(Row(f"{public}.weight", f"{path}/kernel", Linear()) for public, path in (dense | heads).items()),
        *(Row(f"{public}.bias", f"{path}/bias") for public, path in dense.items()),
        *(Row(f"{public}.bias", f"{path}/bias", Flat()) for public, path in heads.items()),
        Row(f"{out}.weight", f"{mixed}/kernel", Linear(inputs=2)),
        Row(f"{out}.bias", f"{mixed}/bias"),
        Row(bias, "params/decoder_bias/embeddings", UnitAxes(behind=1)),
        Row("cls.predictions.decoder.weight", "params/word_embeddings/reverse_embeddings", Linear()),
    )


def _unread(config: BertConfig) -> tuple[str, ...]:
    has_words = config.architecture in ("BertForMaskedLM", "BertForPreTraining")
    twice = (r"cls\.predictions\.(bias|decoder\.(weight|bias))",) if has_words else ()
    return (r"embeddings\.(position|token_type)_ids", *twice)


def _read_config(fields: Mapping[str, Any]) -> BertConfig:
    head = {"architecture": architecture_in(fields, "BertModel"), "num_labels": labels_in(fields)}
    return from_fields(BertConfig, {**fields, **head}, _ONLY, _IGNORED)


def _write_config(config: BertConfig) -> dict[str, JSON]:
    check_public("BertConfig", config, ("head_act", "head_layer_norm_eps", "classifier_act"))
    fields = {name: value for name, value in public_fields(config).items() if name not in _OF_HEADS}
    labels = labels_of(config.num_labels, config.others)
    return {**fields, "model_type": "bert", "architectures": [config.architecture], **labels}


def _with_names(config: BertConfig, names: Collection[str]) -> BertConfig:
    """A bare encoder has the layer on its first token where its file has the weights of one."""
    return dataclasses.replace(config, pooler=any(name.startswith("pooler.") for name in names))


def _config_of(model: Model) -> BertConfig:
    layer, names = model.get_layer, {str(layer.name) for layer in model.layers}
    words, attention = layer("word_embeddings"), layer("layer_0_attention")
    norm, act = layer("embeddings_norm"), activation_after(model, "layer_0_intermediate", "gelu")
    head_act = activation_after(model, "transform", act) if "transform" in names else act
    head_eps = layer("transform_norm").epsilon if "transform" in names else norm.epsilon
    dropout = layer("embeddings_dropout").rate
    classifier_dropout = layer("classifier_dropout").rate if "classifier" in names else dropout
    has_head = {"BertForPreTraining": "seq_relationship", "BertForMaskedLM": "transform",
                "BertForQuestionAnswering": "qa_outputs", "BertForTokenClassification": "classifier"}  # fmt: skip
    architecture = next((name for name, part in has_head.items() if part in names), "BertModel")
    if architecture == "BertForTokenClassification" and "pooler" in names:
        architecture = "BertForSequenceClassification"
    return BertConfig(
        architecture=architecture,
        vocab_size=words.input_dim,
        hidden_size=words.output_dim,
        num_hidden_layers=sum(name.endswith("_attention") for name in names),
        num_attention_heads=attention.num_heads,
        intermediate_size=layer("layer_0_intermediate").units,
        hidden_act=act,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=attention.dropout,
        classifier_dropout=None if classifier_dropout == dropout else classifier_dropout,
        max_position_embeddings=layer("position_embeddings").sequence_length,
        type_vocab_size=layer("token_type_embeddings").input_dim,
        initializer_range=words.embeddings_initializer.stddev,
        layer_norm_eps=norm.epsilon,
        tie_word_embeddings=words.tie_weights,
        num_labels=layer("classifier").units if "classifier" in names else 2,
        pooler="pooler" in names,
        head_act=None if head_act == act else head_act,
        head_layer_norm_eps=None if head_eps == norm.epsilon else head_eps,
        classifier_act=str(nn.activations.serialize(layer("scores").activation)) if "scores" in names else None,
    )


FAMILY = Family(
    read_config=_read_config,
    write_config=_write_config,
    build=Bert,
    rows=_rows,
    config_of=_config_of,
    unread=_unread,
    with_names=_with_names,
    prefixes=("bert.",),
    left_out=(r"(pooler|cls|classifier|qa_outputs)\..*",),
    renamed={r"LayerNorm\.gamma$": "LayerNorm.weight", r"LayerNorm\.beta$": "LayerNorm.bias"},
)
