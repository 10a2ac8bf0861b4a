"""Functions of TensorFlow in the graphs of Keras 2, as nodes of Keras 3's ops: several of them where one is not enough.

Keras 2 also kept what was computed of shapes (`tf.shape(x)[0]`). Such values are known when the graph is read or not
at all, so they are followed here, and what is made with them is written without them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from .._graph._ops_config import facts_of
from .._words._errors import explain
from ..typing import Config, PyTree
from ._old_tf_nodes import node_call
from ._old_tf_ops import known_as, op_call

_TENSOR = "__keras_tensor__"
_IN_CODE = "the model in code, and model.load_weights(path, variables)"
_MAX_DEPTH = 32
# What returns a value as it is.
_AS_IT_IS = ("cast", "identity", "convert_to_tensor", "stop_gradient")
_STACKED = ("stack", "concat", "pack")

# Functions that are several ops: one op a step, with what it is called with. A number of a step is what that step made,
# other words are the function's arguments, and values stand after a colon.
_STEPS = {
    "math.squared_difference": ("subtract x y", "square 0"),
    "nn.l2_loss": ("square t", "sum 0", "multiply 1 :0.5"),
    "math.add_n": ("stack inputs axis=:0", "sum 0 axis=:0"),
    "math.reciprocal_no_nan": ("divide_no_nan :1.0 x",),
    "math.reduce_euclidean_norm": ("square input_tensor", "sum 0 axis=axis keepdims=keepdims", "sqrt 1"),
}


@dataclasses.dataclass(frozen=True)
class _Shape:
    """The sizes of a tensor.

    Attributes:
        of: the tensor's record.
    """

    of: PyTree


@dataclasses.dataclass(frozen=True)
class _Size:
    """One of the sizes of a tensor.

    Attributes:
        of: the tensor's record.
        axis: which.
    """

    of: PyTree
    axis: int


class Functions:
    """The functions of one graph.

    Attributes:
        sizes: what nodes without a tensor are, by name: sizes that were taken of tensors.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, PyTree] = {}

    def entries(self, entry: Config, calls: list[tuple[PyTree, Config]]) -> list[Config]:
        """The records of the ops that a function's node is; none where it is of sizes.

        Args:
            entry: the record of the node.
            calls: its calls, `(first argument, others)`.

        Raises:
            ValueError: a function, or an argument of it, that is not known.
        """
        config, name = entry.get("config"), str(entry.get("name"))
        if len(calls) != 1:
            raise ValueError(explain("A function in a graph is called once.", received=f"{len(calls)} calls"))
        first, others = calls[0]
        function = config.get("function") if isinstance(config, Mapping) else None
        if isinstance(config, Mapping) and "node_def" in config:
            function, first, others = node_call(config, first if isinstance(first, list) else [first])
        elif function is None:
            function = entry.get("class_name")
        known = known_as(function)
        first, others = self._known(first), {k: self._known(v) for k, v in others.items()}
        if known == "shape":
            self.sizes[name] = _Shape(first)
            return []
        if _holds_sizes((first, others)):
            return self._of_sizes(known, name, first, others)
        return _ops(known, name, first, others)

    def _known(self, value: PyTree, depth: int = 0) -> PyTree:
        """A value in which sizes stand for the tensors that were made of them."""
        if isinstance(value, Mapping) and value.get("class_name") == _TENSOR:
            name, _, output = value["config"]["keras_history"]
            found = self.sizes.get(name)
            if isinstance(found, _Outputs):
                return _Size(found.of, output)
            return value if found is None else found
        if isinstance(value, list) and depth < _MAX_DEPTH:
            return [self._known(v, depth + 1) for v in value]
        return value

    def _of_sizes(self, function: str, name: str, first: PyTree, others: Config) -> list[Config]:
        """What a function makes that is given sizes: a size again, or a tensor."""
        if function in _AS_IT_IS:
            self.sizes[name] = first
        elif function == "__operators__.getitem" and isinstance(first, _Shape | list):
            self.sizes[name] = _part(first, others.get("slice_spec"))
        elif function == "unstack" and isinstance(first, _Shape):
            self.sizes[name] = _Outputs(first.of)
        elif function in _STACKED and isinstance(first, list):
            self.sizes[name] = [part for v in first for part in (v if isinstance(v, list) else [v])]
        elif function == "reshape" and not _holds_sizes(first):
            return _reshaped(name, first, others.get("shape"))
        elif function in ("zeros", "ones", "fill"):
            value = {"zeros": 0.0, "ones": 1.0}.get(function, others.get("value", 0.0))
            return _filled(name, first, value)
        elif function == "broadcast_to" and isinstance(others.get("shape"), _Shape):
            zeros = _op(f"{name}/zeros", "zeros_like", {"x": others["shape"].of})
            return [zeros, _op(name, "add", {"x1": first, "x2": tensor_named(f"{name}/zeros")})]
        else:
            raise _unknown_sizes(function)
        return []


