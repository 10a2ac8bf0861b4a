"""TensorFlow functions that Keras 2 kept in the graphs of models, as Keras 3's ops."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping

from .._graph._ops_config import facts_of
from .._words._errors import did_you_mean, explain
from ..typing import JSON, Config

#: The classes under which Keras 2 kept them.
CLASSES = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")

# TensorFlow's function, Keras 3's op, and TensorFlow's names of the op's arguments, in the op's order.
_TABLE = """
__operators__.add add x,y
__operators__.getitem get_item tensor,slice_spec
__operators__.eq equal x,y
__operators__.ne not_equal x,y
cast cast x,dtype
clip_by_value clip t,clip_value_min,clip_value_max
compat.v1.nn.bias_add add value,bias
compat.v1.squeeze squeeze input,axis
compat.v1.transpose transpose a,perm
concat concatenate values,axis
expand_dims expand_dims input,axis
linalg.matmul matmul a,b
math.abs abs x
math.add add x,y
math.argmax argmax input,axis
math.argmin argmin input,axis
math.ceil ceil x
compat.v1.pad pad tensor,paddings,mode,constant_values
math.cos cos x
math.cumsum cumsum x,axis
math.divide divide x,y
math.equal equal x,y
math.erf erf x
math.exp exp x
math.floor floor x
math.floordiv floor_divide x,y
math.floormod mod x,y
math.greater greater x,y
math.greater_equal greater_equal x,y
math.l2_normalize normalize x,axis
math.less less x,y
math.less_equal less_equal x,y
math.log log x
math.log1p log1p x
math.logical_and logical_and x,y
math.logical_not logical_not x
math.logical_or logical_or x,y
math.maximum maximum x,y
math.minimum minimum x,y
math.mod mod x,y
math.multiply multiply x,y
math.negative negative x
math.not_equal not_equal x,y
math.pow power x,y
math.reduce_all all input_tensor,axis,keepdims
math.reduce_any any input_tensor,axis,keepdims
math.reduce_max max input_tensor,axis,keepdims
math.reduce_mean mean input_tensor,axis,keepdims
math.reduce_min min input_tensor,axis,keepdims
math.reduce_prod prod input_tensor,axis,keepdims
math.reduce_std std input_tensor,axis,keepdims
math.reduce_sum sum input_tensor,axis,keepdims
math.reduce_variance var input_tensor,axis,keepdims
math.round round x
math.rsqrt rsqrt x
math.sigmoid sigmoid x
math.sign sign x
math.sin sin x
math.softplus softplus features
math.sqrt sqrt x
math.square square x
math.subtract subtract x,y
math.tan tan x
math.tanh tanh x
math.truediv divide x,y
nn.bias_add add value,bias
nn.elu elu features
nn.gelu gelu features,approximate
nn.leaky_relu leaky_relu features,alpha
nn.log_softmax log_softmax logits,axis
nn.relu relu features
nn.relu6 relu6 features
nn.selu selu features
nn.sigmoid sigmoid x
nn.silu silu features
nn.softmax softmax logits,axis
nn.softplus softplus features
nn.softsign softsign features
nn.swish silu features
nn.tanh tanh x
image.resize image.resize images,size,method
ones_like ones_like input
pad pad tensor,paddings,mode,constant_values
repeat repeat input,repeats,axis
reshape reshape tensor,shape
reverse flip tensor,axis
split split value,num_or_size_splits,axis
sqrt sqrt x
squeeze squeeze input,axis
stack stack values,axis
tile tile input,multiples
transpose transpose a,perm
unstack unstack value,num,axis
where where condition,x,y
zeros_like zeros_like input
"""
_FUNCTIONS = {name: (op, arguments.split(",")) for name, op, arguments in map(str.split, _TABLE.strip().splitlines())}
_TRANSPOSED = ("transpose_a", "transpose_b")
# Of these arguments the value says nothing, or is their default.
_SAYS_NOTHING: dict[str, tuple[object, ...]] = {
    "name": (None, str),
    "dtype": (None,),
    "epsilon": (1e-12,),
    "transpose_a": (False,),
    "transpose_b": (False,),
    "adjoint_a": (False,),
    "adjoint_b": (False,),
    "conjugate": (False,),
    "exclusive": (False,),
    "reverse": (False,),
    "data_format": (None, "NHWC", "NWC", "NDHWC"),
    "num": (None, int),
    "output_type": (None, "int64", "int32"),
    "beta": (1.0,),
    "layout": (None,),
}
_SAYS_NOTHING |= dict.fromkeys(("a_is_sparse", "b_is_sparse", "antialias", "preserve_aspect_ratio"), (False,))
# What TensorFlow takes where nothing is said, and Keras 3 does not.
_DEFAULTS: dict[str, Config] = {
    "argmax": {"axis": 0},
    "argmin": {"axis": 0},
    "cumsum": {"axis": 0},
    "gelu": {"approximate": False},
    "image.resize": {"method": "bilinear"},
    "normalize": {"axis": None},
}


def _sections(arguments: Config) -> Config:
    """TensorFlow says the sizes of the parts, Keras 3 where they begin."""
    sizes = arguments.get("indices_or_sections")
    if isinstance(sizes, list) and sizes and all(type(size) is int and size >= 0 for size in sizes):
        return {**arguments, "indices_or_sections": list(itertools.accumulate(sizes[:-1]))}
    return arguments


def _slices(arguments: Config) -> Config:
    key = arguments.get("key")
    return {**arguments, "key": [_slice(part) for part in key] if isinstance(key, list) else [_slice(key)]}


def _slice(part: JSON) -> JSON:
    if isinstance(part, Mapping) and set(part) == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": dict(part)}
    if (isinstance(part, Mapping) and part.get("class_name") == "__ellipsis__") or part == "...":
        return {"class_name": "__ellipsis__", "config": {}}
    return part


def _lower(arguments: Config) -> Config:
    mode = arguments.get("mode", "constant")
    return {**arguments, "mode": mode.lower() if isinstance(mode, str) else mode}


def _along(arguments: Config) -> Config:
    axis = arguments.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    if type(axis) is not int:
        raise ValueError(explain("tf.math.l2_normalize is read for one axis.", received=f"axis={axis!r:.80}"))
    return {**arguments, "axis": axis}


def _transposed_product(given: Config) -> tuple[str, list[str], Config]:
    """A product of matrices of which one is transposed, which `matmul` of Keras 3 has no argument for."""
    a = "...ji" if given.get("transpose_a") is True else "...ij"
    b = "...kj" if given.get("transpose_b") is True else "...jk"
    left = {k: v for k, v in given.items() if k not in ("a", "b", *_TRANSPOSED)}
    operands = [given.get("a"), given.get("b")]
    return "einsum", ["equation", "operands"], {"equation": f"{a},{b}->...ik", "operands": operands, **left}


_CHANGED: dict[str, Callable[[Config], Config]] = {
    "get_item": _slices,
    "normalize": _along,
    "pad": _lower,
    "split": _sections,
}


@dataclasses.dataclass(frozen=True)
class OpCall:
    """A call of a Keras 3 op: the op's name, and its arguments by name."""

    op: str
    arguments: Config


