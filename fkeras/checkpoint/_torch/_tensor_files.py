"""The tensors of one `.safetensors` file, or of several with an index, as other programs write them.

    model.safetensors
    model.safetensors.index.json   "weight_map": {name: file}; model-00001-of-00002.safetensors, …

Reference: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from ...core import MOST_BYTES, explain, read_json, to_read
from ...core.typing import JSON, ArrayLike, FilePath
from .._files._atomic_file import whole_file
from .._files._processes import first_alone
from .._files._tree_arrays import ArraySpecs
from .._safetensors._tensor_file import TensorFile, library

_FILE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


class TensorFiles:
    """Named tensors that lie in one file or in several, opened for reading.

    Args:
        filepath: a `.safetensors` file, an index (`.safetensors.index.json`) of several, or a directory that has
            `model.safetensors` or its index.

    Attributes:
        label: the file, or the directory of several.
        specs: shape and dtype of each tensor, by name.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a pickle of torch's, which is not read; a damaged file, or an index that its files do not fit.

    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     save_tensors(f"{place}/model.safetensors", {"linear.weight": np.ones((2, 3), "float32")})
    ...     with TensorFiles(place) as file:
    ...         file.specs, file.read("linear.weight").sum()
    ({'linear.weight': ((2, 3), 'float32')}, np.float32(6.0))
    """

    label: str
    specs: ArraySpecs

    def __init__(self, filepath: FilePath) -> None:
        path = pathlib.Path(to_read(filepath, "fk.checkpoint.TensorFiles", '"model.safetensors"'))
        self._open = contextlib.ExitStack()
        path = _in_directory(path) if path.is_dir() else path
        self.label = str(path)
        if path.suffix in _PICKLES:
            raise ValueError(_is_pickle(path))
        if path.name.endswith(".index.json"):
            self.label = str(path.parent)
            self._files = self._indexed(path)
        else:
            file = TensorFile(path)
            self._files = dict.fromkeys(file.specs, file)
            self._open.push(file.__exit__)
        self.specs = {name: file.specs[name] for name, file in self._files.items()}

    def _indexed(self, index: pathlib.Path) -> dict[str, TensorFile]:
        """The file of each tensor that an index names, all of them opened."""
        names = _weight_map(index)
        files: dict[str, TensorFile] = {}
        for name in sorted(set(names.values())):
            files[name] = TensorFile(index.parent / name)
            self._open.push(files[name].__exit__)
        found = {tensor: name for name, file in files.items() for tensor in file.specs}
        wrong = sorted(tensor for tensor, name in names.items() if found.get(tensor) != name)
        if wrong:
            raise ValueError(
                explain(
                    f"{str(index)!r} names tensors that its files do not have.",
                    received=", ".join(wrong[:10]) + (f", … ({len(wrong) - 10} more)" if len(wrong) > 10 else ""),
                    usually="files of two downloads, or an index that was edited.",
                )
            )
        return {tensor: files[name] for tensor, name in names.items()}

    def read(self, name: str) -> np.ndarray:
        """One tensor, in the dtype that the file has.

        Args:
            name: its name.

        Returns:
            The array.
        """
        return self._files[name].read(name)

    def __enter__(self) -> TensorFiles:
        return self

    def __exit__(self, *details: object) -> None:
        self._open.close()


def save_tensors(filepath: FilePath, tensors: Mapping[str, ArrayLike], overwrite: bool = True) -> None:
    """Write named arrays as a `.safetensors` file under their names, which torch's programs read.

    Args:
        filepath: the file to make.
        tensors: the arrays.
        overwrite: whether a file that is already there may be replaced.

    Raises:
        FileExistsError: something is there and `overwrite` is false.

    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     save_tensors(f"{place}/x.safetensors", {"x": np.arange(3)})
    ...     TensorFiles(f"{place}/x.safetensors").read("x")
    array([0, 1, 2])
    """
    arrays = {name: np.asarray(array, order="C") for name, array in tensors.items()}

    def write() -> None:
        with whole_file(filepath, overwrite) as target:
            library().numpy.save_file(arrays, target, metadata={"format": "pt"})

    first_alone(write)


def _in_directory(path: pathlib.Path) -> pathlib.Path:
    """The file of weights that a directory has."""
    for name in (_INDEX, _FILE):
        if (path / name).is_file():
            return path / name
    pickles = sorted(p for p in path.iterdir() if p.suffix in _PICKLES or p.name.endswith(".bin.index.json"))
    if pickles:
        raise ValueError(_is_pickle(pickles[0]))
    found = sorted(p.name for p in path.iterdir())
    raise FileNotFoundError(
        explain(
            f"{str(path)!r} has no {_FILE}.",
            received=", ".join(found[:10]) or "an empty directory",
            usually="a download of the config alone, or a wrong directory.",
        )
    )


def _is_pickle(path: pathlib.Path) -> str:
    return explain(
        f"{str(path)!r} is a pickle, which can run any code when it is opened, and is not read.",
        received=path.name,
        usually="weights that torch.save wrote; nearly every public model has model.safetensors beside them.",
        write='safetensors.torch.save_file(torch.load("'
        f'{path.name}", weights_only=True), "model.safetensors")   # once, where torch is installed',
    )


def _weight_map(index: pathlib.Path) -> dict[str, str]:
    """An index's file of each tensor; files beside the index only."""
    if not index.is_file():
        raise FileNotFoundError(explain(f"There is no file {str(index)!r}.", usually="a wrong path."))
    with index.open("rb") as file:
        said: JSON = read_json(file.read(MOST_BYTES + 1), repr(str(index)))
    names = said.get("weight_map") if isinstance(said, dict) else None
    if not isinstance(names, dict) or not names or not all(_is_beside(file) for file in names.values()):
        raise ValueError(
            explain(
                f"{str(index)!r} is no index of .safetensors files.",
                received=f"weight_map={names!r:.80}",
                usually="the index of another format, or files that do not lie beside it.",
                write='{"weight_map": {"linear.weight": "model-00001-of-00002.safetensors"}}',
            )
        )
    return {str(tensor): str(file) for tensor, file in names.items()}


def _is_beside(file: object) -> bool:
    return isinstance(file, str) and file.endswith(".safetensors") and os.path.basename(file) == file