@dataclasses.dataclass(frozen=True)
class _Outputs(_Shape):
    """The sizes of a tensor, as so many outputs."""


def _holds_sizes(value: PyTree, depth: int = 0) -> bool:
    if isinstance(value, _Shape | _Size):
        return True
    if depth > _MAX_DEPTH or not isinstance(value, list | tuple | Mapping):
        return False
    return any(_holds_sizes(v, depth + 1) for v in (value.values() if isinstance(value, Mapping) else value))


def _part(sizes: PyTree, spec: PyTree) -> PyTree:
    """The sizes at an index."""
    index = spec[0] if isinstance(spec, list) and len(spec) == 1 else spec
    if type(index) is int:
        return _Size(sizes.of, index) if isinstance(sizes, _Shape) else sizes[index]
    if isinstance(index, Mapping) and set(index) == {"start", "stop", "step"} and index["step"] in (None, 1):
        start, stop = index["start"] or 0, index["stop"]
        if isinstance(sizes, list):
            return sizes[start:stop]
        if type(start) is int and type(stop) is int and 0 <= start <= stop < 64:
            return [_Size(sizes.of, axis) for axis in range(start, stop)]
    raise _unknown_sizes("__operators__.getitem")


def _reshaped(name: str, first: PyTree, shape: PyTree) -> list[Config]:
    """A tensor in a shape of which some sizes are another tensor's: one of them may be left for the others to say."""
    if isinstance(shape, _Shape):
        raise _unknown_sizes("reshape")
    listed = shape if isinstance(shape, list) else [shape]
    if sum(map(_holds_sizes, listed)) == 1 and -1 not in listed:
        return [_op(name, "reshape", {"x": first, "newshape": [-1 if _holds_sizes(s) else s for s in listed]})]
    is_batch = isinstance(listed[0], _Size) and listed[0].axis == 0
    if is_batch and not any(map(_holds_sizes, listed[1:])):
        return [_layer(name, "keras.layers", "Reshape", {"target_shape": listed[1:]}, first)]
    raise _unknown_sizes("reshape")


def _filled(name: str, shape: PyTree, value: PyTree) -> list[Config]:
    """A constant for each row of a batch."""
    listed = shape if isinstance(shape, list) else [shape]
    is_batch = isinstance(listed[0], _Size) and listed[0].axis == 0
    if is_batch and not any(map(_holds_sizes, listed[1:])) and isinstance(value, int | float):
        config = {"shape": listed[1:], "value": value}
        return [_layer(name, "fkeras", "ConstantForEachRow", config, listed[0].of)]
    raise _unknown_sizes("fill")


def _unknown_sizes(function: str) -> ValueError:
    return ValueError(
        explain(
            f"The model calls tf.{function} with sizes of a tensor, tf.shape(x), in a way that is not read.",
            usually="sizes are read in tf.reshape, tf.zeros, tf.ones, tf.fill and tf.broadcast_to.",
            write=_IN_CODE,
        )
    )


# ------------------------------------------------------------------ records
def _ops(function: str, name: str, first: PyTree, others: Config) -> list[Config]:
    """The records of a function that is given tensors and constants."""
    special = _SPECIAL.get(function)
    if special is not None:
        return special(name, first, others)
    steps = _STEPS.get(function)
    if steps is not None:
        return _steps(name, steps, first, {k: v for k, v in others.items() if k != "name"})
    called = op_call(function, first, others)
    return [_op(name, called.op, called.arguments)]


