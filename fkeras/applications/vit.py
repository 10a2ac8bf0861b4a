"""ViT: an encoder of images, from the public `config.json` and with the public names of its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from .. import nn
from ..core import Input, Model, SymbolicTensor, check_variables, explain
from ..core.typing import JSON, Float, Variables, VariablesLike
from ..nn.initializers import TruncatedNormal
from ._pretrained._activation_after import activation_after
from ._pretrained._activations import ACTIVATIONS
from ._pretrained._config_file import check_choice, from_fields, public_fields
from ._pretrained._family import Family
from ._pretrained._heads import architecture_in, check_heads, check_public, labels_in, labels_of
from ._pretrained._layouts import Convolution, Flat, Linear
from ._pretrained._names import Row
from ._pretrained._unit_axes import UnitAxes

#: What a model of the family returns: one tensor, or several by name.
Outputs: TypeAlias = "SymbolicTensor | dict[str, SymbolicTensor]"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """The fields of ViT's public `config.json`, under their names there, and those that KerasHub's heads have beside.

    Attributes:
        architecture: the public name of the model: what is on top of the encoder.
        hidden_size: the size of each patch's vector.
        num_hidden_layers: how many blocks.
        num_attention_heads: of each block; they divide `hidden_size`.
        intermediate_size: of the wide layer of each block.
        hidden_act: what follows it, by its public name.
        hidden_dropout_prob, attention_probs_dropout_prob: in training.
        initializer_range: the standard deviation of new weights.
        layer_norm_eps: added to variances.
        image_size, patch_size: height and width in pixels, or one number for both.
        num_channels: of an image.
        qkv_bias: whether queries, keys and values have a bias.
        pooler_output_size: of the layer on the first token; `hidden_size` by default.
        pooler_act: what follows that layer.
        num_labels: how many classes.
        pooler: whether a bare encoder has the layer on its first token.
        intermediate_dropout_prob, classifier_dropout_prob: in training, behind the wide layers and before the classes.
        output_bias, mlp_bias, patch_bias: whether the last projection of attention, the two layers behind it and the
            patches have a bias.
        class_token: whether a token that stands for the image is in front of the patches.
        pooling: what is classified: the first `"token"`, or the mean of all, `"gap"`.
        representation_size: of a layer with tanh before the classes; by default there is none.
        classifier_act: what makes scores of classes of the logits: `"softmax"`, where a model returns scores.
        others: fields of the `config.json` that it was read from which change nothing here: numbers of tokens, names of
            classes. They go back into a `config.json` that is written, and are no part of what is compared.
    """

    architecture: str = "ViTModel"
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    image_size: int | tuple[int, int] = 224
    patch_size: int | tuple[int, int] = 16
    num_channels: int = 3
    qkv_bias: bool = True
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"
    num_labels: int = 2
    pooler: bool = True
    intermediate_dropout_prob: float = 0.0
    output_bias: bool = True
    mlp_bias: bool = True
    patch_bias: bool = True
    class_token: bool = True
    pooling: str = "token"
    representation_size: int | None = None
    classifier_dropout_prob: float = 0.0
    classifier_act: str | None = None
    others: Mapping[str, JSON] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice("ViTConfig", "architecture", self.architecture, _HEADS)
        check_choice("ViTConfig", "hidden_act", self.hidden_act, ACTIVATIONS)
        check_choice("ViTConfig", "pooler_act", self.pooler_act, ACTIVATIONS)
        check_choice("ViTConfig", "pooling", self.pooling, ("token", "gap"))
        check_heads("ViTConfig", self.hidden_size, self.num_attention_heads)
        for name in ("image_size", "patch_size"):
            object.__setattr__(self, name, _pair(name, getattr(self, name)))  # equal configs are equal values
        if any(size % patch for size, patch in zip(self.image, self.patch, strict=True)):
            raise ValueError(
                explain(
                    "ViTConfig: an image is cut into whole patches.",
                    received=f"image_size={self.image_size}, patch_size={self.patch_size}",
                    write="image_size=224, patch_size=16",
                )
            )

    @property
    def image(self) -> tuple[int, int]:
        """An image's height and width."""
        return _pair("image_size", self.image_size)

    @property
    def patch(self) -> tuple[int, int]:
        """A patch's height and width."""
        return _pair("patch_size", self.patch_size)

    @property
    def grid(self) -> tuple[int, int]:
        """How many patches an image has from top to bottom, and from left to right."""
        return self.image[0] // self.patch[0], self.image[1] // self.patch[1]


def _pair(name: str, value: object) -> tuple[int, int]:
    """Height and width, of both or of one number for both."""
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(pair) != 2 or not all(type(size) is int and size > 0 for size in pair):
        raise ValueError(
            explain(f"ViTConfig: {name} is one size, or two.", received=f"{value!r:.80}", write=f"{name}=16")
        )
    return pair