def op_call(function: object, first: JSON, others: Mapping[str, JSON]) -> OpCall:
    """The call of a Keras 3 op that a call of a TensorFlow function was.

    Args:
        function: TensorFlow's name of the function, as in `"math.multiply"`.
        first: its first argument.
        others: the others by name.

    Returns:
        The op's call.

    Raises:
        ValueError: a function, or an argument of it, that is not known.

    >>> op_call("math.reduce_mean", "x", {"axis": [1], "keepdims": True})
    OpCall(op='mean', arguments={'x': 'x', 'axis': [1], 'keepdims': True})
    """
    if not isinstance(function, str) or function not in _FUNCTIONS:
        raise ValueError(
            explain(
                f"The model calls the TensorFlow function {str(function)[:80]!r}, which is not known here.",
                received="a TFOpLambda layer of Keras 2",
                usually=did_you_mean(str(function)[:80], _FUNCTIONS),
                write="the model in code, and model.load_weights(path, variables)",
            )
        )
    op, names = _FUNCTIONS[function]
    given = {names[0]: first, **_DEFAULTS.get(op, {}), **others}
    if op == "matmul" and any(given.get(name) is True for name in _TRANSPOSED):
        op, names, given = _transposed_product(given)
    arguments = {new: given.pop(old) for old, new in zip(names, facts_of(op).arguments, strict=False) if old in given}
    change = _CHANGED.get(op)
    if change is not None:
        arguments = change(arguments)
    left = {name: value for name, value in given.items() if not _says_nothing(name, value)}
    if left:
        raise ValueError(
            explain(
                f"The argument {next(iter(left))!r} of tf.{function} has no equal among Keras 3's ops.",
                received=repr(left)[:80],
                write="the model in code, and model.load_weights(path, variables)",
            )
        )
    return OpCall(op, arguments)


def _says_nothing(name: str, value: JSON) -> bool:
    return any(
        isinstance(value, known) if isinstance(known, type) else value == known for known in _SAYS_NOTHING.get(name, ())
    )
