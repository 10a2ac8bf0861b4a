"""Nodes of TensorFlow's graphs that Keras of TensorFlow 1.13 to 2.3 kept in models (`TensorFlowOpLayer`).

Each is a `NodeDef` as JSON: the name of an operation of the runtime, and its attributes. Here it becomes a call of the
function of TensorFlow's that made it, as later versions of Keras wrote it. Reference:
https://github.com/tensorflow/tensorflow/blob/v2.3.0/tensorflow/python/keras/engine/base_layer.py
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from .._words._errors import did_you_mean, explain
from ..typing import JSON, Config, PyTree

# The operation, TensorFlow's function, the function's arguments in the operation's order, and `attribute:argument`.
_TABLE = """
Abs math.abs x
Acos math.acos x
Add math.add x,y
AddN math.add_n *inputs
AddV2 math.add x,y
All math.reduce_all input_tensor,axis keep_dims:keepdims
Any math.reduce_any input_tensor,axis keep_dims:keepdims
ArgMax math.argmax input,axis
ArgMin math.argmin input,axis
Asin math.asin x
Atan math.atan x
Atan2 math.atan2 y,x
AvgPool nn.avg_pool2d input ksize:ksize,strides:strides,padding:padding,data_format:data_format
BatchMatMul linalg.matmul a,b adj_x:transpose_a,adj_y:transpose_b
BatchMatMulV2 linalg.matmul a,b adj_x:transpose_a,adj_y:transpose_b
BiasAdd nn.bias_add value,bias data_format:data_format
Cast cast x DstT:dtype
Ceil math.ceil x
ClipByValue clip_by_value t,clip_value_min,clip_value_max
ConcatV2 concat *values,axis
Cos math.cos x
Cumsum math.cumsum x,axis exclusive:exclusive,reverse:reverse
DepthToSpace nn.depth_to_space input block_size:block_size,data_format:data_format
Div math.divide x,y
DivNoNan math.divide_no_nan x,y
Elu nn.elu features
Equal math.equal x,y
Erf math.erf x
Exp math.exp x
ExpandDims expand_dims input,axis
Expm1 math.expm1 x
Fill fill dims,value
Floor math.floor x
FloorDiv math.floordiv x,y
FloorMod math.floormod x,y
GatherV2 gather params,indices,axis batch_dims:batch_dims
Greater math.greater x,y
GreaterEqual math.greater_equal x,y
Identity identity input
Inv math.reciprocal x
IsNan math.is_nan x
L2Loss nn.l2_loss t
LeakyRelu nn.leaky_relu features alpha:alpha
Less math.less x,y
LessEqual math.less_equal x,y
Log math.log x
Log1p math.log1p x
LogSoftmax nn.log_softmax logits
LogicalAnd math.logical_and x,y
LogicalNot math.logical_not x
LogicalOr math.logical_or x,y
MatMul linalg.matmul a,b transpose_a:transpose_a,transpose_b:transpose_b
Max math.reduce_max input_tensor,axis keep_dims:keepdims
MaxPool nn.max_pool2d input ksize:ksize,strides:strides,padding:padding,data_format:data_format
Maximum math.maximum x,y
Mean math.reduce_mean input_tensor,axis keep_dims:keepdims
Min math.reduce_min input_tensor,axis keep_dims:keepdims
Minimum math.minimum x,y
MirrorPad pad tensor,paddings mode:mode
Mod math.mod x,y
Mul math.multiply x,y
Neg math.negative x
NotEqual math.not_equal x,y
OneHot one_hot indices,depth,on_value,off_value axis:axis
OnesLike ones_like input
Pack stack *values axis:axis
Pad pad tensor,paddings
PadV2 pad tensor,paddings,constant_values
Pow math.pow x,y
Prod math.reduce_prod input_tensor,axis keep_dims:keepdims
RealDiv math.divide x,y
Reciprocal math.reciprocal x
Relu nn.relu features
Relu6 nn.relu6 features
Reshape reshape tensor,shape
ResizeBilinear image.resize images,size align_corners:align_corners,half_pixel_centers:half_pixel_centers
ResizeNearestNeighbor image.resize images,size align_corners:align_corners,half_pixel_centers:half_pixel_centers
ReverseV2 reverse tensor,axis
Round math.round x
Rsqrt math.rsqrt x
Select where condition,x,y
SelectV2 where condition,x,y
Selu nn.selu features
Shape shape input
Sigmoid math.sigmoid x
Sign math.sign x
Sin math.sin x
Softmax nn.softmax logits
Softplus math.softplus features
Softsign nn.softsign features
SpaceToDepth nn.space_to_depth input block_size:block_size,data_format:data_format
Split split axis,value num_split:num_or_size_splits
SplitV split value,num_or_size_splits,axis
Sqrt math.sqrt x
Square math.square x
SquaredDifference math.squared_difference x,y
Squeeze squeeze input squeeze_dims:axis
StopGradient stop_gradient input
Sub math.subtract x,y
Sum math.reduce_sum input_tensor,axis keep_dims:keepdims
Tan math.tan x
Tanh math.tanh x
Tile tile input,multiples
TopKV2 math.top_k input,k sorted:sorted
Transpose transpose a,perm
Unpack unstack value num:num,axis:axis
ZerosLike zeros_like input
"""
# The rank, the step and the masks of this one are in its attributes.
_SLICE = "StridedSlice"
_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
_DTYPES = {
    "DT_FLOAT": "float32",
    "DT_HALF": "float16",
    "DT_BFLOAT16": "bfloat16",
    "DT_DOUBLE": "float64",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
    "DT_INT8": "int8",
    "DT_BOOL": "bool",
}
_KNOWN = {line.split()[0]: line.split()[1:] for line in _TABLE.strip().splitlines()}


def node_call(config: Mapping[str, PyTree], tensors: list[PyTree]) -> tuple[str, PyTree, Config]:
    """The call of a function of TensorFlow's that a node was.

    Args:
        config: the config of the `TensorFlowOpLayer`.
        tensors: the records of the tensors that it is called with.

    Returns:
        `(function, first argument, others by name)`.

    Raises:
        ValueError: an operation that is not known, or a record that is none.

    >>> node = {"op": "Mul", "name": "mul", "input": ["mul/x", "y"], "attr": {"T": {"type": "DT_FLOAT"}}}
    >>> node_call({"node_def": node, "constants": {"0": 2.0}}, ["y"])
    ('math.multiply', 2.0, {'y': 'y'})
    """
    node, constants = config.get("node_def"), config.get("constants") or {}
    op = node.get("op") if isinstance(node, Mapping) else None
    listed = node.get("input", []) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or not isinstance(listed, list) or not isinstance(constants, Mapping):
        raise ValueError(explain("A TensorFlowOpLayer holds a node.", received=repr(node)[:80], usually="an edit."))
    if op != _SLICE and op not in _KNOWN:
        raise ValueError(
            explain(
                f"The model calls the TensorFlow operation {str(op)[:80]!r}, which is not known here.",
                received=f"a TensorFlowOpLayer of Keras 2, the node {str(node.get('name'))[:80]!r}",
                usually=did_you_mean(str(op)[:80], [_SLICE, *_KNOWN]),
                write="the model in code, and model.load_weights(path, variables)",
            )
        )
    left = list(tensors)
    count = sum(not str(name).startswith("^") for name in listed)
    values: list[PyTree] = []
    for i in range(count):
        if str(i) in constants:
            values.append(constants[str(i)])
        elif left:
            values.append(left.pop(0))
    if len(values) != count or left:
        raise ValueError(
            explain(
                f"The node {str(node.get('name'))[:80]!r} is called with another number of tensors than it takes.",
                received=f"{len(tensors)} tensors and {len(constants)} constants for {count} inputs",
                usually="the file is damaged or was edited.",
            )
        )
    attributes = node.get("attr")
    said = {k: _attribute(v) for k, v in attributes.items()} if isinstance(attributes, Mapping) else {}
    if op == _SLICE:
        return "__operators__.getitem", values[0], {"slice_spec": _spec(values[1:], said)}
    function, names, *more = _KNOWN[str(op)]
    return _named(str(op), function, names.split(","), more[0] if more else "", values, said)


def _named(
    op: str, function: str, names: list[str], attributes: str, values: list[PyTree], said: Config
) -> tuple[str, PyTree, Config]:
    given: Config = {}
    if names[0].startswith("*"):
        after = names[1:]
        cut = len(values) - len(after)
        given[names[0][1:]] = values[:cut]
        given |= dict(zip(after, values[cut:], strict=True))
        first = names[0][1:]
    else:
        given |= dict(zip(names, values, strict=False))
        first = "value" if function == "split" else names[0]
    for pair in filter(None, attributes.split(",")):
        attribute, argument = pair.split(":")
        if attribute in said:
            given[argument] = said[attribute]
    if op == "Squeeze" and not given.get("axis"):
        given.pop("axis", None)
    if op.startswith("Resize"):
        given["method"] = "bilinear" if op == "ResizeBilinear" else "nearest"
    return function, given.pop(first), given


def _attribute(value: PyTree) -> PyTree:
    """An attribute as Python has it: `{"i": "2"}` is 2, and text is in base 64."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    kind, found = next(iter(value.items()))
    if kind == "i" and isinstance(found, str | int):
        return int(found)
    if kind == "list" and isinstance(found, Mapping):
        items = found.get("i", [])
        return [int(item) for item in items] if isinstance(items, list) else None
    if kind == "type":
        return _DTYPES.get(str(found), found)
    if kind == "s" and isinstance(found, str):
        try:
            return base64.b64decode(found, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return found
    return found


def _spec(bounds: list[PyTree], said: Mapping[str, PyTree]) -> JSON:
    """The index that a strided slice was: bits of its masks say what begin, end and step mean for each part.

    Raises:
        ValueError: bounds that are tensors.
    """
    if len(bounds) != 3 or not all(isinstance(b, list) and all(type(v) is int for v in b) for b in bounds):
        raise ValueError(
            explain(
                "A slice whose bounds are computed is not read.",
                received=repr(bounds)[:80],
                write="the model in code, and model.load_weights(path, variables)",
            )
        )
    begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask = (int(said.get(m) or 0) for m in _MASKS)
    spec: list[PyTree] = []
    for i, (begin, end, step) in enumerate(zip(*bounds, strict=False)):
        bit = 1 << i
        if ellipsis_mask & bit:
            spec.append("...")
        elif new_axis_mask & bit:
            spec.append(None)
        elif shrink_axis_mask & bit:
            spec.append(begin)
        else:
            start = None if begin_mask & bit else begin
            spec.append({"start": start, "stop": None if end_mask & bit else end, "step": None if step == 1 else step})
    return spec
