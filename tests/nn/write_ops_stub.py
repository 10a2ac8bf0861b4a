"""Writes `fkeras/nn/ops.pyi` and the lists of its rooms: `python -m tests.nn.write_ops_stub`.

Editors and type checkers read them, since `fk.ops` is filled while it is imported. Names, order and defaults of
arguments are the functions' own, and so are the types of what is written in fkeras; those of jax.numpy's functions are
JAX's, as far as they can be said in the words of `fkeras.core.typing`.
"""

from __future__ import annotations

import ast
import inspect
import pathlib
import re
import subprocess
import sys

from fkeras.nn._ops import _table

from .ops_docs import DOCS

STUB = pathlib.Path(_table.__file__).parents[1] / "ops.pyi"
ROOMS = pathlib.Path(_table.__file__).parent
# What not each JAX from 0.10 on has, so that one stub is right for all: functions of a room, arguments of functions.
NOT_IN_EACH_JAX = {
    ".minmax": None,
    "numpy.minmax": None,
    "numpy.top_k": None,
    "lexsort": {"batch_size"},
    "histogram": {"out_sharding"},
    "polyval": {"unroll"},
}

HEADER = '''"""The functions of `fk.ops`, for editors and type checkers. Written by `python -m tests.nn.write_ops_stub`.

Each of them takes arrays, numbers and nested lists of numbers, and then returns arrays; or symbolic tensors among them,
and then records a node and returns symbolic tensors.
"""

# The first form of a function is the special case of the second, in which no operand is symbolic.
# mypy: disable-error-code="overload-overlap, overload-cannot-match"

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, overload

import numpy as np

from ..core import SymbolicTensor
from ..core.typing import Array, ArrayLike, Bool, Complex, DTypeLike, Float, Int, KeyLike, Num, PyTree, Shape
from ._ops._types import Axis, DataFormat, Sizes
'''
ALIASES = """from ._ops import _image_room, _linalg_room, _nn_room, _numpy_room

image = _image_room
linalg = _linalg_room
nn = _nn_room
numpy = _numpy_room

#: What becomes an array: arrays, numbers, and nested lists of them.
Values: TypeAlias = ArrayLike | Sequence["Values"]
#: The same, or a symbolic tensor.
Tensor: TypeAlias = Values | SymbolicTensor
Carry = TypeVar("Carry")
"""

# Types of JAX's annotations in our words.
SPELLED = {
    "jax.Array | numpy.ndarray | numpy.bool | numpy.number | bool | int | float | complex": "ArrayLike",
    "str | type[typing.Any] | numpy.dtype | jax._src.typing.SupportsDType": "DTypeLike",
    " | jax._src.typing.DuckTypedArray": "", " | DuckTypedArray": "", " | SupportsShape": "", " | SupportsSize": "",
    "collections.abc.": "", "jax.Array": "Array", "np.ndarray | Array | Sequence[ArrayLike]": "Sequence[ArrayLike]",
    "ComplexLike": "ArrayLike | Sequence[ArrayLike]", "DimSize": "int", "SVDResult": "tuple[Array, Array, Array]",
    "QRResult": "tuple[Array, Array]", "EigResult": "tuple[Array, Array]", "EighResult": "tuple[Array, Array]",
    "_UniqueAllResult": "tuple[Array, Array, Array, Array]", "_UniqueCountsResult": "tuple[Array, Array]",
    "_UniqueInverseResult": "tuple[Array, Array]", "Window": "str | ArrayLike | None", "np.dtype": "np.dtype[Any]",
    "Array | numpy.ndarray | Sequence[ArrayLike]": "Sequence[ArrayLike]",
}  # fmt: skip
_WORDS = """
Any Array ArrayLike Axis Bool Callable Carry Complex DTypeLike DataFormat Float Int KeyLike Literal None Num PyTree
Sequence Shape Sizes bool bytes complex float int list object set str tuple dict np dtype ndarray
"""
# Types where JAX has none, by argument.
BY_NAME = {"dtype": "DTypeLike", "axis": "Axis", "shape": "int | Sequence[int]", "arrays": "Sequence[ArrayLike]"}
OPERANDS = {"x", "x1", "x2", "y", "a", "b", "xs", "array", "variable", "lhs", "rhs", "ar1", "ar2", "p", "q"}
# Results where the annotation says less.
RESULTS = {
    "broadcast_shapes": "tuple[int, ...]", "can_cast": "bool", "iterable": "bool", "gradient": "Array | list[Array]",
    "promote_types": "np.dtype[Any]", "result_type": "np.dtype[Any]", "frompyfunc": "Callable[..., Array]",
}  # fmt: skip
# Results of JAX's that are no arrays and have no type in our words.
OF_ANY_KIND = {"fromfile", "fromiter", "get_scaled_dot_general_config"}
# Special cases of the form for arrays, which come first.
CASES = {
    "where": ["(condition: Values, x1: Values, x2: Values) -> Array"],
    "linspace": [
        "(start: Values, stop: Values, num: int = 50, endpoint: bool = True, retstep: Literal[False] = False, "
        "dtype: DTypeLike | None = None, axis: int = 0, *, device: Any = None) -> Array"
    ],
    "svd": ["(x: Values, full_matrices: bool, compute_uv: Literal[False]) -> Array"],
}


