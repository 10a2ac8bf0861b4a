"""What is said of files that no part of fkeras reads, as something else wrote them."""

from __future__ import annotations

import dataclasses
import pathlib
import zipfile

from ...core import Explanation, explain
from ...core.typing import FilePath
from ._contents import HDF5_SUFFIXES, PICKLE, TEXT, UNKNOWN, ZIP, contents_of

_TENSORFLOW = "a TensorFlow SavedModel is a program, and its variables are in a form that only TensorFlow reads."
_KERAS_WRITES = 'model.save("model.h5")   # in Keras, where the model was made; fk.load_model("model.h5") here'


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A kind of file that is not read.

    Attributes:
        what: what it is called.
        received: how it is told.
        usually: what such a file holds.
        write: what to do.
    """

    what: str
    received: str
    usually: str
    write: str


_TORCH = _Kind(
    "a file of torch.save",
    "a zip with data.pkl",
    "it holds a pickle, and reading a pickle runs code from it.",
    'safetensors.torch.save_file(torch.load(path, weights_only=True), "w.safetensors")   # in torch;\n'
    'variables = fk.load_weights(model, "w.safetensors", transpose="auto") here',
)
_TFLITE = _Kind(
    "a TensorFlow Lite model",
    "a file that says TFL3",
    "it is a program for small devices, whose weights may be rounded and whose layers are merged.",
    _KERAS_WRITES,
)
_ONNX = _Kind(
    "an ONNX model",
    "a file of ONNX's protocol buffers",
    "it is a graph of operations, and no description of layers.",
    _KERAS_WRITES,
)
_NUMPY = _Kind(
    "an archive of NumPy arrays",
    "a zip of .npy files",
    "np.savez wrote it; it does not say what model the arrays belong to.",
    "arrays = dict(np.load(path)); variables = {'params': {'dense': {'kernel': arrays['kernel'], ...}}}",
)
_YAML = _Kind(
    "a description of a model in YAML",
    "a text of model.to_yaml()",
    "Keras 1 and 2 wrote it; Keras took it out, as YAML can name any code to run.",
    "yaml.safe_load(open(path)); fk.model_from_json(json.dumps(that))   # model.to_json() writes JSON",
)
_PACKED = _Kind(
    "a compressed file", "what gzip, bzip2, xz or tar writes", "a model was packed for a download.", "it unpacked"
)
_ONE_ARRAY = _Kind("one NumPy array", "a file of np.save", "it is data, and no model.", "np.load(path)")
_OF_SUFFIX = {
    ".tflite": _TFLITE,
    ".onnx": _ONNX,
    ".yaml": _YAML,
    ".yml": _YAML,
}
_OF_START = {
    b"\x1f\x8b": _PACKED,
    b"BZh": _PACKED,
    b"\xfd7zXZ": _PACKED,
    b"\x93NUMPY": _ONE_ARRAY,
}


def foreign(path: FilePath) -> Explanation | None:
    """What is said of a path that no part of fkeras reads, as something else wrote it; `None` of any other.

    SavedModels and checkpoints of TensorFlow, TensorFlow Lite, ONNX, files of torch, NumPy and pickle, YAML, packed
    files, and text where a binary file is named.
    """
    place = pathlib.Path(path)
    if place.is_dir():
        if (place / "saved_model.pb").is_file() or (place / "saved_model.pbtxt").is_file():
            return explain(
                f"{str(place)!r} is a TensorFlow SavedModel, which is not read.",
                received="a directory with saved_model.pb",
                usually=_TENSORFLOW,
                write='tf.keras.models.load_model(path).save("model.h5")   # in TensorFlow; fk.load_model("model.h5")',
            )
        return None
    index = place.with_name(place.name + ".index")
    is_part = place.suffix == ".index" or ".data-" in place.name
    if (is_part and place.exists()) or (not place.exists() and index.is_file()):
        return explain(
            f"{str(place)!r} is a TensorFlow checkpoint, which is not read.",
            received="files of .index and .data-00000-of-00001",
            usually="Keras 2 wrote it in save_weights, as no suffix .h5 was given.",
            write='model.save_weights("w.h5")   # in Keras 2, after its load_weights; that file is read here',
        )
    kind = contents_of(place)
    if kind == PICKLE and place.suffix not in (".safetensors",):
        return explain(
            f"{str(place)!r} is a Python pickle, which is not read.",
            received="a file that begins as pickles do",
            usually="reading a pickle runs code from it. torch.save, joblib and pickle.dump write such files.",
            write="a file of numbers: .h5, .keras or .safetensors",
        )
    if place.suffix == ".pb":
        return explain(
            f"{str(place)!r} is a TensorFlow graph, which is not read.",
            received="a file of TensorFlow's protocol buffers",
            usually=_TENSORFLOW,
            write='model.save("model.h5")   # in Keras; fk.load_model("model.h5") here',
        )
    if kind == TEXT and (place.suffix in HDF5_SUFFIXES or (place.suffix == ".keras" and _is_a_page(place))):
        return explain(
            f"{str(place)!r} is text, and no model.",
            received=_start(place),
            usually="a page of a web server, or a pointer of Git LFS, in the place of the file.",
            write="the file downloaded again (git lfs pull); of JSON, fk.model_from_json(open(path).read())",
        )
    other = _kind_of_file(place, kind)
    if other is not None:
        return explain(
            f"{str(place)!r} is {other.what}, which is not read.",
            received=other.received,
            usually=other.usually,
            write=other.write,
        )
    return None


def _kind_of_file(place: pathlib.Path, kind: str) -> _Kind | None:
    """What a file is that other libraries write; `None` of one that may be read."""
    if kind == ZIP:
        return _kind_of_zip(place)
    if kind != UNKNOWN:
        return _OF_SUFFIX.get(place.suffix) if kind == TEXT else None
    with place.open("rb") as file:
        start = file.read(16)
    if start[4:8] == b"TFL3":
        return _TFLITE
    return next((found for magic, found in _OF_START.items() if start.startswith(magic)), _OF_SUFFIX.get(place.suffix))


def _kind_of_zip(place: pathlib.Path) -> _Kind | None:
    try:
        with zipfile.ZipFile(place) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, UnicodeDecodeError, NotImplementedError):
        return None  # damaged, as whoever reads it will say
    if any(name.endswith("/data.pkl") for name in names):
        return _TORCH
    return _NUMPY if names and all(name.endswith(".npy") for name in names) else None


def _is_a_page(place: pathlib.Path) -> bool:
    """Whether text is a page of a web server, or a pointer of Git LFS."""
    with place.open("rb") as file:
        return file.read(60).lstrip().lower().startswith((b"<", b"version https://git-lfs"))


def _start(place: pathlib.Path) -> str:
    with place.open("rb") as file:
        return repr(file.read(60).decode("utf-8", "replace"))
