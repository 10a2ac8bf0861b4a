"""The signature of a model: from its own inputs, or from the shapes that the user gives."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from typing import TypeGuard

import jax
import numpy as np

from ...core import Model, dtype_name, explain
from ...core.typing import PyTree, Shape
from ._signature import Argument, Signature, unique


def signature_of(model: Model, given: PyTree) -> Signature:
    """What a model takes; `given` replaces the shapes that its inputs were described with.

    Args:
        model: the model.
        given: in the structure of the model's inputs, or a dict by their names: `fk.Input(...)`, `fk.nn.InputSpec`,
            arrays, `jax.ShapeDtypeStruct`s, or shapes such as `(None, 64, 64, 3)`; or `None`.

    Returns:
        The signature.

    Raises:
        ValueError: a model that does not know its inputs, another structure, or shapes that the model cannot take.
    """
    if given is None and model.graph is None:
        raise ValueError(
            explain(
                f"{model.path_text()} does not say what it takes.",
                received="input_signature=None",
                usually="a model by subclass has no `Input`.",
                write='model.export(path, variables, input_signature=fk.Input((8,), dtype="float32"))',
            )
        )
    if model.graph is None:
        return _of_tree(given, None)
    own = _of_tree(model.input, model.input_names)
    return own if given is None else _refined(own, given, model)


def _of_tree(tree: PyTree, names: list[str] | None) -> Signature:
    """A signature from anything in which the leaves have shapes."""
    leaves_with_path, treedef = jax.tree_util.tree_flatten_with_path(plain(tree), is_leaf=_is_shape)
    expressions: dict[str, str] = {}
    arguments = []
    for i, (path, leaf) in enumerate(leaves_with_path):
        key = jax.tree_util.keystr(path, simple=True, separator="_")
        called = getattr(leaf, "name", None) or (f"input_{key}" if key else "inputs")
        name = names[i] if names is not None else called if key[:1].isdigit() or not key else key
        arguments.append(Argument(word(name), _dims(leaf, expressions), _dtype(leaf, name)))
    return Signature(_unique(arguments), treedef)


def plain(tree: PyTree) -> PyTree:
    """The tree with plain dicts, lists and tuples in place of their subclasses, which a file cannot name."""
    if _is_shape(tree):
        return tree
    if isinstance(tree, Mapping):
        return {k: plain(v) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        return (list if isinstance(tree, list) else tuple)(plain(v) for v in tree)
    return tree


def _is_shape(leaf: PyTree) -> TypeGuard[Shape | list[int | None]]:
    """Whether a tuple is a shape, such as `(None, 8)`, and not a structure."""
    return isinstance(leaf, tuple | list) and bool(leaf) and all(d is None or isinstance(d, int) for d in leaf)


def _dims(leaf: PyTree, expressions: dict[str, str]) -> tuple[int | str, ...]:
    """A shape with a name for each unknown dimension; `expressions` collects names for dimensions such as `2*h`."""
    shape = leaf if _is_shape(leaf) else getattr(leaf, "symbolic_shape", None) or getattr(leaf, "shape", None)
    if shape is None:
        raise ValueError(
            explain(
                "input_signature holds something without a shape.",
                received=repr(leaf)[:80],
                write="input_signature=fk.Input((64, 64, 3)), in the structure of the model's inputs",
            )
        )
    names = ["batch", *{3: ["t"], 4: ["h", "w"], 5: ["d", "h", "w"]}.get(len(shape), []), *(f"n{i}" for i in range(32))]
    dims: list[int | str] = []
    for d, name in zip(shape, names, strict=False):
        if isinstance(d, int):
            dims.append(int(d))
        elif d is None:
            dims.append(name)
        else:
            text = str(d)
            dims.append(text if text.isidentifier() else expressions.setdefault(text, f"d{len(expressions)}"))
    return tuple(dims)


def _dtype(leaf: PyTree, name: str) -> np.dtype:
    dtype = getattr(leaf, "dtype", None) or "float32"
    if dtype_name(dtype) == "string":
        raise ValueError(
            explain(
                f"The input {name!r} is text, which no exported program can take.",
                usually="a lookup of words is part of the model; it runs on the host.",
                write="a model from the layer behind the lookup: fk.Model(lookup.output, model.output)",
            )
        )
    return jax.dtypes.canonicalize_dtype(dtype)


def _refined(own: Signature, given: PyTree, model: Model) -> Signature:
    """The model's own signature with the shapes that the user gives."""
    wanted = len(own.arguments)
    if isinstance(given, Mapping) and set(given) == {a.name for a in own.arguments}:
        leaves = [given[a.name] for a in own.arguments]
    else:
        in_brackets = wanted == 1 and isinstance(given, list | tuple) and len(given) == 1 and not _is_shape(given)
        leaves = jax.tree.leaves(plain(given[0] if in_brackets else given), is_leaf=_is_shape)
    if len(leaves) != wanted:
        raise ValueError(
            explain(
                f"{model.path_text()} takes {wanted} inputs.",
                received=f"an input_signature of {len(leaves)}",
                write="input_signature={" + ", ".join(f"{a.name!r}: ..." for a in own.arguments) + "}",
            )
        )
    expressions: dict[str, str] = {}
    arguments = []
    for argument, leaf in zip(own.arguments, leaves, strict=True):
        dims = _dims(leaf, expressions)
        fits = len(dims) == len(argument.dims) and all(
            isinstance(was, str) or d == was for d, was in zip(dims, argument.dims, strict=True)
        )
        if not fits:
            raise ValueError(
                explain(
                    f"The input {argument.name!r} of {model.path_text()} is {argument.text()}.",
                    received=f"shape {dims} in input_signature",
                    usually="only dimensions that are unknown can be given.",
                    write=f"input_signature={{{argument.name!r}: {_given(argument, set(own.symbols) - {'batch'})}}}",
                )
            )
        # a dimension that stays unknown keeps the model's name for it
        kept = tuple(d if isinstance(d, int) else was for d, was in zip(dims, argument.dims, strict=True))
        arguments.append(dataclasses.replace(argument, dims=kept))
    return dataclasses.replace(own, arguments=tuple(arguments))