def _steps(name: str, steps: tuple[str, ...], first: PyTree, others: Config) -> list[Config]:
    made: list[Config] = []

    def value(word: str) -> PyTree:
        if word.startswith(":"):
            number = float(word[1:])
            return int(number) if number.is_integer() and "." not in word else number
        if word.isdigit():
            return tensor_named(made[int(word)]["name"])
        return others.get(word, None if word in ("axis", "keepdims") else first)

    for i, step in enumerate(steps):
        op, *words = step.split()
        arguments: Config = {}
        for argument, word in zip(facts_of(op).arguments, [w for w in words if "=" not in w], strict=False):
            arguments[argument] = value(word)
        for word in words:
            key, _, said = word.partition("=")
            if said:
                arguments[key] = value(said)
        if arguments.get("keepdims", 0) is None:
            arguments["keepdims"] = False
        made.append(_op(name if i == len(steps) - 1 else f"{name}/{i}", op, arguments))
    return made


def _op(name: str, op: str, arguments: Config) -> Config:
    """The record of an op's node."""
    facts = facts_of(op)
    kept = {k: v for k, v in arguments.items() if k in facts.kept}
    args: list[PyTree] = []
    for argument in facts.called:
        if argument in arguments:
            value = arguments[argument]
            args += value if argument.startswith("*") and isinstance(value, list) else [value]
    return {
        "module": facts.module,
        "class_name": facts.class_name,
        "config": {"name": name, **kept},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": args, "kwargs": {}}],
    }


def _layer(name: str, module: str, class_name: str, config: Config, *tensors: PyTree) -> Config:
    """The record of a layer that is called once."""
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name.replace("/", "_"), **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": list(tensors), "kwargs": {}}],
    }


def tensor_named(name: str) -> Config:
    """The record of what a node makes."""
    return {"class_name": _TENSOR, "config": {"keras_history": [name, 0, 0]}}


def mask_of(name: str, tensor: PyTree) -> Config:
    """The record of a layer that makes a tensor's mask an array."""
    return _layer(name, "fkeras", "MaskOf", {}, tensor)


# ------------------------------------------------------------------ functions that are layers
def _flattened(name: str, first: PyTree, others: Config) -> list[Config]:
    return [_layer(name, "keras.layers", "Flatten", {}, first)]


def _resized(name: str, first: PyTree, others: Config) -> list[Config]:
    """A resize: that of TensorFlow 1 measured from the corners of pixels, and later ones from their middles."""
    corners, middles = others.get("align_corners", False), others.get("half_pixel_centers", True)
    said = {k: v for k, v in others.items() if k not in ("align_corners", "half_pixel_centers")}
    if corners is False and middles is False:
        config = {"size": others.get("size"), "interpolation": others.get("method", "bilinear")}
        return [_layer(name, "fkeras", "ResizeOfTensorFlow1", config, first)]
    if corners is not False:
        raise ValueError(
            explain(
                "The model resizes images with align_corners=True, which Keras 3 has no op for.",
                received=f"size {others.get('size')!r:.60}",
                write=_IN_CODE,
            )
        )
    called = op_call("image.resize", first, said)
    return [_op(name, called.op, called.arguments)]


def _dropped(name: str, first: PyTree, others: Config) -> list[Config]:
    """Dropout as a function: Keras 2 called it in training and out of it."""
    raise ValueError(
        explain(
            "The model calls tf.nn.dropout, which drops in predictions too.",
            received=f"rate {others.get('rate')!r:.40}",
            usually="a layer was meant: fk.nn.Dropout.",
            write=_IN_CODE,
        )
    )


def _lost(name: str, first: PyTree, others: Config) -> list[Config]:
    raise ValueError(
        explain(
            "The model calls tf.einsum, and the file does not say with which tensors.",
            received=f"the equation {first!r:.80}",
            usually="Keras 2 wrote the first argument of a function and those by name; the tensors are neither.",
            write=_IN_CODE,
        )
    )


_SPECIAL: dict[str, Callable[[str, PyTree, Config], list[Config]]] = {
    "einsum": _lost,
    "linalg.einsum": _lost,
    "image.resize": _resized,
    "keras.backend.batch_flatten": _flattened,
    "nn.dropout": _dropped,
}
