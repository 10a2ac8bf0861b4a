"""The layers of a file of Keras 1 to 3: their names and arrays, in the file's order."""

from __future__ import annotations

from ...core import explain
from .._keras._optimizer_arrays import ArrayInFile
from ._old_file import OldFile

#: The group of weights that belong to the model and to none of its layers.
TOP = "top_level_model_weights"


def layers_in_file(file: OldFile, group: str) -> dict[str, list[ArrayInFile]]:
    """The arrays of each layer that has some, by the layer's name without slashes, in the file's order.

    Args:
        file: the file.
        group: where the weights are: `"model_weights"`, or the file itself.

    Raises:
        ValueError: names of layers or arrays that are not there, or twice.
    """
    names = file.names(group, "layer_names")
    if names is None:
        raise ValueError(
            explain(
                f"{file.label!r} does not say which layers it has.",
                received="no attribute layer_names",
                usually="no file of Keras, or a damaged one.",
                write="a file that keras or fkeras wrote",
            )
        )
    found: dict[str, list[ArrayInFile]] = {}
    taken: set[str] = set()
    for name in [*names, *([TOP] if file.has(_join(group, TOP)) and TOP not in names else [])]:
        at, name = _join(group, name), name.replace("/", "_")  # Keras 3 takes no slashes in the names of layers
        if name in found:
            raise _damaged(file, f"the layer {name[:80]!r} twice")
        if not name or not file.has(at):
            raise _damaged(file, f"no group of the layer {name[:80]!r}")
        found[name] = arrays_in_group(file, at)
        twice = taken & {array.path for array in found[name]}
        if twice:
            raise _damaged(file, f"{sorted(twice)[0][:200]!r} twice")
        taken |= {array.path for array in found[name]}
    return {name: arrays for name, arrays in found.items() if arrays}


def arrays_in_group(file: OldFile, group: str) -> list[ArrayInFile]:
    """The arrays that the attribute `weight_names` of a group lists, in its order.

    Raises:
        ValueError: one that is not there, or is listed twice.
    """
    found: dict[str, ArrayInFile] = {}
    for weight in file.names(group, "weight_names") or []:
        path = _join(group, weight)
        if path not in file.specs or path in found:
            raise _damaged(file, f"no array {path[:200]!r}" if path not in file.specs else f"{path[:200]!r} twice")
        found[path] = ArrayInFile(weight, path, file.specs[path])
    return list(found.values())


def _join(group: str, name: str) -> str:
    """The path of what has a name in a group; HDF5 takes several slashes for one."""
    return "/".join(part for part in f"{group}/{name}".split("/") if part)


def _damaged(file: OldFile, received: str) -> ValueError:
    return ValueError(
        explain(
            f"The weights in {file.label!r} cannot be read.",
            received=received,
            usually="a damaged file.",
            write="a file that keras or fkeras wrote",
        )
    )
