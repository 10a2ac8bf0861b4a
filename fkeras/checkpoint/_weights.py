"""Saving and loading a model's variables alone, in the format that the suffix names."""

from __future__ import annotations

import os
import textwrap
import warnings
from collections.abc import Mapping, Sequence

from ..core import Model, as_path, check_arrays, check_variables, explain, spec_of, to_read
from ..core.typing import FilePath, PyTree, Variables, VariablesLike
from ._files._contents import HDF5, ZIP
from ._files._plain_weights import check_plain_weights
from ._files._processes import first_alone
from ._files._report import LoadReport, MayDiffer, compare
from ._files._spread_arrays import for_the_first
from ._files._suffixes import check_is_directory, suffix_of
from ._files._tree_arrays import with_arrays
from ._files._uncalled_hooks import warn_of_uncalled_hooks
from ._hdf5._models import has_layer_names, load_old_weights
from ._keras._weight_files import load_h5_weights, save_h5_weights
from ._live_keras._save import refuse_live
from ._models import kind_of
from ._orbax._manifest import read_manifest
from ._orbax._numbered import last_of
from ._orbax._read_arrays import read_arrays
from ._orbax._saved_trees import naming
from ._orbax._variables_in import places_of_variables, specs_of_variables
from ._orbax._write_directory import write_directory
from ._safetensors._weights import load_safetensors, save_safetensors


def save_weights(
    model: Model,
    filepath: FilePath,
    variables: VariablesLike,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    *,
    x: PyTree = None,
) -> None:
    """Save a model's variables alone; the suffix picks the format.

    Args:
        model: the model.
        filepath: the file or directory to make: `.weights.h5` as real Keras 3 reads it, `.weights.json` with shards
            beside it, `.safetensors`, else an Orbax directory.
        variables: the model's variables, or the state of a run.
        overwrite: whether a checkpoint that is already there may be replaced.
        max_shard_size: the most that a shard of a `.weights.json` holds, in gigabytes.
        x: an example input, for a Keras file of a model without a graph.

    Raises:
        ValueError: variables that are not the model's, or `max_shard_size` with another suffix.
        FileExistsError: something is there and `overwrite` is false.

    >>> import fkeras as fk, jax, os, tempfile
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as place:
    ...     model.save_weights(f"{place}/m.weights.json", model.init(jax.random.key(0)), max_shard_size=2.5e-8)
    ...     sorted(os.listdir(place))
    ['m.weights.json', 'm_00000.weights.h5', 'm_00001.weights.h5']
    """
    filepath = as_path(filepath, "model.save_weights", '"model.weights.h5"')
    warn_of_uncalled_hooks(model, "model.save_weights")
    _check_shard_size(filepath, max_shard_size)
    suffix = suffix_of(filepath)
    if suffix not in (".h5", ".json", ".safetensors"):
        check_is_directory(filepath)
    variables = check_variables(model, variables, "save_weights")
    if suffix in (".h5", ".json"):
        check_plain_weights(model, filepath)
        refuse_live(model, filepath)
        found = for_the_first(variables)
        first_alone(lambda: save_h5_weights(model, filepath, found, overwrite, max_shard_size, x))
    elif suffix == ".safetensors":
        found = for_the_first(variables)
        first_alone(lambda: save_safetensors(filepath, found, overwrite))
    else:
        write_directory(filepath, {"kind": "weights"}, dict(variables), overwrite)


def _check_shard_size(filepath: FilePath, gigabytes: float | None) -> None:
    sharded = os.fspath(filepath).endswith(".weights.json")
    if sharded != (gigabytes is not None) or (gigabytes is not None and not gigabytes > 0):
        raise ValueError(
            explain(
                "Weights in shards have the suffix .weights.json and a positive max_shard_size.",
                received=f"{os.fspath(filepath)!r}, max_shard_size={gigabytes!r}",
                write='model.save_weights("name.weights.json", variables, max_shard_size=5)   # gigabytes',
            )
        )


