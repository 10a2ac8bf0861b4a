"""Directories of pretrained models as they are published: `config.json` and `model.safetensors`."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...checkpoint import TensorFiles, save_tensors
from ...core import ArraySpec, Model, as_path, check_variables, explain, flatten, spec_of, to_read
from ...core.typing import FilePath, Variables, VariablesLike
from .._kerashub._preset import is_preset, load_preset
from . import _config_file as config_file
from ._family import Family, family_of
from ._names import check_names, places, read_variables

FILE = "model.safetensors"
# How transformers continues texts by default: the numbers of tokens that end one, a temperature.
_GENERATION = "generation_config.json"


def load_pretrained(directory: FilePath, dtype_policy: str | None = None) -> tuple[Model, Variables]:
    """A model and its weights from a directory as models are published, by the `model_type` of its `config.json`.

    The model is one of the catalogue's layers, as if it had been written by hand: it trains, generates, freezes, takes
    changes of low rank and quantises like any other.

    Args:
        directory: it has `config.json`, and `model.safetensors` or several files with
            `model.safetensors.index.json`; or a preset of KerasHub's, which `save_to_preset` wrote. Nothing is
            downloaded, and no code in it is run.
        dtype_policy: the model's: `"mixed_bfloat16"`, or `"bfloat16"` to keep the weights so too. By default float32;
            weights that the file has in half precision are read into it.

    Returns:
        `(model, variables)`.

    Raises:
        FileNotFoundError: no config or no weights.
        ValueError: a family or a field that is not built here, a pickle in place of weights, or names and shapes that
            do not fit the config; every mismatch is listed.

    Warns:
        UserWarning: fields of the config that are not known, or weights of another task, which are left out.

    >>> import fkeras as fk, tempfile
    >>> config = fk.applications.GPT2Config(vocab_size=9, n_positions=8, n_embd=4, n_layer=1, n_head=2)
    >>> model = fk.applications.GPT2(config)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     fk.applications.save_pretrained(place, model, model.init(0))
    ...     again, variables = fk.applications.load_pretrained(place)
    >>> again == model, again.apply(variables, [[1, 2, 3]]).shape
    (True, (1, 3, 9))
    """
    directory = to_read(directory, "fk.applications.load_pretrained", '"gpt2"')
    fields = config_file.read_file(directory)
    if is_preset(fields):
        return load_preset(directory, dtype_policy)
    family = family_of(fields.get("model_type"))
    config = family.read_config(fields)
    with TensorFiles(directory) as file:
        names = {_bare(name, family): name for name in file.specs}
        config = family.with_names(config, names)
        model = family.build(config)
        if dtype_policy is not None:
            model = model.with_dtype_policy(dtype_policy)
        return model, _read(file, names, family, config, model)


def save_pretrained(
    directory: FilePath, model: Model, variables: VariablesLike, *, config: Any = None, overwrite: bool = True
) -> None:
    """Write a model as it would be published: `config.json` and `model.safetensors`, under the family's public names.

    Args:
        directory: the directory, which is made.
        model: a model of one of the families, as `load_pretrained` or `GPT2(config)` makes it.
        variables: its variables, or the state of a run.
        config: what the model came from: a directory, or what `read_config` returns of one. Each field that the model
            still says the same goes back as it is there, and so do those that no layer says: numbers of tokens, names
            of classes. Of a directory `generation_config.json` goes along. By default what the layers say is written.
        overwrite: whether files that are there may be replaced.

    Raises:
        FileExistsError: one of the files is there and `overwrite` is false.
        ValueError: a model of no family, or one with layers of its own.
        TypeError: a config of another family.

    Warns:
        UserWarning: fields of the config that no layer says, and that are not written without `config`.

    >>> import fkeras as fk, os, tempfile
    >>> config = fk.applications.GPT2Config(vocab_size=9, n_positions=8, n_embd=4, n_layer=1, n_head=2)
    >>> model = fk.applications.GPT2(config)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     fk.applications.save_pretrained(place, model, model.init(0))
    ...     sorted(os.listdir(place))
    ['config.json', 'model.safetensors']
    """
    path = pathlib.Path(as_path(directory, "fk.applications.save_pretrained", '"my_gpt2"'))
    variables = check_variables(model, variables, "save_pretrained")
    family = family_of(model.name, "the name of the model")
    described, source = config is None, None
    if isinstance(config, (str, os.PathLike)):
        source = pathlib.Path(to_read(config, "fk.applications.save_pretrained", '"gpt2"'))
        config = read_config(source)
    config = _config_of(family, model, config)
    arrays = {name: np.asarray(array) for name, array in flatten(dict(variables)).items()}
    specs = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
    found = places(family.rows(config), specs)
    along = source / _GENERATION if source is not None and (source / _GENERATION).is_file() else None
    writes = (FILE, config_file.FILE, *([_GENERATION] if along else ()))
    if not overwrite and any((path / name).exists() for name in writes):
        raise FileExistsError(
            explain(f"{str(path)!r} has a model.", received="overwrite=False", write="another path, or overwrite=True")
        )
    if described and family.not_in_model:
        names = ", ".join(family.not_in_model)
        warnings.warn(
            f"save_pretrained does not write {names}, which no layer of the model says: "
            "config=directory, the one it came from, has it, and the numbers of tokens.",
            stacklevel=2,
        )
    fields = family.write_config(config)  # what cannot be said leaves no file behind
    generation = None if along is None else along.read_bytes()
    path.mkdir(parents=True, exist_ok=True)
    save_tensors(path / FILE, {name: place.write(arrays) for name, place in found.items()})
    left = family.not_in_model if described else ()
    config_file.write_file(path, {name: value for name, value in fields.items() if name not in left})
    if generation is not None:
        (path / _GENERATION).write_bytes(generation)


def _config_of(family: Family, model: Model, given: Any) -> Any:
    """The config of a model: each field as it was given where the layers say what those of that config do.

    Raises:
        ValueError: layers that the family does not have, and no config given.
        TypeError: a config of another family.
    """
    try:
        said = family.config_of(model)
    except (AttributeError, LookupError, ValueError, TypeError) as error:
        if given is not None:
            return given
        raise ValueError(
            explain(
                f"The model {model.name!r} has other layers than those of its family.",
                received=str(error).splitlines()[0][:200],
                usually="a model of one's own under the name of a family, or one with layers put in.",
                write="fk.applications.save_pretrained(directory, model, variables, config=config)",
            )
        ) from None
    if given is None:
        return said
    if type(given) is not type(said):
        raise TypeError(
            explain(
                f"A model {model.name!r} is described by a {type(said).__name__}.",
                received=f"config={given!r:.120}",
                usually="the config of another model, or the fields of a config.json.",
                write="config=fk.applications.read_config(directory)",
            )
        )
    before = family.config_of(family.build(given))
    names = [
        field.name for field in dataclasses.fields(said) if getattr(said, field.name) == getattr(before, field.name)
    ]
    return dataclasses.replace(said, **{name: getattr(given, name) for name in {*names, "others"}})


def read_config(directory: FilePath) -> Any:
    """The config of a pretrained model, from a directory's `config.json`.

    Args:
        directory: where it is; weights need not be there.

    Returns:
        The config of its family, `GPT2Config` or another: the argument of the function that makes the model, which
        `model.init` gives new weights, and `dataclasses.replace` makes another of.

    Raises:
        FileNotFoundError: no config.
        ValueError: a family or a field that is not built here.

    >>> import fkeras as fk, json, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = pathlib.Path(place, "config.json").write_text(json.dumps({"model_type": "gpt2", "n_layer": 3}))
    ...     fk.applications.read_config(place).n_layer
    3
    """
    directory = to_read(directory, "fk.applications.read_config", '"gpt2"')
    fields = config_file.read_file(directory)
    if is_preset(fields):
        raise ValueError(
            explain(
                f"{directory!r} is a preset of KerasHub's, whose config.json has other fields than the public ones.",
                received=f"registered_name={fields['registered_name']!r:.80}",
                write="model, variables = fk.applications.load_pretrained(directory); save_pretrained without config=",
            )
        )
    return family_of(fields.get("model_type")).read_config(fields)


def _read(file: TensorFiles, names: Mapping[str, str], family: Family, config: Any, model: Model) -> Variables:
    """A model's variables from the files of weights, each name and shape compared before one is read."""
    specs: Mapping[str, ArraySpec] = spec_of(model.abstract_variables())
    expected = {_bare(name, family): place for name, place in places(family.rows(config), specs).items()}
    left = _left_out(names, expected, family, config)
    found = {bare: file.specs[name] for bare, name in names.items() if bare not in left}
    check_names(expected, found, file.label, "fk.load_weights(model, path, rename={...}), for other names")
    return read_variables(expected, specs, lambda bare: file.read(names[bare]))


def _bare(name: str, family: Family) -> str:
    """A public name as it is today, without what it may begin with or not."""
    for pattern, replacement in family.renamed.items():
        name = re.sub(pattern, replacement, name)
    return next((name.removeprefix(p) for p in family.prefixes if name.startswith(p)), name)


def _left_out(names: Mapping[str, str], expected: Mapping[str, object], family: Family, config: Any) -> set[str]:
    """What of a file is not read: what is no weight of such a model, and weights of another task, with a warning."""
    others = [name for name in names if name not in expected]
    unread = {name for name in others if any(re.fullmatch(p, name) for p in family.unread(config))}
    tasks = {name for name in others if any(re.fullmatch(p, name) for p in family.left_out)} - unread
    if tasks:
        warnings.warn(
            "load_pretrained leaves out weights that are for another task: " + ", ".join(sorted(tasks)), stacklevel=4
        )
    return unread | tasks