def must_be_given(signature: Signature, symbols: Collection[str], model: Model, error: Exception) -> ValueError:
    """The error for dimensions that this model needs as numbers, which says how to give them."""
    lines = [a for a in signature.arguments if any(d in symbols for d in a.dims)]
    named = ", ".join(f"{d!r} of the input {a.name!r} ({a.text()})" for a in lines for d in a.dims if d in symbols)
    first = str(error).strip().splitlines()
    return ValueError(
        explain(
            f"{model.path_text()} can be exported only with a fixed size of {named}.",
            received=f"{type(error).__name__}: {first[0][:200] if first else ''}",
            usually="a layer's result depends on that size in a way that cannot be written down for all sizes.",
            write="model.export(path, variables, input_signature={"
            + ", ".join(f"{a.name!r}: {_given(a, symbols)}" for a in signature.arguments)
            + "})",
        )
    )


def _given(argument: Argument, symbols: Collection[str]) -> str:
    """A shape to write in `input_signature`, with numbers for the dimensions called `symbols`."""
    size = {d: 8 if d == "batch" else 64 for d in symbols}
    return repr(tuple(d if isinstance(d, int) else size.get(d) for d in argument.dims))


def word(name: object) -> str:
    """A name that every format can keep: letters, digits and underscores."""
    return re.sub(r"\W", "_", str(name)) or "inputs"


def _unique(arguments: list[Argument]) -> tuple[Argument, ...]:
    names = unique([a.name for a in arguments])
    return tuple(dataclasses.replace(a, name=n) for a, n in zip(arguments, names, strict=True))
