"""BERT as KerasHub has it: its arguments, and where its files have which weight."""

from __future__ import annotations

import dataclasses

from .._pretrained._names import Row
from .._pretrained._unit_axes import UnitAxes
from ..bert import Bert, BertConfig
from ._described import MOST_LAYERS, Described
from ._family import Family, Opened, scores_by
from ._names import attention, dense, norm, own

_POOLER = dense("model:layers/dense", "pooler")


def _config(backbone: Described) -> BertConfig:
    """KerasHub's arguments in the public words; what it fixes is from its `BertBackbone`."""
    dropout = backbone.number("dropout", 0.1, most=1)
    return BertConfig(
        vocab_size=backbone.whole("vocabulary_size"),
        hidden_size=backbone.whole("hidden_dim"),
        num_hidden_layers=backbone.whole("num_layers", most=MOST_LAYERS),
        num_attention_heads=backbone.whole("num_heads"),
        intermediate_size=backbone.whole("intermediate_dim"),
        hidden_act="gelu_new",
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        max_position_embeddings=backbone.whole("max_sequence_length", 512),
        type_vocab_size=backbone.whole("num_segments", 2),
        layer_norm_eps=1e-12,
    )


def _backbone(backbone: Described) -> Opened:
    config = _config(backbone)
    return Opened(Bert(config), [*_encoder(config), *_POOLER])


def _classifier(backbone: Described, task: Described) -> Opened:
    config = dataclasses.replace(
        _config(backbone),
        architecture="BertForSequenceClassification",
        num_labels=task.whole("num_classes"),
        classifier_dropout=task.number("dropout", 0.1, most=1),
        classifier_act=scores_by(task),
    )
    rows = [*_encoder(config), *_POOLER, *dense("task:layers/dense", "classifier")]
    return Opened(Bert(config), rows)


def _masked_lm(backbone: Described, task: Described) -> Opened:
    config = dataclasses.replace(
        _config(backbone), architecture="BertForMaskedLM", head_act="gelu", head_layer_norm_eps=1e-5
    )
    head = "task:layers/masked_lm_head"
    rows = [
        *_encoder(config),
        *dense(f"{head}/_intermediate_dense", "transform"),
        *norm(f"{head}/_intermediate_layer_norm", "transform_norm"),
        Row(f"{head}/vars/0", "params/decoder_bias/embeddings", UnitAxes(behind=1)),
    ]
    return Opened(Bert(config), rows, unused=tuple(row.public for row in _POOLER))


def _encoder(config: BertConfig) -> list[Row]:
    there, here = "model:layers/transformer_encoder_{i}", "layer_{i}"
    return [
        *own("model:layers/reversible_embedding", "word_embeddings", "embedding"),
        *own("model:layers/position_embedding", "position_embeddings", "embeddings"),
        *own("model:layers/embedding", "token_type_embeddings", "embedding"),
        *norm("model:layers/layer_normalization", "embeddings_norm"),
        *attention(f"{there}/_self_attention_layer", f"{here}_attention"),
        *norm(f"{there}/_self_attention_layer_norm", f"{here}_attention_norm"),
        *dense(f"{there}/_feedforward_intermediate_dense", f"{here}_intermediate"),
        *dense(f"{there}/_feedforward_output_dense", f"{here}_output"),
        *norm(f"{there}/_feedforward_layer_norm", f"{here}_output_norm"),
    ]


BERT = Family(
    backbone="keras_hub>BertBackbone",
    opens=_backbone,
    tasks={
        "keras_hub>BertTextClassifier": _classifier,
        "keras_hub>BertClassifier": _classifier,
        "keras_hub>BertMaskedLM": _masked_lm,
    },
    repeated=("transformer_encoder",),
)