def ViT(config: ViTConfig) -> Model:  # noqa: N802 - a model, as those of `keras.applications`
    """The model that a config describes, of the catalogue's layers.

    Args:
        config: its fields; `dataclasses.replace` makes another.

    Returns:
        A model of images `(batch, height, width, channels)`, with their channels last. It returns

        - `ViTModel`: a dict of `last_hidden_state` `(batch, 1 + patches, hidden_size)` and, with a pooler,
          `pooler_output` `(batch, pooler_output_size)`;
        - `ViTForImageClassification`: logits `(batch, num_labels)`.

    >>> model = ViT(ViTConfig(image_size=8, patch_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2))
    >>> {name: tensor.shape for name, tensor in model.output.items()}
    {'last_hidden_state': (None, 5, 8), 'pooler_output': (None, 8)}

    Reference: Dosovitskiy et al., arXiv:2010.11929.
    """
    images = Input((*config.image, config.num_channels), name="pixel_values")
    rows, columns = config.grid
    x = nn.Conv2D(
        config.hidden_size,
        kernel_size=config.patch,
        strides=config.patch,
        use_bias=config.patch_bias,
        kernel_initializer=_normal(config),
        name="patch_embeddings",
    )(images)
    x = nn.Reshape((rows * columns, config.hidden_size), name="patches")(x)
    if config.class_token:
        # one vector, whatever the image: that of the only position of a sequence of one
        first = nn.PositionEmbedding(1, _normal(config), name="cls_token")(x[:, :1])
        x = nn.Concatenate(axis=1, name="tokens")([first, x])
    positions = rows * columns + config.class_token
    x = x + nn.PositionEmbedding(positions, _normal(config), name="position_embeddings")(x)
    x = nn.Dropout(config.hidden_dropout_prob, name="embeddings_dropout")(x)
    for i in range(config.num_hidden_layers):
        x = _block(x, config, f"layer_{i}")
    x = _norm("norm", config)(x)
    outputs = _HEADS[config.architecture](x, config)
    return Model(images, outputs, name="vit")  # type: ignore[misc, arg-type]


# ------------------------------------------------------------------ parts
def _normal(config: ViTConfig) -> TruncatedNormal:
    return TruncatedNormal(stddev=config.initializer_range)


def _dense(name: str, size: int, config: ViTConfig, bias: bool = True) -> nn.Dense:
    return nn.Dense(size, use_bias=bias, kernel_initializer=_normal(config), name=name)


def _norm(name: str, config: ViTConfig) -> nn.LayerNormalization:
    return nn.LayerNormalization(epsilon=config.layer_norm_eps, name=name)


def _block(x: SymbolicTensor, config: ViTConfig, name: str) -> SymbolicTensor:
    """Attention and a wide layer, each of the normalised input, and added to it."""
    attention = nn.MultiHeadAttention(
        config.num_attention_heads,
        config.hidden_size // config.num_attention_heads,
        dropout=config.attention_probs_dropout_prob,
        use_bias=config.qkv_bias,
        kernel_initializer=_normal(config),
        name=f"{name}_attention",
    )
    y = _norm(f"{name}_attention_norm", config)(x)
    y = attention(y, y)
    if config.output_bias and not config.qkv_bias:
        # a number for each feature: a vector of size 1 for each position of their axis
        y = (
            y[..., None]
            + nn.PositionEmbedding(config.hidden_size, "zeros", name=f"{name}_attention_bias")(y[..., None])
        )[..., 0]
    x = x + nn.Dropout(config.hidden_dropout_prob, name=f"{name}_attention_dropout")(y)
    y = _norm(f"{name}_output_norm", config)(x)
    y = ACTIVATIONS[config.hidden_act](
        _dense(f"{name}_intermediate", config.intermediate_size, config, config.mlp_bias)(y)
    )
    y = nn.Dropout(config.intermediate_dropout_prob, name=f"{name}_intermediate_dropout")(y)
    y = _dense(f"{name}_output", config.hidden_size, config, config.mlp_bias)(y)
    return x + nn.Dropout(config.hidden_dropout_prob, name=f"{name}_output_dropout")(y)


# ------------------------------------------------------------------ what is on top, by its public name
def _encoder(x: SymbolicTensor, config: ViTConfig) -> Outputs:
    if not config.pooler:
        return {"last_hidden_state": x}
    pooled = _dense("pooler", config.pooler_output_size or config.hidden_size, config)(x[:, 0])
    return {"last_hidden_state": x, "pooler_output": ACTIVATIONS[config.pooler_act](pooled)}


