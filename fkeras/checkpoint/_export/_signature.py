"""What an exported program takes: names, shapes with unknown dimensions, dtypes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from ...core import dtype_name, explain

# Sizes tried for unknown dimensions other than the batch: small ones first, as the program is compiled for them.
_SIZES = (8, 16, 32, 64, 96, 224, 512)


@dataclasses.dataclass(frozen=True)
class Argument:
    """One array that a program takes: each dimension is a number, or the name of one that may vary."""

    name: str
    dims: tuple[int | str, ...]
    dtype: np.dtype

    def text(self) -> str:
        """How messages and manifests write it.

        >>> Argument("image", ("batch", "h", 3), np.dtype("float32")).text()
        'float32[batch, h, 3]'
        """
        return f"{self.dtype.name}[{', '.join(map(str, self.dims))}]"


@dataclasses.dataclass(frozen=True)
class Signature:
    """The arguments of a program.

    Attributes:
        arguments: in order.
        treedef: the structure in which they are passed: dicts, lists and tuples.
        least: what every unknown dimension other than the batch is known to be at least.
    """

    arguments: tuple[Argument, ...]
    treedef: Any
    least: int = 1

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the dimensions that may vary, the batch first."""
        found = dict.fromkeys(d for a in self.arguments for d in a.dims if isinstance(d, str))
        return tuple(sorted(found, key=lambda s: s != "batch"))

    def with_sizes(self, sizes: Mapping[str, int]) -> Signature:
        """The same, with numbers for some of the names."""
        return self._changed(lambda a, i: tuple(sizes.get(d, d) if isinstance(d, str) else d for d in a.dims))

    def apart(self) -> Signature:
        """The same, where no two arguments share a dimension's name but the batch's."""
        seen: dict[str, int] = {}

        def own(argument: Argument, i: int) -> tuple[int | str, ...]:
            first = {d: seen.setdefault(d, i) for d in argument.dims if isinstance(d, str)}
            return tuple(
                d if isinstance(d, int) or d == "batch" or first[d] == i else f"{d}_{i}" for d in argument.dims
            )

        return self._changed(own)

    def at_least(self, size: int) -> Signature:
        """The same, where unknown dimensions other than the batch are at least `size`."""
        return dataclasses.replace(self, least=size)

    @property
    def constraints(self) -> tuple[str, ...]:
        """What is known of the dimensions that may vary, as JAX writes it."""
        bounded = self.symbols if self.least > 1 else ()
        return tuple(f"{s} >= {self.least}" for s in bounded if s != "batch")

    def in_multiples(self, factor: int) -> Signature:
        """The same, where unknown dimensions other than the batch are multiples of `factor`."""
        return self._changed(
            lambda a, i: tuple(d if isinstance(d, int) or d == "batch" else f"{factor}*{d}" for d in a.dims)
        )

    def _changed(self, dims_of: Any) -> Signature:
        changed = [dataclasses.replace(a, dims=dims_of(a, i)) for i, a in enumerate(self.arguments)]
        return dataclasses.replace(self, arguments=tuple(changed))

    def structs(self) -> list[jax.ShapeDtypeStruct]:
        """The arguments as JAX writes them, all in one scope of symbols."""
        scope = export.SymbolicScope(self.constraints)
        shapes = [export.symbolic_shape(", ".join(map(str, a.dims)), scope=scope) for a in self.arguments]
        return [jax.ShapeDtypeStruct(s, a.dtype) for s, a in zip(shapes, self.arguments, strict=True)]

    def pack(self, leaves: Any) -> Any:
        """Arguments in the structure in which they are passed."""
        return jax.tree.unflatten(self.treedef, list(leaves))

    def random(self, function: Any, batch: int) -> list[np.ndarray]:
        """A batch of random arguments of sizes that `function` takes: normal floats, integers 0 and 1.

        Raises:
            Whatever the function raises for the last of the sizes that were tried.
        """
        failure: Exception | None = None
        for size in (s for s in _SIZES if s >= self.least):
            fixed = self.at_least(1).with_sizes({s: batch if s == "batch" else _rounded(s, size) for s in self.symbols})
            try:
                jax.eval_shape(function, *fixed.structs())
            except Exception as error:  # too small for a layer, which says so in one of many types
                failure = error
                continue
            draw = np.random.default_rng(0)
            return [_draw(draw, a) for a in fixed.arguments]
        assert failure is not None
        raise failure


