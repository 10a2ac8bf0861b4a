"""TensorFlow functions that Keras 2 kept in the graphs of models, as Keras 3's ops: one function is one op.

Those that are several ops, and those of sizes, are in `_old_functions.py`.
"""

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
__operators__.eq equal x,y
__operators__.ge greater_equal x,y
__operators__.getitem get_item tensor,slice_spec
__operators__.gt greater x,y
__operators__.le less_equal x,y
__operators__.logical_and logical_and x,y
__operators__.logical_not logical_not x
__operators__.logical_or logical_or x,y
__operators__.lt less x,y
__operators__.matmul matmul a,b
__operators__.ne not_equal x,y
abs abs x
add add x,y
arg_max argmax input,axis
argmax argmax input,axis
argmin argmin input,axis
argsort argsort values,axis
broadcast_to broadcast_to input,shape
cast cast x,dtype
clip_by_value clip t,clip_value_min,clip_value_max
concat concatenate values,axis
convert_to_tensor convert_to_tensor value
cos cos x
cumsum cumsum x,axis
div divide x,y
divide divide x,y
equal equal x,y
exp exp x
expand_dims expand_dims input,axis
floor floor x
floor_div floor_divide x,y
floordiv floor_divide x,y
gather take params,indices,axis
greater greater x,y
greater_equal greater_equal x,y
identity copy input
image.flip_left_right flip image
image.resize image.resize images,size,method
image.rgb_to_grayscale image.rgb_to_grayscale images
keras.activations.gelu gelu x,approximate
keras.activations.relu relu x
keras.activations.sigmoid sigmoid x
keras.activations.softmax softmax x,axis
keras.activations.swish silu x
keras.activations.tanh tanh x
keras.backend.binary_crossentropy binary_crossentropy target,output,from_logits
keras.backend.categorical_crossentropy categorical_crossentropy target,output,from_logits,axis
keras.backend.sparse_categorical_crossentropy sparse_categorical_crossentropy target,output,from_logits,axis
less less x,y
less_equal less_equal x,y
linalg.diag_part diagonal input
linalg.l2_normalize normalize x,axis
linalg.matmul matmul a,b
linalg.matrix_transpose swapaxes a,axis1,axis2
linalg.norm norm tensor,ord,axis,keepdims
logical_and logical_and x,y
logical_not logical_not x
logical_or logical_or x,y
math.abs abs x
math.acos arccos x
math.add add x,y
math.argmax argmax input,axis
math.argmin argmin input,axis
math.asin arcsin x
math.atan arctan x
math.atan2 arctan2 y,x
math.ceil ceil x
math.cos cos x
math.cosh cosh x
math.cumprod cumprod x,axis
math.cumsum cumsum x,axis
math.divide divide x,y
math.divide_no_nan divide_no_nan x,y
math.equal equal x,y
math.erf erf x
math.erfc erfc x
math.exp exp x
math.expm1 expm1 x
math.floor floor x
math.floordiv floor_divide x,y
math.floormod mod x,y
math.greater greater x,y
math.greater_equal greater_equal x,y
math.is_finite isfinite x
math.is_inf isinf x
math.is_nan isnan x
math.l2_normalize normalize x,axis
math.less less x,y
math.less_equal less_equal x,y
math.log log x
math.log1p log1p x
math.log_sigmoid log_sigmoid x
math.log_softmax log_softmax logits,axis
math.logical_and logical_and x,y
math.logical_not logical_not x
math.logical_or logical_or x,y
math.logical_xor logical_xor x,y
math.maximum maximum x,y
math.minimum minimum x,y
math.mod mod x,y
math.multiply multiply x,y
math.multiply_no_nan multiply x,y
math.negative negative x
math.not_equal not_equal x,y
math.pow power x,y
math.reciprocal reciprocal x
math.reduce_all all input_tensor,axis,keepdims
math.reduce_any any input_tensor,axis,keepdims
math.reduce_logsumexp logsumexp input_tensor,axis,keepdims
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
math.sinh sinh x
math.softmax softmax logits,axis
math.softplus softplus features
math.softsign softsign features
math.sqrt sqrt x
math.square square x
math.subtract subtract x,y
math.tan tan x
math.tanh tanh x
math.top_k top_k input,k,sorted
math.truediv divide x,y
matmul matmul a,b
maximum maximum x,y
minimum minimum x,y
mod mod x,y
multiply multiply x,y
negative negative x
nn.avg_pool average_pool input,ksize,strides,padding
nn.avg_pool1d average_pool input,ksize,strides,padding
nn.avg_pool2d average_pool input,ksize,strides,padding
nn.avg_pool3d average_pool input,ksize,strides,padding
nn.bias_add add value,bias
nn.depth_to_space depth_to_space input,block_size
nn.elu elu features
nn.gelu gelu features,approximate
nn.l2_normalize normalize x,axis
nn.leaky_relu leaky_relu features,alpha
nn.log_softmax log_softmax logits,axis
nn.max_pool max_pool input,ksize,strides,padding
nn.max_pool1d max_pool input,ksize,strides,padding
nn.max_pool2d max_pool input,ksize,strides,padding
nn.max_pool3d max_pool input,ksize,strides,padding
nn.moments moments x,axes,keepdims
nn.relu relu features
nn.relu6 relu6 features
nn.selu selu features
nn.sigmoid sigmoid x
nn.sigmoid_cross_entropy_with_logits binary_crossentropy labels,logits
nn.silu silu features
nn.softmax softmax logits,axis
nn.softmax_cross_entropy_with_logits categorical_crossentropy labels,logits,axis
nn.softplus softplus features
nn.softsign softsign features
nn.space_to_depth space_to_depth input,block_size
nn.sparse_softmax_cross_entropy_with_logits sparse_categorical_crossentropy labels,logits
nn.swish silu features
nn.tanh tanh x
norm norm tensor,ord,axis,keepdims
not_equal not_equal x,y
one_hot one_hot indices,depth,axis
ones_like ones_like input
pad pad tensor,paddings,mode,constant_values
pow power x,y
reduce_all all input_tensor,axis,keepdims
reduce_any any input_tensor,axis,keepdims
reduce_logsumexp logsumexp input_tensor,axis,keepdims
reduce_max max input_tensor,axis,keepdims
reduce_mean mean input_tensor,axis,keepdims
reduce_min min input_tensor,axis,keepdims
reduce_prod prod input_tensor,axis,keepdims
reduce_sum sum input_tensor,axis,keepdims
repeat repeat input,repeats,axis
reshape reshape tensor,shape
reverse flip tensor,axis
roll roll input,shift,axis
round round x
sigmoid sigmoid x
sign sign x
sin sin x
sort sort values,axis
split split value,num_or_size_splits,axis
sqrt sqrt x
square square x
squeeze squeeze input,axis
stack stack values,axis
stop_gradient stop_gradient input
subtract subtract x,y
tanh tanh x
tensordot tensordot a,b,axes
tile tile input,multiples
transpose transpose a,perm
truediv divide x,y
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
    "validate_indices": (None, True, False),
    "batch_dims": (0, None),
    "on_value": (None, 1, 1.0),
    "off_value": (None, 0, 0.0),
    "max_value": (None,),
    "shift": (None,),
    "stable": (False,),
    "direction": ("ASCENDING",),
    "dtype_hint": (None,),
    "method": (None,),
    "ragged": (False,),
    "out_type": ("int32", None),
}
_SAYS_NOTHING |= dict.fromkeys(("a_is_sparse", "b_is_sparse", "antialias", "preserve_aspect_ratio"), (False,))
# What TensorFlow takes where nothing is said, and Keras 3 does not.
_DEFAULTS: dict[str, Config] = {
    "argmax": {"axis": 0},
    "argmin": {"axis": 0},
    "argsort": {"axis": -1},
    "cumprod": {"axis": 0},
    "cumsum": {"axis": 0},
    "diagonal": {"axis1": -2, "axis2": -1},
    "flip": {"axis": 2},
    "swapaxes": {"axis1": -2, "axis2": -1},
    "take": {"axis": 0},
    "top_k": {"k": 1},
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


def _take(arguments: Config) -> Config:
    return {**arguments, "axis": 0 if arguments.get("axis") is None else arguments["axis"]}


def _norm(arguments: Config) -> Config:
    axis = arguments.get("axis")
    order = arguments.get("ord", "euclidean")
    return {
        **arguments,
        "ord": 2 if order == "euclidean" and (axis is None or type(axis) is int) else order,
        "keepdims": bool(arguments.get("keepdims")),
    }


def _pooled(arguments: Config) -> Config:
    """Sizes of the axes of space alone, which TensorFlow takes with those of rows and channels."""

    def inner(sizes: JSON) -> JSON:
        is_whole = isinstance(sizes, list) and len(sizes) > 2 and sizes[0] == sizes[-1] == 1
        return sizes[1:-1] if is_whole and isinstance(sizes, list) else sizes

    padding = arguments.get("padding", "VALID")
    changed = {k: inner(v) if k in ("pool_size", "strides") else v for k, v in arguments.items()}
    return {**changed, "padding": padding.lower() if isinstance(padding, str) else padding}


def _of_logits(arguments: Config) -> Config:
    return {"from_logits": True, **arguments}


def _last_axis(arguments: Config) -> Config:
    """The last axis, which Keras 1 and 2 wrote as nothing or in a list."""
    axis = arguments.get("axis")
    return {**arguments, "axis": -1 if axis is None else axis[0] if isinstance(axis, list) and len(axis) == 1 else axis}


def _transposed_product(given: Config) -> tuple[str, list[str], Config]:
    """A product of matrices of which one is transposed, which `matmul` of Keras 3 has no argument for."""
    a = "...ji" if given.get("transpose_a") is True else "...ij"
    b = "...kj" if given.get("transpose_b") is True else "...jk"
    left = {k: v for k, v in given.items() if k not in ("a", "b", *_TRANSPOSED)}
    operands = [given.get("a"), given.get("b")]
    return "einsum", ["equation", "operands"], {"equation": f"{a},{b}->...ik", "operands": operands, **left}


_CHANGED: dict[str, Callable[[Config], Config]] = {
    "average_pool": _pooled,
    "get_item": _slices,
    "log_softmax": _last_axis,
    "max_pool": _pooled,
    "norm": _norm,
    "normalize": _along,
    "one_hot": _last_axis,
    "pad": _lower,
    "softmax": _last_axis,
    "split": _sections,
    "take": _take,
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
    function = known_as(function)
    if function not in _FUNCTIONS:
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
    change = _of_logits if function.endswith("_with_logits") else _CHANGED.get(op)
    if change is not None:
        arguments = change(arguments)
    if op == "one_hot":
        arguments["dtype"] = given.pop("dtype", None) or "float32"
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


def known_as(function: object) -> str:
    """A function's name without the rooms of TensorFlow in which it has a second one."""
    name = str(function)
    return name if name in _FUNCTIONS else name.removeprefix("compat.v1.").removeprefix("compat.v2.")


def _says_nothing(name: str, value: JSON) -> bool:
    return any(
        isinstance(value, known) if isinstance(known, type) else value == known for known in _SAYS_NOTHING.get(name, ())
    )
