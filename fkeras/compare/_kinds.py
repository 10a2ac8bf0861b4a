"""What a layer is, by its class or, of another framework, by its name: dense, convolution, normalisation, …"""

from __future__ import annotations

import re

from flax import linen

# The first that is found counts.
_KINDS = (
    ("scaling", r"rescal|(^|\.)normalization$"),
    ("attention", r"attention|attn|mha"),
    ("recurrent", r"lstm|gru(?![a-z])|rnn|recurrent|bidirectional"),
    ("batch norm", r"batch_?norm|(^|[._])bn(\d|$)"),
    ("layer norm", r"layer_?norm|(^|[._])ln(_|\d|$)|rms_?norm"),
    ("norm", r"norm"),
    ("embedding", r"embed|(^|[._])w[tp]e$"),
    ("dropout", r"drop|noise"),
    ("pooling", r"pool"),
    ("conv", r"conv|downsample\.0$"),
    ("flatten", r"flatten|reshape|permute|transpose"),
    (
        "activation",
        r"activation|relu|gelu|elu(?![a-z])|softmax|sigmoid|tanh|silu|swish|mish|softplus|(^|[._])act(\d|$)",
    ),
    ("merge", r"(^|[._/])(add|concatenate|concat|multiply|average|subtract|maximum|minimum|mul)(_?\d+)?$"),
    ("padding", r"padding|cropping|upsampl|resiz"),
    ("dense", r"dense|linear|einsum|(^|[._/])fc\d*$|classifier|head|proj"),
)
_ALIKE = ({"dense", "conv"}, {"batch norm", "layer norm", "norm"}, {"activation", "merge", "operation"})

#: Layers whose insides are not compared: a cell or a head of one framework has no equal in another.
WHOLE = ("attention", "recurrent")


def kind_of_name(name: str) -> str:
    """The kind that a name tells of; "" where it tells of none.

    >>> kind_of_name("layer1.0.bn2"), kind_of_name("fc1"), kind_of_name("stage")
    ('batch norm', 'dense', '')
    """
    lowered = name.lower()
    return next((kind for kind, pattern in _KINDS if re.search(pattern, lowered)), "")


def kind_of(module: linen.Module) -> str:
    """The kind of a layer, by its class."""
    return kind_of_name(type(module).__name__)


def is_whole(module: linen.Module) -> bool:
    """Whether a layer is one of fkeras's or Linen's own that is compared as one, with the layers inside it."""
    made_by = type(module).__module__.partition(".")[0]
    return made_by in ("flax", "fkeras") and kind_of(module) in WHOLE


def likeness(a: str, b: str) -> float:
    """How well two kinds go together: 3 for one kind, negative for kinds that never meet."""
    if a == b:
        return 3.0 if a else 0.5
    if not a or not b:
        return 0.5
    return 1.0 if any({a, b} <= group for group in _ALIKE) else -4.0