def names(room: str) -> list[str]:
    """The names of a room; of `fk.ops` itself for `""`."""
    found = vars(_table.NAMESPACES[room]) if room else _table.OPS
    return sorted(n for n in found if not n.startswith("_") and f"{room}.{n}" not in NOT_IN_EACH_JAX)


def function_of(name: str, room: str = "") -> object:
    found = vars(_table.NAMESPACES[room])[name] if room else _table.OPS[name]
    return getattr(found, "__wrapped__", found) if not hasattr(found, "__signature__") else found


def parameters(name: str, room: str = "") -> list[inspect.Parameter]:
    """The arguments of an op that each JAX has."""
    hidden = NOT_IN_EACH_JAX.get(name) or set()
    return [p for p in inspect.signature(function_of(name, room)).parameters.values() if p.name not in hidden]


def spelled(annotation: object, name: str = "") -> str:
    """A type in our words; `Any` where they cannot say it."""
    if annotation is inspect.Parameter.empty:
        return "ArrayLike" if name in OPERANDS else BY_NAME.get(name, "Any")
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    if not isinstance(annotation, str) and "|" in str(annotation):
        text = str(annotation)
    for theirs, ours in SPELLED.items():
        text = text.replace(theirs, ours)
    if text in ("Any", "T"):
        return "ArrayLike" if name in OPERANDS else BY_NAME.get(name, "Any")
    bare = re.sub(r'"[^"]*"|\'[^\']*\'', "", text)
    return text if set(re.findall(r"[A-Za-z_]+", bare)) <= set(_WORDS.split()) else "Any"


def written_default(p: inspect.Parameter) -> str:
    """An argument's default as text; `...` where it is no plain value, nothing where there is none."""
    default = p.default
    if default is p.empty:
        return ""
    plain = default is None or isinstance(default, bool | int | str | tuple)
    finite = isinstance(default, float) and default == default and abs(default) != float("inf")
    return repr(default) if plain or finite else "..."


# `Num[ArrayLike, "batch features"]`
_SHAPED = re.compile(r"\b(?:Bool|Complex|Float|Int|Num)\[\w+, (?:\"[^\"]*\"|'[^']*')\]")