def load_weights(
    model: Model,
    filepath: FilePath,
    variables: VariablesLike,
    skip_mismatch: bool = False,
    *,
    by_name: bool = False,
    rename: Mapping[str, str] | None = None,
    allow: Sequence[str] | str = (),
    report: bool = False,
    x: PyTree = None,
) -> Variables | tuple[Variables, LoadReport]:
    """Variables from a file, checked against the ones given.

    Args:
        model: the model.
        filepath: what `save_weights`, `save` or a trainer's `save` wrote, a `.safetensors` file, or real Keras's
            `.weights.h5`, `.weights.json` or `.keras`; or an HDF5 file of Keras 1 or 2, of weights or of a whole model,
            whose layers are taken in their order.
        variables: what the model has now, or the state of a run; tells the paths, shapes and dtypes to expect.
        skip_mismatch: whether to keep the given values wherever the file has none that fits.
        by_name: of an HDF5 file of Keras 1 or 2, whether only the layers of the file's names are taken; all others keep
            the given values.
        rename: `{regular expression: replacement}` for the paths in the file, as `re.sub` takes them; the first one
            that is found in a path counts.
        allow: regular expressions of whole paths that may differ and then keep the given values, with or without
            the collection: `["head/.*"]`.
        report: whether to return `(variables, LoadReport)`.
        x: an example input, for a Keras file of weights and a model without a graph.

    Returns:
        New variables of the same structure; with `report=True` also what was loaded, skipped and renamed.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a path, shape or dtype that differs and was not allowed to, or a pattern that matches nothing;
            every mismatch is listed, and nothing is loaded.

    Warns:
        UserWarning: what `skip_mismatch=True` skipped, unless `report=True` returns it.

    >>> import fkeras as fk, jax, tempfile
    >>> old = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="body"), fk.nn.Dense(5, name="head")])
    >>> new = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="trunk"), fk.nn.Dense(1, name="head")])
    >>> variables = new.init(jax.random.key(1))
    >>> with tempfile.TemporaryDirectory() as place:
    ...     old.save_weights(f"{place}/w", old.init(jax.random.key(0)))
    ...     variables, report = new.load_weights(
    ...         f"{place}/w", variables, rename={"body/": "trunk/"}, allow=["head/.*"], report=True)
    >>> print(report)
    loaded 2, skipped 2, ignored 0
    renamed     params/body/bias -> params/trunk/bias
    renamed     params/body/kernel -> params/trunk/kernel
    mismatched  params/head/bias float32(5,) in the file, float32(1,) expected
    mismatched  params/head/kernel float32(2, 5) in the file, float32(2, 1) expected
    """
    filepath = to_read(filepath, "model.load_weights", '"model.weights.h5"')
    variables = check_arrays(variables, "load_weights", "path, variables")
    choice: MayDiffer = {"skip_mismatch": skip_mismatch, "rename": rename, "allow": allow}
    loaded: Variables
    kind = kind_of(filepath)
    if kind == HDF5 and has_layer_names(filepath):
        _check_no_rename(filepath, rename)
        loaded, differences = load_old_weights(model, filepath, variables, x, by_name, **choice)
    elif by_name:
        raise ValueError(
            explain(
                "Only HDF5 files of Keras 1 and 2 are read by the names of layers.",
                received=f"{os.fspath(filepath)!r}, by_name=True",
                usually="other files have paths, each of which is compared.",
                write='model.load_weights(path, variables, allow=["head/.*"])   # or skip_mismatch=True',
            )
        )
    elif kind in (HDF5, ZIP) or suffix_of(filepath) == ".json":
        loaded, differences = load_h5_weights(model, filepath, variables, x, **choice)
    elif suffix_of(filepath) == ".safetensors":
        loaded, differences = load_safetensors(filepath, variables, **choice)
    else:
        loaded, differences = _load_directory(filepath, variables, choice)
    if report:
        return loaded, differences
    if skip_mismatch:
        _warn_of_skipped(filepath, differences)
    return loaded


def _warn_of_skipped(filepath: FilePath, differences: LoadReport) -> None:
    """Name what keeps its value: who skips whatever differs may have meant less of it."""
    left = {"Kept as given": differences.skipped, "Of the file, not used": tuple(differences.unexpected)}
    if any(left.values()):
        lists = [f"{what}: {textwrap.shorten(', '.join(names), 400)}" for what, names in left.items() if names]
        warnings.warn(
            f"load_weights(skip_mismatch=True) loaded {len(differences.loaded)} arrays of {os.fspath(filepath)!r}. "
            + ". ".join(lists)
            + ". report=True returns all of it in place of this warning.",
            stacklevel=5,
        )


def _check_no_rename(filepath: FilePath, rename: Mapping[str, str] | None) -> None:
    if rename:
        raise ValueError(
            explain(
                "The HDF5 files of Keras 1 and 2 have an order of layers and no paths that could be renamed.",
                received=f"{os.fspath(filepath)!r}, rename={dict(rename)!r:.80}",
                write="model.load_weights(path, variables, by_name=True)",
            )
        )


def _load_directory(filepath: FilePath, variables: Variables, may_differ: MayDiffer) -> tuple[Variables, LoadReport]:
    """Variables from an Orbax directory, and what was loaded; only the arrays that are taken are read."""
    check_is_directory(filepath)
    directory = last_of(filepath)
    manifest = read_manifest(directory, ("weights", "model", "trainer"))
    report = compare(spec_of(dict(variables), naming(manifest)), specs_of_variables(manifest), **may_differ)
    report.require(f"{directory}")
    places = places_of_variables(manifest)
    wanted = {here: places[path] for here, path in report.loaded.items()}
    arrays = read_arrays(directory, manifest, set(wanted.values()))
    loaded = {here: arrays[at] for here, at in wanted.items()}
    return with_arrays(dict(variables), loaded, naming(manifest)), report
