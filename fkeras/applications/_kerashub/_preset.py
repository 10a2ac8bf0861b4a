"""A directory that KerasHub's `save_to_preset` wrote, opened as a model of a family here; nothing of KerasHub is run.

    config.json                         the backbone: its class and arguments
    model.weights.h5, or …json          its weights, or a map of their shards
    task.json, task.weights.h5          what is on top of it
    tokenizer.json, preprocessor.json, metadata.json, assets/   not read for the model

Reference: https://keras.io/keras_hub/guides/upload/
"""

from __future__ import annotations

import pathlib
import warnings
from collections.abc import Mapping

import numpy as np

from ...checkpoint import load_arrays
from ...core import Model, explain, spec_of
from ...core.typing import JSON, Variables
from .._pretrained._names import check_names, places, read_variables
from ._bert import BERT
from ._described import read_described
from ._family import Family, Opened
from ._gpt2 import GPT2_FAMILY
from ._llama import LLAMA, LLAMA_3, MISTRAL, QWEN
from ._names import by_name
from ._vit import VIT

FAMILIES: tuple[Family, ...] = (BERT, GPT2_FAMILY, LLAMA, LLAMA_3, MISTRAL, QWEN, VIT)
_CONFIG, _TASK = "config.json", "task.json"


def is_preset(fields: Mapping[str, JSON]) -> bool:
    """Whether the fields of a `config.json` are KerasHub's: a class of Keras's kind, by its registered name."""
    return "registered_name" in fields and "config" in fields


def load_preset(directory: str, dtype_policy: str | None = None) -> tuple[Model, Variables]:
    """The model of a preset, with its weights.

    Args:
        directory: what `save_to_preset` wrote.
        dtype_policy: the model's; by default float32, whatever the file has, as in KerasHub.

    Returns:
        `(model, variables)`: the task where there is one, else the backbone.

    Raises:
        ValueError: a backbone that is not built here, arguments that are not known, or weights that do not fit.

    Warns:
        UserWarning: a task that is not built here, or weights that the model does not use.
    """
    place = pathlib.Path(directory)
    opened, family = _described_in(place)
    model = opened.model if dtype_policy is None else opened.model.with_dtype_policy(dtype_policy)
    specs = spec_of(model.abstract_variables())
    expected = places(opened.rows, specs)
    found = _weights(place, family, any(name.startswith("task:") for name in expected))
    unused = [name for name in list(found) if name in opened.unused and found.pop(name) is not None]
    if unused:
        warnings.warn(
            f"{directory!r}: weights that the model does not use are left out: {', '.join(sorted(unused))}",
            stacklevel=3,
        )
    check_names(
        expected,
        {name: (array.shape, array.dtype.name) for name, array in found.items()},
        repr(directory),
        "a directory that keras_hub's save_to_preset wrote",
    )
    return model, read_variables(expected, specs, lambda name: np.asarray(found.pop(name)))


# ------------------------------------------------------------------ what is in the directory
def _described_in(place: pathlib.Path) -> tuple[Opened, Family]:
    """The model that a preset describes."""
    backbone = read_described(_inside(place, _CONFIG))
    family = next((f for f in FAMILIES if f.backbone == backbone.name), None)
    if family is None:
        raise _unknown(place, backbone.name)
    task = read_described(_inside(place, _TASK)) if (place / _TASK).exists() else None
    if task is not None and task.name not in family.tasks:
        warnings.warn(
            f"{str(place)!r}: the task {task.name.rpartition('>')[2]} is not built here; its backbone is opened. Tasks "
            f"that are: {', '.join(sorted(name.rpartition('>')[2] for name in family.tasks))}.",
            stacklevel=4,
        )
        task = None
    if task is None:
        opened = family.opens(backbone)
    else:
        inner = task.inner("backbone")
        if inner is None or not inner.same_arguments(backbone):
            raise ValueError(
                explain(
                    f"{str(place)!r}: {_TASK} describes another backbone than {_CONFIG}.",
                    usually="files of two presets in one directory.",
                    write=f"the directory without {_TASK}, for the backbone alone",
                )
            )
        task.passed("preprocessor")
        opened = family.tasks[task.name](backbone, task)
        task.check_all_asked()
    backbone.check_all_asked()
    return opened, family


def _unknown(place: pathlib.Path, name: str) -> ValueError:
    known = ", ".join(f.backbone.rpartition(">")[2] for f in FAMILIES)
    return ValueError(
        explain(
            f"{str(place)!r} is a preset of KerasHub's {name.rpartition('>')[2][:80]}, which is not built here.",
            received=f"{name[:80]!r}; backbones that open: {known}",
            usually="KerasHub has some eighty backbones. Where it is installed, its live model is taken over.",
            write=f"model, variables = fk.from_keras(keras_hub.models.Backbone.from_preset({str(place)!r}))",
        )
    )


def _weights(place: pathlib.Path, family: Family, with_task: bool) -> dict[str, np.ndarray]:
    """All weights of a preset, by the names that the tables have."""
    sharded = not (place / "model.weights.h5").exists() and (place / "model.weights.json").exists()
    found = _read(place, "model", ".weights.json" if sharded else ".weights.h5", family)
    return {**found, **(_read(place, "task", ".weights.h5", family) if with_task else {})}


def _read(place: pathlib.Path, file: str, suffix: str, family: Family) -> dict[str, np.ndarray]:
    return by_name(file, load_arrays(_inside(place, file + suffix)), family.repeated)


def _inside(place: pathlib.Path, name: str) -> pathlib.Path:
    """A file of the directory. A link may lead to a hub's store of files beside its snapshots, and nowhere else.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is a link out of the directory.
    """
    path = place / name
    if not path.is_file():
        raise FileNotFoundError(
            explain(
                f"There is no file {str(path)!r}.",
                received=", ".join(sorted(p.name for p in place.iterdir())[:20]),
                usually="a download that broke off.",
                write="keras_hub's save_to_preset(directory), or its whole download",
            )
        )
    home = place.resolve()
    stores = [home, *([home.parents[1] / "blobs"] if home.parent.name == "snapshots" else [])]
    if not any(path.resolve().is_relative_to(store) for store in stores):
        raise ValueError(explain(f"{str(path)!r} is a link out of the directory.", usually="a file made to harm."))
    return path