def form(listed: list[inspect.Parameter], result: str, operand: str, array: str) -> str:
    """The arguments and the result, with words for what an operand and what a result is."""
    texts, star = [], False
    for p in listed:
        annotation = spelled(p.annotation, p.name)
        if p.default is None and annotation not in ("Any", "object", "PyTree", "Axis", "DataFormat"):
            annotation += "" if "None" in annotation else " | None"
        if operand == "Tensor":  # the names of a shape are told once, with the form for arrays
            annotation = _SHAPED.sub("ArrayLike", annotation)
        annotation = re.sub(r"\bArrayLike\b", operand, annotation)
        annotation = re.sub(r"\bArray\b", "Array" if operand == "Values" else "Array | SymbolicTensor", annotation)
        if p.kind is p.KEYWORD_ONLY and not star:
            texts.append("*")
            star = True
        mark = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        star = star or p.kind is p.VAR_POSITIONAL
        default = written_default(p)
        texts.append(f"{mark}{p.name}: {annotation}{' = ' if default else ''}{default}")
    result = _SHAPED.sub("Array", result) if operand == "Tensor" else result
    result = re.sub(r"\bArray\b", array, result)
    return f"({', '.join(texts)}) -> {result}"


def entry(name: str, room: str = "") -> str:
    """The definition of one op."""
    function, listed = function_of(name, room), parameters(name, room)
    own = (inspect.getdoc(function) or "").split("\n")[0]
    doc = own if room else DOCS.get(name, own)
    assert 0 < len(doc) < 112, f"tests/nn/ops_docs.py needs a line about {name}"
    body = f'\n    """{doc}"""'
    result = RESULTS.get(name) or spelled(inspect.signature(function).return_annotation)
    if result == "Any" and name not in OF_ANY_KIND:  # what a ufunc of JAX's says
        result = "Array"
    trees = any("PyTree" in spelled(p.annotation) for p in listed)  # operands and results of any kind
    arrays = form(listed, result, "Tensor" if trees else "Values", "Array")
    if trees or "Values" not in arrays or name in (*_table._control.PLAIN, *_table._facts.OWN):
        return f"def {name}{arrays}:{body}\n"
    symbolic = form(listed, result, "Tensor", "SymbolicTensor")
    if "SymbolicTensor" not in symbolic.rsplit("->", 1)[1]:  # a fact of arrays, which is not known of symbolic tensors
        symbolic = symbolic.rsplit("->", 1)[0] + "-> SymbolicTensor"
    forms = [*CASES.get(name, []), arrays, symbolic]
    shown = [f"@overload\ndef {name}{text}:{body if i == 0 else ' ...'}\n" for i, text in enumerate(forms)]
    return "".join(shown)


def stubs() -> dict[pathlib.Path, str]:
    """Each file and its text, before it is formatted."""
    image = "".join(entry(name, "image") for name in names("image"))
    head = HEADER.replace("from ..", "from ...").replace("._ops._types", "._types")
    found = {
        STUB: HEADER + ALIASES + "".join(map(entry, names(""))),
        ROOMS / "_image_room.pyi": head.replace("`fk.ops`", "`fk.ops.image`")
        + "from ..ops import Tensor, Values\n"
        + image,
    }
    for room in ("linalg", "nn", "numpy"):
        about = f'"""The functions of `fk.ops` that `fk.ops.{room}` has too."""\n\n'
        imports = "".join(f"from ..ops import {name} as {name}\n" for name in names(room))
        found[ROOMS / f"_{room}_room.pyi"] = about + imports
    return found


def described(path: pathlib.Path) -> dict[str, list[tuple[str, str]]]:
    """What a stub says: the arguments of each function's last form, with their defaults as text."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            a = node.args
            places = [*a.posonlyargs, *a.args]
            defaults = [None] * (len(places) - len(a.defaults)) + [*a.defaults] + [None] + [*a.kw_defaults] + [None]
            every = [*places, a.vararg, *a.kwonlyargs, a.kwarg]
            found[node.name] = [
                (p.arg, "" if d is None else ast.unparse(d)) for p, d in zip(every, defaults, strict=True) if p
            ]
        elif isinstance(node, ast.ImportFrom) and node.module == "ops":
            found |= {alias.asname: [] for alias in node.names if alias.asname}
    return found


def write() -> None:
    for path, text in stubs().items():
        path.write_text(text)
        for command in (["format"], ["check", "--fix"]):
            subprocess.run([sys.executable, "-m", "ruff", *command, "-q", str(path)], check=True)


if __name__ == "__main__":
    write()