def _rounded(symbol: str, size: int) -> int:
    """A size that a dimension such as `32*h` can have."""
    factor = int(symbol.split("*")[0]) if "*" in symbol else 1
    return -(-size // factor) * factor


def _draw(draw: np.random.Generator, argument: Argument) -> np.ndarray:
    shape = tuple(int(d) for d in argument.dims)
    if jnp.issubdtype(argument.dtype, jnp.inexact):
        return draw.normal(size=shape).astype(argument.dtype)
    return draw.integers(0, 2, size=shape).astype(argument.dtype)  # 0 and 1 are indices of any table


# ------------------------------------------------------------------ from a model, or from what the user gives
def signature_of(model: Any, given: Any) -> Signature:
    """What a model takes; `given` replaces the shapes that its inputs were described with.

    Args:
        model: the model.
        given: in the structure of the model's inputs, or a dict by their names: `fk.Input(...)`, `fk.nn.InputSpec`,
            arrays, `jax.ShapeDtypeStruct`s, or shapes such as `(None, 64, 64, 3)`; or `None`.

    Raises:
        ValueError: a model that does not know its inputs, another structure, or shapes that the model cannot take.
    """
    graph = getattr(model, "graph", None)
    if given is None and graph is None:
        raise ValueError(
            explain(
                f"{model.path_text()} does not say what it takes.",
                received="input_signature=None",
                usually="a model by subclass has no `Input`.",
                write='model.export(path, variables, input_signature=fk.Input((8,), dtype="float32"))',
            )
        )
    if graph is None:
        return _of_tree(given, None)
    own = _of_tree(model.input, model.input_names)
    return own if given is None else _refined(own, given, model)


def _of_tree(tree: Any, names: list[str] | None) -> Signature:
    """A signature from anything in which the leaves have shapes."""
    found, treedef = jax.tree_util.tree_flatten_with_path(plain(tree), is_leaf=_is_shape)
    odd: dict[str, str] = {}
    arguments = []
    for i, (path, leaf) in enumerate(found):
        key = jax.tree_util.keystr(path, simple=True, separator="_")
        called = getattr(leaf, "name", None) or (f"input_{key}" if key else "inputs")
        name = names[i] if names is not None else called if key[:1].isdigit() or not key else key
        arguments.append(Argument(word(name), _dims(leaf, odd), _dtype(leaf, name)))
    return Signature(_unique(arguments), treedef)


def plain(tree: Any) -> Any:
    """Dicts, lists and tuples in place of their subclasses, which a file could not name."""
    if _is_shape(tree):
        return tree
    if isinstance(tree, Mapping):
        return {k: plain(v) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        return (list if isinstance(tree, list) else tuple)(plain(v) for v in tree)
    return tree


def _is_shape(leaf: Any) -> bool:
    """Whether a tuple is a shape, such as `(None, 8)`, and not a structure."""
    return isinstance(leaf, tuple | list) and bool(leaf) and all(d is None or isinstance(d, int) for d in leaf)


def _dims(leaf: Any, odd: dict[str, str]) -> tuple[int | str, ...]:
    """A shape with a name for each unknown dimension; `odd` names expressions that are no names."""
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
            dims.append(text if text.isidentifier() else odd.setdefault(text, f"d{len(odd)}"))
    return tuple(dims)


def _dtype(leaf: Any, name: str) -> np.dtype:
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


def _refined(own: Signature, given: Any, model: Any) -> Signature:
    """The model's own signature with the shapes that the user gives."""
    wanted = len(own.arguments)
    if isinstance(given, Mapping) and set(given) == {a.name for a in own.arguments}:
        leaves = [given[a.name] for a in own.arguments]
    else:
        one = wanted == 1 and isinstance(given, list | tuple) and len(given) == 1 and not _is_shape(given)
        leaves = jax.tree.leaves(plain(given[0] if one else given), is_leaf=_is_shape)
    if len(leaves) != wanted:
        raise ValueError(
            explain(
                f"{model.path_text()} takes {wanted} inputs.",
                received=f"an input_signature of {len(leaves)}",
                write="input_signature={" + ", ".join(f"{a.name!r}: ..." for a in own.arguments) + "}",
            )
        )
    odd: dict[str, str] = {}
    arguments = []
    for argument, leaf in zip(own.arguments, leaves, strict=True):
        dims = _dims(leaf, odd)
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
        # what stays unknown keeps the name that the model has for it
        kept = tuple(d if isinstance(d, int) else was for d, was in zip(dims, argument.dims, strict=True))
        arguments.append(dataclasses.replace(argument, dims=kept))
    return dataclasses.replace(own, arguments=tuple(arguments))


def must_be_given(signature: Signature, symbols: Any, model: Any, error: Exception) -> ValueError:
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


def _given(argument: Argument, symbols: Any) -> str:
    """A shape to write in `input_signature`, with numbers for the dimensions called `symbols`."""
    size = {d: 8 if d == "batch" else 64 for d in symbols}
    return repr(tuple(d if isinstance(d, int) else size.get(d) for d in argument.dims))


def word(name: Any) -> str:
    """A name that every format can keep: letters, digits and underscores."""
    return re.sub(r"\W", "_", str(name)) or "inputs"


def _unique(arguments: list[Argument]) -> tuple[Argument, ...]:
    names = unique([a.name for a in arguments])
    return tuple(dataclasses.replace(a, name=n) for a, n in zip(arguments, names, strict=True))


def unique(names: list[str]) -> list[str]:
    """Names made different from each other, as Keras does.

    >>> unique(["dense", "dense"])
    ['dense', 'dense_1']
    """
    found: list[str] = []
    for name in names:
        number, new = 0, name
        while new in found:
            number += 1
            new = f"{name}_{number}"
        found.append(new)
    return found
