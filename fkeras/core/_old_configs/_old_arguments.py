"""Arguments of layers that Keras 1 and 2 called otherwise, and those that Keras 3 no longer has."""

from __future__ import annotations

from collections.abc import Mapping

from ..typing import JSON, Config

# Names of classes that were renamed. What Keras 1 called `Convolution2D` Keras 3 still knows by both names.
CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3D": "Conv3D",
    "Convolution3DTranspose": "Conv3DTranspose",
    "ConvLSTM2D": "ConvLSTM2D",
    "ConvRecurrent2D": "ConvLSTM2D",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "Deconv2D": "Conv2DTranspose",
    "Deconv3D": "Conv3DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "DenseV1": "Dense",
    "DenseV2": "Dense",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "LayerNormalizationV1": "LayerNormalization",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "ThresholdedReLU": "ReLU",
    "TimeDistributedDense": "Dense",
}

#: Layers of Keras 1 and 2 that Keras 3 does not have, with what to write in their place.
GONE = {
    "Highway": "the layer as a class of your own: custom_objects={'Highway': Highway}",
    "LocallyConnected1D": "the layer as a class of your own: custom_objects={'LocallyConnected1D': LocallyConnected1D}",
    "LocallyConnected2D": "the layer as a class of your own: custom_objects={'LocallyConnected2D': LocallyConnected2D}",
    "MaxoutDense": "the layer as a class of your own: custom_objects={'MaxoutDense': MaxoutDense}",
    "ParametricSoftplus": "the layer as a class of your own: custom_objects={'ParametricSoftplus': ...}",
    "RandomHeight": "fk.nn.RandomZoom in its place, and the model in code: model.load_weights(path, variables)",
    "RandomWidth": "fk.nn.RandomZoom in its place, and the model in code: model.load_weights(path, variables)",
    "SReLU": "the layer as a class of your own: custom_objects={'SReLU': SReLU}",
    "DenseFeatures": "the model in code, on fk.Input and fk.utils.FeatureSpace: model.load_weights(path, variables)",
    "SequenceFeatures": "the model in code: model.load_weights(path, variables)",
    "Siamese": "the model in code, with one layer called twice: model.load_weights(path, variables)",
    "LambdaMerge": "the model in code: model.load_weights(path, variables)",
    "MaskedLambda": "the model in code: model.load_weights(path, variables)",
}

_WEIGHTS = """
init kernel_initializer
inner_init recurrent_initializer
inner_activation recurrent_activation
W_regularizer kernel_regularizer
U_regularizer recurrent_regularizer
b_regularizer bias_regularizer
W_constraint kernel_constraint
U_constraint recurrent_constraint
b_constraint bias_constraint
bias use_bias
dropout_W dropout
dropout_U recurrent_dropout
border_mode padding
subsample strides
subsample_length strides
dim_ordering data_format
"""
_ANY = {line.split()[0]: line.split()[1] for line in _WEIGHTS.strip().splitlines()}

