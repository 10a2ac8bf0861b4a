"""ViT as KerasHub has it: its arguments, and where its files have which weight."""

from __future__ import annotations

import dataclasses

from .._pretrained._names import Row
from .._pretrained._unit_axes import UnitAxes
from ..vit import ViT, ViTConfig
from ._described import MOST_LAYERS, Described
from ._family import Family, Opened, scores_by
from ._names import attention, dense, norm, own


def _config(backbone: Described) -> ViTConfig:
    """KerasHub's arguments in the public words."""
    height, width, channels = backbone.sizes("image_shape", 3)
    rows, columns = backbone.sizes("patch_size", 2)
    dropout, bias = backbone.number("dropout_rate", 0.0, most=1), backbone.flag("use_mha_bias", True)
    return ViTConfig(
        hidden_size=backbone.whole("hidden_dim"),
        num_hidden_layers=backbone.whole("num_layers", most=MOST_LAYERS),
        num_attention_heads=backbone.whole("num_heads"),
        intermediate_size=backbone.whole("mlp_dim"),
        hidden_act="gelu",
        hidden_dropout_prob=dropout,
        intermediate_dropout_prob=dropout,
        attention_probs_dropout_prob=backbone.number("attention_dropout", 0.0, most=1),
        layer_norm_eps=backbone.number("layer_norm_epsilon", 1e-6),
        image_size=(height, width),
        patch_size=(rows, columns),
        num_channels=channels,
        qkv_bias=bias,
        output_bias=bias,
        mlp_bias=backbone.flag("use_mlp_bias", True),
        patch_bias=backbone.flag("use_patch_bias", True),
        class_token=backbone.flag("use_class_token", True),
        pooler=False,
    )


def _backbone(backbone: Described) -> Opened:
    config = _config(backbone)
    return Opened(ViT(config), _encoder(config))


def _classifier(backbone: Described, task: Described) -> Opened:
    config = dataclasses.replace(
        _config(backbone),
        architecture="ViTForImageClassification",
        num_labels=task.whole("num_classes"),
        pooling=task.one_of("pooling", ("token", "gap"), "token"),
        representation_size=task.maybe_whole("intermediate_dim"),
        classifier_dropout_prob=task.number("dropout", 0.0, most=1),
        classifier_act=scores_by(task),
    )
    task.passed("head_dtype")
    if config.representation_size is None:
        head = dense("task:layers/dense", "classifier")
    else:
        head = [*dense("task:layers/dense", "pre_logits"), *dense("task:layers/dense_1", "classifier")]
    return Opened(ViT(config), [*_encoder(config), *head])


def _encoder(config: ViTConfig) -> list[Row]:
    patches, encoder = "model:layers/vi_t_patching_and_embedding", "model:layers/vi_t_encoder"
    there, here = f"{encoder}/encoder_layers/vi_t_encoder_block_{{i}}", "layer_{i}"
    return [
        Row(f"{patches}/vars/0", "params/cls_token/embeddings", UnitAxes(front=1)),
        *dense(f"{patches}/patch_embedding", "patch_embeddings", config.patch_bias),
        *own(f"{patches}/position_embedding", "position_embeddings", "embeddings"),
        *norm(f"{there}/layer_norm_1", f"{here}_attention_norm"),
        *attention(f"{there}/mha", f"{here}_attention", config.qkv_bias),
        *norm(f"{there}/layer_norm_2", f"{here}_output_norm"),
        *dense(f"{there}/mlp/dense_1", f"{here}_intermediate", config.mlp_bias),
        *dense(f"{there}/mlp/dense_2", f"{here}_output", config.mlp_bias),
        *norm(f"{encoder}/layer_norm", "norm"),
    ]


VIT = Family(
    backbone="keras_hub>ViTBackbone",
    opens=_backbone,
    tasks={"keras_hub>ViTImageClassifier": _classifier},
    repeated=("vi_t_encoder_block",),
)
