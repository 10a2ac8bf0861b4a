"""A model's weights from a file that a torch program wrote."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import jax
import numpy as np

from ...core import (
    TRANSIENT,
    ArrayDifferences,
    ArraySpec,
    Model,
    check_arrays,
    did_you_mean,
    explain,
    fits,
    flatten,
    nest,
    show_spec,
    spec_of,
    split_path,
    walk,
)
from ...core.typing import FilePath, Variables, VariablesLike
from ...nn import Repeat
from .._files._report import chosen_paths, renamed_by
from .._files._tree_arrays import ArraySpecs
from ._flattened import flattened
from ._layouts import permuted, same, stacked
from ._sources import Source, sources
from ._tensor_files import TensorFiles

#: New names for those of a file: regular expressions and replacements, or a function; `None` leaves one out.
Rename = Mapping[str, str] | Callable[[str], "str | None"] | None
#: How axes are exchanged.
Transpose = Literal["auto", False] | Mapping[str, Sequence[int]]

# Stands for the number of a block.
_NUMBER = "{i}"
# What torch counts in batch normalisation; Keras does not.
_COUNTERS = re.compile(r"(.*\.)?num_batches_tracked")


class _Found(NamedTuple):
    """The arrays of a file that a weight is made of."""

    names: tuple[str, ...]
    source: Source


def load_torch_weights(
    model: Model,
    filepath: FilePath,
    variables: VariablesLike | None = None,
    *,
    rename: Rename = None,
    transpose: Transpose = "auto",
    allow: Sequence[str] | str = (),
) -> Variables:
    """Variables of a model from a `.safetensors` file that a torch program wrote, by the names of layers.

    `conv1.weight` of the file becomes the kernel of the layer `conv1`, `blocks.0.norm.weight` the scale of
    `blocks/0/norm`. Kernels of dense layers and of convolutions of one to three axes, depthwise, grouped and transposed
    ones included, get their axes in Keras's order, gates of recurrent layers theirs, and a dense layer behind a
    flattened image its inputs. Of attention both forms are taken, one matrix of all three projections
    (`in_proj_weight`, `qkv`) and a layer for each (`q_proj`, `query`, …). `num_batches_tracked` is left out.

    That both programs now compute the same, `fk.diff` shows, layer by layer.

    Args:
        model: the model.
        filepath: a `.safetensors` file, an index of several, or a directory that has `model.safetensors`. Pickles
            (`pytorch_model.bin`) can run any code and are not read.
        variables: what the model has now, for a model without a graph, or one of which not all is in the file.
        rename: `{regular expression: replacement}` for the names in the file, as `re.sub` takes them, of which the
            first that is found in a name counts; or a function of a name. A name that becomes `None` or `""` is left
            out.
        transpose: `"auto"`, as the layers say; `False`, no axes are exchanged; or `{regular expression of whole paths
            here: axes}`, as `numpy.transpose` takes them, for what the layers cannot say.
        allow: regular expressions of whole paths here, which may be missing and then keep the given values, and of
            whole names of the file, which may be left over.

    Returns:
        The variables, in the dtypes of the model; files in half precision are read.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a pickle, or weights of either side that find no place; all of them are listed, with the nearest
            names.

    >>> import fkeras as fk, numpy as np, tempfile
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="head")])
    >>> with tempfile.TemporaryDirectory() as place:
    ...     tensors = {"net.fc.weight": np.ones((2, 3), "float16"), "net.fc.bias": np.zeros(2, "float16")}
    ...     fk.checkpoint.save_tensors(f"{place}/model.safetensors", tensors)
    ...     variables = fk.load_weights(model, f"{place}/model.safetensors", rename={r"net\\.fc": "head"})
    >>> variables["params"]["head"]["kernel"].shape, model.apply(variables, np.ones((1, 3))).tolist()
    ((3, 2), [[3.0, 3.0]])

    Reference: https://docs.pytorch.org/docs/stable/nn.html
    """
    _check_arguments(model, filepath, rename)
    given = None if variables is None else check_arrays(variables, "load_weights", "path, variables")
    if given is None and model.graph is None and not model._recorded_nodes():
        raise ValueError(
            explain(
                "load_weights needs variables of a model without a graph, which says no shapes.",
                write="fk.load_weights(model, path, model.init(0, x), rename=...)",
            )
        )
    tree = model.abstract_variables() if given is None else given
    specs = spec_of({name: part for name, part in tree.items() if name not in TRANSIENT})
    places = _places(model, specs, transpose)
    with TensorFiles(filepath) as file:
        names = _renamed(file.specs, rename)
        found, differ = _match(places, specs, {new: file.specs[old] for new, old in names.items()}, allow)
        if not differ.ok:
            raise _does_not_fit(file.label, differ)
        arrays = {path: _made(file, names, match, specs[path]) for path, match in found.items()}
    if given is None:
        made: Variables = nest(arrays)
        return made
    kept: Variables = nest({**flatten(dict(given)), **arrays})
    return kept


def _check_arguments(model: object, filepath: FilePath, rename: object) -> None:
    """Refuse arguments in another order, files of other programs, and other ways to rename.

    Raises:
        TypeError: something else than a model, or than a dict or a function.
        ValueError: a file of Keras or of fkeras.
    """
    if not isinstance(model, Model) or not (rename is None or callable(rename) or isinstance(rename, Mapping)):
        raise TypeError(
            explain(
                "load_weights takes a model, a file, and a dict of patterns or a function that renames.",
                received=f"model={model!r:.60}, rename={rename!r:.60}",
                usually="arguments in another order; of variables alone nobody knows the layers.",
                write='fk.load_weights(model, "model.safetensors", rename={r"^net\\.0\\.": "dense."})',
            )
        )
    if os.path.splitext(os.fspath(filepath))[1] in (".h5", ".hdf5", ".keras"):
        raise ValueError(
            explain(
                "fk.load_weights reads what torch programs wrote.",
                received=str(filepath),
                usually="a file of Keras's.",
                write=f"variables = model.load_weights({os.fspath(filepath)!r}, model.init(0))",
            )
        )


# ------------------------------------------------------------------ the model's side
def _places(model: Model, specs: ArraySpecs, transpose: Transpose) -> dict[str, list[Source]]:
    """Where torch may have each weight, by its path here."""
    layers = dict(walk(model))
    images = flattened(model) if transpose != False else {}  # noqa: E712 - a mapping is neither
    chosen: dict[str, Sequence[int]] = {}
    if isinstance(transpose, Mapping):
        for pattern, axes in reversed(list(transpose.items())):
            chosen |= dict.fromkeys(chosen_paths((pattern,), list(specs), "transpose"), tuple(axes))
    elif transpose not in ("auto", False):
        raise ValueError(
            explain(
                '`transpose` is "auto", False, or axes by paths.',
                received=f"transpose={transpose!r:.80}",
                write='transpose={"head/kernel": (1, 0)}',
            )
        )
    found = {}
    for path, (shape, _) in specs.items():
        keys = tuple(split_path(path))[1:]
        depth = next((n for n in range(len(keys) - 1, 0, -1) if keys[:n] in layers), 0)
        layer = layers.get(keys[:depth])
        blocks = next((n for n in range(1, depth + 1) if isinstance(layers[keys[:n]], Repeat)), None)
        # a block's name is its number: "layers/block/dense" is "layers.0.dense", "layers.1.dense", …
        owner = keys[:depth] if blocks is None else (*keys[:blocks], _NUMBER, *keys[blocks + 1 : depth])
        rank = len(shape) - (blocks is not None)
        listed = list(sources(layer, owner, keys[depth:], rank, images.get(keys[:depth])))
        if transpose is False:
            listed = [Source(source.names, same) for source in listed if len(source.names) == 1]
        if path in chosen:
            listed = [Source(source.names, permuted(chosen[path])) for source in listed if len(source.names) == 1]
        if blocks is not None:
            listed = [_of_blocks(source, shape[0]) for source in listed]
        found[path] = listed
    return found


def _of_blocks(source: Source, count: int) -> Source:
    """Where torch may have the weight of all the blocks of a `Repeat`, one after another."""
    names = tuple(name.replace(_NUMBER, str(i)) for i in range(count) for name in source.names)
    return Source(names, stacked(source.layout))


# ------------------------------------------------------------------ the file's side
def _renamed(specs: ArraySpecs, rename: Rename) -> dict[str, str]:
    """The names of a file by their new ones, with dots between layers.

    Raises:
        ValueError: a pattern that is found in no name, or two arrays of one name.
    """
    rules = rename if isinstance(rename, Mapping) else {}
    for pattern in rules:
        if not any(re.search(pattern, name) for name in specs):
            raise ValueError(
                explain(
                    f"The pattern {pattern!r} is found in no name of the file.",
                    received=f"rename={pattern!r}",
                    usually=did_you_mean(pattern, specs),
                    write=r'rename={r"^layers\.0\.": "dense."}',
                )
            )
    names: dict[str, str] = {}
    for name in specs:
        new = (rename(name) or "") if callable(rename) else renamed_by(rules, name)
        new = new.replace("/", ".").removeprefix("params.").removeprefix("batch_stats.")
        if not new or _COUNTERS.fullmatch(new):
            continue
        if new in names:
            raise ValueError(explain(f"{names[new]!r} and {name!r} of the file would both be {new!r}."))
        names[new] = name
    return names


# ------------------------------------------------------------------ both
def _match(
    places: Mapping[str, list[Source]], specs: ArraySpecs, there: ArraySpecs, allow: Sequence[str] | str
) -> tuple[dict[str, _Found], ArrayDifferences]:
    """What each weight is made of, and what differs that was not allowed to."""
    found: dict[str, _Found] = {}
    missing: dict[str, str] = {}
    mismatched: dict[str, tuple[str, str]] = {}
    used: set[str] = set()
    for path, listed in places.items():
        source = next((s for s in listed if all(name in there for name in s.names)), None)
        if source is None:
            missing[path] = show_spec((listed[0].layout(specs[path][0]).shapes[0], specs[path][1]))
            continue
        used.update(source.names)
        for name, shape in zip(source.names, source.layout(specs[path][0]).shapes, strict=True):
            wanted = (shape, specs[path][1] if not _is_float(there[name][1]) else there[name][1])
            if not fits(there[name], wanted):
                mismatched[path] = (f"{name} {show_spec(there[name])}", show_spec((shape, specs[path][1])))
        found[path] = _Found(source.names, source)
    unexpected = {name: show_spec(spec) for name, spec in there.items() if name not in used}
    patterns = (allow,) if isinstance(allow, str) else tuple(allow)
    allowed = chosen_paths(patterns, [*specs, *unexpected], "allow")
    left = {path for path in (*missing, *mismatched) if path in allowed}
    named: dict[str, str] = {}  # as the file would have it, so that the nearest name is looked for among its names
    for path, spec in missing.items():
        name = places[path][0].names[0]
        if path not in left:
            named[path if name in named else name] = f"{spec}, for {path}"
    differ = ArrayDifferences(
        missing=named,
        unexpected={name: spec for name, spec in unexpected.items() if name not in allowed},
        mismatched={path: what for path, what in mismatched.items() if path not in left},
    )
    return {path: match for path, match in found.items() if path not in left}, differ


def _is_float(dtype: str) -> bool:
    return dtype in ("float16", "bfloat16", "float32", "float64")


def _made(file: TensorFiles, names: Mapping[str, str], found: _Found, spec: ArraySpec) -> jax.Array:
    """A weight of the arrays of a file."""
    shape, dtype = spec
    arrays = [file.read(names[name]) for name in found.names]
    if len(arrays) > 1:  # added in the precision of the weight
        arrays = [array.astype(dtype) for array in arrays]
    return jax.device_put(np.ascontiguousarray(found.source.layout(shape).make(arrays)).astype(dtype))


def _does_not_fit(label: str, differ: ArrayDifferences) -> ValueError:
    count = len(differ.missing) + len(differ.unexpected) + len(differ.mismatched)
    return ValueError(
        explain(
            f"{label} does not fit the model: {count} arrays find no place.",
            received="\n" + differ.text(),
            usually="other names of layers than the model's, or parts of the file that the model does not have.",
            write='fk.load_weights(model, path, rename={r"^encoder\\.(\\d+)\\.": r"block_\\1."}), or with variables '
            'and allow=["head/.*"] for what is meant to differ',
        )
    )