# What each class called otherwise, beside what is called alike everywhere.
_OF_CLASS: dict[str, dict[str, str]] = {
    "AlphaDropout": {"p": "rate"},
    "AveragePooling1D": {"pool_length": "pool_size", "stride": "strides"},
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "Conv1D": {"nb_filter": "filters", "filter_length": "kernel_size", "atrous_rate": "dilation_rate"},
    "Conv2D": {"nb_filter": "filters", "atrous_rate": "dilation_rate"},
    "Conv2DTranspose": {"nb_filter": "filters"},
    "Conv3D": {"nb_filter": "filters"},
    "Conv3DTranspose": {"nb_filter": "filters"},
    "ConvLSTM2D": {"nb_filter": "filters"},
    "Dense": {"output_dim": "units"},
    "Dropout": {"p": "rate"},
    "ELU": {},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "GRU": {"output_dim": "units"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "LSTM": {"output_dim": "units"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "MaxPooling1D": {"pool_length": "pool_size", "stride": "strides"},
    "PReLU": {"init": "alpha_initializer"},
    "ReLU": {"theta": "threshold"},
    "SeparableConv2D": {"nb_filter": "filters"},
    "SimpleRNN": {"output_dim": "units"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "SpatialDropout3D": {"p": "rate"},
    "UpSampling1D": {"length": "size"},
}

_ANYTHING = object()
# Arguments that Keras 3 has no more: `(class, argument) -> the values that meant nothing`. "" is every class.
_MEANT_NOTHING: dict[tuple[str, str], tuple[object, ...]] = {
    ("", "batch_input_shape"): (_ANYTHING,),  # only a Sequential's first layer says it, and there it is read
    ("", "input_dtype"): (_ANYTHING,),
    ("", "implementation"): (_ANYTHING,),  # which of several ways to the same numbers
    ("", "consume_less"): (_ANYTHING,),
    ("", "time_major"): (False, None),
    ("", "experimental_autocast"): (_ANYTHING,),
    ("", "autocast"): (_ANYTHING,),
    ("Activation", "batch_size"): (_ANYTHING,),
    ("Attention", "causal"): (False, None),
    ("AdditiveAttention", "causal"): (False, None),
    ("BatchNormalization", "fused"): (_ANYTHING,),
    ("BatchNormalization", "mode"): (0,),
    ("BatchNormalization", "virtual_batch_size"): (None,),
    ("BatchNormalization", "adjustment"): (None,),
    ("CategoryEncoding", "sparse"): (False, None),
    ("CategoryEncoding", "max_tokens"): (None,),
    ("Conv1DTranspose", "groups"): (1,),
    ("Conv2DTranspose", "groups"): (1,),
    ("Conv2DTranspose", "output_shape"): (_ANYTHING,),
    ("Conv3DTranspose", "groups"): (1,),
    ("Conv3DTranspose", "output_shape"): (_ANYTHING,),
    ("Conv3DTranspose", "dilation_rate"): (1, [1, 1, 1]),
    ("Conv1D", "input_dim"): (_ANYTHING,),
    ("Conv1D", "input_length"): (_ANYTHING,),
    ("Dense", "input_dim"): (_ANYTHING,),
    ("Dense", "input_length"): (_ANYTHING,),
    ("DepthwiseConv1D", "groups"): (1,),
    ("DepthwiseConv2D", "groups"): (1,),
    ("DepthwiseConv1D", "filters"): (None,),
    ("DepthwiseConv2D", "filters"): (None,),
    ("Discretization", "trainable"): (_ANYTHING,),
    ("Embedding", "input_length"): (_ANYTHING,),
    ("Embedding", "dropout"): (0, None),
    ("Embedding", "activity_regularizer"): (None,),
    ("GRU", "forget_bias_init"): (_ANYTHING,),
    ("GRU", "input_dim"): (_ANYTHING,),
    ("GRU", "input_length"): (_ANYTHING,),
    ("LSTM", "input_dim"): (_ANYTHING,),
    ("LSTM", "input_length"): (_ANYTHING,),
    ("SimpleRNN", "input_dim"): (_ANYTHING,),
    ("SimpleRNN", "input_length"): (_ANYTHING,),
    ("RNN", "num_constants"): (0, None),
    ("LSTM", "num_constants"): (0, None),
    ("GRU", "num_constants"): (0, None),
    ("SimpleRNN", "num_constants"): (0, None),
    ("LayerNormalization", "fused"): (_ANYTHING,),
    ("MultiHeadAttention", "query_shape"): (_ANYTHING,),
    ("MultiHeadAttention", "key_shape"): (_ANYTHING,),
    ("MultiHeadAttention", "value_shape"): (_ANYTHING,),
    ("Normalization", "dtype_policy"): (_ANYTHING,),
    ("SeparableConv1D", "groups"): (1,),
    ("SeparableConv2D", "groups"): (1,),
    ("SeparableConv1D", "kernel_initializer"): (_ANYTHING,),  # the two kernels have their own; nothing is made of these
    ("SeparableConv2D", "kernel_initializer"): (_ANYTHING,),
    ("SeparableConv1D", "kernel_regularizer"): (_ANYTHING,),
    ("SeparableConv2D", "kernel_regularizer"): (_ANYTHING,),
    ("SeparableConv1D", "kernel_constraint"): (_ANYTHING,),
    ("SeparableConv2D", "kernel_constraint"): (_ANYTHING,),
    ("DepthwiseConv1D", "kernel_initializer"): (_ANYTHING,),
    ("DepthwiseConv2D", "kernel_initializer"): (_ANYTHING,),
    ("DepthwiseConv1D", "kernel_regularizer"): (_ANYTHING,),
    ("DepthwiseConv2D", "kernel_regularizer"): (_ANYTHING,),
    ("DepthwiseConv1D", "kernel_constraint"): (_ANYTHING,),
    ("DepthwiseConv2D", "kernel_constraint"): (_ANYTHING,),
    ("SpatialDropout1D", "noise_shape"): (None,),
    ("SpatialDropout2D", "noise_shape"): (None,),
    ("SpatialDropout3D", "noise_shape"): (None,),
    ("TextVectorization", "batch_input_shape"): (_ANYTHING,),
    ("TimeDistributed", "always_use_reshape"): (_ANYTHING,),
}

_SIZES = {
    "Conv2D": ("nb_row", "nb_col"),
    "Conv2DTranspose": ("nb_row", "nb_col"),
    "SeparableConv2D": ("nb_row", "nb_col"),
    "ConvLSTM2D": ("nb_row", "nb_col"),
    "Conv3D": ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}
_CHANNELS = {"tf": "channels_last", "th": "channels_first", "default": None}


def renamed_arguments(kind: str, config: Mapping[str, JSON]) -> Config:
    """The arguments of a layer under the names that Keras 3 has for them.

    Args:
        kind: the name of the layer's class in Keras 3.
        config: its arguments.

    Returns:
        The arguments; one that Keras 3 does not have stays if it had a meaning.

    >>> renamed_arguments("Conv2D", {"nb_filter": 8, "nb_row": 3, "nb_col": 3, "dim_ordering": "th"})
    {'filters': 8, 'kernel_size': [3, 3], 'data_format': 'channels_first'}
    """
    own = _OF_CLASS.get(kind)
    config = dict(config)
    sizes = _SIZES.get(kind, ())
    if sizes and set(sizes) <= set(config):
        config["kernel_size"] = [config.pop(name) for name in sizes]
    names = {**_ANY, **own} if own is not None else {"dim_ordering": "data_format", "border_mode": "padding"}
    changed: Config = {}
    for name, value in config.items():
        new = names.get(name, name)
        if name == "dim_ordering" and isinstance(value, str):
            value = _CHANNELS.get(value, value)
            if value is None:
                continue
        if _means_nothing(kind, new, value) or (new != name and new in config):
            continue
        changed[new] = value
    return {n: changed[n] for n in sorted(changed, key=lambda n: (n != "filters", n != "kernel_size"))}


def _means_nothing(kind: str, name: str, value: JSON) -> bool:
    for key in ((kind, name), ("", name)):
        values = _MEANT_NOTHING.get(key)
        if values is not None and (_ANYTHING in values or any(value == known for known in values)):
            return True
    return False