def _classifier(x: SymbolicTensor, config: ViTConfig) -> Outputs:
    x = x[:, 0] if config.pooling == "token" else nn.GlobalAveragePooling1D(name="mean")(x)
    if config.representation_size is not None:
        x = nn.Dense(
            config.representation_size, activation="tanh", kernel_initializer=_normal(config), name="pre_logits"
        )(x)
    x = nn.Dropout(config.classifier_dropout_prob, name="classifier_dropout")(x)
    x = _dense("classifier", config.num_labels, config)(x)
    return x if config.classifier_act is None else nn.Activation(config.classifier_act, name="scores")(x)


_HEADS: dict[str, Callable[[SymbolicTensor, ViTConfig], Outputs]] = {
    "ViTModel": _encoder,
    "ViTForImageClassification": _classifier,
}


# ------------------------------------------------------------------ images of another size
def resize_vit(model: Model, variables: VariablesLike, image_size: int | tuple[int, int]) -> tuple[Model, Variables]:
    """A ViT for images of another size: the vectors of its positions are interpolated over the picture.

    The interpolation is bicubic, that of torch with `align_corners=False`: `interpolate_pos_encoding` of transformers.

    Args:
        model: what `ViT(config)` or `load_pretrained` made.
        variables: its variables.
        image_size: height and width in pixels, or one number for both; whole patches.

    Returns:
        `(model, variables)`; all weights but those of the positions are the given ones.

    Raises:
        ValueError: a model of another family, or an image that has no whole number of patches.

    >>> config = ViTConfig(image_size=8, patch_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    >>> model, variables = resize_vit(ViT(config), ViT(config).init(0), (16, 12))
    >>> model.input.shape, variables["params"]["position_embeddings"]["embeddings"].shape
    ((None, 16, 12, 3), (13, 8))
    """
    variables = check_variables(model, variables, "resize_vit")
    if model.name != "vit":
        raise ValueError(
            explain(
                "Only the positions of a ViT lie on a picture.",
                received=f"a model of the name {model.name!r}",
                write="fk.applications.resize_vit(model, variables, 384), of a model of fk.applications.ViT",
            )
        )
    old = _config_of(model)
    new = dataclasses.replace(old, image_size=image_size)
    table = variables["params"]["position_embeddings"]["embeddings"]
    front, patches = table[: old.class_token], table[old.class_token :]
    grid = jnp.reshape(jnp.asarray(patches, jnp.float32), (*old.grid, -1))
    rows, columns = (jnp.asarray(_cubic(a, b)) for a, b in zip(old.grid, new.grid, strict=True))
    grid = jnp.einsum("ir,jc,rcd->ijd", rows, columns, grid)
    moved = jnp.concatenate([front, jnp.reshape(grid, (-1, table.shape[-1])).astype(table.dtype)])
    params = {**variables["params"], "position_embeddings": {"embeddings": moved}}
    resized = ViT(new)
    return resized.with_dtype_policy(model.dtype_policy), {**variables, "params": params}


def _cubic(old: int, new: int) -> Float[np.ndarray, "new old"]:
    """What of each old value is in each new one, along an axis.

    Keys's kernel with `a = -0.75`, of the four nearest values, of which those beyond an end are the last ones.
    Reference: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html
    """
    weights = np.zeros((new, old), np.float32)
    a = -0.75
    for i in range(new):
        at = (i + 0.5) * old / new - 0.5
        first = int(np.floor(at))
        for place in range(first - 1, first + 3):
            t = abs(at - place)
            if t <= 1:
                share = (a + 2) * t**3 - (a + 3) * t**2 + 1
            else:
                share = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
            weights[i, min(max(place, 0), old - 1)] += share
    return weights


# ------------------------------------------------------------------ its public form
_OF_HEADS = ("architecture", "num_labels", "pooler")
_OWN = ("intermediate_dropout_prob", "output_bias", "mlp_bias", "patch_bias", "class_token", "pooling",
        "representation_size", "classifier_dropout_prob", "classifier_act")  # fmt: skip


