"""What kind of layer a class is, by its name: boxes of one kind have one colour."""

from __future__ import annotations

import re

# The first that is found in the name decides.
_FAMILIES: tuple[tuple[str, str], ...] = (
    ("input", r"^Input(Layer)?$"),
    ("attention", r"Attention"),
    ("norm", r"Norm(alization)?$|^(Batch|Layer|Group|RMS)Norm|^SpectralNorm|^UnitNorm"),
    ("pool", r"Pool|^UpSampling|^ZeroPadding|^Cropping|^(Flatten|Reshape|Permute|RepeatVector)$"),
    ("recurrent", r"LSTM|GRU|RNN|^Bidirectional$|^TimeDistributed$"),
    ("conv", r"Conv"),
    ("embedding", r"Embedding|Lookup|Hash|Vectorization|Encoding|Discretization"),
    ("activation", r"^(Activation|[A-Za-z]*ReLU|Relu|Softmax|Sigmoid|Tanh|Gelu|Silu|ELU|Elu|Swish|Identity)$"),
    ("regular", r"Dropout|Noise|^ActivityRegularization|^Random|^Rescaling|^Resizing|^CenterCrop|Aug|Mix|^Rand"),
    ("dense", r"Dense|Linear|Einsum"),
    ("merge", r"^(Add|Subtract|Multiply|Average|Maximum|Minimum|Concatenate|Dot|Matmul|Divide|True_?Divide)$"),
)


def family_of(kind: str) -> str:
    """The family of a class of layers.

    >>> [family_of(kind) for kind in ("Conv2D", "BatchNormalization", "Add", "MyLayer")]
    ['conv', 'norm', 'merge', 'other']
    """
    return next((family for family, pattern in _FAMILIES if re.search(pattern, kind)), "other")