def _rows(config: ViTConfig) -> tuple[Row, ...]:
    prefix = "" if config.architecture == "ViTModel" else "vit."
    there, here = f"{prefix}encoder.layer.{{i}}", "params/layer_{i}"
    norms = {
        f"{there}.layernorm_before": f"{here}_attention_norm",
        f"{there}.layernorm_after": f"{here}_output_norm",
        f"{prefix}layernorm": "params/norm",
    }
    dense = {
        f"{there}.intermediate.dense": f"{here}_intermediate",
        f"{there}.output.dense": f"{here}_output",
        f"{prefix}pooler.dense": "params/pooler",
        "classifier": "params/classifier",
    }
    names = ("query", "key", "value")
    heads = {f"{there}.attention.attention.{name}": f"{here}_attention/{name}" for name in names}
    out, mixed = f"{there}.attention.output.dense", f"{here}_attention/out"
    patches = f"{prefix}embeddings.patch_embeddings.projection"
    return (
        Row(f"{prefix}embeddings.cls_token", "params/cls_token/embeddings", UnitAxes(front=1)),
        Row(f"{prefix}embeddings.position_embeddings", "params/position_embeddings/embeddings", UnitAxes(front=1)),
        Row(f"{patches}.weight", "params/patch_embeddings/kernel", Convolution()),
        Row(f"{patches}.bias", "params/patch_embeddings/bias"),
        *(Row(f"{public}.weight", f"{path}/scale") for public, path in norms.items()),
        *(Row(f"{public}.bias", f"{path}/bias") for public, path in norms.items()),
        *(Row(f"{public}.weight", f"{path}/kernel", Linear()) for public, path in (dense | heads).items()),
        *(Row(f"{public}.bias", f"{path}/bias") for public, path in dense.items()),
        *(Row(f"{public}.bias", f"{path}/bias", Flat()) for public, path in heads.items()),
        Row(f"{out}.weight", f"{mixed}/kernel", Linear(inputs=2)),
        Row(f"{out}.bias", f"{mixed}/bias")
        if config.qkv_bias
        else Row(f"{out}.bias", f"{here}_attention_bias/embeddings", UnitAxes(behind=1)),
    )


def _read_config(fields: Mapping[str, Any]) -> ViTConfig:
    head = {"architecture": architecture_in(fields, "ViTModel"), "num_labels": labels_in(fields)}
    return from_fields(ViTConfig, {**fields, **head}, {}, ("encoder_stride", "num_labels"))


def _write_config(config: ViTConfig) -> dict[str, JSON]:
    check_public("ViTConfig", config, _OWN)
    fields = {n: value for n, value in public_fields(config).items() if n not in (*_OF_HEADS, *_OWN)}
    for name in ("image_size", "patch_size"):
        height, width = fields[name]
        fields[name] = height if height == width else [height, width]
    labels = labels_of(config.num_labels, config.others)
    return {**fields, "model_type": "vit", "architectures": [config.architecture], **labels}


def _with_names(config: ViTConfig, names: Collection[str]) -> ViTConfig:
    """A bare encoder has the layer on its first token where its file has the weights of one."""
    return dataclasses.replace(config, pooler=any(name.startswith("pooler.") for name in names))


def _config_of(model: Model) -> ViTConfig:
    layer, names = model.get_layer, {str(layer.name) for layer in model.layers}
    patches, attention = layer("patch_embeddings"), layer("layer_0_attention")
    up, height_and_width = layer("layer_0_intermediate"), tuple(model.input.shape[1:3])
    has_head = "classifier" in names
    return ViTConfig(
        architecture="ViTForImageClassification" if has_head else "ViTModel",
        hidden_size=patches.filters,
        num_hidden_layers=sum(name.endswith("_attention") for name in names),
        num_attention_heads=attention.num_heads,
        intermediate_size=up.units,
        hidden_act=activation_after(model, "layer_0_intermediate", "gelu"),
        hidden_dropout_prob=layer("embeddings_dropout").rate,
        attention_probs_dropout_prob=attention.dropout,
        initializer_range=patches.kernel_initializer.stddev,
        layer_norm_eps=layer("norm").epsilon,
        image_size=height_and_width,
        patch_size=patches.kernel_size,
        num_channels=model.input.shape[3],
        qkv_bias=attention.use_bias,
        pooler_output_size=layer("pooler").units if "pooler" in names else None,
        pooler_act=activation_after(model, "pooler", "tanh") if "pooler" in names else "tanh",
        num_labels=layer("classifier").units if has_head else 2,
        pooler="pooler" in names,
        intermediate_dropout_prob=layer("layer_0_intermediate_dropout").rate,
        output_bias=attention.use_bias or "layer_0_attention_bias" in names,
        mlp_bias=up.use_bias,
        patch_bias=patches.use_bias,
        class_token="cls_token" in names,
        pooling="gap" if "mean" in names else "token",
        representation_size=layer("pre_logits").units if "pre_logits" in names else None,
        classifier_dropout_prob=layer("classifier_dropout").rate if has_head else 0.0,
        classifier_act=str(nn.activations.serialize(layer("scores").activation)) if "scores" in names else None,
    )


FAMILY = Family(
    read_config=_read_config,
    write_config=_write_config,
    build=ViT,
    rows=_rows,
    config_of=_config_of,
    with_names=_with_names,
    prefixes=("vit.",),
    left_out=(r"(pooler|classifier)\..*",),
)
